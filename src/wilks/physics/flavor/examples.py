"""Worked models of the literature, ready to be fitted: modular A4, the Weinberg operator under S4', and quarks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from wilks._base.typing import Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .model import FlavorModel
from .modular import modular_form, modular_forms

MassMatrix = Inexact[Array, "3 3"]

OSCILLATIONS = ("s12^2", "s13^2", "s23^2", "m21^2", "m3l^2")
"""What modular model fits judge: both splittings and the mixing angles, without the unmeasured phase."""


@dataclass(frozen=True, eq=False)
class WorkedModel:
    """A model with what belongs to its fit.

    Args:
        title: one line.
        model: the mass matrices with their parameters.
        fitted: observables that the fit judges.
        citation: where the model comes from.
        published: best point of the publication, empty if there is none.
    """

    title: str
    model: FlavorModel
    fitted: tuple[str, ...]
    citation: str
    published: Mapping[str, float] = field(default_factory=dict)


def modular_a4(ordering: str = "IO") -> WorkedModel:
    """Model 1 of arXiv:1706.08749: charged leptons diagonal, neutrinos from the weight-2 triplet of A4 alone.

    Two free parameters, tau; with the third mixing angle of today's data it is excluded.

    Args:
        ordering: IO as in the publication, or NO.
    """
    model = FlavorModel(
        ParameterSpace(_tau(0.1, 1.1, 4.0)), mass_matrix_e=a4_charged, mass_matrix_n=a4_neutrinos, ordering=ordering
    )
    return WorkedModel(f"modular A4, {ordering}", model, OSCILLATIONS, "F. Feruglio, arXiv:1706.08749, model 1")


def modular_s4(ordering: str = "NO") -> WorkedModel:
    """The Weinberg-operator model of arXiv:2006.03058, section 6.1: finite modular group S4', six real parameters.

    Args:
        ordering: NO or IO, each with the best point of the publication as start.
    """
    start = _S4_POINTS[ordering] if ordering in _S4_POINTS else _S4_POINTS["NO"]
    couplings = tuple(Parameter(name, start[name], lower=-10.0, upper=10.0) for name in ("a2t", "a3t", "g2t", "g3t"))
    model = FlavorModel(
        ParameterSpace((*_tau(start["Retau"], start["Imtau"], 3.5), *couplings)),
        mass_matrix_e=s4_charged,
        mass_matrix_n=s4_neutrinos,
        ordering=ordering,
    )
    fitted = ("me/mu", "mu/mt", *OSCILLATIONS)
    citation = "P. P. Novichkov, J. T. Penedo, S. T. Petcov, arXiv:2006.03058, section 6.1"
    return WorkedModel(f"modular S4', {ordering}", model, fitted, citation, start)


def leptons_and_quarks(ckm: str = "standard", ordering: str = "IO") -> WorkedModel:
    """The leptons of `modular_a4` with up and down quarks: an example of the notation, no model of nature.

    Args:
        ckm: parametrisation of the quark mixing, standard or wolfenstein.
        ordering: ordering of neutrino masses.
    """
    model = FlavorModel(
        ParameterSpace(_tau(0.1, 1.1, 4.0)),
        mass_matrix_e=a4_charged,
        mass_matrix_n=a4_neutrinos,
        mass_matrix_u=quarks_up,
        mass_matrix_d=quarks_down,
        ordering=ordering,
        ckm=ckm,
    )
    mixing = ("t12", "t13", "t23", "dq") if ckm == "standard" else ("lambda", "A", "rhobar", "etabar")
    fitted = (*OSCILLATIONS, "mu/mc", "mc/mt", "md/ms", "ms/mb", *mixing)
    return WorkedModel("leptons and quarks", model, fitted, "arXiv:1706.08749 for the leptons")


def a4_charged(params: Values) -> MassMatrix:
    """Charged leptons of `modular_a4`: diag(alpha, beta, gamma), fixed by the mass ratios."""
    return jnp.diag(jnp.array([0.0048 * 0.0565, 0.0565, 1.0]))


def a4_neutrinos(params: Values) -> MassMatrix:
    """Neutrinos of `modular_a4`: the triplet contracted with the symmetric triplet of two lepton doublets."""
    y1, y2, y3 = modular_form(tau_of(params), level=3, weight=2, irrep="3")
    return params["n_scale"] * jnp.array([[2 * y1, -y3, -y2], [-y3, 2 * y2, -y1], [-y2, -y1, 2 * y3]])


def s4_charged(params: Values) -> MassMatrix:
    """Charged leptons of `modular_s4`; the publication writes the transpose."""
    y, a, b = modular_forms(tau_of(params), 4, (3, "1hatp"), (3, "3hat"), (3, "3hatp"))
    transposed = (
        y[0] / jnp.sqrt(3.0) * _EXCHANGE
        + params["a2t"] / jnp.sqrt(6.0) * jnp.array([[0, -b[1], b[2]], [-b[1], -b[0], 0], [b[2], 0, b[0]]])
        + params["a3t"] / jnp.sqrt(6.0) * jnp.array([[0, a[2], -a[1]], [-a[2], 0, a[0]], [a[1], -a[0], 0]])
    )
    return transposed.T


def s4_neutrinos(params: Values) -> MassMatrix:
    """Neutrinos of `modular_s4`: singlet, doublet and triplet of weight 4."""
    w, c, d = modular_forms(tau_of(params), 4, (4, "1"), (4, "2"), (4, "3"))
    off = jnp.sqrt(3.0) * c[1]
    return params["n_scale"] * (
        w[0] / jnp.sqrt(3.0) * _EXCHANGE
        - params["g2t"] / (2.0 * jnp.sqrt(3.0)) * jnp.array([[2 * c[0], 0, 0], [0, off, -c[0]], [0, -c[0], off]])
        + params["g3t"] / jnp.sqrt(6.0) * jnp.array([[0, -d[1], d[2]], [-d[1], -d[0], 0], [d[2], 0, d[0]]])
    )


def quarks_up(params: Values) -> MassMatrix:
    """Up quarks of `leptons_and_quarks`."""
    return jnp.array([[params["Retau"], 0.1, 0.0], [0.0, 0.0, params["Imtau"]], [0.0, 1.0, 0.2]])


def quarks_down(params: Values) -> MassMatrix:
    """Down quarks of `leptons_and_quarks`: the weight-2 triplet on the diagonal."""
    return jnp.diag(modular_form(tau_of(params), level=3, weight=2, irrep="3"))


def tau_of(params: Values) -> Any:
    """tau = Retau + i Imtau."""
    return params["Retau"] + 1j * params["Imtau"]


def _tau(real: float, imaginary: float, highest: float) -> tuple[Parameter, Parameter]:
    """Parameters of tau over the fundamental domain; below it every model repeats itself."""
    return (
        Parameter("Retau", real, lower=-0.5, upper=0.5, latex=r"$\mathrm{Re}\,\tau$"),
        Parameter("Imtau", imaginary, lower=0.866, upper=highest, latex=r"$\mathrm{Im}\,\tau$"),
    )


_EXCHANGE = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
_S4_NAMES: tuple[str, ...] = ("Retau", "Imtau", "a2t", "a3t", "g2t", "g3t")
_S4_POINTS: dict[str, dict[str, float]] = {
    "NO": dict(zip(_S4_NAMES, (0.029725, 1.1181, 1.7303, -2.7706, 2.716, -0.35786), strict=True)),
    "IO": dict(zip(_S4_NAMES, (0.027941, 1.5921, 1.7266, -2.17, 0.4705, -1.2442), strict=True)),
}
