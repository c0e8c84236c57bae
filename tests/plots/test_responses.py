"""Figures of response matrices and of p-values."""

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.plots.p_value_curves import p_values
from wilks.plots.responses import (
    compatibility,
    efficiency,
    in_bin_variation,
    mahalanobis,
    matrix_uncertainty,
    response,
)
from wilks.results.provenance import Provenance
from wilks.results.scans import Scan

RECO = Grid((Intervals("r", [0, 1, 2]),))
TRUTH = Grid((Intervals("x", [-np.inf, 0, 1]), Intervals("y", [0, 1, 2, 3])))
MATRIX = np.array([[0.1, 0.2, 0.3, 0.0, 0.1, 0.2], [0.3, 0.1, 0.1, 0.5, 0.4, 0.3]])


def heights(figure, panel):
    """Steps drawn in a panel: the outline of the range, then the median."""
    return [patch.get_data() for patch in figure.axes[panel].patches]


def test_the_matrix_is_drawn_on_its_axes():
    ax = response(MATRIX, RECO, TRUTH)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("truth bin", "r")
    with pytest.raises(InvalidData, match="shape"):
        response(MATRIX.T, RECO, TRUTH)


def test_quantities_are_ranges_over_the_hidden_variables():
    shown = efficiency(MATRIX, TRUTH)
    sums = MATRIX.sum(axis=0).reshape(2, 3)
    spread, median = heights(shown, 0)
    np.testing.assert_allclose(spread.values, sums.max(axis=1))
    np.testing.assert_allclose(spread.baseline, sums.min(axis=1))
    np.testing.assert_allclose(median.values, np.median(sums, axis=1))
    np.testing.assert_array_equal(spread.edges, [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(heights(shown, 1)[1].values, np.median(sums, axis=0))
    np.testing.assert_allclose(heights(in_bin_variation(MATRIX, TRUTH), 0)[0].values, [0.3, 0.5])
    np.testing.assert_allclose(heights(matrix_uncertainty(MATRIX**2, TRUTH), 0)[0].values, [0.3, 0.5])
    both = mahalanobis(np.arange(6.0), TRUTH, expected=np.full(6, 2.0))
    assert len(heights(both, 0)) == 4
    with pytest.raises(InvalidData, match="shape"):
        efficiency(MATRIX[:, :4], TRUTH)


def test_refined_bins_are_drawn_by_index():
    refined = RECO.refined({1: TRUTH})
    figure = mahalanobis(np.arange(7.0), refined)
    np.testing.assert_allclose(heights(figure, 0)[1].values, np.arange(7.0))


def test_the_chi_square_law_is_a_density():
    ax = compatibility(45.0, 40, throws=np.random.default_rng(1).chisquare(40, 300))
    t, law = ax.lines[0].get_data()
    assert np.trapezoid(law, t) == pytest.approx(1.0, abs=1e-3)  # four standard deviations to each side
    assert "observed: 45" in ax.get_legend_handles_labels()[1]


def test_p_values_of_scans_are_drawn_together():
    scan = Scan(
        names=("A",),
        grid=(np.array([0.5, 1.0, 1.5]),),
        delta=np.array([4.0, 0.0, 1.0]),
        theta=np.array([[0.5], [1.0], [1.5]]),
        parameters=("A",),
        status=np.zeros(3, dtype=np.int8),
        best=(1.0,),
        best_nll=3.0,
        fixed_others=False,
        how="",
        provenance=Provenance.collect(),
    )
    ax = p_values({"alone": scan, "again": scan})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), scan.p_values(1))
    assert ax.get_xlabel() == "A"
    with pytest.raises(InvalidOption, match="one parameter"):
        p_values({})
