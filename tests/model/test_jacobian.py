"""Jacobian and weighted second derivatives of the template model against automatic differentiation of its counts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks.model.jacobian import product_and_others
from wilks.model.modifiers import (
    Channel,
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
    TemplateSample,
)
from wilks.model.predictor import Auxiliary
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter

LUMI = {"lumi": Auxiliary("lumi", "gaussian", 0.02, 1.0)}


def signal_region() -> Channel:
    """Three samples that share norms, factors and shifts; one name is both a factor and a shift."""
    signal = TemplateSample(
        "sig",
        [1.0, 4.0, 2.0],
        modifiers=[NormFactor("mu"), Lumi(), NormSys("eff", 1.1, 0.93), NormSys("acc", 0.8, 1.3)],
    )
    background = TemplateSample(
        "bkg",
        [20.0, 15.0, 9.0],
        modifiers=[
            NormFactor("mu"),
            HistoSys("tilt", [22.0, 15.0, 8.0], [17.0, 15.5, 10.0]),
            HistoSys("bend", [19.0, 16.0, 8.5], [20.5, 14.5, 9.5]),
            NormSys("tilt", 1.05, 0.97),
            NormSys("eff", 1.02, 0.95),
            ShapeFactor("sf"),
            StatError("st", [1.0, 0.8, 0.0]),
        ],
    )
    fakes = TemplateSample(
        "fakes",
        [2.0, 1.0, 0.0],
        modifiers=[
            HistoSys("tilt", [2.5, 1.0, 0.0], [1.0, 1.5, 0.0]),
            ShapeSys("ff", [0.5, 0.3, 0.2]),
            StatError("st", [0.2, 0.1, 0.0]),
        ],
    )
    return Channel("SR", [signal, background, fakes])


def control_region() -> Channel:
    sample = TemplateSample(
        "bkg",
        [50.0, 40.0, 30.0],
        modifiers=[
            *(ShapeFactor("sf"), NormFactor("mu"), NormSys("eff", 0.9, 1.05)),
            HistoSys("bend", [52.0, 41.0, 27.0], [47.0, 40.0, 31.0]),
        ],
    )
    return Channel("CR", [sample])


def small_region() -> Channel:
    """Fewer bins and samples than the others, and nothing of its own."""
    return Channel("VR", [TemplateSample("sig", [3.0], modifiers=[Lumi(), NormSys("acc", 1.2, 0.9)])])


def plain_region(channel: Channel) -> Channel:
    """The channel without factors per bin."""
    kept = (NormFactor, Lumi, NormSys, HistoSys)
    samples = [
        TemplateSample(s.name, s.values, modifiers=[m for m in s.modifiers if type(m) in kept]) for s in channel.samples
    ]
    return Channel(channel.name, samples)


REGIONS = {
    "one channel": lambda: [signal_region()],
    "three channels": lambda: [signal_region(), control_region(), small_region()],
    "factors only": lambda: [small_region()],
    "bins only": lambda: [Channel("c", [TemplateSample("b", [5.0, 6.0], modifiers=[StatError("st", [1.0, 0.5])])])],
    "no factors per bin": lambda: [plain_region(signal_region()), small_region(), plain_region(control_region())],
    "shifts only": lambda: [Channel("c", [TemplateSample("b", [5.0], modifiers=[HistoSys("h", [6.0], [4.5])])])],
    "nothing": lambda: [Channel("c", [TemplateSample("b", [5.0, 6.0])])],
}


def build(regions: str, normsys: str = "4", histosys: str = "4p") -> TemplatePredictor:
    channels = REGIONS[regions]()
    lumi = LUMI if any(type(m) is Lumi for c in channels for s in c.samples for m in s.modifiers) else {}
    return TemplatePredictor.from_channels(channels, auxiliary=lumi, codes={"normsys": normsys, "histosys": histosys})


@eqx.filter_jit
def both(model: TemplatePredictor, theta):
    """The model's own derivatives, then automatic differentiation."""

    def counts(at):
        return model(model.space.unpack(at))

    weights = jnp.linspace(-1.0, 2.0, sum(size for _, size in model.bin_names))
    values = model.space.unpack(theta)
    own = (*model.linearised(values), model.bent(values, weights))
    return own, (counts(theta), jax.jacfwd(counts)(theta).T, jax.jacfwd(jax.jacfwd(counts))(theta).T @ weights)


def check(model: TemplatePredictor, theta) -> None:
    # products and sums of the same few terms in another order; terms up to some hundred may cancel
    for own, reference in zip(*both(model, jnp.asarray(theta)), strict=True):
        np.testing.assert_allclose(own, reference, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("histosys", ["0", "2", "4p"])
@pytest.mark.parametrize("normsys", ["1", "4"])
@pytest.mark.parametrize("value", [-2.3, -1.0, -0.4, 0.0, 0.7, 1.0, 1.9])
@pytest.mark.parametrize("regions", ["three channels", "no factors per bin"])
def test_every_code_inside_at_and_beyond_its_kinks(regions, normsys, histosys, value):
    model = CODES[regions, normsys, histosys]
    check(model, np.full(len(model.space), value))


CODES = {
    (regions, norm, shape): build(regions, norm, shape)
    for regions in ("three channels", "no factors per bin")
    for norm in ("1", "4")
    for shape in ("0", "2", "4p")
}


@pytest.mark.parametrize("regions", REGIONS)
def test_every_mix_of_modifiers(regions):
    model = build(regions)
    check(model, model.space.starts)
    check(model, np.linspace(-1.5, 2.0, len(model.space)))


MODELS = [CODES[regions, "4", "4p"] for regions in ("three channels", "no factors per bin")]


@given(st.lists(st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-3.0, 3.0), min_size=20, max_size=20))
def test_any_mix_of_zeros_and_kinks(numbers):
    for model in MODELS:
        check(model, np.resize(np.array(numbers), len(model.space)))


def test_rows_stand_in_the_order_of_the_space():
    model = TemplatePredictor.from_channels(
        [Channel("c", [TemplateSample("b", [5.0, 6.0], modifiers=[NormFactor("z"), NormFactor("a")])])],
        parameters={"z": Parameter("z", 2.0)},
    )
    counts, jacobian = model.linearised({"z": 2.0, "a": 3.0})
    np.testing.assert_array_equal(counts, [30.0, 36.0])
    np.testing.assert_array_equal(jacobian, [[10.0, 12.0], [15.0, 18.0]])  # by a, then by z


@pytest.mark.parametrize("size", range(7))
def test_others_leave_out_one_factor_each_even_where_factors_are_zero(size):
    factors = np.arange(2.0 * size).reshape(size, 2)
    total, others = product_and_others(jnp.asarray(factors))
    np.testing.assert_array_equal(total, np.prod(factors, axis=0))  # small integers are exact
    for i in range(size):
        np.testing.assert_array_equal(others[i], np.prod(np.delete(factors, i, axis=0), axis=0))


def test_models_of_equal_structure_share_one_compiled_program():
    traces = []

    @eqx.filter_jit
    def linearise(model, theta):
        traces.append(1)
        return model.linearised(model.space.unpack(theta))

    for scale in (1.0, 2.0):
        sample = TemplateSample("s", [scale, 3.0], modifiers=[NormFactor("mu"), StatError("st", [0.1 * scale, 0.2])])
        model = TemplatePredictor.from_channels([Channel("SR", [sample])])
        counts, jacobian = linearise(model, jnp.array([2.0, 1.0, 1.0]))
        np.testing.assert_array_equal(counts, [2 * scale, 6.0])
        np.testing.assert_array_equal(jacobian, [[scale, 3.0], [2 * scale, 0.0], [0.0, 6.0]])
    assert len(traces) == 1
