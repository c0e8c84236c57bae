"""The likelihood of the Daya Bay spectra: any cost, uncertain inputs in a covariance or as pulled parameters."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.draws import normal_quantile, poisson_quantile, uniforms
from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks._base.numerics import cholesky
from wilks._base.runtime import RUN_ONCE
from wilks._base.typing import Key, LogProb, Scalar, Theta, Values
from wilks.likelihood.binned import CountsData
from wilks.likelihood.constraints import saturated_poisson
from wilks.likelihood.expansions import AbstractExpandedLikelihood, Expanded
from wilks.likelihood.interface import AbstractFlaggedLikelihood, AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .arrays import Arrays
from .cost import Cost, chi_square, poisson
from .folded import FoldedPrediction
from .linearisation import detector_curvature, linearised
from .prediction import FullPrediction
from .variances import MIXED, Bins, Mixture

_LOG_TWO_PI = float(np.log(2 * np.pi))
_FAR = 0.2  # relative change of expected counts beyond which a covariance counts as computed elsewhere
_ABOVE = 0.01  # relative excess of all expected counts that no Gaussian fit should have


class Pulls(eqx.Module):
    """Gaussian constraints of parameters; their centres are data and fluctuate in toys.

    Args:
        parameters: names.
        indices: places in the likelihood's space.
        centres: measured values.
        widths: errors.
    """

    parameters: tuple[str, ...] = eqx.field(static=True)
    indices: tuple[int, ...] = eqx.field(static=True)
    centres: Float[Arrays, " pulls"]
    widths: Float[Arrays, " pulls"]

    def residuals(self, theta: Theta, auxiliary: Float[Arrays, " pulls"]) -> Float[Arrays, " pulls"]:
        """Distances of the parameters from their measured values, in errors."""
        return (theta[np.array(self.indices, dtype=int)] - auxiliary) / self.widths


class DayaBayLikelihood(
    AbstractExpandedLikelihood[CountsData], AbstractSimulator[CountsData], AbstractFlaggedLikelihood[CountsData]
):
    """Counts of all spectra against a prediction.

    -2 ln L is the cost, (n-mu)^T [diag(v) + K K^T]^-1 (n-mu) or the Poisson likelihood ratio, plus the squares of the
    pulls. ``K K^T`` was computed at one point (`computed_at`) and is kept; `DayaBayAnalysis.updated_at` makes a new
    one.

    Args:
        space: parameters.
        prediction: expected counts: `FoldedPrediction` without pulls, `FullPrediction` with them.
        root: K.
        statistic: one of `.variances.STATISTICS`, or `.variances.KEPT`.
        kept: expected counts whose variance ``"iterative"`` and `.variances.KEPT` take.
        pulls: constraints of the pulled parameters.
        computed_at: expected counts at which K was computed.
        spectra: names of the spectra.
        conventions: sentences on choices that results should carry, by flag.
        mixture: the statistic as numbers, for likelihoods that share one program; see `sharing_programs`.
    """

    space: ParameterSpace
    prediction: FoldedPrediction | FullPrediction
    root: Float[Arrays, "bins rank"]
    statistic: str = eqx.field(static=True)
    kept: Float[Arrays, " bins"]
    pulls: Pulls
    computed_at: Float[Arrays, " bins"]
    spectra: tuple[str, ...] = eqx.field(static=True)
    conventions: tuple[tuple[str, str], ...] = eqx.field(static=True)
    exact: bool = eqx.field(static=True, default=True)
    mixture: Mixture | None = None

    def log_prob(self, values: Values, data: CountsData) -> LogProb:
        """-cost/2, normalised for the costs that are densities (``"poisson"``, ``"unbiased"``); -inf where none is."""
        return self.saturated(data) - self.excess(self.space.pack(values), data)

    def chi2(self, values: Values, data: CountsData) -> Scalar:
        """The cost with the squares of the pulls."""
        return 2.0 * self.excess(self.space.pack(values), data)

    def excess(self, theta: Theta, data: CountsData) -> Scalar:
        """Half the cost; infinite where expected counts are not positive."""
        return _excess(theta, self, data)

    def expand(self, theta: Theta, data: CountsData, *, exact: bool = False) -> Expanded:
        """Half the cost with its gradient, and a positive curvature without most second derivatives of the counts.

        Args:
            theta: parameters.
            data: prepared data.
            exact: all second derivatives, as in `hessian`.
        """
        mean, rows = linearised(self.prediction, theta)
        cost, good = self.cost(mean, data)
        pulled = self.pulls.residuals(theta, jnp.asarray(data.auxiliary))
        value = cost.value + 0.5 * jnp.sum(pulled**2)
        gradient = jnp.asarray(rows @ cost.gradient).at[self._pulled].add(pulled / self.pulls.widths)
        curvature = self._curvature(theta, cost, rows)
        curvature = self._completed(curvature, theta, cost, rows) if exact else curvature
        return Expanded(jnp.where(good, value, jnp.inf), gradient, jnp.asarray(curvature))

    def hessian(self, theta: Theta, data: CountsData) -> Float[Arrays, "parameters parameters"]:
        """Second derivatives of half the cost: exact without pulls, else as `expand` gives solvers."""
        return self.expand(theta, data, exact=True).curvature

    def _completed(
        self, total: Float[Arrays, "members members"], theta: Theta, cost: Cost, rows: Float[Arrays, "members bins"]
    ) -> Float[Arrays, "members members"]:
        """The curvature with the second derivatives that solvers do without."""
        if isinstance(self.prediction, FoldedPrediction):
            total = total + self.prediction.curvature(theta, cost.gradient)
        if self.mixture is not None:
            share, size = self.mixture.determinant, theta.shape[0]
            return total + jax.lax.cond(
                share > 0, lambda: share * cost.determinant_curvature(rows), lambda: jnp.zeros((size, size))
            )
        return total + cost.determinant_curvature(rows) if self.statistic == "unbiased" else total

    def _curvature(
        self, theta: Theta, cost: Cost, rows: Float[Arrays, "parameters bins"]
    ) -> Float[Arrays, "parameters parameters"]:
        linear = (
            jnp.asarray(cost.curvature(rows))
            .at[self._pulled, self._pulled]
            .add(1.0 / jnp.asarray(self.pulls.widths) ** 2)
        )
        linear = 0.5 * (linear + linear.T)
        if isinstance(self.prediction, FoldedPrediction):
            return linear
        total = linear + detector_curvature(self.prediction, theta, cost.gradient)
        _, positive = cholesky(total)
        return jnp.where(positive, total, linear)

    @property
    def _determinant(self) -> Scalar | None:
        """Share of the logarithm of the determinant in the cost; None where there is none at all."""
        if self.mixture is not None:
            return self.mixture.determinant
        return jnp.ones(()) if self.statistic == "unbiased" else None

    @property
    def _pulled(self) -> Int[np.ndarray, " pulls"]:
        return np.array(self.pulls.indices, dtype=int)

    def value(self, theta: Theta, data: CountsData) -> Scalar:
        """Half the cost by itself."""
        cost, good = self.cost(self.prediction(self.space.unpack(theta)), data)
        pulled = self.pulls.residuals(theta, jnp.asarray(data.auxiliary))
        return jnp.where(good, cost.value + 0.5 * jnp.sum(pulled**2), jnp.inf)

    def value_and_gradient(self, theta: Theta, data: CountsData) -> tuple[Scalar, Theta]:
        """Half the cost and its gradient by one backward pass through the prediction."""
        mean, pull_back = jax.vjp(lambda at: self.prediction(self.space.unpack(at)), theta)
        cost, good = self.cost(mean, data)
        pulled = self.pulls.residuals(theta, jnp.asarray(data.auxiliary))
        (gradient,) = pull_back(cost.gradient)
        gradient = gradient.at[self._pulled].add(pulled / self.pulls.widths)
        return jnp.where(good, cost.value + 0.5 * jnp.sum(pulled**2), jnp.inf), gradient

    def cost(self, mean: Bins, data: CountsData) -> tuple[Cost, Array]:
        """Cost of expected counts, and whether they are positive; where not, of others in their place."""
        good = jnp.all(jnp.isfinite(mean) & (mean > 0.0))
        counts = jnp.asarray(data.counts)
        safe = jnp.where(good, mean, self.computed_at)
        if self.statistic == "poisson":
            return poisson(safe, counts), good
        statistic = self.statistic if self.mixture is None else self.mixture
        return chi_square(statistic, safe, counts, self.kept, self.root), good

    def saturated(self, data: CountsData) -> LogProb:
        """Log density at expected counts equal to those observed; zero for costs that are no densities."""
        share = jnp.ones(()) if self.statistic == "poisson" else self._determinant
        if share is None:
            return jnp.zeros(())
        counts = jnp.asarray(data.counts)
        whole = saturated_poisson(counts) if self.statistic == "poisson" else -0.5 * _LOG_TWO_PI * counts.shape[-1]
        return share * (whole - jnp.sum(jnp.log(jnp.asarray(self.pulls.widths)) + 0.5 * _LOG_TWO_PI))

    def prepare(self, data: Any) -> CountsData:
        """Counts in canonical form.

        Args:
            data: counts as a vector or with one row per spectrum, ``{"counts": ..., "auxiliary": {name: value}}``, or
                `CountsData`.

        Raises:
            InvalidData: for a wrong number of counts, or counts that are negative or not finite.
            UnknownName: for an auxiliary measurement that does not exist.
        """
        if isinstance(data, CountsData):
            return CountsData(self._counts(data.counts), self._auxiliary(data.auxiliary), np.zeros(0))
        if not isinstance(data, Mapping):
            return CountsData(self._counts(data), np.asarray(self.pulls.centres, dtype=float), np.zeros(0))
        centres = dict(zip(self.pulls.parameters, np.asarray(self.pulls.centres, dtype=float), strict=True))
        for name, value in data.get("auxiliary", {}).items():
            if name not in centres:
                raise UnknownName(f"no auxiliary measurement of {name!r}; {near_names(name, centres)}")
            centres[name] = float(value)
        return CountsData(self._counts(data["counts"]), self._auxiliary(list(centres.values())), np.zeros(0))

    def simulate(self, key: Key, values: Values) -> CountsData:
        """Counts with the covariance of the expected ones and of their statistics, and measured values of pulls."""
        mean = self.prediction(values)
        bins, rank, pulls = mean.shape[0], self.root.shape[1], len(self.pulls.parameters)
        drawn = uniforms(key, bins + rank + pulls)
        auxiliary = self._expected_auxiliary(values) + self.pulls.widths * normal_quantile(drawn[bins + rank :])
        if self.statistic == "poisson":
            return CountsData(poisson_quantile(drawn[:bins], jnp.asarray(mean)), auxiliary, jnp.zeros(0))
        stat = jnp.sqrt(self._drawn_variance(mean))
        common = self.root @ normal_quantile(drawn[bins : bins + rank])
        return CountsData(mean + stat * normal_quantile(drawn[:bins]) + common, auxiliary, jnp.zeros(0))

    def expected(self, values: Values) -> CountsData:
        """Expected counts, and pulls measured where they are."""
        return CountsData(self.prediction(values), self._expected_auxiliary(values), jnp.zeros(0))

    def flags_at(self, values: Values, data: CountsData) -> dict[str, str]:
        """Conventions, biased costs, and whether the covariance belongs to other expected counts."""
        flags = dict(self.conventions)
        if self.pulls.parameters:
            flags["curvature_of_pulls"] = "errors leave out most second derivatives of expected counts in pulled inputs"
        if self.statistic in ("neyman", "pearson"):
            flags["biased_cost"] = f"the cost {self.statistic} is biased; cnp, unbiased and poisson are less so or not"
        if self.root.shape[1]:
            mean = np.asarray(_counts(self.prediction, values))
            moved = float(np.abs(mean / np.asarray(self.computed_at) - 1.0).max())
            if moved > _FAR:
                flags["covariance_far_from_fit"] = (
                    f"expected counts differ by up to {moved:.0%} from those at which the covariance was computed; "
                    "compute it anew with dayabay.analyse(...).updated_at(values)"
                )
            above = float(mean.sum() / np.sum(np.asarray(data.counts))) - 1.0
            if self.statistic in ("cnp", "pearson") and above > _ABOVE:
                flags["expected_counts_too_large"] = (
                    f"expected counts exceed the observed ones by {above:.1%}: {self.statistic} prefers larger ones "
                    "beside a covariance in which all may move together; errors come out too small by as much; "
                    "keep the variance (variance='kept', statistic='iterative') or take statistic='unbiased'"
                )
        return flags

    def _drawn_variance(self, mean: Bins) -> Bins:
        """Variance of the pseudo-experiments' statistical errors."""
        if self.mixture is not None:
            held = (self.mixture.share == 1.0) & (self.mixture.moving == 0.0)
            return jnp.where(held, self.kept, mean)
        return jnp.asarray(self.kept if self.statistic == "iterative" else mean)

    def _expected_auxiliary(self, values: Values) -> Float[Arrays, " pulls"]:
        return self.space.pack(values)[self._pulled]

    def _counts(self, counts: Any) -> Float[np.ndarray, " bins"]:
        array = np.asarray(counts, dtype=float).ravel()
        size, spectra = self.computed_at.shape[0], len(self.spectra)
        if array.shape != (size,):
            raise InvalidData(f"{array.size} counts; expected {size}, {size // spectra} for each of {spectra} spectra")
        bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0.0)))
        if bad.size:
            spectrum, place = divmod(int(bad[0]), size // spectra)
            raise InvalidData(
                f"count {array[bad[0]]} in bin {place} of {self.spectra[spectrum]}; expected a number >= 0"
            )
        return array

    def _auxiliary(self, auxiliary: Any) -> Float[np.ndarray, " pulls"]:
        array = np.asarray(auxiliary, dtype=float)
        if array.shape != (len(self.pulls.parameters),) or not np.isfinite(array).all():
            raise InvalidData(
                f"auxiliary data of shape {array.shape}; expected {len(self.pulls.parameters)} finite numbers"
            )
        return array


def sharing_programs(likelihood: DayaBayLikelihood, rank: int) -> DayaBayLikelihood:
    """The same chi-square in a form that shares compiled programs with others, for comparing many of them.

    The statistic becomes numbers, the covariance gets columns of zeros, and sentences for results are left out. A
    single analysis is faster without: with a kept variance its matrices do not change from step to step.

    Args:
        likelihood: of any statistic but ``"poisson"``.
        rank: columns of the covariance's root, at least as many as it has.
    """
    missing = rank - likelihood.root.shape[1]
    root = jnp.pad(jnp.asarray(likelihood.root), ((0, 0), (0, missing)))
    mixture = Mixture.of(likelihood.statistic)
    return dataclasses.replace(likelihood, statistic=MIXED, mixture=mixture, root=root, conventions=())


@functools.partial(jax.jit, compiler_options=RUN_ONCE)
def _counts(prediction: FoldedPrediction | FullPrediction, values: Values) -> Bins:
    return prediction(values)


@eqx.filter_custom_jvp
def _excess(theta: Theta, likelihood: DayaBayLikelihood, data: CountsData) -> Scalar:
    return likelihood.value(theta, data)


@_excess.def_jvp
def _excess_tangent(primals: Any, tangents: Any) -> tuple[Scalar, Scalar]:
    (theta, likelihood, data), (moved, *_) = primals, tangents
    value, gradient = _slope(theta, likelihood, data)
    return value, jnp.dot(gradient, moved)


@eqx.filter_custom_jvp
def _slope(theta: Theta, likelihood: DayaBayLikelihood, data: CountsData) -> tuple[Scalar, Theta]:
    return likelihood.value_and_gradient(theta, data)


@_slope.def_jvp
def _slope_tangent(primals: Any, tangents: Any) -> tuple[tuple[Scalar, Theta], tuple[Scalar, Theta]]:
    (theta, likelihood, data), (moved, *_) = primals, tangents
    value, gradient = _slope(theta, likelihood, data)
    return (value, gradient), (jnp.dot(gradient, moved), likelihood.hessian(theta, data) @ moved)
