"""The electron lifetime of a xenon detector from 25 simulated events, and a model function of one's own."""

import jax.numpy as jnp

from wilks import Unbinned, fit, interval, limit, plots
from wilks.physics import xenon

# 1. events: 25 electronic recoils, of which the cuts keep a few less
source = xenon.ERSource()
events = source.draw(1, 25)
print(f"{len(events)} events; 1000 would leave {float(source.expected_events()):.2f}")
for lifetime in (100e3, 500e3):  # ns
    rates = source.rate({"elife": lifetime}, events)  # per PE^2
    print(f"at {lifetime / 1e3:.0f} us the rates of the events are {rates.min():.1e} to {rates.max():.1e}")

# 2. rate and lifetime
likelihood = Unbinned({"er": source}, free_rates=["er"], free={"elife": (100e3, 2e6)})
print(fit(likelihood, events))
print(interval(likelihood, events, "elife", level=0.68))


# 3. the same loss of electrons by a length: override the function, its arguments say what it depends on
class AbsorptionER(xenon.ERSource):
    """Electrons are lost with the depth from which they come."""

    @staticmethod
    def electron_detection_eff(z, absorption_length=60.0, extraction_efficiency=0.96):
        """Probability that an electron from depth z (cm, negative) leaves the liquid."""
        return extraction_efficiency * jnp.exp(z / absorption_length)


by_length = Unbinned({"er": AbsorptionER()}, free_rates=["er"], free={"absorption_length": (10.0, 300.0)})
print(fit(by_length, events, start={"absorption_length": 62.0, "er_rate_multiplier": 0.02}))
print(f"452 us are {452e3 * source.drift_velocity:.3f} cm")

# 4. WIMPs among them?
wimps = xenon.WIMPSource(mw=50.0, sigma_nucleon=1e-47)  # GeV, cm^2; one tonne year
search = Unbinned({"er": source, "wimp": wimps}, free_rates=["er", "wimp"])
print(limit(search, events, "wimp_rate_multiplier", level=0.9, method="profile"))

plots.scatter(events, colour="z").savefig("xenon_events.png")
