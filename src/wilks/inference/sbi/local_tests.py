"""Local classifier two-sample test of whether a posterior is right at these data, not only on average over all."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption, check_option
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.inference.probabilities import toy_p_value
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import prepare
from wilks.results.checks import LocalTest

from .classifiers import classify, train_classifiers
from .many_sets import draws_for_each
from .misspecified_data import Encoder
from .noise_space import flow_of, noise_of
from .points import prior_quantiles
from .proposals import Proposal, draws_of
from .pseudo_data import flat_row, flat_rows
from .records import record
from .truths import truths

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
    compare: str = "parameters",
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
        compare: ``"parameters"``; or ``"noise"``, for a neural posterior whose path is a `SplineFlow`: truths are
            pulled back through the flow, where those of an exact posterior are N(0, I) whatever the data. The
            classifier learns to tell them from noise, and those of the null learn two equal sets of noise, which no
            error of the posterior enters.

    Raises:
        InvalidOption: for too few truths, or a posterior that has no noise to compare.

    References:
        J. Linhart, A. Gramfort, P. L. C. Rodrigues, arXiv:2306.03580, algorithms 1 and 2; section 3.3 for noise.
    """
    clock = Clock.start()
    check_option("kind of comparison", compare, ("parameters", "noise"))
    if n < _FEWEST or draws < 1 or permutations < 1:
        raise InvalidOption(
            f"{n} truths, {draws} draws, {permutations} permutations; ask for at least {_FEWEST}, 1 and 1"
        )
    if compare == "noise":
        flow_of(posterior)  # refused before anything is simulated
    seed, space = jax.random.key(as_seed(key)), posterior.space
    tried = truths(seed, space, simulator, n)
    theta, simulated, sets = tried.theta, tried.data, len(tried.theta)
    drawing = jax.random.fold_in(seed, 2)
    ready = prepare(simulator, data) if isinstance(simulator, AbstractLikelihood) else data
    at_data = draws_of(posterior.sample(jax.random.fold_in(seed, 3), ready, draws))
    encode = encoder or (lambda rows: rows)
    x, x_o = np.asarray(encode(flat_rows(simulated, sets)), float), np.asarray(encode(flat_row(ready)[None]), float)
    if compare == "noise":
        drawn = draws_for_each(drawing, posterior, simulated, sets, 1 + permutations)
        both = noise_of(posterior, np.concatenate([drawn[:, :1], theta[:, None], drawn[:, 1:]], axis=1), simulated)
        groups = both.transpose(1, 0, 2)
        places = noise_of(posterior, at_data[None], jax.tree.map(lambda leaf: np.asarray(leaf)[None], ready))[0]
        null = "two sets of noise"
    else:
        one = draws_for_each(drawing, posterior, simulated, sets, 1)[:, 0]
        groups = np.stack([prior_quantiles(space, one), prior_quantiles(space, theta)])
        places = prior_quantiles(space, at_data)
        null = "permuted labels"
    features = np.concatenate([*(np.concatenate([g, x], axis=1) for g in groups), _beside(places, x_o)])
    said = _probabilities(jax.random.fold_in(seed, 4), features, sets, len(groups), permutations)
    found = np.mean((said - 0.5) ** 2, axis=1)
    p = toy_p_value(int((found[1:] >= found[0]).sum()), permutations)
    ok = p > _WORST_P
    verdict = f"p-value {p:.3g} from {permutations} classifiers of {null}"
    return LocalTest(
        statistic=float(found[0]),
        null=found[1:],
        p_value=p,
        probabilities=said[0],
        ok=ok,
        verdict=verdict,
        flags=tried.flags | ({} if ok else {"wrong_here": verdict}),
        valid=sets,
        failed=tried.failed,
        how=f"{sets} truths from the prior, {draws} draws at the data; null by {null}",
        provenance=record(
            clock,
            "local_c2st",
            key=key,
            model=simulator,
            data=data,
            n=n,
            draws=draws,
            permutations=permutations,
            compare=compare,
        ),
    )


def _beside(places: Float[np.ndarray, "draws size"], x: Float[np.ndarray, "1 data"]) -> Float[np.ndarray, "draws all"]:
    return np.concatenate([places, np.repeat(x, len(places), axis=0)], axis=1)


def _probabilities(
    key: Key, features: Float[np.ndarray, "all features"], n: int, groups: int, permutations: int
) -> Float[np.ndarray, "classifiers draws"]:
    """Probability of "drawn from the posterior" at the data, by the classifier and by those of the null.

    Rows are groups of n, drawn ones first and truths second, then those at the data. The null has permuted labels of
    these two groups; where there are more, it has the first against each of the others with labels as they are.
    """
    fitted, scale = features[: 2 * n], features[: 2 * n].std(axis=0)
    standard = (features - fitted.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    labels = np.arange(groups * n) < n
    order = np.asarray(jax.random.permutation(jax.random.fold_in(key, 1), 2 * n))
    rows = np.tile(order, (1 + permutations, 1))
    if groups == 2:
        shuffles = jax.random.split(jax.random.fold_in(key, 0), permutations)
        permuted = [labels[np.asarray(jax.random.permutation(k, 2 * n))] for k in shuffles]
        learned = np.stack([labels, *permuted])
    else:
        rows = np.where(rows < n, rows, rows + np.arange(1 + permutations)[:, None] * n)
        learned = np.tile(labels, (1 + permutations, 1))
    width = _UNITS_PER_FEATURE * features.shape[1]
    layers = train_classifiers(jax.random.fold_in(key, 2), standard[: groups * n], learned, rows, width)
    return classify(layers, standard[groups * n :])
