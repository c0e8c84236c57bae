"""The sixth step of ReMU's tutorial as a script; it runs in a folder beside the data of the other steps."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from numpy.random import default_rng
from scipy.stats import expon, norm, uniform

from wilks.compat.remu import Pool, binning, likelihood, plotting

with open("../05/truth-binning.yml") as f:
    truth_binning = binning.yaml.full_load(f)
bg_truth_binning = truth_binning.subbinnings[1].clone()
signal_truth_binning = truth_binning.subbinnings[2].clone()
with open("flux-binning.yml") as f:
    flux_binning = binning.yaml.full_load(f)

bg_xsec_binning = binning.CartesianProductBinning((bg_truth_binning, flux_binning.clone()))
signal_xsec_binning = binning.CartesianProductBinning((signal_truth_binning, flux_binning.clone()))
n_bg_truth, n_signal_truth = bg_truth_binning.data_size, signal_truth_binning.data_size
n_flux = flux_binning.data_size
print(n_bg_truth, n_signal_truth, n_flux)
print(bg_xsec_binning.data_size, signal_xsec_binning.data_size)
for i in (0, 1, n_flux):
    print(signal_xsec_binning.bins[i].data_indices)

# flux with throws
rng = default_rng(106)
flux_binning.fill(pd.DataFrame({"E": rng.normal(loc=8.0, scale=2.0, size=1000)}), weight=0.01)
pltr = plotting.get_plotter(flux_binning)
pltr.plot_values()
pltr.savefig("flux.png")
flux = []
for E in rng.normal(loc=8.0, scale=2.0, size=(100, 1000)):
    flux_binning.reset()
    flux_binning.fill(pd.DataFrame({"E": E}), weight=0.01)
    flux.append(flux_binning.get_values_as_ndarray())
flux = np.asarray(flux, dtype=float)
print(flux.shape)

# events from cross sections
pool = Pool(8)
likelihood.mapper = pool.map
bg_predictor = likelihood.LinearEinsumPredictor(
    "ij,...kj->...ik",
    flux,
    reshape_parameters=(n_bg_truth, n_flux),
    bounds=[(0.0, np.inf)] * bg_xsec_binning.data_size,
)
signal_predictor = likelihood.LinearEinsumPredictor(
    "ij,...kj->...ik",
    flux,
    reshape_parameters=(n_signal_truth, n_flux),
    bounds=[(0.0, np.inf)] * signal_xsec_binning.data_size,
)
for energy in (8.0, 3.0):
    signal_xsec_binning.reset()
    signal_xsec_binning.fill({"E": energy, "true_x": 0.0, "true_y": 0.0}, 100.0)
    signal_events, weights = signal_predictor(signal_xsec_binning.get_values_as_ndarray())
    signal_truth_binning.set_values_from_ndarray(signal_events)
    print(signal_truth_binning.get_values_as_ndarray().sum())
    pltr = plotting.get_plotter(signal_truth_binning)
    pltr.plot_values(density=False)
    pltr.savefig(f"many_events_{energy:.0f}.png")

noise_predictor = likelihood.TemplatePredictor([[[1.0]]] * 100)
event_predictor = likelihood.ConcatenatedPredictor(
    [noise_predictor, bg_predictor, signal_predictor], combine_systematics="same"
)
parameter_binning = truth_binning.marginalize_subbinnings()
parameter_binning = parameter_binning.insert_subbinning(1, bg_xsec_binning)
parameter_binning = parameter_binning.insert_subbinning(2, signal_xsec_binning)
noise_template = np.zeros(parameter_binning.data_size)
noise_template[0] = 1.0


def energies(E_min, E_max):
    if np.isfinite(E_min) and np.isfinite(E_max):
        return uniform(loc=E_min, scale=E_max - E_min)
    return expon(loc=E_min)


def fraction(E_min, E_max, E_0, E_1):
    lower, upper = max(E_min, E_0), min(E_max, E_1)
    if upper < lower:
        return 0.0, lower, upper
    dist = energies(E_min, E_max)
    return dist.cdf(upper) - dist.cdf(lower), lower, upper


def background(E_min, E_max, x_min, x_max, y_min, y_max):
    edges = [(x - 0.5) * 2 / np.sqrt(0.5) + 8 for x in (x_min, x_max)]
    y = norm(loc=0.5, scale=np.sqrt(0.5))
    return 30.0 * fraction(E_min, E_max, *edges)[0] * (y.cdf(y_max) - y.cdf(y_min))


def model_A(E_min, E_max, x_min, x_max, y_min, y_max):
    edges = [(x - 0.1) * 2.0 + 8 for x in (x_min, x_max)]
    y = norm(loc=0.2, scale=1.0)
    return 100.0 * fraction(E_min, E_max, *edges)[0] * (y.cdf(y_max) - y.cdf(y_min))


def model_B(E_min, E_max, x_min, x_max, y_min, y_max):
    part, lower, upper = fraction(E_min, E_max, *[x * 2.0 + 8 for x in (x_min, x_max)])
    if np.isfinite(lower) and np.isfinite(upper):
        E_m = (upper + lower) / 2
    elif np.isfinite(lower):
        E_m = lower + 1
    elif np.isfinite(upper):
        E_m = upper - 1
    else:
        E_m = 0.0
    y = norm(loc=0.5 * (E_m - 8.0) / 2, scale=1.0 - 0.5**2)
    return 100.0 * part * (y.cdf(y_max) - y.cdf(y_min))


def table(function, xsec_binning, offset):
    xsec, template = np.zeros(xsec_binning.data_size), np.zeros(parameter_binning.data_size)
    for i, b in enumerate(xsec_binning.bins):
        truth_bin, flux_bin = b.get_marginal_bins()
        E_min, E_max = flux_bin.edges[0]
        x_min, x_max = truth_bin.edges[0]
        y_min, y_max = truth_bin.edges[1]
        xsec[i] = function(E_min, E_max, x_min, x_max, y_min, y_max)
        template[i + offset] = xsec[i]
    return xsec, template


bg_xsec, bg_template = table(background, bg_xsec_binning, parameter_binning.get_bin_data_index(1))
pltr = plotting.get_plotter(bg_xsec_binning)
pltr.plot_array(bg_xsec)
pltr.savefig("bg_xsec.png")
bg_xsec_plot_binning = binning.RectilinearBinning(
    bg_truth_binning.variables + (flux_binning.variable,),  # noqa: RUF005  as scripts do it
    bg_truth_binning.bin_edges + (flux_binning.bin_edges,),  # noqa: RUF005
)
pltr = plotting.get_plotter(bg_xsec_plot_binning)
pltr.plot_array(bg_xsec, density=[0, 1], hatch=None)
pltr.savefig("pretty_bg_xsec.png")
bg_truth_binning.reset()
bg_truth_binning.fill_from_csv_file("../05/bg_truth.txt", weight=0.1)
pltr = plotting.get_plotter(bg_truth_binning)
pltr.plot_values(scatter=500, label="generator")
bg_pred, w = bg_predictor(bg_xsec)
pltr.plot_array(bg_pred, scatter=500, label="xsec")
pltr.legend()
pltr.savefig("bg_prediction.png")

offset = parameter_binning.get_bin_data_index(2)
templates = {}
for name, function in (("A", model_A), ("B", model_B)):
    xsec, templates[name] = table(function, signal_xsec_binning, offset)
    signal_truth_binning.reset()
    signal_truth_binning.fill_from_csv_file(f"../00/model{name}_truth.txt", weight=0.1)
    pltr = plotting.get_plotter(signal_truth_binning)
    pltr.plot_values(scatter=500, label="generator")
    prediction, w = signal_predictor(xsec)
    pltr.plot_array(prediction, scatter=500, label="xsec")
    pltr.legend()
    pltr.savefig(f"model{name}_prediction.png")

# statistics
xsec_template_predictor = likelihood.TemplatePredictor([noise_template, bg_template, templates["A"], templates["B"]])
with open("../01/reco-binning.yml") as f:
    reco_binning = binning.yaml.full_load(f)
reco_binning.fill_from_csv_file("../05/real_data.txt")
data_model = likelihood.PoissonData(reco_binning.get_entries_as_ndarray())
matrix_predictor = likelihood.ResponseMatrixPredictor("../05/response_matrix.npz")
data_predictor = likelihood.ComposedPredictor([matrix_predictor, event_predictor], combine_systematics="same")
template_predictor = likelihood.ComposedMatrixPredictor(
    [data_predictor, xsec_template_predictor], combine_systematics="cartesian"
)
calc = likelihood.LikelihoodCalculator(data_model, template_predictor)
maxi = likelihood.BasinHoppingMaximizer()
ret = maxi.maximize_log_likelihood(calc)
print(ret)
calc_A = calc.fix_parameters([None, None, None, 0.0])
calc_B = calc.fix_parameters([None, None, 0.0, None])
test_A = likelihood.HypothesisTester(calc_A)
test_B = likelihood.HypothesisTester(calc_B)
print(test_A.max_likelihood_p_value())
print(test_B.max_likelihood_p_value())
norms = np.linspace(0.5, 1.5, 50)
p_values_A = []
p_values_B = []
for n in norms:
    p_values_A.append(test_A.wilks_max_likelihood_ratio_p_value([None, None, n]))
    p_values_B.append(test_B.wilks_max_likelihood_ratio_p_value([None, None, n]))
fig, ax = plt.subplots()
ax.set_xlabel("Model weight")
ax.plot(norms, p_values_A, label="Model A", color="C1")
ax.plot(norms, p_values_B, label="Model B", color="C2")
ax.axhline(0.32, color="k", linestyle="dashed")
ax.axhline(0.05, color="k", linestyle="dashed")
ax.set_ylabel("p-value")
ax.legend(loc="best")
fig.savefig("wilks-p-values.png")
