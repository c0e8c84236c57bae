import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from wilks._base.errors import InvalidOption, ProcedureFailed
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.density import AbstractConditionalDensity
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.mixture_density import (
    GaussianPrior,
    Mixture,
    MixtureDensity,
    refuse_improper_product,
    under_proposal,
)
from wilks.inference.sbi.training import train

SMALL = {"layers": 2, "bins": 5, "width": 16}
FAMILY = {
    "coupling": SplineFlow(**SMALL),
    "autoregressive": SplineFlow(**SMALL, kind="autoregressive"),
    "affine": SplineFlow(**SMALL, kind="affine"),
    "mixture": MixtureDensity(components=3, width=16),
}
CONTEXT = np.array([0.5, -1.0, 2.0], dtype=np.float32)


def shaken(name: str, size: int) -> AbstractConditionalDensity:
    """A density with weights far from their start."""
    network = FAMILY[name].build(jax.random.key(1), size, 3, 1000)
    weights, static = eqx.partition(network, eqx.is_inexact_array)
    leaves, structure = jax.tree.flatten(weights)
    generator = np.random.default_rng(2)
    moved = [w + jnp.asarray(0.12 * generator.normal(size=w.shape), w.dtype) for w in leaves]
    return eqx.combine(jax.tree.unflatten(structure, moved), static)


@eqx.filter_jit
def log_prob(network, y):
    return network.log_prob(y, jnp.broadcast_to(CONTEXT, (len(y), 3)))


@pytest.fixture(scope="module", params=list(FAMILY))
def plane(request):
    return shaken(request.param, 2)


def test_densities_of_two_numbers_integrate_to_one_and_draws_follow_them(plane):
    axis = np.linspace(-12.0, 12.0, 161, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    mass = np.exp(np.asarray(log_prob(plane, grid), float)) * float(axis[1] - axis[0]) ** 2
    # midpoint rule with steps of 0.15 over bins of splines: a percent at kinks
    assert mass.sum() == pytest.approx(1.0, abs=0.02)
    keys = jax.random.split(jax.random.key(3), 4000)
    drawn = eqx.filter_jit(plane.draw_with_density)(keys, jnp.broadcast_to(CONTEXT, (4000, 3)))
    points = np.asarray(drawn.points, float)
    centre = mass @ grid / mass.sum()
    spread = np.sqrt(mass @ (grid - centre) ** 2 / mass.sum())
    assert points.mean(axis=0) == pytest.approx(centre, abs=float(5 * spread.max() / np.sqrt(4000)))
    assert points.std(axis=0) == pytest.approx(spread, rel=0.1)
    assert np.asarray(drawn.log_prob) == pytest.approx(np.asarray(log_prob(plane, drawn.points)), abs=2e-3)
    assert plane.density_is_free
    assert drawn.points.dtype == drawn.log_prob.dtype == jnp.float32


@pytest.mark.parametrize("name", FAMILY)
def test_one_number_works(name):
    network = shaken(name, 1)
    axis = np.linspace(-12.0, 12.0, 3001, dtype=np.float32)[:, None]
    mass = np.exp(np.asarray(log_prob(network, axis), float)) * 0.008
    assert mass.sum() == pytest.approx(1.0, abs=5e-3)


@pytest.mark.parametrize("name", ["coupling", "autoregressive"])
def test_flows_invert_and_their_slope_is_the_jacobian(name):
    flow = shaken(name, 4)
    double = jax.tree.map(lambda w: w.astype(float) if eqx.is_inexact_array(w) else w, flow)
    z, context = np.array([0.3, -1.2, 2.1, 0.7]), jnp.asarray(CONTEXT, float)
    noise, log_slope = eqx.filter_jit(double.to_noise)(z, context)
    back, other = eqx.filter_jit(double.from_noise)(noise, context)
    jacobian = jax.jit(jax.jacfwd(lambda at: double.to_noise(at, context)[0]))(z)
    assert back == pytest.approx(z, abs=1e-10)
    assert float(other) == pytest.approx(-float(log_slope), abs=1e-9)
    assert float(log_slope) == pytest.approx(np.linalg.slogdet(jacobian)[1], abs=1e-9)
    assert np.count_nonzero(np.abs(jacobian) > 1e-12) > 8  # numbers depend on each other


def test_fresh_flows_are_nearly_the_identity():
    flow = SplineFlow().build(jax.random.key(1), 2, 3, 1000)
    y = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    normal = -0.5 * np.sum(y**2, axis=1) - np.log(2 * np.pi)
    assert np.asarray(log_prob(flow, y)) == pytest.approx(normal, abs=0.3)  # heads start at a hundredth


def test_a_short_training_finds_a_linear_gaussian():
    generator = np.random.default_rng(0)
    theta = generator.normal(size=(12_000, 2)).astype(np.float32)
    x = theta + 0.5 * generator.normal(size=theta.shape).astype(np.float32)
    network = FAMILY["coupling"].build(jax.random.key(1), 2, 2, len(x))
    trained = train(jax.random.key(2), _loss, network, (theta, x), budget=Budget(steps=1200, rate=3e-3))
    y = np.linspace(-1.0, 1.0, 9, dtype=np.float32)[:, None] * np.ones(2, dtype=np.float32)
    found = eqx.filter_jit(trained.network.log_prob)(y, jnp.full((9, 2), 0.5, jnp.float32))
    exact = multivariate_normal(np.full(2, 0.4), 0.2 * np.eye(2)).logpdf(y)
    # 12,000 pairs and 1,200 steps; two sd away in both numbers the tail is known less well
    assert np.asarray(found)[2:-1] == pytest.approx(exact[2:-1], abs=0.3)


def _loss(network, rows, key):
    return jnp.mean(network.losses(*rows, key))


def mixture(generator, components, scale):
    factor = np.triu(generator.normal(size=(components, 2, 2)), 1) + np.eye(2) / scale
    weight = generator.random(components)
    return Mixture(
        jnp.log(weight / weight.sum()), jnp.asarray(generator.normal(size=(components, 2))), jnp.asarray(factor)
    )


@pytest.mark.parametrize("precision", [0.0, 0.3])
def test_sbi_8_the_product_with_a_proposal_is_exact(precision):
    generator = np.random.default_rng(1)
    density, proposal = mixture(generator, 3, 0.5), mixture(generator, 2, 0.8)
    prior = GaussianPrior(np.array([0.4, -0.2]), precision * np.eye(2))
    product = under_proposal(density, proposal, prior)
    refuse_improper_product(product)
    z = jnp.asarray(generator.normal(size=(20, 2)))
    log_prior = -0.5 * precision * np.sum((np.asarray(z) - prior.mean) ** 2, axis=1)
    rest = [jax.vmap(m.log_prob)(z) for m in (density, proposal, product)]
    constant = np.asarray(rest[0] + rest[1] - log_prior - rest[2])
    assert np.ptp(constant) < 1e-9
    assert float(jnp.sum(jnp.exp(product.log_weight))) == pytest.approx(1.0)


def test_sbi_8_the_posterior_of_a_linear_gaussian_under_any_proposal():
    prior = GaussianPrior(np.zeros(2), np.eye(2))
    posterior = Mixture(jnp.zeros(1), jnp.full((1, 2), 0.4), jnp.eye(2)[None] / np.sqrt(0.2))
    for centre, width in ((0.0, 1.0), (0.7, 0.3)):
        proposal = Mixture(jnp.zeros(1), jnp.full((1, 2), centre), jnp.eye(2)[None] / width)
        shown = under_proposal(posterior, proposal, prior)
        # pairs from the proposal: precision 1/width^2 + 4, mean (centre/width^2 + 4 x 0.5)/(that)
        precision = 1 / width**2 + 4.0
        assert np.asarray(shown.mean) == pytest.approx(np.full((1, 2), (centre / width**2 + 2.0) / precision))
        assert np.asarray(shown.factor[0]) == pytest.approx(np.sqrt(precision) * np.eye(2), abs=1e-12)


def test_a_product_that_is_no_gaussian_is_an_error():
    wide = Mixture(jnp.zeros(1), jnp.zeros((1, 2)), 0.1 * jnp.eye(2)[None])
    with pytest.raises(ProcedureFailed, match="wider than the prior"):
        refuse_improper_product(under_proposal(wide, wide, GaussianPrior(np.zeros(2), np.eye(2))))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "planar"}, "coupling, autoregressive, affine"),
        ({"layers": 0}, "layers 0"),
        ({"bins": 1}, "bins 1"),
        ({"bound": -1.0}, r"bound -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InvalidOption, match=message):
        SplineFlow(**settings)
    with pytest.raises(InvalidOption, match="0 components"):
        MixtureDensity(components=0)
