"""The expected number of events: every sum of the rate, with signals integrated over what is accepted."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from wilks._base.numerics import log_factorial

_TERMS = 48  # numbers of detected electrons summed per number of electrons
_REACH = 13.0  # width of that sum in standard deviations
_TINY = 1e-290
_ROOTS, _ROOT_WEIGHTS = np.polynomial.legendre.leggauss(512)


def signal_nodes(low: float, high: float) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Nodes and weights of an integral over an accepted signal.

    They are Gauss-Legendre nodes in its square root, because its width grows like that.

    Args:
        low: lower edge, PE, at least 0.
        high: upper edge, PE.
    """
    start, end = np.sqrt(low), np.sqrt(high)
    root = start + (end - start) * (_ROOTS + 1) / 2
    return root**2, (end - start) / 2 * _ROOT_WEIGHTS * 2 * root


def accepted_electrons(
    probability: Float[Array, "electrons nodes"], accepted: Float[Array, "detected nodes"]
) -> Float[Array, "electrons nodes"]:
    """Probability that an event with e = 0, 1, ... electrons is accepted, at every node.

    Args:
        probability: that each electron is detected.
        accepted: probability of acceptance given so many detected electrons.
    """
    size = probability.shape[0]
    e = jnp.arange(size, dtype=float)[:, None]
    p = jax.lax.stop_gradient(probability)
    width = jnp.sqrt(e * p * (1 - p))
    stride = jnp.maximum(1.0, jnp.ceil(_REACH * width / (_TERMS - 1)))
    # neighbours sum over different residues, so that what strides miss at a sharp edge cancels between them
    centre = stride * jnp.round(e * p / stride) + jnp.mod(e, stride)
    n = centre[:, None] + stride[:, None] * (jnp.arange(_TERMS) - _TERMS // 2.0)[None, :, None]
    return _strided_sum(probability, accepted, n, stride)


def _terms(probability, n, stride):
    """Binomial(n; e, p) times the stride, 0 outside."""
    size = probability.shape[0]
    e = jnp.arange(size, dtype=float)[:, None, None]
    inside = (n >= 0) & (n <= e)
    n = jnp.clip(n, 0.0, e)
    table = log_factorial(jnp.arange(size, dtype=float))
    choose = table[:, None, None] - table[n.astype(jnp.int32)] - table[(e - n).astype(jnp.int32)]
    p = probability[:, None]
    log_terms = choose + n * jnp.log(p + _TINY) + (e - n) * jnp.log(1 - p + _TINY)
    return jnp.where(inside, jnp.exp(log_terms), 0.0) * stride[:, None], n, e - n


@jax.custom_jvp
def _strided_sum(probability, accepted, n, stride):
    terms, n, _ = _terms(probability, n, stride)
    return jnp.sum(terms * _taken(accepted, n), axis=1)


def _strided_sum_jvp(at, move):
    probability, accepted, n, stride = at
    d_probability, d_accepted, *_ = move
    terms, n, rest = _terms(probability, n, stride)
    weighted = terms * _taken(accepted, n)
    change = jnp.zeros_like(probability)
    if not isinstance(d_probability, SymbolicZero):
        p = probability
        by_p = jnp.sum(weighted * n, axis=1) / (p + _TINY) - jnp.sum(weighted * rest, axis=1) / (1 - p + _TINY)
        change = change + by_p * d_probability
    if not isinstance(d_accepted, SymbolicZero):
        change = change + jnp.sum(terms * _taken(d_accepted, n), axis=1)
    return jnp.sum(weighted, axis=1), change


_strided_sum.defjvp(_strided_sum_jvp, symbolic_zeros=True)


def _taken(table, n):
    """Entries (numbers, nodes) of a table at whole numbers (electrons, terms, nodes)."""
    nodes = table.shape[1]
    return table.reshape(-1)[n.astype(jnp.int32) * nodes + jnp.arange(nodes)[None, None]]
