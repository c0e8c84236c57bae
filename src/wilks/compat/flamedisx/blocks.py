"""The building blocks of flamedisx 2, which do not exist here: what to do instead."""

from typing import Any

from wilks._base.errors import InvalidModel

_INSTEAD = (
    "the drop-in has no blocks: override model functions of fd.ERSource or fd.NRSource, or write a source of Wilks "
    "with stages of your own, a subclass of wilks.model.sources.AbstractEventSource"
)


class Block:
    """Refused, when a class is made of it."""

    def __init_subclass__(cls, **options: Any) -> None:
        raise InvalidModel(f"{cls.__name__} is a block of flamedisx; {_INSTEAD}")


class BlockModelSource:
    """Refused, when a class is made of it."""

    def __init_subclass__(cls, **options: Any) -> None:
        raise InvalidModel(f"{cls.__name__} is made of blocks of flamedisx; {_INSTEAD}")
