"""The detector: energy lost in the acrylic vessel, nonlinear scintillator, resolution, final bins."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from wilks._base.errors import InvalidOption
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease

from .arrays import Arrays
from .constants import FINE_EDGES_MEV

_REFINED = 4  # points of the nonlinearity per tabulated one
_LOWEST_MEV, _HIGHEST_MEV = 0.5, 12.1  # to which it is continued
_SMALLEST = 1e-10  # entries of the resolution below it are left out


class Response(eqx.Module):
    """From deposited energy in fine bins to reconstructed energy in final bins, for one detector.

    Args:
        vessel: probabilities of energy loss in the acrylic vessel; a column is one deposited energy.
        energies_MeV: energies at which the scintillator's nonlinearity is known.
        visible_MeV: visible energies there, nominal and four variations.
        rebinning: which fine bins make up each final bin.
        smoothing_MeV: 0 for the release model's sharp edges of bins, at which derivatives in the nonlinearity and the
            energy scale jump; else the half-width of a kernel that rounds them, for fits of these inputs.
    """

    vessel: Float[Arrays, "fine fine"]
    energies_MeV: Float[Arrays, " energies"]
    visible_MeV: Float[Arrays, "5 energies"]
    rebinning: Float[Arrays, "bins fine"]
    smoothing_MeV: float = eqx.field(static=True, default=0.0)

    def __call__(
        self,
        resolution: Float[Arrays, "3"],
        curves: Float[Arrays, "4"],
        vessel_scale: Float[Arrays, ""],
        energy_scale: Float[Arrays, ""],
    ) -> Float[Arrays, "bins fine"]:
        """Matrix of a detector.

        Args:
            resolution: a, b, c of sigma(E)/E = sqrt(a^2 + b^2/E + c^2/E^2).
            curves: weights of the four variations of the nonlinearity.
            vessel_scale: factor on energy losses in the vessel.
            energy_scale: relative energy scale.
        """
        smeared = jnp.asarray(self.rebinning) @ resolution_matrix(resolution, sharp=not self.smoothing_MeV)
        return (smeared @ self.nonlinearity(curves, energy_scale)) @ self.losses(vessel_scale)

    def losses(self, scale: Float[Arrays, ""]) -> Float[Arrays, "fine fine"]:
        """Losses in the vessel with off-diagonal entries scaled and columns normalised again."""
        vessel = jnp.asarray(self.vessel)
        diagonal = jnp.eye(vessel.shape[0], dtype=bool)
        scaled = jnp.where(diagonal, vessel, scale * vessel)
        total = jnp.sum(scaled, axis=0, keepdims=True)
        return scaled / jnp.where(total > 0.0, total, 1.0)

    def nonlinearity(self, curves: Float[Arrays, "4"], energy_scale: Float[Arrays, ""]) -> Float[Arrays, "fine fine"]:
        """Share of each fine bin of deposited energy that falls into each fine bin of visible energy."""
        known, energies = jnp.asarray(self.visible_MeV), jnp.asarray(self.energies_MeV)
        visible = energy_scale * (known[0] + curves @ (known[1:] - known[:1]))
        edges = jnp.asarray(FINE_EDGES_MEV)
        if self.smoothing_MeV:
            inverse = _smooth_inverse(edges, energies, visible)
            below = _rounded_ramp(inverse[:, None] - edges[None], self.smoothing_MeV)
            return -jnp.diff(jnp.diff(below, axis=0), axis=1) / _width()
        inverse = jnp.interp(edges, visible, energies)  # deposited energy at the edges of visible energy
        low = jnp.maximum(edges[None, :-1], inverse[:-1, None])
        high = jnp.minimum(edges[None, 1:], inverse[1:, None])
        return jnp.maximum(high - low, 0.0) / _width()


def _rounded_ramp(x: Float[Arrays, "*shape"], width: float) -> Float[Arrays, "*shape"]:
    """max(x, 0) convolved with a triangle of a half-width; twice continuously differentiable."""
    u = jnp.clip(x / width, -1.0, 1.0)
    inner = jnp.where(u < 0.0, (1.0 + u) ** 3 / 6.0, u + (1.0 - u) ** 3 / 6.0)
    return jnp.where(x >= width, x, width * inner)


def _smooth_inverse(
    at: Float[Arrays, " edges"], x: Float[Arrays, " energies"], y: Float[Arrays, " energies"]
) -> Float[Arrays, " edges"]:
    """x at which an increasing table y takes values, by cubic Hermite interpolation; continued by the end values."""
    slope = jnp.concatenate([x[1:2] - x[:1], x[2:] - x[:-2], x[-1:] - x[-2:-1]])
    slope = slope / jnp.concatenate([y[1:2] - y[:1], y[2:] - y[:-2], y[-1:] - y[-2:-1]])
    i = jnp.clip(jnp.searchsorted(y, at, side="right") - 1, 0, x.shape[0] - 2)
    step = y[i + 1] - y[i]
    t = jnp.clip((at - y[i]) / step, 0.0, 1.0)
    lower, upper = (1.0 + 2.0 * t) * (1.0 - t) ** 2, t**2 * (3.0 - 2.0 * t)
    bends = slope[i] * t * (1.0 - t) ** 2 - slope[i + 1] * t**2 * (1.0 - t)
    return x[i] * lower + x[i + 1] * upper + step * bends


def resolution_matrix(abc: Float[Arrays, "3"], *, sharp: bool = True) -> Float[Arrays, "fine fine"]:
    """Probability to reconstruct in a fine bin the visible energy of another, density at centres times width.

    Args:
        abc: of the relative width.
        sharp: leave out what is below 1e-10, as the release model does.
    """
    centres = jnp.asarray(0.5 * (FINE_EDGES_MEV[1:] + FINE_EDGES_MEV[:-1]))
    sigma = jnp.sqrt(abc[0] ** 2 * centres**2 + abc[1] ** 2 * centres + abc[2] ** 2)[None]
    pull = (centres[:, None] - centres[None]) / sigma
    matrix = _width() / np.sqrt(2 * np.pi) * jnp.exp(-0.5 * pull**2) / sigma
    return jnp.where(matrix < _SMALLEST, 0.0, matrix) if sharp else matrix


def response_of(
    release: DayaBayRelease, edges_MeV: Float[np.ndarray, " edges"], *, smoothing_MeV: float = 0.0
) -> Response:
    """The response of the release with final bins of one's own.

    Args:
        release: the release.
        edges_MeV: final edges, a subset of those of the fine bins.
        smoothing_MeV: as for `Response`.

    Raises:
        InvalidOption: if they are none.
    """
    energies, visible = _continued(release)
    return Response(release.iav, energies, visible, rebinning(edges_MeV), smoothing_MeV)


def rebinning(edges_MeV: Float[np.ndarray, " edges"]) -> Float[np.ndarray, "bins fine"]:
    """Ones where a fine bin belongs to a final bin.

    Raises:
        InvalidOption: if the edges do not increase, or are none of the fine bins.
    """
    edges = np.asarray(edges_MeV, dtype=float)
    places = np.rint(edges / _width()).astype(int)
    inside = (places >= 0) & (places < len(FINE_EDGES_MEV))
    known = inside & np.isclose(edges, places * _width(), rtol=0.0, atol=1e-9)
    if len(edges) < 2 or not (np.diff(edges) > 0).all() or not known.all():
        raise InvalidOption(
            f"final edges {edges.tolist()}; expected two or more multiples of {_width():g} MeV from "
            f"{FINE_EDGES_MEV[0]:g} to {FINE_EDGES_MEV[-1]:g} that increase"
        )
    fine = np.arange(len(FINE_EDGES_MEV) - 1)
    return ((fine >= places[:-1, None]) & (fine < places[1:, None])).astype(float)


def _width() -> float:
    return float(FINE_EDGES_MEV[1] - FINE_EDGES_MEV[0])


def _continued(release: DayaBayRelease) -> tuple[Float[np.ndarray, " energies"], Float[np.ndarray, "5 energies"]]:
    """Visible energies on a finer grid, by a cubic spline inside the table and linearly beyond."""
    table = release.nonlinearity_MeV
    inner = np.linspace(table[0], table[-1], _REFINED * (len(table) - 1) + 1)
    step = inner[1] - inner[0]
    below = np.arange(_LOWEST_MEV, inner[0], step)
    above = np.arange(inner[-1], _HIGHEST_MEV + 1e-6 * step, step)[1:]
    curves = []
    for relative in release.nonlinearity:
        visible = CubicSpline(table, table * relative, bc_type="not-a-knot")(inner)
        first, last = visible[1] - visible[0], visible[-1] - visible[-2]
        continued = (visible[0] + (below - inner[0]) / step * first, visible[-1] + (above - inner[-1]) / step * last)
        curves.append(np.concatenate([continued[0], visible, continued[1]]))
    return np.concatenate([below, inner, above]), np.stack(curves)
