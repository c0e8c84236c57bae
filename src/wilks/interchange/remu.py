"""Files of ReMU: binnings in YAML, read by a loader that knows its tags and executes nothing; matrices in npz."""

import functools
from pathlib import Path
from typing import Any

from wilks._base.errors import InvalidFile, MissingExtra, WilksError
from wilks.data.binning import AbstractBinning
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.product import Product
from wilks.data.refinement import Refined
from wilks.data.response_matrices import ResponseMatrices
from wilks.model.ensembles import LinearEnsemble
from wilks.model.response_model import response

from .remu_tags import READERS, Box, built, tagged

_LARGEST_FILE = 50_000_000  # bytes
_LARGEST_BINNING = 100_000_000  # bins


def read_binning(path: str | Path) -> AbstractBinning:
    """The binning of a YAML file.

    Args:
        path: file as ReMU writes it.

    Raises:
        InvalidFile: naming what was found, if it is no such file or holds an unknown tag.
        MissingExtra: if PyYAML is not installed.
    """
    file = Path(path)
    if not file.is_file():
        raise InvalidFile(f"{path}: no such file")
    if file.stat().st_size > _LARGEST_FILE:
        raise InvalidFile(f"{path}: {file.stat().st_size} bytes; files of binnings have at most {_LARGEST_FILE}")
    try:
        return parse_binning(file.read_text(encoding="utf-8"))
    except (WilksError, UnicodeDecodeError) as wrong:
        if isinstance(wrong, MissingExtra):
            raise
        raise InvalidFile(f"{path}: {wrong}") from wrong


def parse_binning(text: str) -> AbstractBinning:
    """The binning of a YAML text; see :func:`read_binning`."""
    yaml, loader = _yaml(), _loader()(text)
    try:
        found = loader.get_single_data()
    except (yaml.YAMLError, RecursionError) as wrong:
        raise InvalidFile(f"not a binning in YAML: {_sentence(wrong)}") from wrong
    finally:
        loader.dispose()
    if not isinstance(found, AbstractBinning):
        raise InvalidFile(f"holds {type(found).__name__}; expected one of {', '.join(READERS)}")
    if found.size > _LARGEST_BINNING:
        raise InvalidFile(f"a binning of {found.size} bins; at most {_LARGEST_BINNING} are read")
    return found


def write_binning(path: str | Path, binning: AbstractBinning) -> None:
    """Write a binning as YAML that ReMU reads; units of variables are not written.

    Raises:
        InvalidData: if ReMU has no such binning.
        MissingExtra: if PyYAML is not installed.
    """
    Path(path).write_text(format_binning(binning), encoding="utf-8")


def format_binning(binning: AbstractBinning) -> str:
    """YAML text of a binning; see :func:`write_binning`."""
    return _yaml().dump(binning, Dumper=_dumper(), default_flow_style=None, sort_keys=True)


def read_matrices(path: str | Path) -> ResponseMatrices:
    """The variations of a response matrix in an npz file, as plain arrays.

    Raises:
        InvalidFile: if it cannot be read, lacks ``matrices``, or its arrays do not fit.
    """
    return ResponseMatrices.load(path)


def read_response(path: str | Path) -> LinearEnsemble:
    """The response matrix of an npz file as a predictor, see :func:`wilks.model.response_model.response`.

    Raises:
        InvalidFile: if it cannot be read, lacks ``matrices``, or its arrays do not fit.
    """
    return response(read_matrices(path))


def write_response(path: str | Path, matrices: ResponseMatrices, *, compress: bool = False) -> None:
    """Write variations of a response matrix as an npz file that ReMU reads.

    Args:
        path: file.
        matrices: the variations.
        compress: make it smaller.
    """
    matrices.save(path, compress=compress)


def _yaml() -> Any:
    try:
        import yaml  # optional
    except ImportError as missing:
        raise MissingExtra("pyyaml", "io") from missing
    return yaml


@functools.cache
def _loader() -> Any:
    """A safe loader that knows ReMU's tags and nothing else beyond plain YAML."""
    yaml = _yaml()

    def construct(loader: Any, tag: str, node: Any) -> Any:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, f"{tag} holds no mapping", node.start_mark)
        try:
            return built(tag, loader.construct_mapping(node, deep=True))
        except WilksError as wrong:
            raise yaml.constructor.ConstructorError(None, None, str(wrong), node.start_mark) from wrong

    class Loader(yaml.SafeLoader):
        """Safe loader with the tags of ReMU."""

    for tag in READERS:
        Loader.add_constructor(tag, lambda loader, node, tag=tag: construct(loader, tag, node))
    Loader.add_constructor("!PhaseSpace", lambda loader, node: tuple(loader.construct_sequence(node)))
    return Loader


@functools.cache
def _dumper() -> Any:
    yaml = _yaml()

    class Dumper(yaml.SafeDumper):
        """Safe dumper with the tags of ReMU."""

        ignore_aliases = staticmethod(lambda data: True)

    for kind in (Grid, Boxes, Product, Refined, Box):
        Dumper.add_representer(kind, lambda dumper, item: dumper.represent_mapping(*tagged(item)))
    return Dumper


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
