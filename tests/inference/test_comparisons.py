"""Costs side by side: identities that show their bias."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inference.models import BACKGROUND, SIGNAL, peak
from wilks.inference.comparisons import compare_costs
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.results.status import Status

COUNTS = st.lists(st.integers(3, 60), min_size=10, max_size=10)
FREE = LinearTemplates.of(
    {"s": SIGNAL, "b": BACKGROUND}, parameters={n: Parameter(n, 1.0, lower=-50.0, upper=50.0) for n in "sb"}
)


def row(found, cost):
    return found.costs.index(cost)


@settings(max_examples=8)
@given(counts=COUNTS)
def test_fitted_totals(counts):
    found = compare_costs(FREE, np.array(counts, dtype=float))
    if not (found.status == Status.OK.code).all():
        return
    total = sum(counts)
    excess = dict(zip(found.costs, found.excess_events, strict=True))
    minimum = dict(zip(found.costs, found.minimum, strict=True))
    tolerance = 2e-5 * total**0.5  # EDM of 1e-10
    assert excess["poisson"] == pytest.approx(0.0, abs=tolerance)
    assert excess["pearson"] == pytest.approx(minimum["pearson"] / 2, abs=tolerance)
    assert excess["neyman"] == pytest.approx(-minimum["neyman"], abs=tolerance)
    assert excess["pearson"] >= excess["cnp"] - tolerance
    assert excess["cnp"] >= excess["neyman"] - tolerance


@settings(max_examples=5)
@given(counts=COUNTS)
def test_one_norm_has_closed_forms(counts):
    n, b = np.array(counts, dtype=float), BACKGROUND
    found = compare_costs(LinearTemplates.of({"s": b}), n)
    expected = {
        "poisson": n.sum() / b.sum(),
        "pearson": np.sqrt(np.sum(n**2 / b) / b.sum()),
        "neyman": b.sum() / np.sum(b**2 / n),
    }
    for cost, value in expected.items():
        assert found.theta[row(found, cost), 0] == pytest.approx(value, rel=2e-5)


def test_neyman_lists_the_empty_bins_it_leaves_out():
    n = np.array([30.0, 0, 25, 20, 24, 30, 15, 8, 0, 5])
    found = compare_costs(peak().predictor, n)
    np.testing.assert_array_equal(found.empty_bins, [0, 0, 2, 0])
    np.testing.assert_array_equal(found.ndf, [8, 8, 6, 8])
    assert "biased" in found.flags["biased_cost"]


def test_fixed_parameters_leave_degrees_of_freedom():
    n = np.array([30.0, 22, 25, 20, 24, 30, 15, 8, 6, 5])
    found = compare_costs(peak().predictor, n, space=peak().space.fix(b=1.0))
    np.testing.assert_array_equal(found.ndf, [9, 9, 9, 9])
    np.testing.assert_array_equal(found.theta[:, 1], 1.0)
