"""Figures of simulation-based inference show bands, exact answers and verdicts."""

import dataclasses

import numpy as np
import pytest

from wilks._base.errors import InvalidData
from wilks.plots.neural.calibration import calibration_curves, local_pp, rank_histogram
from wilks.plots.neural.planes import contour_bands, critical_maps, learned_region
from wilks.plots.neural.posteriors import _drawn, posterior_pair, weights
from wilks.plots.neural.training import training
from wilks.plots.posteriors import grid_posterior


def texts(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_the_bars_of_uniform_ranks_lie_in_their_band(results):
    ranks = np.tile(np.arange(results["ranks"].draws + 1), 20)
    even = dataclasses.replace(results["ranks"], ranks=np.stack([ranks] * len(results["ranks"].names), axis=1))
    bars, _ = rank_histogram(even, bars=7).axes[:2]
    band, heights = bars.collections[0].get_paths()[0].vertices[:, 1], bars.patches[0].get_data().values
    assert band.min() < heights.min()
    assert heights.max() < band.max()
    skewed = dataclasses.replace(even, ranks=even.ranks // 3)
    bars = rank_histogram(skewed, bars=7).axes[0]
    assert bars.patches[0].get_data().values.max() > bars.collections[0].get_paths()[0].vertices[:, 1].max()


def test_several_checks_share_one_diagonal(results):
    check = results["coverage_check"]
    other = dataclasses.replace(check, kind="random points")
    assert {f"{check.kind}, {len(check)} truths", f"random points, {len(check)} truths"} < set(
        texts(calibration_curves([check, other]))
    )


def test_a_local_test_says_its_p_value(results):
    assert any(text.startswith("p = ") for text in texts(local_pp(results["local_test"])))


def test_a_learned_region_is_drawn_with_the_exact_ones(results):
    ax = learned_region(results["confidence_set"], exact=results["region"], posterior=results["plane_posterior"])
    assert [text for text in texts(ax) if "toys at every node" in text or "credible" in text]
    three = dataclasses.replace(results["confidence_set"], names=("a", "b", "c"))
    with pytest.raises(InvalidData, match="two parameters"):
        learned_region(three)


def test_learned_critical_values_stand_beside_those_of_toys(results):
    region = results["region"]
    learned = dataclasses.replace(
        results["confidence_set"], names=region.names, level=region.level, axes=(region.x, region.y),
        statistic=region.t,
        critical=region.critical + 0.25, inside=region.inside,
    )  # fmt: skip
    figure = critical_maps(learned, region)
    one, two, three = (ax for ax in figure.axes if ax.get_label() != "<colorbar>")
    assert three.get_title() == "difference, rms 0.25"
    assert one.collections[0].get_clim() == two.collections[0].get_clim()
    finite = np.isfinite(region.critical)
    assert np.asarray(three.collections[0].get_array()).T[finite] == pytest.approx(0.25)
    with pytest.raises(InvalidData, match="the same nodes"):
        critical_maps(dataclasses.replace(learned, level=0.5), region)


def test_bands_of_contours_name_truth_and_toys(results):
    ax = contour_bands(results["contour_bands"])
    assert "90 % contour, median of 198 toys" in texts(ax)
    assert {"68 % of the contours", "95 % of the contours", "truth"} < set(texts(ax))


def test_draws_stand_beside_the_exact_posterior(results):
    samples, exact = results["samples"], results["plane_posterior"]
    names = samples.free[:2]
    ax = posterior_pair({"flow": samples, "score": samples}, names)
    assert texts(ax) == ["flow", "score"]
    with pytest.raises(InvalidData, match="the exact posterior is one of"):
        posterior_pair(samples, names, exact=exact)


def test_the_exact_posterior_is_smoothed_like_draws_of_it(results):
    exact = results["plane_posterior"]
    theta = _drawn(exact, 20_000, (False, False))
    for i, name in enumerate(exact.names):
        # evenly spread over cells: the mean of 20,000 draws is known to 0.7 % of the spread, cells add their width
        width = np.diff(exact.edges[i]).max()
        assert theta[i].mean() == pytest.approx(exact.mean(name), abs=0.05 * exact.std(name) + 0.5 * width)
        assert exact.edges[i][0] <= theta[i].min()
        assert theta[i].max() <= exact.edges[i][-1]


def test_weights_fall(results):
    (line, *_) = weights(results["weighted_samples"]).lines
    assert (np.diff(line.get_ydata()) <= 0).all()


def test_one_parameter_has_a_histogram(results):
    plane = results["plane_posterior"]
    one = dataclasses.replace(
        plane, names=plane.names[:1], units=("",), edges=plane.edges[:1], centres=plane.centres[:1],
        mass=plane.mass.sum(axis=1), prior_mass=plane.prior_mass.sum(axis=1),
    )  # fmt: skip
    assert grid_posterior(one).axes[0].get_xlabel() == plane.names[0]


def test_the_kept_snapshot_is_marked():
    record = {"steps": (10, 20), "losses": (2.0, 1.0), "snapshot_steps": (10, 20), "held_out": (1.9, 1.2), "chosen": 20}
    ax = training({"flow": record})
    assert [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "*"] == [[[20.0, 1.2]]]
