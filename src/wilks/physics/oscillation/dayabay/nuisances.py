"""The 1057 uncertain inputs: their groups, values and errors, as independent normal variables around zero.

Every group is a vector of variables n of mean 0 and width 1; natural values are centre + L n, with L the lower Cholesky
factor of the group's covariance where its members are correlated. A group is part of the covariance matrix, a set of
free parameters with a penalty n^2 each (a pull), or held at zero.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import UnknownName, check_option, near_names
from wilks.parameters.parameter import Parameter
from wilks.physics.oscillation.spaces import mixing_parameters

from .arrays import Arrays
from .constants import (
    ABSOLUTE_ERROR,
    FISSION_ENERGIES_MEV,
    FISSION_ENERGY_ERRORS_MEV,
    FISSION_FRACTIONS,
    FRACTION_CORRELATION,
    RELATIVE_CORRELATION,
    RELATIVE_ERRORS,
    RESOLUTION,
    SOLAR,
)
from .layout import BACKGROUNDS, CORES, ISOTOPES, Layout

TREATMENTS = ("covariance", "pull", "fixed")
"""What may be done with a group."""

GROUPS = (
    "survival_probability",
    "eres",
    "lsnl",
    "iav",
    "detector_relative",
    "energy_per_fission",
    "thermal_power",
    "snf",
    "neq",
    "fission_fractions",
    "background_rate",
    "hm_corr",
    "hm_uncorr",
    "absolute_efficiency",
)
"""Groups of uncertain inputs, as the release model names them; the last one is fixed unless asked for."""

SOLAR_NAMES = ("dm2_21_eV2", "sin2_2theta12")
"""Parameters of the group ``survival_probability``, which other experiments share."""

_RESOLUTION_ERROR, _VESSEL_ERROR, _POWER_ERROR = 0.30, 0.04, 0.005
_FUEL_ERROR, _NONEQUILIBRIUM_ERROR, _FRACTION_ERROR = 0.30, 0.30, 0.05
_BOUND = 10.0  # of normalised pulls; fission fractions stay positive inside
_FLUX_ENERGIES = 226

_RELATIVE_ROOT = np.linalg.cholesky(
    np.outer(RELATIVE_ERRORS, RELATIVE_ERRORS) * np.array([[1.0, RELATIVE_CORRELATION], [RELATIVE_CORRELATION, 1.0]])
)
_FRACTION_ROOT = _FRACTION_ERROR * np.linalg.cholesky(FRACTION_CORRELATION)

Normal = Float[Arrays, " _"]
"""Normalised values of one group."""

AnyArray = Float[Arrays, "..."]
"""An array of numpy or JAX."""


def group_sizes(layout: Layout) -> dict[str, int]:
    """Number of variables in each group."""
    detectors, pairs, sites = len(layout.detectors), len(layout.pairs), len(layout.sites)
    counted = (2, 3, 4, detectors, 2 * detectors, 4, 6, 6, 18, 24, 2 * pairs + 2 * sites + 1, 1)
    return dict(zip(GROUPS, (*counted, len(ISOTOPES) * _FLUX_ENERGIES, 1), strict=True))


def treatments(default: str, groups: Mapping[str, str] | None, *, absolute: bool = False) -> dict[str, str]:
    """What is done with each group.

    Args:
        default: of all groups but the last.
        groups: exceptions by name of the group.
        absolute: whether the absolute efficiency follows the default instead of being fixed.

    Raises:
        UnknownName: for a group that does not exist.
        InvalidOption: for a treatment that does not exist.
    """
    check_option("treatment of nuisances", default, TREATMENTS)
    chosen: dict[str, str] = dict.fromkeys(GROUPS, default)
    if not absolute:
        chosen["absolute_efficiency"] = "fixed"
    for name, treatment in (groups or {}).items():
        if name not in GROUPS:
            raise UnknownName(f"there is no group of nuisances {name!r}; {near_names(name, GROUPS)}")
        check_option(f"treatment of {name}", treatment, TREATMENTS)
        chosen[name] = treatment
    return chosen


def pull_parameters(group: str, size: int) -> tuple[Parameter, ...]:
    """Free parameters of a group: the shared ones in their units, others in units of their error."""
    if group == "survival_probability":
        return mixing_parameters(SOLAR_NAMES)
    lower = -1.0 / _RESOLUTION_ERROR if group == "eres" else -_BOUND
    digits = len(str(size - 1))
    return tuple(
        Parameter(f"dayabay_{group}_{i:0{digits}d}", 0.0, lower=lower, upper=_BOUND, unit="sigma") for i in range(size)
    )


def pull_scales(group: str, size: int) -> tuple[Float[np.ndarray, " members"], Float[np.ndarray, " members"]]:
    """Centre and width of the constraint of each free parameter of a group."""
    if group == "survival_probability":
        return np.array([SOLAR[n][0] for n in SOLAR_NAMES]), np.array([SOLAR[n][1] for n in SOLAR_NAMES])
    return np.zeros(size), np.ones(size)


def solar(n: Normal) -> dict[str, AnyArray]:
    """Solar parameters by name."""
    return {name: SOLAR[name][0] + SOLAR[name][1] * n[i] for i, name in enumerate(SOLAR_NAMES)}


def resolution(n: Normal) -> Normal:
    """a, b, c of the energy resolution."""
    return jnp.asarray(RESOLUTION) * (1.0 + _RESOLUTION_ERROR * n)


def vessel_scale(n: AnyArray) -> AnyArray:
    """Factor on energy losses in the vessel of one detector, or of several."""
    return 1.0 + _VESSEL_ERROR * n


def relative(n: Normal) -> tuple[AnyArray, AnyArray]:
    """Relative efficiency and energy scale of one detector."""
    efficiency, scale = (_RELATIVE_ROOT[row, 0] * n[0] + _RELATIVE_ROOT[row, 1] * n[1] for row in (0, 1))
    return 1.0 + efficiency, 1.0 + scale


def absolute_efficiency(n: Normal) -> AnyArray:
    """Efficiency common to all detectors."""
    return 1.0 + ABSOLUTE_ERROR * n[0]


def emission(energies: Normal, powers: Normal, fractions: Normal) -> AnyArray:
    """Fissions of each isotope per MeV of thermal energy, per core: theta_r f_ri / sum_i e_i f_ri."""
    scales = 1.0 + fractions.reshape(len(CORES), len(ISOTOPES)) @ _FRACTION_ROOT.T
    shares = FISSION_FRACTIONS[None] * abs(scales)
    per_fission = FISSION_ENERGIES_MEV + FISSION_ENERGY_ERRORS_MEV * energies
    mean = (shares * per_fission[None]).sum(axis=1)
    return shares * ((1.0 + _POWER_ERROR * powers) / mean)[:, None]


def nonequilibrium(n: Normal) -> AnyArray:
    """Factor on the long-lived products of U235, Pu239 and Pu241, per core."""
    return 1.0 + _NONEQUILIBRIUM_ERROR * n.reshape(len(CORES), len(ISOTOPES) - 1)


def spent_fuel(n: Normal) -> AnyArray:
    """Factor on the spent fuel of each core."""
    return 1.0 + _FUEL_ERROR * n


def background_columns(
    layout: Layout,
    days: Float[np.ndarray, " pairs"],
    rates: Float[np.ndarray, "pairs 4"],
    errors: Float[np.ndarray, "pairs 4"],
    accidentals: Float[np.ndarray, " pairs"],
    background_sigma: str,
) -> Float[np.ndarray, "members pairs 5"]:
    """Change of the events of each background with the members of the group ``background_rate``.

    Members: accidentals of each pair, alpha-neutron of each pair, lithium-helium of each hall and period, fast neutrons
    of each hall and period, americium sources.

    Args:
        layout: pairs and halls.
        days: effective live days of each pair.
        rates: lithium_helium, fast_neutrons, amc, alpha_neutron per day.
        errors: of the rates, per day.
        accidentals: events of accidental coincidences.
        background_sigma: ``"release"``: a rate is multiplied by 1 + error x n, as the release model has it, although
            the errors are absolute; ``"physical"``: the error is divided by the rate first.
    """
    pairs, sites = len(layout.pairs), layout.sites
    columns = np.zeros((2 * pairs + 2 * len(sites) + 1, pairs, len(BACKGROUNDS)))
    where = np.arange(pairs)
    columns[where, where, 0] = 0.01 * accidentals
    columns[pairs + where, where, 4] = errors[:, 3] * days
    spread = (rates * errors if background_sigma == "release" else errors)[:, :3] * days[:, None]
    hall = np.array([sites.index((f"EH{d[2]}", p)) for d, p in layout.pairs])
    columns[2 * pairs + hall, where, 1] = spread[:, 0]
    columns[2 * pairs + len(sites) + hall, where, 2] = spread[:, 1]
    columns[-1, where, 3] = spread[:, 2]
    return columns
