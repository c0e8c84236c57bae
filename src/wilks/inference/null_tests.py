"""How significant a signal is: toys without it, each with a best fit of its own over the whole plane."""

from typing import Any

import numpy as np

from wilks._base.errors import InvalidOption
from wilks.likelihood.signals import AbstractSignal
from wilks.results.hypotheses import HypothesisTest

from .calibration import AbstractCalibration, Asymptotic, ByToys
from .probabilities import chi2_tail, significance
from .problem import Clock, pose
from .regions import SignalToys, observed_ratios, plane_flags, thrown_at
from .signal_planes import plane_of
from .tails import insist, tail_of
from .toy_maps import drawer


def null_significance(
    signal: AbstractSignal, data: Any, *, calibration: AbstractCalibration | None = None
) -> HypothesisTest:
    """p-value of the absence of a signal, T = chi2(no signal) - min chi2, by toys.

    The shape does not exist without amplitude, so the law of T is no chi-square with two degrees of freedom, which
    overstates significances (arXiv:2004.07577). That law is given beside; alone, it is flagged.

    Args:
        signal: a tabulated likelihood whose amplitude may be 0.
        data: as for `fit`.
        calibration: `ByToys`, or `Asymptotic`.

    Raises:
        InvalidOption: if 0 is outside the bounds of the amplitude.
    """
    clock = Clock.start()
    calibration = calibration or Asymptotic()
    problem = pose(signal, data)
    if signal.space.lowers[0] != 0:
        raise InvalidOption(
            f"{signal.grid.names[0]} = 0 lies outside the bounds; there is no hypothesis without signal"
        )
    plane = plane_of(signal, signal.grid.names)
    (x,) = plane.vectors(problem.data)
    null = plane.null()
    ratios, best = observed_ratios(plane, null, x)
    observed = float(ratios[0])
    flags = {**plane.flags, **plane_flags(signal, best)}
    counted = None
    if isinstance(calibration, ByToys):
        toys = SignalToys(plane.candidates, thrown_at(null, x))
        draw = drawer(toys, {"task": "null_significance", "signal": problem.identity.model}, calibration)
        counted = tail_of(draw(np.array([0]), 0, calibration.toys)[0].astype(float), observed)
        insist(counted, "null significance")
    else:
        flags["asymptotic"] = "chi-square law with two degrees of freedom, which does not hold here; calibrate by toys"
    p_asymptotic = chi2_tail(observed, 2)
    p_value = p_asymptotic if counted is None else counted.p_value
    return HypothesisTest(
        statistic="t", observed=observed, p_value=p_value,
        p_interval=None if counted is None else counted.interval,
        p_interval_95=None if counted is None else counted.interval_95,
        p_low=None if counted is None else counted.low, p_high=None if counted is None else counted.high,
        z=None if p_value is None else significance(p_value), n=0 if counted is None else counted.n,
        exceedances=0 if counted is None else counted.exceedances, ties=0 if counted is None else counted.ties,
        failed=0, p_asymptotic=p_asymptotic, z_asymptotic=significance(p_asymptotic), flags=flags,
        how="asymptotic law of two degrees of freedom" if counted is None else
        f"{counted.n} toys without signal, nuisances at their best values there, each toy's best fit over the plane",
        provenance=clock.provenance(problem, "null_significance", seed=calibration.settings()["seed"],
                                    settings={"toys": calibration.settings()["toys"]}),
    )  # fmt: skip
