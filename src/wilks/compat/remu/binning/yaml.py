"""YAML of binnings: read without executing anything, written so that ReMU reads it, contents in a comment."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import InvalidFile, MissingExtra, WilksError
from wilks.interchange.remu_tags import READERS

from .bins import ARRAYS, AbstractBin, CartesianProductBin, RectangularBin
from .boxes import Binning, RectangularBinning
from .holder import AbstractFilledBinning
from .linear import LinearBinning
from .phase_space import PhaseSpace
from .products import CartesianProductBinning, RectilinearBinning

_CONTENTS = "# contents: "
_ANYWHERE = frozenset({"phasespace", "dummy", "subbinnings"})
_CLASSES: dict[str, Any] = {
    "!LinearBinning": LinearBinning,
    "!RectilinearBinning": RectilinearBinning,
    "!RectangularBinning": RectangularBinning,
    "!CartesianProductBinning": CartesianProductBinning,
    "!Binning": Binning,
    "!RectangularBin": RectangularBin,
    "!CartesianProductBin": CartesianProductBin,
}


def full_load(stream: Any) -> Any:
    """The object of a YAML text or open file; contents of a binning are those that `dump` wrote.

    Raises:
        InvalidFile: naming what was found, if it holds an unknown tag or does not fit together.
        MissingExtra: if PyYAML is not installed.
    """
    text = stream if isinstance(stream, str) else stream.read()
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    yaml = _yaml()
    loader = _loader()(text)
    try:
        found = loader.get_single_data()
        if isinstance(found, AbstractFilledBinning) and not found.is_dummy():
            _restore(found, text)
    except (yaml.YAMLError, WilksError, RecursionError, TypeError, ValueError) as wrong:
        raise InvalidFile(f"not a binning in YAML: {' '.join(str(wrong).split())}") from wrong
    finally:
        loader.dispose()
    return found


def load(stream: Any, Loader: Any = None) -> Any:
    """The same; whatever the loader, nothing is executed."""
    return full_load(stream)


def safe_load(stream: Any) -> Any:
    """The same."""
    return full_load(stream)


def dump(data: Any, stream: Any = None, **kwargs: Any) -> str | None:
    """YAML text of a binning, or of lists and mappings of them.

    Args:
        data: what to write.
        stream: open file, or a path; the text is returned when absent.
        kwargs: for ``yaml.dump``.
    """
    options = {"default_flow_style": None, **kwargs}
    text = _yaml().dump(data, Dumper=_dumper(), **options) + _contents_of(data)
    if stream is None:
        return text
    if isinstance(stream, str | Path):
        Path(stream).write_text(text, encoding="utf-8")
    else:
        stream.write(text)
    return None


def _contents_of(data: Any) -> str:
    """Contents of a filled binning in a comment, which ReMU passes over."""
    if not isinstance(data, AbstractFilledBinning) or data.is_dummy():
        return ""
    arrays = {name: getattr(data, name).tolist() for name in ARRAYS}
    return _CONTENTS + json.dumps(arrays) + "\n" if any(np.any(array) for array in arrays.values()) else ""


def _restore(binning: AbstractFilledBinning, text: str) -> None:
    *_, last = text.rstrip().rsplit("\n", 1)
    if last.startswith(_CONTENTS):
        arrays = json.loads(last.removeprefix(_CONTENTS))
        binning.set_values_from_ndarray(arrays["value_array"])
        binning.set_entries_from_ndarray(arrays["entries_array"])
        binning.set_sumw2_from_ndarray(arrays["sumw2_array"])


def _yaml() -> Any:
    try:
        import yaml  # optional
    except ImportError as missing:
        raise MissingExtra("pyyaml", "io") from missing
    return yaml


@functools.cache
def _loader() -> Any:
    """A safe loader that knows the tags of binnings and nothing else beyond plain YAML."""
    yaml = _yaml()

    def construct(loader: Any, tag: str, node: Any) -> Any:
        fields = loader.construct_mapping(node, deep=True)
        unknown = sorted(map(str, set(fields) - READERS[tag][1] - _ANYWHERE))
        if unknown:
            raise InvalidFile(f"{tag} has an unknown field {unknown[0]!r}")
        return _CLASSES[tag](**fields)

    class Loader(yaml.SafeLoader):
        """Safe loader with the tags of binnings."""

    for tag in _CLASSES:
        Loader.add_constructor(tag, lambda loader, node, tag=tag: construct(loader, tag, node))
    Loader.add_constructor("!PhaseSpace", lambda loader, node: PhaseSpace(loader.construct_sequence(node)))
    return Loader


@functools.cache
def _dumper() -> Any:
    yaml = _yaml()

    class Dumper(yaml.SafeDumper):
        """Safe dumper with the tags of binnings."""

        ignore_aliases = staticmethod(lambda data: True)

    def represent(dumper: Any, item: AbstractBin | AbstractFilledBinning) -> Any:
        fields = item.structure()
        if isinstance(item, AbstractFilledBinning):
            fields["subbinnings"] = dict(item.subbinnings)
        return dumper.represent_mapping(f"!{type(item).__name__}", fields)

    for kind in _CLASSES.values():
        Dumper.add_representer(kind, represent)
    Dumper.add_representer(PhaseSpace, lambda d, s: d.represent_sequence("!PhaseSpace", sorted(s.variables)))
    return Dumper
