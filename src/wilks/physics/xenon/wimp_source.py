"""WIMPs that scatter off xenon nuclei: nuclear recoils with a spectrum that changes with the season."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks.parameters.space import ParameterSpace

from .chain import Held
from .halo import Halo
from .nr import NRSource
from .source import AbstractXenonSource
from .variable_energy import AbstractVariableEnergySource, response_of, time_centres
from .wimps import wimp_rate


class WIMPSource(AbstractVariableEnergySource):
    """Elastic, spin-independent recoils of WIMPs.

    The spectrum is a comb at the centres of bins of energy, of content dR/dE times width times exposure, evaluated
    at the centres of equal bins of the live time. Simulated energies are those of the comb.

    Args:
        mw: mass, GeV.
        sigma_nucleon: cross section with a nucleon, cm^2.
        exposure_tonneyear: exposure, tonne years.
        n_time_bins: number of bins of the live time.
        energy_edges: edges of the bins of energy, keV, ascending.
        halo: speeds and density of WIMPs.
        mediator_mass: GeV; None for a heavy mediator.
        pretend_wimps_dont_modulate: whether all events have the mean spectrum.
        response: class of the recoils; `NRSource` or one of yours.
        settings: of the recoils.

    Raises:
        InvalidModel: for edges that do not ascend, an exposure that is negative, and as `wimp_rate` and the recoils.

    >>> source = WIMPSource(mw=50.0, sigma_nucleon=1e-47, n_time_bins=2)
    >>> source.spectra.shape
    (2, 99)

    References:
        J. D. Lewin and P. F. Smith, Astropart. Phys. 6 (1996) 87; D. Baxter et al., arXiv:2105.00599.
    """

    space: ParameterSpace
    response: AbstractXenonSource
    spectra: Float[Array, "times lines"]
    tables: Held | None
    mw: float = eqx.field(static=True)
    sigma_nucleon: float = eqx.field(static=True)
    exposure_tonneyear: float = eqx.field(static=True)
    halo: Halo = eqx.field(static=True)

    def __init__(
        self,
        *,
        mw: float = 1e3,
        sigma_nucleon: float = 1e-45,
        exposure_tonneyear: float = 1.0,
        n_time_bins: int = 24,
        energy_edges: Any = None,
        halo: Halo | None = None,
        mediator_mass: float | None = None,
        pretend_wimps_dont_modulate: bool = False,
        response: type[AbstractXenonSource] = NRSource,
        **settings: Any,
    ) -> None:
        edges = np.geomspace(0.7, 50.0, 100) if energy_edges is None else np.asarray(energy_edges, dtype=float)
        if edges.ndim != 1 or len(edges) < 2 or not ((np.diff(edges) > 0).all() and edges[0] >= 0):
            raise InvalidModel(f"energy_edges {edges} must ascend from at least 0 keV")
        if not (np.isfinite(exposure_tonneyear) and exposure_tonneyear >= 0):
            raise InvalidModel(f"exposure_tonneyear is {exposure_tonneyear}; expected at least 0")
        self.mw, self.sigma_nucleon, self.exposure_tonneyear = (
            float(mw),
            float(sigma_nucleon),
            float(exposure_tonneyear),
        )
        self.halo = halo or Halo()
        centres, times = (edges[1:] + edges[:-1]) / 2, time_centres(response, n_time_bins, settings)
        per_kev = wimp_rate(
            jnp.asarray(centres),
            mass=self.mw,
            cross_section=self.sigma_nucleon,
            halo=self.halo,
            event_time=jnp.asarray(times),
            mediator_mass=mediator_mass,
        )
        spectra = np.asarray(per_kev) * np.diff(edges)[None] * exposure_tonneyear
        if pretend_wimps_dont_modulate:
            spectra = spectra.mean(axis=0, keepdims=True)
        self.response, self.spectra = response_of(response, centres, spectra, settings)
        self.space, self.tables = self.response.space, None
