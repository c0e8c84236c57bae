"""Joints: sums of parts that share parameters, their data, and what does not join."""

import jax
import numpy as np
import pytest

from tests.likelihood.family import SIGNAL, constrained, joint, lifetime, linear
from wilks._base.errors import InvalidData, InvalidModel, InvalidParameter, MissingRole, UnknownName
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.joint import Joint, as_simulator, prepare
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter

DATA = {"search": [31, 40, 26, 3], "control": [25, 38]}


def start(likelihood):
    return likelihood.space.unpack(likelihood.space.starts)


def test_log_prob_is_the_sum_of_the_parts_and_equal_names_are_shared():
    both = joint()
    assert both.space.names.count("s") == 1
    data, values = both.prepare(DATA), start(both)
    total = sum(
        float(part.log_prob({n: values[n] for n in part.space.names}, data[name])) for name, part in both.parts.items()
    )
    assert float(both.log_prob(values, data)) == pytest.approx(total, rel=1e-14)


def test_joints_add_up():
    one, two = (Joint({n: PoissonCounts(linear())}) for n in ("a", "b"))
    assert tuple((one + two).parts) == ("a", "b")
    with pytest.raises(InvalidModel, match="part 'a' stands in both joints; rename one"):
        _ = one + one


def test_a_user_likelihood_joins_counts():
    mixed = Joint({"counts": PoissonCounts(linear()), "times": lifetime()})
    data = mixed.prepare({"counts": [31, 40, 26, 3], "times": [1.0, 2.5, 0.3]})
    values = {"s": 1.0, "b": 1.0, "tau": 2.0}
    expected = float(mixed.parts["counts"].log_prob({"s": 1.0, "b": 1.0}, data["counts"]))
    expected += -3.8 / 2.0 - 3 * np.log(2.0)
    assert float(mixed.log_prob(values, data)) == pytest.approx(expected, rel=1e-13)


def test_every_part_draws_with_a_key_of_its_own():
    twins = Joint({"a": PoissonCounts(linear()), "b": PoissonCounts(linear())})
    toy = twins.simulate(jax.random.key(1), start(twins))
    assert not np.array_equal(toy["a"].counts, toy["b"].counts)
    asimov = twins.expected(start(twins))
    np.testing.assert_array_equal(asimov["a"].counts, asimov["b"].counts)


def test_constraints_fluctuate_in_the_toys_of_a_joint():
    both = joint()
    one, two = (both.simulate(jax.random.key(seed), start(both)) for seed in (1, 2))
    assert not np.array_equal(one["search"].auxiliary, two["search"].auxiliary)


def test_parts_that_define_one_name_differently_are_refused_naming_both():
    other = linear(parameters={"s": Parameter("s", 1.0, lower=-3.0)})
    with pytest.raises(InvalidParameter, match=r"'s' is defined twice and differs in lower: .*\[0, inf\].*\[-3, inf\]"):
        Joint({"a": PoissonCounts(linear()), "b": PoissonCounts(other)})


def test_a_measurement_that_would_count_twice_is_refused():
    with pytest.raises(InvalidModel, match="auxiliary measurement in parts 'a' and 'b', which would count twice"):
        Joint({"a": PoissonCounts(constrained()), "b": PoissonCounts(constrained())})


def test_what_cannot_judge_or_draw_is_told_its_missing_role():
    costs = Joint({"a": ChiSquareCounts(linear(), cost="cnp")})
    with pytest.raises(MissingRole, match="ChiSquareCounts can judge data but not make them; toys need a simulator"):
        costs.simulate(jax.random.key(1), start(costs))
    with pytest.raises(MissingRole, match="Lifetime can judge data but not make them"):
        as_simulator(lifetime())
    with pytest.raises(InvalidModel, match="a joint needs at least one part"):
        Joint({})


def test_data_of_a_joint_are_checked_part_by_part():
    both = joint()
    with pytest.raises(InvalidData, match="no data given for part 'control'"):
        both.prepare({"search": DATA["search"]})
    with pytest.raises(UnknownName, match="no part 'serach'; did you mean 'search'"):
        both.prepare({**DATA, "serach": [1]})
    with pytest.raises(InvalidData, match="count -1 in bin 1 of channel 'CR' is negative"):
        both.prepare({**DATA, "control": [25, -1]})
    with pytest.raises(InvalidData, match="data of a joint are a mapping from part to its data"):
        prepare(both, [25, 3])


def test_data_of_a_user_likelihood_must_be_finite():
    assert prepare(lifetime(), [1, 2]).dtype == np.float64
    with pytest.raises(InvalidData, match="not finite"):
        prepare(lifetime(), [1.0, np.nan])


def test_a_joint_of_one_is_its_part():
    alone = PoissonCounts(LinearTemplates.of({"s": SIGNAL}))
    wrapped = Joint({"only": alone})
    data = [3, 10, 9, 1]
    one = float(alone.log_prob({"s": 1.1}, alone.prepare(data)))
    assert float(wrapped.log_prob({"s": 1.1}, wrapped.prepare({"only": data}))) == one
