import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidOption, TooManyFailures
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.candidates import halton, largest, spread
from wilks.inference.sbi.confidence_sets import confidence_set, coverage_map
from wilks.inference.sbi.critical_curves import critical_values, local_p_value
from wilks.inference.sbi.learned_p_values import OddsCurve, PooledOdds, p_values
from wilks.inference.sbi.networks import Perceptron, Residual
from wilks.inference.sbi.neural_statistics import (
    AbstractNeuralStatistic,
    PosteriorStatistic,
    RatioStatistic,
    WaldoStatistic,
)
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.smooth_rates import design, smooth_rate
from wilks.inference.sbi.sufficient import SufficientStatistic
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace([Parameter("a", 0.5, 0.0, 1.0, prior=Uniform(0.0, 1.0))])


class Widening(AbstractSimulator):
    """x ~ N(a, (0.1 + 0.2 a)^2)."""

    space: ParameterSpace

    def simulate(self, key, values):
        a = values["a"]
        return jnp.atleast_1d(a + (0.1 + 0.2 * a) * jax.random.normal(key))

    def expected(self, values):
        return jnp.atleast_1d(values["a"])


class Squares(AbstractNeuralStatistic):
    """T = (x - a)^2, whose quantiles are those of chi-square times the variance."""

    space: ParameterSpace

    def measure(self, theta, data):
        return (np.asarray(data)[:, 0] - theta[:, 0]) ** 2

    def curve(self, theta, data):
        return (np.asarray(data)[0] - theta[:, 0]) ** 2


SIMULATOR, STATISTIC = Widening(SPACE), Squares(SPACE)
BUDGET = Budget(steps=1500, batch=512, rate=3e-3)


@pytest.fixture(scope="module")
def critical():
    return critical_values(1, STATISTIC, SIMULATOR, SPACE, level=(0.68, 0.90), n=20_000, budget=BUDGET)


@pytest.fixture(scope="module")
def learned():
    return p_values(1, STATISTIC, SIMULATOR, SPACE, n=20_000, budget=BUDGET)


def test_learned_p_values_follow_the_point(learned):
    for a in (0.05, 0.5, 0.95):
        t = chi2(1).isf([0.9, 0.5, 0.2, 0.05, 0.01]) * (0.1 + 0.2 * a) ** 2
        found = learned.at(np.full((5, 1), a), t)
        # 20,000 toys over a, of which a tenth tells of one point: binomial errors of 1 % at most, twice
        assert found == pytest.approx([0.9, 0.5, 0.2, 0.05, 0.01], abs=0.02)
    assert learned.flags == {}


class Pull(AbstractNeuralStatistic):
    """T = [(x - a)/spread]^2: chi-square of one degree of freedom wherever a is."""

    space: ParameterSpace

    def measure(self, theta, data):
        return ((np.asarray(data)[:, 0] - theta[:, 0]) / (0.1 + 0.2 * theta[:, 0])) ** 2

    def curve(self, theta, data):
        return self.measure(theta, np.tile(data, (len(theta), 1)))


def test_learned_p_values_of_chi_square_are_those_of_chi_square():
    found = p_values(3, Pull(SPACE), SIMULATOR, SPACE, n=100_000, budget=Budget(steps=1500, batch=512))
    a, t = np.meshgrid(np.linspace(0.0, 1.0, 11), chi2(1).isf(np.linspace(0.005, 0.995, 60)))
    p = found.at(a.reshape(-1, 1), t.ravel()).reshape(t.shape)
    assert p == pytest.approx(chi2(1).sf(t), abs=0.02)  # 0.012 was measured, largest of 660 places
    far = found.at(np.full((2, 1), 0.5), np.array([20.0, 40.0]))  # beyond all toys: small, and smaller still
    assert 1e-3 > far[0] > far[1] > 0.0


def test_p_values_fall_with_the_statistic_whatever_the_weights():
    generator = np.random.default_rng(2)
    pooled = np.sort(generator.normal(scale=8.0, size=300)).astype(np.float32)
    for _ in range(20):
        weights = [generator.normal(scale=2.0, size=shape).astype(np.float32) for shape in ((1, 4), (4, 15))]
        biases = [generator.normal(scale=3.0, size=size).astype(np.float32) for size in (4, 15)]
        curve = OddsCurve(Perceptron(tuple(map(jnp.asarray, weights)), tuple(map(jnp.asarray, biases))))
        odds = np.asarray(curve(jnp.asarray(generator.normal(size=1), jnp.float32), jnp.asarray(pooled)))
        assert (np.diff(odds) >= 0).all()  # odds rise with those of all toys, which fall with the statistic
        assert odds[-1] > odds[0]
    sample = generator.exponential(size=2000)
    table = PooledOdds.of(np.concatenate([np.zeros(500), sample]))  # an atom at zero, as at a bound
    at = np.linspace(-1.0, 30.0, 500)
    assert (np.diff(table(at)) <= 0).all()
    assert table(np.array([-1.0, 0.0])) == pytest.approx(np.log(2499.5 / 0.5))
    assert 1 / (1 + np.exp(-table(np.array([1.0])))) == pytest.approx(0.8 * np.exp(-1.0), abs=0.04)
    assert table(np.array([30.0]))[0] < table(np.array([10.0]))[0] < -6.0


def test_p_values_from_too_little_are_refused():
    with pytest.raises(InvalidOption, match="at least 1000"):
        p_values(1, STATISTIC, SIMULATOR, SPACE, n=500)
    with pytest.raises(InvalidOption, match="takes 1 values"):
        PooledOdds.of(np.ones(2000))


def exact(a, level):
    return chi2(1).ppf(level) * (0.1 + 0.2 * a) ** 2


@pytest.mark.parametrize("level", [0.68, 0.90])
def test_quantile_regression_finds_known_critical_values(critical, level):
    a = np.linspace(0.05, 0.95, 10)
    found = critical.at(a[:, None], level)
    # 20,000 toys: binomial error of the level 0.2 %, shared by some ten effective cells; c rises as a density of 1/10
    assert found == pytest.approx(exact(a, level), rel=0.15, abs=0.002)


def test_levels_never_cross(critical):
    a = np.linspace(0.0, 1.0, 200)[:, None]
    assert (critical.at(a, 0.90) > critical.at(a, 0.68)).all()


def test_coverage_is_nominal_everywhere(critical):
    points = [{"a": 0.1}, {"a": 0.9}]
    found = coverage_map(2, STATISTIC, critical, SIMULATOR, SPACE, n=4000, level=0.90, points=points, toys=500)
    assert found.ok
    assert found.overall == pytest.approx(0.90, abs=0.02)  # four binomial errors of 4,000
    assert np.abs(found.fitted - 0.90).max() < 0.06
    assert (found.point_covered / 500) == pytest.approx([0.9, 0.9], abs=0.06)
    assert (found.point_lower < found.point_covered / 500).all()


def test_a_wrong_critical_value_is_found(critical):
    low = eqx.tree_at(lambda c: c.network.network.biases[-1], critical, critical.network.network.biases[-1] - 0.5)
    found = coverage_map(2, STATISTIC, low, SIMULATOR, SPACE, n=1000, level=0.90)
    assert not found.ok
    assert "miscovers" in found.flags


def test_a_confidence_set_holds_the_points_below_the_critical_value(critical):
    grid = {"a": np.linspace(0.0, 1.0, 101)}
    found = confidence_set(STATISTIC, critical, np.array([0.4]), grid=grid, level=0.90)
    inside = (0.4 - grid["a"]) ** 2 <= critical.at(grid["a"][:, None], 0.90)
    assert np.array_equal(found.inside, inside)
    assert found.best == (0.4,)
    assert found.open_ends == ()
    low, high = found.bounds("a")
    # |x - a| = 1.645 (0.1 + 0.2 a) at both ends
    assert low == pytest.approx((0.4 - 0.1645) / 1.329, abs=0.04)
    assert high == pytest.approx((0.4 + 0.1645) / 0.671, abs=0.06)
    part = confidence_set(STATISTIC, critical, np.array([0.4]), grid={"a": np.linspace(0.3, 0.5, 11)}, level=0.90)
    assert part.open_ends == ("a lower", "a upper")
    assert "open" in part.flags
    far = confidence_set(STATISTIC, critical, np.array([7.0]), grid=grid, level=0.90)
    assert far.empty
    assert far.bounds("a") is None
    assert "empty" in far.flags


def test_local_p_values_are_exact_and_never_zero():
    p = local_p_value(3, STATISTIC, SIMULATOR, {"a": 0.5}, np.array([0.5 + 0.2 * 1.6449]), n=1000)
    assert p == pytest.approx(0.10, abs=0.04)
    assert local_p_value(3, STATISTIC, SIMULATOR, {"a": 0.5}, np.array([90.0]), n=99) == 1 / 100


@pytest.mark.slow
def test_equal_keys_give_equal_critical_values(critical):
    again = critical_values(1, STATISTIC, SIMULATOR, SPACE, level=(0.68, 0.90), n=20_000, budget=BUDGET)
    at = np.array([[0.3]])
    assert again.at(at, 0.9) == critical.at(at, 0.9)


@pytest.fixture(scope="module")
def ratio():
    options = {"network": Residual(width=16, depth=1), "budget": Budget(steps=300, batch=128, rate=3e-3)}
    return train_ratio(1, SIMULATOR, SPACE, pairs=2000, **options)


def test_sbi_16_the_ratio_statistic_is_zero_at_the_best_point_for_every_data(ratio):
    statistic = RatioStatistic(ratio, candidates=64)
    data = np.linspace(-0.5, 2.0, 12)[:, None]  # best fits beyond both bounds too
    best = np.stack([statistic.best(x) for x in data])
    assert ((best >= 0.0) & (best <= 1.0)).all()
    at_best = statistic.measure(best, data)
    assert at_best == pytest.approx(np.zeros(12), abs=1e-4)  # float32 rounding of f
    assert (statistic.measure(np.full((12, 1), 0.5), data) >= 0).all()
    grid = np.linspace(0.0, 1.0, 50)[:, None]
    for i, x in enumerate(data):
        curve = statistic.curve(np.concatenate([grid, best[i : i + 1]]), x)
        assert curve.min() == pytest.approx(0.0, abs=1e-4)
        assert statistic.measure(grid[[7]], x[None]) == pytest.approx(curve[[7]], abs=1e-3)
        # nothing on a fine grid lies above what the search found
        scores = np.array([float(ratio.log_prob({"a": a[0]}, x)) for a in grid[::7]])
        assert scores.max() <= float(ratio.log_prob({"a": best[i, 0]}, x)) + 1e-4


def test_the_ends_of_the_prior_are_tested_like_any_point():
    options = {"network": Residual(width=16, depth=1), "budget": Budget(steps=20, batch=128)}
    summary = SufficientStatistic.of_means(np.zeros(1), np.eye(1), np.eye(1))
    ratio = train_ratio(1, SIMULATOR, SPACE, pairs=500, coordinate="normal", encoder=summary, **options)
    curve = RatioStatistic(ratio, candidates=64).curve(np.array([[0.0], [1e-9], [0.5], [1.0]]), np.array([0.4]))
    assert np.all(np.isfinite(curve))  # normal coordinates of both ends are infinite
    assert curve.min() == 0.0
    assert curve[0] == pytest.approx(curve[1], abs=1e-5)


def test_sbi_16_reversed_ranges_are_refused(critical):
    with pytest.raises(InvalidOption, match="increasing"):
        confidence_set(STATISTIC, critical, np.array([0.4]), grid={"a": np.array([0.6, 0.1])}, level=0.90)
    with pytest.raises(InvalidOption, match="toys lie in"):
        confidence_set(STATISTIC, critical, np.array([0.4]), grid={"a": np.array([0.6, 1.1])}, level=0.90)
    with pytest.raises(InvalidOption, match="the grid has the axes b"):
        confidence_set(STATISTIC, critical, np.array([0.4]), grid={"b": np.array([0.6, 0.9])}, level=0.90)


def test_waldo_and_posterior_statistics_are_those_of_gaussians():
    model = LinearGaussian()
    posterior = GaussianPosterior(model)
    data, theta = np.array([[0.4, -0.3], [1.0, 0.2]]), np.array([[0.0, 0.0], [1.5, 0.2]])
    waldo = WaldoStatistic(posterior, draws=4000)
    expected = np.sum((model.shrinkage * data - theta) ** 2, axis=1) / model.posterior_sd**2
    assert waldo.measure(theta, data) == pytest.approx(expected, rel=0.15)  # covariances from 4,000 draws
    assert waldo.curve(theta, data[0])[0] == pytest.approx(expected[0], rel=0.15)
    height = PosteriorStatistic(posterior)
    prior = -0.5 * np.sum(theta**2, axis=1) - np.log(2 * np.pi)
    exact_density = [posterior.law(x).logpdf(t).sum() for x, t in zip(data, theta, strict=True)]
    assert height.measure(theta, data) == pytest.approx(prior - exact_density)
    assert height.curve(theta, data[0])[0] == pytest.approx(height.measure(theta, data)[0])


def test_searches_find_the_maximum_of_a_bumpy_function():
    def score(z, context):
        return -jnp.sum((z - context) ** 2) + 0.3 * jnp.cos(8.0 * z[0])

    targets = jnp.asarray(np.random.default_rng(0).uniform(-1.5, 1.5, (20, 2)), jnp.float32)
    start = jnp.asarray(spread(256, 2, uniform=True))
    _, found = jax.jit(jax.vmap(lambda c: largest(score, start, c, 3.0**0.5)))(targets)
    axis = np.linspace(-(3.0**0.5), 3.0**0.5, 2001)
    exact_top = [(-((axis - float(c[0])) ** 2) + 0.3 * np.cos(8 * axis)).max() for c in targets]
    assert np.asarray(found) == pytest.approx(np.array(exact_top), abs=2e-3)
    assert halton(1000, 3).mean(axis=0) == pytest.approx([0.5, 0.5, 0.5], abs=0.01)


def test_smooth_rates_follow_a_changing_probability_and_splines_add_up_to_one():
    generator = np.random.default_rng(4)
    places = generator.random((4000, 2))
    rate = 0.5 + 0.4 * places[:, 0]
    fitted, error = smooth_rate(places, generator.random(4000) < rate)
    pull = (fitted - rate) / error
    assert np.sqrt(np.mean(pull**2)) < 1.6  # of the fit and its error, smoothing bias included
    assert np.abs(fitted - rate).mean() < 0.035
    assert design(places).sum(axis=1) == pytest.approx(np.ones(4000))


class Broken(AbstractNeuralStatistic):
    """No number for one toy in ten."""

    space: ParameterSpace

    def measure(self, theta, data):
        return np.where(np.arange(len(theta)) % 10 == 0, np.nan, 1.0)

    def curve(self, theta, data):
        return np.ones(len(theta))


def test_bad_requests_are_refused():
    with pytest.raises(InvalidOption, match="at least 1000"):
        critical_values(1, STATISTIC, SIMULATOR, SPACE, level=0.90, n=500)
    with pytest.raises(InvalidOption, match=r"outside \(0, 1\)"):
        critical_values(1, STATISTIC, SIMULATOR, SPACE, level=1.0, n=5000)
    with pytest.raises(InvalidOption, match="increasing"):
        critical_values(1, STATISTIC, SIMULATOR, SPACE, level=(0.9, 0.68), n=5000)
    with pytest.raises(TooManyFailures, match="205 of 2048"):
        critical_values(1, Broken(SPACE), SIMULATOR, SPACE, level=0.9, n=2048)
    with pytest.raises(InvalidOption, match="at least 20"):
        WaldoStatistic(GaussianPosterior(LinearGaussian()), draws=5)


def test_coverage_needs_fresh_toys_and_one_level(critical):
    with pytest.raises(InvalidOption, match="another key"):
        coverage_map(1, STATISTIC, critical, SIMULATOR, SPACE, n=1000, level=0.9)
    with pytest.raises(InvalidOption, match="say which level"):
        critical.at(np.array([[0.3]]))
    with pytest.raises(InvalidOption, match=r"level 0.5 was not trained"):
        critical.at(np.array([[0.3]]), 0.5)
