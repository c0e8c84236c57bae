"""Histograms of other tools: any UHI histogram or numpy tuple in, ``hist`` out, UHI JSON both ways."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from wilks._base.errors import InvalidData, InvalidFile, MissingExtra, near_names
from wilks.data.axes import Axis, Category, Regular, Variable, axis_from_edges
from wilks.data.histogram import Histogram

_LARGEST_FILE = 500_000_000
_STORAGES = ("int", "double", "weighted")


@runtime_checkable
class Plottable(Protocol):
    """The UHI protocol that hist, boost-histogram, uproot and others follow."""

    @property
    def axes(self) -> Sequence[Any]:
        """Axes; each lists its bins."""
        ...

    @property
    def kind(self) -> Any:
        """``COUNT`` for sums, ``MEAN`` for profiles."""
        ...

    def values(self) -> np.ndarray:
        """Sum of weights per bin."""
        ...

    def variances(self) -> np.ndarray | None:
        """Variance per bin, if the source knows it."""
        ...

    def counts(self) -> np.ndarray | None:
        """Effective number of entries, as the source understands it; Wilks computes its own."""
        ...


@runtime_checkable
class Serializable(Protocol):
    """A histogram that states itself in the intermediate form of UHI."""

    def _to_uhi_(self) -> Mapping[str, Any]: ...


def read(source: Any, *, variances: Any = None, label: str | None = None) -> Histogram:
    """Histogram of another tool as a Wilks histogram.

    Args:
        source: hist, boost-histogram, uproot TH1 or TH2, anything with the UHI protocol, a mapping in UHI form, or a
            tuple ``(values, edges)`` (``(values, xedges, yedges)`` for two axes) as ``numpy.histogram`` returns it.
        variances: variance of each bin where the source has none, or ``"poisson"`` if the values are plain counts.
        label: name of the histogram; that of the source when absent.

    Raises:
        InvalidData: if variances are missing, or the source is no histogram of sums.

    >>> read(np.histogram([81.0, 91.0, 92.0], bins=[80, 90, 100]), label="data").values().tolist()
    [1.0, 2.0]
    """
    made = _read(source, variances)
    return made if label is None else made.relabelled(label)


def to_hist(histogram: Histogram) -> Any:
    """The histogram as ``hist.Hist`` with weight storage, flow bins, axis names and labels.

    Args:
        histogram: any Wilks histogram.

    Raises:
        MissingExtra: if hist is not installed.
        InvalidData: for a circular axis without overflow bin, which hist does not have.
    """
    try:
        import hist  # heavy and optional
    except ImportError as missing:
        raise MissingExtra("hist", "io") from missing
    made = hist.Hist(*[_to_hist_axis(hist, axis) for axis in histogram.axes], storage=hist.storage.Weight())
    made.label = histogram.label
    view: Any = made.view(flow=True)
    view["value"], view["variance"] = histogram.values(flow=True), histogram.variances(flow=True)
    return made


def to_mapping(histogram: Histogram) -> dict[str, Any]:
    """The histogram in the intermediate form of UHI, schema 1, made of lists and numbers.

    Args:
        histogram: any Wilks histogram.
    """
    metadata: dict[str, Any] = {"label": histogram.label, "nan_count": histogram.nan_count}
    if histogram.entries is not None:
        metadata["entries"] = histogram.entries
    return {
        "uhi_schema": 1,
        "metadata": metadata,
        "axes": [_axis_to_mapping(axis) for axis in histogram.axes],
        "storage": {
            "type": "weighted",
            "values": histogram.values(flow=True).tolist(),
            "variances": histogram.variances(flow=True).tolist(),
        },
    }


def write_json(path: str | Path, histograms: Mapping[str, Histogram]) -> None:
    """Write named histograms as UHI JSON.

    Args:
        path: file to write.
        histograms: histograms by name.
    """
    document = {name: to_mapping(histogram) for name, histogram in histograms.items()}
    Path(path).write_text(json.dumps(document, allow_nan=False), encoding="utf-8")


def read_json(path: str | Path, *, variances: Any = None) -> dict[str, Histogram]:
    """Read the named histograms of a UHI JSON file.

    Args:
        path: file to read.
        variances: as in :func:`read`.

    Raises:
        InvalidFile: if it is too large, no JSON, holds NaN, or has not the form of UHI.
    """
    path = Path(path)
    if path.stat().st_size > _LARGEST_FILE:
        raise InvalidFile(f"{path}: {path.stat().st_size} bytes; at most {_LARGEST_FILE} are read")
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise InvalidFile(f"{path}: no valid JSON: {broken}") from broken
    except InvalidFile as refused:
        raise InvalidFile(f"{path}: {refused}") from refused
    if not isinstance(document, dict):
        raise InvalidFile(f"{path}: holds a {type(document).__name__}; expected an object of named histograms")
    return {name: _from_mapping(part, variances, f"{path}: {name}") for name, part in document.items()}


def _to_hist_axis(hist: Any, axis: Axis) -> Any:
    if isinstance(axis, Category):
        return hist.axis.StrCategory(axis.labels, name=axis.name, label=axis.title, overflow=axis.overflow)
    if axis.circular and not axis.overflow:
        raise InvalidData(f"axis {axis.name!r}: hist has no circular axis without overflow; write UHI JSON")
    options = {"name": axis.name, "label": axis.title, "circular": axis.circular}
    options |= {"underflow": axis.underflow, "overflow": axis.overflow}
    if isinstance(axis, Regular):
        return hist.axis.Regular(axis.bins, axis.lower, axis.upper, **options)
    return hist.axis.Variable(axis.edges, **options)


def _refuse_constant(text: str) -> float:
    raise InvalidFile(f"{text} is no JSON number; write null or leave the entry out")


def _read(source: Any, variances: Any) -> Histogram:
    if isinstance(source, Histogram):
        return source
    if isinstance(source, tuple):
        return _from_numpy(source, variances)
    if isinstance(source, Mapping):
        return _from_mapping(source, variances, "histogram")
    if not isinstance(source, Plottable):
        raise InvalidData(f"a {type(source).__name__} is no histogram; expected the UHI protocol or (values, edges)")
    kind = str(getattr(source.kind, "value", source.kind))
    if kind != "COUNT":
        raise InvalidData(f"histogram of kind {kind} holds means, not sums; templates need sums of weights")
    if variances is None:
        variances = _with_flow_bins(source.variances)
    if isinstance(source, Serializable):
        return _from_mapping(source._to_uhi_(), variances, _name_of(source))
    return _from_protocol(source, variances)


def _from_numpy(source: tuple[Any, ...], variances: Any) -> Histogram:
    values = np.asarray(source[0])
    if len(source) != values.ndim + 1:
        raise InvalidData(f"a tuple of {len(source)} arrays for {values.ndim} axes; expected (values, edges, ...)")
    axes = [axis_from_edges(np.asarray(edges, dtype=np.float64)) for edges in source[1:]]
    if variances is None and values.dtype.kind in "iu":
        variances = "poisson"  # numpy counts unweighted entries in integers
    return _assembled(axes, values, variances, "numpy histogram")


def _from_protocol(source: Plottable, variances: Any) -> Histogram:
    axes = [_axis_from_protocol(axis) for axis in source.axes]
    values = np.asarray(_with_flow_bins(source.values), dtype=np.float64)
    if values.shape != tuple(axis.extent for axis in axes):  # the source keeps no flow bins, or others than ours
        values = np.asarray(source.values(), dtype=np.float64)
        own = source.variances()
        variances = own if isinstance(variances, np.ndarray) and own is not None else variances
    return _assembled(axes, values, variances, _name_of(source))


def _from_mapping(part: Any, variances: Any, place: str) -> Histogram:
    if not isinstance(part, Mapping) or part.get("uhi_schema") != 1:
        raise InvalidFile(f"{place}: no UHI histogram of schema 1 (key uhi_schema)")
    missing = [key for key in ("axes", "storage") if key not in part]
    if missing:
        raise InvalidFile(f"{place}: key {missing[0]!r} is missing")
    axes = [_axis_from_mapping(axis, f"{place}.axes[{number}]") for number, axis in enumerate(part["axes"])]
    storage, metadata = part["storage"], part.get("metadata", {})
    kind = storage.get("type")
    if kind not in _STORAGES:
        raise InvalidFile(f"{place}.storage: type {kind!r} is not one of {', '.join(_STORAGES)}")
    if kind == "weighted" and not isinstance(variances, str):
        variances = storage.get("variances") if variances is None else variances
    elif kind == "int" and variances is None:
        variances = "poisson"
    made = _assembled(axes, storage.get("values"), variances, str(metadata.get("label", place)))
    entries = metadata.get("entries", made.entries)
    return replace(made, nan_count=int(metadata.get("nan_count", 0)), entries=None if entries is None else int(entries))


def _assembled(axes: Sequence[Axis], values: Any, variances: Any, label: str) -> Histogram:
    array = np.asarray(values, dtype=np.float64)
    if isinstance(variances, str):
        if variances != "poisson":
            raise InvalidData(f"histogram {label!r}: variances={variances!r}; give an array or 'poisson'")
        return Histogram.from_counts(axes, array, label=label)
    if variances is None:
        raise InvalidData(
            f"histogram {label!r} has no variances and does not say that it is unweighted; "
            "give variances=..., or variances='poisson' if every entry has weight 1"
        )
    spread = np.asarray(variances, dtype=np.float64)
    if np.array_equal(array, spread) and (array != np.round(array)).any():
        raise InvalidData(
            f"histogram {label!r} holds fractional values but no sums of squared weights of its own; give variances=..."
        )
    return Histogram.from_weights(axes, array, spread, label=label)


def _with_flow_bins(method: Any) -> Any:
    """Values or variances with flow bins where the source offers them (an option outside the protocol)."""
    return method(flow=True) if "flow" in inspect.signature(method).parameters else method()


def _name_of(source: Any) -> str:
    names = (getattr(source, "label", None), getattr(source, "name", None))  # optional in the protocol
    return next((str(name) for name in names if name), "histogram")


def _axis_from_protocol(axis: Any) -> Axis:
    name, label = (str(getattr(axis, key, None) or "") for key in ("name", "label"))
    label = label or str(getattr(axis, "all_members", {}).get("fTitle", ""))  # uproot keeps the text of an axis there
    if axis.traits.discrete:
        return Category(tuple(str(item) for item in axis), name)
    bins = list(axis)
    edges = [bins[0][0], *(high for _, high in bins)]
    unit, label = _unit_and_label(name, label)
    return axis_from_edges(edges, name=name, unit=unit, label=label, circular=axis.traits.circular)


def _axis_to_mapping(axis: Axis) -> dict[str, Any]:
    metadata = {"name": axis.name, "label": axis.label} | ({"unit": axis.unit} if axis.unit else {})
    if isinstance(axis, Category):
        return {"type": "category_str", "categories": list(axis.labels), "flow": axis.overflow, "metadata": metadata}
    flow = {"underflow": axis.underflow, "overflow": axis.overflow, "circular": axis.circular, "metadata": metadata}
    if isinstance(axis, Regular):
        return {"type": "regular", "lower": axis.lower, "upper": axis.upper, "bins": axis.bins, **flow}
    return {"type": "variable", "edges": list(axis.boundaries), **flow}


def _axis_from_mapping(part: Any, place: str) -> Axis:
    known = ("regular", "variable", "category_str", "category_int", "boolean")
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind not in known:
        raise InvalidFile(f"{place}: axis type {kind!r} is unknown; {near_names(str(kind), known)}")
    metadata = part.get("metadata", {})
    name, label = str(metadata.get("name", "")), str(metadata.get("label", ""))
    unit = str(metadata.get("unit", ""))
    if not unit:
        unit, label = _unit_and_label(name, label)
    try:
        if kind == "boolean":
            return Category(("False", "True"), name, unit, label)
        if kind in ("category_str", "category_int"):
            return Category(tuple(str(item) for item in part["categories"]), name, unit, label, bool(part["flow"]))
        flow = {key: bool(part[key]) for key in ("underflow", "overflow", "circular")}
        if kind == "regular":
            edges = float(part["lower"]), float(part["upper"])
            return Regular(int(part["bins"]), *edges, name=name, unit=unit, label=label, **flow)
        return Variable(tuple(float(edge) for edge in part["edges"]), name, unit, label, **flow)
    except KeyError as missing:
        raise InvalidFile(f"{place}: key {missing} is missing") from missing


def _unit_and_label(name: str, label: str) -> tuple[str, str]:
    """Unit at the end of a label such as ``m4l [GeV]``; a label that says no more than name and unit is dropped."""
    found = re.fullmatch(r"(.*?)\s*\[([^\[\]]+)\]", label)
    if found is None:
        return "", "" if label == name else label
    return found[2], "" if found[1] == name else label
