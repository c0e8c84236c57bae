"""What to do with negative bins of weighted templates, and with bins that no simulated event reached."""

from dataclasses import replace

import numpy as np

from wilks._base.errors import InvalidModel, check_option
from wilks.data.histogram import Histogram

from .templates import Templates

NEGATIVE_BINS = ("keep", "error", "merge", "floor")
EMPTY_BINS = ("notice", "mean_weight")


def with_negative_bins(templates: Templates, policy: str = "keep", *, floor: float = 0.0) -> Templates:
    """Templates whose negative bins are treated by one stated rule.

    Args:
        templates: templates with one axis.
        policy: ``keep`` (allowed while the sum of all templates is positive), ``error``, ``merge`` (with the smaller
            neighbour, until none is negative; all templates and the data get the same bins), or ``floor``.
        floor: smallest value of a bin under ``floor``; the variance is kept and the added yield reported.

    Raises:
        InvalidModel: naming sample and bin.
        InvalidOption: for another policy.
    """
    check_option("negative_bins", policy, NEGATIVE_BINS)
    negative = [(name, i) for name, h in templates.histograms.items() for i in _negative(h)]
    if not negative:
        return templates
    if policy == "error":
        name, i = negative[0]
        raise InvalidModel(f"template {name!r}: {_bin(templates.histograms[name], i)} is negative; merge or floor it")
    if policy == "keep":
        return _kept(templates, negative)
    return _merged(templates) if policy == "merge" else _floored(templates, floor)


def with_empty_bins(templates: Templates, policy: str = "notice") -> Templates:
    """Templates whose empty bins (no simulated event) are treated by one stated rule.

    Args:
        templates: templates with one axis.
        policy: ``notice``, or ``mean_weight``: the variance becomes the mean squared weight of the sample.

    Raises:
        InvalidOption: for another policy.
    """
    check_option("empty_bins", policy, EMPTY_BINS)
    empty = {name: h for name, h in templates.histograms.items() if _empty(h).any()}
    sentences = [f"{name}: {_empty(h).sum()} bins without a simulated event" for name, h in empty.items()]
    noticed = templates.noticed(*sentences)
    if policy == "notice":
        return noticed
    changed = {name: _with_mean_weight(h) if name in empty else h for name, h in templates.histograms.items()}
    return replace(noticed, histograms=changed)


def _negative(histogram: Histogram) -> list[int]:
    return [int(i) for i in np.flatnonzero(histogram.values() < 0)]


def _empty(histogram: Histogram) -> np.ndarray:
    return (histogram.values() == 0) & (histogram.variances() == 0)


def _with_mean_weight(histogram: Histogram) -> Histogram:
    """Mean of w^2 from the number of entries, or from the effective number if entries are not known."""
    sumw2 = float(histogram.variances(flow=True).sum())
    entries = float(histogram.entries or histogram.counts(flow=True).sum())
    mean = sumw2 / entries if entries else 0.0
    variances = np.where(_empty(histogram), mean, histogram.variances())
    return Histogram.from_weights(histogram.axes, histogram.values(), variances, label=histogram.label)


def _kept(templates: Templates, negative: list[tuple[str, int]]) -> Templates:
    expected = templates.total.values()
    for name, i in negative:
        if expected[i] <= 0:
            raise InvalidModel(
                f"template {name!r}: {_bin(templates.histograms[name], i)} is negative and all templates together are "
                f"{expected[i]:.4g} there; merge or floor the bin"
            )
    return templates.noticed(
        *(f"negative bin kept: {name}, {_bin(templates.histograms[name], i)}" for name, i in negative)
    )


def _merged(templates: Templates) -> Templates:
    while True:
        worst = [(float(h.values().min()), name) for name, h in templates.histograms.items() if (h.values() < 0).any()]
        if not worst:
            return templates
        name = min(worst)[1]
        values, bins = templates.total.values(), len(templates.total.axis)
        place = int(np.argmin(templates.histograms[name].values()))
        if bins == 1:
            raise InvalidModel(f"template {name!r} is negative in total; it cannot be merged away")
        right = place + 1 < bins and (place == 0 or values[place + 1] < values[place - 1])
        first = place if right else place - 1
        low, high = templates.total.axis[first][0], templates.total.axis[first + 1][1]
        groups = [1] * first + [2] + [1] * (bins - first - 2)
        templates = templates.mapped(lambda h, groups=groups: h.merge(groups))
        templates = templates.noticed(f"bins merged to [{low:g}, {high:g}) because {name} was negative there")


def _floored(templates: Templates, floor: float) -> Templates:
    changed, sentences = {}, []
    for name, h in templates.histograms.items():
        low = h.values() < min(floor, 0.0)
        values = np.where(low, floor, h.values())
        changed[name] = Histogram.from_weights(h.axes, values, h.variances(), label=h.label) if low.any() else h
        if low.any():
            sentences.append(
                f"{name}: {low.sum()} negative bins set to {floor:g}, {(values - h.values()).sum():.4g} events added"
            )
    return replace(templates, histograms=changed).noticed(*sentences)


def _bin(histogram: Histogram, place: int) -> str:
    low, high = histogram.axis[int(place)]
    return f"bin {place} [{low:g}, {high:g}) = {histogram.values()[place]:.4g} ± {histogram.errors()[place]:.2g}"
