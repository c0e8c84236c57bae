"""Two modular models of the literature against NuFIT: one that the reactor angle excludes, one that fits."""

import numpy as np

from wilks import fit
from wilks.inference.multistart import Multistart
from wilks.physics.flavor import build, nufit
from wilks.physics.flavor.examples import modular_a4, modular_s4
from wilks.physics.flavor.starts import wide_starts


def with_published(key, space, n):
    """Wide starts, but the first at the start of the space: the point of the publication."""
    return np.concatenate([space.starts[None], wide_starts(key, space, n - 1)])


for worked in (modular_a4("IO"), modular_s4("NO")):
    print(f"\n{worked.title} ({worked.citation})")
    likelihood, data = build(worked.model, nufit("5.3", worked.model.ordering), worked.fitted)
    result = fit(likelihood, data, start=Multistart(24, key=1, draw=with_published))
    print(result, result.minima, sep="\n")
    masses = worked.model(result.values)
    print({name: round(masses[name], 5) for name in ("m1", "m2", "m3", "m_bb", "Sum(m_i)", "d/pi")})
