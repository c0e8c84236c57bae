"""Two modular models of the literature against NuFIT: one that the reactor angle excludes, one that fits."""

from wilks import fit
from wilks.inference.multistart import Multistart
from wilks.physics.flavor.build import build
from wilks.physics.flavor.examples import modular_a4, modular_s4
from wilks.physics.flavor.nufit import nufit
from wilks.physics.flavor.starts import wide_starts

for worked in (modular_a4("IO"), modular_s4("NO")):
    print(f"\n{worked.title} ({worked.citation})")
    likelihood, data = build(worked.model, nufit("5.3", worked.model.ordering), worked.fitted)
    result = fit(likelihood, data, start=Multistart(48, key=1, draw=wide_starts))
    print(result, result.minima, sep="\n")
    if worked.published:  # the point of the publication, moved to today's data
        print(fit(likelihood, data, start=worked.published).contributions)
    masses = worked.model(result.values)
    print({name: round(masses[name], 5) for name in ("m1", "m2", "m3", "m_bb", "Sum(m_i)", "d/pi")})
