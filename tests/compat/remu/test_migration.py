"""Response matrices of the drop-in: closed forms, filling up, ensembles, comparison and merging."""

import numpy as np
import pandas as pd
import pytest

from wilks._base.errors import InvalidData
from wilks.compat.remu import binning, likelihood, matrix_utils, migration


def worked_example(nuisance=None):
    """The small matrix whose closed forms are known; reconstructed events, then those lost."""
    reco = binning.LinearBinning("r", [0, 1, 2, 3])
    matrix = migration.ResponseMatrix(reco, binning.LinearBinning("t", [0, 1, 2]), nuisance_indices=nuisance)
    for number, r, t, weight in ((5, 0.5, 0.5, 1.0), (3, 1.5, 0.5, 2.0), (4, 2.5, 1.5, 0.5), (2, 1.5, 1.5, 1.0)):
        matrix.fill(pd.DataFrame({"r": [r] * number, "t": [t] * number}), weight=weight)
    weights = np.repeat([1.0, 2.0, 1.0, 0.5, 1.0], [5, 3, 4, 4, 4])
    matrix.fill_up_truth(pd.DataFrame({"t": [0.5] * 12 + [1.5] * 8}), weight=weights)
    return matrix


MEAN = [[0.2805194805, 0.0777777778], [0.3740259740, 0.3111111111], [0.0584415584, 0.2592592593]]
VARIANCE = [[0.0090668505, 0.0051489581], [0.0284447012, 0.0243092559], [0.0030025246, 0.0109664757]]


def test_closed_forms_of_the_worked_example():
    matrix = worked_example()
    assert matrix.get_truth_values_as_ndarray().tolist() == [15.0, 6.0]
    assert matrix.get_truth_entries_as_ndarray().tolist() == [12, 8]
    assert matrix.filled_truth_indices.tolist() == [0, 1]
    raw = matrix.get_response_matrix_as_ndarray()
    assert np.allclose(raw, [[1 / 3, 0], [0.4, 1 / 3], [0, 1 / 3]])
    # ten published digits
    assert np.allclose(matrix.get_mean_response_matrix_as_ndarray(), MEAN, atol=6e-11)
    assert np.allclose(matrix.get_statistical_variance_as_ndarray(), VARIANCE, atol=6e-11)
    assert np.allclose(matrix.get_mean_response_matrix_as_ndarray(shape=(3,), truth_indices=[1]), np.array(MEAN)[:, 1])
    nuisance = matrix.get_mean_response_matrix_as_ndarray(nuisance_indices=[1])[:, 1]
    assert np.allclose(nuisance, [0.1111111111, 0.4444444444, 0.3703703704])
    assert np.array_equal(worked_example([1]).get_mean_response_matrix_as_ndarray()[:, 1], nuisance)


def test_random_matrices_have_the_posteriors_moments():
    matrix = worked_example()
    thrown = matrix.generate_random_response_matrices(size=(100, 40), key=1)
    assert thrown.shape == (100, 40, 3, 2)
    spread = np.sqrt(np.array(VARIANCE) / 4000)
    # normalisation and the ratio of weights shift the mean by less than 5 %, beside four standard errors
    assert np.all(np.abs(thrown.mean(axis=(0, 1)) - MEAN) < 4 * spread + 0.05 * np.array(MEAN))
    assert matrix.generate_random_response_matrices(key=1).shape == (3, 2)
    assert matrix.generate_random_response_matrices(2, truth_indices=[1], key=1).shape == (2, 3, 1)
    np.random.seed(3)  # noqa: NPY002  what scripts do
    first = matrix.generate_random_response_matrices()
    np.random.seed(3)  # noqa: NPY002
    assert np.array_equal(matrix.generate_random_response_matrices(), first)


def test_in_bin_variation_has_no_neighbours_to_fear():
    matrix = worked_example()
    difference = np.abs(np.diff(MEAN, axis=1))
    found = matrix.get_in_bin_variation_as_ndarray(normalize=False)
    assert np.allclose(found, difference, atol=1e-9)
    alone = migration.ResponseMatrix(binning.LinearBinning("r", [0, 1]), binning.LinearBinning("t", [0, 1]))
    assert alone.get_in_bin_variation_as_ndarray().tolist() == [[0.0]]


def test_matrices_are_added_copied_and_emptied():
    matrix = worked_example([1])
    double = matrix + matrix
    assert np.array_equal(double.get_response_values_as_ndarray(), 2 * matrix.get_response_values_as_ndarray())
    assert double.nuisance_indices == [1]
    copy = matrix.clone()
    matrix.reset()
    assert matrix.filled_truth_indices.size == 0
    assert copy.get_reco_entries_as_ndarray().sum() == 14
    with pytest.raises(InvalidData, match="nuisance"):
        copy + worked_example()


def test_contents_are_set_from_arrays():
    matrix, other = worked_example(), worked_example()
    other.reset()
    for part in ("truth", "reco", "response"):
        for what in ("values", "entries", "sumw2"):
            getattr(other, f"set_{part}_{what}_from_ndarray")(getattr(matrix, f"get_{part}_{what}_as_ndarray")())
    assert other.counts == matrix.counts


def test_impossible_matrices_are_refused(tmp_path):
    matrix = worked_example()
    matrix.set_truth_values_from_ndarray([1.0, 6.0])
    with pytest.raises(InvalidData, match=r"truth bins \[0\]"):
        matrix.get_mean_response_matrix_as_ndarray()
    with pytest.raises(InvalidData, match="negative weight in truth bins"):
        worked_example().fill_up_truth({"t": 0.5}, weight=-30.0)
    worked_example().fill_up_truth({"t": 0.5}, weight=1.0)
    (tmp_path / "t.txt").write_text("r,t\n0.5,0.5\n")
    again = worked_example()
    again.fill_from_csv_file(str(tmp_path / "t.txt"))
    again.fill_up_truth_from_csv_file(str(tmp_path / "t.txt"))
    assert again.get_truth_entries_as_ndarray().tolist() == [13, 8]


# --- ensembles


def test_variations_become_one_file_for_predictors(tmp_path):
    builder = migration.ResponseMatrixArrayBuilder(3, key=1)
    builder.add_matrix(worked_example([1]))
    builder.add_matrix(worked_example([1]) + worked_example([1]), weight=2.0)
    matrices, weights = builder.get_random_response_matrices_as_ndarray()
    assert builder.nmatrices == 2
    assert matrices.shape == (6, 3, 2)
    assert weights.tolist() == [1.0] * 3 + [2.0] * 3
    mean, weights = builder.get_mean_response_matrices_as_ndarray()
    assert np.allclose(mean[0][:, 0], np.array(MEAN)[:, 0], atol=6e-11)
    assert weights.tolist() == [1.0, 2.0]
    assert builder.get_truth_entries_as_ndarray().tolist() == [24, 16]
    assert builder.get_filled_truth_indices() == [0, 1]
    for name in ("all", "all.npz"):
        builder.export(tmp_path / name, compress=True)
    predictor = likelihood.ResponseMatrixPredictor(tmp_path / "all.npz")
    assert np.array_equal(predictor.matrices, matrices)
    assert predictor([1.0, 0.0])[1].tolist() == [1.0] * 3 + [2.0] * 3
    builder.reset()
    assert builder.nmatrices == 0
    plain = migration.ResponseMatrixArrayBuilder(0)
    plain.add_matrix(worked_example([1]))
    plain.add_matrix(worked_example([1]) + worked_example([1]))
    (first, second), _ = plain.get_random_response_matrices_as_ndarray()
    assert np.allclose(first[:, 0], second[:, 0])
    assert np.allclose(first[:, 1], 0.5 * second[:, 1])  # scaled by the share of the largest true nuisance weight
    with pytest.raises(InvalidData, match="no matrix was added"):
        builder.export(tmp_path / "x")


def test_members_that_do_not_fit_are_named():
    builder = migration.ResponseMatrixArrayBuilder(0)
    builder.add_matrix(worked_example())
    with pytest.raises(InvalidData, match="member 1 has nuisance bins"):
        builder.add_matrix(worked_example([0]))
    other = migration.ResponseMatrix(binning.LinearBinning("r", [0, 1]), binning.LinearBinning("t", [0, 1, 2]))
    with pytest.raises(InvalidData, match="member 1 has other binnings"):
        builder.add_matrix(other)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("nstat", [None, 4])
def test_a_single_matrix_is_exported(tmp_path, sparse, nstat):
    reco, truth = binning.LinearBinning("r", [0, 1, 2]), binning.LinearBinning("t", [0, 1, 2, 3])
    matrix = migration.ResponseMatrix(reco, truth)
    matrix.fill([{"r": 0.5, "t": 0.5}, {"r": 1.5, "t": 2.5}])
    matrix.export(tmp_path / "m", nstat=nstat, sparse=sparse, key=1)
    predictor = likelihood.ResponseMatrixPredictor(str(tmp_path / "m.npz"))
    assert predictor.matrices.shape == (nstat or 1, 2, 2 if sparse else 3)
    assert predictor([1.0, 0.0, 1.0])[0].shape == (nstat or 1, 2)
    if nstat is None:
        mean = matrix.get_mean_response_matrix_as_ndarray()
        assert np.allclose(predictor([1.0, 0.0, 1.0])[0][0], mean[:, 0] + mean[:, 2])


# --- comparison


def simulated(seed, slope=1.0, events=4000):
    random = np.random.default_rng(seed)
    x = random.uniform(0, 4, size=events)
    table = pd.DataFrame({"t": x, "r": slope * x + 0.5 * random.normal(size=events)})
    matrix = migration.ResponseMatrix(
        binning.LinearBinning("r", [-np.inf, 1, 2, 3, np.inf]), binning.LinearBinning("t", [0, 0.02, 1, 2, 3, 4])
    )
    matrix.fill(table)
    return matrix


def test_equal_simulations_are_compatible_and_others_are_not():
    one, other = simulated(1), simulated(2)
    p_count, p_chi2, distance, distances, degrees = matrix_utils.compatibility(one, other, return_all=True, key=1)
    assert degrees == 4 * 5
    assert 0.01 < p_chi2 < 0.99  # these seeds are ordinary ones
    assert abs(p_count - p_chi2) < 0.2  # 104 random differences
    assert len(distances) == 104
    each = matrix_utils.mahalanobis_distance(one, other, truth_indices=[0, 1, 2, 3, 4])
    assert distance == pytest.approx(each.sum())
    p_count, p_chi2 = matrix_utils.compatibility(one, simulated(3, slope=0.8), N=200, key=1)
    assert p_chi2 < 1e-6
    assert p_count == 1 / 201
    with pytest.raises(InvalidData, match="no truth bin has enough"):
        matrix_utils.compatibility(one, simulated(2, events=10))


def test_distances_do_not_change_from_run_to_run_unless_thrown():
    one, other = simulated(1), simulated(2)
    closed = matrix_utils.mahalanobis_distance(one, other)
    assert np.array_equal(closed, matrix_utils.mahalanobis_distance(one, other))
    thrown = matrix_utils.mahalanobis_distance(one, other, N=4000, key=1)
    # a covariance of 4000 throws: relative error of a distance sqrt(2 / 4000), four of them, and rounding of weights
    assert np.allclose(thrown[1:], closed[1:], rtol=0.1)
    shaped, spread = matrix_utils.mahalanobis_distance(one, other, shape=(5, 1), return_distances_from_mean=True, key=1)
    assert shaped.shape == (5, 1)
    assert spread.shape == (104, 5, 1)


def test_sparse_bins_are_merged_and_lists_are_kept():
    matrix = simulated(1)
    matrix.nuisance_indices, matrix.impossible_indices = [4], [3]
    matrix.response_binning.value_array[:] *= matrix.response_binning.entries_array > 0
    better = matrix_utils.improve_stats(matrix)
    assert better.truth_binning.bin_edges.tolist() == [0, 1, 2, 3, 4]
    assert isinstance(better.truth_binning, binning.LinearBinning)
    assert better.get_truth_entries_as_ndarray().sum() == matrix.get_truth_entries_as_ndarray().sum()
    assert better.nuisance_indices == [3]
    assert better.impossible_indices == [3]
    assert matrix_utils.improve_stats(matrix, data_index=4).truth_binning.nbins == 4


PLOTS = {
    "matrix": matrix_utils.plot_mean_response_matrix,
    "efficiency": matrix_utils.plot_mean_efficiency,
    "in-bin": matrix_utils.plot_in_bin_variation,
    "relative": matrix_utils.plot_relative_in_bin_variation,
    "statistics": matrix_utils.plot_statistical_uncertainty,
    "distance": lambda m, filename: matrix_utils.plot_mahalanobis_distance(m, simulated(2), filename),
    "compatibility": lambda m, filename: matrix_utils.plot_compatibility(m, simulated(2), filename, key=1),
}


@pytest.mark.parametrize("name", PLOTS)
def test_matrices_are_drawn_into_files(tmp_path, name):
    figure, _ = PLOTS[name](simulated(1), filename=tmp_path / "plot.png")
    assert figure.axes
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_refined_truth_is_drawn_in_rows(tmp_path):
    matrix = simulated(1)
    truth = matrix.truth_binning.insert_subbinning(1, binning.LinearBinning("u", [0, 1, 2]))
    refined = migration.ResponseMatrix(matrix.reco_binning.clone(), truth)
    refined.fill([{"r": 0.5, "t": 0.5, "u": 0.5}])
    figure, axes = matrix_utils.plot_mean_efficiency(refined)
    assert axes.shape == (1, 1)
    assert len(figure.axes) == 1
