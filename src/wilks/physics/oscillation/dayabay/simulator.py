"""Makes pseudo-data of the Daya Bay spectra, with or without uncertain inputs drawn from their constraints."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.draws import normal_quantile, poisson_quantile, uniforms
from wilks._base.errors import check_option
from wilks._base.typing import Key, Values
from wilks.likelihood.binned import CountsData
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .arrays import Arrays
from .likelihood import Pulls
from .prediction import FullPrediction

FLUCTUATIONS = ("asimov", "normal", "poisson")
"""How counts scatter around their expectation: not at all, normally with variance mu, or as whole counts."""


class DayaBaySimulator(AbstractSimulator[CountsData]):
    """One pseudo-experiment per key: uncertain inputs, then counts, then measured values of pulled parameters.

    Drawing the inputs treats them exactly; the likelihood itself draws from the normal distribution whose covariance is
    linear in them.

    Args:
        space: parameters.
        prediction: expected counts.
        pulls: constraints of the pulled parameters.
        fluctuations: one of `FLUCTUATIONS`.
        drawn: groups of uncertain inputs that are drawn from their constraints.
    """

    space: ParameterSpace
    prediction: FullPrediction
    pulls: Pulls
    fluctuations: str = eqx.field(static=True)
    drawn: tuple[str, ...] = eqx.field(static=True)

    def __check_init__(self) -> None:
        check_option("fluctuations", self.fluctuations, FLUCTUATIONS)

    def simulate(self, key: Key, values: Values) -> CountsData:
        """Counts and auxiliary measurements of one pseudo-experiment."""
        for_inputs, for_counts, for_pulls = jax.random.split(key, 3)
        mean = self.prediction.at(values, self._inputs(for_inputs, values))
        uniform = uniforms(for_counts, mean.shape[0])
        counts = mean
        if self.fluctuations == "normal":
            counts = mean + jnp.sqrt(mean) * normal_quantile(uniform)
        elif self.fluctuations == "poisson":
            counts = poisson_quantile(uniform, jnp.asarray(mean))
        auxiliary = self._measured(values)
        if self.fluctuations != "asimov":
            scatter = normal_quantile(uniforms(for_pulls, len(self.pulls.parameters)))
            auxiliary = auxiliary + jnp.asarray(self.pulls.widths) * scatter
        return CountsData(counts, auxiliary, jnp.zeros(0))

    def expected(self, values: Values) -> CountsData:
        """Expected counts with all inputs that are no parameters at their central values."""
        return CountsData(self.prediction(values), self._measured(values), jnp.zeros(0))

    def _inputs(self, key: Key, values: Values) -> dict[str, Float[Arrays, " members"]]:
        sizes = {group: size for group, size in self.prediction.sizes if group in self.drawn}
        normal = normal_quantile(uniforms(key, sum(sizes.values())))
        ends = np.cumsum([0, *sizes.values()])
        drawn = {g: normal[a:b] for g, a, b in zip(sizes, ends[:-1], ends[1:], strict=True)}
        return self.prediction.normalised(values) | drawn

    def _measured(self, values: Values) -> Float[Arrays, " pulls"]:
        return self.space.pack(values)[np.array(self.pulls.indices, dtype=int)]
