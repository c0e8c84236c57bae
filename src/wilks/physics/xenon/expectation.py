"""The chance of electrons to be accepted: sums over detected electrons for every number of electrons."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from .binomials import floored, floored_log, log_choices
from .splitting import clipped_probability

_TERMS = 48  # numbers of detected electrons summed per number of electrons
_REACH = 12.0  # width of that sum in standard deviations
_DENSE = 128  # above so many electrons, odd numbers are interpolated between even ones
_BETWEEN = np.array([-5, 49, -245, 1225, 1225, -245, 49, -5]) / 2048  # polynomial of degree 7 at the midpoint
_ROOTS, _ROOT_WEIGHTS = np.polynomial.legendre.leggauss(512)


def signal_nodes(
    low: Float[np.ndarray, " places"], high: Float[np.ndarray, " places"]
) -> tuple[Float[np.ndarray, "places nodes"], Float[np.ndarray, "places nodes"]]:
    """Nodes and weights of an integral over an accepted signal, at every place.

    They are Gauss-Legendre nodes in its square root, because its width grows like that.

    Args:
        low: lower edge, PE, at least 0.
        high: upper edge, PE.
    """
    start, width = np.sqrt(low)[:, None], (np.sqrt(high) - np.sqrt(low))[:, None]
    root = start + width * (_ROOTS + 1) / 2
    return root**2, width * _ROOT_WEIGHTS * root


def accepted_electrons(
    probability: Float[Array, "electrons nodes"], accepted: Float[Array, "electrons nodes"]
) -> Float[Array, "electrons nodes"]:
    """Probability that an event with e = 0, 1, ... electrons is accepted, at every node.

    Args:
        probability: that each of e electrons is detected.
        accepted: probability of acceptance given so many detected electrons.
    """
    size = probability.shape[0]
    numbers = _summed_numbers(size)
    where = np.minimum(numbers, size - 1)  # beyond the table its last entry goes on
    probability = clipped_probability(probability[where])
    e = jnp.asarray(numbers, dtype=float)[:, None]
    p = jax.lax.stop_gradient(probability)
    stride = jnp.maximum(1.0, jnp.ceil(_REACH * jnp.sqrt(e * p * (1 - p)) / (_TERMS - 1)))
    # neighbours sum over different residues, so that what strides miss at a sharp edge cancels between them
    turn = jnp.arange(len(numbers), dtype=float)[:, None]
    centre = stride * jnp.round(e * p / stride) + jnp.mod(turn, stride)
    ready = jax.lax.optimization_barrier((e, probability, accepted, centre, stride))
    return _every_number(_strided_sum(*ready), size)


def _summed_numbers(size: int) -> np.ndarray:
    """All numbers at first, then the even ones, a few of them beyond the end."""
    if size <= _DENSE + 16:
        return np.arange(size)
    return np.concatenate([np.arange(_DENSE), np.arange(_DENSE, size + 8, 2)])


def _every_number(found, size):
    """Odd numbers from their eight even neighbours."""
    if size <= _DENSE + 16:
        return found
    dense = found[:_DENSE]
    even = jnp.concatenate([dense[_DENSE - 6 :: 2], found[_DENSE:]])
    count = even.shape[0] - 7
    odd = sum(weight * even[shift : shift + count] for shift, weight in enumerate(_BETWEEN))
    above = even[3 : 3 + count]
    pairs = jnp.stack([above, odd], axis=1).reshape(2 * count, -1)
    return jnp.concatenate([dense, pairs])[:size]


def _terms(e, probability, centre, stride):
    """Binomial(n; e, p) times the stride, with n and e - n; 0 outside."""
    n = centre[:, None] + stride[:, None] * (jnp.arange(_TERMS) - _TERMS // 2.0)[None, :, None]
    e = e[:, None]
    inside = (n >= 0) & (n <= e)
    n = jnp.clip(n, 0.0, e)
    logs = (floored_log(probability), floored_log(1 - probability))
    log_p, log_q = jax.lax.optimization_barrier(logs)  # not once per term
    numbers = 2 * e.shape[0] + 16  # e is at most twice its place, and more
    log_terms = log_choices(e, n, e - n, numbers) + n * log_p[:, None] + (e - n) * log_q[:, None]
    return jnp.where(inside, jnp.exp(log_terms), 0.0) * stride[:, None], n, e - n


@jax.custom_jvp
def _strided_sum(e, probability, accepted, centre, stride):
    terms, n, _ = _terms(e, probability, centre, stride)
    return jnp.sum(terms * _taken(accepted, n), axis=1)


def _strided_sum_jvp(at, move):
    e, probability, accepted, centre, stride = at
    _, d_probability, d_accepted, *_ = move
    terms, n, rest = _terms(e, probability, centre, stride)
    weighted = terms * _taken(accepted, n)
    change = jnp.zeros_like(probability)
    if not isinstance(d_probability, SymbolicZero):
        detected = jnp.sum(weighted * n, axis=1) / floored(probability)
        lost = jnp.sum(weighted * rest, axis=1) / floored(1 - probability)
        change = change + (detected - lost) * d_probability
    if not isinstance(d_accepted, SymbolicZero):
        change = change + jnp.sum(terms * _taken(d_accepted, n), axis=1)
    return jnp.sum(weighted, axis=1), change


_strided_sum.defjvp(_strided_sum_jvp, symbolic_zeros=True)


def _taken(table, n):
    """Entries (numbers, nodes) of a table at whole numbers (electrons, terms, nodes)."""
    size, nodes = table.shape
    place = jnp.minimum(n.astype(jnp.int32), size - 1)  # beyond the table its last entry goes on
    return table.reshape(-1)[place * nodes + jnp.arange(nodes)[None, None]]
