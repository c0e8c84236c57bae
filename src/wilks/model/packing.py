"""Channels as one vector of numbers plus their names: what a model keeps of its making, for prints and for export."""

from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from .modifiers import (
    MODIFIER_KINDS,
    Channel,
    HistoSys,
    Modifier,
    NormSys,
    ShapeSys,
    StatError,
    TemplateSample,
)

_CLASS_OF_KIND = {kind: cls for cls, kind in MODIFIER_KINDS.items()}


class PackedChannels(eqx.Module):
    """Channels in a form that costs a compiled program nothing: names are structure, numbers are one array."""

    layout: tuple[Any, ...] = eqx.field(static=True)
    figures: Float[np.ndarray, " figures"]

    @classmethod
    def of(cls, channels: tuple[Channel, ...]) -> "PackedChannels":
        """Pack; every number is kept exactly."""
        layout = tuple(_channel_layout(channel) for channel in channels)
        figures = [array for channel in channels for array in _channel_figures(channel)]
        return cls(layout, np.concatenate(figures))

    def unpack(self) -> tuple[Channel, ...]:
        """The channels as they were."""
        rest = 0

        def take(n: int) -> np.ndarray:
            nonlocal rest
            rest += n
            return self.figures[rest - n : rest]

        return tuple(_unpack_channel(layout, take) for layout in self.layout)

    @property
    def samples(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Names of the samples of each channel."""
        return tuple((name, tuple(sample[0] for sample in samples)) for name, _, _, samples in self.layout)


def _channel_layout(channel: Channel) -> tuple[Any, ...]:
    samples = tuple(
        (s.name, s.variances is not None, tuple(_modifier_layout(m) for m in s.modifiers)) for s in channel.samples
    )
    return channel.name, channel.bins, channel.edges is not None, samples


def _modifier_layout(modifier: Modifier) -> tuple[str, ...]:
    extra = (modifier.constraint,) if isinstance(modifier, StatError) else ()
    return MODIFIER_KINDS[type(modifier)], modifier.name, *extra


def _channel_figures(channel: Channel) -> Iterator[np.ndarray]:
    if channel.edges is not None:
        yield channel.edges
    for sample in channel.samples:
        yield sample.values
        if sample.variances is not None:
            yield sample.variances
        for modifier in sample.modifiers:
            match modifier:
                case NormSys(hi=hi, lo=lo):
                    yield np.array([hi, lo], dtype=float)
                case HistoSys(hi=hi, lo=lo):
                    yield from (hi, lo)
                case ShapeSys(sigma=sigma) | StatError(sigma=sigma):
                    yield sigma


def _unpack_channel(layout: tuple[Any, ...], take: Callable[[int], np.ndarray]) -> Channel:
    name, bins, has_edges, sample_layouts = layout
    edges = take(bins + 1) if has_edges else None
    samples = []
    for sample, has_variances, modifiers in sample_layouts:
        values = take(bins)
        variances = take(bins) if has_variances else None
        samples.append(TemplateSample(sample, values, variances, [_unpack_modifier(m, bins, take) for m in modifiers]))
    return Channel(name, samples, edges)


def _unpack_modifier(layout: tuple[str, ...], bins: int, take: Callable[[int], np.ndarray]) -> Modifier:
    kind, name = layout[:2]
    match kind:
        case "normsys":
            hi, lo = take(2)
            return NormSys(name, float(hi), float(lo))
        case "histosys":
            return HistoSys(name, take(bins), take(bins))
        case "shapesys":
            return ShapeSys(name, take(bins))
        case "staterror":
            return StatError(name, take(bins), "poisson" if layout[2] == "poisson" else "gaussian")
    return _CLASS_OF_KIND[kind](name)
