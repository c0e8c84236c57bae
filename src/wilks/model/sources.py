"""What every source of events is: a differential rate, an expected number, and a way to draw events."""

import abc
from collections.abc import Sequence
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
