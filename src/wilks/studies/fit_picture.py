"""Picture of a fit of counts: data, the model before and after the fit with its error, and pulls, per channel."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.data.axes import axis_from_edges
from wilks.data.histogram import Histogram
from wilks.inference.predictions import predict
from wilks.interchange.uhi import Plottable, read
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.space import NamedValues
from wilks.plots.fits import data_model
from wilks.plots.style import wilks_style
from wilks.results.fits import FitResult

_ACROSS = 3  # channels per row
_WIDTH, _HEIGHT = 5.6, 5.0  # inches per channel; narrower when there are several
_STACKED_UP_TO = 10  # components; more would repeat colours

Counts = PoissonCounts | ChiSquareCounts


class ChannelPicture(NamedTuple):
    """What is drawn of one channel.

    Args:
        title: name of the channel, empty if there is only one.
        edges: bin edges.
        counts: observed counts.
        prefit: expected counts with all parameters at their starts.
        postfit: expected counts after the fit, the finite simulation at its best scale.
        band: standard deviation of ``postfit`` from the fit's covariance.
        components: name -> its share of ``postfit``; empty if there are too many.
        quantity: name of the horizontal axis.
        unit: its unit.
    """

    title: str
    edges: Float[np.ndarray, " edges"]
    counts: Float[np.ndarray, " bins"]
    prefit: Float[np.ndarray, " bins"]
    postfit: Float[np.ndarray, " bins"]
    band: Float[np.ndarray, " bins"] | None
    components: dict[str, Float[np.ndarray, " bins"]]
    quantity: str
    unit: str


def plot_fit(
    likelihood: PoissonCounts | ChiSquareCounts | Joint,
    result: FitResult,
    data: Any,
    *,
    edges: Any = None,
    quantity: str = "",
    unit: str = "",
    labels: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Data with the model before and after the fit, its error, its components and the pulls; one panel per channel.

    Args:
        likelihood: the counts that were fitted, or a joint of them.
        result: the fit.
        data: as given to the fit; a histogram brings its own edges and axis title.
        edges: bin edges; for several channels a mapping channel -> edges. Bin numbers by default.
        quantity: name of the horizontal axis.
        unit: its unit.
        labels: text per component.
        title: heading of the figure.

    Raises:
        InvalidOption: for edges that do not fit the bins.
        InvalidModel: if the likelihood is none of counts.
    """
    pictures = channel_pictures(likelihood, result, data, edges=edges, quantity=quantity, unit=unit)
    with wilks_style():
        figure, pairs = _frames(len(pictures))
        for picture, (upper, lower) in zip(pictures, pairs, strict=True):
            _draw(picture, upper, lower, labels)
        if title:
            figure.suptitle(title)
    return figure


def channel_pictures(
    likelihood: PoissonCounts | ChiSquareCounts | Joint,
    result: FitResult,
    data: Any,
    *,
    edges: Any = None,
    quantity: str = "",
    unit: str = "",
) -> list[ChannelPicture]:
    """The numbers behind `plot_fit`, channel by channel."""
    if isinstance(likelihood, Joint):
        found: list[ChannelPicture] = []
        for name, part in likelihood.parts.items():
            share = _share(likelihood, name, result)
            own = edges.get(name) if isinstance(edges, Mapping) else edges
            pictures = channel_pictures(_checked(part), share, data[name], edges=own, quantity=quantity, unit=unit)
            found += [p._replace(title=f"{name}, {p.title}" if p.title else name) for p in pictures]
        return found
    return _of_counts(_checked(likelihood), result, data, edges, quantity, unit)


def _checked(likelihood: Any) -> Any:
    if not isinstance(likelihood, (PoissonCounts, ChiSquareCounts, Joint)):
        raise InvalidModel(f"a picture of counts needs a likelihood of counts, not {type(likelihood).__name__}")
    return likelihood


def _of_counts(
    likelihood: Counts, result: FitResult, data: Any, edges: Any, quantity: str, unit: str
) -> list[ChannelPicture]:
    prepared = likelihood.prepare(data)
    predictor, values = likelihood.predictor, likelihood.space.unpack(result.theta)
    prediction = predict(predictor, result)
    postfit = prediction.central
    if isinstance(likelihood, PoissonCounts):
        postfit = np.asarray(likelihood.fitted_counts(values, prepared))
    prefit = np.asarray(predictor(predictor.space.unpack(predictor.space.starts)))
    components = _components(predictor, values, postfit)
    band = None if result.covariance is None else prediction.error
    channels, first, found = likelihood.layout.channels, 0, []
    for name, size in channels:
        cells = slice(first, first + size)
        axis = _axis(name, size, data, edges, quantity, unit)
        found.append(
            ChannelPicture(
                name if len(channels) > 1 else "",
                axis[0],
                np.asarray(prepared.counts)[cells],
                prefit[cells],
                postfit[cells],
                None if band is None else band[cells],
                {n: share[cells] for n, share in components.items() if np.any(share[cells])},
                *axis[1:],
            )
        )
        first += size
    return found


def _share(joint: Joint, name: str, result: FitResult) -> FitResult:
    """The fit as one part of a joint sees it: its own parameters, in its own order."""
    space = joint.parts[name].space
    where = list(joint.space.indices(space.names))
    picked = {"theta": result.theta[where], "fixed": result.fixed[where], "start": result.start[where]}
    block = None if result.covariance is None else result.covariance[np.ix_(where, where)]
    return FitResult(
        **{
            **{f: getattr(result, f) for f in _KEPT},
            **picked,
            "names": space.names,
            "units": tuple(result.units[i] for i in where),
            "sigma": None if result.sigma is None else result.sigma[where],
            "covariance": block,
        }
    )


_KEPT = (
    "nll", "excess", "status", "cause", "rung", "edm", "iterations", "evaluations", "at_lower", "at_upper",
    "contributions", "pulls", "ndf", "flags", "how", "provenance",
)  # fmt: skip


def _components(predictor: Any, values: NamedValues, postfit: np.ndarray) -> dict[str, np.ndarray]:
    """Share of each template or sample after the fit, the finite simulation's scale spread over all of a bin."""
    if isinstance(predictor, LinearTemplates):
        theta = np.asarray(predictor.space.pack(values))
        shares = dict(zip(predictor.space.names, (predictor.templates * theta).T, strict=True))
    elif isinstance(predictor, TemplatePredictor):
        shares = _by_sample(predictor, values)
    else:
        return {}
    if len(shares) > _STACKED_UP_TO:
        return {}
    total = np.sum(list(shares.values()), axis=0)
    scale = np.divide(postfit, total, out=np.ones_like(total), where=total > 0)
    return {name: share * scale for name, share in sorted(shares.items(), key=lambda item: -item[1].sum())}


def _by_sample(predictor: TemplatePredictor, values: NamedValues) -> dict[str, np.ndarray]:
    slots, first = np.asarray(predictor.by_sample(values)), 0
    shares: dict[str, np.ndarray] = {}
    for channel in predictor.channels:
        cells = slice(first, first + channel.bins)
        for slot, sample in enumerate(channel.samples):
            share = shares.setdefault(sample.name, np.zeros(slots.shape[1]))
            share[cells] += slots[slot, cells]
        first += channel.bins
    return shares


def _axis(name: str, size: int, data: Any, edges: Any, quantity: str, unit: str) -> tuple[np.ndarray, str, str]:
    """Edges, name and unit of the horizontal axis: as asked for, else of the data's histogram, else bin numbers."""
    own = edges.get(name) if isinstance(edges, Mapping) else edges
    if own is not None:
        found = np.asarray(own, dtype=float)
        if found.shape != (size + 1,):
            raise InvalidOption(f"{found.size} edges given for {size} bins of channel {name!r}; expected {size + 1}")
        return axis_from_edges(found).edges, quantity or "bin", unit
    source = data.get(name) if isinstance(data, Mapping) else data
    axis = _axis_of(source)
    if axis is None or len(axis) != size:
        return np.arange(size + 1.0), quantity or "bin", unit
    text = axis.label.removesuffix(f"[{axis.unit}]").strip() or axis.name  # a label may carry its unit
    return np.asarray(axis.edges), quantity or text or "bin", unit or axis.unit


def _axis_of(source: Any) -> Any:
    if isinstance(source, Histogram):
        return source.axis
    if not isinstance(source, Plottable):
        return None
    try:
        return read(source, variances="poisson").axis
    except InvalidData:
        return None


def _frames(count: int) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """A figure with one large and one small axes per channel."""
    across = 2 if count == 4 else min(count, _ACROSS)
    down = -(-count // across)
    width = _WIDTH if count == 1 else 4.4
    figure = Figure(figsize=(width * across, _HEIGHT * down), layout="constrained")
    pairs = []
    for frame in np.ravel(figure.subfigures(down, across, squeeze=False))[:count]:
        upper, lower = frame.subplots(2, 1, sharex=True, height_ratios=(3.2, 1.0), gridspec_kw={"hspace": 0.0})
        upper.tick_params(labelbottom=False)
        pairs.append((upper, lower))
    figure.get_layout_engine().set(h_pad=0.015, hspace=0.0)  # type: ignore[union-attr]
    return figure, pairs


def _draw(picture: ChannelPicture, upper: Axes, lower: Axes, labels: Mapping[str, str] | None) -> None:
    data_model(
        picture.edges,
        picture.counts,
        picture.prefit,
        picture.postfit,
        band=picture.band,
        components=picture.components,
        quantity=picture.quantity,
        unit=picture.unit,
        labels=labels,
        axes=(upper, lower),
    )
    if picture.title:
        upper.set_title(picture.title, loc="left", fontsize="medium")
