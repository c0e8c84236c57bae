"""Likelihoods of binned counts.

What to use when:

=============================================  ================================================================
`PoissonCounts`                                always, unless you must reproduce somebody's chi-square
`PoissonCounts(..., template_statistics=...)`  templates from a simulation whose statistics are not negligible
`ChiSquareCounts(..., cost="cnp")`             large counts and software that needs a chi-square
`ChiSquareCounts(..., cost="pearson")`         to reproduce results quoted with it: its norms come out too high
`ChiSquareCounts(..., cost="neyman")`          the same: its norms come out too low, and it drops empty bins
=============================================  ================================================================
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.draws import poisson_quantile, uniforms
from wilks._base.errors import check_option
from wilks._base.typing import Key, LogProb, Values
from wilks.model.predictor import AbstractPredictor, AbstractTemplatePredictor
from wilks.parameters.space import ParameterSpace

from . import cells
from .binned import BinnedLayout, CountsData, MeanAndJacobian
from .constraints import Constraints, saturated_poisson
from .finite_simulation import AbstractTemplateStatistics
from .interface import AbstractCellLikelihood, AbstractSimulator, Cells
from .marginal_statistics import MarginalStatistics
from .treatments import treatment_of


class PoissonCounts(AbstractCellLikelihood[CountsData], AbstractSimulator[CountsData]):
    """Independent Poisson counts, with constraint terms and the finite statistics of simulated templates.

    -ln L = sum over bins of [mu - n ln mu + ln Gamma(n+1)] + constraint terms. ``log_prob`` is the full density;
    ``excess`` is -ln L above the saturated model, half the Baker-Cousins chi-square.

    Args:
        predictor: expected counts per bin; its auxiliary measurements become constraint terms.
        template_statistics: None, ``"conway"`` (Gaussian, HistFactory's staterror in closed form), ``"poisson"``,
            ``"marginal"`` or ``"full"``; see `wilks.likelihood.treatments`.
        template_errors: ``"nominal"`` or ``"scaled"`` (errors follow the norms); None for that of the treatment.
        integer: refuse counts that are not whole, unless they come from `simulate` or `expected`.

    >>> from wilks.model.linear import LinearTemplates
    >>> likelihood = PoissonCounts(LinearTemplates.of({"s": [1.0, 5.0], "b": [9.0, 9.0]}))
    >>> round(float(likelihood.excess({"s": 1.0, "b": 1.0}, likelihood.prepare([10, 14]))), 12)
    0.0

    References:
        S. Baker and R. D. Cousins, Nucl. Instrum. Meth. 221 (1984) 437.
    """

    space: ParameterSpace
    layout: BinnedLayout
    statistics: AbstractTemplateStatistics | None
    simulation_scale: Float[Array | np.ndarray, " simulated"]
    integer: bool = eqx.field(static=True)

    def __init__(
        self,
        predictor: AbstractPredictor,
        *,
        template_statistics: str | None = None,
        template_errors: str | None = None,
        integer: bool = False,
    ) -> None:
        self.space = predictor.space
        self.layout = BinnedLayout.of(predictor)
        self.integer = integer
        self.statistics = treatment_of(predictor, template_statistics or "none", template_errors)
        self.simulation_scale = np.ones(self.statistics.scales if self.statistics else 0)

    @property
    def predictor(self) -> AbstractPredictor:
        """The model of the expected counts."""
        return self.layout.predictor

    @property
    def constraints(self) -> Constraints:
        """The auxiliary measurements."""
        return self.layout.constraints

    @property
    def channels(self) -> tuple[tuple[str, int], ...]:
        """Channels in order, each with its number of bins."""
        return self.layout.channels

    @property
    def statistics_follow_norms(self) -> bool:
        """Whether the error of the simulation moves with the norms."""
        return self.statistics is not None and self.statistics.errors == "scaled"

    @property
    def averages_simulation(self) -> bool:
        """Whether the density is an average over what simulation left open: no chi-square law for its excess then."""
        return isinstance(self.statistics, MarginalStatistics)

    def mean(self, values: Values) -> Float[Array, "terms cells"]:
        """Expected counts per bin (split by simulation where asked), then the constrained parameters."""
        theta = self.space.pack(values)
        if self.statistics is None:
            main = self.predictor(values)[None]
        else:
            main = self.statistics.terms(self._template_predictor(), values)
        return self.layout.with_constraints(main, theta)

    def linearised_mean(self, values: Values) -> MeanAndJacobian | None:
        """Means with their Jacobian in closed form; None if that is not known."""
        return self.layout.linearised(values) if self.statistics is None else None

    def judge(self, mean: Float[Array, "terms cells"], data: CountsData) -> Cells:
        """Excess and derivatives per bin, then per constraint term."""
        n = jnp.asarray(data.counts)
        main = mean[:, : self.layout.bins]
        if self.statistics is None:
            judged = cells.poisson(main[0], n)
        else:
            judged = self.statistics.judge(main, n, jnp.asarray(data.simulation))
        return self.layout.judge_constraints(judged, mean, data)

    def saturated(self, data: CountsData) -> LogProb:
        """Log density with mu = n in every bin and every constraint term at its own maximum."""
        total = saturated_poisson(jnp.asarray(data.counts))
        if len(self.constraints):
            total = total + self.constraints.saturated(jnp.asarray(data.auxiliary))
        if self.statistics is not None:
            total = total + self.statistics.saturated(jnp.asarray(data.simulation))
        return total

    def prepare(self, data: Any) -> CountsData:
        """Check counts and bring them into canonical form.

        Args:
            data: a vector of counts, any histogram with ``values()``, a mapping channel -> either,
                ``{"counts": ..., "auxiliary": {parameter: value}}``, or `CountsData`.

        Raises:
            InvalidData: naming bin, value, expectation and remedy.
            UnknownName: for a channel or auxiliary measurement that does not exist.
        """
        return BinnedLayout.prepare(self.layout, data, scales=len(self.simulation_scale), integer=self.integer)

    def simulate(self, key: Key, values: Values) -> CountsData:
        """Poisson counts, auxiliary data and the simulation's auxiliary data drawn at the named values."""
        drawn, mean = self.probabilities(key, values), self.expected_counts(values)
        if isinstance(self.statistics, MarginalStatistics):
            own = jax.random.fold_in(key, 1)  # the key itself has made the uniform numbers
            mean = self.statistics.draw_means(own, self.statistics.terms(self._template_predictor(), values))
        return CountsData(poisson_quantile(jnp.asarray(drawn.counts), mean), drawn.auxiliary, drawn.simulation)

    def probabilities(self, key: Key, values: Values) -> CountsData:
        """The data of `simulate` with the uniform number of which each count is the quantile in its place.

        The count is that quantile of a Poisson distribution around `expected_counts`, except where the counts of toys
        have means of their own (``averages_simulation``).
        """
        bins, terms = self.layout.bins, len(self.constraints)
        uniform = uniforms(key, bins + terms + len(self.simulation_scale))
        return CountsData(
            uniform[:bins],
            self.constraints.draw(uniform[bins : bins + terms], self.space.pack(values)) if terms else jnp.zeros(0),
            self._draw_simulation(uniform[bins + terms :], values),
        )

    def expected(self, values: Values) -> CountsData:
        """Asimov data at the named values."""
        theta = self.space.pack(values)
        auxiliary = self.constraints.expected(theta) if len(self.constraints) else jnp.zeros(0)
        return CountsData(self.expected_counts(values), auxiliary, jnp.asarray(self.simulation_scale))

    def expected_counts(self, values: Values) -> Float[Array, " bins"]:
        """Expected counts with the simulation at its assumed true scale (1 unless ``conditioned``)."""
        return self._scaled_counts(values, jnp.asarray(self.simulation_scale))

    def fitted_scale(self, values: Values, data: CountsData) -> Float[Array, " simulated"]:
        """Best scale of the simulated part per bin at the named values; empty where nothing is scaled."""
        if self.statistics is None:
            return jnp.zeros(0)
        terms = self.statistics.terms(self._template_predictor(), values)
        return self.statistics.scale(terms, jnp.asarray(data.counts), jnp.asarray(data.simulation))

    def fitted_counts(self, values: Values, data: CountsData) -> Float[Array, " bins"]:
        """Expected counts with the simulation at its best scale for the data."""
        return self._scaled_counts(values, self.fitted_scale(values, data))

    def conditioned(self, values: Values, data: CountsData) -> "PoissonCounts":
        """The same likelihood whose toys take the simulation's scale as fitted to the data."""
        if self.statistics is None:
            return self
        scale = self.fitted_scale(values, data)
        return eqx.tree_at(lambda tree: tree.simulation_scale, self, np.asarray(scale))

    def _template_predictor(self) -> AbstractTemplatePredictor:
        predictor = self.predictor
        assert isinstance(predictor, AbstractTemplatePredictor)  # __init__ has refused others
        return predictor

    def _scaled_counts(self, values: Values, scale: Float[Array, " simulated"]) -> Float[Array, " bins"]:
        if self.statistics is None:
            return self.predictor(values)
        return self.statistics.mean(self.statistics.terms(self._template_predictor(), values), scale)

    def _draw_simulation(self, uniform: Float[Array, " simulated"], values: Values) -> Float[Array, " simulated"]:
        if self.statistics is None:
            return jnp.zeros(0)
        terms = self.statistics.terms(self._template_predictor(), values)
        return self.statistics.draw(uniform, terms, jnp.asarray(self.simulation_scale))


class ChiSquareCounts(AbstractCellLikelihood[CountsData]):
    """Chi-square costs of counts: they judge but cannot draw, and their norms are biased at low counts.

    ``log_prob`` is -cost/2 (no normalised density); results carry the flag ``biased_cost``. Toys come from
    `PoissonCounts` of the same predictor.

    Args:
        predictor: expected counts per bin; its auxiliary measurements become constraint terms.
        cost: ``"pearson"`` (n-mu)^2/mu, ``"neyman"`` (n-mu)^2/n without empty bins, or ``"cnp"``.

    References:
        X. Ji et al., Nucl. Instrum. Meth. A 961 (2020) 163677, arXiv:1903.07185.
    """

    space: ParameterSpace
    layout: BinnedLayout
    kind: Int[np.ndarray, ""]  # which of `BIASED_COSTS`; an array, so that all costs share one compiled fit

    def __init__(self, predictor: AbstractPredictor, *, cost: str) -> None:
        check_option("cost", cost, tuple(cells.BIASED_COSTS))
        self.space = predictor.space
        self.layout = BinnedLayout.of(predictor)
        self.kind = np.array(list(cells.BIASED_COSTS).index(cost))

    @property
    def cost(self) -> str:
        """Name of the cost."""
        return list(cells.BIASED_COSTS)[int(self.kind)]

    @property
    def predictor(self) -> AbstractPredictor:
        """The model of the expected counts."""
        return self.layout.predictor

    @property
    def constraints(self) -> Constraints:
        """The auxiliary measurements."""
        return self.layout.constraints

    def mean(self, values: Values) -> Float[Array, "terms cells"]:
        """Expected counts per bin, then the constrained parameters."""
        return self.layout.with_constraints(self.predictor(values)[None], self.space.pack(values))

    def linearised_mean(self, values: Values) -> MeanAndJacobian | None:
        """Means with their Jacobian in closed form; None if that is not known."""
        return self.layout.linearised(values)

    def judge(self, mean: Float[Array, "terms cells"], data: CountsData) -> Cells:
        """Half the cost and its derivatives per bin, then per constraint term."""
        costs = tuple(cells.BIASED_COSTS.values())
        judged = jax.lax.switch(self.kind, costs, mean[0, : self.layout.bins], jnp.asarray(data.counts))
        return self.layout.judge_constraints(judged, mean, data)

    def saturated(self, data: CountsData) -> LogProb:
        """Zero: a cost is no density."""
        return jnp.zeros(())

    def prepare(self, data: Any) -> CountsData:
        """Check counts and bring them into canonical form, as `PoissonCounts.prepare` does."""
        return self.layout.prepare(data, scales=0, integer=False)
