"""Counts under systematic variations: against scipy, finite differences, and example fits of published matrices."""

import gzip

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import poisson

from wilks import fit, profile, sample, toys
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.data.response_matrices import ResponseMatrices
from wilks.inference.quadratic import quadratic
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.nuts import Nuts
from wilks.inference.toys import draw
from wilks.likelihood import cells
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.joint import Joint
from wilks.model.ensemble_algebra import compose, templates
from wilks.model.ensembles import LinearEnsemble
from wilks.model.predictor import AbstractPredictor
from wilks.model.response_model import response
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

TABLES = {"A": [[3.0, 6.0, 2.0], [4.0, 5.0, 1.0]], "B": [[1.0, 2.0, 7.0], [2.0, 1.0, 9.0]]}
WEIGHTS = [1.0, 3.0]
COUNTS = np.array([9.0, 14.0, 11.0])
MODES = ("marginal", "profile")


def likelihood_of(systematics="marginal", **options):
    whole = templates(TABLES)
    weighted = LinearEnsemble(whole.space, whole.matrices, weights=WEIGHTS)
    return EnsembleCounts(weighted, systematics=systematics, **options)


def by_scipy(likelihood, theta, counts, systematics):
    mu = np.asarray(likelihood.predictor.at(jnp.asarray(theta)))
    each = poisson.logpmf(counts, mu).sum(axis=1)
    return each.max() if systematics == "profile" else logsumexp(each, b=np.array(WEIGHTS) / sum(WEIGHTS))


@pytest.mark.parametrize("systematics", MODES)
def test_the_density_is_the_mixture_of_poissons(systematics):
    likelihood = likelihood_of(systematics)
    data = likelihood.prepare(COUNTS)
    for theta in ([1.0, 1.0], [2.3, 0.4], [0.0, 2.0]):
        got = likelihood.log_prob(likelihood.space.unpack(np.array(theta)), data)
        np.testing.assert_allclose(got, by_scipy(likelihood, theta, COUNTS, systematics), rtol=1e-13)


def test_the_excess_alone_is_that_of_the_cells():
    """Bins without events, expectations of zero and below, and counts up to a million."""
    small = jnp.array([[0.0, 1e-9, 0.3, 900.0, 1e6], [-2.0, 4.0, -0.1, 1e-4, 1.1e6]])
    for mu in (small, jnp.abs(small) + 0.01):
        for n in ([0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 1.0, 800.0, 1e6]):
            counts = jnp.array(n)
            exact = [cells.poisson(row, counts).excess.sum() for row in mu]
            # the rounding error is that of n ln n
            np.testing.assert_allclose(cells.poisson_excess(mu, counts), exact, rtol=1e-12, atol=1e-8)


@pytest.mark.parametrize("systematics", MODES)
def test_gradient_and_curvature_are_those_of_the_density(systematics):
    likelihood = likelihood_of(systematics)
    data, theta = likelihood.prepare(COUNTS), jnp.array([1.7, 0.9])

    def nll(at):
        return -likelihood.log_prob(likelihood.space.unpack(at), data)

    around = quadratic(likelihood, theta, data, "exact")
    np.testing.assert_allclose(around.gradient, jax.grad(nll)(theta), rtol=1e-12)
    np.testing.assert_allclose(around.hessian, jax.hessian(nll)(theta), rtol=1e-11)
    step = 1e-5  # central differences: error of order step^2, rounding 1e-16 / step
    for i, unit in enumerate(np.eye(2)):
        slope = (nll(theta + step * unit) - nll(theta - step * unit)) / (2 * step)
        np.testing.assert_allclose(around.gradient[i], slope, rtol=1e-7)


class Curved(AbstractPredictor):
    """Expected counts that are not linear in their parameter."""

    space: ParameterSpace

    def __call__(self, values):
        return jnp.exp(values["x"] * jnp.arange(1.0, 4.0))


def test_a_curved_predictor_is_fitted_with_its_exact_hessian():
    likelihood = EnsembleCounts(Curved(ParameterSpace((Parameter("x", 0.5, lower=-3.0, upper=3.0),))))
    data = likelihood.prepare(COUNTS)
    result = fit(likelihood, data)

    def nll(at):
        return -likelihood.log_prob({"x": at}, data)

    assert abs(float(jax.grad(nll)(result.values["x"]))) < 1e-4  # EDM 1e-10 at a curvature of about 100
    np.testing.assert_allclose(result.covariance[0, 0], 1 / jax.hessian(nll)(result.values["x"]), rtol=1e-9)


def test_the_profile_over_variations_is_the_global_maximum():
    """Each variation by itself is concave; a direct search of the maximum can stop in the wrong one."""
    tables = templates({"A": [[10.0, 1.0], [1.0, 10.0], [5.0, 4.0]]})
    likelihood = EnsembleCounts(tables, systematics="profile")
    for counts in ([3.0, 40.0], [40.0, 3.0], [25.0, 21.0]):
        grid = np.linspace(0.01, 12.0, 4001)
        best = max(poisson.logpmf(counts, np.outer(grid, t)).sum(axis=1).max() for t in tables.matrices[:, :, 0])
        assert -fit(likelihood, counts).nll >= best - 1e-9
        np.testing.assert_allclose(-fit(likelihood, counts).nll, best, atol=1e-4)  # the grid is that coarse


def test_toys_come_from_variations_in_proportion_to_their_weights():
    likelihood = likelihood_of()
    truth = np.array([40.0, 0.0])
    toys = draw(likelihood, jax.random.key(3), truth, 4000).counts
    mu = np.asarray(likelihood.predictor.at(jnp.asarray(truth)))
    nearer = np.abs(toys[:, 0, None] - mu[None, :, 0]).argmin(axis=1)
    # the means differ by 3.4 standard deviations, so 4 % of either go astray: 0.75 -> 0.73, error 0.007
    assert abs(nearer.mean() - 0.73) < 0.03


def test_many_toys_are_those_of_single_keys_and_impossible_means_are_named():
    likelihood, keys = likelihood_of(), jax.random.split(jax.random.key(5), 200)
    values = dict(zip(likelihood.space.names, (3.0, 2.0), strict=True))
    one_by_one = jax.jit(jax.vmap(lambda key: likelihood.simulate(key, values).counts))(keys)
    np.testing.assert_array_equal(likelihood.simulate_many(keys, values).counts, one_by_one)
    with pytest.raises(InvalidModel, match=r"variation 0 predicts .* in bin 0"):
        likelihood.simulate_many(keys, values | {likelihood.space.names[0]: -50.0})


def test_the_score_has_mean_zero():
    likelihood, truth = likelihood_of(), np.array([3.0, 2.0])
    toys = draw(likelihood, jax.random.key(7), truth, 4000)

    def score(data):
        return jax.grad(lambda at: likelihood.log_prob(likelihood.space.unpack(at), data))(jnp.asarray(truth))

    scores = np.asarray(jax.vmap(score)(toys))
    assert (np.abs(scores.mean(axis=0)) < 4 * scores.std(axis=0) / np.sqrt(4000)).all()


def test_few_effective_variations_are_counted_and_flagged():
    likelihood = likelihood_of()
    data = likelihood.prepare(100 * COUNTS)
    values = {"A": 200.0, "B": 90.0}
    mu = np.asarray(likelihood.expected_ensemble(values))
    each = poisson.logpmf(100 * COUNTS, mu).sum(axis=1) + np.log(WEIGHTS)
    share = np.exp(each - logsumexp(each))
    np.testing.assert_allclose(likelihood.effective_variations(values, data), 1 / (share**2).sum(), rtol=1e-10)
    assert "1 of 2 variations" in likelihood.flags_at(values, data)["low_systematics_ess"]


def test_strict_likelihoods_end_where_the_simulation_ends():
    space = ParameterSpace((Parameter("truth", 5.0, lower=0.0, upper=10.0),))
    chain = compose(LinearEnsemble(space, [[1.0], [2.0]]), templates({"w": [4.0]}))
    loose, strict = EnsembleCounts(chain), EnsembleCounts(chain, strict=True)
    data = loose.prepare([10.0, 20.0])
    assert float(strict.log_prob({"w": 2.0}, data)) == float(loose.log_prob({"w": 2.0}, data))
    assert float(strict.log_prob({"w": 3.0}, data)) == -np.inf
    assert "truth by 2" in loose.flags_at({"w": 3.0}, data)["beyond_simulation"]
    with pytest.raises(InvalidModel, match="limits"):
        EnsembleCounts(templates(TABLES), strict=True)


def test_every_inner_number_beyond_the_simulation_is_listed_empty_truth_bins_among_them():
    """Nothing was generated in truth bin 2, so the matrix has no column there, and any event there is beyond it."""
    matrices = ResponseMatrices(np.full((1, 2, 3), 0.3), np.array([0, 1, 3]), np.array([5, 2, 0, 9]), np.ones(1))
    likelihood = EnsembleCounts(compose(response(matrices), templates({"w": [1.0, 2.0, 0.5, 1.0]})))
    data = likelihood.prepare([3.0, 4.0])
    assert "beyond_simulation" not in likelihood.flags_at({"w": 0.0}, data)
    said = likelihood.flags_at({"w": 4.0}, data)["beyond_simulation"]
    assert "truth[1] by 6" in said
    assert "truth[2] by 2" in said
    assert "truth[0]" not in said


def test_outside_the_bounds_of_the_parameters_the_density_is_zero():
    whole = templates({"A": [[3.0, 6.0], [4.0, 5.0]], "B": [[9.0, 9.0], [8.0, 8.0]]})
    likelihood = EnsembleCounts(whole)
    data = likelihood.prepare([5.0, 7.0])
    assert np.isfinite(likelihood.log_prob({"A": 0.0, "B": 1.0}, data))
    assert likelihood.log_prob({"A": -1e-9, "B": 1.0}, data) == -np.inf  # though every expectation is positive


def test_a_start_without_any_expectation_is_moved_and_said_so():
    likelihood = likelihood_of()
    moved = fit(likelihood, COUNTS, start={"A": 0.0, "B": 0.0})
    assert "bins 0, 1, 2" in moved.flags["start_moved"]
    assert (moved.start > 0).all()
    plain = fit(likelihood, COUNTS)
    assert "start_moved" not in plain.flags
    assert moved.excess == pytest.approx(plain.excess, abs=1e-8)  # the accuracy asked of fits
    held = likelihood.space.fix(A=0.0)
    assert fit(likelihood, COUNTS, start={"B": 0.0}, space=held).start[0] == 0.0
    with pytest.raises(InvalidOption, match="outside"):
        fit(likelihood, COUNTS, start={"A": -1.0})


def test_every_fit_says_how_many_variations_carry_it():
    likelihood = likelihood_of()
    best = fit(likelihood, COUNTS)
    expected = likelihood.effective_variations(best.values, likelihood.prepare(COUNTS))
    assert best.effective_variations == pytest.approx(expected, rel=1e-12)
    assert "effective systematic variations" in str(best)
    single = EnsembleCounts(templates({"A": [3.0, 6.0, 2.0]}))
    assert fit(single, COUNTS).effective_variations is None
    both = fit(Joint({"one": likelihood, "other": single}), {"one": COUNTS, "other": COUNTS})
    at_joint = {name: both.values[name] for name in likelihood.space.names}
    assert both.effective_variations == pytest.approx(
        likelihood.effective_variations(at_joint, likelihood.prepare(COUNTS)), rel=1e-12
    )


def test_variations_are_called_by_their_names():
    named = templates({"A": TABLES["A"]}, variations=("nominal", "scale up"))
    likelihood = EnsembleCounts(named)
    data, values = likelihood.prepare([400.0, 500.0, 100.0]), {"A": 100.0}
    shares = likelihood.shares(values, data)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["scale up"] > 0.99
    assert "scale up alone" in likelihood.flags_at(values, data)["low_systematics_ess"]
    unnamed = EnsembleCounts(templates({"A": TABLES["A"]}))
    assert list(unnamed.shares(values, data)) == ["variation 0", "variation 1"]


def test_a_likelihood_without_variations_names_the_one_for_them():
    with pytest.raises(InvalidModel, match="2 weighted variations; EnsembleCounts"):
        PoissonCounts(templates(TABLES))


def test_predictions_may_lie_below_zero_by_rounding_only():
    size = 1e4
    rounded = EnsembleCounts(templates({"A": [[size, -1e-13 * size]]}, lower=0.5))
    assert np.isfinite(fit(rounded, [9e3, 0.0]).nll)
    with pytest.raises(InvalidModel, match=r"variation 0 predicts .* in bin 1"):
        EnsembleCounts(templates({"A": [[size, -1e-9 * size]]}))


def test_chains_of_an_average_over_variations_follow_its_density():
    """One weight, against the posterior summed on a grid."""
    likelihood = EnsembleCounts(templates({"A": TABLES["A"]}))
    data = likelihood.prepare(COUNTS)
    grid = np.linspace(0.3, 9.0, 2001)
    height = np.array(jax.vmap(lambda a: likelihood.log_prob({"A": a}, data))(jnp.asarray(grid)))
    weight = np.exp(height - height.max())
    mean = np.average(grid, weights=weight)
    width = np.sqrt(np.average((grid - mean) ** 2, weights=weight))
    for algorithm in (Nuts(draws=1000), Ensemble(steps=6000)):
        samples = sample(3, likelihood, COUNTS, algorithm=algorithm)
        assert samples.converged, samples.verdict
        error = width / np.sqrt(samples.effective("A"))
        assert abs(samples.mean("A") - mean) < 4 * error
        assert samples.std("A") == pytest.approx(width, abs=4 * error)
        assert samples.values("A").min() > 0


def test_toys_of_an_average_are_the_same_on_any_number_of_processes():
    likelihood, truth = likelihood_of(), {"A": 2.0, "B": 1.0}
    alone = toys(11, likelihood, likelihood, truth, 300)
    shared = toys(11, likelihood, likelihood, truth, 300, executor=2)
    np.testing.assert_array_equal(alone.t, shared.t)


def test_bad_counts_and_means_without_events():
    likelihood = likelihood_of()
    with pytest.raises(InvalidData, match="not whole"):
        likelihood.prepare([1.5, 2.0, 3.0])
    assert likelihood_of(integer=False).prepare([1.5, 2.0, 3.0]).counts[0] == 1.5
    expected = likelihood.expected(dict.fromkeys(likelihood.space.names, 1.0))
    assert likelihood.prepare(expected).counts is not None  # Asimov data are fractional
    with pytest.raises(InvalidData, match="shape"):
        likelihood.prepare([1.0, 2.0])
    nothing = likelihood.space.unpack(np.zeros(2))
    # the weights sum to one within rounding
    assert abs(float(likelihood.log_prob(nothing, likelihood.prepare([0.0, 0.0, 0.0])))) < 1e-15
    assert float(likelihood.log_prob(nothing, likelihood.prepare(COUNTS))) == -np.inf


# Published examples 02 and 03 of ReMU; numbers of an independent computation in numpy and scipy.
EDGES = (
    [-10, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 10],
    [-10, -1.5, -1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.5, 10],
)
MEASURED = [10, 18, 57, 108, 119, 84, 38, 11]
EXAMPLES = {
    "01": {
        "at": (-27.8002342, -24.4802831),
        "alone": ((900.29284, -25.2572786), (986.51244, -24.4390681)),
        "mixture": (351.78109, 601.04184, -23.8187999),
        "ratios": (-0.6202682, -0.1060090, -3.9814344),
    },
    "03": {
        "at": (-26.9910417, -24.9535602),
        "alone": ((909.94724, -25.8512515), (992.40419, -24.9471027)),
        "mixture": (339.9900, 625.3373, -24.4794967),
        "ratios": None,
    },
}


def truth_template(path):
    with gzip.open(path, "rt") as stream:
        stream.readline()
        events = np.clip(np.loadtxt(stream, delimiter=","), -9.0, 9.0)
    counts = np.histogram2d(events[:, 0], events[:, 1], EDGES)[0].ravel()
    return counts / counts.sum()


@pytest.mark.shared
@pytest.mark.parametrize("example", EXAMPLES)
def test_fits_of_the_published_examples(shared_data, example):
    folder, expected = shared_data / "response", EXAMPLES[example]
    stored = np.load(folder / example / "response_matrix.npz", allow_pickle=False)
    space = ParameterSpace(tuple(Parameter(f"truth{i}", 1.0, lower=0.0) for i in range(120)))
    weights = stored["weights"] if "weights" in stored.files else None
    response = LinearEnsemble(space, stored["matrices"], weights=weights, columns=stored["sparse_indices"])
    tables = {name: truth_template(folder / "00" / f"model{name}_truth.csv.gz") for name in "AB"}
    likelihood = EnsembleCounts(compose(response, templates(tables)))
    data = likelihood.prepare(MEASURED)

    for name, other, at in (("A", "B", expected["at"][0]), ("B", "A", expected["at"][1])):
        # seven decimals are published
        assert float(likelihood.log_prob({name: 1000.0, other: 0.0}, data)) == pytest.approx(at, abs=6e-8)
        best = fit(likelihood, data, space=likelihood.space.fix(**{other: 0.0}))
        weight, log_likelihood = expected["alone"]["AB".index(name)]
        # an EDM of 1e-10 leaves 1.4e-5 of the error of 43
        assert best.values[name] == pytest.approx(weight, abs=6e-4)
        assert -best.nll == pytest.approx(log_likelihood, abs=6e-8)
    best = fit(likelihood, data)
    assert -best.nll == pytest.approx(expected["mixture"][2], abs=6e-8)
    # the weights are published to four or five decimals, their fit to an EDM of 1e-10 at errors of 350
    assert [best.values["A"], best.values["B"]] == pytest.approx(expected["mixture"][:2], abs=0.02)
    if expected["ratios"]:
        scan = profile(likelihood, data, "A", np.array([0.0, 500.0, 1000.0]))
        np.testing.assert_allclose(-scan.delta / 2, expected["ratios"], atol=6e-8)
        # p-values to six decimals
        np.testing.assert_allclose(scan.p_values(dof=1), [0.265368, 0.645190, 0.004775], atol=6e-7)
