"""The sterile plane: nodes, phase steps, and signals of studies."""

import jax
import numpy as np
import pytest

from tests.physics.oscillation.prospect_release import spectra
from wilks._base.errors import InvalidModel
from wilks.likelihood.joint import Joint
from wilks.likelihood.residuals import GaussianResiduals
from wilks.likelihood.signals import RationalSignal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation.experiment import Study, experiment
from wilks.physics.oscillation.freezing import frozen
from wilks.physics.oscillation.plane import grid_signal, sterile_grid, with_held_totals
from wilks.physics.oscillation.pulls import WithPulls
from wilks.physics.oscillation.spaces import PLANE, STERILE

VALUES = {"sin2_2theta_ee": 0.3, "dm2_41_eV2": 1.3}


@pytest.fixture(scope="module")
def study() -> Study:
    likelihood = spectra()
    data = np.asarray(likelihood.simulate(jax.random.key(4), VALUES))
    return Study("made-up", likelihood, data, likelihood, ("sin2_2theta_ee", "dm2_41_eV2"))


def test_a_grid_knows_its_phase_step_if_it_knows_the_longest_path() -> None:
    grid = sterile_grid((1e-3, 1.0, 60), (0.1, 100.0, 120), longest_m_per_MeV=2.0)
    ratio = 1000.0 ** (1 / 119)
    assert grid.phase_step == pytest.approx(PHASE_PER_EV2_M_MEV * 100.0 * (1 - 1 / ratio) * 2.0)
    assert sterile_grid().phase_step is None
    assert (len(sterile_grid().amplitudes), len(sterile_grid().shapes)) == (60, 120)


def test_prospect_becomes_a_signal_with_held_totals(study: Study) -> None:
    signal = grid_signal(study, sterile_grid((0.01, 1.0, 5), (0.5, 4.0, 20)))
    assert isinstance(signal, RationalSignal)  # counts over totals are ratios of linear functions of s
    held = with_held_totals(study.likelihood, study.data)
    assert isinstance(held, GaussianResiduals)
    m = float(signal.grid.shapes[7])
    at = {"sin2_2theta_ee": 0.37, "dm2_41_eV2": m}
    exact = 2.0 * float(held.excess(at, study.data))
    assert 2.0 * float(signal.excess(at, signal.prepare(study.data))) == pytest.approx(exact, rel=1e-6)


def test_phase_steps_are_measured_and_halve_with_twice_the_nodes(study: Study) -> None:
    coarse = grid_signal(study, sterile_grid((0.01, 1.0, 3), (0.5, 4.0, 20))).grid.phase_step
    fine = grid_signal(study, sterile_grid((0.01, 1.0, 3), (0.5, 4.0, 39))).grid.phase_step
    assert coarse is not None
    assert fine is not None
    assert fine == pytest.approx(0.5 * coarse, rel=0.05)  # steps of dm2 double, and with them the angle
    # phases kappa dm2 L/E at 2 eV^2, 8 m and 4 MeV change by 11 % from node to node: 0.55 rad
    assert 0.3 < coarse < 0.9


def test_parts_of_a_joint_are_held_one_by_one(study: Study) -> None:
    joint = Joint({"p": study.likelihood})
    held = with_held_totals(joint, {"p": study.data})
    assert isinstance(held, Joint)
    assert isinstance(held.parts["p"], GaussianResiduals)


def test_other_likelihoods_have_no_signal() -> None:
    likelihood = spectra()
    study = Study("x", likelihood, {"not": "held"}, likelihood, ("sin2_2theta_ee", "dm2_41_eV2"))
    joint = Joint({"p": likelihood})
    with pytest.raises(InvalidModel, match="signals are tabulated from GaussianResiduals"):
        grid_signal(Study("x", joint, study.data["not"], joint, study.interest), sterile_grid((0.1, 1, 2), (1, 2, 2)))


def pulled_study() -> Study:
    """Three values linear in a nuisance of error 0.1, which does not act on the signal."""
    space = ParameterSpace((*STERILE, Parameter("scale", 0.0, lower=-5.0, upper=5.0)))
    shift = np.array([1.0, 0.5, -0.3])

    def prediction(p):
        return p["sin2_2theta_ee"] * np.array([1.0, 2.0, 3.0]) * p["dm2_41_eV2"] + p["scale"] * shift

    inner = experiment("x", prediction, np.zeros(3), np.eye(3), space).likelihood.predictor
    pulled = WithPulls(inner, ("scale",))  # pyright: ignore[reportCallIssue]  # its space is a property
    errors = np.array([0.2, 0.1, 0.3, 0.1])
    likelihood = GaussianResiduals(pulled, errors=errors)
    return Study("pulled", likelihood, np.array([0.4, 0.7, 1.3, 0.0]), likelihood, PLANE)


def test_a_frozen_covariance_is_the_profile_over_linear_nuisances() -> None:
    study = pulled_study()
    fixed = frozen(study.likelihood)
    assert fixed.space.names == PLANE
    at = {"sin2_2theta_ee": 0.3, "dm2_41_eV2": 1.4}
    slope, pull = np.array([1.0, 0.5, -0.3]), 0.1
    scatter = np.diag(np.array([0.2, 0.1, 0.3]) ** 2) + pull**2 * np.outer(slope, slope)
    rest = study.data[:3] - 0.42 * np.array([1.0, 2.0, 3.0])
    exact = rest @ np.linalg.solve(scatter, rest)
    assert 2.0 * float(fixed.excess(at, study.data)) == pytest.approx(exact, rel=1e-10)
    scan = [2.0 * float(study.likelihood.excess({**at, "scale": b}, study.data)) for b in np.linspace(-0.3, 0.3, 601)]
    assert min(scan) == pytest.approx(exact, abs=1e-3)  # steps of 1 % of the error


def test_signals_of_frozen_studies_say_so_and_have_no_nuisances() -> None:
    signal = grid_signal(pulled_study(), sterile_grid((0.1, 1, 3), (0.5, 2, 4)), freeze_covariance=True)
    assert signal.space.names == PLANE
    assert "scale" in dict(signal.flags)["frozen_covariance"]


def test_nuisances_that_act_on_two_parts_cannot_be_frozen() -> None:
    study = pulled_study()
    other = experiment("y", lambda p: [p["scale"]], [0.0], np.eye(1), study.likelihood.space)
    with pytest.raises(InvalidModel, match="'scale' of part 'a' acts on part 'b' too"):
        frozen(Joint({"a": study.likelihood, "b": other.likelihood}))
