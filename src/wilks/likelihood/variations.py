"""Ensembles judged at points in plain numpy, where a few of them are not worth a compiled program."""

import numpy as np
from jaxtyping import Float

from wilks.model.ensembles import AbstractEnsemble, LinearEnsemble, predicted

_ROUNDING = 1e-12  # share of a variation's total by which a prediction may lie below zero
_TINY = 1e-300

Lanes = Float[np.ndarray, "lanes parameters"]
Counts = Float[np.ndarray, "lanes bins"]


def means_at(ensemble: AbstractEnsemble, theta: Lanes) -> Float[np.ndarray, "variations bins lanes"]:
    """Expected counts of every variation at a point per lane."""
    mean = np.asarray(predicted(ensemble, theta.T[None]))
    size = len(ensemble.weights)
    return mean if len(mean) == size else np.broadcast_to(mean, (size, *mean.shape[1:]))


def log_densities(
    mean: Float[np.ndarray, "variations bins lanes"], counts: Counts
) -> Float[np.ndarray, "variations lanes"]:
    """ln L of each variation up to what depends on the counts alone; -inf where counts are impossible."""
    if mean.min(initial=1.0) > 0 and mean.max(initial=1.0) < np.inf:
        return np.einsum("bl,sbl->sl", counts.T, np.log(mean)) - mean.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = np.where(counts.T > 0, np.log(mean), 0.0)
        each = np.einsum("bl,sbl->sl", counts.T, seen) - mean.sum(axis=1)
    return np.where(np.isnan(each), -np.inf, each)


def shares_of(
    ensemble: AbstractEnsemble, mean: Float[np.ndarray, "variations bins"], counts: Float[np.ndarray, " bins"]
) -> Float[np.ndarray, " variations"]:
    """Posterior weight of each variation, w_s L_s / sum of w L; zero everywhere if the counts are impossible in all."""
    each = log_densities(mean[..., None], counts[None])[:, 0]
    share = ensemble.weights * np.exp(each - (each.max() if np.isfinite(each.max()) else 0.0))
    return share / max(share.sum(), _TINY)


def effective_number(share: Float[np.ndarray, " variations"]) -> float:
    """1 / sum p^2: how many variations carry the likelihood; 0 if none does."""
    return float(share.sum() ** 2 / max(np.sum(share**2), _TINY))


def fault_in(mean: Float[np.ndarray, "variations bins"]) -> str:
    """Which variation predicts an impossible number in which bin; empty if none does."""
    if mean.min(initial=0.0) >= 0 and mean.max(initial=0.0) < np.inf:
        return ""
    bad = ~np.isfinite(mean) | (mean < -_ROUNDING * np.abs(mean).sum(axis=1, keepdims=True))
    if not bad.any():
        return ""
    variation, where = (int(i) for i in np.argwhere(bad)[0])
    return (
        f"variation {variation} predicts {mean[variation, where]} in bin {where}; expected a finite number of events "
        "that is not negative"
    )


def average_of(
    ensemble: AbstractEnsemble,
) -> tuple[Float[np.ndarray, "bins parameters"], Float[np.ndarray, " bins"]] | None:
    """Weighted mean over the variations of matrices and constants; None if the ensemble is not stored."""
    if not isinstance(ensemble, LinearEnsemble):
        return None
    share = ensemble.weights / ensemble.weights.sum()
    matrix = np.zeros((ensemble.outputs, len(ensemble.space)))
    matrix[:, ensemble.columns] = _weighted(share, ensemble.matrices)
    return matrix, _weighted(share, ensemble.constants)


def _weighted(share: Float[np.ndarray, " variations"], arrays: np.ndarray) -> np.ndarray:
    """Weighted mean over variations, which may be given once for all."""
    return arrays[0] if arrays.shape[0] == 1 else np.tensordot(share, arrays, axes=1)
