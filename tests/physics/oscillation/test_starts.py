"""Where fits in the sterile plane begin."""

import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.inference.fitting import fit
from wilks.likelihood.signal_grids import SignalGrid
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.experiment import Study, experiment
from wilks.physics.oscillation.gallium import gallium
from wilks.physics.oscillation.spaces import PLANE, STERILE
from wilks.physics.oscillation.starts import best_start

LENGTHS = np.linspace(5.0, 30.0, 40)
TRUTH = {"sin2_2theta_ee": 0.25, "dm2_41_eV2": 2.6}


def losses(p):
    return 1 - p["sin2_2theta_ee"] * np.sin(1.26693268 * p["dm2_41_eV2"] * LENGTHS / 4.0) ** 2


def made_up(**changes) -> Study:
    settings = {"covariance": 1e-4 * np.eye(40), "space": ParameterSpace(STERILE)}
    return experiment("mine", losses, losses(TRUTH), **{**settings, **changes})


def test_a_fit_from_the_best_node_finds_what_one_from_elsewhere_misses() -> None:
    study = made_up()
    start = best_start(study)
    assert start["dm2_41_eV2"] == pytest.approx(2.6, rel=0.02)  # half a step of the nodes
    assert fit(study.likelihood, study.data, start=start).theta.tolist() == pytest.approx([0.25, 2.6], rel=1e-4)
    elsewhere = fit(study.likelihood, study.data, start={"dm2_41_eV2": 0.9}, throw=False)
    assert elsewhere.excess > 10.0
    assert "best_start" in str(study)


def test_nodes_stay_inside_the_bounds_and_may_be_given() -> None:
    sine, splitting = STERILE
    narrow = ParameterSpace(
        (Parameter(sine.name, 0.25, lower=0.21, upper=0.29), Parameter(splitting.name, 30.0, lower=25.0))
    )
    start = best_start(made_up(space=narrow))
    assert 0.21 <= start[PLANE[0]] <= 0.29
    assert start[PLANE[1]] >= 25.0
    own = SignalGrid(PLANE, np.array([0.1, 0.4]), np.array([1.0, 2.6]))
    assert best_start(made_up(), own)["dm2_41_eV2"] == 2.6


def test_nuisances_stay_at_their_starts() -> None:
    start = best_start(gallium())
    assert set(start) == set(PLANE)
    assert start["dm2_41_eV2"] == pytest.approx(1.25, rel=0.1)  # BEST, arXiv:2109.11482


def test_a_study_without_the_plane_is_refused() -> None:
    lines = experiment("lines", lambda p: [p["x"]], [1.0], np.eye(1), ParameterSpace((Parameter("x", 1.0),)))
    with pytest.raises(InvalidModel, match="no free sin2_2theta_ee and dm2_41_eV2"):
        best_start(lines)
