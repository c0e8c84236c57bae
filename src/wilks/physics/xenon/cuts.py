"""Which signals are accepted."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Cut:
    """Which values of one signal are accepted.

    Args:
        box: names of the parameters that are its lower and upper edge, if it is nothing but these.
        edges: between which it is integrated, PE.
    """

    box: tuple[str, str] | None
    edges: tuple[float, float]
