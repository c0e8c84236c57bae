"""Every choice that the Daya Bay analysis allows, checked together, with the release model's as the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption, check_option
from wilks.parameters.parameter import Parameter
from wilks.physics.oscillation.spaces import STERILE
from wilks.physics.oscillation.survival import AbstractSurvival, ThreeNeutrinos, ThreePlusOne

from .covariance import TOLERANCE
from .derivatives import METHODS
from .nuisances import treatments
from .spectrum import CORRECTIONS, PLACES
from .splitting import LeadingSplitting31
from .variances import KEPT, STATISTICS

_FREE = ("sin2_2theta13", "dm2_32_eV2", "sin2_2theta12", "dm2_21_eV2")


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices:
    """How the analysis is done.

    Args:
        sterile: 3+1 neutrinos instead of three; or their two parameters, for a range of one's own.
        survival: a model of survival of one's own instead; its solar parameters, if free, are uncertain inputs.
        ordering: +1 for normal, -1 for inverted ordering.
        leading: which splitting is a parameter, ``"32"`` or ``"31"``.
        statistic: cost of the counts; see `.variances.STATISTICS`.
        variance: of ``"cnp"`` beside a covariance: ``"kept"``: taken where the covariance was, as in the release model;
            ``"moving"``: of the expected counts at hand, which biases fits.
        nuisances: what is done with uncertain inputs: ``"covariance"``, ``"pull"`` or ``"fixed"``.
        groups: exceptions by group; see `.nuisances.GROUPS`.
        absolute_efficiency: whether the common efficiency is uncertain, too.
        jacobian: derivatives behind the covariance: ``"stencil"`` reproduces the release model, ``"exact"`` differs by
            a few 1e-5 of chi-square.
        background_sigma: ``"release"``: absolute errors of three backgrounds enter as relative ones, as in the release
            model and every published number; ``"physical"``: as what they are.
        concatenation: ``"detector_period"``, or ``"detector"``: periods are summed.
        detectors: names of detectors; all by default.
        edges_MeV: edges of the final bins, multiples of 50 keV; those of the release by default.
        knots_MeV: neutrino energies at which the spectrum is free; those of the release by default.
        spectrum: ``"free"``, or ``"fixed"``: the Huber-Mueller spectrum with a free global normalisation.
        correction: ``"exponential"``: knots are logarithms; ``"linear"``: they are relative changes.
        correction_place: ``"before"`` or ``"after"`` the integral over neutrino energies.
        integral: ``"nodes"``, or ``"mesh"``: every point of the release model's integral.
        tolerance: relative error of chi-square that the low-rank form of the covariance may make.
    """

    sterile: bool | tuple[Parameter, Parameter] = False
    survival: AbstractSurvival | None = None
    ordering: int = 1
    leading: str = "32"
    statistic: str = "cnp"
    variance: str = "kept"
    nuisances: str = "covariance"
    groups: Mapping[str, str] = field(default_factory=dict)
    absolute_efficiency: bool = False
    jacobian: str = "stencil"
    background_sigma: str = "release"
    concatenation: str = "detector_period"
    detectors: Sequence[str] | None = None
    edges_MeV: Sequence[float] | Float[np.ndarray, " edges"] | None = None
    knots_MeV: Sequence[float] | Float[np.ndarray, " knots"] | None = None
    spectrum: str = "free"
    correction: str = "exponential"
    correction_place: str = "before"
    integral: str = "nodes"
    tolerance: float = TOLERANCE

    def __post_init__(self) -> None:
        check_option("leading splitting", self.leading, ("32", "31"))
        check_option("statistic", self.statistic, STATISTICS)
        check_option("variance", self.variance, ("kept", "moving"))
        check_option("jacobian", self.jacobian, METHODS)
        check_option("background_sigma", self.background_sigma, ("release", "physical"))
        check_option("spectrum", self.spectrum, ("free", "fixed"))
        check_option("correction", self.correction, CORRECTIONS)
        check_option("correction_place", self.correction_place, PLACES)
        check_option("integral", self.integral, ("nodes", "mesh"))
        if self.ordering not in (1, -1):
            raise InvalidOption(f"ordering {self.ordering!r}; expected +1 (normal) or -1 (inverted)")
        if self.sterile and self.survival is not None:
            raise InvalidOption("give either sterile or a model of survival of your own")
        if not self.tolerance > 0:
            raise InvalidOption(f"tolerance {self.tolerance}; expected a positive number")
        if self.statistic == "poisson" and self.in_covariance:
            raise InvalidOption(
                f"the statistic poisson knows no covariance, but {self.in_covariance[0]} is in it; take "
                "nuisances='pull' or 'fixed'"
            )

    @property
    def cost(self) -> str:
        """The statistic, or its form with a kept variance."""
        kept = self.statistic == "cnp" and self.variance == "kept" and self.in_covariance
        return KEPT if kept else self.statistic

    @property
    def treated(self) -> dict[str, str]:
        """What is done with each group."""
        return treatments(self.nuisances, self.groups, absolute=self.absolute_efficiency)

    @property
    def in_covariance(self) -> tuple[str, ...]:
        """Groups in the covariance."""
        return tuple(group for group, treatment in self.treated.items() if treatment == "covariance")

    @property
    def pulled(self) -> tuple[str, ...]:
        """Groups that are parameters."""
        return tuple(group for group, treatment in self.treated.items() if treatment == "pull")

    def survival_model(self) -> AbstractSurvival:
        """The model of survival, with free solar parameters unless the user's model has none."""
        if self.survival is not None:
            model = self.survival
        elif self.sterile:
            known = STERILE if self.sterile is True else self.sterile
            model = ThreePlusOne(_FREE, ordering=self.ordering, sterile=known)
        else:
            model = ThreeNeutrinos(_FREE, ordering=self.ordering)
        return LeadingSplitting31(model, self.ordering) if self.leading == "31" else model

    def flags(self) -> dict[str, str]:
        """What a careful reader must know of these choices."""
        if self.treated["background_rate"] == "fixed":
            return {}
        sentence = "errors of Li/He, fast-neutron and AmC rates, absolute in the release, "
        if self.background_sigma == "physical":
            return {"background_sigma_physical": sentence + "are divided by the rates; published numbers do not do so"}
        sentence += (
            "enter as relative ones, as in the release model; background_sigma='physical' divides them by the rates"
        )
        return {"background_sigma_release": sentence}


def fastest_splitting(survival: AbstractSurvival) -> float:
    """Largest splitting in eV^2 that a model's sterile neutrinos may have; 0 without any."""
    known = {*_FREE, "dm2_31_eV2"}
    heavy = [p for p in survival.space.parameters if p.name not in known and p.name.startswith("dm2_")]
    return max((p.upper if p.is_free else p.start for p in heavy), default=0.0)
