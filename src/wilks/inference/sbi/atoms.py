"""Atomic correction of neural posteriors for proposals: a loss whose minimum is the posterior under the exact prior."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float32

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key

from .density import Contexts, PerRow, Rows
from .estimator import Estimator
from .solvers import log_normal

_FEWEST = 2


@dataclass(frozen=True)
class Atoms:
    """Rounds that propose from the last posterior and are corrected by atoms (NPE-C).

    Args:
        count: parameters that each set of data is asked to choose from, its own and others of the batch.
        combined: also learn the density of the pairs of the first round, which pins it where no atoms lie.

    References:
        D. Greenberg, M. Nonnenmacher, J. Macke, arXiv:1905.07488, section 3.3 and eq. (5).
    """

    count: int = 10
    combined: bool = False

    def __post_init__(self) -> None:
        if self.count < _FEWEST:
            raise InvalidOption(f"{self.count} atoms; a choice needs at least {_FEWEST}")

    def refuse_small(self, batch: int) -> None:
        """Refuse batches with fewer rows than atoms.

        Raises:
            InvalidOption: with both numbers.
        """
        if self.count > batch:
            raise InvalidOption(
                f"{self.count} atoms need batches of at least as many pairs, and a batch has {batch}; take fewer "
                "atoms or a larger batch"
            )


class AtomicLoss(eqx.Module):
    """-E[g_0 - ln sum_j exp(g_j)] with g_j = ln q(theta_j|x) - ln p(theta_j), over atoms j of which 0 is the truth.

    The coordinates are those in which the prior is a standard normal, so that ln p is exact and nothing leaks out.
    Rows are ``{"y": ..., "x": {block: ...}, "first": ...}``, ``first`` being 1 for pairs of the first round.
    """

    atoms: Atoms = eqx.field(static=True)

    def __call__(self, network: Estimator, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Training loss of a batch."""
        encode_key, atom_key = jax.random.split(key)
        context = jax.vmap(network.encoder)(rows["x"], jax.random.split(encode_key, len(rows["y"])))
        return self.of(network, rows, context, atom_key)

    def of(self, network: Estimator, rows: Mapping[str, Any], context: Contexts, key: Key) -> Float32[Array, ""]:
        """Loss of encoded rows; one set of distinct shifts gives each row others of the batch, none twice."""
        count, y = len(rows["y"]), rows["y"]
        shifts = 1 + jax.random.permutation(key, count - 1)[: self.atoms.count - 1]
        others = (jnp.arange(count)[None] + jnp.append(0, shifts)[:, None]) % count

        def log_q(points: Rows) -> PerRow:
            return network.density.log_prob(points, context)

        each = jax.lax.map(log_q, y[others])  # one compiled density for all atoms
        g = each - jax.vmap(log_normal)(y[others])
        loss = jnp.mean(logsumexp(g, axis=0) - g[0])
        return loss - jnp.mean(rows["first"] * each[0]) if self.atoms.combined else loss


class AtomicHeldOutLoss(eqx.Module):
    """The same with fixed atoms and without dropout."""

    atoms: Atoms = eqx.field(static=True)

    def __call__(self, network: Estimator, rows: Mapping[str, Any]) -> Float32[Array, ""]:
        """Loss over the held-out rows."""
        context = jax.vmap(network.encoder)(rows["x"])
        fewer = Atoms(min(self.atoms.count, len(rows["y"])), self.atoms.combined)
        return AtomicLoss(fewer).of(network, rows, context, jax.random.key(0))


def first_rows(first: int, total: int) -> Float32[np.ndarray, " pairs"]:
    """1 for the pairs of the first round, 0 for later ones."""
    return (np.arange(total) < first).astype(np.float32)
