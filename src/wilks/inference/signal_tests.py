"""Tests of one value of a signal parameter: CLs+b, CLb and CLs, observed and expected."""

from typing import Literal

import numpy as np
from scipy.special import ndtr

from wilks.likelihood.joint import as_simulator
from wilks.results.limits import SignalTest

from .asymptotic_limits import AsymptoticLimits
from .asymptotics import log_confidences, log_expected_cls
from .calibration import AbstractCalibration, ByToys
from .ensembles import Ensembles
from .exclusion import STEPS, Question
from .problem import Clock, Problem
from .signals import NULL, SignalProfile, insist_on_null
from .statistics import Exclusion
from .toy_curves import confidences, sound, tail_share


def signal_test(
    problem: Problem,
    clock: Clock,
    name: str,
    value: float,
    statistic: Literal["q", "qtilde"],
    calibration: AbstractCalibration,
) -> SignalTest:
    """Confidences in one value of a signal parameter on posed data, with the CLs expected without signal."""
    insist_on_null(problem.space, name)
    profile = SignalProfile(problem, name, statistic)
    own = calibration.simulator if isinstance(calibration, ByToys) else None
    simulator = as_simulator(problem.likelihood if own is None else own)
    question = Question(name, 0.95, "upper", "cls", statistic, expected=True, min_power=0.16)
    laws = AsymptoticLimits(question, profile, simulator)
    q, q_asimov = laws.evaluate(np.array([value]))
    if isinstance(calibration, ByToys):
        toys = Ensembles(problem, simulator, profile.theta_at, lambda v: Exclusion(name, v, statistic), calibration)
        toys.throw([(value, (value,)), (NULL, (value,))], 1)
        with_signal, without = toys.of(value, value), toys.of(NULL, value)
        found = confidences(with_signal, without, float(q[0]))
        numbers = found[2:]
        ratios = tail_share(np.sort(sound(with_signal)), sound(without)) / tail_share(
            np.sort(sound(without)), sound(without)
        )
        expected = np.quantile(np.minimum(ratios, 1.0), ndtr(STEPS))
        n, failed = calibration.toys, found.sb.failed + found.b.failed
        how = f"{n} toys at the tested value and as many without signal, each refitted, ties counted"
    else:
        logs = log_confidences(q, q_asimov, statistic)
        numbers = (*(float(np.exp(x[0])) for x in logs), 0.0, 0.0, 0.0)
        expected = np.exp(log_expected_cls(np.repeat(q_asimov, len(STEPS)), STEPS))
        n, failed, how = 0, 0, "asymptotic law; expected values from Asimov data without signal"
    return SignalTest(
        name=name,
        value=value,
        statistic=statistic,
        observed=float(q[0]),
        asimov=float(q_asimov[0]),
        cls_sb=numbers[0],
        cls_b=numbers[1],
        cls=numbers[2],
        cls_sb_error=numbers[3],
        cls_b_error=numbers[4],
        cls_error=numbers[5],
        expected=expected,
        best=profile.best_value,
        n=n,
        failed=failed,
        flags={**profile.flags, **laws.flags},
        how=how,
        provenance=clock.provenance(
            problem,
            "hypothesis_test",
            seed=calibration.settings()["seed"],
            settings={"null": {name: value}, "statistic": statistic, "toys": n},
        ),
    )
