"""The neural programme of the sterile study: its problem, its networks beside exact answers, its report."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from wilks.cli import main
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.calibration import expected_coverage
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.points import log_likelihoods
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.physics.oscillation.join import join
from wilks.studies.sterile.loading import RATES, load
from wilks.studies.sterile.problem import MIXINGS, pose_plane


@pytest.fixture(scope="module")
def rates():
    return pose_plane(load(None).studies[RATES], 12)


def test_the_exact_posterior_covers_the_prior_of_the_networks(rates) -> None:
    exact = rates.posterior()
    assert np.sum(exact.prior_mass) == pytest.approx(1.0, rel=1e-9)  # trapezoids of a flat prior are exact
    assert exact.edges[0][0] == rates.space.lowers[0] == MIXINGS[0]
    theta = np.array([[exact.centres[0][i], exact.centres[1][k]] for i, k in ((3, 7), (8, 30))])
    found = log_likelihoods(rates.exact, rates.data, theta)
    assert found == pytest.approx([exact.log_likelihood[3, 7], exact.log_likelihood[8, 30]], rel=1e-9)
    assert np.isfinite(exact.log_null)


def test_tested_nodes_are_among_the_tabulated_ones(rates) -> None:
    amplitudes, shapes = rates.nodes
    assert len(amplitudes) == len(shapes) == 12
    assert set(shapes) < set(rates.signal.grid.shapes)
    assert rates.summary.features < 25  # of 25 rates, those that differ between nodes


def test_pairs_are_the_same_for_any_number_of_workers(rates) -> None:
    one = simulate_pairs(3, rates.exact, rates.space, 3000)
    two = simulate_pairs(3, rates.exact, rates.space, 3000, executor=2)
    assert one.theta.tobytes() == two.theta.tobytes()
    assert {n: b.tobytes() for n, b in one.data.items()} == {n: b.tobytes() for n, b in two.data.items()}


def test_too_small_a_training_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.run(["run", "sterile", "--pairs", "10"])
    assert end.value.code == 2
    assert "--pairs" in capsys.readouterr().err


@pytest.mark.slow
def test_the_programme_runs_without_files(tmp_path: Path) -> None:
    small = ["--pairs", "2000", "--steps", "60", "--rounds", "2", "--checks", "20", "--draws", "2000"]
    with pytest.raises(SystemExit) as end:
        main.run(
            ["run", "sterile", *small, "--toys", "60", "--nodes", "12", "--quiet", "--json", "--output", str(tmp_path)]
        )
    assert end.value.code in (0, 4)  # so short a training need not pass its checks
    results = json.loads((tmp_path / "results.json").read_text())
    found = results["result"]
    assert found["learned"] == ["rates"]
    assert {"PROSPECT_not_loaded", "DANSS_not_loaded"} <= set(results["flags"])
    # weighted draws know the evidence whatever the network
    flow = found["posterior"]["flow"]
    assert abs(flow["log_evidence_minus_exact"]) < 5 * flow["log_evidence_error"] + 0.05
    assert set(found["verdicts"]) >= {"ranks", "tarp", "local_test", "predictive", "misspecification", "coverage"}
    assert set(found["tests"]) == {"null", "null_gallium", "agreement"}  # rates count once
    assert found["suspiciousness"]["log_suspiciousness"] < 0  # reactors and gallium disagree
    assert "critical values" in (tmp_path / "report.html").read_text().lower()


@pytest.mark.slow
@pytest.mark.shared
def test_credible_regions_of_the_reactor_problem_cover(shared_data: Path) -> None:
    studies = load(shared_data / "oscillation").studies
    posed = pose_plane(join({n: studies[n] for n in ("PROSPECT", "DANSS", "Bugey-3")}), 16)
    posterior = train_posterior(
        1, posed.exact, posed.space, path=SplineFlow(), pairs=30_000, encoder=posed.summary,
        budget=Budget(steps=4_000), coordinate="normal", standardise="none",
    )  # fmt: skip
    check = expected_coverage(2, posterior, posed.exact, n=500, draws=200)
    inside = round(500 * check.at(0.90))
    # 99 % of binomial counts; the network's own error adds to it and is what is tested
    low, high = binom.interval(0.99, 500, 0.90)
    assert low <= inside <= high
