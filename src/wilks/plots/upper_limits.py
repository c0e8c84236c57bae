"""Figures of limits: confidences along the parameter, and limits along a parameter of the model (Brazil band)."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from wilks._base.errors import InvalidOption
from wilks.results.limits import SIGMAS, Limit

from .style import ACCENT, DATA, MUTED, in_style, single, text_of

_TWO, _ONE = "#f5d76e", "#7fbf7b"  # two and one standard deviations
_FLOOR = 1e-4  # smallest confidence drawn


@in_style
def confidences(
    result: Limit,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """CLs, CLs+b and CLb along the parameter, with the expected band and the limit.

    Args:
        result: a limit with curves; one of the plain profile method has none.
        labels: text per parameter, with its unit.
        ax: axes to draw into.

    Raises:
        InvalidOption: if the limit carries no curves.
    """
    if not len(result.mu):
        raise InvalidOption("this limit carries no curves of confidence; ask for it with method='cls' or expected=True")
    ax = single(ax)
    deciding = result.cls if result.method == "cls" else result.cls_sb
    name = "CLs" if result.method == "cls" else "CLs+b"
    if len(result.expected_cls):
        _band(ax, result.mu, np.maximum(result.expected_cls, _FLOOR), "expected")
    for values, label, style in ((result.cls_b, "CLb", ":"), (result.cls_sb, "CLs+b", "--")):
        if label != name:
            ax.plot(result.mu, np.maximum(values, _FLOOR), style, color=MUTED, lw=1.0, label=label)
    errors = result.cls_error if name == "CLs" else result.cls_sb_error
    ax.errorbar(
        result.mu, np.maximum(deciding, _FLOOR), errors if errors.any() else None, fmt=".-", color=DATA, markersize=4,
        lw=1.2, label=f"{name} observed", zorder=4,
    )  # fmt: skip
    ax.axhline(1 - result.level, color=ACCENT, lw=0.9, ls="--")
    if not result.open_:
        ax.axvline(result.observed, color=ACCENT, lw=0.9)
    ax.set_yscale("log")
    ax.set_ylim(max(0.05 * (1 - result.level), _FLOOR), 1.3)
    ends = [*result.expected[np.isfinite(result.expected)].tolist(), *([] if result.open_ else [result.observed])]
    ax.set_xlim(float(result.mu[0]), min(float(result.mu[-1]), 1.2 * max(ends, default=np.inf)))
    ax.set_xlabel(text_of(result.name, labels))
    ax.set_ylabel("confidence")
    ax.legend(loc="lower left")
    return ax


@in_style
def limits(
    points: Sequence[float] | Float[np.ndarray, " points"],
    results: Sequence[Limit],
    *,
    parameter: str = "",
    labels: Mapping[str, str] | None = None,
    logarithmic: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Observed and expected limits along a parameter of the model, such as a mass (Brazil band).

    Args:
        points: values of the model's parameter, one per limit.
        results: limits of one parameter at these points.
        parameter: name of the model's parameter.
        labels: text per parameter, with its unit.
        logarithmic: vertical axis in powers of ten.
        ax: axes to draw into.

    Raises:
        InvalidOption: if points and limits differ in number, or there are none.
    """
    if len(points) != len(results) or not len(results):
        raise InvalidOption(f"{len(points)} points for {len(results)} limits; give one limit per point, at least one")
    ax = single(ax)
    order = np.argsort(np.asarray(points, dtype=float))
    x, chosen = np.asarray(points, dtype=float)[order], [results[i] for i in order]
    if all(len(result.expected) for result in chosen):
        _band(ax, x, np.stack([result.expected for result in chosen], axis=1), "expected")
    observed = np.array([result.observed for result in chosen])
    known = np.array([not result.open_ for result in chosen])
    ax.plot(x[known], observed[known], ".-", color=DATA, lw=1.2, label="observed", zorder=4)
    if not known.all():
        ax.plot(x[~known], np.where(np.isfinite(observed), observed, 0.0)[~known], "^", color=ACCENT, label="open")
    if logarithmic:
        ax.set_yscale("log")
    ax.set_xlabel(text_of(parameter, labels))
    first = chosen[0]
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.35 if logarithmic else high + 0.35 * (high - low))  # room for the legend
    ax.set_ylabel(f"{100 * first.level:.4g} % {first.side} limit of {text_of(first.name, labels)}")
    ax.legend()
    return ax


def _band(ax: Axes, x: np.ndarray, rows: np.ndarray, label: str) -> None:
    """Two bands and a median from five rows, lowest first."""
    assert len(rows) == len(SIGMAS)
    ax.fill_between(x, rows[0], rows[4], color=_TWO, lw=0, label=f"{label}, 2 sigma", zorder=1)
    ax.fill_between(x, rows[1], rows[3], color=_ONE, lw=0, label=f"{label}, 1 sigma", zorder=2)
    ax.plot(x, rows[2], "--", color="black", lw=1.0, label=f"{label}, median", zorder=3)
