"""Sources of events that compute once what a fit never changes."""

import abc
from typing import Any

from wilks._base.typing import Values

from .sources import AbstractEventSource


class AbstractStagedSource(AbstractEventSource):
    """A source whose rate is a chain of stages, some of which depend on few parameters.

    An unbinned likelihood asks it once for the source of its fits, in which only the free parameters will differ from
    their starts; stages that depend on none of them can then be arrays instead of computations.
    """

    @abc.abstractmethod
    def staged(self, free: tuple[str, ...]) -> AbstractEventSource:
        """An equal source, of the same space, for values in which only the named parameters leave their starts."""


class AbstractTabulatedSource(AbstractStagedSource):
    """A staged source with large tables in the middle, which few parameters move and rates and expectation share."""

    @property
    @abc.abstractmethod
    def table_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that may leave their starts and move the tables; none if there are no such tables."""

    @abc.abstractmethod
    def tables(self, values: Values) -> Any:
        """The tables at named values: arrays in a pytree."""

    @abc.abstractmethod
    def with_tables(self, tables: Any) -> AbstractEventSource:
        """The same source for values at which its tables are these."""
