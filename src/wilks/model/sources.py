"""What every source of events is: a differential rate, an expected number, and a way to draw events."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from wilks._base.typing import Key, Values
from wilks.data.events import Events
from wilks.parameters.space import ParameterSpace


class AbstractEventSource(eqx.Module):
    """A source of events whose density is known: what an unbinned likelihood is made of.

    To write one: hold the parameters in ``space``; turn a table of events into arrays once, in ``prepare``; give the
    logarithm of the differential rate of those events and the number of events expected in all.
    """

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def prepare(self, events: Events) -> Any:
        """Check events and bring them into arrays (a pytree), each with a leading axis of events; done once per data.

        Raises:
            InvalidData: naming column, rows and what was expected.
        """

    @abc.abstractmethod
    def log_rate(self, values: Values, prepared: Any) -> Float[Array, " events"]:
        """Logarithm of the expected number of events per unit of the observables, for every prepared event."""

    @abc.abstractmethod
    def expected_events(self, values: Values) -> Float[Array, ""]:
        """Expected number of events: the integral of the differential rate."""

    @abc.abstractmethod
    def simulate(self, keys: Sequence[Key], values: Values) -> tuple[Events, ...]:
        """Sets of events with Poisson-distributed numbers, one set per key; a set depends on its own key alone."""


class AbstractPlainSource(AbstractEventSource):
    """A source that computes its rate as such and not as a logarithm, so that a mixture of these needs no exponentials.

    A rate below the smallest number, 1e-308, is none; a source that falls further than that gives ``log_rate`` alone.
    """

    @abc.abstractmethod
    def rate(self, values: Values, prepared: Any) -> Float[Array, " events"]:
        """Expected number of events per unit of the observables, for every prepared event: exp of ``log_rate``."""


class AbstractExtendedSource(AbstractEventSource):
    """A source whose rate counts from a uniform density over a region of its own, such as a fiducial volume.

    Several in one data set are comparable only if all count from one density: an unbinned likelihood brings them there.
    """

    @property
    @abc.abstractmethod
    def region(self) -> Any:
        """The region, with its size as ``extent`` in a unit that sources of one data set share."""

    @abc.abstractmethod
    def relative_to(self, extent: float) -> "AbstractExtendedSource":
        """The same source with rates that count from a uniform density over that extent, and are 0 outside its own."""


def on_common_ground(sources: Mapping[str, AbstractEventSource]) -> dict[str, AbstractEventSource]:
    """Sources of one data set with rates that can be added: unequal regions count from the largest of them."""
    extended = [s for s in sources.values() if isinstance(s, AbstractExtendedSource)]
    if all(s.region == extended[0].region for s in extended):
        return dict(sources)
    largest = max(s.region.extent for s in extended)
    return {name: s.relative_to(largest) if isinstance(s, AbstractExtendedSource) else s for name, s in sources.items()}
