"""Gallium experiments with sources of 51Cr and 37Ar: GALLEX, SAGE and BEST."""

import functools
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, UnknownName, check_option, near_names
from wilks._base.typing import Scalar, Values
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from . import gallium_table as table
from .experiment import Source, Study
from .paths import PathLengths, survival_probability
from .pulls import WithPulls
from .spaces import PLANE
from .splitting_table import SplittingTable
from .survival import AbstractSurvival, ShortBaseline
from .terms import Terms
from .vessels import lengths_in_vessel

CROSS_SECTION_PARAMETER = "gallium_cross_section"
"""Common deviation of the absorption cross section in units of its error."""

_TABLE = (3e-3, 1e3)  # eV^2: phases from 0.02 to some 1000
_STEP = 2e-3  # of log10; the spline is right to 1e-6 up to 100 eV^2
_PULL = Parameter(CROSS_SECTION_PARAMETER, 0.0, lower=-5.0, upper=5.0)


class Target(eqx.Module):
    """The gallium of one exposure: path lengths from the source, and its lines.

    Args:
        paths: path lengths.
        energies: lines in MeV.
        weights: share of each line, branching x cross section; they add up to 1.
    """

    paths: PathLengths
    energies: Float[np.ndarray, " lines"]
    weights: Float[np.ndarray, " lines"]

    def survival(self, terms: Terms) -> Scalar:
        """Survival averaged over lengths and lines."""
        return jnp.asarray(self.weights) @ survival_probability(terms, self.paths, self.energies)

    def mean_sine2(self, splitting: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """Average of sin^2 at splittings in eV^2."""
        q = PHASE_PER_EV2_M_MEV * splitting / self.energies[:, None]
        return self.weights @ np.stack([np.asarray(self.paths.mean_sine2(jnp.asarray(line))) for line in q])


class GalliumRatios(AbstractPredictor[Float[Array, " exposures"]]):
    """Expected ratios to the rate with Bahcall's cross section, scale (1 + delta eta) sum_l w_l <P>_l / sum_l w_l.

    Averages are looked up in a table of the splitting; with damping they are summed over lengths.

    Args:
        space: parameters.
        survival: model of survival.
        targets: lengths and lines of each exposure.
        table: <sin^2> of each exposure.
        scales: chosen cross section over Bahcall's.
        errors: delta, relative error of the cross section for each exposure; eta is common.
    """

    space: ParameterSpace
    survival: AbstractSurvival
    targets: tuple[Target, ...]
    table: SplittingTable
    scales: Float[np.ndarray, " exposures"]
    errors: Float[np.ndarray, " exposures"]

    def __call__(self, values: Values) -> Float[Array, " exposures"]:
        """Ratios at the named values."""
        terms = self.survival.terms(values)
        if terms.damping is None:
            survived = 1.0 - terms.amplitude @ self.table(terms.splitting)
        else:
            survived = jnp.stack([target.survival(terms) for target in self.targets])
        deviation = values[CROSS_SECTION_PARAMETER] if CROSS_SECTION_PARAMETER in self.space else 0.0
        return jnp.asarray(self.scales) * (1.0 + jnp.asarray(self.errors) * deviation) * survived


def gallium(
    cross_section: str = "bahcall",
    *,
    exposures: Sequence[str] = tuple(table.EXPOSURES),
    uncertainty: float | None = None,
    two_sided: bool = False,
    survival: AbstractSurvival | None = None,
) -> Study:
    """Measured rates of gallium experiments over expected ones.

    R_k = sigma/sigma_Bahcall (1 + delta eta) [1 - s sum_l w_l <sin^2(kappa dm2 L/E_l)>_k / sum_l w_l], with independent
    Gaussian errors and one common deviation eta ~ N(0, 1) of the cross section.

    Args:
        cross_section: one of `GALLIUM_CROSS_SECTIONS`.
        exposures: which measurements: GALLEX-1, GALLEX-2, SAGE-Cr, SAGE-Ar, BEST-inner, BEST-outer.
        uncertainty: relative error delta of the cross section; the quoted one by default, 0 to switch it off.
        two_sided: use quoted two-sided errors as they are instead of their means.
        survival: model of survival; 3+1 at short baselines by default.

    Raises:
        InvalidOption: for an unknown cross section, listing the names.
        UnknownName: for an unknown exposure.
        InvalidModel: for a negative uncertainty or no exposure.

    >>> study = gallium("kostensalo", exposures=("BEST-inner", "BEST-outer"))
    >>> study.data.tolist()
    [0.791, 0.766, 0.0]
    """
    check_option("gallium cross section", cross_section, table.GALLIUM_CROSS_SECTIONS)
    chosen, reference = table.CROSS_SECTIONS[cross_section], table.CROSS_SECTIONS["bahcall"]
    rows = _rows(exposures)
    errors = {"Cr51": chosen.relative_errors[0], "Ar37": chosen.relative_errors[1]}
    if uncertainty is not None:
        if not 0.0 <= uncertainty < 1.0:
            raise InvalidModel(f"uncertainty {uncertainty} of the gallium cross section; expected a number in [0, 1)")
        errors = dict.fromkeys(errors, float(uncertainty))
    scales = {"Cr51": chosen.chromium / reference.chromium, "Ar37": chosen.argon / reference.argon}
    deltas = np.array([errors[row.source] for row in rows])
    pulls = (CROSS_SECTION_PARAMETER,) if deltas.any() else ()
    model = survival or ShortBaseline()
    predictor = GalliumRatios(
        model.space | ParameterSpace((_PULL,) if pulls else ()),
        model,
        tuple(_target(name) for name in exposures),
        _table(tuple(exposures)),
        np.array([scales[row.source] for row in rows]),
        deltas,
    )
    ones = np.ones(len(pulls))
    minus, plus = (np.append([getattr(row, side) for row in rows], ones) for side in ("minus", "plus"))
    means = 0.5 * (minus + plus)
    likelihood = GaussianResiduals(WithPulls(predictor, pulls), errors=(minus, plus) if two_sided else means)
    data = np.array([row.ratio for row in rows] + [0.0] * len(pulls))
    interest = tuple(name for name in PLANE if name in model.space) or model.space.names[:2]
    flags = {} if chosen.verified else {"cross_section_unverified": _unverified(cross_section)}
    if not deltas.any():
        flags["cross_section_without_error"] = "no error of the absorption cross section enters"
    sources = (
        Source(f"cross section {cross_section}", chosen.citation),
        *(Source(name, row.citation) for name, row in zip(exposures, rows, strict=True)),
    )
    return Study(f"gallium ({cross_section})", likelihood, data, likelihood, interest, tuple(exposures), flags, sources)


class ExtractionRates(AbstractPredictor[Float[Array, " extractions"]]):
    """Rates of single extractions: one constant per volume, times 1 + 0.025 eta for what is common to all."""

    space: ParameterSpace
    volumes: Float[np.ndarray, "extractions 2"]

    def __call__(self, values: Values) -> Float[Array, " extractions"]:
        """Atoms per day."""
        rates = jnp.stack([jnp.asarray(values[name], float) for name in self.space.names[:2]])
        return (1.0 + table.BEST_SYSTEMATIC * values["best_systematic"]) * (jnp.asarray(self.volumes) @ rates)


def best_extractions() -> Study:
    """The ten extractions of BEST from each volume, in atoms of 71Ge produced per day at the reference time.

    The parameters are the two rates, `best_rate_inner` and `best_rate_outer`, and the common systematic deviation.
    """
    parameters = (
        Parameter("best_rate_inner", 55.0, lower=0.0, upper=200.0, unit="1/day"),
        Parameter("best_rate_outer", 55.0, lower=0.0, upper=200.0, unit="1/day"),
        Parameter("best_systematic", 0.0, lower=-5.0, upper=5.0),
    )
    volumes = np.kron(np.eye(2), np.ones((10, 1)))
    predictor = WithPulls(ExtractionRates(ParameterSpace(parameters), volumes), ("best_systematic",))
    errors = np.array((*table.BEST_INNER_ERRORS, *table.BEST_OUTER_ERRORS, 1.0))
    likelihood = GaussianResiduals(predictor, errors=errors)
    data = np.array((*table.BEST_INNER, *table.BEST_OUTER, 0.0))
    sources = (Source("extractions", table.BEST_PAPERS),)
    interest = ("best_rate_inner", "best_rate_outer")
    return Study("BEST extractions", likelihood, data, likelihood, interest, ("BEST-inner", "BEST-outer"), {}, sources)


def _rows(exposures: Sequence[str]) -> list[table.Exposure]:
    for name in exposures:
        if name not in table.EXPOSURES:
            raise UnknownName(f"no gallium exposure {name!r}; {near_names(name, table.EXPOSURES)}")
    if not exposures or len(set(exposures)) != len(exposures):
        raise InvalidModel(f"exposures {tuple(exposures)}; expected at least one, and none twice")
    return [table.EXPOSURES[name] for name in exposures]


@functools.cache
def _target(name: str) -> Target:
    vessel, rays, holes = table.geometry(name)
    lines = table.LINES[table.EXPOSURES[name].source]
    weights = np.array([line.branching * line.cross_section for line in lines])
    paths = lengths_in_vessel(vessel, rays, holes=holes)
    return Target(paths, np.array([line.energy_MeV for line in lines]), weights / weights.sum())


@functools.cache
def _table(names: tuple[str, ...]) -> SplittingTable:
    targets = [_target(name) for name in names]
    return SplittingTable.of(
        lambda dm2: np.stack([target.mean_sine2(dm2) for target in targets]), np.ones(len(names)), _TABLE, _STEP
    )


def _unverified(name: str) -> str:
    return (
        f"the figures of cross section {name!r} come from a list of published values and were not compared with "
        f"{table.CROSS_SECTION_LIST}"
    )
