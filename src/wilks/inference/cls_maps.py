"""Gaussian CLs over the plane of a signal: exclusion against the absence of signal, without toys."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import log_ndtr

from wilks.likelihood.signals import AbstractSignal
from wilks.results.regions import ClsMap

from .outlines import outlines
from .probabilities import check_level
from .problem import Clock, pose
from .regions import plane_flags
from .signal_planes import plane_of

_BAND = (-2.0, -1.0, 0.0, 1.0, 2.0)

Nodes = Float[np.ndarray, " points"]


def cls_map(signal: AbstractSignal, data: Any, *, level: float = 0.95) -> ClsMap:
    """CLs at each node of a signal's grid, from the law of q = chi2(node) - chi2(no signal) for Gaussian data.

    Without signal q ~ N(d, 4 d), with it q ~ N(-d', 4 d'), where d and d' are q on data without noise; they are equal
    unless nuisances act on the signal. CLs = P(q >= observed | signal)/P(q >= observed | no signal).

    Args:
        signal: a tabulated likelihood whose amplitude may be 0.
        data: as for `fit`.
        level: a node is excluded where CLs < 1 - level.

    References:
        X. Qian et al., Nucl. Instrum. Meth. A 827 (2016) 63, arXiv:1407.5052, eqs. 10 to 14.
    """
    clock = Clock.start()
    check_level(level)
    problem = pose(signal, data)
    plane = plane_of(signal, signal.grid.names)
    (x,) = plane.vectors(problem.data)
    nodes, null = plane.nodes(), plane.null()
    q = plane.chi2(nodes, x[None])[0] - plane.chi2(null, x[None])[0]
    without = plane.chi2(nodes, null.means)[0]
    with_signal = plane.chi2(null, nodes.means)[:, 0]
    expected = np.stack([_cls(without - 2 * n * np.sqrt(without), without, with_signal) for n in _BAND])
    axes = (signal.grid.amplitudes, signal.grid.shapes)
    shape = (len(axes[0]), len(axes[1]))
    cls = _cls(q, without, with_signal).reshape(shape)
    expected = expected.reshape(5, *shape)
    lowest = plane.lowest(x[None])
    best = (float(lowest.amplitude[0]), float(lowest.shape[0]))
    cut = math.log(1 - level)
    return ClsMap(
        names=signal.grid.names, level=level, x=axes[0], y=axes[1], q=q.reshape(shape), cls=cls, expected=expected,
        pieces=outlines(*axes, np.log(np.maximum(cls, 1e-300)) - cut),
        expected_pieces=outlines(*axes, np.log(np.maximum(expected[2], 1e-300)) - cut),
        flags={**plane.flags, **plane_flags(signal, best)},
        how="CLs from the Gaussian law of the chi-square difference of two hypotheses (asymptotic)",
        provenance=clock.provenance(problem, "cls_map", settings={"level": level}),
    )  # fmt: skip


def _cls(q: Nodes, without: Nodes, with_signal: Nodes) -> Nodes:
    """Ratio of the two tails; 1 where data cannot tell the hypotheses apart."""
    known = (without > 0) & (with_signal > 0)
    d, d_signal = np.where(known, without, 1.0), np.where(known, with_signal, 1.0)
    log_ratio = log_ndtr(-(q + d_signal) / (2 * np.sqrt(d_signal))) - log_ndtr(-(q - d) / (2 * np.sqrt(d)))
    return np.where(known, np.exp(np.minimum(log_ratio, 0.0)), 1.0)
