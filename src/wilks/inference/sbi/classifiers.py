"""Many small classifiers trained in one compiled program, each on rows and labels of its own.

Multilayer perceptrons with two hidden layers of rectified linear units, logistic loss, Adam, and a tenth of the rows
held out to stop at the best accuracy: the recipe that two-sample tests in the literature use, so that numbers compare.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from wilks._base.typing import Key

from .adam import Moments, adam_step, no_moments

_BATCH = 200  # rows, or an eighth of fewer than 1,600: each epoch makes at least eight steps
_RATE = 1e-3
_PENALTY = 1e-4  # of squared weights, per batch
_PATIENCE = 50  # epochs without a better accuracy
_LONGEST = 1000  # epochs
_GAIN = 1e-4  # smallest improvement of the accuracy that counts
_HELD_OUT = 0.1

Layers = list[tuple[Float[Array, "..."], Float[Array, "..."]]]
"""Weights and offsets of each layer; of many classifiers with a leading axis."""


class _State(NamedTuple):
    """Where the training of one classifier stands."""

    layers: Layers
    moments: Moments
    best: Layers
    score: Float[Array, ""]
    waited: Int[Array, ""]
    epoch: Int[Array, ""]


def train_classifiers(
    key: Key,
    features: Float[np.ndarray, "rows features"],
    labels: Bool[np.ndarray, "classifiers rows"],
    rows: Int[np.ndarray, "classifiers fitted"],
    width: int,
) -> Layers:
    """Weights of classifiers that tell rows with label 1 from those with label 0.

    Args:
        key: random key.
        features: standardised features of all rows.
        labels: label of every row, for each classifier.
        rows: which rows each classifier may see; a tenth of them, the last, decide when it stops.
        width: units of each hidden layer.
    """
    count, fitted = rows.shape
    held = max(int(_HELD_OUT * fitted), 1)
    keys = jax.random.split(key, count)
    return _train(
        keys, np.asarray(features, np.float32), labels, rows, width, held, min(_BATCH, max((fitted - held) // 8, 1))
    )


def classify(layers: Layers, features: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "classifiers rows"]:
    """Probability of label 1 of every row by every classifier."""
    return np.asarray(_classify(layers, np.asarray(features, np.float32)), dtype=float)


@jax.jit
def _classify(layers, features):
    return jax.vmap(lambda one: jax.nn.sigmoid(_logits(one, features)))(layers)


@functools.partial(jax.jit, static_argnames=("width", "held", "batch"))
def _train(keys, features, labels, rows, width, held, batch):
    def one(key: Key, truth: Bool[Array, " rows"], mine: Int[Array, " fitted"]) -> Layers:
        seen, kept = mine[: rows.shape[1] - held], mine[rows.shape[1] - held :]
        layers = _start(jax.random.fold_in(key, 0), features.shape[1], width)
        state = _State(layers, no_moments(layers), layers, jnp.float32(-1.0), jnp.zeros((), int), jnp.zeros((), int))

        def goes_on(state: _State) -> Bool[Array, ""]:
            return (state.waited <= _PATIENCE) & (state.epoch < _LONGEST)

        def epoch(state: _State) -> _State:
            state = _epoch(jax.random.fold_in(key, 1 + state.epoch), state, features, truth, seen, batch)
            return _judged(state, features[kept], truth[kept])

        return jax.lax.while_loop(goes_on, epoch, state).best

    return jax.lax.map(lambda own: one(*own), (keys, labels, rows))  # a batch of small products would be slower


def _start(key: Key, inputs: int, width: int) -> Layers:
    """Weights uniform within sqrt(6/(in + out)), sqrt(2/(in + out)) for the last layer (Glorot and Bengio 2010)."""
    shapes = [(inputs + 1, width), (width + 1, width), (width + 1, 1)]
    ends = np.cumsum([a * b for a, b in shapes])
    pieces = jnp.split(jax.random.uniform(key, (int(ends[-1]),), jnp.float32, -1.0, 1.0), ends[:-1])
    layers = []
    for (a, b), piece, gain in zip(shapes, pieces, (6.0, 6.0, 2.0), strict=True):
        both = piece.reshape(a, b) * (gain / (a - 1 + b)) ** 0.5
        layers.append((both[:-1], both[-1]))
    return layers


def _logits(layers: Layers, x: Float[Array, "rows features"]) -> Float[Array, " rows"]:
    for i, (weight, offset) in enumerate(layers):
        x = x @ weight + offset[None]
        x = jax.nn.relu(x) if i + 1 < len(layers) else x
    return x[:, 0]


def _loss(layers: Layers, x: Float[Array, "rows features"], truth: Float[Array, " rows"]) -> Float[Array, ""]:
    logits = _logits(layers, x)
    penalty = sum(jnp.sum(weight**2) for weight, _ in layers)
    return jnp.mean(jax.nn.softplus(logits) - truth * logits) + 0.5 * _PENALTY / x.shape[0] * penalty


def _epoch(
    key: Key,
    state: _State,
    features: Float[Array, "rows features"],
    truth: Bool[Array, " rows"],
    seen: Int[Array, " seen"],
    batch: int,
) -> _State:
    steps = seen.shape[0] // batch
    shuffled = jnp.argsort(jax.random.bits(key, seen.shape, jnp.uint32))  # one sort: compiles and runs fastest
    order = seen[shuffled[: steps * batch]].reshape(steps, batch)

    def step(carry: tuple, where: Int[Array, " batch"]) -> tuple[tuple, None]:
        layers, moments = carry
        gradient = jax.grad(_loss)(layers, features[where], truth[where].astype(jnp.float32))
        update, moments = adam_step(gradient, moments)
        return (jax.tree.map(lambda w, u: w - np.float32(_RATE) * u, layers, update), moments), None

    (layers, moments), _ = jax.lax.scan(step, (state.layers, state.moments), order)
    return state._replace(layers=layers, moments=moments, epoch=state.epoch + 1)


def _judged(state: _State, x: Float[Array, "rows features"], truth: Bool[Array, " rows"]) -> _State:
    """Keep the best weights, and count the epochs that were not better."""
    score = jnp.mean(((_logits(state.layers, x) > 0) == truth).astype(jnp.float32))
    better, waits = score > state.score, score < state.score + _GAIN
    best = jax.tree.map(lambda new, old: jnp.where(better, new, old), state.layers, state.best)
    waited = jnp.where(waits, state.waited + 1, 0)
    return state._replace(best=best, score=jnp.maximum(score, state.score), waited=waited)
