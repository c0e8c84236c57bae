"""What an anomaly is: ratios of measured to expected rates, with one expectation per assumption."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wilks.likelihood.residuals import GaussianResiduals
from wilks.physics.oscillation.experiment import Study as Experiment
from wilks.physics.oscillation.pulls import WithPulls
from wilks.physics.oscillation.spaces import SINE


@dataclass(frozen=True, eq=False)
class Question:
    """Ratios of measured to expected rates under several assumptions, one of which is looked at closely.

    Args:
        name: as in ``wilks run NAME``.
        title: heading of the report.
        introduction: what was measured and how it is judged, for the report.
        assumption: what the expectations differ in, for example ``"flux model"``.
        chosen: the assumption that is looked at closely.
        experiments: study by assumption.
        points: name of each measured ratio.
    """

    name: str
    title: str
    introduction: str
    assumption: str
    chosen: str
    experiments: Mapping[str, Experiment]
    points: tuple[str, ...]

    @property
    def experiment(self) -> Experiment:
        """The study of the chosen assumption."""
        return self.experiments[self.chosen]

    @property
    def likelihood(self) -> GaussianResiduals:
        """Its likelihood."""
        likelihood = self.experiment.likelihood
        assert isinstance(likelihood, GaussianResiduals)
        return likelihood

    def measured(self) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
        """Ratios and their errors without those that are common to the expectation."""
        size = len(self.points)
        errors = np.sqrt(np.diag(self.likelihood.covariance))[:size]
        return np.asarray(self.experiment.data, dtype=float)[:size], errors

    def expected(self, values: Mapping[str, float]) -> Float[np.ndarray, " points"]:
        """Predicted ratios; parameters that are not given stand at their starts, and without a sterile neutrino."""
        predictor = self.likelihood.predictor
        assert isinstance(predictor, WithPulls)
        starts = dict(zip(predictor.space.names, predictor.space.starts.tolist(), strict=True))
        return np.asarray(predictor.inner({**starts, SINE: 0.0, **values}))
