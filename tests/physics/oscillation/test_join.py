"""Joined studies: shared parameters, recorded events that count once, simulators that are not likelihoods."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidOption, InvalidParameter
from wilks.likelihood.joint import Joint
from wilks.likelihood.residuals import GaussianResiduals
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.experiment import Study, experiment
from wilks.physics.oscillation.join import JointSimulator, join
from wilks.physics.oscillation.pulls import WithPulls
from wilks.physics.oscillation.spaces import PLANE, STERILE

SPACE = ParameterSpace(STERILE)
VALUES = {"sin2_2theta_ee": 0.2, "dm2_41_eV2": 1.0}


def lines(name: str, *events: str, space: ParameterSpace = SPACE) -> Study:
    data = [0.1, 0.3]
    return experiment(
        name, lambda p: [p["sin2_2theta_ee"], 2 * p["sin2_2theta_ee"]], data, np.eye(2), space, events=events
    )


def test_a_joint_shares_parameters_and_adds_likelihoods() -> None:
    one, two = lines("one", "A"), lines("two", "B")
    both = join({"one": one, "two": two})
    assert both.likelihood.space.names == PLANE
    assert both.interest == PLANE
    assert both.events == ("A", "B")
    assert float(both.likelihood.log_prob(VALUES, both.data)) == pytest.approx(
        2 * float(one.likelihood.log_prob(VALUES, one.data))
    )
    assert both.simulator is both.likelihood


@pytest.mark.parametrize(("first", "second"), [("RENO", "RENO"), ("RENO", "RENO-near"), ("DayaBay-halls", "DayaBay")])
def test_studies_that_share_events_are_refused_by_name(first: str, second: str) -> None:
    studies = {"rates": lines("r", "Chooz", first), "ratio": lines("s", second)}
    with pytest.raises(InvalidModel, match="'rates' and 'ratio' share recorded events"):
        join(studies)
    allowed = join(studies, overlap="allow")
    assert "rates and ratio" in allowed.flags["shared_events"]


def test_events_of_equal_beginning_are_different_events() -> None:
    join({"a": lines("a", "Bugey-3"), "b": lines("b", "Bugey-4")})
    with pytest.raises(InvalidOption, match="choose one of refuse, allow"):
        join({"a": lines("a")}, overlap="maybe")
    with pytest.raises(InvalidModel, match="no studies to join"):
        join({})


def test_joints_are_taken_apart_and_equal_names_are_refused() -> None:
    inner = join({"a": lines("a"), "b": lines("b")})
    outer = join({"inner": inner, "c": lines("c")})
    assert isinstance(outer.likelihood, Joint)
    assert list(outer.likelihood.parts) == ["a", "b", "c"]
    assert set(outer.data) == {"a", "b", "c"}
    with pytest.raises(InvalidModel, match="part 'a' stands in two"):
        join({"inner": inner, "a": lines("a")})


def test_different_definitions_of_one_parameter_are_refused() -> None:
    other = ParameterSpace((Parameter("sin2_2theta_ee", 0.1, lower=0.0, upper=0.5), STERILE[1]))
    with pytest.raises(InvalidParameter, match="'sin2_2theta_ee' is defined twice and differs in upper"):
        join({"a": lines("a"), "b": lines("b", space=other)})


def test_an_auxiliary_measurement_counts_once() -> None:
    plain = lines("plain")
    pulled = WithPulls(inner=plain.likelihood.predictor, pulls=("sin2_2theta_ee",))
    study = replace(plain, likelihood=GaussianResiduals(pulled, errors=np.ones(3)), data=np.zeros(3))
    with pytest.raises(InvalidModel, match="'a' and 'b' both hold an auxiliary measurement of 'sin2_2theta_ee'"):
        join({"a": study, "b": study})


def test_simulators_that_are_no_likelihoods_are_joined_too() -> None:
    judged, drawn = lines("judged"), lines("drawn")
    study = replace(judged, simulator=drawn.simulator)
    both = join({"a": study, "b": lines("b")})
    assert isinstance(both.simulator, JointSimulator)
    toy = both.simulator.simulate(jax.random.key(1), VALUES)
    assert {name: x.shape for name, x in toy.items()} == {"a": (2,), "b": (2,)}
    assert np.asarray(both.simulator.expected(VALUES)["a"]) == pytest.approx([0.2, 0.4])


def test_flags_of_parts_are_kept_with_the_names_of_their_carriers() -> None:
    one, two, three = (replace(lines(n), flags={"coarse": text}) for n, text in (("a", "x"), ("b", "x"), ("c", "y")))
    flags = join({"a": one, "b": two, "c": three}).flags
    assert flags == {"coarse": "a, b: x", "coarse_c": "c: y"}
