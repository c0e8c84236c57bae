"""Figures of the xenon study."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from wilks.data.events import Events
from wilks.inference.profiles import profile
from wilks.physics.xenon.er import ERSource
from wilks.plots.event_planes import Density, scatter
from wilks.plots.model_functions import model_function
from wilks.plots.scans import scan
from wilks.plots.style import COLOURS, figure_of, wilks_style
from wilks.plots.toys import coverage_curve, toy_distribution
from wilks.results.result import AbstractResult

from .model_functions import absorbed, parabola
from .posing import log_rates, wimps_of
from .printed import LIFETIME
from .rates import LIFETIMES
from .sample import seed_of
from .simulations import SLICES

_LEVELS = (0.68, 0.90)
_NODES = 24
_DEPTH = -48.8  # cm, the middle of the default volume
_WORK = 13.7e-3  # keV per quantum


def simulation(chain: Any) -> Mapping[str, Figure]:
    """The simulated events, with energy and place fixed."""
    simulated = chain.simulated
    return {
        "A thousand electronic recoils, those that survive the cuts.": scatter(simulated.flat, size=5.0),
        "Recoils of 5 keV.": scatter(simulated.one_energy, size=5.0),
        "Recoils at the place of the first event.": scatter(simulated.one_place, size=5.0),
    }


def rates(chain: Any) -> Mapping[str, Figure]:
    """The sample, coloured by the differential rate at both lifetimes."""
    drawn = {}
    for lifetime, logs in zip(LIFETIMES, chain.rates.logs, strict=True):
        caption = f"The events, coloured by their differential rate at a lifetime of {lifetime / 1e3:g} us."
        drawn[caption] = scatter(
            chain.sample.events, colour=np.exp(logs), vmin=0.0, vmax=0.03, size=24.0, title="rate [1/PE$^2$]"
        )
    return drawn


def lifetime(chain: Any, study: Any, best: Any) -> Mapping[str, Figure]:
    """The profile of the lifetime, and corrected signals with the rate in the middle of the volume."""
    at = {LIFETIME: best.values[LIFETIME]}
    corrected = _corrected(chain.sample.events, at[LIFETIME])
    density = _density(chain.source, at, corrected)
    return {
        "Profile of the lifetime: the rate is refitted at each point.": figure_of(
            scan(profile(study.likelihood, study.data, LIFETIME), levels=_LEVELS)
        ),
        "S1 and S2 corrected for the fitted losses; contours hold 68 % and 95 % of the fitted rate at half depth.": (
            scatter(corrected, x="s1", y="cs2", density=density, size=24.0)
        ),
    }


def _corrected(table: Events, elife: float) -> Events:
    """With the S2 that the surface would have seen."""
    return table.with_columns({"cs2": table["s2"] * np.exp(table["drift_time"] / elife)}, {"cs2": "PE"})


def _density(source: ERSource, values: Mapping[str, float], shown: Events) -> Density:
    """The rate over S1 and corrected S2 in the middle of the volume."""
    drift = -_DEPTH / source.drift_velocity
    loss = np.exp(-drift / values[LIFETIME])
    top = min(1.3 * float(shown["cs2"].max()), 0.999 * source.starts["s2_max"] / loss)
    low, high = source.starts["s1_min"], source.starts["s1_max"]
    x = np.linspace(low, high, _NODES)
    y = np.linspace(1.001 * source.starts["s2_min"] / loss, top, _NODES)
    s1, cs2 = np.meshgrid(x, y)
    middle = source.volume.places(*(np.full(s1.size, value) for value in (0.0, 0.0, _DEPTH, source.t_start)))
    grid = Events({**middle, "s1": s1.ravel(), "s2": cs2.ravel() * loss})
    return Density(x, y, np.exp(log_rates(source, values, grid)).reshape(s1.shape) * loss)


def absorption(results: Mapping[str, AbstractResult]) -> Mapping[str, Figure]:
    """Losses by depth: the truth of the simulation, and the fit of the absorption length."""
    fitted: Any = results.get("fit_absorption")
    if fitted is None or not fitted.status.converged:
        return {}
    z = np.linspace(-97.6, 0.0, 100)
    labels = {"z": "z [cm]", "absorbed": "electrons extracted"}
    with wilks_style():
        ax = model_function(absorbed, z, values=fitted, label="fit", labels=labels)
        model_function(absorbed, z, label="default, 60 cm", ax=ax, labels=labels)
    return {"Electrons that survive, by depth, with the error of the absorption length.": figure_of(ax)}


def yields(results: Mapping[str, AbstractResult]) -> Mapping[str, Figure]:
    """The share of electrons: truth, guess and fit."""
    fitted: Any = results.get("fit_yields")
    if fitted is None or not fitted.status.converged:
        return {}
    nq = np.geomspace(10.0, 1e4, 100)
    options: dict[str, Any] = {"logarithmic": True, "labels": {"nq": "produced quanta", "parabola": "share electrons"}}
    with wilks_style():
        ax = model_function(parabola, nq, values=fitted, label="fit", **options)
        model_function(parabola, nq, label="guess", ax=ax, **options)
        model_function(ERSource.p_electron, nq, label="truth of a simulation", ax=ax, **options)
        ax.set_ylabel("share of electrons")
        ax.set_ylim(0.0, 1.0)
        above = ax.secondary_xaxis("top", functions=(_energy, _quanta))
        above.set_xlabel("energy [keV]")
        ax.tick_params(top=False, which="both")
    stuck = [name for name in "abc" if name in fitted.values and not np.isfinite(fitted.errors.get(name, np.nan))]
    held = f", which does not move {' and '.join(stuck)} from the bound" if stuck else ""
    return {f"Share of quanta that become electrons; the band is the error that the fit leaves{held}.": figure_of(ax)}


def _energy(nq: Any) -> Any:
    return nq * _WORK


def _quanta(energy: Any) -> Any:
    return energy / _WORK


def position(chain: Any) -> Mapping[str, Figure]:
    """A poor lifetime, corrected and not."""
    poor = chain.simulated.poor
    energies: dict[str, Any] = {"x": "e_light_vis", "y": "e_charge_vis", "size": 3.0, "vmin": -97.6, "vmax": 0.0}
    return {
        "A lifetime of 200 us: S2 shrinks with depth.": scatter(poor, size=3.0),
        "Energies seen by light and charge, corrected for mean losses, slice by slice in z.": scatter(
            poor, panels=SLICES, **energies
        ),
    }


def search(chain: Any) -> Mapping[str, Figure]:
    """The events over simulated recoils of WIMPs and electrons."""
    wimps = wimps_of(chain.preset).draw(seed_of(1, 7), 1000)
    figure = scatter(chain.simulated.flat, colour="z", size=3.0)
    ax = figure.axes[0]
    with wilks_style():
        ax.plot(wimps["s1"], wimps["s2"], ".", color=COLOURS[2], markersize=2.5, label="WIMPs, simulated")
        seen = chain.sample.events
        ax.plot(seen["s1"], seen["s2"], "o", color="black", markersize=4, label="events")
        ax.set_yscale("log")
        ax.legend(loc="lower right")
    return {"The events (black) over simulated electronic recoils and WIMPs of 50 GeV.": figure}


def worth(results: Mapping[str, AbstractResult]) -> Mapping[str, Figure]:
    """Toys, if there are any."""
    curve: Any = results.get("coverage_curve")
    goodness: Any = results.get("goodness")
    drawn = {}
    if curve is not None:
        drawn["Coverage of the lifetime's interval for every threshold, and the chi-square law."] = coverage_curve(
            curve
        )
    if goodness is not None:
        drawn["-ln L of refitted toys, and of the events."] = figure_of(toy_distribution(goodness))
    return drawn
