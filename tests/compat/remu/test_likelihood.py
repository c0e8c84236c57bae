"""Likelihoods of the drop-in: predictors, fits, and p-values against enumeration and closed forms."""

import itertools
import re
from importlib import metadata

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import chi2, poisson

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, InvalidParameter, MissingRole, ProcedureFailed
from wilks.compat.remu import Pool, likelihood, likelihood_utils
from wilks.compat.remu.likelihood import calculator as calculators
from wilks.compat.remu.likelihood.predictors import ensemble_of

# Three small variations, rows reco, columns truth, at the truth (6, 3, 4)
SMALL = np.array(
    [
        [[0.60, 0.10, 0.05], [0.20, 0.50, 0.15]],
        [[0.50, 0.12, 0.04], [0.26, 0.44, 0.20]],
        [[0.66, 0.06, 0.07], [0.17, 0.57, 0.11]],
    ]
)
TRUTH = np.array([6.0, 3.0, 4.0])


def small(counts=(2, 7), weights=(1.0, 1.0, 1.0), systematics="marginal"):
    predictor = likelihood.MatrixPredictor(SMALL, weights=weights, bounds=[(0.0, np.inf)] * 3)
    return likelihood.LikelihoodCalculator(likelihood.PoissonData(counts), predictor, systematics)


def two_templates(counts=(2, 7), systematics="marginal"):
    templates = likelihood.TemplatePredictor([[1.0, 0.5, 0.2], [0.1, 0.6, 1.0]])
    return small(counts, systematics=systematics).compose(templates)


class Curved(likelihood.Predictor):
    """mu = (a^2 + b, a b + 1) under two variations."""

    def prediction(self, parameters, systematics_index=slice(None)):
        a, b = np.moveaxis(np.asarray(parameters, dtype=float), -1, 0)
        one = np.stack([a**2 + b, a * b + 1.0], axis=-1)
        both = np.stack([one, 1.1 * one], axis=-2)
        return both[..., systematics_index, :], np.ones(both.shape[:-1])[..., systematics_index]


# --- predictors


def dense(predictor):
    """Matrices and constants by evaluation."""
    size = len(predictor.defaults)
    constants = predictor(np.zeros(size))[0]
    return np.stack([predictor(row)[0] - constants for row in np.eye(size)], axis=-1), constants


RANDOM = np.random.default_rng(3)
A, B = RANDOM.uniform(size=(3, 4, 5)), RANDOM.uniform(size=(3, 5, 2))
FLUX = RANDOM.uniform(size=(3, 4))


def product_of(first, second):
    return np.einsum("sij,tjk->stik", first, second).reshape(-1, first.shape[1], second.shape[2])


PREDICTORS = {
    "matrix": (lambda: likelihood.MatrixPredictor(A), A),
    "sparse": (lambda: likelihood.MatrixPredictor(A[:, :, :2], sparse_indices=[3, 0], bounds=[(0, 1)] * 5), None),
    "templates": (lambda: likelihood.TemplatePredictor(np.swapaxes(B, 1, 2)), B),
    "product": (lambda: likelihood.MatrixPredictor(A).compose(likelihood.MatrixPredictor(B)), product_of(A, B)),
    "paired": (
        lambda: likelihood.ComposedPredictor(
            [likelihood.MatrixPredictor(A), likelihood.MatrixPredictor(B)], combine_systematics="same"
        ),
        A @ B,
    ),
    "fixed": (lambda: likelihood.MatrixPredictor(A).fix_parameters([None, 1.0, np.nan, None, 2.0]), A[:, :, [0, 2, 3]]),
    "einsum": (
        lambda: likelihood.LinearEinsumPredictor("ij,...kj->...ik", FLUX, reshape_parameters=(2, 4)),
        np.stack([np.kron(np.eye(2), row) for row in FLUX]),
    ),
    "sum": (
        lambda: likelihood.SummedPredictor(
            [likelihood.MatrixPredictor(A), likelihood.MatrixPredictor(A)],
            [2.0, np.array([[1.0], [2.0], [3.0]])],
            "same",
        ),
        np.concatenate([2 * A, A * np.array([1.0, 2.0, 3.0])[:, None, None]], axis=2),
    ),
    "concatenated": (
        lambda: likelihood.ConcatenatedPredictor(
            [likelihood.MatrixPredictor(A), likelihood.MatrixPredictor(A)],
            share_parameters=True,
            combine_systematics="same",
        ),
        np.concatenate([A, A], axis=1),
    ),
    "linearised": (lambda: likelihood.LinearizedPredictor(likelihood.MatrixPredictor(A)), A),
}


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictors_are_the_matrices_that_they_stand_for(name):
    make, matrices = PREDICTORS[name]
    predictor = make()
    found, constants = dense(predictor)
    if matrices is not None:
        assert np.allclose(found, matrices, rtol=1e-12, atol=1e-12)  # sums of a few products
    points = np.random.default_rng(1).uniform(size=(2, 3, len(predictor.defaults)))
    many, weights = predictor(points)
    assert many.shape == (2, 3, *constants.shape)
    assert weights.shape == many.shape[:-1]
    assert np.allclose(many[1, 2], found @ points[1, 2] + constants, rtol=1e-12, atol=1e-12)
    assert np.array_equal(predictor(points, 1)[0], many[:, :, 1])


def test_sparse_predictors_can_be_fixed():
    predictor = PREDICTORS["sparse"][0]()
    part = predictor.fix_parameters([None, None, None, 0.5, None])
    assert np.allclose(part([0.3, 9.0, 9.0, 9.0])[0], predictor([0.3, 9.0, 9.0, 0.5, 9.0])[0])
    assert part.insert_fixed_parameters([1.0, 2.0, 3.0, 4.0]).tolist() == [1.0, 2.0, 3.0, 0.5, 4.0]
    assert isinstance(part, likelihood.MatrixPredictor)


def test_classes_are_recognised_as_in_remu():
    chain = likelihood.MatrixPredictor(A).compose(likelihood.MatrixPredictor(B))
    assert isinstance(chain, likelihood.ComposedMatrixPredictor)
    assert isinstance(chain, likelihood.Predictor)
    assert isinstance(chain, likelihood.ComposedPredictor)
    assert isinstance(likelihood.TemplatePredictor([[1.0]]), likelihood.LinearEinsumPredictor)
    assert chain.matrices.shape == (9, 4, 2)


def test_weights_of_variations_multiply_and_must_agree_when_paired():
    first = likelihood.MatrixPredictor(A, weights=[1.0, 2.0, 3.0])
    second = likelihood.MatrixPredictor(B, weights=[1.0, 0.0, 5.0])
    assert first.compose(second)([1.0, 1.0])[1].tolist() == [1.0, 0.0, 5.0, 2.0, 0.0, 10.0, 3.0, 0.0, 15.0]
    with pytest.raises(InvalidModel, match="different weights"):
        likelihood.ComposedPredictor([first, second], combine_systematics="same")
    uniform = likelihood.ComposedPredictor([first, likelihood.MatrixPredictor(B)], combine_systematics="same")
    assert uniform([1.0, 1.0])[1].tolist() == [1.0, 2.0, 3.0]


def test_a_users_predictor_is_chained_fixed_and_linearised():
    mine = Curved([(0.1, 9.0)] * 2, [1.0, 2.0])
    outer = likelihood.MatrixPredictor(RANDOM.uniform(size=(2, 3, 2)))
    paired = likelihood.ComposedPredictor([outer, mine], combine_systematics="same")
    expected = np.einsum("sij,sj->si", outer.matrices, mine([2.0, 3.0])[0])
    assert np.allclose(paired([2.0, 3.0])[0], expected)
    assert outer.compose(mine)([2.0, 3.0])[0].shape == (4, 3)
    assert np.allclose(mine.fix_parameters([None, 3.0])([2.0])[0], mine([2.0, 3.0])[0])
    tangent = likelihood.LinearizedPredictor(mine, evaluation_point=[2.0, 3.0])
    assert np.allclose(tangent([2.0, 3.0])[0], mine([2.0, 3.0])[0])
    # central differences of a parabola are exact up to rounding divided by the step
    assert np.allclose(tangent.matrices[0], [[4.0, 1.0], [3.0, 2.0]], atol=1e-8)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: likelihood.MatrixPredictor(A).compose(likelihood.MatrixPredictor(A)),
            InvalidModel,
            "takes 5 numbers.*gives 4",
        ),
        (
            lambda: likelihood.ComposedPredictor([likelihood.MatrixPredictor(A)], "pairs"),
            InvalidOption,
            "cartesian, same",
        ),
        (lambda: likelihood.MatrixPredictor(A, weights=[1.0, -1.0, 1.0]), InvalidModel, "must not be negative"),
        (lambda: likelihood.MatrixPredictor(A).fix_parameters([1.0]), InvalidParameter, "1 fixed values for 5"),
        (lambda: likelihood.MatrixPredictor(A)([1.0]), InvalidParameter, "matrix of 5 parameters"),
        (lambda: likelihood.LinearEinsumPredictor("ij,...kj->...ik", FLUX), InvalidModel, "how many parameters"),
        (
            lambda: likelihood.LinearEinsumPredictor("ij,...kj->...ki", FLUX, defaults=[1] * 4),
            InvalidModel,
            "variation",
        ),
        (lambda: ensemble_of(object()), MissingRole, "no predictor"),
        (
            lambda: likelihood.SummedPredictor([likelihood.MatrixPredictor(A)], [1.0, 2.0]),
            InvalidModel,
            "2 scale factors",
        ),
        (lambda: small(systematics="mean"), InvalidOption, "marginal, average, profile, maximum"),
        (lambda: likelihood.PoissonData([1.9, 1.0]), InvalidData, r"1.9 at \(0,\)"),
        (lambda: likelihood.PoissonData([-1]), InvalidData, "not negative"),
        (lambda: likelihood.PoissonData([1])([1.0, 2.0]), InvalidData, "1 bins of data"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# --- likelihoods


def test_poisson_probabilities_of_many_data_and_expectations():
    data, means = np.array([[0, 3], [5, 1], [2, 2]]), np.array([[0.5, 4.0], [3.0, 0.1]])
    found = likelihood.PoissonData(data)(means)
    expected = poisson.logpmf(data[:, None], means[None]).sum(axis=-1)
    assert np.allclose(found, expected, rtol=1e-13)
    edge = likelihood.PoissonData([0, 1])([[0.0, 1.0], [1.0, 0.0]])
    assert edge.tolist() == [-1.0, -np.inf]


@pytest.mark.parametrize("mean", [np.nan, -0.1])
def test_impossible_predictions_name_bin_and_variation(mean):
    predictor = likelihood.MatrixPredictor([[[1.0], [1.0]], [[1.0], [0.0]]], constants=[[0.0, 0.0], [0.0, -0.1]])
    calculator = likelihood.LikelihoodCalculator(likelihood.PoissonData([1, 1]), predictor)
    with pytest.raises(InvalidModel, match=r"bin 1 of variation 1 is -0\.1"):
        calculator([1.0])
    with pytest.raises(InvalidModel, match="bin 0 is"):
        likelihood.PoissonData([1])([mean])


@pytest.mark.parametrize("systematics", ["marginal", "average", "profile", "maximum", likelihood.NoSystematics])
def test_variations_are_averaged_maximised_or_kept(systematics):
    weights = np.array([1.0, 2.0, 0.5])
    calculator = small(weights=weights, systematics=systematics)
    each = poisson.logpmf([2, 7], SMALL @ TRUTH).sum(axis=-1)
    reductions = {"marginal": logsumexp(each, b=weights / weights.sum()), "profile": each.max()}
    expected = reductions.get({"average": "marginal", "maximum": "profile"}.get(systematics, systematics), each)
    assert np.allclose(calculator(TRUTH), expected, rtol=1e-13)
    assert np.allclose(calculator(TRUTH, systematics_index=1), each[1], rtol=1e-13)
    found = calculator([TRUTH, [-1.0, 3.0, 4.0]])
    assert np.allclose(found[0], expected)
    assert np.all(found[1] == -np.inf)


def test_several_sets_of_data_come_first():
    sets = np.array([[2, 7], [5, 4], [0, 0]])
    calculator = small(sets)
    points = np.stack([TRUTH, 2 * TRUTH, -TRUTH])
    found = calculator(points)
    assert found.shape == (3, 3)
    assert np.allclose(found[1, 1], small(sets[1])(points[1]))
    assert np.all(found[:, 2] == -np.inf)
    with pytest.raises(InvalidData, match="one set of data"):
        likelihood.BasinHoppingMaximizer()(calculator)


# --- fits


@pytest.mark.parametrize("systematics", ["marginal", "profile"])
@pytest.mark.parametrize("counts", [(2, 7), (30, 20), (0, 5), (0, 0)])
def test_fits_are_not_beaten_by_a_grid(systematics, counts):
    calculator = two_templates(counts, systematics)
    best = likelihood.BasinHoppingMaximizer(niter=3)(calculator)
    axis = np.linspace(0.0, 30.0, 121)
    grid = calculator(np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2))
    assert best.success
    assert best.log_likelihood >= grid.max() - 1e-9  # the accuracy that fits promise
    assert best.fun == -best.log_likelihood
    assert np.isclose(calculator(best.x), best.log_likelihood, rtol=1e-12)


def test_a_fit_is_done_once_and_says_what_matters():
    calculator = two_templates((30, 20))
    best = likelihood.BasinHoppingMaximizer()(calculator)
    assert likelihood.BasinHoppingMaximizer().maximize_log_likelihood(calculator) is best
    assert 1.0 <= best.effective_variations <= 3.0
    assert best.nfev > best.nit > 0
    text = str(best)
    assert "log_likelihood" in text
    assert "effective_variations" in text


def test_flat_directions_and_bounds_are_named():
    twice = likelihood.TemplatePredictor([[1.0, 2.0], [2.0, 4.0], [0.0, 1.0]])
    best = likelihood.LikelihoodCalculator(likelihood.PoissonData([9, 5]), twice).maximum
    assert "flat along parameters 0, 1" in best.message
    assert "on a bound: parameters 2" in best.message


def test_simulated_statistics_that_are_exceeded_are_stated(tmp_path):
    np.savez(tmp_path / "m.npz", matrices=np.eye(2)[None], truth_entries=np.array([10, 5]))
    response = likelihood.ResponseMatrixPredictor(str(tmp_path / "m.npz"))
    assert np.allclose(response.bounds, [[0, 10], [0, 5]])
    assert response.defaults.tolist() == [5.0, 2.5]
    chain = likelihood.ComposedMatrixPredictor([response, likelihood.TemplatePredictor([[0.5, 0.5]])])
    best = likelihood.LikelihoodCalculator(likelihood.PoissonData([8, 8]), chain).maximum
    assert np.allclose(best.x, 16.0)
    assert dict(best.beyond_simulation) == pytest.approx({"truth[1]": 3.0})


def test_nothing_free_is_a_fit_as_well():
    calculator = two_templates().fix_parameters([1.0, 2.0])
    best = calculator.maximum
    assert best.x.shape == (0,)
    assert np.isclose(best.log_likelihood, two_templates()([1.0, 2.0]))


def test_users_predictors_and_reductions_are_fitted():
    class Mean:
        @staticmethod
        def consume_axis(log_likelihood, weights=None):
            return np.mean(log_likelihood, axis=-1)

    mine = Curved([(0.1, 9.0)] * 2, [1.0, 2.0])
    for systematics in ("marginal", Mean):
        calculator = likelihood.LikelihoodCalculator(likelihood.PoissonData([7, 9]), mine, systematics)
        best = calculator.maximum
        around = best.x + 0.01 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]])
        assert best.success
        assert np.all(calculator(around) <= best.log_likelihood + 1e-9)
    with pytest.raises(InvalidOption, match="NoSystematics"):
        _ = small(systematics=likelihood.NoSystematics).maximum


def test_the_mapper_is_accepted(monkeypatch):
    with Pool(8) as pool:
        monkeypatch.setattr(likelihood, "mapper", pool.map)
        assert pool.map(abs, [-1, 2]) == [1, 2]
        assert two_templates().maximum.success


# --- p-values


def enumerated(weights, counts, systematics, strict=False):
    """Exact p of the simple hypothesis: outcomes 0..60 in both bins, toys drawn by weight."""
    k = np.arange(61)
    mu, share = SMALL @ TRUTH, np.array(weights) / np.sum(weights)
    log = k[:, None, None] * np.log(mu) - mu - gammaln(k + 1.0)[:, None, None]  # (k, variation, bin)
    each = log[:, None, :, 0] + log[None, :, :, 1]
    probability = np.exp(each) @ share
    value = logsumexp(each, b=share, axis=-1) if systematics == "marginal" else each.max(axis=-1)
    observed = value[counts]
    return probability[value <= observed + (-1e-6 if strict else 1e-6)].sum()


CASES = [
    ("marginal", (1, 1, 1), (2, 7), 0.11347669180184),
    ("marginal", (1, 1, 1), (5, 4), 0.67523007818292),
    ("marginal", (1, 2, 0.5), (2, 7), 0.15212353698340),
    ("marginal", (1, 2, 0.5), (0, 0), 0.01212751322483),
    ("profile", (1, 1, 1), (9, 1), 0.04354993255568),
    ("profile", (1, 2, 0.5), (5, 4), 0.58937921440186),
]


@pytest.mark.parametrize(("systematics", "weights", "counts", "exact"), CASES)
def test_likelihood_p_values_agree_with_enumeration(systematics, weights, counts, exact):
    assert enumerated(weights, counts, systematics) == pytest.approx(exact, rel=1e-10)
    tester = likelihood.HypothesisTester(small(counts, weights, systematics))
    toys = 40000
    found = tester.likelihood_p_value(TRUTH, N=toys, key=1)
    assert found.shape == ()
    assert abs(found - exact) < 4 * np.sqrt(exact * (1 - exact) / toys)  # four standard errors, seed fixed


def test_likelihood_p_values_of_many_points_keep_their_shape():
    tester = likelihood.HypothesisTester(small())
    assert tester.likelihood_p_value(np.tile(TRUTH, (2, 3, 1)), N=50).shape == (2, 3)
    with pytest.raises(InvalidOption, match="0 toys"):
        tester.likelihood_p_value(TRUTH, N=0)


def test_p_values_are_never_zero_and_have_an_interval():
    far = likelihood.HypothesisTester(two_templates((300, 0)))
    p = far.max_likelihood_p_value(N=20, key=2)
    assert p == 1 / 21
    assert isinstance(p, float)
    low, high = p.interval
    assert low == 0.0 < p < high < 0.2
    assert (p.exceedances, p.toys) == (0, 20)


def test_ratio_p_values_count_ties():
    """One bin, one parameter: ln L ratios of equal counts tie, and the p-value is a sum over counts."""
    mu, counts = 2.0, 4
    calculator = likelihood.LikelihoodCalculator(
        likelihood.PoissonData([counts]), likelihood.TemplatePredictor([[1.0]])
    )
    k = np.arange(60)
    ratio = poisson.logpmf(k, mu) - poisson.logpmf(k, np.maximum(k, 1e-300))
    exact = poisson.pmf(k, mu)[ratio <= ratio[counts] + 1e-6].sum()
    toys = 4000
    found = likelihood.HypothesisTester(calculator).max_likelihood_ratio_p_value([mu], N=toys, key=3)
    assert abs(found - exact) < 4 * np.sqrt(exact * (1 - exact) / toys)  # four standard errors, seed fixed
    simple = likelihood.HypothesisTester(calculator).max_likelihood_p_value([mu], N=toys, key=3)
    exact = poisson.pmf(k, mu)[poisson.pmf(k, mu) <= poisson.pmf(counts, mu) * (1 + 1e-6)].sum()
    assert abs(simple - exact) < 4 * np.sqrt(exact * (1 - exact) / toys)


def test_wilks_p_values_follow_from_the_two_fits():
    calculator = two_templates((30, 20))
    tester = likelihood.HypothesisTester(calculator)
    for fixed, other, dof in (([5.0, None], None, 1), ([5.0, 3.0], None, 2), ([5.0, 3.0], [5.0, None], 1)):
        wide = calculator if other is None else calculator.fix_parameters(other)
        ratio = calculator.fix_parameters(fixed).maximum.log_likelihood - wide.maximum.log_likelihood
        assert tester.wilks_max_likelihood_ratio_p_value(fixed, other) == pytest.approx(
            chi2.sf(-2 * ratio, dof), rel=1e-7
        )
    best = calculator.maximum.x
    assert tester.wilks_max_likelihood_ratio_p_value([best[0], None]) == pytest.approx(1.0, abs=1e-4)
    for nothing in (([None, None], None), ([5.0, None], [4.0, None])):
        with pytest.raises(InvalidOption, match="fixes no more"):
            tester.wilks_max_likelihood_ratio_p_value(*nothing)


def test_a_scan_fits_the_free_model_once(monkeypatch):
    fits, original = [], calculators.fit_variations

    def counted(*args, **options):
        fits.append(options.get("free"))
        return original(*args, **options)

    monkeypatch.setattr(calculators, "fit_variations", counted)
    tester = likelihood.HypothesisTester(two_templates((30, 20)))
    p_values = [tester.wilks_max_likelihood_ratio_p_value([value, None]) for value in np.linspace(0, 20, 11)]
    assert len([free for free in fits if free is None]) == 1
    assert len(fits) == 12
    assert max(p_values) <= 1.0


@pytest.mark.parametrize("systematics", ["marginal", "profile"])
def test_scanned_fits_do_not_depend_on_their_order(systematics):
    values = np.linspace(0, 25, 9)
    tester = likelihood.HypothesisTester(two_templates((30, 20), systematics))
    there = [tester.wilks_max_likelihood_ratio_p_value([v, None]) for v in values]
    fresh = likelihood.HypothesisTester(two_templates((30, 20), systematics))
    back = [fresh.wilks_max_likelihood_ratio_p_value([v, None]) for v in values[::-1]]
    assert np.allclose(there, back[::-1], rtol=1e-8, atol=1e-12)  # fits agree to 1e-10 in ln L


def test_seeds_of_numpy_and_keys_make_runs_repeatable():
    tester = likelihood.HypothesisTester(two_templates())

    def run(**key):
        return [
            float(tester.likelihood_p_value([1.0, 5.0], N=300, **key)),
            tester.max_likelihood_p_value(N=30, **key),
            tester.max_likelihood_ratio_p_value([1.0, None], N=30, **key),
        ]

    np.random.seed(5)  # noqa: NPY002  what scripts do
    first = run()
    np.random.seed(5)  # noqa: NPY002
    assert run() == first
    assert run(key=7) == run(key=7)
    assert run(key=7) != run(key=8)
    toys = small().generate_toy_likelihood_calculators(TRUTH, N=3, key=1)
    again = small().generate_toy_likelihood_calculators(TRUTH, N=3, key=1)
    assert [t.data_model.data_vector.tolist() for t in toys] == [t.data_model.data_vector.tolist() for t in again]
    with pytest.raises(InvalidParameter, match="one vector"):
        small().generate_toy_likelihood_calculators([TRUTH, TRUTH])


def test_a_users_maximizer_is_called_for_every_toy():
    calls = []

    def maximizer(calculator):
        calls.append(calculator)
        return calculator.maximum

    tester = likelihood.HypothesisTester(two_templates(), maximizer)
    ours = likelihood.HypothesisTester(two_templates())
    assert tester.max_likelihood_p_value(N=20, key=1) == ours.max_likelihood_p_value(N=20, key=1)
    assert len(calls) == 21


def test_toys_fluctuate_as_variations_and_counts_do():
    toys = small(weights=(1.0, 2.0, 0.5)).toy_counts(TRUTH, 20000, key=4)
    mu, share = SMALL @ TRUTH, np.array([1.0, 2.0, 0.5]) / 3.5
    mean = share @ mu
    variance = mean + share @ (mu - mean) ** 2
    assert np.all(np.abs(toys.mean(axis=0) - mean) < 4 * np.sqrt(variance / 20000))  # four standard errors


# --- priors and chains


def test_jeffreys_prior_of_a_linear_model():
    matrix = SMALL[:, :, :2]

    def translate(p):
        return np.asarray(p)

    prior = likelihood.JeffreysPrior(matrix, translate, [(0, None), (None, 9)], [1, 1], total_truth_limit=10)
    at = np.array([2.0, 3.0])
    for toy in range(3):
        fisher = matrix[toy].T @ np.diag(1 / (matrix[toy] @ at)) @ matrix[toy]
        assert prior(at, toy_index=toy) == pytest.approx(0.5 * np.log(np.linalg.det(fisher)), rel=1e-9)
    assert prior([-1.0, 1.0]) == prior([6.0, 5.0]) == prior([1.0, 9.5]) == -np.inf


def test_walkers_start_where_the_likelihood_is_finite():
    emcee = pytest.importorskip("emcee", reason="emcee comes with the extra 'peers'")
    calculator = two_templates((30, 20))
    guess = likelihood_utils.emcee_initial_guess(calculator, key=1)
    assert guess.shape == (4, 2)
    assert np.isfinite(calculator(guess)).all()
    sampler = likelihood_utils.emcee_sampler(calculator, nwalkers=8)
    assert isinstance(sampler, emcee.EnsembleSampler)
    start = likelihood_utils.emcee_initial_guess(calculator, nwalkers=8, key=1)
    sampler.random_state = np.random.RandomState(1).get_state()
    sampler.run_mcmc(start, 400)
    chain = sampler.get_chain(discard=100, flat=True)
    assert chain.min() > 0
    total = (chain @ [[0.6, 0.3], [0.5, 0.3]]).mean()
    assert 0 < total < 100


class Gated(likelihood.Predictor):
    """Expects nothing where its parameter lies below one half: there ln L is -inf."""

    def prediction(self, parameters, systematics_index=slice(None)):
        x = np.asarray(parameters, dtype=float)[..., :1]
        means = np.where(x < 0.5, 0.0, x) * np.array([3.0, 4.0])
        return means[..., None, :][..., systematics_index, :], np.ones((*x.shape[:-1], 1))[..., systematics_index]


def test_walkers_that_would_start_at_zero_likelihood_are_drawn_again():
    gated = likelihood.LikelihoodCalculator(likelihood.PoissonData([2, 7]), Gated([(0.0, 1.0)], [0.7]))
    guess = likelihood_utils.emcee_initial_guess(gated, nwalkers=200, key=1)
    assert (guess >= 0.5).all()  # half of the first draws lie below
    assert np.isfinite(gated(guess)).all()
    never = likelihood.LikelihoodCalculator(likelihood.PoissonData([2, 7]), Gated([(0.0, 0.4)], [0.2]))
    with pytest.raises(ProcedureFailed, match="no start with a finite likelihood"):
        likelihood_utils.emcee_initial_guess(never, key=1)


def test_the_maximiser_does_not_care_for_the_scales_of_parameters():
    tables = np.array([[1.0, 0.5, 0.2], [0.1, 0.6, 1.0]])
    maximizer, found = likelihood.BasinHoppingMaximizer(), []
    for scales in ([1.0, 1.0], [1e6, 1e-6]):
        chain = small((30, 20)).compose(likelihood.TemplatePredictor(tables * np.array(scales)[:, None]))
        found.append(maximizer(chain))
    assert found[1].log_likelihood == pytest.approx(found[0].log_likelihood, abs=1e-8)
    assert found[1].x * [1e6, 1e-6] == pytest.approx(found[0].x, rel=1e-4)


def test_nothing_holds_numpy_or_scipy_back():
    """A fresh installation takes their newest versions, with which the tests of this folder run."""
    wanted = [line for line in metadata.requires("wilks") or () if re.match(r"(numpy|scipy|pandas|matplotlib)\b", line)]
    assert len(wanted) >= 3
    assert not [line for line in wanted if "<" in line or "==" in line.split(";")[0]]


def test_combinations_of_fixed_values_agree_with_direct_evaluation():
    whole = two_templates((30, 20))
    for fixed in itertools.product([None, 2.0], repeat=2):
        part = whole.fix_parameters(fixed)
        free = [1.5 for value in fixed if value is None]
        assert part(free) == pytest.approx(whole([1.5 if value is None else value for value in fixed]), rel=1e-12)
