"""Raster scans, significance, CLs and posteriors of signals against closed forms."""

import functools

import jax
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import chi2, truncnorm

from tests.likelihood import signal_models as models
from wilks._base.errors import InvalidOption
from wilks.inference.calibration import ByToys
from wilks.inference.cls_maps import cls_map
from wilks.inference.contours import contour
from wilks.inference.exact_posteriors import grid_posterior
from wilks.inference.gaussian_belts import bounded_pieces
from wilks.inference.null_tests import null_significance
from wilks.inference.rasters import raster
from wilks.inference.sbi.grid_posteriors import total_variation
from wilks.inference.sbi.proposals import independent_draws
from wilks.inference.sensitivities import sensitivity
from wilks.inference.signal_planes import SignalPlane
from wilks.likelihood.signal_grids import SignalGrid
from wilks.likelihood.tabulation import tabulate
from wilks.parameters.joint_priors import MultivariateNormal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform, Uniform
from wilks.parameters.space import ParameterSpace

GRID = SignalGrid.logarithmic(models.PLANE, (3e-3, 0.5, 60), (0.2, 1.2, 30))


SPACE = ParameterSpace(
    [
        Parameter("s", 0.1, lower=1e-3, upper=1.0, prior=LogUniform(1e-3, 1.0)),
        Parameter("m", 1.0, lower=0.1, upper=10.0, prior=LogUniform(0.1, 10.0)),
    ]
)


@functools.cache
def linear():
    return tabulate(models.spectra(), GRID)


@functools.cache
def tabulated():
    return tabulate(models.spectra(), GRID, form="grid")


@functools.cache
def data(amplitude=0.1):
    return np.asarray(models.spectra().simulate(jax.random.key(3), {"s": amplitude, "m": 0.8}))


@functools.cache
def measured():
    """Amplitude and its error at each shape: the closed form of a linear model."""
    plane = SignalPlane(linear())
    slopes = np.asarray(linear().slopes)
    x = plane.vectors(data())[0]
    size = np.sum(slopes**2, axis=1)
    return slopes @ x / size, size**-0.5


def test_raster_intervals_of_a_linear_signal_are_bounded_gaussians():
    found = raster(linear(), data(), level=0.9)
    for k, (s, sigma) in enumerate(zip(*measured(), strict=True)):
        pieces = bounded_pieces(s, sigma=sigma, upper=1.0)
        # the origin of whitened vectors is subtracted: rounding
        assert (found.lower[k], found.upper[k]) == pytest.approx((pieces[0][0], pieces[-1][1]), abs=1e-7)
    np.testing.assert_allclose(found.best, np.clip(measured()[0], 0, 1), atol=1e-9)
    assert found.improvement.min() == pytest.approx(0.0, abs=1e-9)
    assert found.lower_open.any()


def test_raster_intervals_by_toys_and_by_the_quantile():
    exact = raster(linear(), data(), level=0.9)
    toys = raster(tabulated(), data(), level=0.9, calibration=ByToys(1, 1000))
    sigma = measured()[1]
    inside = exact.upper < 0.5
    # nodes are at most 9 % apart in s, toys err by a sixth of sigma
    allowed = 0.35 * sigma + 0.09 * exact.upper
    assert (np.abs(toys.upper - exact.upper) < allowed)[inside].all()
    profile = raster(linear(), data(), level=0.9, method="profile")
    s = measured()[0]
    free = (s - 1.645 * sigma > 0.01) & (s + 1.645 * sigma < 0.5)
    np.testing.assert_allclose((profile.upper - s)[free] / sigma[free], 1.6449, rtol=0.03)  # straight roots of t
    with pytest.raises(InvalidOption, match="calibrated by toys"):
        raster(tabulated(), data())


def test_significance_comes_from_toys_or_says_asymptotic():
    found = null_significance(linear(), data(0.03), calibration=ByToys(2, 20_000))
    alone = null_significance(linear(), data(0.03))
    assert found.observed == alone.observed
    assert "asymptotic" in alone.flags
    assert "asymptotic" not in found.flags
    assert found.p_asymptotic == pytest.approx(chi2.sf(found.observed, 2), rel=1e-9)
    # thirty shapes are tried: the true p-value is the larger one
    assert found.p_interval_95[0] > alone.p_value or found.observed > 20
    bounded = tabulate(models.spectra(), GRID_INSIDE, space=models.spectra().space.replace("s", lower=0.01))
    with pytest.raises(InvalidOption, match="no hypothesis without signal"):
        null_significance(bounded, data())


GRID_INSIDE = SignalGrid.logarithmic(models.PLANE, (0.02, 0.5, 4), (0.2, 1.2, 5))


def test_p_values_without_signal_are_uniform():
    plane = SignalPlane(linear())
    null = np.asarray(models.spectra().expected({"s": 0.0, "m": 1.0}))
    rng = np.random.default_rng(5)
    factor = np.linalg.inv(np.asarray(linear().whitening.factors[0]))
    p = []
    for _ in range(60):
        noisy = null + factor @ rng.normal(size=60)
        p.append(null_significance(linear(), noisy, calibration=ByToys(1, 999)).p_value)
    assert plane.candidates.steps is not None
    # mean of 60 uniform numbers: four standard deviations
    assert np.mean(p) == pytest.approx(0.5, abs=4 / np.sqrt(12 * 60))


def test_cls_is_the_ratio_of_two_gaussian_tails():
    found = cls_map(linear(), data(), level=0.95)
    s, sigma = measured()
    i, k = 50, 12
    amplitude = GRID.amplitudes[i]
    d = (amplitude / sigma[k]) ** 2
    q = (amplitude - s[k]) ** 2 / sigma[k] ** 2 - s[k] ** 2 / sigma[k] ** 2
    assert found.q[i, k] == pytest.approx(q, abs=1e-7 * abs(q) + 1e-7)
    ratio = ndtr(-(q + d) / (2 * np.sqrt(d))) / ndtr(-(q - d) / (2 * np.sqrt(d)))
    assert found.cls[i, k] == pytest.approx(ratio, rel=1e-6)
    # the median without signal: half the data lie beyond
    assert found.expected[2, i, k] == pytest.approx(2 * ndtr(-np.sqrt(d)), rel=1e-6)
    assert (np.diff(found.expected, axis=0) >= 0).all()
    assert ((found.cls >= 0) & (found.cls <= 1)).all()
    assert found.excluded[-1].any()
    assert len(found.pieces) >= 1


def test_cls_with_a_nuisance_that_acts_on_the_signal_compares_profiles():
    signal = tabulate(models.scaled("norm"), SignalGrid.logarithmic(models.PLANE, (0.02, 0.3, 4), (0.3, 1.0, 5)))
    null = jax.tree.map(np.asarray, signal.expected({"s": 0.0, "m": 0.5, "norm": 0.0}))
    found = cls_map(signal, null)
    np.testing.assert_allclose(found.cls, found.expected[2], rtol=1e-9)  # data without noise are the median


def test_a_posterior_of_a_linear_signal_is_a_truncated_normal():
    space = linear().space.replace("s", prior=Uniform(0.0, 0.5))
    fine = SignalGrid(models.PLANE, np.geomspace(1e-5, 0.5, 1500), GRID.shapes[::10])
    signal = tabulate(models.spectra(), fine)
    found = grid_posterior(signal, data(), space=signal.space.replace("s", prior=Uniform(0.0, 0.5), upper=0.5))
    for k in range(len(fine.shapes)):
        s, sigma = measured()[0][10 * k], measured()[1][10 * k]
        column = found.mass[:, k]
        law = truncnorm((0 - s) / sigma, (0.5 - s) / sigma, s, sigma)
        # the trapezoid errs by (step/sigma)^2/12, and 1e-5 is missed below the first node
        assert np.sum(column * fine.amplitudes) / column.sum() == pytest.approx(law.mean(), abs=5e-3 * sigma)
    assert np.sum(found.mass) == pytest.approx(1.0, rel=1e-12)
    assert space.names == signal.space.names


def test_a_posterior_on_the_grid_refuses_joint_priors():
    open_ = ParameterSpace(tuple(Parameter(name) for name in linear().space.names))
    joint = MultivariateNormal(open_.names[:2], (0.0, 0.5), np.eye(2))
    with pytest.raises(InvalidOption, match="a joint prior; give amplitude and shape priors of their own"):
        grid_posterior(linear(), data(), space=open_.with_prior(joint))


def prior_density(name, axis):
    parameter = linear().space[name]
    assert parameter.prior is not None
    mass = float(parameter.prior.log_mass(parameter.lower, parameter.upper))
    return [np.exp(float(parameter.prior.log_prob(value)) - mass) for value in axis]


def test_evidence_and_bayes_factor_are_integrals_of_the_likelihood():
    found = grid_posterior(linear(), data(0.03))
    likelihood = models.spectra()
    i, k = 20, 10
    exact = float(likelihood.log_prob({"s": GRID.amplitudes[i], "m": GRID.shapes[k]}, data(0.03)))
    assert found.log_likelihood[i, k] == pytest.approx(exact, rel=1e-10)
    null = float(likelihood.log_prob({"s": 0.0, "m": 1.0}, data(0.03)))
    assert found.log_null == pytest.approx(null, rel=1e-10)
    densities = np.outer(prior_density("s", GRID.amplitudes), prior_density("m", GRID.shapes))
    heights = np.exp(found.log_likelihood - null) * densities * np.outer(GRID.amplitudes, GRID.shapes)
    total = np.trapezoid(np.trapezoid(heights, np.log(GRID.shapes)), np.log(GRID.amplitudes))
    assert found.log_bayes_factor == pytest.approx(np.log(total), rel=1e-9)
    assert "prior_outside_grid" in found.flags  # the priors reach beyond this grid
    masses = [np.sum(found.mass[found.highest(p)]) for p in (0.5, 0.9)]
    assert 0.5 <= masses[0] < 0.6
    assert 0.9 <= masses[1] < 0.93
    assert set(found.best) == {"s", "m"}
    assert np.sum(found.marginal("m")) == pytest.approx(1.0)


def test_draws_are_compared_with_the_cells_of_a_signal_grid():
    fine = SignalGrid.logarithmic(models.PLANE, (1e-3, 1.0, 121), (0.1, 10.0, 101))
    exact = grid_posterior(tabulate(models.spectra(), fine), data(), space=SPACE)
    assert np.sum(exact.prior_mass) == pytest.approx(1.0, rel=1e-9)  # trapezoids of a flat prior are exact
    generator = np.random.default_rng(2)
    cells = generator.choice(exact.mass.size, size=4000, p=exact.mass.ravel())
    places = np.stack(np.unravel_index(cells, exact.mass.shape))
    edges = [np.log(axis) for axis in exact.edges]
    within = [u[i] + generator.random(4000) * np.diff(u)[i] for u, i in zip(edges, places, strict=True)]
    theta = np.exp(np.stack(within, axis=1))
    found = total_variation(independent_draws(SPACE, theta, np.full(4000, np.nan), "exact"), exact)
    assert found.distance < 3 * found.floor  # of independent draws of the very masses that they are compared with
    wrong = independent_draws(SPACE, theta * np.array([[1.0, 2.0]]), np.full(4000, np.nan), "shifted")
    assert total_variation(wrong, exact).distance > 0.3


@pytest.mark.parametrize("make", [linear, tabulated])
def test_sensitivity_counts_exclusions_of_data_without_signal(make):
    nodes = (np.array([0.01, 0.1, 0.5]), GRID.shapes[[5, 20]])
    calibration = ByToys(1, 500)
    bounds = contour(
        make(), data(), models.PLANE, level=0.9, method="feldman-cousins", calibration=calibration, grid=nodes
    )
    found = sensitivity(make(), bounds, calibration=ByToys(9, 500))
    assert found.share[0].max() < 0.3  # a tiny signal is excluded by 10 % of the toys
    assert found.share[2].min() > 0.95
    plane = SignalPlane(make())
    null = np.asarray(models.spectra().expected({"s": 0.0, "m": 1.0}))
    factor = np.linalg.inv(np.asarray(make().whitening.factors[0]))
    rng = np.random.default_rng(5)
    x = plane.vectors(*[null + factor @ rng.normal(size=60) for _ in range(300)])
    middle = plane.at(nodes[0][[1]], nodes[1][[1]])
    t = np.maximum(plane.chi2(middle, x)[:, 0] - plane.lowest(x).chi2, 0.0)
    # two binomial samples, four standard deviations
    assert np.mean(t > bounds.critical[1, 1]) == pytest.approx(
        found.share[1, 1], abs=4 * np.sqrt(0.25 / 300 + 0.25 / 500)
    )


def test_nuisances_are_integrated_out():
    likelihood = models.scaled("norm")
    signal = tabulate(likelihood, SignalGrid.logarithmic(models.PLANE, (0.02, 0.3, 4), (0.3, 1.0, 5)))
    observed = likelihood.prepare(
        jax.tree.map(np.asarray, likelihood.simulate(jax.random.key(1), {"s": 0.1, "m": 0.5, "norm": 0.01}))
    )
    found = grid_posterior(signal, observed)
    point = {"s": signal.grid.amplitudes[2], "m": signal.grid.shapes[3]}
    top = max(float(likelihood.log_prob({**point, "norm": n}, observed)) for n in np.linspace(-0.02, 0.04, 61))

    def height(norm):
        return np.exp(float(likelihood.log_prob({**point, "norm": norm}, observed)) - top)

    integral = quad(height, -0.05, 0.06, points=[0.0, 0.01], epsrel=1e-6, limit=40)[0]
    assert found.log_likelihood[2, 3] == pytest.approx(top + np.log(integral), rel=1e-8)
    with pytest.raises(InvalidOption, match="has no prior"):
        grid_posterior(signal, observed, space=signal.space.replace("s", prior=None))
    with pytest.raises(InvalidOption, match="no node"):
        grid_posterior(
            signal,
            observed,
            space=signal.space.replace("s", prior=LogUniform(0.35, 0.5), lower=0.35, upper=0.5, start=0.4),
        )
