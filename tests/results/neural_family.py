"""Made-up results of simulation-based inference, for the family table."""

from collections.abc import Callable

import numpy as np

from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.weighted import BayesFactor, Evidence, Suspiciousness, WeightedSamples

PROVENANCE = Provenance(
    versions={"python": "3.13.0", "wilks": "0.1.0", "numpy": "2.3.0"},
    platform="Linux x86_64",
    device="cpu",
    precision="float64",
    threads="1 per process",
    seed=7,
    model_digest="5d41402abc4b2a76b9719d911017c592",
    data_digest="",
    settings={"n": 6},
    started="2026-01-01T00:00:00+00:00",
    duration_s=1.25,
    command="",
)
PRIORS = {"s": "LogUniform(lower=0.001, upper=1.0) in [0.001, 1]", "m": "Uniform(lower=0.0, upper=5.0) in [0, 5]"}
LOW = "effective sample size 3.1, Pareto k 0.91; needed are 400 and at most 0.7"


def weighted() -> WeightedSamples:
    return WeightedSamples(
        names=("s", "m", "scale"),
        units=("", "eV^2", ""),
        fixed=np.array([False, False, True]),
        lower=np.array([1e-3, 0.0, -np.inf]),
        upper=np.array([1.0, 5.0, np.inf]),
        theta=np.array([[0.1, 1.2, 1.0], [0.12, 1.3, 1.0], [0.09, 1.1, 1.0], [1.7, 1.2, 1.0], [0.3, 4.0, 1.0]]),
        log_weight=np.array([-3.1, -2.9, -3.4, -np.inf, -9.0]),
        log_likelihood=np.array([-12.0, -11.8, -12.4, -np.inf, -17.3]),
        log_prior=np.array([0.3, 0.1, 0.4, -np.inf, -0.7]),
        from_prior=1,
        log_evidence=-3.62,
        error=0.31,
        ess=3.1,
        pareto_k=0.91,
        reliable=False,
        verdict=LOW,
        priors=PRIORS,
        flags={"low_ess": LOW},
        how="importance weights of the exact likelihood; 20 % of the draws from the prior",
        provenance=PROVENANCE,
    )


def evidence() -> Evidence:
    return Evidence(
        model="s = 0 held",
        log_evidence=-4.105,
        error=0.02,
        reliable=True,
        priors={"m": PRIORS["m"]},
        how="likelihood at s = 0, the prior of m integrated by 20000 draws: exact",
        provenance=PROVENANCE,
    )


def bayes_factor() -> BayesFactor:
    return BayesFactor(
        log_ratio=0.485,
        error=0.3106,
        first=weighted().evidence,
        second=evidence(),
        flags={"low_ess (first)": LOW},
        how="evidences scale with the prior ranges, and so does their ratio",
        provenance=PROVENANCE,
    )


def suspiciousness() -> Suspiciousness:
    return Suspiciousness(
        log_ratio=-2.31,
        error=0.08,
        information=3.2,
        log_suspiciousness=-5.51,
        dimension=1.93,
        p_value=0.00213,
        reliable=True,
        how="chi-square law of Gaussian posteriors with 1.93 directions in common; 3.07 sigma, two-sided",
        provenance=PROVENANCE,
    )


NEURAL: dict[str, Callable[[], AbstractResult]] = {
    "weighted_samples": weighted,
    "evidence": evidence,
    "bayes_factor": bayes_factor,
    "suspiciousness": suspiciousness,
}
