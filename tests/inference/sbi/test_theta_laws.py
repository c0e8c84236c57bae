"""Laws of simulated parameters: a Latin hypercube of the prior, the same whoever simulates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.inference.sbi.points import prior_quantiles
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.choices import Choice
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace(
    (
        Parameter("m", 0.1, 1e-3, 1.0, prior=LogUniform(1e-3, 1.0)),
        Parameter("nu", prior=Normal(0.0, 2.0), lower=-1.0),
        Parameter("flux", prior=Choice(("HM", "HKSS", "KI"), (0.2, 0.3, 0.5))),
    )
)


class Noisy(AbstractSimulator):
    """x ~ N(ln m + nu + flux, 1)."""

    space: ParameterSpace = SPACE

    def simulate(self, key, values):
        return self.expected(values) + jax.random.normal(key, (1,), float)

    def expected(self, values):
        return jnp.reshape(jnp.log(values["m"]) + values["nu"] + values["flux"], (1,))


@pytest.fixture(scope="module")
def latin():
    return simulate_pairs(1, Noisy(), SPACE, 5000, draw="latin")


def test_a_hypercube_has_one_point_in_each_part_of_equal_prior(latin):
    for column in prior_quantiles(SPACE, np.c_[latin.theta, np.zeros(5000)]).T:
        # a quantile on the edge of its part may be rounded into the next
        parts = np.bincount(np.minimum((column * 5000 + 1e-9).astype(int), 4999), minlength=5000)
        assert np.count_nonzero(parts != 1) <= 2
    assert abs(np.corrcoef(latin.theta[:, 0], latin.theta[:, 1])[0, 1]) < 5 / np.sqrt(5000)  # columns are independent
    assert "Latin hypercube" in repr(latin)


def test_alternatives_of_a_switch_come_in_their_exact_shares(latin):
    np.testing.assert_array_equal(latin.data["flux"].sum(axis=0), [1000, 1500, 2500])


def test_workers_do_not_change_a_byte_and_keys_do(latin):
    again = simulate_pairs(1, Noisy(), SPACE, 5000, draw="latin", executor=2)
    np.testing.assert_array_equal(again.theta, latin.theta)
    np.testing.assert_array_equal(again.data["x"], latin.data["x"])
    other = simulate_pairs(2, Noisy(), SPACE, 5000, draw="latin")
    assert not np.any(other.theta == latin.theta)


def test_a_hypercube_of_one_point_and_unknown_draws():
    assert len(simulate_pairs(1, Noisy(), SPACE, 1, draw="latin")) == 1
    with pytest.raises(InvalidOption, match="draw 'sobol' does not exist; choose one of random, latin"):
        simulate_pairs(1, Noisy(), SPACE, 10, draw="sobol")
    with pytest.raises(InvalidOption, match="leave out proposal="):
        simulate_pairs(1, Noisy(), SPACE, 10, draw="latin", proposal=np.full((10, 2), 0.5))
