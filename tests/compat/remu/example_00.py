"""The first step of ReMU's tutorial as a script: tables into histograms, and pictures of them."""

from wilks.compat.remu import binning, plotting

with open("reco-binning.yml") as f:
    reco_binning = binning.yaml.full_load(f)
with open("truth-binning.yml") as f:
    truth_binning = binning.yaml.full_load(f)

reco_binning.fill_from_csv_file("real_data.txt")
print(reco_binning.get_values_as_ndarray().sum())
pltr = plotting.get_plotter(reco_binning)
pltr.plot_values()
pltr.savefig("real_data.png")

pltr = plotting.get_plotter(reco_binning)
for name in "AB":
    reco_binning.reset()
    reco_binning.fill_from_csv_file(f"model{name}_data.txt")
    pltr.plot_values(label=f"Model {name}", scatter=500)
pltr.legend()
pltr.savefig("model_data.png")

pltr = plotting.get_plotter(truth_binning)
for name in "AB":
    truth_binning.reset()
    truth_binning.fill_from_csv_file(f"model{name}_truth.txt")
    print(truth_binning.get_entries_as_ndarray().sum())
    pltr.plot_values(label=f"Model {name}", scatter=500)
pltr.legend()
pltr.savefig("model_truth.png")
