"""The family table of results {name: constructor}; a new class is tested by adding a row."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.results.neural_family import NEURAL
from tests.results.planes import PLANES
from wilks.results.comparisons import CostComparison
from wilks.results.fits import FitResult, FitTable
from wilks.results.hypotheses import GoodnessOfFit, HypothesisTest
from wilks.results.impacts import Impacts
from wilks.results.intervals import Contour, Interval, Intervals
from wilks.results.limits import Limit, SignalTest
from wilks.results.minima import Minima
from wilks.results.predictions import Predictions
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.samples import Samples
from wilks.results.scans import Scan, ScanTable
from wilks.results.status import Status
from wilks.results.toys import Bias, Coverage, CoverageCurve, Toys

REFERENCE = Path(__file__).parents[1] / "reference"

PROVENANCE = Provenance(
    versions={"python": "3.13.0", "wilks": "0.1.0", "numpy": "2.3.0"},
    platform="Linux x86_64",
    device="cpu",
    precision="float64",
    threads="1 per process",
    seed=7,
    model_digest="5d41402abc4b2a76b9719d911017c592",
    data_digest="",
    settings={"level": 0.6827, "minimiser": "newton", "bounds": [0.0, 10.0], "note": None},
    started="2026-01-01T00:00:00+00:00",
    duration_s=1.25,
    command="",
)
CORRELATION = np.array([[1.0, -0.42], [-0.42, 1.0]])


def fit() -> FitResult:
    sigma = np.array([0.3127, 0.0482, np.nan, np.nan, 0.93])
    block = np.diag(np.where(np.isnan(sigma), 0.0, sigma) ** 2)
    block[0, 1] = block[1, 0] = -0.42 * sigma[0] * sigma[1]
    block[0, 4] = block[4, 0] = 0.2 * sigma[0] * sigma[4]
    return FitResult(
        names=("mu", "s_b", "gamma", "mass", "alpha_lumi"),
        theta=np.array([1.2874, 0.9713, 0.0, 125.0, -0.31]),
        sigma=sigma,
        fixed=np.array([False, False, False, True, False]),
        units=("", "", "", "GeV", ""),
        nll=78.12345678,
        excess=14.871,
        status=Status.AT_BOUND,
        cause="'gamma' at its lower bound",
        rung=1,
        edm=3.2e-12,
        iterations=7,
        evaluations=9,
        covariance=block,
        at_lower=("gamma",),
        at_upper=(),
        contributions={"SR": 27.11, "constraints": 2.632},
        pulls={"alpha_lumi": (-0.31, 0.93), "gamma": (-1.2, float("nan"))},
        ndf=27,
        start=np.array([1.0, 1.0, 0.5, 125.0, 0.0]),
        flags={"nuisance_at_bound": "the nuisance 'gamma' lies on its bound 0; asymptotic p-values may be wrong"},
        how="projected Newton with Fisher curvature; errors from the observed Hessian",
        provenance=PROVENANCE,
    )


def failed_fit() -> FitResult:
    return FitResult(
        names=("a", "b"),
        theta=np.array([np.nan, 1.0]),
        sigma=None,
        fixed=np.array([False, False]),
        units=("keV", ""),
        nll=np.inf,
        excess=np.inf,
        status=Status.FAILED,
        cause="the likelihood is not finite at the start",
        rung=3,
        edm=np.nan,
        iterations=0,
        evaluations=1,
        covariance=None,
        at_lower=(),
        at_upper=(),
        contributions={},
        pulls={},
        ndf=None,
        start=np.array([-np.inf, 1.0]),
        how="every rung of the ladder",
        provenance=PROVENANCE,
    )


def draws(n: int = 300) -> np.ndarray:
    spread = np.linalg.cholesky(CORRELATION) * np.array([[0.31], [0.048]])
    return np.round(np.array([1.0, 1.0]) + np.random.default_rng(1).normal(size=(n, 2)) @ spread.T, 4)


def statistics(n: int = 300, dof: int = 2) -> np.ndarray:
    return np.round(np.random.default_rng(2).chisquare(dof, size=n), 3)


def fit_table() -> FitTable:
    n = 6
    return FitTable(
        names=("mu", "s_b"),
        theta=draws(n),
        nll=np.linspace(70.0, 80.0, n),
        excess=np.linspace(10.0, 20.0, n),
        status=np.array([0, 0, 1, 2, 6, 0], dtype=np.int8),
        rung=np.array([0, 0, 0, 1, 3, 0]),
        edm=np.array([1e-9, 1e-9, 1e-8, 1e-8, np.nan, 1e-9]),
        iterations=np.array([4, 4, 5, 9, 100, 4]),
        flags={"failed_toys": "1 of 6 fits failed"},
        how="one compiled batch",
        provenance=PROVENANCE,
    )


def impacts() -> Impacts:
    nothing = float("nan")
    return Impacts(
        name="mu",
        best=1.2874,
        sigma=0.3127,
        names=("alpha_lumi", "s_b", "gamma"),
        values=np.array([-0.31, 0.9713, 1.02]),
        errors=np.array([0.93, 0.0482, 0.11]),
        pull=np.array([-0.31, nothing, 0.18]),
        constraint=np.array([0.93, nothing, 0.98]),
        up=np.array([-0.142, -0.131, 0.021]),
        down=np.array([0.151, 0.129, -0.018]),
        up_prefit=np.array([-0.155, nothing, 0.022]),
        down_prefit=np.array([0.166, nothing, nothing]),
        linear=np.array([-0.146, -0.13, 0.02]),
        shift_up=np.array([-0.133, nothing, 0.02]),
        shift_down=np.array([0.14, nothing, -0.019]),
        clipped=np.array([False, False, True]),
        status=np.array([0, 0, 1], dtype=np.int8),
        groups={"theory": 0.146, "rounding": -0.0001},
        statistical=0.241,
        flags={"unfinished": "some fits of gamma found no minimum; their impacts are left out"},
        how="changes of the best value, everything else refitted",
        provenance=PROVENANCE,
    )


def scan() -> Scan:
    grid = np.round(np.linspace(0.3, 2.4, 22), 3)
    z = (grid - 1.2874) / 0.3127
    return Scan(
        names=("mu",),
        grid=(grid,),
        delta=np.round(z**2 * (1.0 - 0.05 * z), 5),
        theta=np.stack([grid, np.round(0.9713 - 0.42 * 0.0482 * z, 5)], axis=-1),
        parameters=("mu", "s_b"),
        status=np.zeros(len(grid), dtype=np.int8),
        best=(1.2874,),
        best_nll=78.1234,
        fixed_others=False,
        how="profile likelihood",
        provenance=PROVENANCE,
    )


def scan_table() -> ScanTable:
    grid = np.round(np.linspace(0.3, 2.4, 5), 3)
    best = draws(6)
    return ScanTable(
        name="mu",
        grid=grid,
        delta=np.round(((grid - best[:, :1]) / 0.3127) ** 2, 5),
        status=np.where(np.arange(30).reshape(6, 5) == 7, 6, 0).astype(np.int8),
        parameters=("mu", "s_b"),
        best=best,
        best_nll=np.linspace(70.0, 80.0, 6),
        best_status=np.array([0, 0, 1, 2, 6, 0], dtype=np.int8),
        how="profiles of toys",
        provenance=PROVENANCE,
    )


def scan_2d() -> Scan:
    x, y = np.linspace(0.2, 2.4, 23), np.linspace(0.8, 1.15, 22)
    u, v = np.meshgrid((x - 1.2874) / 0.3127, (y - 0.9713) / 0.0482, indexing="ij")
    return Scan(
        names=("mu", "s_b"),
        grid=(np.round(x, 3), np.round(y, 4)),
        delta=np.round((u**2 + 0.84 * u * v + v**2) / (1.0 - 0.42**2) * (1.0 - 0.03 * u), 4),
        theta=np.stack(np.meshgrid(np.round(x, 3), np.round(y, 4), indexing="ij"), axis=-1),
        parameters=("mu", "s_b"),
        status=np.zeros(u.shape, dtype=np.int8),
        best=(1.2874, 0.9713),
        best_nll=78.1234,
        fixed_others=True,
        how="slice of the likelihood",
        provenance=PROVENANCE,
    )


def interval(name: str = "mu", lower: float = 0.9868, best: float = 1.2874) -> Interval:
    return Interval(
        name=name,
        unit="",
        level=0.6827,
        method="profile",
        lower=lower,
        upper=1.6139,
        lower_open=False,
        upper_open=False,
        pieces=((lower, 1.6139),),
        threshold=1.0,
        best=best,
        residuals=(2e-8, -4e-9),
        status=Status.OK,
        how="2 delta nll of the profile against chi2 with 1 dof",
        provenance=PROVENANCE,
    )


def open_interval() -> Interval:
    return Interval(
        name="sin2_2theta_ee",
        unit="",
        level=0.90,
        method="profile",
        lower=0.0,
        upper=0.5312,
        lower_open=True,
        upper_open=False,
        pieces=((0.0, 0.1133), (0.3021, 0.5312)),
        threshold=2.7055,
        best=0.0214,
        residuals=(np.nan, 1e-7),
        status=Status.AT_BOUND,
        flags={
            "open_interval": "the bound 0 of 'sin2_2theta_ee' comes before the threshold",
            "disconnected": "the interval has 2 pieces",
        },
        how="2 delta nll of the profile against chi2 with 1 dof",
        provenance=PROVENANCE,
    )


def intervals() -> Intervals:
    return Intervals(items=(interval(), open_interval()), how="all ends in one batch", provenance=PROVENANCE)


def contour() -> Contour:
    angle = np.linspace(0.0, 2.0 * np.pi, 49)
    circle = np.sqrt(2.2957) * np.stack([np.cos(angle), np.sin(angle)])
    spread = np.linalg.cholesky(CORRELATION) * np.array([[0.3127], [0.0482]])
    return Contour(
        names=("mu", "s_b"),
        level=0.6827,
        dof=2,
        threshold=2.2957,
        pieces=(np.round(np.array([1.2874, 0.9713]) + (spread @ circle).T, 5),),
        at_bound=(np.arange(49) == 5,),
        best=(1.2874, 0.9713),
        how="64 rays from the best fit",
        provenance=PROVENANCE,
    )


def hypothesis_test() -> HypothesisTest:
    return HypothesisTest(
        statistic="q0",
        observed=11.834,
        p_value=0.00049975,
        p_interval=(0.00027, 0.00096),
        p_interval_95=(0.00014, 0.0014),
        p_low=0.00049975,
        p_high=0.0014993,
        z=3.291,
        n=10_000,
        exceedances=4,
        ties=1,
        failed=10,
        p_asymptotic=0.000291,
        z_asymptotic=3.44,
        how="q0 by toys with profiled nuisances, each toy refitted; ties count as exceedances",
        provenance=PROVENANCE,
    )


def asymptotic_test() -> HypothesisTest:
    return HypothesisTest(
        statistic="q0",
        observed=4.0,
        p_value=0.0227501,
        p_interval=None,
        p_interval_95=None,
        p_low=None,
        p_high=None,
        z=2.0,
        n=0,
        exceedances=0,
        ties=0,
        failed=0,
        p_asymptotic=0.0227501,
        z_asymptotic=2.0,
        how="half a chi2 with 1 dof",
        provenance=PROVENANCE,
    )


def limit() -> Limit:
    mu = np.array([0.5, 1.0, 1.5])
    ratio, errors = np.array([0.31, 0.0525, 0.0061]), np.array([0.012, 0.004, 0.0011])
    return Limit(
        name="mu",
        unit="",
        level=0.95,
        side="upper",
        method="cls",
        statistic="qtilde",
        observed=1.0116,
        open_=False,
        observed_error=0.0121,
        expected=np.array([0.5599, 0.757, 1.0624, 1.5012, 2.0508]),
        expected_errors=np.array([0.004, 0.006, 0.009, 0.014, 0.03]),
        mu=mu,
        cls_sb=0.45 * ratio,
        cls_b=np.full(3, 0.45),
        cls=ratio,
        cls_sb_error=0.45 * errors,
        cls_b_error=np.full(3, 0.011),
        cls_error=errors,
        expected_cls=np.linspace(0.2, 2.0, 5)[:, None] * ratio,
        best=0.12,
        least_power=None,
        n=2000,
        failed=1,
        how="CLs = 0.05 by 2000 toys of qtilde",
        provenance=PROVENANCE,
    )


def open_limit() -> Limit:
    none = np.zeros(0)
    return Limit(
        name="wimp_rate_multiplier",
        unit="",
        level=0.9,
        side="upper",
        method="power-constrained",
        statistic="q",
        observed=10.0,
        open_=True,
        observed_error=0.0,
        expected=none,
        expected_errors=none,
        mu=none,
        cls_sb=none,
        cls_b=none,
        cls=none,
        cls_sb_error=none,
        cls_b_error=none,
        cls_error=none,
        expected_cls=np.zeros((0, 0)),
        best=4.2,
        least_power=1.3,
        n=0,
        failed=0,
        flags={"open_interval": "the upper limit is open: a bound comes before the confidence is reached"},
        how="asymptotic law",
        provenance=PROVENANCE,
    )


def signal_test() -> SignalTest:
    return SignalTest(
        name="mu",
        value=1.0,
        statistic="qtilde",
        observed=3.93824,
        asimov=3.41887,
        cls_b=0.444,
        cls_sb=0.0233,
        cls=0.0525,
        cls_b_error=0.011,
        cls_sb_error=0.0034,
        cls_error=0.0078,
        expected=np.array([0.0026, 0.0138, 0.0645, 0.2353, 0.573]),
        best=0.0,
        n=2000,
        failed=0,
        how="2000 toys at the tested value and as many without signal",
        provenance=PROVENANCE,
    )


def goodness() -> GoodnessOfFit:
    toys = statistics(400, 32)
    toys[17] = np.nan
    return GoodnessOfFit(
        statistic="saturated",
        observed=38.64,
        dof=32,
        p_asymptotic=0.1945,
        p_toys=0.2095,
        p_toys_interval=(0.189, 0.231),
        n=400,
        exceedances=83,
        ties=0,
        failed=1,
        refit=True,
        contributions={"SR": np.array([0.5, 20.14, 3.0]), "CR": np.array([[10.0, 5.0]]), "none": np.zeros(0)},
        toys=toys,
        how="Poisson toys from the fitted model, each refitted, auxiliary data fluctuated",
        provenance=PROVENANCE,
    )


def toys() -> Toys:
    n = 300
    status = np.zeros(n, dtype=np.int8)
    status[[3, 200]] = 6, 1
    t = statistics(n)
    t[3] = np.nan
    return Toys(
        names=("mu", "s_b"),
        theta=draws(n),
        excess=np.round(statistics(n, 30) / 2, 3),
        nll=np.round(60.0 + statistics(n, 30) / 2, 3),
        statistic="t",
        t=t,
        status=status,
        rung=np.zeros(n, dtype=int),
        seed=7,
        chunk_size=100,
        how="simulated at the best fit, auxiliary data fluctuated",
        provenance=PROVENANCE,
    )


def no_toys() -> Toys:
    return Toys(
        names=("mu", "s_b"),
        theta=np.zeros((0, 2)),
        excess=np.zeros(0),
        nll=np.zeros(0),
        statistic=None,
        t=None,
        status=np.zeros(0, dtype=np.int8),
        rung=np.zeros(0, dtype=int),
        seed=0,
        chunk_size=100,
        how="nothing simulated",
        provenance=PROVENANCE,
    )


def coverage() -> Coverage:
    lengths = np.array([0.6, 0.65, 0.7, np.inf, np.nan])
    return Coverage(
        name="mu",
        level=0.6827,
        n=5,
        covered=3,
        failed=1,
        open_=1,
        fraction=0.75,
        interval=(0.37, 0.96),
        lengths=lengths,
        truth=1.0,
        how="profile intervals of fresh toys",
        provenance=PROVENANCE,
    )


def coverage_curve() -> CoverageCurve:
    return CoverageCurve(
        names=("mu", "s_b"),
        truth=(1.0, 1.0),
        t=np.sort(statistics(398)),
        n=400,
        failed=2,
        dof=2,
        how="Poisson toys at the truth, t with both parameters fixed to it",
        provenance=PROVENANCE,
    )


def bias() -> Bias:
    return Bias(
        names=("mu", "s_b"),
        truth=np.array([1.0, 1.0]),
        residual_mean=np.array([0.0021, -0.0148]),
        residual_error=np.array([0.0044, 0.0007]),
        pull_mean=np.array([-0.012, -0.31]),
        pull_mean_error=np.array([0.014, 0.014]),
        pull_width=np.array([1.011, 0.974]),
        pull_width_error=np.array([0.01, 0.01]),
        median=np.array([0.998, 0.985]),
        at_bound_fraction=np.array([0.0, 0.0123]),
        n=5000,
        failed=3,
        how="pulls with the error of each fit",
        provenance=PROVENANCE,
    )


def costs() -> CostComparison:
    return CostComparison(
        names=("s_s", "s_b"),
        costs=("poisson", "pearson", "neyman", "cnp"),
        theta=np.array([[1.29, 0.97], [1.41, 1.02], [1.05, 0.86], [1.28, 0.965]]),
        sigma=np.array([[0.31, 0.048], [0.33, 0.05], [0.28, 0.044], [0.31, np.nan]]),
        minimum=np.array([36.2, 41.3, 33.9, 36.8]),
        ndf=np.array([32, 32, 29, 32]),
        excess_events=np.array([0.0, 20.65, -33.9, -1.2]),
        empty_bins=np.array([3, 3, 3, 3]),
        status=np.zeros(4, dtype=np.int8),
        flags={"biased_cost": "the Pearson fit exceeds the data by 20.6 events"},
        how="each cost minimised from the same start",
        provenance=PROVENANCE,
    )


def chains() -> np.ndarray:
    """Two chains of two parameters and one that was held."""
    return np.concatenate([draws(160), np.full((160, 1), 125.0)], axis=1).reshape(2, 80, 3)


def samples() -> Samples:
    nan = np.nan
    return Samples(
        names=("mu", "s_b", "mass"),
        units=("", "", "GeV"),
        fixed=np.array([False, False, True]),
        lower=np.array([0.0, 0.1, -np.inf]),
        upper=np.array([10.0, 10.0, np.inf]),
        draws=chains(),
        log_prob=np.round(-38.0 - 0.5 * statistics(160), 4).reshape(2, 80),
        log_prior=np.full((2, 80), -0.25),
        algorithm="Ensemble",
        warmup=500,
        spacing=10,
        converged=False,
        verdict="not converged: 800 steps after burn-in are fewer than 50 times the autocorrelation time, 31 for 'mu'",
        rhat=np.array([1.0123, 1.002, nan]),
        ess_bulk=np.array([151.0, 160.3, nan]),
        ess_tail=np.array([140.0, 149.2, nan]),
        mcse=np.array([0.025, 0.004, nan]),
        tau=np.array([31.0, 24.2, nan]),
        acceptance=np.array([0.61, 0.64]),
        evaluations=52_000,
        facts={"divergences": 0.0, "step size": nan},
        flags={"flat_prior": "no prior is given for mu: flat within bounds"},
        how="draws from likelihood times prior, within bounds",
        provenance=PROVENANCE,
    )


def predictions() -> Predictions:
    values = np.stack([chains()[..., 0] ** 2, np.where(chains()[..., 1] > 1.0, chains()[..., 1], np.nan)], axis=-1)
    return Predictions(
        names=("m12^2", "d/pi"),
        values=values,
        central=np.array([1.01, 1.04]),
        error=np.array([0.62, 0.03]),
        parameters=("mu", "s_b", "mass"),
        draws=chains(),
        log_prob=samples().log_prob,
        of_fit=False,
        how="a prediction for each of 160 posterior draws",
        provenance=PROVENANCE,
    )


def minima() -> Minima:
    return Minima(
        names=("v1", "v2", "mass"),
        theta=np.array([[1.2, -0.5, 125.0], [-1.2, 0.5, 125.0], [0.3, 0.7, 125.0]]),
        nll=np.array([78.1, 78.1, 80.35]),
        excess=np.array([2.4, 2.4, 4.65]),
        hits=np.array([21, 17, 1]),
        status=np.array([0, 0, 1], dtype=np.int8),
        starts=40,
        outcomes={"ok": 38, "at_bound": 1, "failed": 1},
        unseen=0.025,
        flags={"low": "a made-up flag"},
        how="starts spread over the space by a Latin hypercube",
        provenance=PROVENANCE,
    )


def global_fit() -> FitResult:
    return dataclasses.replace(fit(), minima=minima())


FAMILY: dict[str, Callable[[], AbstractResult]] = {
    "fit": fit,
    "failed_fit": failed_fit,
    "fit_table": fit_table,
    "impacts": impacts,
    "scan": scan,
    "scan_2d": scan_2d,
    "scan_table": scan_table,
    "interval": interval,
    "open_interval": open_interval,
    "intervals": intervals,
    "limit": limit,
    "open_limit": open_limit,
    "signal_test": signal_test,
    "contour": contour,
    "hypothesis_test": hypothesis_test,
    "asymptotic_test": asymptotic_test,
    "goodness": goodness,
    "toys": toys,
    "no_toys": no_toys,
    "coverage": coverage,
    "coverage_curve": coverage_curve,
    "bias": bias,
    "costs": costs,
    "samples": samples,
    "predictions": predictions,
    "minima": minima,
    "global_fit": global_fit,
    **NEURAL,
    **PLANES,
}


@pytest.fixture(scope="session")
def family() -> dict[str, Callable[[], AbstractResult]]:
    return FAMILY


@pytest.fixture(params=sorted(FAMILY))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def result(name: str) -> AbstractResult:
    return FAMILY[name]()


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of reference prints and files; WILKS_UPDATE_REFERENCE=1 writes them anew."""
    return REFERENCE


@pytest.fixture(scope="session")
def updating() -> bool:
    return os.environ.get("WILKS_UPDATE_REFERENCE") == "1"
