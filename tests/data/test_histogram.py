"""Histograms: filling, variances through every operation, flow bins, prints, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from uhi.typing.plottable import PlottableHistogram

from wilks._base.errors import InvalidData, UnknownName
from wilks.data.axes import Category, Regular, Variable
from wilks.data.histogram import Histogram, total

AXIS = Regular(4, 0.0, 4.0, name="m", unit="GeV")
EVENTS = st.integers(0, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.floats(-2, 6)), hnp.arrays(np.float64, n, elements=st.floats(-3, 3))
    )
)


def filled(x, w):
    return Histogram.empty(AXIS, label="h").filled(x, weights=w)


def test_values_variances_flow_and_nan_are_counted():
    h = filled(np.array([-1.0, 0.0, 0.5, 4.0, np.nan]), np.array([1.0, 2.0, -3.0, 5.0, 7.0]))
    assert h.values().tolist() == [-1.0, 0.0, 0.0, 0.0]
    assert h.variances().tolist() == [13.0, 0.0, 0.0, 0.0]
    assert h.values(flow=True).tolist() == [1.0, -1.0, 0.0, 0.0, 0.0, 5.0]
    assert (h.nan_count, h.entries) == (1, 4)


@settings(max_examples=50)
@given(EVENTS)
def test_filling_agrees_with_numpy(events):
    x, w = events
    h = filled(x, w)
    inside = x != 4.0  # numpy counts the last edge inside
    # the sums are taken in the same order; 1e-12 allows for another order inside numpy
    np.testing.assert_allclose(h.values(), np.histogram(x[inside], AXIS.edges, weights=w[inside])[0], atol=1e-12)
    np.testing.assert_allclose(
        h.variances(), np.histogram(x[inside], AXIS.edges, weights=w[inside] ** 2)[0], atol=1e-12
    )


@settings(max_examples=50)
@given(EVENTS, st.integers(0, 40))
def test_filling_in_chunks_gives_the_same_sums(events, cut):
    x, w = events
    parts = filled(x[:cut], w[:cut]).filled(x[cut:], weights=w[cut:])
    # sums of at most 40 weights below 3 in another order
    np.testing.assert_allclose(parts.flow_values, filled(x, w).flow_values, atol=1e-12)
    np.testing.assert_allclose(parts.flow_variances, filled(x, w).flow_variances, atol=1e-12)
    assert parts.entries == filled(x, w).entries


@settings(max_examples=50)
@given(EVENTS, st.floats(-10, 10))
def test_no_operation_loses_variances(events, factor):
    x, w = events
    h = filled(x, w)
    both = h.scale(factor).add(h).merge(2)
    # 1e-9: sums of numbers below 1e5
    assert both.flow_values.sum() == pytest.approx((1 + factor) * w.sum(), abs=1e-9)
    assert both.flow_variances.sum() == pytest.approx((1 + factor**2) * (w**2).sum(), abs=1e-9)


def test_effective_number_is_sumw_squared_over_sumw2():
    h = Histogram.from_weights(AXIS, [6.0, 0.0, 1.0, 2.0], [12.0, 0.0, 1.0, 4.0])
    assert h.counts().tolist() == [3.0, 0.0, 1.0, 1.0]
    assert h.n_eff == pytest.approx(81 / 17)  # one division in float64
    assert Histogram.empty(AXIS).n_eff == 0.0


def test_it_is_a_plottable_histogram():
    h = Histogram.from_counts(AXIS, [1, 2, 3, 4])
    assert isinstance(h, PlottableHistogram)
    assert h.kind == "COUNT"
    assert h.axes[0][1] == (1.0, 2.0)
    assert h.is_unweighted
    assert not h.scale(2.0).is_unweighted


def test_rebin_merge_and_crop_add_values_and_variances():
    h = Histogram.from_weights(AXIS, [1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 5.0, 7.0])
    assert h.rebin([0, 1, 4]).values().tolist() == [1.0, 9.0]
    assert h.rebin([0, 1, 4]).variances().tolist() == [1.0, 15.0]
    assert h.merge([3, 1]).values().tolist() == [6.0, 4.0]
    cropped = h.crop(1.0, 3.0)
    assert cropped.values(flow=True).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert cropped.axis.edges.tolist() == [1.0, 2.0, 3.0]


def test_crop_of_an_axis_without_flow_makes_flow_bins():
    axis = Variable((0.0, 1.0, 3.0, 4.0), underflow=False, overflow=False)
    cropped = Histogram.from_counts(axis, [1, 2, 3]).crop(1.0, 3.0)
    assert cropped.values(flow=True).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("edges", [[0.0, 1.5, 4.0], [-1.0, 4.0]])
def test_rebin_names_an_edge_that_does_not_exist(edges):
    bad = next(edge for edge in edges if edge not in AXIS.edges)
    with pytest.raises(InvalidData, match=f"new edge {bad:g} is no edge"):
        Histogram.empty(AXIS).rebin(edges)


@pytest.mark.parametrize("groups", [3, [2, 1], [4, 0], 0])
def test_merge_refuses_groups_that_do_not_fit(groups):
    with pytest.raises(InvalidData, match="cannot be merged"):
        Histogram.empty(AXIS).merge(groups)


def test_two_axes_fill_select_and_rebin():
    h = Histogram.empty(Category(("4e", "4mu"), name="channel"), AXIS)
    h = h.filled(["4e", "4mu", "4mu"], [0.5, 1.5, np.nan], weights=[1.0, 2.0, 4.0])
    assert h.nan_count == 1
    assert h.select("channel", "4mu").values().tolist() == [0.0, 2.0, 0.0, 0.0]
    assert h.rebin([0, 2, 4], axis=1).values().tolist() == [[1.0, 0.0], [2.0, 0.0]]
    with pytest.raises(UnknownName, match="did you mean 'channel'"):
        h.select("chanel", "4mu")
    with pytest.raises(UnknownName, match="has edges"):
        h.select("m", "4mu")


def test_total_adds_all():
    parts = {"a": Histogram.from_counts(AXIS, [1, 2, 3, 4]), "b": Histogram.from_counts(AXIS, [1, 1, 1, 1])}
    assert total(parts).values().tolist() == [2.0, 3.0, 4.0, 5.0]
    with pytest.raises(InvalidData, match="no histogram"):
        total([])


def test_different_bins_do_not_add():
    with pytest.raises(InvalidData, match="'a' and 'b' have different bins"):
        Histogram.empty(AXIS, label="a").add(Histogram.empty(Regular(4, 0.0, 5.0), label="b"))


def test_negative_variance_names_sample_and_bin():
    with pytest.raises(InvalidData, match=r"'Zee': variance -1.0 in storage bin \(2,\) is negative"):
        Histogram.from_weights(AXIS, [1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, 1.0], label="Zee")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(InvalidData, match="must be finite"):
        Histogram.from_weights(AXIS, [1.0, bad, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0])


def test_missing_variances_and_negative_counts_are_refused():
    with pytest.raises(InvalidData, match="need variances"):
        Histogram.from_weights(AXIS, [1.0, 1.0, 1.0, 1.0], None)
    with pytest.raises(InvalidData, match="count -1 is negative"):
        Histogram.from_counts(AXIS, [1, -1, 0, 0])


def test_wrong_shapes_are_refused():
    with pytest.raises(InvalidData, match=r"\(3,\) values given"):
        Histogram.from_counts(AXIS, [1, 2, 3])
    with pytest.raises(InvalidData, match="columns of lengths"):
        Histogram.empty(AXIS).filled([1.0, 2.0], weights=[1.0])
    with pytest.raises(InvalidData, match="1 columns given, 2 axes"):
        Histogram.empty(AXIS, AXIS).filled([1.0])
    with pytest.raises(InvalidData, match="weight nan of entry 1"):
        Histogram.empty(AXIS).filled([1.0, 2.0], weights=[1.0, np.nan])


def test_print_shows_name_sum_error_and_bins():
    h = Histogram.from_weights(AXIS, [1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 5.0, 7.0], label="Zee")
    text = repr(h)
    assert "Histogram 'Zee': m [GeV] (4 bins), sum 10 ± 4" in text
    assert "[3, 4)" in text
    assert text.count("\n") == 4


def test_html_escapes_names():
    markup = Histogram.empty(AXIS, label="<script>")._repr_html_()
    assert "<script>" not in markup
    assert markup.startswith("<table>")


def test_long_histograms_print_their_ends():
    text = repr(Histogram.empty(Regular(1000, 0.0, 1.0)))
    assert "940 bins not shown" in text


def test_equality_compares_contents():
    h = Histogram.from_counts(AXIS, [1, 2, 3, 4])
    assert h == Histogram.from_counts(AXIS, [1, 2, 3, 4])
    assert h != h.scale(2.0)
