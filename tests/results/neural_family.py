"""Made-up results of simulation-based inference, for the family table."""

from collections.abc import Callable

import numpy as np

from wilks.results.calibration import CoverageCheck, RankCalibration
from wilks.results.checks import LocalTest, Misspecification, PredictiveCheck, TotalVariation
from wilks.results.confidence import ConfidenceSet, CoverageMap
from wilks.results.contour_bands import ContourBands
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.subspaces import ActiveSubspace, ConditionalCorrelation
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


def ranks() -> RankCalibration:
    generator = np.random.default_rng(3)
    found = generator.integers(0, 10, (60, 2))
    found[:, 1] = np.where(generator.random(60) < 0.4, 9, found[:, 1])
    found[7] = -1
    expected = np.arange(1, 11) / 10
    width = 3 * np.sqrt(expected * (1 - expected) / 59)
    return RankCalibration(
        names=("s", "m"),
        ranks=found,
        draws=9,
        failed=1,
        p_chi2=np.array([0.4113, 0.0005]),
        p_ecdf=np.array([0.6221, 0.0005]),
        band_lower=np.maximum(expected - width, 0.0),
        band_upper=np.minimum(expected + width, 1.0),
        ok=False,
        verdict="not uniform: smallest p-value 0.002 ('m'), corrected for 4 tests",
        flags={"failed_sets": "1 of 60 sets failed; the first: ValueError: too high"},
        how="59 truths from the prior, 9 draws each; p-values by simulated uniform ranks",
        provenance=PROVENANCE,
    )


def coverage_check() -> CoverageCheck:
    shares = np.random.default_rng(4).random(80) ** 1.3
    grid = np.linspace(0.0, 1.0, 101)
    return CoverageCheck(
        kind="highest density",
        credibility=grid,
        coverage=np.searchsorted(np.sort(shares), grid, side="right") / 80,
        shares=shares,
        band=0.1497,
        gap=0.1201,
        p_value=0.183,
        draws=100,
        ok=True,
        verdict="largest departure 0.120, allowed 0.150 (95 %)",
        how="80 truths from the prior, 100 draws each; Kolmogorov's law",
        provenance=PROVENANCE,
    )


def predictive_check() -> PredictiveCheck:
    mean = np.array([12.0, 9.5, 4.2])
    return PredictiveCheck(
        statistic="deviance",
        blocks=("near", "far", "total"),
        p_values=np.array([0.41, 0.003, 0.052]),
        observed=np.array([2.9, 11.3, 14.2]),
        replicated=np.array([3.1, 2.0, 5.1]),
        probabilities=np.array([0.02275, 0.15866, 0.5, 0.84134, 0.97725]),
        bands={"near": mean + np.arange(-2.0, 3.0)[:, None], "far": 0.5 * mean[:2] + np.arange(-2.0, 3.0)[:, None]},
        data={"near": np.array([12.5, 9.0, 4.0]), "far": np.array([9.0, 4.5])},
        n=400,
        ok=False,
        verdict="smallest p-value 0.009 ('far'), corrected for 3 blocks; conservative",
        flags={"unlikely_data": "smallest p-value 0.009 ('far'), corrected for 3 blocks; conservative"},
        how="400 replicas, one at each of 400 posterior draws (FlowMatching)",
        provenance=PROVENANCE,
    )


def misspecification() -> Misspecification:
    return Misspecification(
        spaces=("data", "encoder"),
        features=(209, 16),
        mmd=np.array([0.213, 0.871]),
        mahalanobis=np.array([14.2, 9.9]),
        null=np.stack([np.linspace(0.1, 0.5, 20), np.linspace(0.1, 0.6, 20)]),
        p_mmd=np.array([0.38, 0.0476]),
        p_mahalanobis=np.array([0.52, 0.0476]),
        ok=True,
        verdict="smallest p-value 0.19 (kernel distance in 'encoder'), corrected for 4 tests",
        how="1000 prior-predictive simulations, 20 more for the p-values; these are no smaller than 1/21",
        provenance=PROVENANCE,
    )


def local_test() -> LocalTest:
    return LocalTest(
        statistic=0.0312,
        null=np.linspace(0.001, 0.02, 25),
        p_value=1 / 26,
        probabilities=np.linspace(0.3, 0.8, 40),
        ok=True,
        verdict="p-value 0.0385 from 25 permutations",
        how="1000 truths from the prior, 40 draws at the data; null by permuted labels",
        provenance=PROVENANCE,
    )


def total_variation() -> TotalVariation:
    exact = np.array([[0.5, 0.2], [0.2, 0.1]])
    return TotalVariation(
        names=("s", "m"),
        distance=0.05,
        floor=0.0213,
        draws=exact + np.array([[0.05, -0.05], [0.0, 0.0]]),
        exact=exact,
        effective=1000.0,
        how="exact masses from a grid",
        provenance=PROVENANCE,
    )


def grid_posterior() -> GridPosterior:
    return GridPosterior(
        names=("s", "m"),
        units=("", "eV^2"),
        edges=(np.array([0.001, 0.0316, 1.0]), np.array([0.0, 2.0, 4.0, 5.0])),
        centres=(np.array([0.01, 0.2]), np.array([1.0, 3.0, 4.5])),
        mass=np.array([[0.1, 0.05, 0.05], [0.6, 0.15, 0.05]]),
        prior_mass=np.array([[0.2, 0.2, 0.1], [0.2, 0.2, 0.1]]),
        log_evidence=-4.2133,
        how="likelihood in the middle of 6 cells of equal prior",
        provenance=PROVENANCE,
    )


def confidence_set() -> ConfidenceSet:
    t = np.array([[9.0, 3.1, 2.2, 4.0], [5.2, 0.4, 0.0, 6.0], [8.1, 7.7, 1.9, 12.0]])
    critical = np.full((3, 4), 4.1)
    return ConfidenceSet(
        names=("s", "m"),
        units=("", "eV^2"),
        level=0.9,
        axes=(np.array([0.01, 0.1, 1.0]), np.array([0.1, 0.5, 2.0, 10.0])),
        statistic=t,
        critical=critical,
        inside=t <= critical,
        best=(0.1, 2.0),
        open_ends=("s lower", "m upper"),
        flags={"open": "the set reaches the end of the grid: s lower, m upper"},
        how="RatioStatistic against critical values learned from 200000 toys",
        provenance=PROVENANCE,
    )


def coverage_map() -> CoverageMap:
    generator = np.random.default_rng(6)
    theta = generator.random((60, 2))
    return CoverageMap(
        names=("s", "m"),
        level=0.9,
        theta=theta,
        covered=generator.random(60) < 0.9,
        fitted=0.88 + 0.04 * theta[:, 0],
        error=np.full(60, 0.02),
        points=np.array([[0.1, 0.5], [0.7, 0.2]]),
        point_toys=np.array([1000, 1000]),
        point_covered=np.array([893, 911]),
        point_lower=np.array([0.883, 0.902]),
        point_upper=np.array([0.903, 0.920]),
        ok=True,
        verdict="average coverage 90.00 %, +0.0 binomial errors from 90 %",
        how="60 truths from the prior, one toy each; 1000 toys at each chosen point",
        provenance=PROVENANCE,
    )


def contour_bands() -> ContourBands:
    x, y = np.geomspace(0.01, 1.0, 9), np.geomspace(0.1, 10.0, 8)
    far = np.log(x / 0.1)[:, None] ** 2 + np.log(y / 1.0)[None] ** 2
    return ContourBands(
        names=("s", "m"),
        units=("", "eV^2"),
        level=0.9,
        x=x,
        y=y,
        share=1.0 / (1.0 + np.exp(far - 2.0) ** 2),
        truth=(0.1, 1.0),
        toys=198,
        failed=2,
        flags={"failed_simulations": "2 of 200 simulations at the truth failed"},
        how="regions of 2000 posterior draws per toy, of highest density per prior probability",
        provenance=PROVENANCE,
    )


def active_subspace() -> ActiveSubspace:
    return ActiveSubspace(
        names=("s", "m"),
        units=("", "eV^2"),
        scale="sd of the draws",
        scales=np.array([0.02, 0.7]),
        mean=-3.25,
        eigenvalues=np.array([4.1, 0.08]),
        errors=np.array([0.13, 0.004]),
        directions=np.array([[0.8, -0.6], [0.6, 0.8]]),
        draws=2000,
        how="eigenvectors of the mean outer product of gradients, which are exact derivatives",
        provenance=PROVENANCE,
    )


def conditional_correlation() -> ConditionalCorrelation:
    return ConditionalCorrelation(
        names=("s", "m"),
        correlation=np.array([[1.0, -0.62], [-0.62, 1.0]]),
        spread=np.array([[0.0, 0.11], [0.11, 0.0]]),
        points=20,
        how="quadrature over 48 x 48 cells around each conditional law",
        provenance=PROVENANCE,
    )


NEURAL: dict[str, Callable[[], AbstractResult]] = {
    "weighted_samples": weighted,
    "evidence": evidence,
    "bayes_factor": bayes_factor,
    "suspiciousness": suspiciousness,
    "ranks": ranks,
    "coverage_check": coverage_check,
    "predictive_check": predictive_check,
    "misspecification": misspecification,
    "local_test": local_test,
    "total_variation": total_variation,
    "grid_posterior": grid_posterior,
    "confidence_set": confidence_set,
    "coverage_map": coverage_map,
    "contour_bands": contour_bands,
    "active_subspace": active_subspace,
    "conditional_correlation": conditional_correlation,
}
