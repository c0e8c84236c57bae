"""Encoders: what they must not depend on, what they must see, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import correlate

from tests.inference.sbi.fresh import box, fresh_posterior
from wilks._base.errors import InvalidOption
from wilks.inference.sbi.convolutions import Histogram1d, Image2d, convolved
from wilks.inference.sbi.embeddings import BlockEncoder, Identity, Mlp, SetEncoder

GENERATOR = np.random.default_rng(5)
LAYOUT = {"events.mask": (6,), "events.values": (6, 3), "image": (9, 7), "spectrum": (21,)}
FAMILY = {
    "identity": Identity(),
    "perceptron": Mlp(hidden=(8,)),
    "blocks": BlockEncoder(hidden=(8,), features=4),
    "sets": SetEncoder("events", hidden=(8, 8)),
    "spectrum": Histogram1d("spectrum", channels=(3, 5), hidden=(8,)),
    "picture": Image2d("image", channels=(2, 3), hidden=(8,)),
}


def data():
    blocks = {name: GENERATOR.normal(size=shape).astype(np.float32) for name, shape in LAYOUT.items()}
    blocks["events.mask"] = np.array([1, 1, 1, 1, 0, 0], dtype=np.float32)
    return {name: jnp.asarray(block) for name, block in blocks.items()}


def built(name):
    return FAMILY[name].build(jax.random.key(3), LAYOUT, 2)


@pytest.mark.parametrize("name", FAMILY)
def test_every_number_of_the_data_is_seen(name):
    encoder, blocks = built(name), data()
    slopes = jax.jacobian(lambda b: encoder({**b, "events.mask": blocks["events.mask"]}))(
        {n: b for n, b in blocks.items() if n != "events.mask"}
    )
    assert encoder(blocks).shape == (encoder.features,)
    assert encoder(blocks).dtype == jnp.float32
    for block, slope in slopes.items():
        seen = np.abs(np.asarray(slope)).max(axis=0) > 0
        expected = np.ones(LAYOUT[block], dtype=bool)
        if name == "sets" and block == "events.values":
            expected[4:] = False  # padding
        assert np.array_equal(seen, expected), block


def test_sets_do_not_depend_on_order_or_padding():
    encoder, blocks = built("sets"), data()
    order = np.array([2, 4, 0, 5, 3, 1])
    moved = {**blocks, "events.values": blocks["events.values"][order], "events.mask": blocks["events.mask"][order]}
    padded = {**blocks, "events.values": blocks["events.values"].at[4:].set(99.0)}
    assert np.asarray(encoder(moved)) == pytest.approx(np.asarray(encoder(blocks)), abs=1e-5)
    assert np.array_equal(encoder(padded), encoder(blocks))


@pytest.mark.parametrize("shape", [(11,), (6, 9)])
def test_a_layer_is_the_correlation_with_its_kernel_at_every_second_place(shape):
    y = GENERATOR.normal(size=(2, *shape)).astype(np.float32)
    kernel = GENERATOR.normal(size=(3, 2, *(3 for _ in shape))).astype(np.float32)
    bias = np.array([0.5, -1.0, 2.0], dtype=np.float32)
    found = convolved(jnp.asarray(y), jnp.asarray(kernel), jnp.asarray(bias))
    for i in range(3):
        full = sum(correlate(y[j], kernel[i, j], mode="same") for j in range(2))
        expected = full[tuple(slice(None, None, 2) for _ in shape)] + bias[i]
        assert np.asarray(found[i]) == pytest.approx(expected, abs=1e-5)


def test_a_spectrum_that_moves_by_whole_strides_moves_its_features():
    kernel, bias = jnp.asarray(GENERATOR.normal(size=(4, 1, 5)).astype(np.float32)), jnp.zeros(4, jnp.float32)
    peak = np.zeros((1, 40), dtype=np.float32)
    peak[0, 16:19] = 1.0
    here, there = (convolved(jnp.asarray(y), kernel, bias) for y in (peak, np.roll(peak, 6, axis=1)))
    assert np.asarray(there) == pytest.approx(np.roll(np.asarray(here), 3, axis=1), abs=1e-6)


@pytest.mark.parametrize("encoder", [Histogram1d(), Image2d()], ids=["spectrum", "picture"])
def test_the_only_block_that_fits_needs_no_name_and_a_posterior_takes_the_encoder(encoder):
    layout = {"bins": (16,)} if isinstance(encoder, Histogram1d) else {"pixels": (6, 8)}
    posterior = fresh_posterior(box(1), layout, encoder=encoder)
    ((name, shape),) = layout.items()
    assert posterior.sample(1, {name: np.zeros(shape)}, 10).draws.shape == (1, 10, 1)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (Histogram1d("image"), r"Histogram1d: block 'image' must be an array of 1 dimension; the data have"),
        (Histogram1d(), "name the block"),  # the mask of the events has one dimension, too
        (Image2d("other"), "Image2d: block 'other' must be an array of 2 dimensions"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(encoder, message):
    with pytest.raises(InvalidOption, match=message):
        encoder.build(jax.random.key(0), LAYOUT, 1)


@pytest.mark.parametrize("settings", [{"channels": ()}, {"channels": (0,)}, {"window": 4}])
def test_impossible_windows_and_channels_are_refused(settings):
    with pytest.raises(InvalidOption, match=r"channels .* window"):
        Histogram1d(**settings)
