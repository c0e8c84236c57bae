"""Expected counts of an amplitude and a shape parameter, tabulated so that procedures profile them fast."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, check_option
from wilks._base.typing import Scalar, Values
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from .counts import PoissonCounts
from .signal_grids import CubicRule, NodeTable, SignalGrid, along_shapes
from .signals import combined

_EXACT = 1e-9  # relative departure from a line that counts as rounding
_BATCH = 64


class AbstractCountTable(AbstractPredictor[Float[Array, " bins"]]):
    """Expected counts tabulated in an amplitude and a shape, the only parameters."""

    grid: eqx.AbstractVar[SignalGrid]

    @abc.abstractmethod
    def at(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " bins"]:
        """Expected counts at one point."""

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """Expected counts at the named values."""
        theta = self.space.pack(values)
        return self.at(theta[0], theta[1])


class LinearCountTable(AbstractCountTable):
    """Expected counts b + s A(m): exact in s, cubic between shapes.

    Args:
        space: amplitude and shape.
        grid: the nodes.
        background: b of each bin.
        rule: interpolation between shapes.
        slopes: A of each bin at each shape.
    """

    space: ParameterSpace
    grid: SignalGrid
    background: Float[np.ndarray, " bins"]
    rule: CubicRule
    slopes: Float[np.ndarray, "shapes bins"]

    def at(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " bins"]:
        """Expected counts at one point."""
        return jnp.asarray(self.background) + amplitude * combined(self.rule, self.slopes, shape)


class GridCountTable(AbstractCountTable):
    """Expected counts at all nodes of the plane, cubic between them.

    Args:
        space: amplitude and shape.
        grid: the nodes.
        table: counts at the nodes, those without signal among them where that is allowed.
    """

    space: ParameterSpace
    grid: SignalGrid
    table: NodeTable

    def at(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " bins"]:
        """Expected counts at one point."""
        return self.table(amplitude, shape)


def tabulate_counts(
    likelihood: PoissonCounts, grid: SignalGrid, *, form: str = "auto", space: ParameterSpace | None = None
) -> PoissonCounts:
    """The same likelihood of counts with its prediction tabulated, for exact regions of two parameters.

    Args:
        likelihood: counts without auxiliary measurements or template statistics.
        grid: nodes of amplitude and shape, which must be the only free parameters.
        form: ``"linear"`` in the amplitude, ``"grid"``, or ``"auto"``: linear if it is.
        space: which parameters are held at which value; the likelihood's own by default.

    Raises:
        InvalidModel: for constraints, other free parameters, or a linear form of a prediction that is not linear.
    """
    check_option("form", form, ("auto", "linear", "grid"))
    space = space or likelihood.space
    others = [name for name in space.free if name not in grid.names]
    if others or len(likelihood.constraints) or likelihood.statistics is not None:
        raise InvalidModel(
            "counts are tabulated without nuisances, auxiliary measurements and template statistics; hold "
            f"{', '.join(others) or 'them'} fixed, or use the general procedures"
        )
    first, second = (space[name] for name in grid.names)
    amplitudes = grid.amplitudes
    if first.lower == 0 < amplitudes[0]:
        amplitudes = np.concatenate([[0.0], amplitudes])

    def expected(columns: np.ndarray) -> Float[np.ndarray, "amplitudes shapes bins"]:
        points = np.tile(space.starts, (len(columns) * len(grid.shapes), 1))
        points[:, space.index(grid.names[0])] = np.repeat(columns, len(grid.shapes))
        points[:, space.index(grid.names[1])] = np.tile(grid.shapes, len(columns))
        return np.asarray(_predict(likelihood.predictor, points)).reshape(len(columns), len(grid.shapes), -1)

    shape = ParameterSpace((second,)).replace(
        second.name, lower=float(grid.shapes[0]), upper=float(grid.shapes[-1]),
        start=float(np.clip(second.start, grid.shapes[0], grid.shapes[-1])),
    ).parameters[0]  # fmt: skip
    low, middle, high = expected(np.array([amplitudes[0], 0.5 * (amplitudes[0] + amplitudes[-1]), amplitudes[-1]]))
    bent = float(np.max(np.abs(middle - 0.5 * (low + high)) / np.maximum(middle, 1e-300)))
    if form != "grid" and bent <= _EXACT:
        slopes = (high - low) / (amplitudes[-1] - amplitudes[0])
        own = ParameterSpace((first, shape))
        background = (low - amplitudes[0] * slopes)[0]
        return PoissonCounts(LinearCountTable(own, grid, background, along_shapes(grid.shapes), slopes))
    if form == "linear":
        raise InvalidModel(
            f"the expected counts depart by {bent:.2g} (relative) from a linear function of {grid.names[0]}; use "
            "form='grid'"
        )
    amplitude = ParameterSpace((first,)).replace(
        first.name, lower=float(amplitudes[0]), upper=float(amplitudes[-1]),
        start=float(np.clip(first.start, amplitudes[0], amplitudes[-1])),
    ).parameters[0]  # fmt: skip
    table = NodeTable.through(amplitudes, grid.shapes, expected(amplitudes))
    return PoissonCounts(GridCountTable(ParameterSpace((amplitude, shape)), grid, table))


@eqx.filter_jit
def _predict(predictor, points):
    return jax.lax.map(lambda theta: predictor(predictor.space.unpack(theta)), points, batch_size=_BATCH)
