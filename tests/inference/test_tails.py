"""p-values of toys: ties count, nothing is zero or NaN, failures are bounded and refused."""

import numpy as np
import pytest
from scipy import stats

from tests.inference.models import counting
from wilks._base.errors import TooManyFailures
from wilks.inference.statistics import Distance
from wilks.inference.tails import insist, tail_of
from wilks.inference.toys import toys


def test_counts_and_interval():
    tail = tail_of(np.array([0.5, 1.0, 2.0, 3.0]), 1.0)
    assert (tail.n, tail.exceedances, tail.ties, tail.failed) == (4, 3, 1, 0)
    assert tail.p_value == 4 / 5
    exact = stats.binomtest(3, 4).proportion_ci(0.6827, method="exact")
    np.testing.assert_allclose(tail.interval, (exact.low, exact.high), rtol=1e-8)
    assert tail.interval_95[0] < tail.interval[0] < tail.interval[1] < tail.interval_95[1]


def test_ties_within_the_precision_of_fits_count():
    observed = 7.0
    t = observed + np.array([-1e-9, 1e-9, -1e-5, 1e-5, 0.0])
    tail = tail_of(t, observed)
    assert (tail.exceedances, tail.ties) == (4, 3)


def test_no_exceedance_is_no_zero():
    assert tail_of(np.zeros(99), 5.0).p_value == 0.01


def test_infinite_statistics_tie_with_each_other():
    tail = tail_of(np.array([1.0, np.inf, np.inf]), np.inf)
    assert (tail.exceedances, tail.ties) == (2, 2)
    assert tail_of(np.array([1.0, np.inf]), 2.0).exceedances == 1


def test_no_toys_at_all():
    tail = tail_of(np.zeros(0), 1.0)
    assert tail.p_value == 1.0
    assert tail.interval == (0.0, 1.0)


def test_failed_toys_bound_the_value_and_many_of_them_forbid_it():
    t = np.concatenate([np.arange(199.0), [np.nan]])
    tail = tail_of(t, 150.0)
    assert (tail.n, tail.failed, tail.exceedances) == (199, 1, 49)
    assert tail.p_value == 50 / 200
    assert (tail.low, tail.high) == (50 / 201, 51 / 201)
    insist(tail, "test")
    worse = tail_of(np.concatenate([t, [np.nan] * 3]), 150.0)
    assert worse.p_value is None
    with pytest.raises(
        TooManyFailures, match="test: 4 of 203 toys failed, more than 1 %; the p-value lies between"
    ) as e:
        insist(worse, "test")
    assert e.value.result is worse


def test_all_toys_failed():
    tail = tail_of(np.full(5, np.nan), 1.0)
    assert tail.p_value is None
    assert (tail.low, tail.high) == (1 / 6, 1.0)


@pytest.mark.parametrize("n", [0, 2, 5, 9])
def test_a_discrete_model_agrees_with_its_full_enumeration(n):
    """One Poisson count tested at a mean of 4 without refit: t(k) = 2 [4 - k + k ln(k/4)] ties for no other reason."""
    k = np.arange(60)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = 2 * (4 - k + np.where(k > 0, k * np.log(k / 4), 0.0))
    exact = stats.poisson.pmf(k, 4.0)[t >= t[n] - 1e-9].sum()
    thrown = toys(5, counting(), counting(), {"s": 4.0}, 4000, statistic=Distance("saturated"), refit=False)
    tail = tail_of(thrown.t, t[n])
    assert tail.ties > 0.5 * 4000 * stats.poisson.pmf(n, 4.0)
    # four binomial standard errors
    assert abs(tail.p_value - exact) < 4 * np.sqrt(exact * (1 - exact) / 4000) + 1 / 4000
