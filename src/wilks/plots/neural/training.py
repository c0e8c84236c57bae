"""Figure of how a network was trained: losses against steps, and the snapshot that was kept."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from wilks.plots.style import ACCENT, COLOURS, in_style, single


@in_style
def training(records: Mapping[str, Mapping[str, Any]], *, ax: Axes | None = None) -> Axes:
    """Training loss of each segment, held-out loss at each snapshot, and the snapshot that was kept.

    Args:
        records: name of the network -> its record as plain values, ``posterior.record.plain()``.
        ax: axes to draw into.
    """
    ax = single(ax, height=3.6)
    for (name, record), colour in zip(records.items(), COLOURS * len(records), strict=False):
        ax.plot(record["steps"], record["losses"], color=colour, lw=0.8, alpha=0.5)
        ax.plot(record["snapshot_steps"], record["held_out"], "o-", color=colour, markersize=3, label=name)
        kept = [loss for step, loss in zip(record["snapshot_steps"], record["held_out"], strict=True)
                if step == record["chosen"]]  # fmt: skip
        ax.plot([record["chosen"]] * len(kept), kept, "*", color=ACCENT, markersize=10)
    ax.set_xlabel("step")
    ax.set_ylabel("loss (points: held out)")
    ax.legend(loc="best")
    return ax
