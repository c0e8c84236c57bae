"""Many delta chi-square curves side by side in arrays of equal shape: values, derivatives and draws, compiled."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

from .curves import Curve

_PIECES = 64  # curves are padded to a multiple of this, so that exchanged tables share one compiled program
_MOST_PIECES = 1024  # of equal length into which a curve is cut, so that nothing need be searched
_EQUAL = 1e-6  # relative difference of lengths that counts as none
_DRAWS = 1025  # points of the tabulated cumulative distribution
_FAR = 60.0  # Delta chi-square beyond which nothing is drawn
_BINS_PER_PIECE, _CLIMB = 4, 2  # of the index that finds pieces
_NEARLY_ZERO = 1e-9  # of Delta chi-square: below it c'^2/(2c) is rounding

Terms = Float[Array | np.ndarray, " terms"]


class CurveValues(NamedTuple):
    """Delta chi-square of each term with its first and second derivative."""

    value: Float[Array, " terms"]
    slope: Float[Array, " terms"]
    curvature: Float[Array, " terms"]

    @property
    def weight(self) -> Float[Array, " terms"]:
        """max(c'', c'^2/(2c)): a curvature that is never negative and equals c'' at the minimum."""
        steepness = 0.5 * self.slope**2 / (self.value + _NEARLY_ZERO)
        return jnp.maximum(self.curvature, steepness)


class CurveTable(eqx.Module):
    """Curves as arrays; every array is an argument of compiled code, none a constant in it.

    Args:
        knots: left ends of the pieces, padded with inf.
        coefficients: of 1, t, t^2, t^3 per piece.
        last: number of the last piece.
        lower, upper, sigma, best, period: as in `Curve`.
        positions: points of the tabulated distribution exp(-c/2), normalised.
        cumulative: its cumulative probability there.
        log_norm: logarithm of the integral of exp(-c/2).
        anchors: piece at the left end of each of equal bins between the first and the last knot; a single column if
            bins and pieces are the same.
        bins_per_unit: how many of them cover one unit of the quantity.
        climb: most knots that one bin holds; 0 if the pieces of each curve are equally long.
    """

    knots: Float[np.ndarray | Array, "terms pieces"]
    coefficients: Float[np.ndarray | Array, "terms pieces 4"]
    last: Int[np.ndarray | Array, " terms"]
    lower: Terms
    upper: Terms
    sigma: Terms
    best: Terms
    period: Terms
    positions: Float[np.ndarray | Array, "terms draws"]
    cumulative: Float[np.ndarray | Array, "terms draws"]
    log_norm: Terms
    anchors: Int[np.ndarray | Array, "terms bins"]
    bins_per_unit: Terms
    climb: int = eqx.field(static=True)

    @classmethod
    def of(cls, curves: Sequence[Curve]) -> "CurveTable":
        """Stack curves."""
        cut = [_cut(curve) for curve in curves]
        most = max((len(starts) for starts, _ in cut), default=1)
        pieces = most if most <= 2 else -(-most // _PIECES) * _PIECES
        knots, coefficients = np.full((len(curves), pieces), np.inf), np.zeros((len(curves), pieces, 4))
        for i, (starts, polynomials) in enumerate(cut):
            knots[i, : len(starts)], coefficients[i, : len(starts)] = starts, polynomials
        drawn = [_distribution(curve) for curve in curves]
        named = {
            name: np.array([getattr(curve, name) for curve in curves], dtype=float)
            for name in ("lower", "upper", "sigma", "best", "period")
        }
        return cls(
            knots,
            coefficients,
            np.array([len(starts) - 1 for starts, _ in cut], dtype=int),
            **named,
            positions=np.array([positions for positions, _, _ in drawn]).reshape(-1, _DRAWS),
            cumulative=np.array([cumulative for _, cumulative, _ in drawn]).reshape(-1, _DRAWS),
            log_norm=np.array([norm for _, _, norm in drawn], dtype=float),
            **_index([starts for starts, _ in cut], pieces * _BINS_PER_PIECE),
        )

    def __len__(self) -> int:
        return self.knots.shape[0]

    def take(self, first: int, last: int) -> "CurveTable":
        """Some of the curves, in order."""
        return jax.tree.map(lambda array: array[first:last], self)

    def evaluate(self, u: Float[Array, " terms"]) -> CurveValues:
        """Delta chi-square and its derivatives, one point per curve."""
        lower, upper, period = jnp.asarray(self.lower), jnp.asarray(self.upper), jnp.asarray(self.period)
        cyclic = jnp.isfinite(period)
        start, length = jnp.where(cyclic, lower, 0.0), jnp.where(cyclic, period, 1.0)
        wrapped = jnp.where(cyclic, u - length * jnp.floor((u - start) / length), u)
        inside = jnp.clip(wrapped, lower, upper)
        piece, t = self._piece(inside)
        found = jnp.asarray(self.coefficients).at[np.arange(len(self)), piece].get(mode="promise_in_bounds")
        a, b, c, d = jnp.moveaxis(found, -1, 0)
        value = jnp.maximum(a + t * (b + t * (c + d * t)), 0.0)  # the minimum is zero up to rounding
        slope, curvature = b + t * (2 * c + 3 * d * t), 2 * c + 6 * d * t
        over, precision = wrapped - inside, jnp.asarray(self.sigma) ** -2.0
        beyond, steep = over != 0, jnp.abs(slope)
        return CurveValues(
            value + steep * jnp.abs(over) + precision * over**2,
            jnp.where(beyond, jnp.sign(over) * steep + 2 * precision * over, slope),
            jnp.where(beyond, 2 * precision, curvature),
        )

    def _piece(self, inside: Float[Array, " terms"]) -> tuple[Int[Array, " terms"], Float[Array, " terms"]]:
        """The piece that each point lies in, and how far in: an index of equal bins leads to it, or near it."""
        anchors, knots, rows = jnp.asarray(self.anchors), jnp.asarray(self.knots), np.arange(len(self))
        first, rate, last = knots[:, 0], jnp.asarray(self.bins_per_unit), jnp.asarray(self.last)
        bins = ((inside - first) * rate).astype(int)
        if not self.climb:
            piece = jnp.clip(bins, 0, last)
            return piece, inside - first - piece * jnp.where(rate > 0, 1.0 / rate, 0.0)
        piece = anchors[rows, jnp.clip(bins, 0, anchors.shape[1] - 1)]
        for _ in range(self.climb):
            following = jnp.minimum(piece + 1, last)
            piece = jnp.where(inside >= knots[rows, following], following, piece)
        return piece, inside - knots[rows, piece]

    def draw(self, uniform: Float[Array, " terms"]) -> Float[Array, " terms"]:
        """Points distributed as exp(-c/2), one uniform number each."""
        return jax.vmap(jnp.interp)(uniform, jnp.asarray(self.cumulative), jnp.asarray(self.positions))

    def wrapped(self, u: Float[Array, " terms"]) -> Float[Array, " terms"]:
        """The same points with periodic quantities within half a cycle of their best values."""
        best, period = jnp.asarray(self.best), jnp.asarray(self.period)
        cyclic = jnp.isfinite(period)
        length = jnp.where(cyclic, period, 1.0)
        return jnp.where(cyclic, u - length * jnp.round((u - best) / length), u)


def _cut(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Knots and coefficients of a curve; of pieces of equal length if its own are multiples of the shortest."""
    gaps = np.diff(curve.knots)
    times = np.round(gaps / gaps.min(initial=np.inf)).astype(int)
    count = int(times.sum())
    if not gaps.size or count >= _MOST_PIECES or not _even(gaps / times):
        return curve.knots, curve.coefficients
    knots = np.linspace(curve.knots[0], curve.knots[-1], count + 1)
    whole = np.append(np.repeat(np.arange(len(gaps)), times), len(gaps))
    t, (a, b, c, d) = knots - curve.knots[whole], curve.coefficients[whole].T
    return knots, np.stack([a + t * (b + t * (c + d * t)), b + t * (2 * c + 3 * d * t), c + 3 * d * t, d], axis=-1)


def _even(gaps: np.ndarray) -> bool:
    return bool(np.ptp(gaps) <= _EQUAL * gaps.min()) if gaps.size else True


def _index(curves: Sequence[np.ndarray], bins: int) -> dict[str, Any]:
    """Pieces by equal bins; the climb is rounded up, so that exchanged tables share one compiled program.

    Args:
        curves: knots of each curve.
        bins: number of bins where pieces are not equally long.
    """
    spans = np.array([knots[-1] - knots[0] for knots in curves])
    if all(_even(np.diff(knots)) for knots in curves):
        counts = np.array([len(knots) - 1.0 for knots in curves])
        rate = np.divide(counts, spans, out=np.zeros(len(curves)), where=spans > 0)
        return {"anchors": np.zeros((len(curves), 1), dtype=int), "bins_per_unit": rate, "climb": 0}
    anchors, climb = np.zeros((len(curves), bins), dtype=int), 0
    for i, knots in enumerate(curves):
        edges, rounding = np.linspace(knots[0], knots[-1], bins + 1), 1e-9 * spans[i]
        anchors[i] = np.maximum(np.searchsorted(knots, edges[:-1] - rounding, side="right") - 1, 0)
        last = np.searchsorted(knots, edges[1:] + rounding, side="right") - 1
        climb = max(climb, int(np.max(last - anchors[i])))
    rate = np.divide(bins, spans, out=np.zeros(len(curves)), where=spans > 0)
    return {"anchors": anchors, "bins_per_unit": rate, "climb": _CLIMB * -(-climb // _CLIMB)}


def _distribution(curve: Curve) -> tuple[np.ndarray, np.ndarray, float]:
    """Positions, cumulative probability and ln of the integral of exp(-c/2), by Simpson's rule."""
    low, high = _span(curve)
    positions = np.linspace(low, high, _DRAWS)
    ends, middles = np.exp(-0.5 * curve(positions)), np.exp(-0.5 * curve(0.5 * (positions[1:] + positions[:-1])))
    mass = (ends[1:] + 4 * middles + ends[:-1]) * (positions[1] - positions[0]) / 6
    cumulative = np.concatenate([[0.0], np.cumsum(mass)])
    return positions, cumulative / cumulative[-1], float(np.log(cumulative[-1]))


def _span(curve: Curve) -> tuple[float, float]:
    """Where anything is drawn: a cycle around the best value, or out to where exp(-c/2) is negligible."""
    if np.isfinite(curve.period):
        return curve.best - 0.5 * curve.period, curve.best + 0.5 * curve.period
    pieces = curve.interval(_FAR)
    return pieces[0][0], pieces[-1][1]
