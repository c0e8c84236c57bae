"""Sources of events that compute once what a fit never changes."""

import abc

from .sources import AbstractEventSource


class AbstractStagedSource(AbstractEventSource):
    """A source whose rate is a chain of stages, some of which depend on few parameters.

    An unbinned likelihood asks it once for the source of its fits, in which only the free parameters will differ from
    their starts; stages that depend on none of them can then be arrays instead of computations.
    """

    @abc.abstractmethod
    def staged(self, free: tuple[str, ...]) -> AbstractEventSource:
        """An equal source, of the same space, for values in which only the named parameters leave their starts."""
