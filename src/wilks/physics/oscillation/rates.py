"""Integrated rates of reactor experiments and their change with the fuel: predictions, likelihood, simulator."""

import functools
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, UnknownName, near_names
from wilks._base.typing import Values
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from . import rate_table as table
from .averaging import gaussian_response
from .crosssection import cross_section
from .experiment import Source, Study
from .flux import ISOTOPES, FluxModel, extrapolation_flags
from .pulls import WithPulls, block_covariance
from .rate_fluxes import rate_flux
from .rate_paths import RowPaths
from .spaces import PLANE, mixing_constraints
from .survival import AbstractSurvival, ShortBaseline, ThreePlusOne

FLUX_PARAMETERS = tuple(f"flux_{isotope}" for isotope in ISOTOPES)
"""Scales of the yields of the four isotopes."""

_ENERGIES = 100
_LOWEST, _HIGHEST = 1.8, 10.0  # MeV; nothing is seen below threshold, and one event in 10^4 lies above


class RatePrediction(AbstractPredictor[Float[Array, " rows"]]):
    """R_a = sum_i x_i A_ai with A_ai = f_ai N_ai(oscillated) / sum_i f_ai N_ai(without).

    N_i is the integral of flux x cross section x P x window of the resolution, and x_i the scale of isotope i.

    Args:
        space: parameters.
        groups: rows that share a model of survival, each with it.
    """

    space: ParameterSpace
    groups: tuple[tuple[RowPaths, AbstractSurvival], ...]

    def __call__(self, values: Values) -> Float[Array, " rows"]:
        """Ratios at the named values."""
        scales = [jnp.asarray(values[name], float) for name in FLUX_PARAMETERS]
        return self.by_isotope(values) @ jnp.stack(scales)

    def by_isotope(self, values: Values) -> Float[Array, "rows isotopes"]:
        """A: the ratios as sums over isotopes, whose scales are the coefficients of its columns."""
        return jnp.concatenate([paths.by_isotope(survival.terms(values)) for paths, survival in self.groups])


def reactor_rates(
    flux: str | FluxModel = "HM",
    *,
    blocks: Sequence[str] | None = None,
    folder: str | Path | None = None,
    survival: AbstractSurvival | None = None,
    constraints: Mapping[str, tuple[float, float]] | None = None,
) -> Study:
    """24 integrated rates, eight points of fuel evolution of Daya Bay, and eight of RENO.

    chi2 = (R - A x)^T W (R - A x) + (x - 1)^T Pi (x - 1): the scales x of the isotopes are parameters ``flux_U235`` ...
    with auxiliary measurements 1, which pseudo-experiments fluctuate. Minimised or integrated over x, it is the
    chi-square with the covariance W^-1 + A Pi^-1 A^T.

    Args:
        flux: name of a flux model (`FLUXES`), or a model of one's own; infinite uncertainties make a scale free.
        blocks: names of `BLOCKS` to use, all by default; the covariance is cut before its inversion.
        folder: folder ``fluxes`` of GLoBESfit for the spectra of HKSS and EF; without it their measured ratios are
            used with spectra of HM, which the flag ``flux_shape_of_HM`` says.
        survival: model of survival for all rows; by default 3+1 at short baselines, and 3+1 with all phases for Palo
            Verde, Double Chooz, Chooz, Daya Bay and RENO.
        constraints: measured value and error of free mixing parameters of the model of survival; those of
            `MIXING_ERRORS` by default, none with an empty map.

    Raises:
        InvalidOption: for an unknown flux, listing the names.
        UnknownName: for an unknown block.
        InvalidModel: if no block is given, or one twice.

    >>> study = reactor_rates("HM", blocks=("Bugey-3", "Nucifer"))
    >>> study.data.tolist()
    [0.941, 0.947, 0.872, 1.046, 1.0, 1.0, 1.0, 1.0]
    """
    chosen, numbers = rate_flux(flux, folder), _numbers(blocks)
    everything = table.all_rows()
    rows = [everything[n] for n in numbers]
    near, far = survival or ShortBaseline(), survival or ThreePlusOne()
    spectra = chosen.model
    predictor, extrapolated = _predictor(numbers, rows, near, far, spectra)
    flags = {**spectra.flags, **extrapolated}
    scales = tuple(n for n, e in zip(FLUX_PARAMETERS, spectra.uncertainty, strict=True) if np.isfinite(e))
    mixing = mixing_constraints(far.space, constraints)
    known = np.isfinite(spectra.uncertainty)
    auxiliary = block_covariance(
        spectra.covariance[np.ix_(known, known)], np.diag([error**2 for _, error in mixing.values()])
    )
    covariance = table.covariance_of_ratios()[np.ix_(numbers, numbers)]
    likelihood = GaussianResiduals(
        WithPulls(predictor, (*scales, *mixing)), covariance=block_covariance(covariance, auxiliary)
    )
    data = np.concatenate([chosen.ratios(rows), np.ones(len(scales)), [value for value, _ in mixing.values()]])
    interest = tuple(name for name in PLANE if name in likelihood.space) or near.space.names[:2]
    sources = (Source("rates", table.CITATION), *_fuel_sources(numbers), *spectra.sources)
    name = f"rates ({spectra.name})"
    return Study(name, likelihood, data, likelihood, interest, _events(numbers), flags, sources)


def _numbers(blocks: Sequence[str] | None) -> list[int]:
    chosen = tuple(table.BLOCKS) if blocks is None else tuple(blocks)
    for name in chosen:
        if name not in table.BLOCKS:
            raise UnknownName(f"no block of rates {name!r}; {near_names(name, table.BLOCKS)}")
    if not chosen or len(set(chosen)) != len(chosen):
        raise InvalidModel(f"blocks {chosen}; expected at least one, and none twice")
    return sorted(row for name in chosen for row in table.BLOCKS[name])


def _predictor(
    numbers: list[int], rows: list[table.Row], near: AbstractSurvival, far: AbstractSurvival, spectra: FluxModel
) -> tuple[RatePrediction, dict[str, str]]:
    """The prediction, and a flag if a row has events outside the table of the flux."""
    energies = _LOWEST + (_HIGHEST - _LOWEST) * (np.arange(_ENERGIES) + 0.5) / _ENERGIES
    per_fission = spectra(energies) * cross_section(energies)
    seen = np.stack([_window(table.window(n), energies) for n in numbers])
    split = sum(n < table.FIRST_LONG for n in numbers)
    groups = [
        (RowPaths.of(rows[part], seen[part], energies, per_fission), survival)
        for part, survival in ((slice(split), near), (slice(split, None), far))
        if rows[part]
    ]
    scales = ParameterSpace([Parameter(name, 1.0, lower=0.5, upper=1.5) for name in FLUX_PARAMETERS])
    space = functools.reduce(operator.or_, [survival.space for _, survival in groups])
    events = (np.array([row.fractions for row in rows]) @ per_fission) * seen
    return RatePrediction(space | scales, tuple(groups)), extrapolation_flags(spectra, energies, events)


def _window(window: table.Window, energies: Float[np.ndarray, " energies"]) -> Float[np.ndarray, " energies"]:
    return np.asarray(gaussian_response(np.array([window.lower_MeV, window.upper_MeV]), energies, window.resolution))[0]


def _events(numbers: list[int]) -> tuple[str, ...]:
    used = [name for name, rows in table.BLOCKS.items() if set(rows) & set(numbers)]
    return tuple(table.EVENTS.get(name, name) for name in used)


def _fuel_sources(numbers: list[int]) -> tuple[Source, ...]:
    fuel = {"Daya Bay fuel": table.DAYA_BAY_FUEL, "RENO fuel": table.RENO_FUEL}
    return tuple(Source(name, citation) for name, citation in fuel.items() if set(table.BLOCKS[name]) & set(numbers))
