"""Delta chi-square of one quantity as cubic pieces: from tables or errors, zero at the minimum, growing outwards."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Float

from wilks._base.errors import InvalidData

WINDOW = 80.0
"""Delta chi-square up to which a table is followed; beyond, its continuation takes over."""

_FEWEST_POINTS = 4
_POINTS_OF_QUOTED = 721  # of the table that carries a curve through quoted points
_SAME = 1e-9  # relative difference of the two ends of a periodic table that counts as none


@dataclass(frozen=True, eq=False)
class Curve:
    """Delta chi-square c(u) of one quantity u, zero at its best value and nowhere negative.

    Between ``lower`` and ``upper`` it is cubic in pieces. Beyond an edge e it continues with the same value and slope
    and grows: c(e) + |c'(e)| |u-e| + ((u-e)/sigma)^2.

    Args:
        knots: left end of each piece, increasing; the first piece reaches down to ``lower``.
        coefficients: of 1, t, t^2, t^3 with t = u - knot, per piece.
        lower: lower edge, ``-inf`` if the first piece holds without end.
        upper: upper edge, ``inf`` if the last piece holds without end.
        sigma: half the width of the interval where c <= 1 around the best value.
        best: where c = 0.
        period: length of a cycle, ``inf`` if there is none; then ``upper - lower`` is the period.
    """

    knots: Float[np.ndarray, " pieces"]
    coefficients: Float[np.ndarray, "pieces 4"]
    lower: float
    upper: float
    sigma: float
    best: float
    period: float = math.inf

    def __call__(self, u: Float[np.ndarray, "*points"] | float) -> Float[np.ndarray, "*points"]:
        """Delta chi-square at any points."""
        wrapped = np.asarray(u, dtype=float)
        if math.isfinite(self.period):
            wrapped = self.lower + np.mod(wrapped - self.lower, self.period)
        inside = np.clip(wrapped, self.lower, self.upper)
        piece = np.clip(np.searchsorted(self.knots, inside, side="right") - 1, 0, None)
        t, (a, b, c, d) = inside - self.knots[piece], np.moveaxis(self.coefficients[piece], -1, 0)
        over = np.abs(wrapped - inside)
        slope = np.abs(b + t * (2 * c + 3 * d * t))
        inner = np.maximum(a + t * (b + t * (c + d * t)), 0.0)
        return np.asarray(inner + slope * over + (over / self.sigma) ** 2)

    def interval(self, delta_chi2: float = 1.0) -> list[tuple[float, float]]:
        """Where c <= delta_chi2: pieces in increasing order; a piece of a periodic quantity may pass the upper edge."""
        grid = self._fine_grid(delta_chi2)
        below = self(grid) <= delta_chi2
        if below.all():
            return [(float(grid[0]), float(grid[-1]))]
        if math.isfinite(self.period):  # begin outside, so that no piece is cut
            first = int(np.argmin(below))
            grid = np.concatenate([grid[first:-1], grid[: first + 1] + self.period])
            below = self(grid) <= delta_chi2
        edges = np.flatnonzero(below[1:] != below[:-1])
        ends = [self._crossing(float(grid[i]), float(grid[i + 1]), delta_chi2) for i in edges]
        return list(zip(ends[0::2], ends[1::2], strict=True))

    def _crossing(self, left: float, right: float, level: float) -> float:
        rising = self(right) > level
        for _ in range(60):
            middle = 0.5 * (left + right)
            if (self(middle) > level) == rising:
                right = middle
            else:
                left = middle
        return 0.5 * (left + right)

    def _fine_grid(self, level: float) -> Float[np.ndarray, " points"]:
        if math.isfinite(self.period):
            return np.linspace(self.lower, self.upper, 7201)
        low, high = (self.best if math.isinf(edge) else edge for edge in (self.lower, self.upper))
        reach = self.sigma * math.sqrt(max(level, 1.0))
        while min(self(low - reach), self(high + reach)) <= level:
            reach *= 2
        return np.unique(np.append(np.linspace(low - reach, high + reach, 8001), self.best))

    def as_rows(self) -> Float[np.ndarray, "rows 5"]:
        """The curve as one array for files: lower, upper, sigma, best, period; then knot and coefficients per piece."""
        head = [self.lower, self.upper, self.sigma, self.best, self.period]
        return np.concatenate([[head], np.column_stack([self.knots, self.coefficients])])

    @classmethod
    def from_rows(cls, rows: Float[np.ndarray, "rows 5"]) -> "Curve":
        """The curve that `as_rows` gave."""
        return cls(rows[1:, 0].copy(), rows[1:, 1:].copy(), *map(float, rows[0]))

    def moved(self, scale: float, shift: float = 0.0) -> "Curve":
        """The same curve of the quantity ``scale * u + shift``, scale positive."""
        powers = scale ** -np.arange(4.0)
        return Curve(
            self.knots * scale + shift,
            self.coefficients * powers[None],
            self.lower * scale + shift,
            self.upper * scale + shift,
            self.sigma * scale,
            self.best * scale + shift,
            self.period * scale,
        )


def tabulated_curve(
    points: Float[np.ndarray, " points"] | Sequence[float | int],
    chi2: Float[np.ndarray, " points"] | Sequence[float | int],
    *,
    period: float | int | None = None,
    window: float = WINDOW,
) -> Curve:
    """Curve through a table: a cubic spline (not-a-knot, or periodic), its own minimum subtracted.

    Args:
        points: increasing values of the quantity, at least four.
        chi2: chi-square at each, up to a common constant.
        period: length of a cycle that the table covers exactly, both ends included.
        window: the curve follows the largest contiguous set of table points around the minimum that lie at most this
            much above it.

    Raises:
        InvalidData: naming the first bad entry.
    """
    x, y = _checked_table(points, chi2, period)
    if period is not None:
        y = np.append(y[:-1], y[0])
    spline = scipy.interpolate.CubicSpline(x, y, bc_type="not-a-knot" if period is None else "periodic")
    first, last = (0, len(x) - 1) if period is not None else _window(spline, y, window)
    pieces = scipy.interpolate.PPoly(spline.c[:, first:last], spline.x[first : last + 1])
    best, minimum = _minimum(pieces)
    coefficients = pieces.c[::-1].T.copy()
    coefficients[:, 0] -= minimum
    edges = float(x[first]), float(x[last])
    sigma = _half_width(pieces, minimum, best, edges, period)
    return Curve(pieces.x[:-1].copy(), coefficients, *edges, sigma, best, math.inf if period is None else float(period))


def gaussian_curve(best: float | int, sigma: float | int) -> Curve:
    """((u - best)/sigma)^2."""
    return split_normal_curve(best, sigma, sigma)


def split_normal_curve(best: float | int, minus: float | int, plus: float | int) -> Curve:
    """((u - best)/plus)^2 above the best value, ((u - best)/minus)^2 below.

    Raises:
        InvalidData: if a number is not finite or an error not positive.
    """
    if not (math.isfinite(best) and math.isfinite(minus) and math.isfinite(plus) and minus > 0 and plus > 0):
        raise InvalidData(
            f"best value {best} with errors -{minus} +{plus}; expected finite numbers and positive errors"
        )
    if minus == plus:
        knots, rows = [best], [[0.0, 0.0, minus**-2, 0.0]]
    else:
        knots, rows = [best - minus, best], [[1.0, -2 / minus, minus**-2, 0.0], [0.0, 0.0, plus**-2, 0.0]]
    return Curve(np.array(knots), np.array(rows), -math.inf, math.inf, 0.5 * (minus + plus), float(best))


def curve_through(
    points: Sequence[float | int],
    signed_chi: Sequence[float | int],
    *,
    period: float | int | None = None,
    reach: float = 7.0,
) -> Curve:
    """Curve through quoted points of the signed root of Delta chi-square, by a cubic that is monotone between them.

    Args:
        points: increasing values of the quantity: ends of quoted intervals, the best value, second minima and
            barriers between them.
        signed_chi: root of Delta chi-square at each, negative below the best value; beyond the points it goes on
            straight. For a periodic quantity the points lie within one cycle.
        period: length of a cycle.
        reach: how far the root is followed.

    Raises:
        InvalidData: if the points do not increase.
    """
    x, chi = np.asarray(points, dtype=float), np.asarray(signed_chi, dtype=float)
    if x.shape != chi.shape or x.ndim != 1 or len(x) < 3 or not (np.diff(x) > 0).all():
        raise InvalidData(
            f"quoted points {x.tolist()} with roots {chi.tolist()}; expected increasing pairs, three or more"
        )
    x, chi = _extended(x, chi, reach) if period is None else _closed(x, chi, period)
    slopes = scipy.interpolate.PchipInterpolator(x, chi).derivative()(x)
    if period is not None:
        slopes[[0, -1]] = 0.0  # flat where the two ends of the cycle meet
    grid = np.linspace(x[0], x[-1], _POINTS_OF_QUOTED)
    chi2 = scipy.interpolate.CubicHermiteSpline(x, chi, slopes)(grid) ** 2
    return tabulated_curve(grid, chi2, period=period, window=math.inf if period else reach**2)


def function_curve(
    function: Callable[[float], float],
    lower: float | int,
    upper: float | int,
    *,
    period: float | int | None = None,
    points: int = 1201,
) -> Curve:
    """Curve of any function of the quantity, tabulated between two ends; its minimum is subtracted.

    Raises:
        InvalidData: if the function is negative or not finite anywhere, with the point and the value.
    """
    grid = np.linspace(lower, upper, points)
    values = np.array([float(function(float(x))) for x in grid])
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if bad.size:
        raise InvalidData(
            f"the chi-square function gives {values[bad[0]]} at {grid[bad[0]]:g}; finite values >= 0 were expected "
            f"between {lower:g} and {upper:g}"
        )
    return tabulated_curve(grid, values, period=period)


def _checked_table(points: object, chi2: object, period: float | int | None) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(points, dtype=float), np.asarray(chi2, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or len(x) < _FEWEST_POINTS:
        raise InvalidData(f"table of shapes {x.shape} and {y.shape}; expected two equal columns, four rows or more")
    for what, column in (("value", x), ("chi-square", y)):
        if not np.isfinite(column).all():
            where = int(np.flatnonzero(~np.isfinite(column))[0])
            raise InvalidData(f"table: {what} {column[where]} in row {where} is not finite")
    if not (np.diff(x) > 0).all():
        where = int(np.flatnonzero(np.diff(x) <= 0)[0])
        raise InvalidData(f"table: value {x[where + 1]} in row {where + 1} is not above {x[where]}; sort the table")
    if period is not None:
        if abs(x[-1] - x[0] - period) > _SAME * abs(period):
            raise InvalidData(f"table: it covers {x[0]} to {x[-1]}; a cycle of {period} needs both its ends")
        if abs(y[-1] - y[0]) > _SAME * max(abs(y[0]), 1.0):
            raise InvalidData(f"table: chi-square {y[0]} and {y[-1]} at the two ends of the cycle differ")
    return x, y


def _window(spline: "scipy.interpolate.CubicSpline", y: np.ndarray, window: float) -> tuple[int, int]:
    """First and last table point that the curve follows: within the window, and rising outwards at both."""
    lowest = int(np.argmin(y))
    inside = y - y[lowest] <= window
    first = lowest - int(np.argmin(np.append(inside[lowest::-1], False))) + 1
    last = lowest + int(np.argmin(np.append(inside[lowest:], False))) - 1
    slope = spline(spline.x, 1)
    while first < lowest and slope[first] > 0:
        first += 1
    while last > lowest and slope[last] < 0:
        last -= 1
    if first == last:
        raise InvalidData(f"table: chi-square changes by more than {window:g} around row {lowest}; give a finer table")
    return first, last


def _minimum(pieces: "scipy.interpolate.PPoly") -> tuple[float, float]:
    """Lowest point of a spline and the value there."""
    turning = pieces.derivative().roots(extrapolate=False)
    candidates = np.concatenate([pieces.x, turning[np.isfinite(turning)]])
    values = pieces(candidates)
    where = int(np.argmin(values))
    return float(candidates[where]), float(values[where])


def _half_width(
    pieces: "scipy.interpolate.PPoly",
    minimum: float,
    best: float,
    edges: tuple[float, float],
    period: float | int | None,
) -> float:
    crossings = pieces.solve(minimum + 1.0, extrapolate=False)
    crossings = crossings[np.isfinite(crossings)]
    if period is not None:
        crossings = np.concatenate([crossings - period, crossings, crossings + period])
    below, above = crossings[crossings < best], crossings[crossings > best]
    low = below.max() if below.size else edges[0]
    high = above.min() if above.size else edges[1]
    return float(0.5 * (high - low))


def _extended(x: np.ndarray, chi: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Signed roots with a straight continuation on both sides up to the reach."""
    left, right = _end_slopes(x, chi)
    low, high = x[0] - (chi[0] + reach) / left, x[-1] + (reach - chi[-1]) / right
    return np.concatenate([[low], x, [high]]), np.concatenate([[-reach], chi, [reach]])


def _closed(x: np.ndarray, chi: np.ndarray, period: float) -> tuple[np.ndarray, np.ndarray]:
    """Signed roots over one cycle: both straight continuations meet half-way, at the mean of their heights."""
    gap = 0.5 * (period - (x[-1] - x[0]))
    if gap <= 0:
        raise InvalidData(f"quoted points from {x[0]} to {x[-1]} do not lie within one cycle of {period}")
    left, right = _end_slopes(x, chi)
    top = 0.5 * (gap * (left + right) + chi[-1] - chi[0])
    return np.concatenate([[x[0] - gap], x, [x[-1] + gap]]), np.concatenate([[-top], chi, [top]])


def _end_slopes(x: np.ndarray, chi: np.ndarray) -> tuple[float, float]:
    return float((chi[1] - chi[0]) / (x[1] - x[0])), float((chi[-1] - chi[-2]) / (x[-1] - x[-2]))
