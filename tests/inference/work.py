"""Simulators and procedures of the tests that other processes must be able to import."""

import equinox as eqx
import jax
import jax.numpy as jnp

from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace


class Spoiling(AbstractSimulator):
    """Toys of a likelihood in which about one in so many has a count that is no number."""

    space: ParameterSpace
    inner: PoissonCounts
    every: int = eqx.field(static=True)

    def simulate(self, key, values):
        """The inner likelihood's toy, spoilt or not."""
        toy = self.inner.simulate(key, values)
        bad = jax.random.randint(jax.random.fold_in(key, 1), (), 0, self.every) == 0
        return eqx.tree_at(lambda data: data.counts, toy, jnp.where(bad, jnp.nan, toy.counts))

    def expected(self, values):
        """The inner likelihood's expectation."""
        return self.inner.expected(values)


class Gaussian(AbstractSimulator):
    """Toys whose counts are normal numbers, as tutorials throw them."""

    space: ParameterSpace
    inner: PoissonCounts

    def simulate(self, key, values):
        """Normal counts around the expectation."""
        toy = self.inner.expected(values)
        noise = jax.random.normal(key, toy.counts.shape) * jnp.sqrt(toy.counts)
        return eqx.tree_at(lambda data: data.counts, toy, jnp.maximum(toy.counts + noise, 0.0))

    def expected(self, values):
        """The inner likelihood's expectation."""
        return self.inner.expected(values)
