"""Bands of contours against the law of circles around normal data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2, ncx2

from wilks._base.errors import InvalidData, InvalidOption, TooManyFailures
from wilks.inference.sbi.proposals import independent_draws, random_key
from wilks.inference.sbi.sensitivity_bands import contour_bands
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace([Parameter(n, 0.0, -10.0, 10.0, prior=Uniform(-10.0, 10.0)) for n in "ab"])
TRUTH = {"a": 1.0, "b": -2.0}
SPREAD = 0.5


class Around(AbstractSimulator):
    """x ~ N(theta, 0.5^2 I), lost where its first number exceeds a limit."""

    space: ParameterSpace
    most: float = 1e9

    def simulate(self, key, values):
        x = self.space.pack(values) + SPREAD * jax.random.normal(key, (2,), float)
        return jnp.where(x[0] > self.most, jnp.nan, x)

    def expected(self, values):
        return self.space.pack(values)


class Exact:
    """N(x, 0.5^2 I), the posterior for a flat prior far from its edges."""

    space = SPACE

    def sample(self, key, data, n):
        theta = np.asarray(data) + SPREAD * np.asarray(jax.random.normal(random_key(key), (n, 2), float))
        return independent_draws(SPACE, theta, np.zeros(n), "exact")

    def log_prob(self, values, data):
        raise NotImplementedError


def test_shares_are_those_of_circles_around_normal_data():
    found = contour_bands(1, Exact(), Around(SPACE), TRUTH, level=0.9, n=300, draws=1500, cells=(30, 30))
    far = np.hypot(found.x[:, None] - 1.0, found.y[None] + 2.0) / SPREAD
    exact = ncx2(2, np.maximum(far, 1e-6) ** 2).cdf(chi2(2).ppf(0.9))
    # 300 toys: binomial errors of 3 % at most, four of them, of which neighbours share most
    assert found.share == pytest.approx(exact, abs=0.12)
    assert np.sqrt(np.mean((found.share - exact) ** 2)) < 0.03
    low, high = found.bounds("a")
    median = SPREAD * far[np.abs(exact - 0.5).argmin() // 30, np.abs(exact - 0.5).argmin() % 30]
    assert high - low == pytest.approx(2 * median, abs=2 * (found.x[1] - found.x[0]))
    assert found.bounds("b", 0.8)[0] > found.bounds("b", 0.025)[0]
    assert found.bounds("b", 0.95) is None  # nine of ten regions hold the truth, and no point is held by more
    assert found.toys == 300
    assert found.names == ("a", "b")


def test_failed_toys_are_counted_and_bad_requests_refused():
    some = contour_bands(1, Exact(), Around(SPACE, 1.0), TRUTH, n=60, draws=100, cells=(5, 5))
    assert some.toys + some.failed == 60
    assert 15 < some.failed < 45  # half of the data exceed the truth
    assert "failed" in str(some)
    with pytest.raises(TooManyFailures, match="at least 20"):
        contour_bands(1, Exact(), Around(SPACE, -9.0), TRUTH, n=40, draws=100)
    with pytest.raises(InvalidOption, match="5 toys"):
        contour_bands(1, Exact(), Around(SPACE), TRUTH, n=5)
    with pytest.raises(InvalidData, match="two parameters"):
        contour_bands(1, Exact(), Around(SPACE), TRUTH, names=("a", "a"))
