"""A template fit of one's own histograms: any package that follows the UHI protocol, here hist."""

import hist
import numpy as np

import wilks

rng = np.random.default_rng(1)
axis = hist.axis.Regular(25, 100, 150, name="mass", label="mass [GeV]")

signal = hist.Hist(axis, storage=hist.storage.Weight())  # weighted simulation: brings its own errors
signal.fill(rng.normal(125, 2, 5_000), weight=0.01)
background = hist.Hist(axis, storage=hist.storage.Weight())
background.fill(100 + rng.exponential(30, 20_000), weight=0.02)
data = hist.Hist(axis, storage=hist.storage.Int64())
data.fill(np.concatenate([rng.normal(125, 2, 60), 100 + rng.exponential(30, 400)]))

likelihood = wilks.template_likelihood({"signal": signal, "background": background})
result = wilks.fit(likelihood, data)
print(result)
print(wilks.intervals(likelihood, data))
wilks.plot_fit(likelihood, result, data).savefig("template_fit.svg")
