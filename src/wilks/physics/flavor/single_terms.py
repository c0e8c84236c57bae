"""Chi-square of observables that stand alone: one curve each, in the observable or its logarithm."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.typing import Scalar
from wilks.likelihood.curve_table import CurveTable
from wilks.likelihood.interface import Cells

from .coordinates import Coordinates
from .known_slopes import with_slopes

Rows = Float[Array, " terms"]


class SingleTerms(eqx.Module):
    """Terms that share nothing.

    Args:
        coordinates: of the curves.
        table: the curves.
    """

    coordinates: Coordinates
    table: CurveTable

    def __len__(self) -> int:
        return len(self.coordinates)

    @property
    def published(self) -> Rows:
        """Published best values in the terms' coordinates."""
        return jnp.asarray(self.table.best)

    @property
    def log_norm(self) -> Scalar:
        """Logarithm of the integral of exp(-chi2/2) over the coordinates."""
        return jnp.sum(jnp.asarray(self.table.log_norm))

    def evaluate(self, y: Rows, shift: Rows) -> Cells:
        """Half the chi-square and its derivatives in the model's numbers; an undefined phase costs nothing.

        Args:
            y: the model's numbers, inf for an undefined phase.
            shift: how far the data's best values lie from the published ones.
        """
        undefined = self.undefined(y)
        safe = jnp.where(undefined, self.coordinates.values(self.published + shift), y)
        none = jnp.zeros(())
        here = self.table.evaluate(self.coordinates.at(safe, none) - shift)
        by_y, _ = self.coordinates.slopes(safe, none)
        bend, _, _ = self.coordinates.bends(safe, none)
        half = jnp.where(undefined, 0.0, 0.5)
        slope = half * here.slope
        excess = jax.lax.stop_gradient(half * here.value)
        return Cells(
            jax.vmap(with_slopes)(excess, slope * by_y, -slope, y, shift),
            (slope * by_y)[None],
            (half * here.weight * by_y**2)[None, None],
            (half * (here.curvature * by_y**2 + here.slope * bend))[None, None],
            jnp.isfinite(safe) & ~(np.array(self.coordinates.logs, dtype=bool) & (safe <= 0)),
        )

    def undefined(self, y: Rows) -> Bool[Array, " terms"]:
        """Which numbers are phases that do not exist at this point."""
        return jnp.isinf(y) & jnp.isfinite(jnp.asarray(self.table.period))
