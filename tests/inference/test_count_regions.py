"""Regions of counts: the oscillation toy of Feldman and Cousins, exact against brute force."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import poisson

from wilks._base.errors import InvalidModel, InvalidOption
from wilks.inference.calibration import ByToys
from wilks.inference.contours import contour
from wilks.inference.count_regions import CountToys, _toys
from wilks.likelihood.count_signals import AbstractCountTable, GridCountTable, LinearCountTable, tabulate_counts
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.signal_grids import SignalGrid
from wilks.model.linear import LinearTemplates
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

PLANE = ("s", "m")
GRID = SignalGrid.logarithmic(PLANE, (1e-3, 0.1, 8), (5.0, 200.0, 25))


class Beam(AbstractPredictor):
    """Appearance in five bins on a background of 100 each, as in section V of Feldman and Cousins."""

    space: ParameterSpace

    def __call__(self, values):
        """Counts of all bins."""
        energy = jnp.linspace(10.0, 60.0, 51)[:, None]
        length = jnp.linspace(0.6, 1.0, 21)[None]
        share = jnp.mean(jnp.sin(1.267 * values["m"] * length / energy) ** 2, axis=1)
        return 100.0 + 1e4 * values["s"] * jnp.mean(share[:50].reshape(5, 10), axis=1)


@functools.cache
def beam() -> PoissonCounts:
    return PoissonCounts(
        Beam(
            ParameterSpace((Parameter("s", 0.01, lower=0.0, upper=1.0), Parameter("m", 40.0, lower=1.0, upper=1000.0)))
        )
    )


@functools.cache
def data():
    return np.round(np.asarray(beam().predictor({"s": 0.007, "m": float(GRID.shapes[14])})))


@functools.cache
def signal(form):
    return tabulate_counts(beam(), GRID, form=form)


def test_tables_equal_the_prediction_at_their_nodes():
    for form, kind in (("auto", LinearCountTable), ("grid", GridCountTable)):
        likelihood = signal(form)
        assert isinstance(likelihood.predictor, kind)
        values = {"s": float(GRID.amplitudes[3]), "m": float(GRID.shapes[11])}
        np.testing.assert_allclose(likelihood.predictor(values), beam().predictor(values), rtol=1e-12)
        assert float(likelihood.log_prob(values, likelihood.prepare(data()))) == pytest.approx(
            float(beam().log_prob(values, beam().prepare(data()))), rel=1e-12
        )


def kernel(form, points) -> CountToys:
    means = np.array([beam().predictor({"s": s, "m": m}) for s, m in points])
    table = signal(form).predictor
    assert isinstance(table, AbstractCountTable)
    return _toys(table, means)[0]


POINTS = [(0.0, 40.0), (0.006, float(GRID.shapes[14])), (0.05, float(GRID.shapes[3]))]


@pytest.mark.parametrize("form", ["auto", "grid"])
def test_ratios_equal_those_of_brute_force(form):
    toys = kernel(form, POINTS)
    counts = poisson.rvs(toys.tested[1], size=(6, 5), random_state=3).astype(float)
    for t, mean in enumerate(toys.tested):
        fast = toys.ratios(counts, mean)
        for n, ratio in zip(counts, fast, strict=True):
            best = max([poisson.logpmf(n, mean).sum(), *_heights(form, n)])
            # Newton's method converges to rounding
            assert ratio == pytest.approx(2 * (best - poisson.logpmf(n, mean).sum()), abs=1e-6), t


def _heights(form, n):
    predictor = signal(form).predictor
    if form == "grid":
        return [poisson.logpmf(n, mu).sum() for mu in predictor.table.values.reshape(-1, 5)]

    def height(s, k):
        return -poisson.logpmf(n, predictor.background + s * predictor.slopes[k]).sum()

    found = [
        minimize_scalar(height, args=(k,), bounds=(0, 1), method="bounded", options={"xatol": 1e-12}) for k in range(25)
    ]
    return [max(-f.fun, -height(0.0, k)) for k, f in enumerate(found)]


def test_toys_of_counts_have_non_negative_ratios_and_poisson_draws():
    toys = kernel("auto", POINTS)
    uniform = np.random.default_rng(1).uniform(size=(400, 5))
    ratios = toys.measure(np.arange(3), uniform)
    assert (ratios >= 0).all()
    assert ratios.shape == (3, 400)


def test_the_oscillation_toy_has_its_region():
    found = contour(signal("auto"), data(), PLANE, level=0.9, method="feldman-cousins", calibration=ByToys(1, 1000))
    assert found.inside[np.argmin(np.abs(GRID.amplitudes - 0.007)), 14]  # the data are those expected near there
    assert found.best[0] == pytest.approx(0.007, abs=1e-3)
    assert 0 < found.inside.sum() < found.t.size / 2
    assert "all amplitudes" in found.how
    nodes = contour(signal("grid"), data(), PLANE, level=0.9, method="feldman-cousins", calibration=ByToys(1, 500))
    assert (nodes.t <= found.t + 1e-9).all()  # fewer candidates: smaller ratios
    assert np.mean(nodes.inside == found.inside) > 0.9


def test_bad_input_is_refused():
    with pytest.raises(InvalidModel, match="hold b fixed"):
        tabulate_counts(PoissonCounts(LinearTemplates.of({"s": [1.0], "m": [2.0], "b": [3.0]})), GRID)
    curved = LinearTemplates.of({"s": [1.0, 2.0], "m": [2.0, 1.0]})

    class Squared(AbstractPredictor):
        """Quadratic in s."""

        space: ParameterSpace

        def __call__(self, values):
            """Two bins."""
            return 1.0 + jnp.array([1.0, 2.0]) * values["s"] ** 2 * values["m"]

    with pytest.raises(InvalidModel, match=r"depart by \d"):
        tabulate_counts(PoissonCounts(Squared(curved.space)), GRID, form="linear")
    with pytest.raises(InvalidOption, match="tabulated in s, m"):
        contour(signal("auto"), data(), ("m", "s"), method="feldman-cousins", calibration=ByToys(1, 10))
    coarse = tabulate_counts(beam(), SignalGrid(PLANE, GRID.amplitudes, GRID.shapes, phase_step=1.0))
    with pytest.raises(InvalidOption, match="pi/4"):
        contour(coarse, data(), PLANE, method="feldman-cousins", calibration=ByToys(1, 10))
