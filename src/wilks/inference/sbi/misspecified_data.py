"""Whether observed data look like what the simulator makes: kernel and Mahalanobis distances, with p-values."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption, TooManyFailures
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.inference.probabilities import toy_p_value
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import prepare
from wilks.results.checks import Misspecification

from .budget import Budget
from .density import AbstractDensityFamily
from .marginal_density import marginal_log_density
from .proposals import Proposal
from .pseudo_data import flat_row, flat_rows
from .records import record
from .truths import truths

Rows = Float[np.ndarray, "rows features"]
Encoder = Callable[[Rows], Any]

_MOST_PAIRS = 1000  # rows from which the bandwidth is taken
_WORST_P = 0.01
_FEWEST = 50


def mmd(
    one: Float[np.ndarray, "some features"], other: Float[np.ndarray, "others features"], bandwidth: float | None = None
) -> float:
    """Squared maximum mean discrepancy of two samples, without diagonal terms: its mean is 0 for equal laws.

    mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean k(x_i, y_j), k = exp(-|x - y|^2/(2 b^2)).

    Args:
        one: rows of the first sample, at least two.
        other: rows of the second sample, at least two.
        bandwidth: b; the median distance within both samples by default.

    References:
        A. Gretton et al., J. Mach. Learn. Res. 13 (2012) 723, eq. 3.
    """
    if min(len(one), len(other)) < 2:
        raise InvalidData(f"{len(one)} and {len(other)} rows; give at least two of each")
    b = median_distance(np.concatenate([one, other])) if bandwidth is None else bandwidth
    cross = float(np.mean(_kernel(one, other, b)))
    return _without_diagonal(one, b) + _without_diagonal(other, b) - 2.0 * cross


def median_distance(rows: Rows) -> float:
    """Median distance of different rows, of evenly spaced ones if there are many."""
    chosen = rows[:: max(len(rows) // _MOST_PAIRS, 1)]
    distances = np.sqrt(_squares(chosen, chosen)[np.triu_indices(len(chosen), 1)])
    return float(np.median(distances)) or 1.0


def misspecification(
    key: Key | int,
    posterior: Proposal,
    simulator: AbstractSimulator,
    data: Any,
    *,
    n: int = 1000,
    held_out: int = 500,
    encoders: dict[str, Encoder] | None = None,
    density: AbstractDensityFamily | None = None,
    budget: Budget | None = None,
) -> Misspecification:
    """Distance of the observed data from prior-predictive simulations, and how rare it is among them.

    In each space of features, standardised by the simulations: the squared maximum mean discrepancy of the one
    observation, k(x_o, x_o) - 2 mean k(x_o, x_i) + mean_{i != j} k(x_i, x_j), with a bandwidth fixed to the median
    distance of the simulations, and the Mahalanobis distance. Held-out simulations are treated the same way and give
    p = (1 + #)/(1 + held_out).

    Args:
        key: random key or seed.
        posterior: its space has the priors from which simulations are drawn.
        simulator: makes data.
        data: observed data.
        n: number of simulations that the data are compared with.
        held_out: number of simulations that calibrate the p-values.
        encoders: name -> function from rows of flat data to rows of features, compared besides the data themselves.
        density: a family such as ``SplineFlow()`` adds ln p(x_o): a density of the features over the prior, trained on
            the simulations; p-values from held-out ones, as for the distances. It sees what is rare in ways that no
            distance does, e.g. a gap between two clusters.
        budget: length of its training; 2,000 steps by default.

    References:
        M. Schmitt, P.-C. Buerkner, U. Koethe, S. Radev, arXiv:2112.08866, section 3.
    """
    clock = Clock.start()
    if n < _FEWEST or held_out < _FEWEST:
        raise InvalidOption(f"{n} simulations and {held_out} held out; ask for at least {_FEWEST} of each")
    tried = truths(jax.random.key(as_seed(key)), posterior.space, simulator, n + held_out)
    rows = flat_rows(tried.data, len(tried.theta))
    n = round(len(rows) * n / (n + held_out))
    held_out = len(rows) - n
    if min(n, held_out) < _FEWEST:
        raise TooManyFailures(f"{tried.flags['failed_simulations']}; at least {_FEWEST} valid ones are needed twice")
    ready = prepare(simulator, data) if isinstance(simulator, AbstractLikelihood) else data
    observed = _observed(flat_row(ready), rows)
    spaces = {"data": lambda x: x, **(encoders or {})}
    found = [
        _compare(np.asarray(encode(rows), float), np.asarray(encode(observed), float), n) for encode in spaces.values()
    ]
    p = np.array([pair for *_, pair in found]).T
    usual = None
    if density is not None:
        seed = jax.random.fold_in(jax.random.key(as_seed(key)), 5)
        features = [np.asarray(encode(np.concatenate([rows, observed])), float) for encode in spaces.values()]
        usual = np.array(
            [_usual(jax.random.fold_in(seed, i), density, budget, one, n) for i, one in enumerate(features)]
        ).T
        p = np.concatenate([p, usual[1:]])
    ok, verdict = _judge(tuple(spaces), p)
    return Misspecification(
        spaces=tuple(spaces),
        features=tuple(features for features, *_ in found),
        mmd=np.array([distances[0] for _, distances, _, _ in found]),
        mahalanobis=np.array([distances[1] for _, distances, _, _ in found]),
        null=np.stack([null for _, _, null, _ in found]),
        p_mmd=p[0],
        p_mahalanobis=p[1],
        ok=ok,
        verdict=verdict,
        flags=tried.flags | ({} if ok else {"misspecified": verdict}),
        failed=tried.failed,
        log_density=None if usual is None else usual[0],
        p_density=None if usual is None else usual[1],
        how=f"{n} prior-predictive simulations, {held_out} more for the p-values; these are no smaller than "
        f"1/{held_out + 1}",
        provenance=record(clock, "misspecification", key=key, model=simulator, data=data, n=n, held_out=held_out),
    )


def _compare(
    rows: np.ndarray, observed: np.ndarray, n: int
) -> tuple[int, tuple[float, float], np.ndarray, tuple[float, float]]:
    """Number of features, both distances of the data, null of the first, both p-values."""
    rows, observed = _standardised(rows, observed, n)
    reference, held = rows[:n], rows[n:]
    everything = np.concatenate([held, observed])
    bandwidth = median_distance(reference)
    near = np.mean(_kernel(everything, reference, bandwidth), axis=1)
    discrepancy = 1.0 - 2.0 * near + _without_diagonal(reference, bandwidth)
    far = _mahalanobis(everything, reference)
    p = tuple(toy_p_value(int((d[:-1] >= d[-1]).sum()), len(held)) for d in (discrepancy, far))
    return rows.shape[1], (float(discrepancy[-1]), float(far[-1])), discrepancy[:-1], (p[0], p[1])


def _usual(
    key: Key, family: AbstractDensityFamily, budget: Budget | None, features: np.ndarray, n: int
) -> tuple[float, float]:
    """ln p of the last row by a density trained on the first n, and its p-value among those between."""
    rows, observed = _standardised(features[:-1], features[-1:], n)
    found = marginal_log_density(key, family, rows[:n], np.concatenate([rows[n:], observed]), budget)
    found = np.where(np.isnan(found), -np.inf, found)
    return float(found[-1]), toy_p_value(int((found[:-1] <= found[-1]).sum()), len(found) - 1)


def _standardised(rows: np.ndarray, observed: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features in units of their spread over the simulations, constant ones in units of 1."""
    mean, spread = rows[:n].mean(axis=0), rows[:n].std(axis=0)
    constant = spread <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
    keep = ~constant | (np.abs(observed[0] - mean) > 1e-9 * np.maximum(np.abs(mean), 1.0))  # off a constant: seen
    spread = np.where(constant, 1.0, spread)
    return ((rows - mean) / spread)[:, keep], ((observed - mean) / spread)[:, keep]


def _mahalanobis(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """sqrt((x - m)^T C^-1 (x - m)), directions without spread left out."""
    mean = reference.mean(axis=0)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(reference, rowvar=False)))
    keep = values > 1e-10 * values.max()
    turned = (rows - mean) @ vectors[:, keep] / np.sqrt(values[keep])
    return np.sqrt(np.sum(turned**2, axis=1))


def _observed(row: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if row.shape != rows.shape[1:]:
        raise InvalidData(f"the data hold {row.size} numbers, the simulations {rows.shape[1]}")
    if not np.isfinite(row).all():
        raise InvalidData("the data contain a value that is not finite")
    return row[None]


def _judge(spaces: tuple[str, ...], p: np.ndarray) -> tuple[bool, str]:
    worst = np.unravel_index(int(np.argmin(p)), p.shape)
    smallest = min(1.0, float(p[worst]) * p.size)
    what = ("kernel distance", "Mahalanobis distance", "density")[worst[0]]
    text = f"smallest p-value {smallest:.3g} ({what} in {spaces[worst[1]]!r}), corrected for {p.size} tests"
    return smallest > _WORST_P, text


def _without_diagonal(rows: np.ndarray, bandwidth: float) -> float:
    kernel = _kernel(rows, rows, bandwidth)
    return float((kernel.sum() - np.trace(kernel)) / (len(rows) * (len(rows) - 1)))


def _kernel(one: np.ndarray, other: np.ndarray, bandwidth: float) -> np.ndarray:
    return np.exp(-0.5 * _squares(one, other) / bandwidth**2)


def _squares(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    norms = np.sum(one**2, axis=1)[:, None] + np.sum(other**2, axis=1)[None]
    return np.maximum(norms - 2.0 * one @ other.T, 0.0)
