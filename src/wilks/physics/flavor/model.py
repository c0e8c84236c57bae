"""The flavour model: mass matrices as functions of parameters, and the observables that follow from them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Inexact, Int

from wilks._base.errors import InvalidModel
from wilks._base.typing import Scalar, Values
from wilks.model.predictor import AbstractPredictor
from wilks.model.user_functions.function import UserFunction, user_function
from wilks.parameters.space import ParameterSpace
from wilks.physics.mixing import OscillationParameters

from .diagonalisation import Diagonal, diagonalise
from .flavorpy_convention import flags_of, mixing
from .flavorpy_convention import scaled_observables as flavorpy_scaled
from .flavorpy_convention import unscaled_observables as flavorpy_unscaled
from .leptons import looks_inverted, scaled_observables, unscaled_observables
from .neutrino_scale import Splittings, average_scale_squared, gaussian_scale_squared
from .observables import QUARK_OBSERVABLES, Observables, observables_of
from .quarks import unscaled_quark_observables
from .settings import OPTIONS, SCALE_PARAMETER, announce_idle, check_words, resolved_nature, splittings_table
from .stacks import alone, in_chunks, rows_of

MassMatrix: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""A user's function: a 3x3 matrix at named values, in plain numpy or ``jax.numpy``, for one point."""

Scales: TypeAlias = Float[np.ndarray, " points"]
Rows: TypeAlias = Float[np.ndarray, "points parameters"]

_NAMES = {"e": "mass_matrix_e", "n": "mass_matrix_n", "u": "mass_matrix_u", "d": "mass_matrix_d"}
_SECTORS = {"lepton": "en", "quark": "ud"}
_SCALES = {"average": average_scale_squared, "profile": gaussian_scale_squared}


class FlavorModel(AbstractPredictor[Observables]):
    """Masses and mixing of leptons, quarks or both, from mass matrices that are functions of parameters.

    Called with named values it gives the :class:`Observables` of ONE point; :func:`evaluate` does lists of points.
    Mass terms are L_i M_ij e^c_j, L_i M_ij L_j/2 and Qbar_i M_ij u_j: the left-handed field is on the left index. A
    matrix that is not given in a sector that is used is the identity.

    Args:
        space: the parameters. A matrix may also read ``n_scale``, which is 1 unless it is a parameter.
        mass_matrix_e: charged leptons.
        mass_matrix_n: neutrinos, known up to a factor unless ``scale="free"``.
        mass_matrix_u: up-type quarks.
        mass_matrix_d: down-type quarks.
        ordering: of the neutrino masses: "NO", "IO", or "auto" for that which the spectrum looks like.
        nature: of the neutrinos: "majorana", "dirac", or "auto": Majorana if M_n is symmetric at three probe points.
        scale: how eV are found: "profile" (best for both mass splittings), "average" (mean of the two scales that fit
            one splitting each, as FlavorPy), "free" (the parameter ``n_scale``, in eV).
        ckm: "standard" (angles and phase in degrees) or "wolfenstein".
        quark_fields: "dirac" (mass term Qbar_L M u_R) or "weyl" (Q M u^c, whose CKM matrix is the conjugate).
        convention: "physical", or "flavorpy" for the numbers that FlavorPy prints.
        splittings: best values and 1 sigma (m21, sigma21, m3l, sigma3l) in eV^2 for the scale, for both orderings by
            name; default NuFIT 5.3, and FlavorPy's values for ``scale="average"``.

    Raises:
        InvalidOption: for an unknown word.
        InvalidModel: if no matrix is given, a function returns no 3x3 matrix of finite numbers, ``n_scale`` is missing
            or M_n is not symmetric though "majorana" was said.
        UnknownName: if a matrix reads a parameter that does not exist.

    >>> from wilks.parameters.parameter import Parameter
    >>> space = ParameterSpace((Parameter("x", 0.2),))
    >>> model = FlavorModel(space, mass_matrix_d=lambda p: np.array([[0.01, 0, p["x"]], [0, 0.1, 0], [0, 0, 1.0]]))
    >>> round(model({"x": 0.2})["t13"], 3)
    11.311
    """

    space: ParameterSpace
    matrices: dict[str, UserFunction]
    assignment: Int[Array | np.ndarray, ""]
    splittings: Float[Array | np.ndarray, "orderings 4"]
    nature: str = eqx.field(static=True)
    scale: str = eqx.field(static=True)
    ckm: str = eqx.field(static=True)
    quark_fields: str = eqx.field(static=True)
    convention: str = eqx.field(static=True)

    def __init__(
        self,
        space: ParameterSpace,
        *,
        mass_matrix_e: MassMatrix | None = None,
        mass_matrix_n: MassMatrix | None = None,
        mass_matrix_u: MassMatrix | None = None,
        mass_matrix_d: MassMatrix | None = None,
        ordering: str = "NO",
        nature: str = "auto",
        scale: str = "profile",
        ckm: str = "standard",
        quark_fields: str = "dirac",
        convention: str = "physical",
        splittings: Mapping[str, tuple[float, float, float, float]] | None = None,
    ) -> None:
        words = {"ordering": ordering, "nature": nature, "scale": scale, "ckm": ckm, "quark_fields": quark_fields}
        check_words(**words, convention=convention)
        given = {"e": mass_matrix_e, "n": mass_matrix_n, "u": mass_matrix_u, "d": mass_matrix_d}
        functions = {kind: function for kind, function in given.items() if function is not None}
        if not functions:
            raise InvalidModel(f"no mass matrix is given; give at least one of {', '.join(_NAMES.values())}")
        if scale == "free" and SCALE_PARAMETER not in space:
            raise InvalidModel(f"scale='free' needs a parameter {SCALE_PARAMETER!r} (in eV) in the space; add it")
        self.space = space
        self.matrices = {
            kind: user_function(f, space, shape=(3, 3), name=_NAMES[kind], extras={SCALE_PARAMETER: 1.0})
            for kind, f in functions.items()
        }
        self.assignment = np.array(OPTIONS["ordering"].index(ordering))
        self.splittings = splittings_table(splittings, scale)
        has_leptons, physical = "lepton" in self.sectors, convention == "physical"
        self.nature = resolved_nature(nature, self.matrices.get("n"), space, said=has_leptons and physical)
        self.scale, self.ckm, self.quark_fields, self.convention = scale, ckm, quark_fields, convention
        announce_idle(self.matrices, space, scale)

    @property
    def ordering(self) -> str:
        """Of the neutrino masses: "NO", "IO" or "auto"."""
        return OPTIONS["ordering"][int(self.assignment)]

    @property
    def sectors(self) -> tuple[str, ...]:
        """Which of "lepton" and "quark" have a mass matrix."""
        return tuple(sector for sector, kinds in _SECTORS.items() if set(kinds) & set(self.matrices))

    def __call__(self, values: Values) -> Observables:
        """All observables at one point; floats when the values are numbers.

        Raises:
            InvalidModel: outside compiled code, if a matrix holds nan or inf, naming function, entry and point.
        """
        theta = self.space.pack(values)
        if isinstance(theta, Tracer):
            return self.observables(values)
        found = jax.tree.map(lambda x: x[0], _evaluated(self, np.asarray(theta)[None], None, alone))
        if found.flags["not_finite"]:
            for function in self.matrices.values():  # the plain calls say what is wrong, and where
                function.numbers(np.asarray(theta))
        return found

    def dimensionless(self, values: Values, ordering: str | None = None) -> Observables:
        """What does not depend on the scale of neutrino masses, and unscaled masses and splittings.

        This is what a likelihood differentiates: what is undefined is nan, but with slope 0, and flagged.

        Args:
            values: one point.
            ordering: another one than the model's own.
        """
        matrices = self.mass_matrices(values)
        finite = [jnp.all(jnp.isfinite(m)) for m in matrices.values()]
        diagonals = _diagonalised(matrices)
        numbers, flags = {}, {}
        if "lepton" in self.sectors:
            inverted = self._inverted(diagonals["n"], ordering)
            numbers, flags = unscaled_observables(
                diagonals["e"], diagonals["n"], jnp.asarray(matrices["n"]), inverted, self.nature == "majorana"
            )
        if "quark" in self.sectors:
            more = unscaled_quark_observables(diagonals["u"], diagonals["d"], self.ckm, self.quark_fields)
            numbers, flags = numbers | more[0], flags | more[1]
        flags["not_converged"] = ~jnp.all(jnp.stack([d.converged for d in diagonals.values()]))
        flags["not_finite"] = ~jnp.all(jnp.stack(finite))
        return observables_of(numbers, flags)

    def default_scale(self, dimensionless: Observables, values: Values) -> Scalar:
        """Lambda in eV: by the model's own splittings, or the parameter ``n_scale``; 0 where it is undefined.

        Args:
            dimensionless: of the same point.
            values: the point.
        """
        if self.scale == "free":
            return jnp.asarray(values[SCALE_PARAMETER], dtype=float)
        a, b = dimensionless["m21^2_wrong_scaled"], dimensionless["m3l^2_wrong_scaled"]
        splittings = self._data(jnp.asarray(b) < 0)
        squared = jnp.asarray(_SCALES[self.scale](jnp.asarray(a), jnp.asarray(b), splittings))
        positive = squared > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)

    def complete(self, dimensionless: Observables, scale: Scalar | float | None) -> Observables:
        """All observables in their final order, with nan where a number is undefined.

        Args:
            dimensionless: what :meth:`dimensionless` gives.
            scale: Lambda in eV; not used for quarks.
        """
        unscaled, flags = dict(dimensionless), dict(dimensionless.flags)
        numbers: dict[str, Any] = {}
        if "lepton" in self.sectors:
            numbers |= scaled_observables(unscaled, flags, scale)
        if "quark" in self.sectors:
            numbers |= {name: unscaled[name] for name in QUARK_OBSERVABLES if name in unscaled}
        bad = flags["not_finite"]
        return observables_of({n: jnp.where(bad, jnp.nan, x) for n, x in numbers.items()}, flags)

    def observables(self, values: Values, scale: Scalar | float | None = None) -> Observables:
        """All observables at one point inside compiled code, in the physical convention.

        Args:
            values: one point.
            scale: Lambda in eV, if not the model's own.
        """
        found = self.dimensionless(values)
        if scale is None and "lepton" in self.sectors:
            scale = self.default_scale(found, values)
        return self.complete(found, scale)

    def oscillation_parameters(self, values: Values) -> OscillationParameters:
        """What a neutrino oscillation experiment needs, so that mass matrices can drive its likelihood.

        Raises:
            InvalidModel: if the model has no leptons.
        """
        if "lepton" not in self.sectors:
            raise InvalidModel("a model of quarks alone has no oscillation parameters; give mass_matrix_e or _n")
        found = self.dimensionless(values)
        squared = self.default_scale(found, values) ** 2
        m21, m3l = (squared * found[f"{name}_wrong_scaled"] for name in ("m21^2", "m3l^2"))
        delta = jnp.where(found.flags["delta_undefined"], 0.0, jnp.pi * found["d/pi"])
        angles = (found["s12^2"], found["s13^2"], found["s23^2"], delta)
        return OscillationParameters(*angles, m21, m3l + jnp.where(m3l < 0, m21, 0.0))

    def mass_matrices(self, values: Values) -> dict[str, Inexact[Array | np.ndarray, "3 3"]]:
        """Matrices of the sectors in use by kind (e, n, u, d), identities included; M_n without the free scale.

        Those that depend on no parameter are arrays of numpy.
        """
        if self.scale == "free":  # the masses are n_scale times the singular values, so it must not enter twice
            values = self.space.unpack(self.space.pack(values).at[self.space.index(SCALE_PARAMETER)].set(1.0))
        kinds = "".join(_SECTORS[sector] for sector in self.sectors)
        return {kind: self._mass_matrix(kind, values) for kind in kinds}

    def _mass_matrix(self, kind: str, values: Values) -> Inexact[Array | np.ndarray, "3 3"]:
        if kind not in self.matrices:
            return np.eye(3)
        constant = self.matrices[kind].constant
        return self.matrices[kind](values) if constant is None else constant

    def _inverted(self, neutral: Diagonal, ordering: str | None) -> Array:
        assignment = jnp.asarray(self.assignment if ordering is None else OPTIONS["ordering"].index(ordering))
        return jnp.where(assignment == 2, looks_inverted(neutral.squares), assignment == 1)

    def _data(self, inverted: Array) -> Splittings:
        table = jnp.asarray(self.splittings)
        return Splittings(*jnp.where(inverted, table[1], table[0]))


def evaluate(
    model: FlavorModel,
    points: Mapping[str, Float[np.ndarray, " points"]] | Float[np.ndarray, "points parameters"],
    *,
    scale: Scales | None = None,
) -> Observables:
    """Observables of a list of points, as numpy arrays; the numbers do not depend on how the list is cut.

    Args:
        model: the model.
        points: arrays by name (parameters that are absent keep their start), or one row per point in the order of the
            model's space.
        scale: Lambda in eV of each point, such as that which a likelihood found; default the model's own.

    Raises:
        UnknownName: for a name that is no parameter.
        InvalidModel: for arrays of different lengths.
    """
    return _evaluated(model, rows_of(model.space, points), scale, in_chunks)


def _evaluated(model: FlavorModel, theta: Rows, scale: Scales | None, run: Callable[..., Any]) -> Observables:
    """Observables at some points; ``run`` calls compiled programs."""
    if model.convention == "flavorpy" and "lepton" in model.sectors:
        return _in_flavorpy_convention(model, theta, scale, run)
    _refuse_changes(model)
    return run(lambda batch: _compiled(model, *batch), (theta, scale), len(theta))


def _refuse_changes(model: FlavorModel) -> None:
    """Make sure that compiled programs still do what the user's functions do."""
    for function in model.matrices.values():
        function.refuse_changes()


@eqx.filter_jit
def _compiled(
    model: FlavorModel, theta: Float[Array, "points parameters"], scale: Float[Array, " points"] | None
) -> Observables:
    if scale is None:
        return jax.vmap(lambda point: model.observables(model.space.unpack(point)))(theta)
    return jax.vmap(lambda point, factor: model.observables(model.space.unpack(point), factor))(theta, scale)


def _in_flavorpy_convention(
    model: FlavorModel, theta: Rows, scale: Scales | None, run: Callable[..., Any]
) -> Observables:
    """Leptons by plain numpy; quarks, which have one convention only, as always."""
    if run is alone and "quark" not in model.sectors:  # quicker than any program
        charged, neutral = (_plain_matrix(model, kind, theta[0])[None] for kind in "en")
        quarks = observables_of({}, {"not_finite": np.zeros(1, dtype=bool)})
    else:
        _refuse_changes(model)
        charged, neutral, quarks = run(lambda batch: _matrices_and_quarks(model, batch), theta, len(theta))
    mixed = mixing(charged, neutral, model.ordering)
    numbers = flavorpy_unscaled(mixed, model.ordering)
    flags = flags_of(mixed, numbers, model.ordering)
    if scale is None:
        a, b = numbers["m21^2_wrong_scaled"], numbers["m3l^2_wrong_scaled"]
        data = Splittings(*np.asarray(model.splittings)[int(model.assignment)].tolist())
        free = model.scale == "free"
        scale = theta[:, model.space.index(SCALE_PARAMETER)] if free else np.sqrt(_SCALES[model.scale](a, b, data))
    numbers = flavorpy_scaled(numbers, model.ordering, np.asarray(scale))
    bad = np.asarray(quarks.flags["not_finite"])
    found = {name: np.where(bad, np.nan, number) for name, number in {**numbers, **quarks}.items()}
    return observables_of(found, {**flags, **dict(zip(quarks.flags.names, quarks.flags.entries, strict=True))})


def _plain_matrix(model: FlavorModel, kind: str, theta: Float[np.ndarray, " parameters"]) -> np.ndarray:
    """A matrix at one point by the user's function itself."""
    if kind not in model.matrices:
        return np.eye(3)
    if model.scale == "free":
        theta = theta.copy()
        theta[model.space.index(SCALE_PARAMETER)] = 1.0
    return model.matrices[kind].numbers(theta)


@eqx.filter_jit
def _matrices_and_quarks(
    model: FlavorModel, theta: Float[Array, "points parameters"]
) -> tuple[Inexact[Array, "points 3 3"], Inexact[Array, "points 3 3"], Observables]:
    def at(point: Array) -> tuple[Array, Array, Observables]:
        matrices = model.mass_matrices(model.space.unpack(point))
        finite = jnp.stack([jnp.all(jnp.isfinite(m)) for m in matrices.values()])
        numbers, flags = {}, {}
        if "quark" in model.sectors:
            diagonals = _diagonalised({kind: matrices[kind] for kind in _SECTORS["quark"]})
            numbers, flags = unscaled_quark_observables(diagonals["u"], diagonals["d"], model.ckm, model.quark_fields)
        charged, neutral = (jnp.where(jnp.isfinite(matrices[k]), matrices[k], 0.0) for k in "en")  # svd refuses nan
        return charged, neutral, observables_of(numbers, {**flags, "not_finite": ~jnp.all(finite)})

    return jax.vmap(at)(theta)


def _diagonalised(matrices: dict[str, Inexact[Array | np.ndarray, "3 3"]]) -> dict[str, Diagonal]:
    """All matrices that depend on parameters in one call, which halves the time to compile; others beforehand."""
    found = {name: diagonalise(matrix) for name, matrix in matrices.items() if isinstance(matrix, np.ndarray)}
    varying = {name: matrix for name, matrix in matrices.items() if name not in found}
    if not varying:
        return found
    kind = jnp.result_type(*varying.values())
    stack = diagonalise(jnp.stack([jnp.asarray(matrix, dtype=kind) for matrix in varying.values()]))
    return found | {name: Diagonal(*(part[i] for part in stack)) for i, name in enumerate(varying)}
