"""A source of events from a density that is a plain function of one observable."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks._base.tracing import UNTRACEABLE
from wilks._base.typing import Key, Scalar, Values
from wilks.data.events import Events
from wilks.parameters.space import ParameterSpace

from .sources import AbstractPlainSource

Density = Callable[[Any, Any], Any]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)  # of one panel, on [-1, 1]
_CELLS = 4096  # of the table from which events are drawn
_PRECISION = 1e-6  # relative, that the integral over the range must have at the starts


class DensitySource(AbstractPlainSource):
    """Events whose observable has a density given by a function, normalised over a range.

    With its rate multiplier held, the expected number is a constant: then `wilks.likelihood.Unbinned` judges the shape
    alone, as fits do that are not extended. With the multiplier free, the number of events is judged as well.

    Args:
        density: from an array of the observable and a mapping of parameter values to the density at each entry, at
            least 0 and of any norm; written with ``jax.numpy``.
        space: the parameters it may ask for.
        limits: range of the observable; events outside have no rate, and what lies outside is not counted.
        observable: name of the events' column.
        events: expected number of events in the range, at a rate multiplier of 1.
        panels: intervals of the quadrature that normalises, eight Gauss-Legendre nodes each; more for narrow peaks.

    Raises:
        InvalidOption: for a range without length, or numbers that are not positive.
        InvalidModel: if the function cannot be compiled, returns something else than one finite number of at least 0
            per entry, vanishes, or is too narrow at the starts for the quadrature.

    >>> from wilks.parameters.parameter import Parameter
    >>> space = ParameterSpace((Parameter("tau", 2.0, lower=0.1),))
    >>> decay = DensitySource(lambda t, p: jnp.exp(-t / p["tau"]), space, limits=(0.0, 10.0), observable="t")
    >>> rates = jnp.exp(decay.log_rate({"tau": 2.0}, np.array([0.0, 2.0, 11.0])))
    >>> [round(float(rate), 4) for rate in rates]
    [0.5034, 0.1852, 0.0]
    """

    space: ParameterSpace
    density: Density = eqx.field(static=True)
    limits: tuple[float, float] = eqx.field(static=True)
    observable: str = eqx.field(static=True)
    events: float
    nodes: Float[np.ndarray, " nodes"]
    weights: Float[np.ndarray, " nodes"]

    def __init__(
        self,
        density: Density,
        space: ParameterSpace,
        *,
        limits: tuple[float, float],
        observable: str = "x",
        events: float = 1.0,
        panels: int = 64,
    ) -> None:
        low, high = (float(end) for end in limits)
        if not (np.isfinite([low, high]).all() and low < high):
            raise InvalidOption(
                f"limits ({low:g}, {high:g}) of {observable!r} are no range; give two ascending numbers"
            )
        if not (np.isfinite(events) and events > 0) or panels < 1:
            raise InvalidOption(f"events = {events:g} and panels = {panels} must be positive")
        self.space, self.density, self.limits = space, density, (low, high)
        self.observable, self.events = observable, float(events)
        self.nodes, self.weights = _quadrature(low, high, panels)
        finer, weights = _quadrature(low, high, 2 * panels)
        integral, better = (w @ self._checked(x) for x, w in ((self.nodes, self.weights), (finer, weights)))
        if not better > 0:
            raise InvalidModel(f"the density of {observable!r} is zero all over ({low:g}, {high:g}) at the starts")
        if abs(integral - better) > _PRECISION * better:
            raise InvalidModel(
                f"the density of {observable!r} is too narrow for {panels} panels: its integral is {integral:.8g}, or "
                f"{better:.8g} with twice as many; give more panels, or narrower limits"
            )

    def prepare(self, events: Events) -> Float[np.ndarray, " events"]:
        """The observable of every event.

        Raises:
            InvalidData: if the column is missing, or an entry is not finite.
        """
        if self.observable not in events:
            raise InvalidData(f"{events.source}: no column {self.observable!r}, which holds the observable")
        x = np.asarray(events[self.observable], dtype=float)
        bad = np.flatnonzero(~np.isfinite(x))
        if len(bad):
            raise InvalidData(f"{events.source}: column {self.observable!r} is {x[bad[0]]} at event {bad[0]}")
        return x

    def log_rate(self, values: Values, prepared: Float[Array | np.ndarray, " events"]) -> Float[Array, " events"]:
        """ln of events times density over its integral; -inf outside of the limits."""
        return jnp.log(self.rate(values, prepared))

    def rate(self, values: Values, prepared: Float[Array | np.ndarray, " events"]) -> Float[Array, " events"]:
        """Events times density over its integral; 0 outside of the limits."""
        x = jnp.asarray(prepared)
        scale = self.events / jnp.sum(self.weights * self._at(self.nodes, values))
        return scale * jnp.where((x >= self.limits[0]) & (x <= self.limits[1]), self._at(x, values), 0.0)

    def expected_events(self, values: Values) -> Scalar:
        """The number it was given: the density has no influence on it."""
        return jnp.asarray(self.events)

    def simulate(self, keys: Sequence[Key], values: Values) -> tuple[Events, ...]:
        """Sets of events from a table of the integrated density; a set depends on its own key alone."""
        edges = np.linspace(*self.limits, _CELLS + 1)
        heights = np.asarray(_heights(self, jnp.asarray([float(values[n]) for n in self.space.names]), edges))
        steps = 0.5 * (heights[1:] + heights[:-1])
        reached = np.concatenate([[0.0], np.cumsum(steps)])
        words = np.asarray(jax.random.key_data(jnp.stack(list(keys)))).astype(np.uint64)
        found = []
        for first, second in words:
            generator = np.random.Generator(np.random.Philox(key=int(first) << 32 | int(second)))
            uniform = generator.random(generator.poisson(self.events)) * reached[-1]
            found.append(Events({self.observable: _inverted(uniform, reached, heights, edges)}))
        return tuple(found)

    def _at(self, x: Float[Array | np.ndarray, " places"], values: Values) -> Float[Array, "..."]:
        return jnp.asarray(self.density(jnp.asarray(x), {name: values[name] for name in self.space.names}), dtype=float)

    def _checked(self, x: Float[np.ndarray, " places"]) -> Float[np.ndarray, " places"]:
        """The density at the starts.

        Raises:
            InvalidModel: if that is no vector of finite numbers of at least 0, or cannot be compiled.
        """
        try:
            found = np.asarray(_heights(self, jnp.asarray(self.space.starts), x))
        except UNTRACEABLE as error:
            raise InvalidModel(
                f"the density of {self.observable!r} cannot be compiled: it asks for the value of a parameter, as "
                "plain numpy and branches do; write it with jax.numpy"
            ) from error
        if found.shape != x.shape:
            raise InvalidModel(f"the density of {self.observable!r} gives shape {found.shape} for {x.shape} entries")
        bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
        if len(bad):
            raise InvalidModel(
                f"the density of {self.observable!r} is {found[bad[0]]:g} at {x[bad[0]]:g} and the starts; expected a "
                "finite number of at least 0"
            )
        return found


@eqx.filter_jit
def _heights(source: DensitySource, theta: Array, x: Any) -> Array:
    return source._at(x, source.space.unpack(theta))


def _quadrature(low: float, high: float, panels: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Legendre, panel after panel."""
    edges = np.linspace(low, high, panels + 1)
    half = 0.5 * np.diff(edges)[:, None]
    return (edges[:-1, None] + half * (1.0 + _NODES)).ravel(), (half * _WEIGHTS).ravel()


def _inverted(uniform: np.ndarray, reached: np.ndarray, heights: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Where the integral of a density that is straight between edges reaches each number."""
    cell = np.clip(np.searchsorted(reached, uniform, side="right") - 1, 0, len(edges) - 2)
    low, high, area = heights[cell], heights[cell + 1], uniform - reached[cell]
    # low s + (high - low) s^2 / 2 = area, in units of the cell
    share = 2.0 * area / np.maximum(low + np.sqrt(np.maximum(low**2 + 2.0 * (high - low) * area, 0.0)), 1e-300)
    return edges[cell] + np.clip(share, 0.0, 1.0) * (edges[1] - edges[0])
