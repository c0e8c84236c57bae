"""The fourth step of ReMU's tutorial as a script: a response matrix per detector, and fits averaged over them."""

from wilks.compat.remu import Pool, binning, likelihood, migration, plotting

with open("../01/reco-binning.yml") as f:
    reco_binning = binning.yaml.full_load(f)
with open("../01/optimised-truth-binning.yml") as f:
    truth_binning = binning.yaml.full_load(f)

builder = migration.ResponseMatrixArrayBuilder(1)
for i in range(100):
    matrix = migration.ResponseMatrix(reco_binning.clone(), truth_binning.clone())
    matrix.fill_from_csv_file(
        ["modelA_data.txt", "modelB_data.txt"],
        weightfield=f"weight_{i}",
        rename={f"reco_x_{i}": "reco_x"},
        buffer_csv_files=True,
    )
    matrix.fill_up_truth_from_csv_file(["../00/modelA_truth.txt", "../00/modelB_truth.txt"], buffer_csv_files=True)
    builder.add_matrix(matrix)
builder.export("my-response_matrix.npz")

reco_binning.reset()
reco_binning.fill_from_csv_file("../00/real_data.txt")
data = likelihood.PoissonData(reco_binning.get_entries_as_ndarray())
likelihood.mapper = Pool(4).map
response_matrix = likelihood.ResponseMatrixPredictor("my-response_matrix.npz")
print(response_matrix(response_matrix.defaults)[0].shape)
calculator = likelihood.LikelihoodCalculator(data, response_matrix, systematics="marginal")
maximizer = likelihood.BasinHoppingMaximizer()
for name in "AB":
    truth_binning.reset()
    truth_binning.fill_from_csv_file(f"../00/model{name}_truth.txt")
    template = truth_binning.get_values_as_ndarray() / truth_binning.get_values_as_ndarray().sum()
    single = calculator.compose(likelihood.TemplatePredictor([template]))
    best = maximizer(single)
    print(best.log_likelihood)
    print(likelihood.HypothesisTester(single, maximizer).max_likelihood_p_value(N=50))
    pltr = plotting.get_plotter(reco_binning)
    pltr.plot_entries(label="data", hatch=None)
    modelled, weights = response_matrix(template * best.x[0])
    pltr.plot_array(modelled, label=f"model {name}", stack_function=0.68)
    pltr.legend()
    pltr.savefig(f"model{name}.png")
