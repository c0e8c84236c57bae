"""Parameters that experiments share: the sterile plane, and the mixing of three neutrinos."""

from collections.abc import Mapping
from typing import NamedTuple

from wilks._base.errors import InvalidModel, UnknownName, near_names
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform
from wilks.parameters.space import ParameterSpace

SINE = "sin2_2theta_ee"
"""4 |U_e4|^2 (1 - |U_e4|^2), the amplitude of nu_e disappearance at short baselines."""

SPLITTING = "dm2_41_eV2"
"""m_4^2 - m_1^2 in eV^2."""

PLANE = (SINE, SPLITTING)
"""The sterile plane."""

STERILE = (
    Parameter(SINE, 0.1, lower=0.0, upper=1.0, prior=LogUniform(1e-3, 1.0), latex=r"$\sin^2 2\theta_{ee}$"),
    Parameter(
        SPLITTING, 1.3, lower=0.1, upper=100.0, prior=LogUniform(0.1, 100.0), unit="eV^2", latex=r"$\Delta m^2_{41}$"
    ),
)
"""Parameters of the sterile plane with their default priors, log-uniform in [1e-3, 1] and [0.1, 100] eV^2.

They start near the minima of DANSS (1.3 eV^2, arXiv:2005.01756) and of gallium (1.25 eV^2, arXiv:2109.11482);
`.starts.best_start` finds those of a study.
"""

MIXING = (
    Parameter("sin2_2theta13", 0.0856, lower=0.0, upper=1.0, latex=r"$\sin^2 2\theta_{13}$"),
    Parameter("dm2_32_eV2", 2.453e-3, lower=1e-4, upper=1e-2, unit="eV^2", latex=r"$|\Delta m^2_{32}|$"),
    Parameter("sin2_2theta12", 0.851, lower=0.0, upper=1.0, latex=r"$\sin^2 2\theta_{12}$"),
    Parameter("dm2_21_eV2", 7.53e-5, lower=1e-6, upper=1e-3, unit="eV^2", latex=r"$\Delta m^2_{21}$"),
)
"""Parameters of three neutrinos where they are free; starts are those of the Daya Bay release."""

MIXING_ERRORS = {
    "sin2_2theta13": (0.0851, 0.0024),  # Daya Bay, Phys. Rev. Lett. 130 (2023) 161802
    "dm2_32_eV2": (2.466e-3, 0.060e-3),  # the same, normal ordering
    "sin2_2theta12": (0.851, 0.020),  # Daya Bay release, doi 10.5281/zenodo.17587229
    "dm2_21_eV2": (7.53e-5, 0.18e-5),  # the same
}
"""Measured values and errors, by which free parameters of three neutrinos may be constrained."""


class StandardMixing(NamedTuple):
    """Mixing of three neutrinos where it is held fixed.

    Args:
        sin2_2theta13: sin^2 2theta_13.
        dm2_32_eV2: size of Dm2_32.
        sin2_2theta12: sin^2 2theta_12.
        dm2_21_eV2: Dm2_21.
    """

    sin2_2theta13: float = 0.084
    dm2_32_eV2: float = 2.4511e-3
    sin2_2theta12: float = 0.854901
    dm2_21_eV2: float = 7.39e-5


GLOBESFIT_MIXING = StandardMixing()
"""Constants of arXiv:2005.01756: sin^2 2theta_13 = 0.084, Dm2_31 = 2.525e-3, theta_12 = 0.590, Dm2_21 = 7.39e-5."""


def mixing_parameters(names: tuple[str, ...]) -> tuple[Parameter, ...]:
    """The shared parameters of the given names.

    Raises:
        UnknownName: for a name that is no mixing parameter.
    """
    known = {p.name: p for p in MIXING}
    for name in names:
        if name not in known:
            raise UnknownName(f"no mixing parameter {name!r}; {near_names(name, known)}")
    return tuple(known[name] for name in names)


def mixing_constraints(
    space: ParameterSpace, given: Mapping[str, tuple[float, float]] | None
) -> dict[str, tuple[float, float]]:
    """Auxiliary measurements of a space's free mixing parameters, value and error by name.

    Args:
        space: of a model of survival.
        given: measurements to take instead of `MIXING_ERRORS`.

    Raises:
        InvalidModel: for a name that the space does not have, or an error that is not positive.
    """
    if given is None:
        return {name: MIXING_ERRORS[name] for name in space.free if name in MIXING_ERRORS}
    for name, (_, error) in given.items():
        if name not in space or not error > 0:
            raise InvalidModel(
                f"constraint of {name!r} with error {error}: expected a positive error and a parameter of the model of "
                f"survival, which has {', '.join(space.names)}"
            )
    return {name: (float(value), float(error)) for name, (value, error) in given.items()}
