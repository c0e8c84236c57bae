"""FlavorPy's `FlavorModel`: mass matrices, space, data and settings that may be set one by one, on Wilks' engine."""

import copy
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import check_option
from wilks.physics.flavor.settings import OPTIONS

from .chains import ChainSettings, check_emcee_options
from .completion import complete
from .dimensions import ParameterSpace, one
from .fit_options import FitOptions
from .fitted import check_data, check_dimensionless, dimensionless_list, fitted_list
from .frames import chain_frame, fit_frame
from .mixing_functions import announce_convention
from .objective import Objective
from .points import SCALE, Point, numbers_of
from .posed import MassMatrix, PosedModel, native_scale, objective_of, unit_matrix
from .released_sets import NuFit53_NO
from .sets import ExperimentalData
from .single_point import dimensionless_at, observables_at

_ORDERINGS = ("NO", "IO")
_SCALES = ("average", "profile")


class FlavorModel:
    """A model of leptons, quarks or both by its mass matrices; every argument is an attribute that may be set.

    Args:
        mass_matrix_e: charged leptons, a function of a point that gives a 3x3 matrix, left-handed field on the left
            index; a matrix that is not given is the identity.
        mass_matrix_n: neutrinos.
        mass_matrix_u: up-type quarks.
        mass_matrix_d: down-type quarks.
        parameterspace: the model keeps a copy, with a fixed ``n_scale`` for leptons.
        ordering: "NO" or "IO".
        ckm_parameterization: "standard" or "wolfenstein".
        experimental_data: what fits compare with.
        fitted_observables: "all", or names.
        name: text for prints.
        comments: any text.
        fit_results: a list for frames of fits.
        convention: "flavorpy" for FlavorPy's numbers, or "physical": right Majorana phases, m_b and m_bb.
        scale: "average" as FlavorPy, or "profile": the neutrino scale at its best for both splittings.

    Raises:
        InvalidOption: for an unknown word.
        UnknownName: for an unknown word in place of a list of observables.
    """

    def __init__(
        self,
        mass_matrix_e: MassMatrix | None = None,
        mass_matrix_n: MassMatrix | None = None,
        mass_matrix_u: MassMatrix | None = None,
        mass_matrix_d: MassMatrix | None = None,
        parameterspace: ParameterSpace | None = None,
        ordering: str = "NO",
        ckm_parameterization: str = "standard",
        experimental_data: ExperimentalData = NuFit53_NO,
        fitted_observables: str | Sequence[str] = "all",
        name: str = "FlavorModel",
        comments: str = "",
        fit_results: list[Any] | None = None,
        *,
        convention: str = "flavorpy",
        scale: str = "average",
    ) -> None:
        given = (mass_matrix_e, mass_matrix_n, mass_matrix_u, mass_matrix_d)
        functions = [unit_matrix if function is None else function for function in given]
        self.mass_matrix_e, self.mass_matrix_n, self.mass_matrix_u, self.mass_matrix_d = functions
        self.sector = _sector(given)
        self.ordering, self.ckm_parameterization = ordering, ckm_parameterization
        self.convention, self.scale = convention, scale
        self._own_scale = parameterspace is not None and SCALE in parameterspace
        self.parameterspace = _with_scale(parameterspace, self.sector)
        self.experimental_data = experimental_data
        self._check_words()
        self.fitted_observables = fitted_list(fitted_observables, self.sector, ckm_parameterization)
        self.name, self.comments = name, comments
        self.fit_results = [] if fit_results is None else fit_results
        if convention == "flavorpy" and self._has_leptons:
            announce_convention()

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "FlavorModel":
        """A deep copy."""
        return copy.deepcopy(self)

    @property
    def fitted_observables_dimless(self) -> list[str]:
        """The fitted observables with m21^2 and m3l^2 replaced by their ratio r."""
        return dimensionless_list(self._fitted)

    def get_dimless_obs(self, params: Point) -> dict[str, float]:
        """Observables of a point that do not depend on the neutrino scale, and unscaled masses."""
        posed = self._posed()
        return dimensionless_at(posed, numbers_of(params, posed.dimensions))

    def get_obs(self, params: Point) -> dict[str, float]:
        """All observables of a point; the point is not changed.

        Raises:
            UnknownName: if a mass matrix asks for a parameter that the point lacks.
            InvalidModel: if a matrix is not 3x3 or holds no finite numbers.
            Exception: whatever a mass matrix raises, with a note on the point.
        """
        return self._observables(self._posed(), params)

    def residual(self, params: Point) -> Float[np.ndarray, " observables"]:
        """Roots of the chi-squares of the dimensionless observables."""
        names = self.fitted_observables_dimless
        check_data(self._posed(), self.experimental_data, names)
        return np.sqrt(self.experimental_data.get_chisq_list(self.get_dimless_obs(params), names))

    def get_chisq(self, params: Point) -> float:
        """Chi-square of a point."""
        return float(np.sum(self._shares(params)[1]))

    def print_chisq(self, params: Point) -> None:
        """Print each fitted observable of a point with its chi-square, and the sum."""
        observables, shares = self._shares(params)
        for name, share in zip(self._fitted, shares.tolist(), strict=True):
            sys.stdout.write(f"'{name}': {observables[name]},   chisq: {share}\n")
        sys.stdout.write(f"Total chi-square: {float(np.sum(shares))}\n")

    def make_fit(self, points: int, **options: Any) -> Any:
        """Fit globally and return the best points as a frame with observables, ascending in ``chisq``.

        Args:
            points: number of random points of the space to start from.
            options: see `FitOptions`.

        Returns:
            ``points * nr_methods`` rows with columns chisq, chisq_dimless, parameters, observables. ``attrs["minima"]``
            lists the distinct minima with the number of starts that led to each.

        Raises:
            Exception: what a mass matrix raises, if no start leads anywhere because of it.
        """
        return self.complete_fit(self.dimless_fit(points, **options))

    def dimless_fit(self, points: int, **options: Any) -> Any:
        """The same on dimensionless observables alone: a frame with chisq and parameters."""
        return fit_frame(self.objective(), self._posed(), self.parameterspace, points, FitOptions(**options))

    def complete_fit(self, df: Any) -> Any:
        """Add observables and ``chisq`` to a frame of points, in one batched call; ascending.

        Old columns of observables are dropped, an old ``chisq`` becomes ``chisq_dimless``.

        Args:
            df: a frame with a column per parameter.

        Raises:
            UnknownName: if a parameter has no column.
        """
        posed = self._posed()
        check_data(posed, self.experimental_data, self._fitted)
        return complete(posed, self.experimental_data, self._fitted, df, self._scale(posed))

    def mcmc_fit(
        self,
        df_start: Any,
        params_not_varied: Sequence[str] | None = None,
        mcmc_steps: int = 1000,
        burn: int = 300,
        thin: int = 10,
        nwalkers: int = 40,
        nan_policy: str = "omit",
        progress: bool = True,
        print_error: bool = False,
        seed: int | None = None,
        **emcee_options: Any,
    ) -> Any:
        """Sample around each row of a frame with an ensemble of walkers (stretch move).

        Args:
            df_start: points to start from, a column per parameter.
            params_not_varied: further parameters that stay.
            mcmc_steps: steps of every walker, the burn-in included.
            burn: steps thrown away.
            thin: only every so many steps are kept.
            nwalkers: number of walkers, at least two more than twice the free parameters.
            nan_policy: "raise" refuses points without chi-square; otherwise they count as impossible.
            progress: show how far each chain is, on standard error.
            print_error: say which rows could not be sampled.
            seed: equal seeds give equal draws; without one, numpy's global generator rules.
            emcee_options: accepted for old scripts, without effect.

        Returns:
            A frame of all parameters, step by step and walker by walker. ``attrs`` hold acceptance, tau, rhat, ess,
            converged and verdict, one entry per row of ``df_start``.

        Raises:
            InvalidOption: for settings that make no sense, with the number needed.
        """
        check_emcee_options(emcee_options)
        settings = ChainSettings(mcmc_steps, burn, thin, nwalkers, nan_policy)
        held = tuple(params_not_varied or ())
        objective, posed = self.objective(), self._posed()
        return chain_frame(objective, posed, df_start, held, settings, seed, shown=progress, complain=print_error)

    def objective(self) -> Objective:
        """The compiled chi-square of the dimensionless observables that fits and chains run on."""
        posed, names = self._posed(), self.fitted_observables_dimless
        check_data(posed, self.experimental_data, names)
        return objective_of(posed, self.experimental_data, check_dimensionless(posed, names))

    @property
    def _fitted(self) -> list[str]:
        return fitted_list(self.fitted_observables, self.sector, self.ckm_parameterization)

    @property
    def _has_leptons(self) -> bool:
        return "lepton" in self.sector

    def _check_words(self) -> None:
        check_option("ordering", self.ordering, _ORDERINGS)
        check_option("ckm_parameterization", self.ckm_parameterization, OPTIONS["ckm"])
        check_option("convention", self.convention, OPTIONS["convention"])
        check_option("scale", self.scale, _SCALES)

    def _posed(self) -> PosedModel:
        """The model as it is now."""
        self._check_words()
        kinds = {k: getattr(self, f"mass_matrix_{k}") for k in ("e", "n", "u", "d")}
        return PosedModel(
            matrices=tuple((kind, function) for kind, function in kinds.items() if function is not unit_matrix),
            dimensions=self.parameterspace.dimensions(),
            ordering=self.ordering,
            sector=self.sector,
            ckm=self.ckm_parameterization,
            convention=self.convention,
            scale=self.scale,
            targets=self.experimental_data.splitting_targets(self.ordering),
            own_scale=self._own_scale,
        )

    def _scale(self, posed: PosedModel) -> Any:
        return native_scale(posed, self.experimental_data)

    def _observables(self, posed: PosedModel, params: Point) -> dict[str, float]:
        return observables_at(posed, numbers_of(params, posed.dimensions), self._scale(posed))

    def _shares(self, params: Point) -> tuple[dict[str, float], Float[np.ndarray, " observables"]]:
        posed = self._posed()
        check_data(posed, self.experimental_data, self._fitted)
        observables = self._observables(posed, params)
        return observables, self.experimental_data.get_chisq_list(observables, self._fitted)


def _sector(given: Sequence[MassMatrix | None]) -> str:
    leptons, quarks = (any(function is not None for function in pair) for pair in (given[:2], given[2:]))
    if quarks:
        return "quark and lepton" if leptons else "quark"
    return "lepton"


def _with_scale(space: ParameterSpace | None, sector: str) -> ParameterSpace:
    """A copy of the user's space; for leptons with ``n_scale``, which no fit of dimensionless observables varies."""
    own = ParameterSpace() if space is None else space.copy()
    if "lepton" in sector:
        if SCALE in own:
            own[SCALE].vary = False
        else:
            own.add_dim(SCALE, sample_fct=one, vary=False)
    return own
