"""Classifier two-sample test: how well a trained classifier tells two sets of draws apart."""

from typing import Any

import jax
import numpy as np

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key
from wilks.results.samples import Samples

from .classifiers import classify, train_classifiers
from .proposals import random_key

_UNITS_PER_DIMENSION = 10
_FEWEST = 50


def c2st(draws: Samples | Any, reference: Samples | Any, *, key: Key | int = 0, folds: int = 5) -> float:
    """Share of left-out draws that a classifier assigns to their set: 0.5 for equal laws, 1 for disjoint ones.

    Both sets are standardised by mean and sd of the reference; a multilayer perceptron with two hidden layers of 10 d
    rectified linear units is trained by Adam on four fifths and judged on the rest, five times. The classifier is part
    of the number: values of other classifiers are not comparable.

    Args:
        draws: draws to judge, one row each, or `Samples` (their free parameters).
        reference: as many draws of the reference.
        key: random key or seed of folds and training.
        folds: number of folds.

    Raises:
        InvalidData: if the sets differ in size or dimension, hold fewer than 50 draws, or a value that is not finite.

    References:
        D. Lopez-Paz, M. Oquab, arXiv:1610.06545, section 3.
    """
    one, two = _rows(draws), _rows(reference)
    _check(one, two, folds)
    scale = two.std(axis=0)
    features = (np.concatenate([one, two]) - two.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    labels = np.repeat([False, True], len(one))
    shuffle, train = jax.random.split(random_key(key))
    order = np.asarray(jax.random.permutation(shuffle, len(labels)))
    left_out, fitted = _folds(order, folds)
    width = _UNITS_PER_DIMENSION * features.shape[1]
    layers = train_classifiers(train, features, np.tile(labels, (folds, 1)), fitted, width)
    said = classify(layers, features) > 0.5
    return float(np.mean([np.mean(said[i, rows] == labels[rows]) for i, rows in enumerate(left_out)]))


def _folds(order: np.ndarray, folds: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Rows left out of each fold, and the others, of equal number in every fold."""
    left_out = np.array_split(order, folds)
    fewest = len(order) - max(len(rows) for rows in left_out)
    fitted = [np.concatenate(left_out[:i] + left_out[i + 1 :])[:fewest] for i in range(folds)]
    return left_out, np.stack(fitted)


def _rows(draws: Any) -> np.ndarray:
    if isinstance(draws, Samples):
        return draws.draws[..., ~draws.fixed].reshape(-1, int((~draws.fixed).sum()))
    array = np.asarray(draws, dtype=float)
    return array[:, None] if array.ndim == 1 else array


def _check(one: np.ndarray, two: np.ndarray, folds: int) -> None:
    if one.ndim != 2 or one.shape != two.shape:
        raise InvalidData(f"draws of shape {one.shape} and {two.shape}; give equal numbers of draws of equal length")
    if len(one) < _FEWEST:
        raise InvalidData(f"{len(one)} draws per set are too few for a classifier; give at least {_FEWEST}")
    if not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise InvalidData("the draws contain a value that is not finite")
    if not 2 <= folds <= len(one):
        raise InvalidOption(f"{folds} folds; choose 2 to {len(one)}")
