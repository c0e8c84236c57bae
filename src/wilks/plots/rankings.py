"""The picture of a ranking: pulls of parameters beside what they do to the best value of one."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wilks._base.errors import InvalidOption
from wilks.results.impacts import Impacts

from .style import COLOURS, DATA, MUTED, figure_of, in_style, rows, single


@in_style
def impacts(result: Impacts, *, top: int = 20, labels: Mapping[str, str] | None = None) -> Figure:
    """Impacts as bars, filled after and hollow before the fit, with the pulls of constrained parameters as points.

    Args:
        result: a ranking.
        top: how many parameters are shown, the largest impacts first.
        labels: text per name, e.g. in LaTeX.

    Raises:
        InvalidOption: if ``top`` is below 1.
    """
    if top < 1:
        raise InvalidOption(f"top is {top}; expected at least 1")
    size = min(top, len(result))
    where = np.arange(size)
    below = single(None, height=1.8 + 0.3 * size)
    above = below.twiny()
    for change, before, colour, sign in (
        (result.up, result.up_prefit, COLOURS[0], "+"),
        (result.down, result.down_prefit, COLOURS[1], "-"),
    ):
        above.barh(where, before[:size], height=0.76, fill=False, edgecolor=colour, lw=0.9)
        said = rf"$\theta = \hat\theta {sign} \Delta\hat\theta$"
        above.barh(where, change[:size], height=0.6, color=colour, alpha=0.55, lw=0, label=said)
    _centre(above, *(change[:size] for change in (result.up, result.down, result.up_prefit, result.down_prefit)))
    above.set_xlabel(f"change of {(labels or {}).get(result.name, result.name)}; hollow: errors before the fit")
    for reach in (-1.0, 0.0, 1.0):
        below.axvline(reach, color=MUTED, lw=0.8, ls=":" if reach else "-")
    below.errorbar(
        result.pull[:size], where, xerr=result.constraint[:size], fmt="o", color=DATA, markersize=4.0, elinewidth=1.2
    )
    below.set_zorder(above.get_zorder() + 1)
    below.patch.set_visible(False)
    _centre(below, np.abs(result.pull[:size]) + result.constraint[:size], np.array([1.6]))
    below.set_xlabel(r"pull  $(\hat\theta - \theta_0)/\Delta\theta$")
    rows(below, result.names[:size], labels)
    above.legend(loc="lower right", fontsize="small")
    return figure_of(below)


def _centre(ax: Axes, *values: np.ndarray) -> None:
    """Limits as far to the left as to the right."""
    reach = float(np.nanmax(np.abs(np.concatenate(values)), initial=1e-12))
    ax.set_xlim(-1.12 * reach, 1.12 * reach)
