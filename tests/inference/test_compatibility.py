"""Parameter goodness of fit: the closed form of linear parts, the law of toys, and joints of signals."""

import functools

import jax
import numpy as np
import pytest
from scipy.stats import chi2

from tests.likelihood import signal_models as models
from wilks._base.errors import InvalidOption
from wilks.inference.calibration import ByToys
from wilks.inference.compatibility import compatibility
from wilks.inference.multistart import Multistart
from wilks.likelihood.joint import Joint
from wilks.likelihood.residuals import GaussianResiduals
from wilks.likelihood.signal_grids import SignalGrid
from wilks.likelihood.tabulation import tabulate
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter


@functools.cache
def lines() -> Joint:
    """Two measurements of one parameter, each with a nuisance of its own."""
    free = {n: Parameter(n, 0.0) for n in ("x", "a", "b")}
    one = LinearTemplates.of({"x": [1.0, 1.0, 0.0], "a": [0.0, 1.0, 1.0]}, parameters={k: free[k] for k in ("x", "a")})
    two = LinearTemplates.of({"x": [1.0, 2.0, 0.0], "b": [1.0, 0.0, 1.0]}, parameters={k: free[k] for k in ("x", "b")})
    return Joint({"one": GaussianResiduals(one, errors=np.ones(3)), "two": GaussianResiduals(two, errors=np.ones(3))})


DATA = {"one": np.array([2.5, 2.0, -0.3]), "two": np.array([-1.0, -0.4, 0.2])}


def closed_form():
    designs = {n: np.asarray(p.predictor.templates) for n, p in lines().parts.items()}

    def lowest(matrix, y):
        return float(np.sum((y - matrix @ np.linalg.lstsq(matrix, y)[0]) ** 2))

    apart = sum(lowest(designs[n], DATA[n]) for n in DATA)
    joint = np.zeros((6, 3))
    joint[:3, :2], joint[3:, [0, 2]] = designs["one"], designs["two"]
    return lowest(joint, np.concatenate([DATA["one"], DATA["two"]])) - apart


def test_linear_parts_have_their_closed_form():
    found = compatibility(lines(), DATA)
    assert found.observed == pytest.approx(closed_form(), abs=1e-6)  # fits stop at an EDM of 1e-8
    assert found.p_value == pytest.approx(chi2.sf(found.observed, 1), rel=1e-6)
    assert "1 dof" in found.how
    assert "one " in found.how


def test_toys_follow_the_law():
    found = compatibility(lines(), DATA, calibration=ByToys(1, 1000))
    # binomial error of the p-value, three standard deviations
    assert found.p_value == pytest.approx(found.p_asymptotic, abs=3 * np.sqrt(found.p_asymptotic / 1000) + 1e-3)


def test_joints_of_signals_are_searched_on_their_grid():
    grid = SignalGrid.logarithmic(models.PLANE, (1e-2, 1.0, 25), (0.3, 1.2, 40))
    joint = Joint(
        {
            "spectra": tabulate(models.spectra(), grid, form="grid"),
            "ratios": tabulate(models.ratios(), grid, form="grid"),
        }
    )
    truth = {"s": float(grid.amplitudes[12]), "m": float(grid.shapes[20])}
    data = jax.tree.map(np.asarray, models.both().simulate(jax.random.key(4), truth))
    found = compatibility(joint, data, calibration=ByToys(2, 1000))
    assert "common grid" in found.how
    assert found.p_interval_95[0] < found.p_asymptotic + 0.15  # two dof nearly: the truth is far from all bounds
    slow = compatibility(models.both(), data, start=Multistart(6, key=1))
    assert found.observed == pytest.approx(slow.observed, abs=1.5)  # nodes 21 % apart in s and 4 % in m
    pulled = jax.tree.map(np.asarray, models.ratios().expected({"s": 0.6, "m": 0.5}))
    assert compatibility(joint, {**data, "ratios": pulled}, calibration=ByToys(2, 400)).p_value < 0.01


def test_what_cannot_disagree_is_refused():
    with pytest.raises(InvalidOption, match="single part"):
        compatibility(Joint({"one": lines().parts["one"]}), {"one": DATA["one"]})
    with pytest.raises(InvalidOption, match="share no free parameter"):
        compatibility(lines(), DATA, space=lines().space.fix(x=0.0))
