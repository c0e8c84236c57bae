"""From a model's name and a NuFIT release to the questions that the flavour study puts to both orderings."""

from dataclasses import dataclass

from wilks._base.errors import check_option
from wilks.physics.flavor.building import FlavorLikelihood, build
from wilks.physics.flavor.chi2_terms import ChiSquareTerms
from wilks.physics.flavor.examples import WorkedModel
from wilks.physics.flavor.model import FlavorModel
from wilks.physics.flavor.nufit_figures import FIGURES
from wilks.physics.flavor.nufit_terms import CITATIONS, RELEASES, nufit
from wilks.studies.study import Study

from .models import find_model

ORDERINGS = ("NO", "IO")


@dataclass(frozen=True)
class Question:
    """What is fitted to what.

    Args:
        model: ``seed``, ``a4`` or ``s4``.
        release: of NuFIT: 5.2, 5.3, 6.0 or 6.1.
        ordering: of the neutrino masses: NO or IO; the model's own if None.
        correlations: ``1d`` or ``full``.

    Raises:
        InvalidOption: for anything else.
    """

    model: str = "seed"
    release: str = "5.3"
    ordering: str | None = None
    correlations: str = "1d"

    def __post_init__(self) -> None:
        find_model(self.model)
        check_option("release", self.release, RELEASES)
        if self.ordering is not None:
            check_option("ordering", self.ordering, ORDERINGS)

    @property
    def chosen(self) -> str:
        """The ordering that is studied."""
        return self.ordering or find_model(self.model).ordering

    @property
    def other(self) -> str | None:
        """The ordering to which it is compared; None if the release has no data on it."""
        (other,) = set(ORDERINGS) - {self.chosen}
        return other if (self.release, other) in FIGURES else None

    def worked(self, ordering: str) -> WorkedModel:
        """The model in one ordering."""
        return find_model(self.model).make(ordering)

    def pose(self, ordering: str) -> Study:
        """Likelihood and data of one ordering."""
        worked = self.worked(ordering)
        terms = nufit(self.release, ordering, self.correlations)
        assert isinstance(terms, ChiSquareTerms)  # "wilks" interpolation
        likelihood, data = build(worked.model, terms, worked.fitted)
        return Study(
            name="flavor",
            title=f"Mass matrices against oscillation data: {worked.title}, {RELEASES[self.release]}",
            citation=f"model: {worked.citation}; data: {CITATIONS[self.release]}",
            likelihood=likelihood,
            data=data,
            simulator=likelihood,
            parameters_of_interest=worked.model.space.free[:2],
        )


def model_of(study: Study) -> FlavorModel:
    """The flavour model that a study fits."""
    assert isinstance(study.likelihood, FlavorLikelihood)  # pose makes no other
    return study.likelihood.model
