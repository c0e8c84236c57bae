"""The second step of ReMU's tutorial as a script: response matrices of two models, their quality, their merging."""

from wilks.compat.remu import binning, matrix_utils, migration

with open("reco-binning.yml") as f:
    reco_binning = binning.yaml.full_load(f)


def matrix_of(model, truth_name):
    with open(truth_name) as f:
        truth_binning = binning.yaml.full_load(f)
    matrix = migration.ResponseMatrix(reco_binning.clone(), truth_binning)
    matrix.fill_from_csv_file(f"../00/model{model}_data.txt")
    matrix.fill_up_truth_from_csv_file(f"../00/model{model}_truth.txt")
    return matrix


for truth in ("coarse", "fine"):
    first, second = (matrix_of(model, f"{truth}-truth-binning.yml") for model in "AB")
    matrix_utils.plot_mean_response_matrix(first, f"{truth}-response.png")
    matrix_utils.plot_mahalanobis_distance(first, second, f"{truth}-distance.png", plot_expectation=True)
    p_count, p_chi2 = matrix_utils.compatibility(first, second)
    print(truth, p_chi2)
    matrix_utils.plot_compatibility(first, second, f"{truth}-compatibility.png")

both = first + second
matrix_utils.plot_mean_efficiency(both, "efficiency.png")
matrix_utils.plot_in_bin_variation(both, "in-bin-variation.png")
matrix_utils.plot_relative_in_bin_variation(both, "relative-in-bin-variation.png")
matrix_utils.plot_statistical_uncertainty(both, "statistics.png")

entries = both.get_truth_entries_as_ndarray()
while entries.min() < 10:
    both = matrix_utils.improve_stats(both)
    entries = both.get_truth_entries_as_ndarray()
print(len(entries), entries.min(), entries.sum())
both.export("my-response_matrix.npz")
both.truth_binning.reset()
with open("my-truth-binning.yml", "w") as f:
    binning.yaml.dump(both.truth_binning, f)
