"""The tutorial of flamedisx from its first line to its last, in one text for both sides; plots go nowhere."""

from typing import Any

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np


def run(fd: Any, exp: Any) -> None:
    """Simulate, judge, fit, profile, redefine, fit again, compare.

    Args:
        fd: flamedisx, or the drop-in for it.
        exp: the exponential of its arrays.
    """
    np.random.seed(25)  # noqa: NPY002  both sides draw from numpy's global state
    many = fd.ERSource().simulate(1000)
    _scatter(many)
    _scatter(fd.ERSource().simulate(1000, fix_truth={"energy": 5.0}))
    _scatter(fd.ERSource().simulate(1000, fix_truth=many[:1]))
    data = fd.ERSource().simulate(25, full_annotate=True)
    source = fd.ERSource(data)
    for lifetime in (100e3, 500e3):
        _scatter(data, source.batched_differential_rate(elife=lifetime))
    _two(fd, data)
    _absorption(fd, data, exp)
    _yields(fd, data)
    _scatter(fd.ERSource().simulate(5000, elife=200e3, full_annotate=True))


def _two(fd, data):
    likelihood = fd.LogLikelihood(
        sources={"er": fd.ERSource}, data=data, elife=(300e3, 500e3, 2), free_rates=("er",)
    )  # fmt: skip
    best = likelihood.bestfit()
    likelihood.summary(best)
    likelihood.inverse_hessian(best)
    print(likelihood.interval("elife", bestfit=best, confidence_level=0.68))


def _absorption(fd, data, exp):
    class CustomERSource(fd.ERSource):
        @staticmethod
        def electron_detection_eff(z, absorption_length=60.0, extraction_efficiency=0.96):
            return extraction_efficiency * exp(z / absorption_length)

    likelihood = fd.LogLikelihood(
        sources={"er": CustomERSource}, data=data, absorption_length=(50.0, 70.0, 2), free_rates=("er",)
    )
    likelihood.summary(likelihood.bestfit(guess={"er_rate_multiplier": 0.02, "absorption_length": 62.0}))


def _yields(fd, data):
    class MyERSource(fd.ERSource):
        @staticmethod
        def p_electron(nq, a=0.0, b=-0.4, c=0.40, nq0=365.0):
            x = fd.tf_log10(nq / nq0 + 1e-9)
            return fd.safe_p(a * x**2 + b * x + c)

    bounds = {"a": (-0.5, 0.5, 2), "b": (-0.5, -0.2, 2), "c": (0.35, 0.45, 2), "elife": (400e3, 500e3, 2)}
    likelihood = fd.LogLikelihood(
        sources={"er": MyERSource}, data=data, **bounds, g2=(18.0, 22.0, 2), free_rates=("er",)
    )  # fmt: skip
    best = likelihood.bestfit()
    likelihood.summary(best)
    quanta = np.float32(np.logspace(1, 4, 100))
    plt.plot(quanta, MyERSource.p_electron(quanta, **{name: np.float32(best[name]) for name in "abc"}))
    plt.close("all")


def _scatter(frame, colour=None):
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    axes[0].scatter(frame["s1"], frame["s2"], c=frame["z"] if colour is None else colour)
    axes[1].scatter(frame["r"], frame["z"], c=frame["s2"] if colour is None else colour)
    figure.canvas.draw()
    plt.close(figure)
