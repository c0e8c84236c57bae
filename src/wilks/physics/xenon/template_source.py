"""Sources made of histograms: one template, or several between which parameters morph."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName, check_option, near_names
from wilks._base.notices import notice
from wilks._base.typing import Key, Scalar, Values
from wilks.data.events import Events
from wilks.model.sources import AbstractEventSource
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import NamedValues, ParameterSpace

from .draws import Draws
from .morphing import AbstractMorphing, morphing_between
from .template import Template
from .template_reading import as_template

OUTSIDE = ("zero", "error")


class AbstractTemplateSource(AbstractEventSource):
    """A sum of templates with weights that may depend on parameters."""

    templates: eqx.AbstractVar[tuple[Template, ...]]
    outside: eqx.AbstractVar[str]

    @abc.abstractmethod
    def weights(self, values: Values | None) -> tuple[Float[Array, " templates"], Bool[Array, ""]]:
        """Weight of every template, and whether the point is one that the templates cover."""

    def prepare(self, events: Events) -> Float[np.ndarray, "events templates"]:
        """Density of every template at every event.

        Raises:
            InvalidData: for missing columns, numbers that are not finite, and, on request, events in no template.
        """
        densities = np.stack([template.density(events) for template in self.templates], axis=1)
        lost = np.flatnonzero(~(densities > 0).any(axis=1))
        if len(lost):
            says = (
                f"{events.source}: {len(lost)} of {len(events)} events, the first is event {lost[0]}, lie outside the "
                f"template in {', '.join(self.templates[0].names)} or in empty bins"
            )
            if self.outside == "error":
                raise InvalidData(f"{says}; cut the data as the template, or give outside='zero'")
            notice(f"{says}; their rate is 0")
        return densities

    def log_rate(
        self, values: Values | None, prepared: Float[Array | np.ndarray, "events templates"] | Events
    ) -> Float[Array, " events"]:
        """ln of the expected events per unit of the columns of the template, at every event."""
        densities = self.prepare(prepared) if isinstance(prepared, Events) else prepared
        weights, covered = self.weights(values)
        rate = jnp.asarray(densities) @ weights
        some = (rate > 0) & covered
        return jnp.where(some, jnp.log(jnp.where(some, rate, 1.0)), -jnp.inf)

    def rate(self, values: Values | None, events: Events) -> Float[np.ndarray, " events"]:
        """Expected events per unit of the columns of the template, at every event."""
        return np.exp(np.asarray(self.log_rate(values, events)))

    def expected_events(self, values: Values | None = None) -> Scalar:
        """Expected events: the contents of all bins; infinite where no template covers the point."""
        weights, covered = self.weights(values)
        return jnp.where(covered, weights @ np.array([t.total for t in self.templates]), jnp.inf)

    def mu_before_efficiencies(self, values: Values | None = None) -> Scalar:
        """The same number: templates hold what is seen."""
        return self.expected_events(values)

    def simulate(self, keys: Sequence[Key], values: Values | None = None) -> tuple[Events, ...]:
        """Sets of events with Poisson-distributed numbers, one set per key.

        Raises:
            InvalidOption: at a point that no template covers, or where a weight is negative.
        """
        means = self._means(values)
        return (
            tuple(self._events(g, int(g.poisson(np.sum(means))), means) for g in Draws(keys).generators) if keys else ()
        )

    def draw(self, key: Key | int, n: int, values: Values | None = None) -> Events:
        """A fixed number of events that follow the density.

        Args:
            key: the same key gives the same events.
            n: number of events, at least 0.
            values: parameters; those that are not given keep their start.
        """
        (generator,) = Draws([jax.random.key(key) if isinstance(key, int) else key]).generators
        return self._events(generator, n, self._means(values))

    def _means(self, values: Values | None) -> Float[np.ndarray, " templates"]:
        """Expected events of every template."""
        weights, covered = self.weights(values)
        means = np.asarray(weights) * np.array([t.total for t in self.templates])
        if not covered or (means < 0).any():
            raise InvalidOption(
                f"events cannot be drawn at {dict(values or {})}: it lies outside the hull of the nodes"
            )
        return means

    def _events(self, generator: np.random.Generator, n: int, means: Float[np.ndarray, " templates"]) -> Events:
        shares = means / np.sum(means) if np.sum(means) > 0 else np.full(len(means), 1 / len(means))
        numbers = generator.multinomial(n, shares)
        parts = [t.draw(generator, int(m)) for t, m in zip(self.templates, numbers, strict=True)]
        order = generator.permutation(n)
        names = self.templates[0].names
        return Events(
            {name: np.concatenate([part[name] for part in parts])[order] for name in names}, source="template"
        )


class TemplateSource(AbstractTemplateSource):
    """Events whose density is a histogram in some of their columns; it has no parameters.

    >>> source = TemplateSource([[1.0, 3.0]], edges=[[0, 1], [0, 1, 2]], names=("s1", "s2"), events_per_bin=True)
    >>> float(source.expected_events())
    4.0

    Args:
        template: a histogram of any kind, or an array of contents.
        edges: of an array, one list per axis.
        names: columns of the axes; those of the histogram by default.
        events_per_bin: whether contents are events per bin; else they are events per unit of the columns.
        interpolate: whether the density is linear between the centres of bins; else constant in bins.
        outside: "zero" gives events outside the bins the rate 0, "error" refuses them.

    Raises:
        InvalidModel: for a template that makes no sense.
    """

    space: ParameterSpace = eqx.field(static=True)
    templates: tuple[Template, ...] = eqx.field(static=True)
    outside: str = eqx.field(static=True)

    def __init__(
        self,
        template: Any,
        edges: Sequence[Any] | None = None,
        names: Sequence[str] | None = None,
        *,
        events_per_bin: bool = False,
        interpolate: bool = False,
        outside: str = "zero",
    ) -> None:
        check_option("outside", outside, OUTSIDE)
        made = as_template(template, edges, names, events_per_bin=events_per_bin, interpolate=interpolate)
        self.space, self.templates, self.outside = ParameterSpace(()), (made,), outside

    def weights(self, values: Values | None) -> tuple[Float[Array, " templates"], Bool[Array, ""]]:
        """One template of weight 1."""
        return jnp.ones(1), jnp.ones((), dtype=bool)


class MultiTemplateSource(AbstractTemplateSource):
    """Events whose density morphs linearly between templates at several points of its parameters.

    Rates, expected events and draws use the same weights: barycentric ones, 1 at a node. On a regular grid of nodes
    they are multilinear; other nodes are joined by Delaunay simplices; for one parameter they are linear.

    Args:
        nodes: pairs of parameter values and a template (a histogram, or an array with the given edges). The first node
            gives the starts of the parameters; the range of the nodes bounds them.
        edges: of arrays, one list per axis.
        names: columns of the axes.
        events_per_bin: as for `TemplateSource`.
        interpolate: as for `TemplateSource`.
        outside: as for `TemplateSource`.
        extrapolate: whether parameters may leave the hull of the nodes; else the rate is 0 and the expected number
            infinite there, so that ln L is minus infinity.

    Raises:
        InvalidModel: for nodes or templates that make no sense.
    """

    space: ParameterSpace = eqx.field(static=True)
    templates: tuple[Template, ...] = eqx.field(static=True)
    outside: str = eqx.field(static=True)
    morphing: AbstractMorphing

    def __init__(
        self,
        nodes: Sequence[tuple[Mapping[str, float], Any]],
        edges: Sequence[Any] | None = None,
        names: Sequence[str] | None = None,
        *,
        events_per_bin: bool = False,
        interpolate: bool = False,
        outside: str = "zero",
        extrapolate: bool = False,
    ) -> None:
        check_option("outside", outside, OUTSIDE)
        points = [point for point, _ in nodes]
        self.morphing = morphing_between(points, extrapolate=extrapolate)
        self.templates = tuple(
            as_template(source, edges, names, events_per_bin=events_per_bin, interpolate=interpolate)
            for _, source in nodes
        )
        for number, template in enumerate(self.templates):
            if set(template.names) != set(self.templates[0].names):
                raise InvalidModel(
                    f"template {number} has the columns {template.names}, the first one {self.templates[0].names}; "
                    "templates between which parameters morph need the same ones"
                )
        self.space = ParameterSpace(tuple(_parameter(name, points, extrapolate) for name in points[0]))
        self.outside = outside

    def weights(self, values: Values | None) -> tuple[Float[Array, " templates"], Bool[Array, ""]]:
        """Barycentric weights of the nodes.

        Raises:
            UnknownName: for a parameter that the nodes do not have.
        """
        given: Mapping[str, Any] = values or {}
        for name in given if not isinstance(given, NamedValues) else ():
            if name not in self.space:
                raise UnknownName(f"no parameter {name!r}; {near_names(name, self.space.names)}")
        return self.morphing(jnp.stack([jnp.asarray(given.get(p.name, p.start), float) for p in self.space.parameters]))


def _parameter(name: str, nodes: Sequence[Mapping[str, float]], extrapolate: bool) -> Parameter:
    seen = [float(node[name]) for node in nodes]
    if extrapolate:
        return Parameter(name, seen[0])
    return Parameter(name, seen[0], lower=min(seen), upper=max(seen))
