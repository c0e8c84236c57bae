"""Signals equal the likelihoods that they were tabulated from, and say where they do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.likelihood import signal_models as models
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName
from wilks.likelihood.signal_grids import CubicRule, SignalGrid
from wilks.likelihood.signals import GridSignal, LinearSignal, RationalSignal
from wilks.likelihood.tabulation import tabulate

CASES = {
    "linear": (models.spectra, LinearSignal),
    "rational": (models.ratios, RationalSignal),
    "joint": (models.both, RationalSignal),
    "shared nuisance": (lambda: models.scaled("background"), LinearSignal),
    "nuisance of the signal": (lambda: models.scaled("norm"), GridSignal),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    make, kind = CASES[request.param]
    likelihood = make()
    signal = tabulate(likelihood, models.grid())
    assert isinstance(signal, kind)
    return likelihood, signal


def point(signal, amplitude, shape, nuisance=0.013):
    return {"s": amplitude, "m": shape, **dict.fromkeys(signal.space.names[2:], nuisance)}


def test_a_signal_equals_its_likelihood_at_the_nodes(case):
    likelihood, signal = case
    truth = point(signal, 0.2, 0.7)
    data = jax.tree.map(np.asarray, likelihood.simulate(jax.random.key(1), truth))
    for amplitude in (0.0, signal.grid.amplitudes[3], 1.0):
        values = point(signal, float(amplitude), float(signal.grid.shapes[5]))
        # the same sum of squares, whitened in another order
        assert float(signal.log_prob(values, data)) == pytest.approx(float(likelihood.log_prob(values, data)), rel=1e-9)


def test_a_signal_draws_what_its_likelihood_draws_on_average(case):
    likelihood, signal = case
    values = point(signal, float(signal.grid.amplitudes[4]), float(signal.grid.shapes[9]))
    for one, other in zip(
        jax.tree.leaves(signal.expected(values)), jax.tree.leaves(likelihood.expected(values)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)  # whitened and back
    scores = [
        signal.excess(values, jax.tree.map(np.asarray, signal.simulate(jax.random.key(k), values))) for k in range(40)
    ]
    cells = sum(signal.whitening.sizes)
    # 40 draws of half a chi-square: three standard deviations of their mean
    assert np.mean(scores) == pytest.approx(cells / 2, abs=3 * np.sqrt(cells / 2 / 40))


def test_between_nodes_a_signal_is_close_to_its_likelihood():
    likelihood, coarse, fine = models.spectra(), models.grid(9, 16), models.grid(9, 61)
    departures = []
    for nodes in (coarse, fine):
        signal = tabulate(likelihood, nodes)
        found = [signal.mean({"s": 0.3, "m": m})[0] - likelihood.mean({"s": 0.3, "m": m})[0] for m in (0.317, 0.845)]
        departures.append(float(jnp.max(jnp.abs(jnp.stack(found)))))
    # four times as many nodes: cubic interpolation gains a factor of 4^3 at least
    assert departures[1] < departures[0] / 64
    assert departures[1] < 0.02  # sigma


def test_forms_that_do_not_describe_the_prediction_are_refused_with_the_departure():
    with pytest.raises(InvalidModel, match=r"departs by \d.* standard deviations from a linear function of s"):
        tabulate(models.ratios(), models.grid(), form="linear")
    flagged = tabulate(models.ratios(), models.grid(), form="linear", linearity=1e6)
    assert "departs by" in flagged.flags_at({"s": 0.1, "m": 0.2}, None)["linear_signal"]
    with pytest.raises(InvalidModel, match="act on the signal too"):
        tabulate(models.scaled("norm"), models.grid(), form="linear")


def test_a_grid_form_is_exact_at_its_nodes_and_meets_without_signal():
    signal = tabulate(models.ratios(), models.grid(), form="grid")
    assert isinstance(signal, GridSignal)
    assert signal.means.values.shape == (10, 16, 40)  # nine amplitudes and none
    np.testing.assert_array_equal(signal.means.values[0], np.broadcast_to(signal.means.values[0, 0], (16, 40)))
    exact = models.ratios().predictor({"s": signal.grid.amplitudes[2], "m": signal.grid.shapes[7]})
    np.testing.assert_allclose(signal.means.values[3, 7], exact * signal.whitening.factors[0], rtol=1e-12)


@pytest.mark.parametrize("values", [np.array([0.0, 1.0]), np.array([0.0, 0.1, 1.0, 1.5, 4.0])])
def test_cubic_rules_are_exact_for_parabolas_and_smooth(values):
    rule = CubicRule.through(values, logarithmic=False)
    degree = min(len(values) - 1, 2)

    def at(u):
        first, weights = rule.weights(u)
        nodes = jnp.asarray(values)[first + jnp.arange(len(weights))]
        return weights @ nodes**degree

    for u in (0.0, 0.03, 0.1, 0.7, 1.0):
        assert float(at(jnp.asarray(u))) == pytest.approx(u**degree, abs=1e-14)  # rounding
    below, above = (float(jax.grad(at)(jnp.asarray(1.0 + side))) for side in (-1e-9, 1e-9))
    if len(values) > 2:
        assert below == pytest.approx(above, abs=1e-7)  # slopes meet: the distance times a curvature of order 10


def test_bad_input_is_refused():
    with pytest.raises(InvalidOption, match="two different parameters"):
        SignalGrid.logarithmic(("s", "s"), (0.1, 1, 3), (0.1, 1, 3))
    with pytest.raises(InvalidOption, match="increasing"):
        SignalGrid(("s", "m"), np.array([0.2, 0.1]), np.array([1.0, 2.0]))
    with pytest.raises(InvalidOption, match="outside its bounds"):
        tabulate(models.spectra(), SignalGrid.logarithmic(("s", "m"), (0.1, 2.0, 3), (0.1, 1, 3)))
    with pytest.raises(UnknownName):
        tabulate(models.spectra(), SignalGrid.logarithmic(("s", "mass"), (0.1, 1.0, 3), (0.1, 1, 3)))
    signal = tabulate(models.both(), models.grid(3, 4))
    with pytest.raises(InvalidData, match=r"part 'ratios': measured values of shape \(3,\); expected \(40,\)"):
        signal.prepare({"spectra": np.zeros(60), "ratios": np.zeros(3)})
    with pytest.raises(UnknownName, match="no part 'ratio'"):
        signal.prepare({"spectra": np.zeros(60), "ratio": np.zeros(40)})
    with pytest.raises(InvalidData, match="no data given for part 'ratios'"):
        signal.prepare({"spectra": np.zeros(60)})
