"""The Daya Bay release model as a process: chi-square with covariance, and its fit by iminuit."""

import functools

from dayabay_data_official import get_path_data
from dayabay_model import model_dayabay
from harness.serving import Answer, Work, serve
from iminuit import Minuit
from problems import dayabay as problem

_NAMES = (
    "survival_probability.SinSq2Theta13",
    "survival_probability.DeltaMSq32",
    *(f"neutrino_per_fission_factor.spec_scale_{i:02d}" for i in range(19)),
)


class Release:
    """The model with its chi-square as a function of the 21 parameters."""

    def __init__(self) -> None:
        model = model_dayabay(path_data=get_path_data("npz"))
        every = model.storage["parameters.all"]
        self.parameters = [every[name] for name in _NAMES]
        self.output = model.storage["outputs.statistic.full.covmat.chi2cnp"]
        self(problem.STARTS)

    def __call__(self, values) -> float:
        """Chi-square; only parameters that changed are set, so that only what depends on them is computed."""
        for parameter, value in zip(self.parameters, values, strict=True):
            if parameter.value != value:
                parameter.value = float(value)
        return float(self.output.data[0])


@functools.cache
def release() -> Release:
    """The model, built once."""
    return Release()


def chi2(n: int) -> Work:
    """Chi-square at displaced parameters."""
    model = release()

    def work() -> Answer:
        found = [model(problem.displaced(i)) for i in range(n)]
        return {"items": n, "values": found[:10], "scale": 1.0}

    return work


def fit() -> Work:
    """Fit of all 21 parameters."""
    model = release()

    def work() -> Answer:
        minimiser = Minuit(model.__call__, problem.STARTS)
        minimiser.errordef = Minuit.LEAST_SQUARES
        minimiser.migrad()
        assert minimiser.valid
        return {"items": 1, "values": list(minimiser.values)[:2], "calls": minimiser.nfcn}

    return work


if __name__ == "__main__":
    serve({"chi2": chi2, "fit": fit})
