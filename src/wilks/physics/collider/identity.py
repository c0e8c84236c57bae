"""Checks that a file holds the sample it is taken for, and that no event is counted twice."""

from collections.abc import Iterable, Mapping

import numpy as np

from wilks._base.errors import InvalidData
from wilks.data.events import Events

from .samples import Sample

IDENTITY = frozenset({"channelNumber", "eventNumber"})
"""Columns that name an event: dataset (or run, in data) and event number."""

FIGURES = frozenset({"XSection", "SumWeights"})
"""Columns in which a simulated file states its own normalisation."""

_ROUNDING = 1e-6


def check_dataset(sample: Sample, events: Events) -> None:
    """Refuse events of another dataset than the sample's.

    Args:
        sample: what the events are taken for.
        events: one batch; without the column ``channelNumber`` nothing is checked.

    Raises:
        InvalidData: with both numbers.
    """
    if sample.is_data or "channelNumber" not in events:
        return
    found = np.unique(events["channelNumber"])
    other = [int(number) for number in found if number != sample.dsid]
    if other:
        raise InvalidData(
            f"{events.source}: channelNumber is {', '.join(map(str, other))}, but sample {sample.name!r} has "
            f"dataset number {sample.dsid}; read the file as the sample it is, and merged files not at all"
        )


def normalisation_notices(sample: Sample, events: Events) -> tuple[str, ...]:
    """Sentences on figures in the file that differ from the table by more than rounding; the table is used.

    Args:
        sample: sample of the table.
        events: one batch; only the columns ``FIGURES`` are read.
    """
    stated = {"XSection": (sample.xsec_pb, "pb"), "SumWeights": (sample.sumw, "sum of weights")}
    notices = []
    for name, (expected, what) in stated.items():
        if sample.is_data or name not in events or not len(events):
            continue
        found = float(events[name][0])
        if abs(found / expected - 1) > _ROUNDING:
            filled = " (not filled)" if found == 1 else ""
            notices.append(
                f"{sample.name}: file says {found:.9g}{filled}, table {expected:.9g} {what}; the table is used"
            )
    return tuple(notices)


def check_overlaps(sources: Mapping[str, Iterable[Events]]) -> None:
    """Refuse files that hold the same events.

    Args:
        sources: events with the columns ``IDENTITY``, by file name.

    Raises:
        InvalidData: with the number of common events, the files, and which one to leave out.
    """
    keys = {name: np.concatenate([_keys(events) for events in batches]) for name, batches in sources.items()}
    names = sorted(keys, key=lambda name: len(keys[name]))
    for number, small in enumerate(names):
        overlapping = [large for large in names[number + 1 :] if len(np.intersect1d(keys[small], keys[large]))]
        if overlapping:
            large = overlapping[-1]
            parts = [name for name in names if name != large and len(np.intersect1d(keys[name], keys[large]))]
            common = sum(len(np.intersect1d(keys[name], keys[large])) for name in parts)
            raise InvalidData(
                f"{common} events occur twice: {large} holds those of {', '.join(parts)}; "
                f"leave out either {large} or the others"
            )


def _keys(events: Events) -> np.ndarray:
    return (events["channelNumber"].astype(np.int64) << 32) + events["eventNumber"].astype(np.int64)
