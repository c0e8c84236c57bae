"""Text and HTML tables of the bins of a histogram."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .axes import Axis

_MOST_ROWS = 60
_BAR = 30


@dataclass(frozen=True)
class BinTable:
    """Rows of a printed histogram: a heading, then one row per bin.

    Args:
        heading: one line that says what the histogram is.
        bins: name of each bin.
        values: sum of weights of each bin.
        errors: square root of the variance of each bin.
    """

    heading: str
    bins: Sequence[str]
    values: Float[np.ndarray, " bins"]
    errors: Float[np.ndarray, " bins"]

    def _shown(self) -> list[int]:
        rows = len(self.bins)
        if rows <= _MOST_ROWS:
            return list(range(rows))
        return [*range(_MOST_ROWS // 2), *range(rows - _MOST_ROWS // 2, rows)]

    def _share(self, row: int) -> float:
        top = float(np.max(self.values, initial=0.0))
        return max(0.0, float(self.values[row]) / top) if top > 0 else 0.0

    def text(self) -> str:
        """The table in plain text, with a bar per bin."""
        shown = self._shown()
        width = max((len(self.bins[i]) for i in shown), default=0)
        lines = [
            f"  {self.bins[i]:>{width}}  {self.values[i]:>11.5g} ± {self.errors[i]:<9.3g} "
            + "#" * round(_BAR * self._share(i))
            for i in shown
        ]
        if len(shown) < len(self.bins):
            lines.insert(_MOST_ROWS // 2, f"  ... {len(self.bins) - len(shown)} bins not shown ...")
        return "\n".join([self.heading, *(line.rstrip() for line in lines)])

    def html(self) -> str:
        """The table in HTML; every name is escaped."""
        rows = "".join(
            f"<tr><td>{html.escape(self.bins[i])}</td><td>{self.values[i]:.5g}</td>"
            f"<td>&plusmn; {self.errors[i]:.3g}</td>"
            f'<td><div style="background:#4878a8;height:0.8em;width:{8 * self._share(i):.2f}em"></div></td></tr>'
            for i in self._shown()
        )
        return f"<table><caption>{html.escape(self.heading)}</caption>{rows}</table>"


def bin_names(axes: Sequence[Axis]) -> list[str]:
    """Name of each bin without flow, last axis fastest."""
    names = [""]
    for axis in axes:
        own = [f"[{item[0]:g}, {item[1]:g})" if isinstance(item, tuple) else item for item in axis]
        names = [f"{name} x {item}" if name else item for name in names for item in own]
    return names
