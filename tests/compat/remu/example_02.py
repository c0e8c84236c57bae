"""The third step of ReMU's tutorial as a script: likelihoods, fits and p-values of two models."""

import numpy as np
from matplotlib import pyplot as plt

from wilks.compat.remu import binning, likelihood, plotting

with open("../01/reco-binning.yml") as f:
    reco_binning = binning.yaml.full_load(f)
with open("../01/optimised-truth-binning.yml") as f:
    truth_binning = binning.yaml.full_load(f)
reco_binning.fill_from_csv_file("../00/real_data.txt")
data = likelihood.PoissonData(reco_binning.get_entries_as_ndarray())
response_matrix = likelihood.ResponseMatrixPredictor("../01/response_matrix.npz")

templates = []
for name in "AB":
    truth_binning.reset()
    truth_binning.fill_from_csv_file(f"../00/model{name}_truth.txt")
    template = truth_binning.get_values_as_ndarray()
    templates.append(template / template.sum())

calculator = likelihood.LikelihoodCalculator(data, response_matrix)
maximizer = likelihood.BasinHoppingMaximizer()
for template in templates:
    print(calculator(template * 1000))
    tester = likelihood.HypothesisTester(calculator)
    print(tester.likelihood_p_value(template * 1000))
    single = calculator.compose(likelihood.TemplatePredictor([template]))
    print(maximizer(single))
    print(likelihood.HypothesisTester(single, maximizer).max_likelihood_p_value())

mix_calculator = calculator.compose(likelihood.TemplatePredictor(templates))
ret = maximizer.maximize_log_likelihood(mix_calculator)
print(ret)
mix_tester = likelihood.HypothesisTester(mix_calculator, maximizer)
print(mix_tester.max_likelihood_p_value())

p_values, norms = [], np.linspace(0, 1000, 25)
for value in norms:
    p_values.append(mix_tester.wilks_max_likelihood_ratio_p_value([value, None]))
fig, ax = plt.subplots()
ax.plot(norms, p_values, label="Wilks")
by_toys = [mix_tester.max_likelihood_ratio_p_value([value, None]) for value in norms[::8]]
ax.plot(norms[::8], by_toys, label="toys")
ax.legend()
fig.savefig("ratio-p-values.png")

pltr = plotting.get_plotter(reco_binning)
pltr.plot_entries(label="data", hatch=None)
pltr.plot_array(response_matrix(templates[0] * 1000)[0], label="A", hatch=r"//")
pltr.plot_array(response_matrix.compose(likelihood.TemplatePredictor(templates))(ret.x)[0], label="mix", hatch=r"\\")
pltr.legend()
pltr.savefig("reco-comparison.png")
