"""Two channels that share the signal strength, each with a background of its own."""

import numpy as np

import wilks

mu = wilks.Parameter("mu", 1.0, lower=0.0)


def channel(name, signal, background):
    norms = {"signal": mu, "background": wilks.Parameter(f"{name}_background", 1.0, lower=0.0)}
    return wilks.template_likelihood({"signal": signal, "background": background}, parameters=norms, channel=name)


parts = {
    "electrons": channel("electrons", [1.0, 6.0, 2.0], [20.0, 18.0, 16.0]),
    "muons": channel("muons", [2.0, 9.0, 2.0], [12.0, 11.0, 10.0]),
}
data = {"electrons": np.array([22, 29, 15]), "muons": np.array([12, 23, 13])}

for name, part in parts.items():
    print(name, wilks.interval(part, data[name], "mu").text)

likelihood = wilks.Joint(parts)  # equal names are one parameter
result = wilks.fit(likelihood, data)
print(result)
print("together", wilks.interval(likelihood, data, "mu").text)
wilks.plot_fit(likelihood, result, data, quantity="bin").savefig("joint.svg")
