"""A model at one moment: frozen, so that the compiled models behind it are found again until a setting changes."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.flavor.building import FlavorLikelihood
from wilks.physics.flavor.chi2_terms import ChiSquareTerms, Term
from wilks.physics.flavor.model import FlavorModel
from wilks.physics.flavor.stacks import in_chunks

from .dimensions import Dimension
from .objective import Objective
from .points import SCALE
from .sets import Chi2Function, ExperimentalData, GaussianChi2, ProfileChi2
from .terms import smooth_curve, terms_of

MassMatrix = Callable[[Any], Any]

ScaleFinder = Callable[[Float[np.ndarray, "points parameters"]], Float[np.ndarray, " points"]]
"""From points to their neutrino scales in eV."""


def unit_matrix(params: Any) -> Float[np.ndarray, "3 3"]:
    """The identity, which stands for a mass matrix that was not given."""
    return np.identity(3)


@dataclass(frozen=True)
class PosedModel:
    """What the observables of a model depend on.

    Args:
        matrices: kind (e, n, u, d) and function of every mass matrix that was given.
        dimensions: of its space, ``n_scale`` included.
        ordering: of neutrino masses.
        sector: lepton, quark, or quark and lepton.
        ckm: parametrisation of the quark mixing matrix.
        convention: "flavorpy" or "physical".
        scale: "average" or "profile".
        targets: best m21^2 and m3l^2 for the average scale.
        own_scale: whether ``n_scale`` is the user's parameter, which the matrix reads itself.
    """

    matrices: tuple[tuple[str, MassMatrix], ...]
    dimensions: tuple[Dimension, ...]
    ordering: str
    sector: str
    ckm: str
    convention: str
    scale: str
    targets: tuple[float, float]
    own_scale: bool

    @property
    def has_leptons(self) -> bool:
        """Whether there are leptons."""
        return "lepton" in self.sector

    @property
    def independent(self) -> tuple[Dimension, ...]:
        """Dimensions whose values are not computed from others."""
        return tuple(d for d in self.dimensions if d.expression is None)


def native_model(posed: PosedModel) -> FlavorModel:
    """The model on which everything in batches runs; built again if what the mass matrices read has changed."""
    model = _built(posed)
    try:
        for function in model.matrices.values():
            function.refuse_changes()
    except InvalidModel:
        _built.cache_clear()
        model = _built(posed)
    return model


def objective_of(posed: PosedModel, data: ExperimentalData, names: tuple[str, ...]) -> Objective:
    """The compiled chi-square of dimensionless observables."""
    return Objective(
        space=free_space(posed),
        model=native_model(posed),
        terms=terms_of(names, tuple(data.function(name) for name in names)),
        names=names,
        dimensions=posed.dimensions,
    )


def free_space(posed: PosedModel, held: tuple[str, ...] = ()) -> ParameterSpace:
    """Parameters that are not computed from others, with bounds; those that do not vary are fixed.

    Args:
        posed: the model.
        held: further names that do not vary.
    """
    return ParameterSpace(
        tuple(
            Parameter(d.name, lower=d.lower, upper=d.upper, fixed=not d.is_free or d.name in held)
            for d in posed.independent
        )
    )


def native_scale(posed: PosedModel, data: ExperimentalData) -> ScaleFinder | None:
    """Finds the neutrino scale of points that is best for both splittings; None for the average scale."""
    if posed.scale == "average" or not posed.has_leptons:
        return None
    likelihood = _profiled(posed, tuple(data.function(name) for name in ("m21^2", "m3l^2")))
    best = jnp.asarray(likelihood.best)
    return lambda theta: in_chunks(lambda batch: _best_scales(likelihood, best, batch), theta, len(theta))


@eqx.filter_jit
def _best_scales(
    likelihood: FlavorLikelihood, best: Array, theta: Float[Array, "points parameters"]
) -> Float[Array, " points"]:
    return jax.vmap(lambda at: likelihood.neutrino_scale(likelihood.space.unpack(at), best))(theta)


@functools.lru_cache(maxsize=32)
def _built(posed: PosedModel) -> FlavorModel:
    sides = {"NO": 1.0, "IO": -1.0}
    m21, m3l = posed.targets
    splittings = {posed.ordering: (m21, 1.0, sides[posed.ordering] * abs(m3l), 1.0)}  # the average needs no errors
    given: dict[str, Any] = {f"mass_matrix_{kind}": function for kind, function in posed.matrices}
    return FlavorModel(
        ParameterSpace(tuple(_parameters(posed))),
        **given or {"mass_matrix_n": unit_matrix},
        ordering=posed.ordering,
        nature="dirac" if posed.convention == "flavorpy" else "auto",
        scale=posed.scale,
        ckm=posed.ckm,
        convention=posed.convention,
        splittings=splittings if posed.scale == "average" else None,
    )


def _parameters(posed: PosedModel) -> list[Parameter]:
    state = np.random.get_state()  # noqa: NPY002  the samplers asked here must not change what a seeded script draws
    found = []
    for d in posed.dimensions:
        if d.name == SCALE and not posed.own_scale:
            continue  # a factor that is put in afterwards; a matrix that reads it gets 1
        if d.expression is not None:
            found.append(Parameter(d.name))
        elif d.is_free:
            found.append(Parameter(d.name, lower=d.lower, upper=d.upper))
        else:
            found.append(Parameter(d.name, float(d.sampler()), lower=d.lower, upper=d.upper, fixed=True))
    np.random.set_state(state)  # noqa: NPY002
    return found


@functools.lru_cache(maxsize=32)
def _profiled(posed: PosedModel, functions: tuple[Chi2Function, Chi2Function]) -> FlavorLikelihood:
    entries = {name: _term(name, f) for name, f in zip(("m21^2", "m3l^2"), functions, strict=True)}
    data = ChiSquareTerms(entries, "neutrino mass splittings", ordering=posed.ordering)
    return FlavorLikelihood(native_model(posed), data, fitted=tuple(entries))


def _term(name: str, function: Chi2Function) -> Term:
    if not isinstance(function, (GaussianChi2, ProfileChi2)):
        raise InvalidModel(
            f"scale='profile' needs tabulated data on m21^2 and m3l^2, but {name} has a function of your own; use "
            "scale='average'"
        )
    logarithmic = name == "m21^2" and isinstance(function, ProfileChi2)
    return Term(smooth_curve(function), "log10" if logarithmic else "linear")
