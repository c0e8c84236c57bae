"""Local classifier two-sample test of whether a posterior is right at these data, not only on average over all."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.inference.probabilities import toy_p_value
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import prepare
from wilks.results.checks import LocalTest

from .calibration import truths
from .classifiers import classify, train_classifiers
from .many_sets import draws_for_each
from .misspecified_data import Encoder
from .points import prior_quantiles
from .proposals import Proposal, draws_of
from .pseudo_data import flat_row, flat_rows
from .records import record

_UNITS_PER_FEATURE = 10
_WORST_P = 0.01
_FEWEST = 100


def local_c2st(
    key: Key | int,
    posterior: Proposal,
    simulator: AbstractSimulator,
    data: Any,
    *,
    n: int = 1000,
    draws: int = 1000,
    permutations: int = 100,
    encoder: Encoder | None = None,
) -> LocalTest:
    """Test a posterior at one set of data by a classifier over parameters and data.

    A classifier learns to tell (theta ~ q(.|x_i), x_i) from (theta_i, x_i); at the data, T = mean of (probability -
    1/2)^2 over draws of q. Classifiers that learn permuted labels give the null; p = (1 + #{T_h >= T})/(1 + number).

    Args:
        key: random key or seed.
        posterior: draws for any data.
        simulator: makes one set of data per truth.
        data: observed data.
        n: number of truths, at least 100.
        draws: posterior draws at the data.
        permutations: number of null classifiers.
        encoder: from rows of flat data to rows of features; needed where the data hold many numbers.

    References:
        J. Linhart, A. Gramfort, P. L. C. Rodrigues, arXiv:2306.03580, algorithms 1 and 2.
    """
    clock = Clock.start()
    if n < _FEWEST or draws < 1 or permutations < 1:
        raise InvalidOption(
            f"{n} truths, {draws} draws, {permutations} permutations; ask for at least {_FEWEST}, 1 and 1"
        )
    seed, space = jax.random.key(as_seed(key)), posterior.space
    theta, simulated = truths(seed, space, simulator, n)
    one = draws_for_each(jax.random.fold_in(seed, 2), posterior, simulated, n, 1)[:, 0]
    ready = prepare(simulator, data) if isinstance(simulator, AbstractLikelihood) else data
    at_data = draws_of(posterior.sample(jax.random.fold_in(seed, 3), ready, draws))
    encode = encoder or (lambda rows: rows)
    x, x_o = np.asarray(encode(flat_rows(simulated, n)), float), np.asarray(encode(flat_row(ready)[None]), float)
    places = prior_quantiles(space, np.concatenate([one, theta, at_data]))
    features = np.concatenate([places, np.concatenate([x, x, np.repeat(x_o, draws, axis=0)])], axis=1)
    said = _probabilities(jax.random.fold_in(seed, 4), features, n, permutations)
    found = np.mean((said - 0.5) ** 2, axis=1)
    p = toy_p_value(int((found[1:] >= found[0]).sum()), permutations)
    ok = p > _WORST_P
    verdict = f"p-value {p:.3g} from {permutations} permutations"
    return LocalTest(
        statistic=float(found[0]),
        null=found[1:],
        p_value=p,
        probabilities=said[0],
        ok=ok,
        verdict=verdict,
        flags={} if ok else {"wrong_here": verdict},
        how=f"{n} truths from the prior, {draws} draws at the data; null by permuted labels",
        provenance=record(
            clock, "local_c2st", key=key, model=simulator, data=data, n=n, draws=draws, permutations=permutations
        ),
    )


def _probabilities(
    key: Key, features: Float[np.ndarray, "all features"], n: int, permutations: int
) -> Float[np.ndarray, "classifiers draws"]:
    """Probability of "drawn from the posterior" at the data, by the classifier and by those of permuted labels."""
    fitted, scale = features[: 2 * n], features[: 2 * n].std(axis=0)
    standard = (features - fitted.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    labels = np.repeat([True, False], n)
    shuffles = jax.random.split(jax.random.fold_in(key, 0), permutations)
    permuted = [labels[np.asarray(jax.random.permutation(k, 2 * n))] for k in shuffles]
    truths_ = np.stack([labels, *permuted])
    order = np.asarray(jax.random.permutation(jax.random.fold_in(key, 1), 2 * n))
    width = _UNITS_PER_FEATURE * features.shape[1]
    rows = np.tile(order, (len(truths_), 1))
    layers = train_classifiers(jax.random.fold_in(key, 2), standard[: 2 * n], truths_, rows, width)
    return classify(layers, standard[2 * n :])
