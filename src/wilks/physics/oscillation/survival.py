"""Models of survival for experiments: which parameters they have, and their terms at given values.

Every experiment takes one as ``survival=``:

====================  ==============================================================================================
`ShortBaseline`       3+1 below about 100 m (the default)
`ThreePlusOne`        3+1 with all phases
`ThreeNeutrinos`      no sterile neutrino
`TwoSterile`          3+2 at short baselines
`InvisibleDecay`      3+1 at short baselines with a decaying nu_4
`WavePackets`         any of them without decay, with decoherence by separation of wave packets
`Damped`              any of them without decay, with a general damping
`AveragedSterile`     any of them, with the phases of heavy neutrinos averaged to 1/2
====================  ==============================================================================================

To write one: hold the parameters in ``space`` and return `Terms`; values outside the physical range must give NaN.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.typing import Scalar, Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform
from wilks.parameters.space import ParameterSpace

from .ranges import nan_outside, positive
from .spaces import GLOBESFIT_MIXING, SINE, SPLITTING, STERILE, StandardMixing, mixing_parameters
from .terms import (
    Terms,
    averaged_phase,
    damped,
    decaying_sterile_terms,
    four_neutrino_terms,
    smaller_square,
    three_neutrino_terms,
    two_neutrino_terms,
    two_sterile_terms,
    wave_packet_damped,
)


class AbstractSurvival(eqx.Module):
    """A model of P(nu_e -> nu_e) in vacuum."""

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def terms(self, values: Values) -> Terms:
        """Terms of 1 - P at the named values; NaN outside the physical range."""


class ShortBaseline(AbstractSurvival):
    """P = 1 - sin^2 2theta_ee sin^2(kappa dm2_41 L/E): linear in its first parameter.

    Args:
        space: the two parameters, to change priors or bounds.
    """

    space: ParameterSpace = ParameterSpace(STERILE)

    def terms(self, values: Values) -> Terms:
        """One term."""
        return two_neutrino_terms(*_plane(values))


class ThreeNeutrinos(AbstractSurvival):
    """Three neutrinos.

    Args:
        free: names of mixing parameters that are free.
        mixing: values of those that are not.
        ordering: +1 for normal, -1 for inverted ordering.
    """

    space: ParameterSpace
    mixing: StandardMixing
    ordering: int = eqx.field(static=True)

    def __init__(
        self, free: tuple[str, ...] = (), *, mixing: StandardMixing = GLOBESFIT_MIXING, ordering: int = 1
    ) -> None:
        self.space, self.mixing, self.ordering = ParameterSpace(mixing_parameters(free)), mixing, ordering

    def terms(self, values: Values) -> Terms:
        """Three terms."""
        return three_neutrino_terms(*_standard(self.space, self.mixing, values), ordering=self.ordering)


class ThreePlusOne(AbstractSurvival):
    """3+1 neutrinos with all six phases.

    Args:
        free: names of mixing parameters that are free besides the sterile ones.
        mixing: values of those that are not.
        ordering: +1 for normal, -1 for inverted ordering.
        sterile: the two sterile parameters, to change priors or bounds.
    """

    space: ParameterSpace
    mixing: StandardMixing
    ordering: int = eqx.field(static=True)

    def __init__(
        self,
        free: tuple[str, ...] = (),
        *,
        mixing: StandardMixing = GLOBESFIT_MIXING,
        ordering: int = 1,
        sterile: tuple[Parameter, Parameter] = STERILE,
    ) -> None:
        self.space = ParameterSpace((*sterile, *mixing_parameters(free)))
        self.mixing, self.ordering = mixing, ordering

    def terms(self, values: Values) -> Terms:
        """Six terms."""
        standard = _standard(self.space, self.mixing, values)
        return four_neutrino_terms(*_plane(values), *standard, ordering=self.ordering)


class TwoSterile(AbstractSurvival):
    """3+2 neutrinos at short baselines; |U_e4|^2 + |U_e5|^2 <= 1.

    Args:
        space: |U_e4|^2, |U_e5|^2 and the two splittings, to change priors or bounds.
    """

    space: ParameterSpace = ParameterSpace(
        (
            Parameter("ue4_squared", 0.02, lower=0.0, upper=0.5, latex=r"$|U_{e4}|^2$"),
            Parameter("ue5_squared", 0.02, lower=0.0, upper=0.5, latex=r"$|U_{e5}|^2$"),
            STERILE[1],
            Parameter("dm2_51_eV2", 3.0, lower=0.1, upper=100.0, prior=LogUniform(0.1, 100.0), unit="eV^2"),
        )
    )

    def terms(self, values: Values) -> Terms:
        """Three terms."""
        x4, x5 = (nan_outside(values[name], 0.0, 1.0) for name in ("ue4_squared", "ue5_squared"))
        x5 = jnp.where(x4 + x5 <= 1.0, x5, jnp.nan)
        masses = (nan_outside(values[name], 0.0, jnp.inf) for name in (SPLITTING, "dm2_51_eV2"))
        return two_sterile_terms(x4, x5, *masses)


class InvisibleDecay(AbstractSurvival):
    """3+1 neutrinos at short baselines, nu_4 decaying invisibly with a = m_4 Gamma.

    Args:
        space: sin^2 2theta_ee, dm2_41 and a, to change priors or bounds.
    """

    space: ParameterSpace = ParameterSpace(
        (*STERILE, Parameter("m4_width_eV2", 0.1, lower=0.0, upper=100.0, unit="eV^2", latex=r"$m_4\Gamma_4$"))
    )

    def terms(self, values: Values) -> Terms:
        """Two damped terms."""
        sine, dm2 = _plane(values)
        return decaying_sterile_terms(smaller_square(sine), dm2, nan_outside(values["m4_width_eV2"], 0.0, jnp.inf))


class WavePackets(AbstractSurvival):
    """A model with decoherence by separation of wave packets, F = exp[-(L/L_coh)^2]; see `wave_packet_damped`.

    Args:
        inner: model without damping.
        sigma_x_nm: width of the wave packet in nm; scans of arXiv:2201.05108 use 2.1e-4, 5e-4 and 2.1e-3.
    """

    space: ParameterSpace
    inner: AbstractSurvival
    sigma_x_nm: float

    def __init__(self, inner: AbstractSurvival, sigma_x_nm: float | int) -> None:
        positive("sigma_x_nm", sigma_x_nm)
        self.space, self.inner, self.sigma_x_nm = inner.space, inner, float(sigma_x_nm)

    def terms(self, values: Values) -> Terms:
        """The inner terms, damped."""
        return wave_packet_damped(self.inner.terms(values), self.sigma_x_nm)


class Damped(AbstractSurvival):
    """A model with F = exp(-a |dm2|^xi L^beta / E^gamma), L in m and E in MeV; its strength a is a parameter.

    Args:
        inner: model without damping.
        splitting_power: xi.
        length_power: beta.
        energy_power: gamma.
        strength: the parameter a, not negative.
    """

    space: ParameterSpace
    inner: AbstractSurvival
    name: str = eqx.field(static=True)
    powers: tuple[float, float, float] = eqx.field(static=True)

    def __init__(
        self,
        inner: AbstractSurvival,
        *,
        splitting_power: float,
        length_power: float,
        energy_power: float,
        strength: Parameter,
    ) -> None:
        self.inner, self.name = inner, strength.name
        self.powers = (float(splitting_power), float(length_power), float(energy_power))
        self.space = inner.space | ParameterSpace((strength,))

    def terms(self, values: Values) -> Terms:
        """The inner terms, damped."""
        xi, beta, gamma = self.powers
        strength = nan_outside(values[self.name], 0.0, jnp.inf)
        inner = self.inner.terms(values)
        return damped(inner, strength, splitting_power=xi, length_power=beta, energy_power=gamma)


class AveragedSterile(AbstractSurvival):
    """A model in which sin^2 of every phase of a heavy neutrino is 1/2.

    Args:
        inner: model without damping.
        above_eV2: splittings above it are averaged.
    """

    space: ParameterSpace
    inner: AbstractSurvival
    above_eV2: float

    def __init__(self, inner: AbstractSurvival, above_eV2: float | int = 0.01) -> None:
        self.space, self.inner, self.above_eV2 = inner.space, inner, float(above_eV2)

    def terms(self, values: Values) -> Terms:
        """The inner terms, some of them damped to 1/2."""
        return averaged_phase(self.inner.terms(values), self.above_eV2)


def _plane(values: Values) -> tuple[Scalar, Scalar]:
    return nan_outside(values[SINE], 0.0, 1.0), nan_outside(values[SPLITTING], 0.0, jnp.inf)


def _standard(space: ParameterSpace, mixing: StandardMixing, values: Values) -> list[Float[Array, ""]]:
    given = [values[name] if name in space else fixed for name, fixed in mixing._asdict().items()]
    limits = (1.0, jnp.inf, 1.0, jnp.inf)
    return [nan_outside(value, 0.0, limit) for value, limit in zip(given, limits, strict=True)]
