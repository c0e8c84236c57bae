"""The problems of the xenon wing: electronic recoils from plain numpy, and tasks that both sides state in one text."""

from collections.abc import Callable
from typing import Any

import numpy as np
from harness.serving import Answer, Work

SAMPLE = 8
LIFETIMES = (452e3, 430e3, 470e3)  # ns; calls walk through them, so that no side can remember an answer
YIELDS = {"a": 0.0, "b": -0.4, "c": 0.4, "elife": 452e3, "g2": 20.0}
YIELD_BOUNDS = {"a": (-0.5, 0.5, 2), "b": (-0.5, -0.2, 2), "c": (0.35, 0.45, 2), "elife": (400e3, 500e3, 2),
                "g2": (18.0, 22.0, 2)}  # fmt: skip
_DRIFT_VELOCITY, _T_START, _YEAR = 1.335e-4, 1_567_326_480e9, 31_622_400e9


def events(n: int) -> dict[str, np.ndarray]:
    """The first ``n`` events that survive the default cuts; shorter lists begin longer ones."""
    draws = np.random.default_rng(25)
    parts: list[dict[str, np.ndarray]] = []
    while sum(len(part["s1"]) for part in parts) < n:
        parts.append(_thousand(draws))
    return {name: np.concatenate([part[name] for part in parts])[:n] for name in parts[0]}


def _thousand(draws: np.random.Generator) -> dict[str, np.ndarray]:
    """What survives of 1000 recoils of the default source (J. Aalbers et al., Phys. Rev. D 102 (2020) 072010)."""
    r, theta = 47.9 * np.sqrt(draws.random(1000)), 2 * np.pi * draws.random(1000)
    z, time = -97.6 * draws.random(1000), _T_START + _YEAR * draws.random(1000)
    quanta = np.floor(np.linspace(0, 10, 1000)[draws.integers(1, 1000, 1000)] / 13.7e-3)
    u = np.log10(quanta * 13.7e-3 / 5 + 1e-9)
    mean = np.clip(1 - 13.7e-3 * (15 * u**2 - 27.7 * u + 32.5), 0.011, 0.95)
    variance = np.clip(0.041 * (1 - np.exp(-quanta / 123)), 0.005, None) ** 2
    alpha = np.maximum(mean * (mean / variance - mean**2 / variance - 1), 1e-2)
    photons = draws.binomial(quanta.astype(int), draws.beta(alpha, alpha * (1 / mean - 1)))
    found = draws.binomial(photons, 0.1)
    pe = found + draws.binomial(found, 0.219)
    electrons = draws.binomial(quanta.astype(int) - photons, 0.96 * np.exp(z / _DRIFT_VELOCITY / 452e3))
    s1 = draws.normal(pe, 0.5 * np.sqrt(pe) + 1e-9)
    s2 = draws.normal(20.0 * electrons, 5 * np.sqrt(electrons) + 1e-9)
    kept = (found >= 3) & (s1 > 2) & (s1 < 70) & (s2 > 2) & (s2 < 6000)
    columns = {"s1": s1, "s2": s2, "r": r, "theta": theta, "z": z, "x": r * np.cos(theta), "y": r * np.sin(theta),
               "drift_time": -z / _DRIFT_VELOCITY, "event_time": time}  # fmt: skip
    return {name: column[kept] for name, column in columns.items()}


def yields_source(fd: Any) -> type:
    """The tutorial's source with a free charge yield, in the words of its text."""

    class MyERSource(fd.ERSource):
        @staticmethod
        def p_electron(nq, a=0.0, b=-0.4, c=0.40, nq0=365.0):
            x = fd.tf_log10(nq / nq0 + 1e-9)
            return fd.safe_p(a * x**2 + b * x + c)

    return MyERSource


def two_parameters(fd: Any, n: int) -> Any:
    """The tutorial's likelihood of rate and lifetime."""
    import pandas as pd

    return fd.LogLikelihood(
        sources={"er": fd.ERSource},
        data=pd.DataFrame(events(n)),
        elife=(300e3, 600e3, 2),
        free_rates=("er",),
        progress=False,
    )


def six_parameters(fd: Any, n: int) -> Any:
    """The tutorial's likelihood of rate, charge yields, lifetime and gain."""
    import pandas as pd

    return fd.LogLikelihood(
        sources={"er": yields_source(fd)},
        data=pd.DataFrame(events(n)),
        free_rates=("er",),
        progress=False,
        **YIELD_BOUNDS,
    )


def tasks(fd: Any) -> dict[str, Callable[..., Work]]:
    """Tasks of one side.

    Args:
        fd: flamedisx, or the drop-in for it.
    """

    def rate(n: int) -> Work:
        """Differential rates of a list of events."""
        import pandas as pd

        source, lifetimes = fd.ERSource(pd.DataFrame(events(n))), _walk()

        def work() -> Answer:
            found = source.batched_differential_rate(progress=False, elife=next(lifetimes))
            return {"items": 1, "values": np.log(np.asarray(found)[:SAMPLE]).tolist(), "scale": 1.0}

        return work

    def gradient(n: int) -> Work:
        """ln L with its gradient in rate and lifetime."""
        likelihood, lifetimes = two_parameters(fd, n), _walk()

        def work() -> Answer:
            found = likelihood.log_likelihood(er_rate_multiplier=n / 848.0, elife=next(lifetimes))
            return {"items": 1, "values": [float(found[0])], "scale": float(n)}

        return work

    def hessian(n: int) -> Work:
        """The inverse Hessian in six parameters."""
        likelihood, lifetimes = six_parameters(fd, n), _walk()

        def work() -> Answer:
            found = likelihood.inverse_hessian({**YIELDS, "er_rate_multiplier": n / 848.0, "elife": next(lifetimes)})
            return {"items": 1, "values": np.sqrt(np.abs(np.diag(found))).tolist(), "scale": 1.0}

        return work

    def fit_and_interval(n: int) -> Work:
        """The tutorial's fit, its print, and the 68 % interval; answers in units of the error of the lifetime."""
        likelihood = two_parameters(fd, n)

        def work() -> Answer:
            best = likelihood.bestfit(suppress_warnings=True)
            likelihood.summary(best)
            ends = likelihood.interval("elife", bestfit=best, confidence_level=0.68, suppress_warnings=True)
            return {"items": 1, "values": [float(best["elife"]), *map(float, ends)], "scale": 2.6e4}

        return work

    def fit_yields(n: int) -> Work:
        """The tutorial's fit of six parameters."""
        likelihood = six_parameters(fd, n)

        def work() -> Answer:
            best = likelihood.bestfit(suppress_warnings=True)
            return {"items": 1, "values": [float(best["elife"])], "scale": 4e4}

        return work

    def simulate(n: int) -> Work:
        """Simulated events; the answer is the share that survives."""
        source = fd.ERSource()

        def work() -> Answer:
            return {"items": 1, "values": [len(source.simulate(n)) / n], "scale": 1.0}

        return work

    found = (rate, gradient, hessian, fit_and_interval, fit_yields, simulate)
    return {f"xenon_{task.__name__}": task for task in found}


def _walk():
    while True:
        yield from LIFETIMES
