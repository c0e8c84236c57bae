"""Neyman construction for one parameter where outcomes are enumerated or known in closed form: belts and intervals.

What to use when:

===========================================================  ==========================================================
``interval(likelihood, data, name, method="feldman-...")``   a likelihood at hand; falls back on toys where it must
`counting_interval`                                          a count and a background, typed in
`bounded_interval`                                           a Gaussian measurement of a parameter with a bound
`counting_belt`, `bounded_belt`                              a figure of what is accepted
===========================================================  ==========================================================
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel, InvalidOption
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.whitening import Whitening, predicted
from wilks.results.belts import Belt
from wilks.results.intervals import Interval
from wilks.results.provenance import Provenance
from wilks.results.status import Status

from .calibrated_intervals import toy_interval
from .calibration import AbstractCalibration, ByToys
from .counting_belts import Pieces, counting_acceptance, counting_pieces
from .gaussian_belts import bounded_pieces, gaussian_accepted
from .problem import Clock, Problem

_AFFINE = 1e-9  # relative departure from a straight line that counts as rounding
_OUTCOMES = 2001
_SPREAD = 8.0  # standard deviations of outcomes in a belt

_WORDS = {
    "feldman-cousins": "ordered by the likelihood ratio of Feldman and Cousins",
    "central": "with equal tails",
    "upper": "with one tail: an upper limit",
    "lower": "with one tail: a lower limit",
    "shortest": "ordered by probability",
}


class _Line(NamedTuple):
    """A mean that is a straight line in one parameter: mean = constant + slope * parameter."""

    constant: Float[np.ndarray, " cells"]
    slope: Float[np.ndarray, " cells"]


def counting_interval(
    n: int,
    background: float | int,
    *,
    level: float = 0.9,
    ordering: str = "feldman-cousins",
    monotone_in_background: bool = False,
    name: str = "signal",
) -> Interval:
    """Interval of a signal from one Poisson count of mean signal + background, by enumeration.

    Args:
        n: observed count.
        background: its known expectation without signal.
        level: confidence level in (0, 1).
        ordering: ``"feldman-cousins"``, ``"central"``, ``"upper"``, ``"lower"`` or ``"shortest"``.
        monotone_in_background: raise the upper end to that of any larger background, as published tables do.
        name: what the signal is called.

    >>> found = counting_interval(10, 3.0)
    >>> f"{found.lower:.2f}, {found.upper:.2f}"
    '2.63, 13.50'

    References:
        G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, tables II to IX.
    """
    pieces = counting_pieces(
        n, background, level=level, ordering=ordering, monotone_in_background=monotone_in_background
    )
    clock, settings = Clock.start(), {"n": n, "background": background, "level": level, "ordering": ordering}
    how = f"Neyman construction of one count, {_WORDS[ordering]}; outcomes enumerated"
    if monotone_in_background:
        how += "; the upper end is the largest of all larger backgrounds"
    best = max(n - background, 0.0)
    return _interval(name, "", level, ordering, pieces, best, (0.0, np.inf), how, _origin(clock, settings))


def bounded_interval(
    x: float | int,
    *,
    sigma: float | int = 1.0,
    lower: float | int = 0.0,
    upper: float | int = np.inf,
    level: float = 0.9,
    ordering: str = "feldman-cousins",
    name: str = "mu",
) -> Interval:
    """Interval of a bounded parameter from one Gaussian measurement of it, in closed form.

    Args:
        x: measured value.
        sigma: its standard deviation.
        lower: lower bound of the parameter.
        upper: upper bound.
        level: confidence level in (0, 1).
        ordering: as for `counting_interval`.
        name: what the parameter is called.

    References:
        G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, table X.
    """
    pieces = bounded_pieces(x, sigma=sigma, lower=lower, upper=upper, level=level, ordering=ordering)
    settings = {"x": x, "sigma": sigma, "lower": lower, "upper": upper, "level": level, "ordering": ordering}
    how = f"Neyman construction of a Gaussian measurement with bounds, {_WORDS[ordering]}; closed form"
    best = float(np.clip(x, lower, upper))
    return _interval(name, "", level, ordering, pieces, best, (lower, upper), how, _origin(Clock.start(), settings))


def counting_belt(
    background: float | int,
    *,
    most: float | int,
    level: float = 0.9,
    ordering: str = "feldman-cousins",
    values: int = 401,
    name: str = "signal",
) -> Belt:
    """Accepted counts at signals from 0 to ``most``.

    Args:
        background: known expectation without signal.
        most: largest signal.
        level: confidence level in (0, 1).
        ordering: as for `counting_interval`.
        values: number of signals.
        name: what the signal is called.
    """
    signals = np.linspace(0.0, float(most), values)
    lower, upper = counting_acceptance(signals, float(background), level, ordering)
    settings = {"background": background, "level": level, "ordering": ordering}
    return Belt(
        name=name, observable="n", level=level, ordering=ordering, values=signals, lower=lower, upper=upper,
        discrete=True, how=f"counts {_WORDS[ordering]}, enumerated for a background of {background:g}",
        provenance=_origin(Clock.start(), settings),
    )  # fmt: skip


def bounded_belt(
    *,
    most: float | int,
    sigma: float | int = 1.0,
    lower: float | int = 0.0,
    upper: float | int = np.inf,
    level: float = 0.9,
    ordering: str = "feldman-cousins",
    values: int = 201,
    name: str = "mu",
) -> Belt:
    """Accepted measurements at values of a bounded parameter from its lower bound to ``most``.

    Args:
        most: largest value of the parameter.
        sigma: standard deviation of the measurement.
        lower: lower bound.
        upper: upper bound.
        level: confidence level in (0, 1).
        ordering: as for `counting_interval`.
        values: number of values.
        name: what the parameter is called.
    """
    mu = np.linspace(float(lower), min(float(most), float(upper)), values)
    x = np.linspace(mu[0] - _SPREAD * sigma, mu[-1] + _SPREAD * sigma, _OUTCOMES)
    grid = np.broadcast_to(mu / sigma, (len(x), len(mu)))
    accepted = gaussian_accepted(x / sigma, grid, lower / sigma, upper / sigma, level, ordering)
    settings = {"sigma": sigma, "lower": lower, "upper": upper, "level": level, "ordering": ordering}
    return Belt(
        name=name, observable="x", level=level, ordering=ordering, values=mu, lower=x[np.argmax(accepted, axis=0)],
        upper=x[len(x) - 1 - np.argmax(accepted[::-1], axis=0)], discrete=False,
        how=f"measurements {_WORDS[ordering]}; an end at the edge of the table stands for any value beyond",
        provenance=_origin(Clock.start(), settings),
    )  # fmt: skip


def neyman_interval(
    problem: Problem,
    clock: Clock,
    asymptotic: Interval,
    ordering: str,
    calibration: AbstractCalibration | None,
) -> Interval:
    """Interval by the Neyman construction: exact for one count and for Gaussian lines, else by toys.

    Args:
        problem: the posed question.
        clock: when it was asked.
        asymptotic: the profile interval, from which toys start.
        ordering: ``"feldman-cousins"``, ``"central"``, ``"upper"``, ``"lower"`` or ``"shortest"``.
        calibration: `ByToys` where outcomes can be neither enumerated nor integrated.

    Raises:
        InvalidOption: if toys are needed and not given, or are needed for another ordering than the likelihood ratio.
    """
    name, level = asymptotic.name, asymptotic.level
    if isinstance(calibration, ByToys):
        if ordering != "feldman-cousins":
            raise InvalidOption(
                f"toys are ordered by the likelihood ratio; use method='feldman-cousins', not {ordering!r}"
            )
        return toy_interval(problem, clock, asymptotic, calibration)
    p = problem.space[name]
    found = _exact_pieces(problem, level, ordering)
    if found is None:
        raise InvalidOption(
            f"method {ordering!r} is exact for one Poisson count, or Gaussian residuals, that are a straight line in "
            "one free parameter; here it needs calibration=ByToys(seed, number) with method='feldman-cousins'"
        )
    pieces, kind = found
    how = f"Neyman construction of {kind}, {_WORDS[ordering]}"
    settings = {"name": name, "level": level, "method": ordering}
    origin = clock.provenance(problem, "interval", settings=settings)
    return _interval(name, p.unit, level, ordering, pieces, asymptotic.best, (p.lower, p.upper), how, origin)


def _exact_pieces(problem: Problem, level: float, ordering: str) -> tuple[Pieces, str] | None:
    """The interval's pieces and what they were made of; None if the likelihood has no closed form."""
    if len(problem.space.free) != 1:
        return None
    if isinstance(problem.likelihood, PoissonCounts):
        return _of_count(problem, problem.likelihood, level, ordering)
    try:
        whitening = Whitening.of(problem.likelihood)
    except InvalidModel:
        return None
    line = _line(problem, lambda theta: whitening.turn(predicted(problem.likelihood, theta)))
    if line is None or not line.slope.any():
        return None
    p = problem.space[problem.space.free[0]]
    size = float(line.slope @ line.slope)
    x = float(line.slope @ (np.asarray(whitening.vector(problem.data)) - line.constant)) / size
    pieces = bounded_pieces(x, sigma=size**-0.5, lower=p.lower, upper=p.upper, level=level, ordering=ordering)
    return pieces, "Gaussian measurements of one bounded parameter, in closed form"


def _of_count(problem: Problem, likelihood: PoissonCounts, level: float, ordering: str) -> tuple[Pieces, str] | None:
    if likelihood.layout.bins != 1 or len(likelihood.constraints) or likelihood.statistics is not None:
        return None
    line = _line(problem, lambda theta: likelihood.predictor(problem.space.unpack(theta)))
    p = problem.space[problem.space.free[0]]
    if line is None or not (line.slope[0] > 0 and np.isfinite(p.lower)):
        return None
    slope, background = float(line.slope[0]), float(line.constant[0] + line.slope[0] * p.lower)
    if background < 0:
        return None
    found = counting_pieces(float(problem.data.counts[0]), background, level=level, ordering=ordering)
    pieces = tuple((p.lower + a / slope, p.lower + b / slope) for a, b in found)
    inside = tuple((a, min(b, p.upper)) for a, b in pieces if a <= p.upper)
    return inside or ((p.upper, p.upper),), f"one count with a background of {background:g}, outcomes enumerated"


def _line(problem: Problem, mean: Callable[[Float[np.ndarray, " parameters"]], Any]) -> _Line | None:
    """A mean as a straight line in the free parameter; None if it bends."""
    p = problem.space[problem.space.free[0]]
    low, high = max(p.lower, p.start - 1.0), min(p.upper, p.start + 1.0)
    where, points = problem.space.index(p.name), np.array([low, 0.5 * (low + high), high])
    theta = np.repeat(problem.space.starts[None], 3, axis=0)
    theta[:, where] = points
    first, middle, last = (np.asarray(mean(point)) for point in theta)
    slope = (last - first) / (high - low)
    if np.max(np.abs(middle - 0.5 * (first + last))) > _AFFINE * max(float(np.abs(last).max()), 1.0):
        return None
    return _Line(first - low * slope, slope)


def _interval(
    name: str,
    unit: str,
    level: float,
    method: str,
    pieces: Pieces,
    best: float,
    bounds: tuple[float | int, float | int],
    how: str,
    provenance: Provenance,
) -> Interval:
    lower, upper = pieces[0][0], pieces[-1][1]
    opened = (lower <= bounds[0], upper >= bounds[1])
    flags = {}
    if len(pieces) > 1:
        flags["disconnected"] = f"the interval of {name} has {len(pieces)} pieces"
    if lower == upper:
        flags["empty_interval"] = f"no value of {name} accepts the data at this level"
    return Interval(
        name=name, unit=unit, level=level, method=method, lower=lower, upper=upper, lower_open=bool(opened[0]),
        upper_open=bool(opened[1]), pieces=pieces, threshold=np.nan, best=best, residuals=(0.0, 0.0),
        status=Status.OK, flags=flags, how=how, provenance=provenance,
    )  # fmt: skip


def _origin(clock: Clock, settings: Mapping[str, Any]) -> Provenance:
    return Provenance.collect(settings={"procedure": "neyman", **settings}, started=clock.started)
