"""Tables of averaged sin^2 for several detectors, looked up for all of them at once."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .paths import AbstractPaths
from .terms import Terms

_PER_KM = 3.0  # log10 of metres per kilometre: tables are in q for lengths in km
_STEP = 0.004
_WIDEST = 4.5  # of log10 q in 1/km in tables made from geometries, where the average has long settled at 1/2


class PathTables(eqx.Module):
    """<sin^2 qL> of several detectors on one grid of log10 q: smooth in between, quadratic in q below, 1/2 above.

    Between two points it is the cubic through both with the slopes of central differences, so that likelihoods have
    continuous derivatives, which fits need. Straight lines differ visibly only where a table is too coarse for the
    oscillations it holds.

    Args:
        start: first log10 q, with q = kappa dm2/E in 1/m.
        step: step of log10 q.
        pieces: coefficients 1, t, t^2, t^3 of each interval, t from 0 to 1, per detector.
        lengths_m: nominal length of each detector, at which damping is evaluated.
    """

    start: Float[np.ndarray, ""]
    step: Float[np.ndarray, ""]
    pieces: Float[np.ndarray, "detectors intervals 4"]
    lengths_m: Float[np.ndarray, " detectors"]

    @classmethod
    def of_files(cls, tables: Sequence[Float[np.ndarray, "_ 2"]], lengths_m: Sequence[float]) -> "PathTables":
        """Tables of log10 q and <sin^2 qL> for lengths in km, as GLoBESfit has them; shorter ones continue with 1/2.

        Raises:
            InvalidModel: if the tables start at different q or have different steps.
        """
        first = tables[0]
        for table in tables:
            if not np.allclose(table[:2, 0], first[:2, 0], rtol=0, atol=1e-9):
                raise InvalidModel("the tables of averaged sin^2 start at different q or have different steps")
        averages = np.full((len(tables), max(len(t) for t in tables)), 0.5)
        for row, table in zip(averages, tables, strict=True):
            row[: len(table)] = table[:, 1]
        step = (first[-1, 0] - first[0, 0]) / (len(first) - 1)
        return cls(np.array(first[0, 0] - _PER_KM), np.array(step), _cubics(averages, step), np.array(lengths_m, float))

    @classmethod
    def of_geometry(cls, paths: Sequence[AbstractPaths], lengths_m: Sequence[float]) -> "PathTables":
        """Tables of distributions of path lengths."""
        shortest = min(lengths_m)
        start = np.log10(0.01 / shortest)  # phases below 0.01: the quadratic continuation is exact to 1e-5
        points = np.arange(start, _WIDEST - _PER_KM, _STEP)
        averages = np.stack([np.asarray(p.mean_sine2(jnp.asarray(10.0**points))) for p in paths])
        return cls(np.array(points[0]), np.array(_STEP), _cubics(averages, _STEP), np.array(lengths_m, float))

    def mean_sine2(self, q: Float[Array, "*shape"]) -> Float[Array, "detectors *shape"]:
        """Averages of all detectors at q in 1/m."""
        size = jnp.abs(q)
        floor = 10.0 ** jnp.asarray(self.start)
        place = (jnp.log10(jnp.maximum(size, floor)) - self.start) / self.step
        last = self.pieces.shape[1]
        below = jnp.clip(jnp.floor(place).astype(int), 0, last - 1)
        one, t, t2, t3 = jnp.moveaxis(jnp.take(jnp.asarray(self.pieces), below, axis=1), -1, 0)
        x = (place - below)[None]
        inside = one + x * (t + x * (t2 + x * t3))
        return jnp.where((place >= last)[None], 0.5, inside) * (jnp.minimum(size / floor, 1.0) ** 2)[None]

    def survival(self, terms: Terms, energy_MeV: Float[Array, " energies"]) -> Float[Array, "detectors energies"]:
        """Averaged survival of all detectors; damping is taken at the nominal lengths.

        Args:
            terms: model of survival at given parameters.
            energy_MeV: neutrino energies.
        """
        sine2 = self.mean_sine2(PHASE_PER_EV2_M_MEV * terms.splitting[:, None] / energy_MeV[None])
        if terms.damping is None:
            return 1.0 - jnp.einsum("k,dke->de", terms.amplitude, sine2)
        lengths = jnp.asarray(self.lengths_m)[:, None, None]
        powers = lengths**terms.length_power / energy_MeV[None, None] ** terms.energy_power
        exponent = terms.damping[None, :, None] * powers
        lost = -0.5 * jnp.expm1(-exponent) + jnp.exp(-exponent) * sine2
        return 1.0 - jnp.einsum("k,dke->de", terms.amplitude, lost)


def _cubics(averages: Float[np.ndarray, "detectors points"], step: float) -> Float[np.ndarray, "detectors intervals 4"]:
    """Coefficients of the cubics through the points; the slope is that of q^2 at the start and 0 at the end."""
    slopes = np.gradient(averages, axis=1)
    slopes[:, 0], slopes[:, -1] = 2.0 * np.log(10.0) * step * averages[:, 0], 0.0
    left, right, a, b = averages[:, :-1], averages[:, 1:], slopes[:, :-1], slopes[:, 1:]
    rise = right - left
    return np.stack([left, a, 3.0 * rise - 2.0 * a - b, a + b - 2.0 * rise], axis=-1)
