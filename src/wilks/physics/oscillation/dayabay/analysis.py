"""The Daya Bay analysis as a whole: prediction, covariance, likelihood, data, simulators.

What to use when:

==================  ================================================================================================
`daya_bay`          always: one experiment for fits, contours and joins with others
`analyse`           to look inside: prediction, covariance, simulators, a new covariance elsewhere, a summary table
==================  ================================================================================================

`wilks.physics.oscillation.daya_bay` is the first; all stand on the face `wilks.physics.oscillation.dayabay`.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import check_option
from wilks._base.typing import Values
from wilks.likelihood.binned import CountsData
from wilks.physics.oscillation.experiment import Source, Study
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease, read_release

from .assembly import full_prediction, gather_matrix
from .choices import Choices
from .constants import CITATION, SOLAR
from .covariance import Systematics, systematics
from .folded import folded
from .layout import Layout, layout_of
from .likelihood import DayaBayLikelihood, Pulls
from .nuisances import pull_parameters, pull_scales
from .prediction import FullPrediction, parameters_of
from .simulator import DayaBaySimulator


@dataclass(frozen=True, eq=False)
class DayaBayAnalysis:
    """All parts of the analysis.

    Args:
        choices: how it is done.
        release: what was read.
        layout: detectors and periods.
        edges_MeV: edges of the final bins.
        knots_MeV: knots of the spectrum.
        prediction: expected counts with every uncertain input.
        systematics: their covariance, at the values in ``computed_at``.
        likelihood: judges the spectra.
        data: observed counts.
        computed_at: parameter values at which the covariance, and the variance of ``iterative``, were computed.
    """

    choices: Choices
    release: DayaBayRelease
    layout: Layout
    edges_MeV: Float[np.ndarray, " edges"]
    knots_MeV: Float[np.ndarray, " knots"]
    prediction: FullPrediction
    systematics: Systematics
    likelihood: DayaBayLikelihood
    data: CountsData
    computed_at: dict[str, float]

    def updated_at(self, values: Values) -> "DayaBayAnalysis":
        """The same analysis with the covariance, and the variance of ``iterative``, computed at other values."""
        at = {name: float(values[name]) for name in self.likelihood.space.names}
        found, likelihood = _judging(self.prediction, self.choices, self.layout, at)
        return dataclasses.replace(self, systematics=found, likelihood=likelihood, computed_at=at)

    def judged_by(self, statistic: str, variance: str = "kept") -> "DayaBayAnalysis":
        """The same analysis with another cost; the covariance is not computed again.

        Args:
            statistic: cost of the counts; see `.variances.STATISTICS`.
            variance: of ``"cnp"`` beside a covariance, ``"kept"`` or ``"moving"``.

        Raises:
            InvalidOption: for a cost that does not exist, or ``"poisson"`` beside a covariance.
        """
        choices = dataclasses.replace(self.choices, statistic=statistic, variance=variance)
        likelihood = dataclasses.replace(self.likelihood, statistic=choices.cost)
        return dataclasses.replace(self, choices=choices, likelihood=likelihood)

    def simulator(self, fluctuations: str = "poisson", drawn: bool | Sequence[str] = True) -> DayaBaySimulator:
        """Makes pseudo-data.

        Args:
            fluctuations: ``"asimov"``, ``"normal"`` or ``"poisson"``.
            drawn: whether the inputs in the covariance are drawn from their constraints, or names of groups that are.
        """
        groups = (self.choices.in_covariance if drawn else ()) if isinstance(drawn, bool) else tuple(drawn)
        prediction = jax.tree.map(jnp.asarray, self.prediction)
        return DayaBaySimulator(self.likelihood.space, prediction, self.likelihood.pulls, fluctuations, groups)

    def asimov(self, values: Values | None = None) -> CountsData:
        """Expected counts as data, at the space's starts by default."""
        space = self.likelihood.space
        found = eqx.filter_jit(self.likelihood.expected)(space.unpack(space.complete(values)))
        return CountsData(np.asarray(found.counts), np.asarray(found.auxiliary), np.zeros(0))

    def study(self, *, data: str = "real", toys: str = "covariance") -> Study:
        """The analysis as an experiment of the wing.

        Args:
            data: ``"real"`` or ``"asimov"``.
            toys: what makes pseudo-data: ``"covariance"`` (normal, with the likelihood's own covariance), or
                ``"normal"`` or ``"poisson"`` with uncertain inputs drawn from their constraints.
        """
        check_option("data", data, ("real", "asimov"))
        check_option("toys", toys, ("covariance", "normal", "poisson"))
        flags = self.choices.flags()
        if data == "asimov":
            flags["asimov_data"] = "the data are expected counts, not observed ones"
        return Study(
            "dayabay",
            self.likelihood,
            self.data if data == "real" else self.asimov(),
            self.likelihood if toys == "covariance" else self.simulator(toys),
            tuple(p.name for p in parameters_of(self.prediction.survival)),
            ("DayaBay",),
            flags,
            (Source("Daya Bay", CITATION, str(self.release.folder), self.release.digest),),
        )


def daya_bay(
    folder: str | Path | None = None, *, data: str = "real", toys: str = "covariance", **choices: Any
) -> Study:
    """The full Daya Bay data set (3158 days, 546 bins) as an experiment.

    Args:
        folder: folder ``npz`` of the release; by default that of the package ``dayabay-data-official``.
        data: ``"real"`` or ``"asimov"``.
        toys: what makes pseudo-data; see `DayaBayAnalysis.study`.
        **choices: how it is done; see `Choices`.

    Raises:
        MissingExtra: if no folder is given and the package is not installed.
        InvalidFile: for a release that cannot be used.
        InvalidOption: for a choice that does not exist.
    """
    return analyse(folder, **choices).study(data=data, toys=toys)


def analyse(folder: str | Path | None = None, **choices: Any) -> DayaBayAnalysis:
    """Build the analysis.

    Args:
        folder: folder ``npz`` of the release; by default that of the package ``dayabay-data-official``.
        **choices: how it is done; see `Choices`.

    Raises:
        MissingExtra: if no folder is given and the package is not installed.
        InvalidFile: for a release that cannot be used.
        InvalidOption: for a choice that does not exist, or knots or edges that do not fit.
    """
    chosen = Choices(**choices)
    return analysis_of(read_release(folder), chosen)


def analysis_of(release: DayaBayRelease, choices: Choices) -> DayaBayAnalysis:
    """Build the analysis of a release that was read."""
    layout = layout_of(choices.detectors, choices.concatenation)
    edges = np.asarray(release.edges_MeV if choices.edges_MeV is None else choices.edges_MeV, dtype=float)
    knots = np.asarray(release.knots_MeV if choices.knots_MeV is None else choices.knots_MeV, dtype=float)
    prediction = full_prediction(release, choices, layout, edges, knots)
    at = {p.name: p.start for p in prediction.space.parameters}
    found, likelihood = _judging(prediction, choices, layout, at)
    counts = gather_matrix(layout) @ (release.counts[layout.rows] @ np.asarray(prediction.response.rebinning).T)
    data = likelihood.prepare(counts)
    return DayaBayAnalysis(choices, release, layout, edges, knots, prediction, found, likelihood, data, at)


def _judging(
    prediction: FullPrediction, choices: Choices, layout: Layout, at: dict[str, float]
) -> tuple[Systematics, DayaBayLikelihood]:
    """The covariance at parameter values, and the likelihood with it."""
    space = prediction.space
    found = systematics(prediction, space.unpack(space.complete(at)), choices.in_covariance, choices.jacobian)
    if choices.pulled:
        inner = jax.tree.map(jnp.asarray, prediction)
    else:
        inner = folded(prediction, found.response, [(name, SOLAR[name][0]) for name in SOLAR])
    likelihood = DayaBayLikelihood(
        space=space,
        prediction=inner,
        root=jnp.asarray(found.root(choices.tolerance)),
        statistic=choices.cost,
        kept=jnp.asarray(found.mean),
        pulls=_pulls(prediction, choices),
        computed_at=jnp.asarray(found.mean),
        spectra=layout.spectra,
        conventions=tuple(choices.flags().items()),
    )
    return found, likelihood


def _pulls(prediction: FullPrediction, choices: Choices) -> Pulls:
    names: list[str] = []
    centres, widths = [np.zeros(0)], [np.zeros(0)]
    for group in choices.pulled:
        size = dict(prediction.sizes)[group]
        names += [p.name for p in pull_parameters(group, size)]
        centre, width = pull_scales(group, size)
        centres.append(centre)
        widths.append(width)
    where = prediction.space.indices(names)
    return Pulls(tuple(names), where, jnp.asarray(np.concatenate(centres)), jnp.asarray(np.concatenate(widths)))
