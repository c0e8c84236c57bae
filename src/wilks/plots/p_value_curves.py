"""Figures of p-values along a parameter."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from wilks._base.errors import InvalidOption
from wilks.results.fits import converged
from wilks.results.scans import Scan

from .style import MUTED, in_style, single, text_of

_LINES = (0.32, 0.05)


@in_style
def p_values(
    scans: Scan | Mapping[str, Scan],
    *,
    dof: int = 1,
    lines: Sequence[float] = _LINES,
    ax: Axes | None = None,
) -> Axes:
    """Asymptotic p-value of each value of a parameter, for one scan or several.

    Args:
        scans: a scan of one parameter, or label -> scan.
        dof: degrees of freedom of the chi-square law.
        lines: p-values to mark.
        ax: axes to draw into.

    Raises:
        InvalidOption: for a scan of two parameters, or none.
    """
    family = {scans.names[0]: scans} if isinstance(scans, Scan) else dict(scans)
    if not family or any(len(item.names) != 1 for item in family.values()):
        raise InvalidOption("p-values are drawn for scans of one parameter each")
    ax = single(ax)
    for name, item in family.items():
        good = converged(item.status)
        ax.plot(item.grid[0][good], item.p_values(dof)[good], label=text_of(name))
    for line in lines:
        ax.axhline(line, color=MUTED, lw=0.9, ls="--", zorder=1)
        ax.annotate(
            f"{line:g}", (1.0, line), (-3, 2), ax.get_yaxis_transform(), "offset points", ha="right", fontsize=8
        )
    ax.set_xlabel(" or ".join(text_of(name) for name in dict.fromkeys(item.names[0] for item in family.values())))
    ax.set_ylabel("p-value")
    ax.set_ylim(0.0, 1.05)
    ax.legend(loc="best")
    return ax
