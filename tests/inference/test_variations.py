"""Fits and p-values of counts under systematic variations: against exact enumeration and published examples."""

import itertools
import re

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

from wilks import ByToys, fit, goodness_of_fit, hypothesis_test, profile, profile_many
from wilks._base.errors import FitFailed, InvalidModel, InvalidOption
from wilks.data.tables import read_csv
from wilks.inference import profiles
from wilks.inference.fitting import solve
from wilks.inference.lanes import Settings, fit_lanes, stack_lanes
from wilks.inference.member_starts import average_starts, member_starts
from wilks.interchange.remu import read_binning, read_response
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.variations import log_densities, means_at
from wilks.model.ensemble_algebra import compose, fix, templates
from wilks.model.ensembles import LinearEnsemble
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

MATRICES = np.array(
    [
        [[0.60, 0.10, 0.05], [0.20, 0.50, 0.15]],
        [[0.50, 0.12, 0.04], [0.26, 0.44, 0.20]],
        [[0.66, 0.06, 0.07], [0.17, 0.57, 0.11]],
    ]
)
THETA = {"a": 6.0, "b": 3.0, "c": 4.0}
SPACE = ParameterSpace(tuple(Parameter(name, value, lower=0.0) for name, value in THETA.items()))

# Exact enumeration of outcomes 0..60 in both bins: mode, weights, data, ln L, p with ties.
ENUMERATED = [
    ("marginal", (1.0, 1.0, 1.0), (2, 7), -5.241093713842791, 0.11347669180184),
    ("marginal", (1.0, 1.0, 1.0), (5, 4), -3.566638339852799, 0.67523007818292),
    ("marginal", (1.0, 2.0, 0.5), (2, 7), -5.038359588567732, 0.15212353698340),
    ("marginal", (1.0, 2.0, 0.5), (0, 0), -7.303058662090924, 0.01212751322483),
    ("profile", (1.0, 1.0, 1.0), (9, 1), -5.862838627385817, 0.04354993255568),
    ("profile", (1.0, 2.0, 0.5), (5, 4), -3.509920741125201, 0.58937921440186),
]


def small(mode, weights):
    return EnsembleCounts(LinearEnsemble(SPACE, MATRICES, weights=weights), systematics=mode)


@pytest.mark.parametrize(("mode", "weights", "data", "log_likelihood", "p"), ENUMERATED)
def test_simple_hypotheses_agree_with_exact_enumeration(mode, weights, data, log_likelihood, p):
    likelihood, n = small(mode, weights), 20_000
    got = goodness_of_fit(
        likelihood, np.array(data, dtype=float), statistic="likelihood", values=THETA, calibration=ByToys(7, n)
    )
    assert -got.observed == pytest.approx(log_likelihood, abs=1e-12)
    # four standard errors; six cases are tested. Without ties p would be lower by two to ten of them
    assert abs(got.p_value - p) < 4 * np.sqrt(p * (1 - p) / n)
    assert got.ties > 0
    assert got.p_value == (got.exceedances + 1) / (n + 1)
    assert got.p_toys_interval[0] < got.p_value < got.p_toys_interval[1]


def ratio_by_enumeration(likelihood, counts, null, highest=14):
    """P(r(toy) <= r(data)) for two bins: toys from the best fit under the null, each refitted, ties included."""
    outcomes = np.array(list(itertools.product(range(highest), repeat=2)), dtype=float)
    name, value = next(iter(null.items()))
    held = likelihood.space.fix(**null)
    log_ratio, chance = [], None
    best = fit(likelihood, counts, space=held)
    mu = np.asarray(likelihood.expected_ensemble(best.values))
    chance = np.exp(poisson.logpmf(outcomes[:, None], mu[None]).sum(axis=2)).mean(axis=1)
    for space in (held, likelihood.space):
        lanes = likelihood.prepare(outcomes[0])
        lanes = type(lanes)(outcomes, np.zeros((len(outcomes), 0)), np.zeros((len(outcomes), 0)))
        start = np.repeat(likelihood.space.complete(null)[None], len(outcomes), axis=0)
        free = np.broadcast_to(space.free_mask, start.shape)
        # an EDM of 1e-13 separates true ties from near ones
        log_ratio.append(fit_lanes(likelihood, lanes, start, free, likelihood.space, Settings("observed", 1e-13)).value)
    t = 2 * (log_ratio[0] - log_ratio[1])
    observed = t[(outcomes == counts).all(axis=1)][0]
    assert chance.sum() > 1 - 1e-3  # the outcomes left out cannot matter here
    return (chance * (t >= observed - 1e-6)).sum(), name, value


@pytest.mark.parametrize("counts", [(4.0, 1.0), (0.0, 3.0)])
def test_ratio_p_values_of_small_counts_keep_their_ties(counts):
    """Where separately fitted likelihoods lose ties, the p-value comes out far too low."""
    tables = templates({"x": [[0.6, 0.2], [0.5, 0.26]], "y": [[0.1, 0.5], [0.12, 0.44]]})
    likelihood, n = EnsembleCounts(tables), 4000
    exact, name, value = ratio_by_enumeration(likelihood, np.array(counts), {"x": 3.0})
    got = hypothesis_test(likelihood, np.array(counts), {name: value}, statistic="ratio", calibration=ByToys(3, n))
    assert got.ties > 0
    assert abs(got.p_value - exact) < 4 * np.sqrt(exact * (1 - exact) / n) + 1e-3  # outcomes left out


def test_a_test_that_fixes_nothing_is_refused():
    with pytest.raises(InvalidOption, match="fixes no parameter"):
        hypothesis_test(small("marginal", None), [5.0, 4.0], {}, statistic="ratio")


def test_a_scan_fits_the_free_model_once_and_never_lies_below_it():
    tables = templates({"x": [[6.0, 2.0, 1.0], [5.0, 2.6, 2.0]], "y": [[1.0, 5.0, 2.0], [1.2, 4.4, 3.0]]})
    scan = profile(EnsembleCounts(tables), [13.0, 9.0, 5.0], "x", np.linspace(0.0, 4.0, 21))
    assert scan.delta.min() >= -2e-10  # the EDM of both fits
    assert (scan.status <= 2).all()
    assert (scan.p_values(dof=1) <= 1.0).all()


def test_a_scan_makes_one_free_fit(monkeypatch):
    free = []
    monkeypatch.setattr(profiles, "solve", lambda *a, **k: free.append(1) or solve(*a, **k))
    scan = profile(small("marginal", None), [9.0, 5.0], "a", np.linspace(0.0, 8.0, 20))
    assert len(free) == 1
    assert len(scan.status) == 20


def test_wilks_p_values_of_a_parameter_at_its_bound_carry_a_note():
    tables = templates({"x": [[6.0, 2.0, 1.0], [5.0, 2.6, 2.0]], "y": [[1.0, 5.0, 2.0], [1.2, 4.4, 3.0]]})
    likelihood, grid = EnsembleCounts(tables), np.linspace(0.0, 3.0, 4)
    pressed, inside = [30.0, 6.0, 4.0], [13.0, 9.0, 5.0]
    assert fit(likelihood, pressed).at_lower == ("y",)
    assert "best value of y" in profile(likelihood, pressed, "y", grid).flags["boundary"]
    assert "boundary" not in profile(likelihood, pressed, "x", grid).flags
    assert "boundary" not in profile(likelihood, inside, "y", grid).flags
    test = hypothesis_test(likelihood, pressed, {"y": 1.0}, statistic="ratio")
    assert "best value of y" in test.flags["boundary"]
    assert "boundary" not in hypothesis_test(likelihood, inside, {"y": 1.0}, statistic="ratio").flags
    many = profile_many(likelihood, [pressed, inside], "y", grid)
    assert "in 1 of 2 sets" in many.flags["boundary"]
    scan = profile(likelihood, inside, "y", grid)
    np.testing.assert_array_equal(scan.p_values(), scan.p_values(dof=1))


TABLE_A = [[3.0, 6.0, 2.0], [4.0, 5.0, 1.0]]


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"A": TABLE_A, "Z": np.zeros((2, 3))}, "^Z has no effect on the likelihood there$"),
        ({"A": TABLE_A, "Y": np.zeros((2, 3)), "Z": np.zeros((2, 3))}, "^Y, Z have no effect"),
        ({"A": TABLE_A, "B": 2 * np.array(TABLE_A)}, r"^the data do not fix the combination \+1 A -0.5 B$"),
        ({"A": TABLE_A, "B": TABLE_A, "C": TABLE_A}, r"combinations .*A.* and .*A"),
    ],
)
@pytest.mark.parametrize("mode", ["marginal", "profile"])
def test_templates_that_cannot_be_told_apart_are_a_flat_direction(mode, tables, sentence):
    likelihood = EnsembleCounts(templates(tables), systematics=mode)
    found = fit(likelihood, [9.0, 14.0, 5.0], throw=False)
    assert re.search(sentence, found.flags["flat_direction"])
    assert found.status.word == "not_pd"
    assert found.covariance is None
    assert not found.errors
    with pytest.raises(FitFailed, match=r"Z ha(s|ve)|do not fix"):
        fit(likelihood, [9.0, 14.0, 5.0])
    fixed = likelihood.space.fix({name: 0.0 for name in tables if name != "A"})
    alone = fit(likelihood, [9.0, 14.0, 5.0], space=fixed)
    assert alone.status.converged
    assert "flat_direction" not in alone.flags


def test_templates_of_very_different_sizes_are_fitted_alike():
    """Where a search steps by the same amount in all parameters, one of these never moves."""
    x, y = np.array([[6.0, 2.0, 1.0], [5.0, 2.6, 2.0]]), np.array([[1.0, 5.0, 2.0], [1.2, 4.4, 3.0]])
    plain = fit(EnsembleCounts(templates({"x": x, "y": y})), [63.0, 49.0, 35.0])
    scaled = fit(EnsembleCounts(templates({"x": 1e6 * x, "y": 1e-6 * y})), [63.0, 49.0, 35.0])
    assert scaled.nll == pytest.approx(plain.nll, abs=1e-8)  # the accuracy asked of fits
    assert 1e6 * scaled.values["x"] == pytest.approx(plain.values["x"], rel=1e-4)  # 1e-8 in nll, in units of the error
    assert 1e-6 * scaled.values["y"] == pytest.approx(plain.values["y"], rel=1e-4)


@pytest.mark.parametrize("mode", ["marginal", "profile"])
def test_starts_from_the_average_are_never_worse_and_stay_inside(mode):
    tables = templates({"x": [[6.0, 2.0, 1.0], [5.0, 2.6, 2.0]], "y": [[1.0, 5.0, 2.0], [1.2, 4.4, 3.0]]})
    likelihood = EnsembleCounts(tables, systematics=mode)
    counts = np.array([[70.0, 10.0, 3.0]])
    start = likelihood.space.starts[None]
    guess = average_starts(likelihood, counts, start, likelihood.space)
    assert (guess >= 0).all()
    one = likelihood.prepare(counts[0])
    ends = [likelihood.log_prob(likelihood.space.unpack(theta[0]), one) for theta in (start, guess)]
    assert ends[1] > ends[0]
    kept = average_starts(likelihood, counts, start, likelihood.space, keep=("y",))
    assert kept[0, 1] == 1.0
    assert fit(likelihood, [70.0, 10.0, 3.0], start={"x": 1.0, "y": 1.0}).start.tolist() == [1.0, 1.0]


def test_log_densities_are_log_likelihoods_up_to_a_constant():
    likelihood = small("profile", (1.0, 2.0, 0.5))
    data = likelihood.prepare([5.0, 4.0])
    points = np.array([[6.0, 3.0, 4.0], [1.0, 2.0, 9.0]])
    counts = np.repeat(data.counts[None], 2, axis=0)
    best = log_densities(means_at(likelihood.predictor, points), counts).max(axis=0)
    exact = [float(likelihood.log_prob(SPACE.unpack(point), data)) for point in points]
    np.testing.assert_allclose(np.diff(best), np.diff(exact), rtol=1e-12)


def test_members_are_asked_in_profile_mode_only():
    likelihood = small("marginal", None)
    start = np.array([[1.0, 1.0, 1.0]])
    data = stack_lanes(likelihood.prepare([5.0, 4.0]), 1)
    free = np.ones((1, 3), dtype=bool)
    assert member_starts(likelihood, data, start, free, SPACE, Settings()) is start
    assert likelihood.members() is None


class Broken(AbstractPredictor):
    """Expected counts that are no numbers above x = 2."""

    space: ParameterSpace

    def __call__(self, values):
        return jnp.where(values["x"] > 2.0, jnp.nan, 1.0) * jnp.array([3.0, 4.0])


def test_predictions_that_are_no_numbers_are_refused_by_name():
    space = ParameterSpace((Parameter("x", 1.0, lower=0.0, upper=5.0),))
    likelihood = EnsembleCounts(Broken(space))
    with pytest.raises(InvalidModel, match="variation 0 predicts nan in bin 0"):
        goodness_of_fit(likelihood, [3.0, 4.0], statistic="likelihood", values={"x": 3.0})
    with pytest.raises((InvalidModel, FitFailed), match="variation 0 predicts nan in bin 0"):
        fit(likelihood, [3.0, 4.0], start={"x": 3.0})
    with pytest.raises(InvalidModel, match=r"variation 1 predicts -2\.0 in bin 1"):
        EnsembleCounts(templates({"s": [[1.0, 5.0], [1.5, -2.0]]}))


# ReMU's examples 02 and 03: an independent computation in numpy and scipy with 2e5 to 4e5 toys.
MEASURED = np.array([10.0, 18.0, 57.0, 108.0, 119.0, 84.0, 38.0, 11.0])
P_VALUES = {"01": (0.1935, 0.690), "03": (0.508, 0.833)}


@pytest.mark.shared
@pytest.mark.parametrize("example", P_VALUES)
def test_p_values_of_the_published_examples(shared_data, example):
    folder = shared_data / "response"
    truth = read_binning(folder / "01" / "optimised-truth-binning.yml")
    tables = {}
    for name in "AB":
        filled = truth.fill(read_csv(folder / "00" / f"model{name}_truth.csv.gz"))
        tables[name] = filled.values / filled.values.sum()
    likelihood = EnsembleCounts(compose(read_response(folder / example / "response_matrix.npz"), templates(tables)))
    n = 20_000
    for values, p in zip(({"A": 1000.0, "B": 0.0}, {"A": 0.0, "B": 1000.0}), P_VALUES[example], strict=True):
        got = goodness_of_fit(likelihood, MEASURED, statistic="likelihood", values=values, calibration=ByToys(2, n))
        assert abs(got.p_value - p) < 4 * np.sqrt(p * (1 - p) / n) + 1e-3  # the reference's last digit
    if example == "01":
        for other, p in (("B", 0.548), ("A", 0.689)):
            alone = EnsembleCounts(fix(likelihood.predictor, **{other: 0.0}))
            best = fit(alone, MEASURED).values
            got = goodness_of_fit(alone, MEASURED, statistic="likelihood", values=best, calibration=ByToys(4, n))
            assert abs(got.p_value - p) < 4 * np.sqrt(p * (1 - p) / n) + 1e-3
            refitted = goodness_of_fit(alone, MEASURED, statistic="likelihood", calibration=ByToys(4, 1000))
            # a refitted toy is described better, so data at the same -ln L look worse
            assert refitted.p_value < got.p_value + 4 * np.sqrt(p * (1 - p) / 1000)
    else:
        best = fit(likelihood, MEASURED)
        assert float(likelihood.effective_variations(best.values, likelihood.prepare(MEASURED))) == pytest.approx(
            48.5, abs=0.05
        )
        for scale, effective in ((3, 7.6), (10, 1.07), (30, 1.0)):
            scaled = {name: scale * value for name, value in best.values.items()}
            data = likelihood.prepare(scale * MEASURED)
            assert float(likelihood.effective_variations(scaled, data)) == pytest.approx(effective, abs=0.05)
            assert "low_systematics_ess" in likelihood.flags_at(scaled, data)
