"""The chain from events to p-values of two models: closures of its inputs, and what it finds."""

import json

import numpy as np
import pytest
from scipy.special import logsumexp, ndtr

from wilks._base.errors import InvalidFile, InvalidOption, MissingExtra
from wilks.cli import main
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product
from wilks.likelihood.variations import log_densities, means_at
from wilks.physics.response.cross_sections import cross_section_table
from wilks.studies.crosssection import analysis, background, generate, model_a, model_b, read_tables
from wilks.studies.crosssection.analysis import build_chain, crosssection
from wilks.studies.crosssection.experiment import DETECTORS, PROCESSES, SIMULATED_YEARS
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort

TOTALS = ((background, 30.0), (model_a, 100.0), (model_b, 100.0))
EDGES = {"E": [0.0, 2.0, 6.0, 8.0, 20.0, np.inf], "true_x": [-np.inf, -1.0, 0.0, 1.5, np.inf]}


def bins(low=0.0):
    truth = Grid((Intervals("true_x", EDGES["true_x"]), Intervals("true_y", [-np.inf, -0.5, 0.5, np.inf])))
    return Product((truth, Grid((Intervals("E", [low, *EDGES["E"][1:]]),))))


@pytest.mark.parametrize(("function", "total"), TOTALS)
@pytest.mark.parametrize("low", [0.0, -np.inf])
def test_cross_sections_of_each_flux_bin_sum_up_to_the_total(function, total, low):
    table = cross_section_table(function, bins(low)).reshape(-1, 5)
    np.testing.assert_allclose(table.sum(axis=0), total, rtol=1e-12)


def test_cross_sections_of_one_bin_are_those_of_the_formula():
    edges = {"E_min": 6.0, "E_max": 8.0, "true_x_min": -0.4, "true_x_max": 0.0, "true_y_min": 0.0, "true_y_max": 1.0}
    share = (min(8.0, 2 * (0.0 - 0.1) + 8) - max(6.0, 2 * (-0.4 - 0.1) + 8)) / 2.0
    assert float(model_a(**edges)) == pytest.approx(100 * share * (ndtr(0.8) - ndtr(-0.2)), rel=1e-12)
    middle = 0.5 * (max(6.0, 2 * -0.4 + 8) + 8.0)
    mean = 0.5 * (middle - 8) / 2
    expected = 100 * (8.0 - 7.2) / 2 * (ndtr((1 - mean) / 0.75) - ndtr(-mean / 0.75))
    assert float(model_b(**edges)) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(model_a(**{**edges, "E_min": -np.inf, "E_max": np.inf}))


def test_generated_tables_follow_the_experiment():
    tables = generate(3)
    for name, process in PROCESSES.items():
        expected = process.rate * SIMULATED_YEARS
        assert abs(len(tables.truth[name]["true_x"]) - expected) < 5 * np.sqrt(expected)
        seen = tables.seen[name]
        shift = seen["reco_x"] - seen["true_x"]
        assert shift.std() == pytest.approx(process.resolution, rel=5 / np.sqrt(2 * len(shift)))
        varied = tables.varied[name]
        assert sum(column.startswith("weight_") for column in varied) == DETECTORS
        # a scale of the smearing is common to all events of a variation
        scales = (varied["reco_x_7"] - varied["true_x"]) / shift
        np.testing.assert_allclose(scales, scales[0], rtol=1e-6)
    np.testing.assert_array_equal(tables.data["reco_x"], generate(3).data["reco_x"])
    assert len(generate(4).data["reco_x"]) != len(tables.data["reco_x"])
    with pytest.raises(InvalidOption, match="model 'C'"):
        generate(1, truth="C")


@pytest.fixture(scope="module")
def report():
    return crosssection(posterior=False, effort=Effort(toys=40))


def test_the_chain_finds_the_model_that_generated_the_data(report):
    """Nature follows model B: as it is, it must not be excluded, and the mixture's total must be right."""
    assert report.status in ("ok", "at_bound")
    as_it_is = {test["hypothesis"]: test for test in report.numbers["detectors"]}["model B as it is"]
    assert as_it_is["p_value"] > 1e-3
    values = {name: entry["value"] for name, entry in report.numbers["parameters"].items()}
    assert values["A"] + values["B"] == pytest.approx(1.0, abs=0.5)  # four times the error of the sum
    assert report.numbers["effective_variations"] > 10


def test_the_posterior_of_the_weights_is_that_summed_on_a_grid(monkeypatch):
    chain, results = build_chain(generate(1), 1), Findings(Effort(toys=0))
    monkeypatch.setattr(analysis, "_WALKER_STEPS", 1000)
    assert analysis._sample(chain, Effort(toys=0), results) == {}
    drawn, likelihood = results["posterior"], chain.varied
    data = likelihood.prepare(chain.data)
    a, b = (m.ravel() for m in np.meshgrid(np.arange(5.0, 1400.0, 10.0), np.arange(5.0, 1400.0, 10.0)))
    counts = np.broadcast_to(data.counts, (a.size, len(data.counts)))
    height = logsumexp(log_densities(means_at(likelihood.predictor, np.stack([a, b], axis=1)), counts), axis=0)
    weight = np.exp(height - height.max())
    for name, values in (("A", a), ("B", b)):
        mean = np.average(values, weights=weight)
        width = np.sqrt(np.average((values - mean) ** 2, weights=weight))
        assert abs(drawn.mean(name) - mean) < 4 * width / np.sqrt(drawn.effective(name)) + 1.0  # of the grid's step
        assert drawn.values(name).min() >= 0


def test_without_the_packages_for_chains_the_report_says_so(monkeypatch):
    def missing(*_, **__):
        raise MissingExtra("arviz-base", "sampling")

    monkeypatch.setattr(analysis, "sample", missing)
    report = crosssection(effort=Effort(toys=0))
    assert "sampling" in report.flags["no_posterior"]
    assert "posterior" not in report.results


def test_only_truth_bins_in_both_variables_give_compatible_matrices(report):
    rows = {row[0]: row for row in report.results["compatibility"].rows}
    assert float(rows["true_x only"][5]) < 1e-4
    assert float(rows["true_x and true_y"][5]) > 0.05
    assert int(rows["merged"][1]) < 250


def test_every_result_is_shown_in_a_chapter_and_every_figure_can_be_drawn(report):
    shown = {name for chapter in report.chapters for name in chapter.results}
    assert shown == {name for name in report.results if not name.startswith("scan_")}
    figures = {caption for chapter in report.chapters for caption in chapter.draw()}
    assert len(figures) == 11


def test_likelihoods_of_the_chain_have_the_sizes_of_the_experiment():
    chain = build_chain(generate(1), 1)
    assert chain.one.predictor.matrices.shape == (1, 8, 2)
    assert chain.varied.predictor.matrices.shape == (100, 8, 2)
    assert chain.flux.predictor.matrices.shape == (100, 8, 4)
    assert chain.flux.space.names == ("noise", "bg", "A", "B")


@pytest.mark.shared
def test_the_tutorials_files_give_its_published_fits(shared_data):
    report = crosssection(folder=shared_data / "response", posterior=False, effort=Effort(toys=0))
    found = {test["hypothesis"]: test for test in report.numbers["one_matrix"]}
    # published: seven decimals of ln L, four or five of the weights, whose fit has an EDM of 1e-10 at errors of 350
    assert found["model A as it is"]["nll"] == pytest.approx(27.8002342, abs=6e-8)
    assert found["model A alone"]["values"]["A"] == pytest.approx(900.29284, abs=6e-4)
    assert found["mixture of both"]["nll"] == pytest.approx(23.8187999, abs=6e-8)
    assert found["mixture of both"]["values"]["B"] == pytest.approx(601.04184, abs=0.02)
    varied = {test["hypothesis"]: test for test in report.numbers["detectors"]}
    assert varied["model B alone"]["nll"] == pytest.approx(24.9471027, abs=6e-8)
    assert varied["mixture of both"]["nll"] == pytest.approx(24.4794967, abs=6e-8)
    assert varied["mixture of both"]["effective_variations"] == pytest.approx(48.5, abs=0.05)
    rows = [row[3:5] for row in report.results["compatibility"].rows]
    assert rows == [("406.0", "104"), ("457.6", "696"), ("412.9", "640")]
    assert report.numbers["truth_bins"] == 169


def test_a_folder_without_tables_is_named(tmp_path):
    with pytest.raises(InvalidFile, match="no such"):
        read_tables(tmp_path)


def test_the_command_writes_its_folder(capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        main.run(
            ["run", "crosssection", "--toys", "0", "--no-posterior", "--json", "--quiet", "--output", str(tmp_path)]
        )
    assert end.value.code == 0
    document = json.loads(capsys.readouterr().out)
    assert document["result"]["source"].startswith("generated by the package with seed 1")
    assert len(document["result"]["wilks_p_values"]["A"]["p_value"]) == 50
    assert "Which model?" in (tmp_path / "report.html").read_text(encoding="utf-8")
