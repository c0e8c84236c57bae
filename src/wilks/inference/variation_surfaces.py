"""ln L of counts under weighted variations with its derivatives, in plain numpy and for many sets of counts at once."""

import abc
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks.model.ensembles import AbstractEnsemble

_RIDGE = 1e-9  # share of the largest diagonal element that keeps equations solvable
_FEW = 8  # parameters up to which products of slopes are formed once for all lanes
_STEP = 6e-6  # relative step of central differences: the cube root of the rounding error

Points = Float[np.ndarray, "lanes parameters"]
Lanes = Int[np.ndarray, " lanes"]
Means = Float[np.ndarray, "lanes variations bins"]
Slopes = Float[np.ndarray, "each variations bins parameters"]


class AbstractMeans(abc.ABC):
    """Expected counts of the variations in many lanes, each at its own point."""

    @abc.abstractmethod
    def at(self, theta: Points, lanes: Lanes) -> tuple[Means, Slopes]:
        """Expected counts with their derivatives, these once for all lanes where they do not depend on the point.

        Args:
            theta: a point per lane.
            lanes: numbers of the lanes.
        """


@dataclass(frozen=True, eq=False)
class LinearMeans(AbstractMeans):
    """mu_s = M_s x + c_s.

    Args:
        matrices: M.
        constants: c.
    """

    matrices: Float[np.ndarray, "variations bins parameters"]
    constants: Float[np.ndarray, "variations bins"]

    def at(self, theta: Points, lanes: Lanes) -> tuple[Means, Slopes]:
        """One product of matrices for all lanes."""
        flat = self.matrices.reshape(self.constants.size, self.matrices.shape[2])
        mean = (theta @ flat.T).reshape(len(theta), *self.constants.shape) + self.constants
        return mean, self.matrices[None]


@dataclass(frozen=True, eq=False)
class MemberMeans(AbstractMeans):
    """One linear variation per lane: lane number modulo the number of variations.

    Args:
        matrices: M of all variations.
        constants: c of all variations.
    """

    matrices: Float[np.ndarray, "variations bins parameters"]
    constants: Float[np.ndarray, "variations bins"]

    def at(self, theta: Points, lanes: Lanes) -> tuple[Means, Slopes]:
        """The member of each lane."""
        member = lanes % len(self.matrices)
        matrices = self.matrices[member]
        mean = np.einsum("lbp,lp->lb", matrices, theta) + self.constants[member]
        return mean[:, None], matrices[:, None]


@dataclass(frozen=True, eq=False)
class CurvedMeans(AbstractMeans):
    """Any ensemble, with central differences.

    Args:
        ensemble: evaluated with numpy arrays.
    """

    ensemble: AbstractEnsemble

    def at(self, theta: Points, lanes: Lanes) -> tuple[Means, Slopes]:
        """All differences in one call; a step that would leave the bounds is turned around."""
        count, size = theta.shape
        step = _STEP * np.maximum(np.abs(theta), 1.0)
        low = np.maximum(theta - step, self.ensemble.space.lowers)
        high = np.minimum(theta + step, self.ensemble.space.uppers)
        points = np.repeat(theta[:, None], 2 * size + 1, axis=1)
        every = np.arange(size)
        points[:, 1 + every, every], points[:, 1 + size + every, every] = low, high
        found = np.asarray(self.ensemble.predict(points.reshape(-1, size).T[None]))
        found = np.moveaxis(found, 2, 0).reshape(count, 2 * size + 1, *found.shape[:2])
        width = np.where(high > low, high - low, 1.0)
        slopes = (found[:, 1 + size :] - found[:, 1 : 1 + size]) / width[:, :, None, None]
        return found[:, 0], np.moveaxis(slopes, 1, 3)


class Expansion(NamedTuple):
    """ln L without its constant, in many lanes, with gradient and Hessian."""

    value: Float[np.ndarray, " lanes"]
    gradient: Float[np.ndarray, "lanes parameters"]
    hessian: Float[np.ndarray, "lanes parameters parameters"]


@dataclass(frozen=True, eq=False)
class Surface:
    """ln L of many sets of counts, averaged over the variations or at the best one.

    Args:
        means: expected counts.
        counts: one set per lane; lane l of members belongs to set l // repeat.
        log_weights: logarithm of the share of each variation; None for the best variation.
        repeat: lanes per set of counts.
    """

    means: AbstractMeans
    counts: Float[np.ndarray, "sets bins"]
    log_weights: Float[np.ndarray, " variations"] | None
    repeat: int = 1

    def expand(self, theta: Points, lanes: Lanes) -> Expansion:
        """Value, gradient and Hessian at a point per lane.

        With p_s the posterior share of variation s and g_s its gradient: G = sum p_s g_s and
        H = sum p_s [g_s g_s^T - M_s^T diag(k/mu_s^2) M_s] - G G^T.
        """
        mean, slopes = self.means.at(theta, lanes)
        counts = self.counts[lanes // self.repeat][:, None, :]
        each, ratio, safe = judged(mean, counts)
        value, share = mixed(each, self.log_weights)
        own = _contracted(ratio - 1.0, slopes)
        weighted = own * share[:, :, None]
        gradient = weighted.sum(axis=1)
        hessian = np.swapaxes(weighted, 1, 2) @ own - gradient[:, :, None] * gradient[:, None, :]
        return Expansion(value, gradient, hessian - _curvature(share[:, :, None] * ratio / safe, slopes))

    def promises(
        self, theta: Points, lanes: Lanes, room: tuple[Bool[np.ndarray, "lanes parameters"], ...]
    ) -> Float[np.ndarray, " lanes"]:
        """What the most promising variation alone could reach: max over s of ln w_s + l_s + g_s^T H_s^-1 g_s / 2.

        Args:
            theta: a point per lane.
            lanes: numbers of the lanes.
            room: parameters that may move down, and up.
        """
        mean, slopes = self.means.at(theta, lanes)
        each, ratio, safe = judged(mean, self.counts[lanes // self.repeat][:, None, :])
        own, size = _contracted(ratio - 1.0, slopes), theta.shape[1]
        moving = np.where(own < 0, room[0][:, None], room[1][:, None])
        own = np.where(moving, own, 0.0)
        block = np.einsum("lsb,esbp,esbq->lspq", ratio / safe, slopes, slopes, optimize=True)
        block = np.where(moving[:, :, :, None] & moving[:, :, None, :], block, 0.0)
        diagonal = np.einsum("lspp->lsp", block)
        diagonal += _RIDGE * diagonal.max(axis=2, keepdims=True) + np.where(moving & (diagonal > 0), 0.0, 1.0)
        gain = 0.5 * np.sum(
            own * np.linalg.solve(block, own.reshape(-1, len(self.log_shares), size, 1))[..., 0], axis=2
        )
        return (each + gain + self.log_shares).max(axis=1)

    @property
    def log_shares(self) -> Float[np.ndarray, " variations"]:
        """Logarithms of the weights of an average."""
        assert self.log_weights is not None
        return self.log_weights

    def shares(self, theta: Points, lanes: Lanes) -> Float[np.ndarray, "lanes variations"]:
        """Posterior share of each variation."""
        each, _, _ = judged(self.means.at(theta, lanes)[0], self.counts[lanes // self.repeat][:, None, :])
        return mixed(each, self.log_weights)[1]


def judged(
    mean: Means, counts: Float[np.ndarray, "lanes #variations bins"]
) -> tuple[Float[np.ndarray, "lanes variations"], Means, Means]:
    """sum_i k_i ln mu_i - mu_i of each variation, with k/mu, and mu where it is positive (1 elsewhere).

    It is -inf where an expectation is negative, or zero with counts.
    """
    positive: Bool[np.ndarray, "..."] = mean > 0
    safe = np.where(positive, mean, 1.0)
    each = (counts * np.log(safe) - mean).sum(axis=2)
    if not positive.all():
        possible = positive | ((mean == 0) & (counts == 0))
        each = np.where(possible.all(axis=2), each, -np.inf)
    return each, np.where(positive, counts / safe, 0.0), safe


def mixed(
    each: Float[np.ndarray, "lanes variations"], log_weights: Float[np.ndarray, " variations"] | None
) -> tuple[Float[np.ndarray, " lanes"], Float[np.ndarray, "lanes variations"]]:
    """ln sum_s w_s e^(l_s) with the share of each variation; without weights the largest l_s, which has all."""
    terms = each if log_weights is None else each + log_weights
    top = terms.max(axis=1)
    if log_weights is None:
        return top, np.eye(terms.shape[1])[terms.argmax(axis=1)]
    finite = np.where(np.isfinite(top), top, 0.0)
    share = np.exp(terms - finite[:, None])
    total = share.sum(axis=1)
    with np.errstate(divide="ignore"):
        value = finite + np.log(total)
    return value, share / np.where(total > 0, total, 1.0)[:, None]


def _curvature(weights: Means, slopes: Slopes) -> Float[np.ndarray, "lanes parameters parameters"]:
    """Sum over variations and bins of weights times products of slopes."""
    lanes, size = len(weights), slopes.shape[3]
    flat = slopes.reshape(len(slopes), weights[0].size, size)
    if len(slopes) > 1 or lanes == 1 or size > _FEW:
        return np.swapaxes(flat * weights.reshape(lanes, -1, 1), 1, 2) @ flat
    products = (flat[0][:, :, None] * flat[0][:, None, :]).reshape(len(flat[0]), size * size)
    return (weights.reshape(lanes, -1) @ products).reshape(lanes, size, size)


def _contracted(factors: Means, slopes: Slopes) -> Float[np.ndarray, "lanes variations parameters"]:
    """Sum over bins of factors times slopes, for each variation."""
    if len(slopes) == 1:
        return (factors.transpose(1, 0, 2) @ slopes[0]).transpose(1, 0, 2)
    return (factors[:, :, None, :] @ slopes)[:, :, 0]
