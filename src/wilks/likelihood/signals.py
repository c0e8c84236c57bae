"""Signals: Gaussian measurements of an amplitude and a shape parameter, tabulated so that procedures profile them fast.

What to use when:

================  =====================================================================================================
`GridSignal`      any dependence on both parameters; procedures take the minimum over the nodes
`RationalSignal`  every predicted value is (a + b s)/(1 + c s) at fixed shape: ratios of spectra; continuous in s
`LinearSignal`    every predicted value is a + b s at fixed shape: closed-form profile, fastest
================  =====================================================================================================

`wilks.likelihood.tabulation.tabulate` chooses. A signal is itself a likelihood and a simulator of the data that it was
tabulated from; its other parameters act linearly and are profiled in closed form.
"""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.normals import standard_normals
from wilks._base.typing import Key, LogProb, Scalar, Values
from wilks.parameters.space import ParameterSpace

from .interface import AbstractCellLikelihood, AbstractFlaggedLikelihood, AbstractSimulator, Cells
from .signal_grids import CubicRule, NodeTable, SignalGrid
from .whitening import Whitening

Flags = tuple[tuple[str, str], ...]

ROUGH = 0.1
"""Error of an interpolated prediction, in standard deviations, above which results are flagged."""


class AbstractSignal(AbstractCellLikelihood[Any], AbstractFlaggedLikelihood[Any], AbstractSimulator[Any]):
    """Measurements x ~ N(mu(s, m) + sum over nuisances of (eta - eta_0) t(s, m), V) with a fixed covariance V.

    Everything is whitened: -2 ln L = |x - mu|^2 + constant. Auxiliary measurements of nuisances are among the measured
    values. The first two parameters of ``space`` are the amplitude s and the shape m, the others are nuisances.

    To write one: hold the fields, and return mean and tilts of one point.
    """

    grid: eqx.AbstractVar[SignalGrid]
    whitening: eqx.AbstractVar[Whitening]
    reference: eqx.AbstractVar[Float[np.ndarray, " nuisances"]]
    """Values eta_0 of the nuisances at which the means were tabulated."""

    roughness: eqx.AbstractVar[float]
    """Largest error halfway between shapes, in standard deviations (whitened norm) at the largest amplitude."""

    flags: eqx.AbstractVar[Flags]
    """What a careful reader must know of the tabulation."""

    @abc.abstractmethod
    def main(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " cells"]:
        """Whitened means with all nuisances at their reference."""

    @abc.abstractmethod
    def tilts(self, amplitude: Scalar, shape: Scalar) -> Float[Array, "nuisances cells"]:
        """Whitened derivatives of the means by the nuisances."""

    @property
    @abc.abstractmethod
    def shared_tilts(self) -> Float[np.ndarray, "nuisances cells"] | None:
        """The tilts if they are the same everywhere, else None."""

    def mean(self, values: Values) -> Float[Array, "terms cells"]:
        """Whitened means of all measured values."""
        theta = self.space.pack(values)
        main = self.main(theta[0], theta[1])
        if len(self.reference):
            main = main + (theta[2:] - jnp.asarray(self.reference)) @ self.tilts(theta[0], theta[1])
        return main[None]

    def judge(self, mean: Float[Array, "terms cells"], data: Any) -> Cells:
        """Half the squared residuals and their derivatives."""
        z = mean[0] - self.whitening.vector(data)
        one = jnp.ones_like(z)[None, None]
        return Cells(0.5 * z**2, z[None], one, one, jnp.isfinite(z))

    def saturated(self, data: Any) -> LogProb:
        """Log density at a prediction equal to the measurement."""
        return self.whitening.log_norm()

    def prepare(self, data: Any) -> Any:
        """Measured values, checked, in the form that the tabulated likelihood takes.

        Raises:
            InvalidData: if they are not one finite number per predicted value.
        """
        return self.whitening.prepare(data)

    def simulate(self, key: Key, values: Values) -> Any:
        """Values drawn around the prediction, auxiliary measurements among them."""
        mean = self.mean(values)[0]
        return self.whitening.data(mean + standard_normals(key, mean.shape[0]))

    def expected(self, values: Values) -> Any:
        """Values equal to the prediction."""
        return self.whitening.data(self.mean(values)[0])

    def flags_at(self, values: Values, data: Any) -> dict[str, str]:
        """Flags of the tabulation, and of a point between shapes that are too far apart."""
        flags = dict(self.flags)
        amplitude, shape = (float(values[name]) for name in self.grid.names)
        error = self.roughness * amplitude / float(self.grid.amplitudes[-1])
        if error > ROUGH and not np.isclose(self.grid.shapes, shape, rtol=1e-9).any():
            flags["coarse_between_shapes"] = (
                f"between the tabulated values of {self.grid.names[1]} the prediction is known to {error:.2g} sigma "
                "only; take more nodes"
            )
        return flags


class GridSignal(AbstractSignal):
    """A signal tabulated on all nodes of the plane; between them cubic, in the logarithm of a positive shape.

    Args:
        space: amplitude, shape, nuisances.
        grid: the nodes.
        whitening: of the measured values.
        means: whitened means at the nodes, the point without signal among the amplitudes where it is allowed.
        tilt_table: whitened derivatives by the nuisances at the nodes, nuisances and cells in one axis; None if shared.
        shared: those that are the same everywhere; None if there is a table.
        reference: values of the nuisances there.
        roughness: largest error between shapes at the largest amplitude, in standard deviations.
        flags: of the tabulation.
    """

    space: ParameterSpace
    grid: SignalGrid
    whitening: Whitening
    means: NodeTable
    tilt_table: NodeTable | None
    shared: Float[np.ndarray, "nuisances cells"] | None
    reference: Float[np.ndarray, " nuisances"]
    roughness: float
    flags: Flags = eqx.field(static=True)

    def main(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " cells"]:
        """Whitened means, interpolated."""
        return self.means(amplitude, shape)

    def tilts(self, amplitude: Scalar, shape: Scalar) -> Float[Array, "nuisances cells"]:
        """Whitened derivatives by the nuisances, interpolated."""
        if self.tilt_table is None:
            assert self.shared is not None
            return jnp.asarray(self.shared)
        return self.tilt_table(amplitude, shape).reshape(len(self.reference), -1)

    @property
    def shared_tilts(self) -> Float[np.ndarray, "nuisances cells"] | None:
        """The tilts if they are the same everywhere, else None."""
        return self.shared


class LinearSignal(AbstractSignal):
    """A signal that is linear in its amplitude: mu = mu_0 + s A(m), exact in s, cubic between shapes.

    Args:
        space: amplitude, shape, nuisances.
        grid: the nodes.
        whitening: of the measured values.
        null: whitened means without signal.
        rule: interpolation between shapes.
        slopes: whitened A at each shape.
        shared: whitened derivatives by the nuisances.
        reference: values of the nuisances there.
        roughness: largest error between shapes at the largest amplitude, in standard deviations.
        flags: of the tabulation.
    """

    space: ParameterSpace
    grid: SignalGrid
    whitening: Whitening
    null: Float[np.ndarray, " cells"]
    rule: CubicRule
    slopes: Float[np.ndarray, "shapes cells"]
    shared: Float[np.ndarray, "nuisances cells"]
    reference: Float[np.ndarray, " nuisances"]
    roughness: float
    flags: Flags = eqx.field(static=True)

    def main(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " cells"]:
        """Whitened means."""
        return jnp.asarray(self.null) + amplitude * combined(self.rule, self.slopes, shape)

    def tilts(self, amplitude: Scalar, shape: Scalar) -> Float[Array, "nuisances cells"]:
        """Whitened derivatives by the nuisances."""
        return jnp.asarray(self.shared)

    @property
    def shared_tilts(self) -> Float[np.ndarray, "nuisances cells"] | None:
        """The tilts, the same everywhere."""
        return self.shared


class RationalSignal(AbstractSignal):
    """A signal whose every measured value is predicted as (a + b s)/(1 + c s) at fixed shape: ratios of sums.

    A ratio F (1 - s f)/(1 - s g) of oscillated spectra has a = F, b = -F f, c = -g. Values that are linear in s have
    c = 0.

    Args:
        space: amplitude, shape, nuisances.
        grid: the nodes.
        whitening: of the measured values.
        constant: a of each value.
        rule: interpolation between shapes.
        numerator: b at each shape.
        denominator: c at each shape.
        shared: whitened derivatives by the nuisances.
        reference: values of the nuisances there.
        roughness: largest error between shapes at the largest amplitude, in standard deviations.
        flags: of the tabulation.
    """

    space: ParameterSpace
    grid: SignalGrid
    whitening: Whitening
    constant: Float[np.ndarray, " cells"]
    rule: CubicRule
    numerator: Float[np.ndarray, "shapes cells"]
    denominator: Float[np.ndarray, "shapes cells"]
    shared: Float[np.ndarray, "nuisances cells"]
    reference: Float[np.ndarray, " nuisances"]
    roughness: float
    flags: Flags = eqx.field(static=True)

    def main(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " cells"]:
        """Whitened means."""
        first, weights = self.rule.weights(shape)
        b, c = (window(table, first, weights) for table in (self.numerator, self.denominator))
        values = (jnp.asarray(self.constant)[None] + amplitude * b) / (1.0 + amplitude * c)
        return self.whitening.turn(weights @ values)

    def tilts(self, amplitude: Scalar, shape: Scalar) -> Float[Array, "nuisances cells"]:
        """Whitened derivatives by the nuisances."""
        return jnp.asarray(self.shared)

    @property
    def shared_tilts(self) -> Float[np.ndarray, "nuisances cells"] | None:
        """The tilts, the same everywhere."""
        return self.shared


def window(table: Float[np.ndarray | Array, "shapes cells"], first: Array, weights: Array) -> Float[Array, "w cells"]:
    """Rows of a table that belong to a window of nodes."""
    return jnp.asarray(table).at[first + jnp.arange(weights.shape[0])].get(mode="promise_in_bounds")


def combined(
    rule: CubicRule, table: Float[np.ndarray | Array, "shapes cells"], shape: Scalar
) -> Float[Array, " cells"]:
    """A table of vectors interpolated to one shape."""
    first, weights = rule.weights(shape)
    return weights @ window(table, first, weights)
