"""The lowest variation: the same as by full fits of all of them, and nothing where expectations vanish."""

import jax
import numpy as np
import pytest

from wilks.inference.member_search import lowest_member
from wilks.inference.member_starts import member_minima
from wilks.inference.minimisers import Newton
from wilks.inference.problem import pose
from wilks.inference.variation_newton import stored_variations
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.model.ensembles import LinearEnsemble
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace((Parameter("a", 1.0, lower=0.0), Parameter("b", 1.0, lower=0.0, upper=3.0), Parameter("c", 1.0)))


def likelihood_of(spread):
    random = np.random.default_rng(7)
    matrices = random.uniform(2.0, 20.0, (8, 3)) * np.exp(spread * random.standard_normal((40, 8, 3)))
    return EnsembleCounts(LinearEnsemble(SPACE, matrices), systematics="profile")


@pytest.mark.parametrize("spread", [0.05, 0.3])
@pytest.mark.parametrize("held", [{}, {"b": 0.4}])
def test_it_is_the_lowest_of_all_minima(spread, held):
    likelihood = likelihood_of(spread)
    stored, space = stored_variations(likelihood), SPACE.fix(held)
    found = 0
    for truth in ({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 0.0, "b": 0.1, "c": 2.0}, {"a": 3.0, "b": 3.0, "c": 0.2}):
        for counts in likelihood.simulate_many(jax.random.split(jax.random.key(3), 15), truth).counts:
            problem = pose(likelihood, counts, space, Newton())
            start, free = space.starts[None], space.free_mask[None]
            known = member_minima(likelihood, counts[None], start, free, space, problem.settings)[0]
            point = lowest_member(stored, counts, space.starts, space)
            if point is None:
                continue
            found += 1
            assert (point[~space.free_mask] == space.starts[~space.free_mask]).all()
            assert ((point >= space.lowers) & (point <= space.uppers)).all()
            # it may stop as soon as one variation is left: near the minimum, whose variation is the same
            means = [stored.matrices @ at for at in (known, point)]
            cost = [(mean - counts * np.log(mean)).sum(axis=1) for mean in means]
            assert cost[1].argmin() == cost[0].argmin() or cost[1].min() <= cost[0].min() + 1e-6
    assert found > 40  # of 45


def test_vanishing_expectations_are_left_to_others():
    space = ParameterSpace((Parameter("x", 1.0, lower=0.0), Parameter("y", 1.0, lower=0.0)))
    likelihood = EnsembleCounts(LinearEnsemble(space, np.array([[[1.0, 0.0], [0.0, 1.0]]] * 2)), systematics="profile")
    assert lowest_member(stored_variations(likelihood), np.array([4.0, 0.0]), space.starts, space) is None
