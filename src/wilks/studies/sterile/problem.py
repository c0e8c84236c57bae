"""The problem that networks learn: experiments tabulated on the plane, with the priors of both parameters."""

from dataclasses import replace
from typing import Any, NamedTuple

from wilks.inference.exact_posteriors import grid_posterior
from wilks.inference.sbi.shape_likelihoods import ShapeLikelihoods
from wilks.inference.sbi.sufficient import SufficientStatistic
from wilks.likelihood.signals import AbstractSignal
from wilks.parameters.priors import LogUniform
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.plane import grid_signal, sterile_grid
from wilks.physics.oscillation.spaces import SINE, SPLITTING
from wilks.results.grid_posteriors import GridPosterior

MIXINGS, SPLITTINGS = (1e-3, 1.0), (0.1, 10.0**1.5)
"""Ranges of the log-uniform priors; splittings in eV^2."""

_FINER = 5  # tabulated splittings per tested one


class Posed(NamedTuple):
    """Experiments as one problem.

    Args:
        study: the experiments.
        signal: tabulated; no mixing is among its hypotheses.
        exact: the same within the range of the priors: likelihood and simulator of Bayesian answers.
    """

    study: Study
    signal: AbstractSignal
    exact: AbstractSignal

    @property
    def space(self) -> ParameterSpace:
        """Both parameters with their priors."""
        return self.exact.space

    @property
    def data(self) -> Any:
        """Observed data."""
        return self.study.data

    @property
    def summary(self) -> SufficientStatistic:
        """The few numbers of the data that know of the parameters."""
        return SufficientStatistic.of(self.exact)

    @property
    def likelihoods(self) -> ShapeLikelihoods:
        """The likelihood of each splitting, off which networks read modes."""
        return ShapeLikelihoods.of(self.exact)

    @property
    def nodes(self) -> tuple[Any, Any]:
        """Nodes of the plane at which hypotheses are tested by toys."""
        return self.signal.grid.amplitudes, self.signal.grid.shapes[::_FINER]

    def posterior(self) -> GridPosterior:
        """The exact posterior."""
        return grid_posterior(self.signal, self.data, space=self.space)


def pose_plane(study: Study, nodes: int) -> Posed:
    """Tabulate experiments once per node of the plane.

    Args:
        study: one experiment or several joined.
        nodes: tested nodes per axis; five times as many splittings are tabulated.
    """
    grid = sterile_grid((*MIXINGS, nodes), (*SPLITTINGS, _FINER * (nodes - 1) + 1))
    signal = grid_signal(study, grid, freeze_covariance=True)
    space = signal.space.replace(SINE, lower=MIXINGS[0]).replace(SPLITTING, prior=LogUniform(*SPLITTINGS))
    return Posed(study, signal, replace(signal, space=space))
