"""Smoothing of varied templates: "353QH, twice", running medians that remove noise and keep steps."""

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

from wilks._base.errors import InvalidData
from wilks._base.notices import notice

_FEWEST_BINS = 3


def smooth_353qh_twice(values: Float[np.ndarray, " bins"]) -> Float[np.ndarray, " bins"]:
    """Numbers per bin smoothed by "353QH, twice".

    Medians of three, five and three neighbours (353); a parabola through flat triples that are a peak or a valley (Q);
    means with weights 1/4, 1/2, 1/4 (H); then the same on what this left over, and the sum of both. Results below 0 are
    set to 0 only if no input is below 0.

    Args:
        values: one number per bin, at least 3 bins.

    Raises:
        InvalidData: for fewer bins, or a number that is not finite; names the bin.

    References:
        J. H. Friedman, in: Proceedings of the 1974 CERN School of Computing, CERN 74-23, p. 271.

    >>> smooth_353qh_twice(np.array([1.0, 4.0, 2.0, 8.0])).tolist()
    [1.0, 2.25, 4.5, 8.0]
    """
    if len(values) < _FEWEST_BINS:
        raise InvalidData(f"{len(values)} bins cannot be smoothed; running medians need at least {_FEWEST_BINS}")
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values)))
        raise InvalidData(f"bin {bad} holds {values[bad]}, which cannot be smoothed; give finite numbers")
    once = _means(_parabolas(_medians(values)))
    rest = _means(_parabolas(_medians(values - once)))
    smoothed = once + rest
    return smoothed if (values < 0).any() else np.maximum(smoothed, 0.0)


def smoothed_variation(
    nominal: Float[np.ndarray, " bins"], variation: Float[np.ndarray, " varied"], *, who: str = "variation"
) -> Float[np.ndarray, " varied"]:
    """A varied template whose ratio to the nominal one is smoothed, with its own sum kept.

    Args:
        nominal: nominal template.
        variation: varied template with the same bins; with fewer than 3 bins it is returned as it is, with a notice.
        who: subject of messages.

    Raises:
        InvalidData: if a nominal bin is empty (it has no ratio) or not finite, shapes differ, or the smoothed template
            has sum 0; names the bin.
    """
    if nominal.shape != variation.shape:
        raise InvalidData(f"{who}: {len(variation)} bins, but the nominal template has {len(nominal)}")
    if len(nominal) < _FEWEST_BINS:
        notice(f"{who}: {len(nominal)} bins are not smoothed; smoothing needs at least {_FEWEST_BINS}")
        return variation.copy()
    if (nominal == 0).any():
        raise InvalidData(
            f"{who}: bin {int(np.argmax(nominal == 0))} of the nominal template is empty and has no ratio to smooth; "
            "merge it with a neighbour, or leave out the smoothing"
        )
    try:
        smoothed = smooth_353qh_twice(variation / nominal) * nominal
    except InvalidData as wrong:
        raise InvalidData(f"{who}: ratio to the nominal template: {wrong}") from None
    total = smoothed.sum()
    if total == 0:
        raise InvalidData(f"{who}: the smoothed template has sum 0 and cannot be scaled to {variation.sum():g}")
    return smoothed * (variation.sum() / total)


def _medians(values: np.ndarray) -> np.ndarray:
    """Running medians of 3, 5 and 3 bins; the first and last bin are set once, by extrapolation after the first 3."""
    threes = _median_of(values, 3)
    threes[0] = np.median([3 * threes[1] - 2 * threes[2], values[0], threes[1]])
    threes[-1] = np.median([3 * threes[-2] - 2 * threes[-3], values[-1], threes[-2]])
    fives = _median_of(threes, 3)  # where a window of 5 does not fit
    if len(values) >= 5:
        fives[2:-2] = _median_of(threes, 5)[2:-2]
    return _median_of(fives, 3)


def _median_of(values: np.ndarray, width: int) -> np.ndarray:
    """Median of each full window at its middle; bins nearer to an end keep their number."""
    reach = width // 2
    result = values.copy()
    result[reach:-reach] = np.median(sliding_window_view(values, width), axis=1)
    return result


def _parabolas(values: np.ndarray) -> np.ndarray:
    """Flat triples whose second neighbours lie on one side of them, bent towards the nearer neighbour."""
    result = values.copy()
    for i in range(2, len(values) - 2):
        middle, left, right = values[i], values[i - 2] - values[i], values[i + 2] - values[i]
        if values[i - 1] == middle == values[i + 1] and left * right > 0:
            j = -1 if abs(right) > abs(left) else 1  # towards the flatter side
            flat, steep = values[i + 2 * j], values[i - 2 * j]
            result[i] = -steep / 2 + 4 * middle / 3 + flat / 6
            result[i + j] = (flat - steep) / 2 + middle
    return result


def _means(values: np.ndarray) -> np.ndarray:
    result = values.copy()
    result[1:-1] = values[:-2] / 4 + values[1:-1] / 2 + values[2:] / 4
    return result
