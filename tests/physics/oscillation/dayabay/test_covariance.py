"""The covariance of expected counts: every group against brute force, its low-rank root, where it was computed."""

import equinox as eqx
import numpy as np
import pytest

from wilks.physics.oscillation.dayabay import nuisances
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis
from wilks.physics.oscillation.dayabay.covariance import systematics
from wilks.physics.oscillation.dayabay.derivatives import STEP
from wilks.physics.oscillation.dayabay.nuisances import GROUPS

STENCIL = ((0.5, 4 / 3), (-0.5, -4 / 3), (1.0, -1 / 6), (-1.0, 1 / 6))
"""Places in units of the step, and weights, of the release model's derivative."""


@pytest.fixture(scope="module")
def columns(near_and_far: DayaBayAnalysis) -> dict[str, np.ndarray]:
    return systematics(near_and_far.prediction, _start(near_and_far), GROUPS, "stencil").columns


def _start(analysis: DayaBayAnalysis) -> dict:
    space = analysis.likelihood.space
    return space.unpack(space.starts)


@pytest.fixture(scope="module")
def move(near_and_far: DayaBayAnalysis):
    """Expected counts with one member of one group moved, by the full prediction."""
    prediction, sizes = near_and_far.prediction, dict(near_and_far.prediction.sizes)
    at = eqx.filter_jit(lambda n: prediction.at(_start(near_and_far), n))

    def moved(group: str, member: int, by: float) -> np.ndarray:
        zeros = {name: np.zeros(size) for name, size in sizes.items()}
        return np.asarray(at(zeros | {group: by * np.eye(sizes[group])[member]}))

    return moved


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_changes_counts_as_the_full_prediction_does(group, columns, move):
    rows = columns[group]
    for member in {0, len(rows) // 2, len(rows) - 1}:
        brute = sum(weight * move(group, member, STEP * place) for place, weight in STENCIL) / STEP
        # differences of counts of 1e5, right to 1e-11, over a step of 0.1
        np.testing.assert_allclose(rows[member], brute, rtol=1e-6, atol=1e-5)


def test_exact_derivatives_are_close_to_the_stencil(near_and_far, columns):
    groups = ("survival_probability", "snf", "thermal_power", "background_rate", "fission_fractions")
    exact = systematics(near_and_far.prediction, _start(near_and_far), groups, "exact").columns
    for group in groups:
        # the stencil is of fourth order in steps of a tenth of an error
        size = np.abs(columns[group]).max()
        np.testing.assert_allclose(exact[group], columns[group], rtol=1e-4, atol=1e-6 * size)


def test_the_root_is_the_covariance_up_to_the_tolerance(standard):
    matrix, root = standard.systematics.matrix(), np.asarray(standard.likelihood.root)
    scale = np.sqrt(standard.systematics.mean)
    left = (matrix - root @ root.T) / np.outer(scale, scale)
    assert np.abs(np.linalg.eigvalsh(left)).max() < 1.001 * standard.choices.tolerance  # rounding
    assert 100 < root.shape[1] < 200  # 132 to 154 eigenvalues matter, oscillation.md 5.2
    full = matrix + np.diag(standard.systematics.mean)
    assert np.linalg.eigvalsh(full / np.outer(scale, scale)).min() > 0.99


def test_a_covariance_can_be_computed_anew(near_and_far):
    values = {name: float(value) for name, value in _start(near_and_far).items()}
    assert near_and_far.computed_at == values
    moved = {**values, "sin2_2theta13": 0.07, "dayabay_knot_05": 0.1}
    anew = near_and_far.updated_at(moved)
    assert anew.computed_at == moved
    np.testing.assert_allclose(anew.systematics.mean, near_and_far.prediction(moved), rtol=1e-9)  # nodes, sums
    np.testing.assert_array_equal(anew.likelihood.kept, anew.systematics.mean)
    assert np.abs(anew.systematics.matrix() / near_and_far.systematics.matrix() - 1).max() > 0.01


def test_bounds_keep_fission_fractions_positive():
    """The release model folds negative ones by an absolute value; none is reached inside the bounds."""
    parameters = nuisances.pull_parameters("fission_fractions", 24)
    for signs in np.random.default_rng(1).choice([-1.0, 1.0], size=(200, 24)):
        edge = np.array([p.upper if sign > 0 else p.lower for p, sign in zip(parameters, signs, strict=True)])
        scales = 1.0 + edge.reshape(6, 4) @ nuisances._FRACTION_ROOT.T
        shares = np.asarray(nuisances.emission(np.zeros(4), np.zeros(6), edge))
        assert (scales > 0).all()
        assert (shares > 0).all()
