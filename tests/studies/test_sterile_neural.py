"""The neural programme of the sterile study: its problem, its networks beside exact answers, its report."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.stats import binom

from wilks.cli import main
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.calibration import expected_coverage
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.grid_posteriors import posterior_on_grid
from wilks.inference.sbi.points import log_likelihoods, log_priors
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.proposals import independent_draws
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.physics.oscillation.join import join
from wilks.physics.oscillation.spaces import SINE, SPLITTING
from wilks.studies.measurement import Findings
from wilks.studies.sterile.distances import posterior_distances
from wilks.studies.sterile.loading import RATES, load
from wilks.studies.sterile.networks import Networks, Stopwatch, Training
from wilks.studies.sterile.problem import MIXINGS, pose_plane
from wilks.studies.sterile.programme import _bayesian
from wilks.studies.sterile.tension import _joint, _weighted, exact_suspiciousness
from wilks.studies.study import Effort


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


class OnGrid:
    """Draws of the cells of a grid by a power of their posterior density: 1 is exact, less is too wide."""

    def __init__(self, posed, power):
        self.space, self.grid = posed.space, posed.posterior()
        mass = self.grid.prior_mass * self.grid.density**power
        self.mass = mass / mass.sum()

    def sample(self, key, data, n, **_):
        generator = np.random.default_rng(np.asarray(jax.random.key_data(as_key(key))))
        places = np.unravel_index(generator.choice(self.mass.size, n, p=self.mass.ravel()), self.mass.shape)
        logs = [np.log(edges) for edges in self.grid.edges]
        theta = [np.exp(e[i] + generator.random(n) * (e[i + 1] - e[i])) for e, i in zip(logs, places, strict=True)]
        return independent_draws(self.space, np.stack(theta, axis=1), np.zeros(n), "OnGrid")

    def log_prob(self, values, data):
        columns = [np.atleast_1d(np.asarray(values[name])) for name in self.grid.names]
        cells = [
            np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
            for edges, x in zip(self.grid.edges, columns, strict=True)
        ]
        share = self.mass[tuple(cells)] / self.grid.prior_mass[tuple(cells)]
        with np.errstate(divide="ignore"):
            return np.log(share) + log_priors(self.space, np.stack(columns, axis=1))


def as_key(key):
    return jax.random.key(key) if isinstance(key, int) else key


@pytest.fixture(scope="module", params=[1.0, 0.3], ids=["exact", "wide"])
def answered(rates, request):
    network = OnGrid(rates, request.param)
    results = Findings(Effort())
    networks = Networks(flow=network, score=network, spline=network, ratio=None, ledger=())
    training = Training(draws=4000)
    return request.param, _bayesian(rates, networks, training, Effort(), Stopwatch(), results), results


def test_sbi_18_every_neural_posterior_carries_its_distance_to_the_exact_one(answered) -> None:
    power, found, results = answered
    lines = {line.of: line for line in posterior_distances(found)}
    assert set(lines) == set(results) - {"exact", "comparison"}
    assert all(np.isfinite(line.distance) for line in lines.values())
    assert "total variation" in str(results["comparison"])
    for name in ("flow", "score"):
        raw, corrected = lines[f"distance_{name}"], lines[f"distance_{name}_weighted"]
        evidence = lines[f"evidence_{name}"]
        # 12 nodes are coarse: draws spread evenly over a node's cell lose some of the shape within it
        assert (raw.distance - raw.chance < 0.05) == (power == 1.0)
        assert corrected.distance - corrected.chance < 0.05
        assert evidence.distance == pytest.approx(evidence.neural - evidence.exact)
        assert abs(evidence.distance) < 4 * evidence.chance + 0.03
    assert lines["map"].distance > -1e-6  # the best of all nodes is no higher than the maximum
    assert lines["map"].distance < 0.5


def test_sbi_18_joint_answers_are_those_of_a_grid(rates) -> None:
    network = OnGrid(rates, 0.3)
    sets, parts = {"one": rates, "two": rates}, {"one": network, "two": network}
    found = _weighted(sets, parts, ["one", "two"], Training(draws=2000), Effort())
    both = posterior_on_grid(*_joint(sets, ["one", "two"]), {SINE: 60, SPLITTING: 150})
    assert found.reliable
    assert abs(found.log_evidence - both.log_evidence) < 4 * found.error + 0.02  # cells of 2 % of the prior
    # data that are counted twice agree better than chance
    one = posterior_on_grid(rates.exact, rates.data, {SINE: 60, SPLITTING: 150})
    assert exact_suspiciousness({"reactors": one, "gallium": one, "all": both}) > 0


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
    # fault 18: what networks have answered, with its distance to the exact answer
    assert set(found["distances"]) == {
        "distance_flow", "distance_flow_weighted", "distance_score", "distance_score_weighted", "evidence_flow",
        "evidence_score", "bayes_factor", "map", "coverage", "set_learned", "set_profiled", "critical",
        "joint_reactors", "joint_gallium", "joint_all", "suspiciousness",
    }  # fmt: skip
    assert all(np.isfinite(line["distance"]) for line in found["distances"].values())
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
