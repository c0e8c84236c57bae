"""Problems with closed-form answers: a linear Gaussian, a mixture of two Gaussians, and their exact posteriors."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float
from scipy.stats import norm

from wilks.inference.sbi.coordinates import COORDINATES
from wilks.inference.sbi.embeddings import Identity
from wilks.inference.sbi.estimator import Estimator, Preparation, linear_standardiser
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.posterior import NeuralPosterior
from wilks.inference.sbi.proposals import independent_draws, random_key
from wilks.inference.sbi.scaling import fit_scaling
from wilks.inference.sbi.training_record import TrainingRecord
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

Vector = Float[Array | np.ndarray, " data"]
NAMES = "abcdefghij"


class LinearGaussian(AbstractLikelihood[Vector], AbstractSimulator[Vector]):
    """x ~ N(theta, noise^2 I), theta ~ N(0, width^2 I)."""

    space: ParameterSpace
    noise: float
    width: float

    def __init__(self, size: int = 2, noise: float = 0.5, width: float = 1.0) -> None:
        self.space = ParameterSpace([Parameter(n, 0.0, prior=Normal(0.0, width)) for n in NAMES[:size]])
        self.noise, self.width = noise, width

    def log_prob(self, values, data):
        z = (data - self.space.pack(values)) / self.noise
        return -0.5 * jnp.sum(z**2) - len(self.space) * jnp.log(self.noise * jnp.sqrt(2 * jnp.pi))

    def simulate(self, key, values):
        return self.space.pack(values) + self.noise * jax.random.normal(key, (len(self.space),), float)

    def expected(self, values):
        return self.space.pack(values)

    @property
    def shrinkage(self) -> float:
        return self.width**2 / (self.width**2 + self.noise**2)

    @property
    def posterior_sd(self) -> float:
        return self.noise * self.shrinkage**0.5

    def log_evidence(self, data) -> float:
        return float(norm(0.0, np.hypot(self.width, self.noise)).logpdf(np.asarray(data)).sum())


class GaussianPosterior:
    """The exact posterior of `LinearGaussian`, or one that is shifted and stretched by the posterior's width."""

    def __init__(self, model: LinearGaussian, shift: float = 0.0, stretch: float = 1.0) -> None:
        self.model, self.shift, self.stretch = model, shift, stretch
        self.space = model.space

    def law(self, data):
        centre = self.model.shrinkage * np.asarray(data) + self.shift * self.model.posterior_sd
        return norm(centre, self.stretch * self.model.posterior_sd)

    def sample(self, key, data, n):
        law = self.law(data)
        z = np.asarray(jax.random.normal(random_key(key), (n, len(self.space)), float))
        theta = law.mean() + law.std() * z
        return independent_draws(self.space, theta, law.logpdf(theta).sum(axis=1), "exact")

    def log_prob(self, values, data):
        theta = np.stack([np.asarray(values[n], dtype=float) for n in self.space.names], axis=-1)
        return self.law(data).logpdf(theta).sum(axis=-1)


def flow_posterior(model: LinearGaussian, shift: float = 0.0, coordinate: str = "normal") -> NeuralPosterior:
    """The exact posterior of a linear Gaussian as a flow of identities behind a linear standardisation.

    The standardisation is least squares of 20,000 pairs: exact to 1 % of the posterior's width, which is what the
    shift is counted in.
    """
    z = np.random.default_rng(3).normal(size=(20_000, len(model.space)))
    theta = model.width * z
    x = theta + model.noise * np.random.default_rng(4).normal(size=theta.shape)
    preparation = Preparation(None, fit_scaling({"x": x}))
    scaled = {"x": np.asarray(jax.vmap(preparation)({"x": x})["x"])}
    layout = {"x": (len(model.space),)}
    to_normal = COORDINATES[coordinate](model.space)
    standard = linear_standardiser(scaled, np.asarray(jax.vmap(to_normal.to_network)(theta), np.float32), layout)
    offset = np.repeat([shift * model.posterior_sd / model.width, 0.0], len(model.space)).astype(np.float32)
    standard = eqx.tree_at(lambda s: s.network.biases[-1], standard, standard.network.biases[-1] + offset)
    encoder = Identity().build(jax.random.key(1), layout, len(model.space))
    flow = SplineFlow(layers=2, bins=4, width=8).build(jax.random.key(2), len(model.space), encoder.features, 1000)
    still = eqx.tree_at(lambda f: f.networks, flow, jax.tree.map(lambda w: 0.0 * w, flow.networks))
    return NeuralPosterior(
        model.space, to_normal, Estimator(encoder, still), standard, preparation, layout,
        TrainingRecord.empty(200, 10, 10), (), None, "", {}, {}, Provenance.collect(seed=1),
    )  # fmt: skip


class GaussianMixture(AbstractLikelihood[Vector], AbstractSimulator[Vector]):
    """x ~ N(theta, I) or N(theta, 0.01 I) with equal probabilities, theta uniform in [-10, 10]^2 (sbibm's task)."""

    space: ParameterSpace

    def __init__(self) -> None:
        self.space = ParameterSpace([Parameter(n, 0.0, -10.0, 10.0, prior=Uniform(-10.0, 10.0)) for n in "ab"])

    def log_prob(self, values, data):
        square = jnp.sum((data - self.space.pack(values)) ** 2)
        widths = jnp.array([1.0, 0.1])
        return logsumexp(-0.5 * square / widths**2 - 2 * jnp.log(widths)) - jnp.log(4 * jnp.pi)

    def simulate(self, key, values):
        which, noise = jax.random.split(key)
        width = jnp.where(jax.random.bernoulli(which), 1.0, 0.1)
        return self.space.pack(values) + width * jax.random.normal(noise, (2,), float)

    def expected(self, values):
        return self.space.pack(values)

    def log_evidence(self, data) -> float:
        """(W1 + W2)/800 with the masses of the components inside the box (section 8, S8)."""
        masses = [np.prod(norm(data, width).cdf(10.0) - norm(data, width).cdf(-10.0)) for width in (1.0, 0.1)]
        return float(np.log(sum(masses) / 800.0))


class BroadProposal:
    """One normal law around the data, whatever the posterior."""

    def __init__(self, space: ParameterSpace, width: float) -> None:
        self.space, self.width = space, width

    def sample(self, key, data, n):
        z = np.asarray(jax.random.normal(random_key(key), (n, len(self.space)), float))
        theta = np.asarray(data) + self.width * z
        return independent_draws(self.space, theta, np.full(n, np.nan), "broad")

    def log_prob(self, values, data):
        theta = np.stack([np.asarray(values[n], dtype=float) for n in self.space.names], axis=-1)
        return norm(np.asarray(data), self.width).logpdf(theta).sum(axis=-1)
