"""Our side of the rows about xenon: the tasks of flamedisx by the drop-in, spectra of WIMPs, growth, toys."""

import jax
import jax.numpy as jnp
import numpy as np
from harness.serving import Answer, Work
from problems import xenon as problem

import wilks.compat.flamedisx as fd
from wilks.data.events import Events
from wilks.inference.fitting import fit_many
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.halo import Halo
from wilks.physics.xenon.wimps import wimp_rate

_DAY = 86_400e9
_J2000 = 946_728_000e9  # 2000-01-01T12:00 in ns since 1970


def wimp_spectrum(energies: int, times: int) -> Work:
    """dR/dE at energies and times."""
    kev = jnp.linspace(1.0, 50.0, energies)
    when = _J2000 + _DAY * (7183.0 + 365.25 * jnp.arange(times) / times)
    halo = Halo()
    compiled = jax.jit(lambda e, t: wimp_rate(e, mass=50.0, cross_section=1e-45, halo=halo, event_time=t))

    def work() -> Answer:
        found = np.asarray(compiled(kev, when))
        return {"items": 1, "values": np.log(found[0, : problem.SAMPLE]).tolist(), "scale": 1.0}

    return work


def rate_per_event(n: int) -> Work:
    """Differential rates, per event."""
    source, events = ERSource(), Events(problem.events(n))

    def work() -> Answer:
        return {"items": n, "values": np.log(source.rate(None, events)[: problem.SAMPLE]).tolist(), "scale": 1.0}

    return work


def gradient_per_event(n: int) -> Work:
    """ln L with its gradient in rate and lifetime, per event."""
    likelihood = problem.two_parameters(fd, n)

    def work() -> Answer:
        likelihood.log_likelihood(er_rate_multiplier=n / 848.0, elife=450e3)
        return {"items": n}

    return work


def fit_lifetime(n: int) -> Work:
    """A fit of rate and lifetime."""
    likelihood = problem.two_parameters(fd, n)

    def work() -> Answer:
        return {"items": 1, "values": [likelihood.bestfit()["elife"]], "scale": 2.6e4}

    return work


def toys(n: int) -> Work:
    """Sets of 25 expected events, simulated and fitted in rate and lifetime."""
    source = ERSource()
    likelihood = Unbinned({"er": source}, free_rates=["er"], free={"elife": (200e3, 1500e3)})
    truth = {"er_rate_multiplier": 25.0 / float(source.expected_events()), "elife": 452e3}

    def work() -> Answer:
        found = fit_many(likelihood, likelihood.simulate_many(jax.random.split(jax.random.key(1), n), truth))
        return {"items": n, "unconverged": int(np.sum(~found.converged))}

    return work


TASKS = {
    **problem.tasks(fd),
    "xenon_wimp_spectrum": wimp_spectrum,
    "xenon_rate_per_event": rate_per_event,
    "xenon_gradient_per_event": gradient_per_event,
    "xenon_fit_lifetime": fit_lifetime,
    "xenon_toys": toys,
}
"""Tasks by name."""
