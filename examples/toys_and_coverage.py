"""Does the interval hold what it says? Toys of few events, fitted like data, and the coverage of two intervals."""

from functools import partial

import wilks

likelihood = wilks.template_likelihood({"signal": [0.2, 1.5, 3.0, 1.3], "background": [4.0, 3.1, 2.4, 2.0]})
truth = {"signal": 1.0, "background": 1.0}

study = wilks.toys(1, likelihood, likelihood, truth, 1000)
print(study)

for method in ("profile", "hesse"):
    procedure = partial(wilks.interval, likelihood, name="signal", level=0.6827, method=method)
    toys = 1000 if method == "profile" else 50  # the profile runs in batches, any other procedure toy by toy
    print(wilks.coverage(2, likelihood, procedure, truth, toys, name="signal"))

print(wilks.bias(3, likelihood, likelihood, truth, 1000))
