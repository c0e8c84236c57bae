"""The fifth step of ReMU's tutorial as a script: chains of the weights of one and two models."""

from matplotlib import pyplot as plt

from wilks.compat.remu import binning, likelihood, likelihood_utils, plotting

with open("../01/reco-binning.yml") as f:
    reco_binning = binning.yaml.full_load(f)
with open("../01/optimised-truth-binning.yml") as f:
    truth_binning = binning.yaml.full_load(f)
reco_binning.fill_from_csv_file("../00/real_data.txt")
data = likelihood.PoissonData(reco_binning.get_entries_as_ndarray())
response_matrix = likelihood.ResponseMatrixPredictor("../03/response_matrix.npz")
calculator = likelihood.LikelihoodCalculator(data, response_matrix)

templates = []
for name in "AB":
    truth_binning.reset()
    truth_binning.fill_from_csv_file(f"../00/model{name}_truth.txt")
    templates.append(truth_binning.get_values_as_ndarray() / truth_binning.get_values_as_ndarray().sum())

for label, chosen in (("A", templates[:1]), ("mixed", templates)):
    predictor = likelihood.TemplatePredictor(chosen)
    sampler = likelihood_utils.emcee_sampler(calculator.compose(predictor))
    guess = likelihood_utils.emcee_initial_guess(calculator.compose(predictor))
    state = sampler.run_mcmc(guess, 100)
    sampler.reset()
    sampler.run_mcmc(state, 1000)
    chain = sampler.get_chain(flat=True)
    print(chain.shape, *sampler.get_autocorr_time(quiet=True))
    print(*chain.mean(axis=0))
    fig, ax = plt.subplots()
    ax.hist(chain[:, 0])
    fig.savefig(f"weight-{label}.png")

    truth, _ = predictor(chain)
    pltr = plotting.get_plotter(truth_binning)
    pltr.plot_array(truth[::50].reshape(-1, truth.shape[-1]), stack_function=0.68, label="post.", hatch=None)
    pltr.savefig(f"truth-{label}.png")
    reco, _ = calculator.predictor.compose(predictor)(chain[::50])
    pltr = plotting.get_plotter(reco_binning)
    pltr.plot_entries(label="data", hatch=None)
    pltr.plot_array(reco.reshape(-1, reco.shape[-1]), stack_function=0.68, label="post.", hatch=r"//")
    pltr.legend()
    pltr.savefig(f"reco-{label}.png")
