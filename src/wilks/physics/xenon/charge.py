"""The S2 of given electrons: sums over detected electrons and over electrons, in ranges that follow every event.

Arrays end with the axis of events. ``joint`` is V[e, i], the rate of e electrons together with the S1 of event i.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from .binomials import floored_log, log_choices
from .interpolation import NODES, log_sum, nodes_between
from .signals import Signal
from .splitting import clipped_probability

_DETECTED = 24  # numbers of detected electrons summed per number of electrons
_REACH = 13.0  # width of that sum in standard deviations of its terms
_DEPTH = 20.0  # numbers of electrons whose share of a rate is below exp(-20) are left out
_STEPS = 5  # of Newton's method for the most likely number of detected electrons
IMPOSSIBLE = -1e30
"""Logarithm that stands for a term that is not there."""


class Charge(eqx.Module):
    """What happens to the electrons of each event.

    Args:
        efficiency: probability that an electron is detected.
        loss: factor on it by number of electrons, for all events or for each.
        log_acceptance: ln of the acceptance by number of detected electrons, for all events or for each; None for 1.
        gain: mean signal of a detected electron.
        spread: standard deviation of the signal of a detected electron.
        signal: the observed S2 as views of the raw signal.
    """

    efficiency: Float[Array, " events"]
    loss: Float[Array, "electrons #events"] | None
    log_acceptance: Float[Array, "electrons #events"] | None
    gain: Float[Array, " events"]
    spread: Float[Array, " events"]
    signal: Signal

    def probability(self, electrons: Float[Array, "nodes #events"]) -> Float[Array, "nodes events"]:
        """Probability of detection of each of so many electrons."""
        p = jnp.broadcast_to(self.efficiency[None], (electrons.shape[0], self.efficiency.shape[0]))
        return p if self.loss is None else p * _at(self.loss, electrons)


class Windows(eqx.Module):
    """Which terms of the sums are taken: whole numbers that follow parameters and events, without derivatives.

    Args:
        electrons: nodes among the numbers of electrons; all from the first to the last are summed.
        detected: for each of them the middle of the sum over detected electrons.
        stride: and its stride.
    """

    electrons: Float[Array, "nodes events"]
    detected: Float[Array, "nodes events"]
    stride: Float[Array, "nodes events"]


def find_windows(joint: Float[Array, "electrons events"], charge: Charge) -> Windows:
    """Ranges around the largest terms of joint x charge, found on a coarse grid of all electrons."""
    joint, charge = jax.lax.stop_gradient((joint, charge))
    size = joint.shape[0]
    grid = coarse_grid(size)
    e = jnp.asarray(grid, dtype=float)[:, None]
    p = _inside(charge.probability(e))
    some = joint[grid] > 0
    log_joint = jnp.where(some, jnp.log(jnp.where(some, joint[grid], 1.0)), -jnp.inf)
    detected, width = _most_likely(e, p, charge)
    height = log_joint + _log_binomial(e, detected, p) + _log_normal(detected, charge) + jnp.log(width)
    low, high = _crossings(e, height)
    low = jnp.clip(low, 1.0, size - NODES)
    nodes = nodes_between(low, jnp.maximum(high, low + NODES - 1))
    detected, width = _most_likely(nodes, _inside(charge.probability(nodes)), charge)
    stride = jnp.maximum(1.0, jnp.ceil(_REACH * width / (_DETECTED - 1)))
    return jax.lax.stop_gradient(Windows(nodes, jnp.round(detected), stride))


def log_charge_sum(
    joint: Float[Array, "electrons events"], charge: Charge, windows: Windows
) -> Float[Array, " events"]:
    """ln sum_e joint[e] sum_n acc(n) Binomial(n; e, p) Normal(s2; n gain, ...), within the windows and for e = 0."""
    number = jnp.arange(_DETECTED, dtype=float) - _DETECTED // 2
    n = windows.detected[:, None] + windows.stride[:, None] * number[None, :, None]
    e = windows.electrons[:, None]
    inside = (n >= 0) & (n <= e)
    n = jnp.clip(n, 0.0, e)
    logs = _log_terms_sum(
        log_choices(e, n, e - n, joint.shape[0] + 1), e, n, inside, *_inputs(charge, windows.electrons, n)
    )
    some = log_sum(joint, logs + jnp.log(windows.stride), windows.electrons)
    return jnp.logaddexp(some, _log_without_electrons(joint[0], charge))


def exact_log_charge_sum(joint: Float[Array, "electrons events"], charge: Charge) -> Float[Array, " events"]:
    """The same sum over all electrons and all detected electrons: slow, and exact."""
    size = joint.shape[0]
    every = jnp.arange(size, dtype=float)

    def one(event):
        weights, alone = event
        alone = jax.tree.map(lambda x: x[..., None], alone)
        n, e = every[None, :, None], every[:, None, None]
        low = jnp.minimum(n, e)
        inputs = _inputs(alone, every[:, None], n)
        logs = _log_terms_sum(log_choices(e, low, e - low, size + 1), e, low, n <= e, *inputs)[:, 0]
        return jax.scipy.special.logsumexp(logs, b=weights)

    shared = (charge.loss, charge.log_acceptance)
    wide = [None if x is None else jnp.broadcast_to(x, joint.shape) for x in shared]
    every_event = eqx.tree_at(lambda c: (c.loss, c.log_acceptance), charge, wide, is_leaf=lambda x: x is None)
    return jax.lax.map(one, (joint.T, jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), every_event)))


def coarse_grid(size: int) -> np.ndarray:
    """Whole numbers from 1 to size - 1 whose distances grow as their square roots."""
    places = np.arange(2, 2 * int(np.ceil(np.sqrt(size))) + 2)
    return np.unique(np.minimum(places**2 // 4, size - 1))


def _log_without_electrons(rate: Float[Array, " events"], charge: Charge) -> Float[Array, " events"]:
    """The term of no electron, whose S2 is nothing but the smear of the reconstruction."""
    signal = charge.signal
    views = signal.log_weights - 0.5 * signal.positions**2 / signal.variance[None]
    accepted = 0.0 if charge.log_acceptance is None else charge.log_acceptance[0]
    seen = jax.scipy.special.logsumexp(views, axis=0) + accepted - 0.5 * jnp.log(2 * np.pi * signal.variance)
    return jnp.where(rate > 0, jnp.log(jnp.where(rate > 0, rate, 1.0)) + seen, -jnp.inf)


def _inputs(charge: Charge, electrons, n):
    """Everything with derivatives that the terms depend on, with axes (electrons, detected, events)."""
    signal = charge.signal
    accepted = None if charge.log_acceptance is None else _at_terms(charge.log_acceptance, n)
    rows = (charge.gain, charge.spread, signal.scale, signal.variance)
    views = (signal.positions[:, None, None], signal.log_weights[:, None, None])
    return (charge.probability(electrons)[:, None], *[x[None, None] for x in rows], *views, accepted)


def _log_terms(choices, e, n, inside, p, gain, spread, scale, variance, positions, log_weights, accepted):
    p = clipped_probability(p)
    log_p, log_q = jax.lax.optimization_barrier((floored_log(p), floored_log(1 - p)))  # not once per term
    binomial = choices + n * log_p + (e - n) * log_q
    width = n * (scale * spread) ** 2 + variance
    views = log_weights - 0.5 * (positions - (n * scale * gain)[None]) ** 2 / width[None]
    seen = views[0] if views.shape[0] == 1 else jax.scipy.special.logsumexp(views, axis=0)
    terms = binomial + seen - 0.5 * jnp.log(2 * np.pi * width)
    return jnp.where(inside, terms if accepted is None else terms + accepted, IMPOSSIBLE)


@jax.custom_jvp
def _log_terms_sum(choices, e, n, inside, *inputs):
    terms = _log_terms(choices, e, n, inside, *inputs)
    top = jax.lax.stop_gradient(jnp.max(terms, axis=1))
    return top + jnp.log(jnp.sum(jnp.exp(terms - top[:, None]), axis=1))


def _log_terms_sum_jvp(at, move):
    """Each input moves the result by the mean of its derivative over the terms."""
    constants, inputs, d_inputs = at[:4], at[4:], move[4:]
    terms = _log_terms(*constants, *inputs)
    top = jax.lax.stop_gradient(jnp.max(terms, axis=1))
    weights = jnp.exp(terms - top[:, None])
    total = jnp.sum(weights, axis=1)
    change = jnp.zeros_like(total)
    for i, d_input in enumerate(d_inputs):
        if d_input is None or isinstance(d_input, SymbolicZero):
            continue
        if d_input.ndim == 4 or d_input.shape[1] > 1:  # views, acceptances: one number per term
            _, moved = jax.jvp(lambda x, i=i: _log_terms(*constants, *_with(inputs, i, x)), (inputs[i],), (d_input,))
            change = change + jnp.sum(weights * moved, axis=1) / total
        else:
            ones = jnp.ones_like(inputs[i])
            _, score = jax.jvp(lambda x, i=i: _log_terms(*constants, *_with(inputs, i, x)), (inputs[i],), (ones,))
            change = change + jnp.sum(weights * score, axis=1) / total * d_input[:, 0]
    return top + jnp.log(total), change


_log_terms_sum.defjvp(_log_terms_sum_jvp, symbolic_zeros=True)


def _with(inputs, place, value):
    return (*inputs[:place], value, *inputs[place + 1 :])


def _most_likely(e, p, charge):
    """The number of detected electrons with the largest term, by Newton's method, and the width of that maximum."""
    signal = charge.signal
    x, scale, variance = signal.centre[None], signal.scale[None], signal.variance[None]
    gain, each = scale * charge.gain[None], (scale * charge.spread[None]) ** 2
    log_odds = jnp.log(p / (1 - p))
    highest = jnp.maximum(e - 0.5, 0.5)

    def slopes(n):
        width = n * each + variance
        pull = (x - n * gain) / width
        first = jnp.log((e - n + 0.5) / (n + 0.5)) + log_odds + gain * pull + each * (pull**2 - 1 / width) / 2
        return first, 1 / (e - n + 0.5) + 1 / (n + 0.5) + (gain + each * pull) ** 2 / width

    def step(_, n):
        first, second = slopes(n)
        return jnp.clip(n + first / second, jnp.maximum(n / 2.5, 0.5), jnp.minimum(2.5 * n, highest))

    start = jnp.clip(jnp.broadcast_to(x / gain, p.shape), 0.5, highest)
    n = jax.lax.fori_loop(0, _STEPS, step, start)
    return n, 1 / jnp.sqrt(slopes(n)[1])


def _log_binomial(e, n, p):
    """Stirling's approximation, without its constant."""
    m = e - n
    entropy = (e + 0.5) * jnp.log(e) - (n + 0.5) * jnp.log(n) - (m + 0.5) * jnp.log(m)
    return entropy + n * jnp.log(p) + m * jnp.log1p(-p)


def _log_normal(n, charge):
    signal = charge.signal
    width = n * (signal.scale * charge.spread)[None] ** 2 + signal.variance[None]
    return -0.5 * (signal.centre[None] - n * (signal.scale * charge.gain)[None]) ** 2 / width - 0.5 * jnp.log(width)


def _crossings(e, height):
    """Where a function on a grid first and last passes its maximum less the depth."""
    cut = jnp.max(height, axis=0)[None] - _DEPTH
    before, after = jnp.maximum(height[:-1], -1e30), jnp.maximum(height[1:], -1e30)
    share = (cut - before) / jnp.where(before == after, 1.0, after - before)
    place = e[:-1] + (e[1:] - e[:-1]) * jnp.clip(share, 0.0, 1.0)
    rises, falls = (before <= cut) & (after > cut), (before > cut) & (after <= cut)
    first = jnp.where(height[:1] > cut, e[:1], jnp.where(rises, jnp.floor(place), jnp.inf))
    last = jnp.where(height[-1:] > cut, e[-1:], jnp.where(falls, jnp.ceil(place), -jnp.inf))
    return jnp.min(first, axis=0), jnp.max(last, axis=0)


def _inside(p):
    return jnp.clip(p, 1e-12, 1 - 1e-12)


def _at(table, place):
    """Entries of a table (numbers, #events) at whole numbers (rows, #events)."""
    where = place.astype(jnp.int32)
    if table.shape[1] == 1:
        return table[:, 0][where]
    return jnp.take_along_axis(table, jnp.broadcast_to(where, (where.shape[0], table.shape[1])), axis=0)


def _at_terms(table, place):
    rows = place.reshape(-1, place.shape[-1])
    wide = max(place.shape[-1], table.shape[1])
    return _at(table, rows).reshape(*place.shape[:-1], wide)
