"""The sixth step of ReMU's tutorial as a script: signal, background and noise in one matrix."""

import numpy as np
from numpy.lib import recfunctions as rfn

from wilks.compat.remu import binning, likelihood, migration, plotting

with open("../01/reco-binning.yml") as f:
    reco_binning = binning.yaml.full_load(f)
with open("truth-binning.yml") as f:
    truth_binning = binning.yaml.full_load(f)


def of(kind):
    return lambda table: rfn.append_fields(table, "event_type", np.full_like(table["reco_x"], kind), usemask=False)


def of_truth(kind):
    return lambda table: rfn.append_fields(table, "event_type", np.full_like(table["true_x"], kind), usemask=False)


builder = migration.ResponseMatrixArrayBuilder(1)
for i in range(100):
    matrix = migration.ResponseMatrix(reco_binning.clone(), truth_binning.clone(), nuisance_indices=[0])
    for kind, names in ((1.0, ["../03/modelA_data.txt", "../03/modelB_data.txt"]), (0.0, ["bg_data.txt"])):
        matrix.fill_from_csv_file(
            names,
            weightfield=f"weight_{i}",
            rename={f"reco_x_{i}": "reco_x"},
            cut_function=of(kind),
            buffer_csv_files=True,
        )
    matrix.fill_from_csv_file("noise_data.txt", cut_function=of(-1.0), buffer_csv_files=True)
    names = ["../00/modelA_truth.txt", "../00/modelB_truth.txt"]
    matrix.fill_up_truth_from_csv_file(names, cut_function=of_truth(1.0), buffer_csv_files=True)
    matrix.fill_up_truth_from_csv_file("bg_truth.txt", cut_function=of_truth(0.0), buffer_csv_files=True)
    builder.add_matrix(matrix)
builder.export("my-response_matrix.npz")

reco_binning.fill_from_csv_file("real_data.txt")
data = likelihood.PoissonData(reco_binning.get_entries_as_ndarray())
response_matrix = likelihood.ResponseMatrixPredictor("my-response_matrix.npz")
calculator = likelihood.LikelihoodCalculator(data, response_matrix)
templates = []
for files, cut in ((["noise_truth.txt"], of(-1.0)), (["bg_truth.txt"], of_truth(0.0))):
    truth_binning.reset()
    truth_binning.fill_from_csv_file(files, cut_function=cut)
    templates.append(truth_binning.get_values_as_ndarray() / truth_binning.get_values_as_ndarray().sum())
truth_binning.reset()
truth_binning.fill_from_csv_file("../00/modelA_truth.txt", cut_function=of_truth(1.0))
templates.append(truth_binning.get_values_as_ndarray() / truth_binning.get_values_as_ndarray().sum())

maximizer = likelihood.BasinHoppingMaximizer()
for chosen in (templates[2:], templates):
    composed = calculator.compose(likelihood.TemplatePredictor(chosen))
    best = maximizer(composed)
    print(len(best.x), best.log_likelihood)
    pltr = plotting.get_plotter(reco_binning)
    pltr.plot_entries(label="data", hatch=None)
    pltr.plot_array(composed.predictor(best.x)[0], label="fit", stack_function=0.68)
    pltr.legend()
    pltr.savefig(f"fit-{len(chosen)}.png")
