"""Calibration of posteriors over the prior: ranks of the truth, and coverage of highest-density regions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidOption, TooManyFailures
from wilks._base.typing import Key
from wilks.execution.chunks import Chunk, plan
from wilks.execution.executors import run_chunks
from wilks.execution.keys import as_seed, chunk_key, task_words
from wilks.execution.progress import Progress
from wilks.inference.lanes import take_one
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.calibration import CoverageCheck, RankCalibration
from wilks.results.samples import Samples

from .many_sets import draws_for_each
from .points import Points
from .posterior import NeuralPosterior
from .proposals import Proposal, draws_of, log_densities
from .records import record
from .truths import FEWEST, Truths, truths
from .uniformity import gap_band, gap_p_value, largest_gap, rank_band, rank_uniformity

Sampler = Callable[[Key, Any], Samples]
"""From a key and data to posterior draws."""

_CHUNK = 32
_WORST_P = 0.01
_GRID = 101


class _Study(NamedTuple):
    """What all chunks of a rank study share."""

    sampler: Sampler | NeuralPosterior
    space: ParameterSpace
    theta: Points
    data: Any
    seed: int
    words: tuple[int, int]
    draws: int


def calibrate_ranks(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    sampler: Sampler | NeuralPosterior,
    n: int,
    *,
    draws: int = 100,
    executor: Any = None,
    progress: Progress | None = None,
) -> RankCalibration:
    """Rank of the truth among posterior draws, over truths from the prior: uniform on 0..draws if all is well.

    Args:
        key: random key or seed.
        simulator: makes one set of data per truth.
        space: parameters with priors.
        sampler: ``sampler(key, data)`` gives at least ``draws`` posterior draws, of which evenly spaced ones are taken:
            exact chains, nested sampling. A set for which it raises counts as failed. Or a neural posterior itself,
            which draws for many sets at once.
        n: number of truths.
        draws: draws L that each truth is ranked among; ties are broken at random.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds).

    Raises:
        InvalidParameter: if a free parameter has no prior.
        TooManyFailures: if the sampler failed for all.

    References:
        S. Talts, M. Betancourt, D. Simpson, A. Vehtari, A. Gelman, arXiv:1804.06788;
        T. Saeilynoja, P.-C. Buerkner, A. Vehtari, arXiv:2103.10522.
    """
    clock = Clock.start()
    check_numbers(n, draws)
    tried = truths(jax.random.key(as_seed(key)), space, simulator, n)
    study = _pose(key, simulator, space, sampler, tried, draws)
    found = run_chunks(
        _rank_chunk,
        study,
        plan(len(tried.theta), _CHUNK, task="ranks"),
        executor=executor,
        progress=progress,
        count_failed=lambda arrays: int((arrays["ranks"] < 0).any(axis=1).sum()),
    )
    ranks = np.full((n, len(space.free)), -1)
    ranks[tried.valid] = np.concatenate([arrays["ranks"] for arrays in found])
    causes = [str(cause) for arrays in found for cause in arrays["cause"] if cause]
    good = ranks[(ranks >= 0).all(axis=1)]
    if not len(good):
        raise TooManyFailures(f"the sampler failed for all of {len(tried.theta)} sets; the first: {causes[0]}")
    tests = [rank_uniformity(column, draws) for column in good.T]
    p = np.array([min(1.0, 2.0 * min(test)) for test in tests])  # two tests per parameter
    band = rank_band(len(good), draws)
    ok, verdict = _rank_verdict(space.free, p)
    return RankCalibration(
        names=space.free,
        ranks=ranks,
        draws=draws,
        failed=n - len(good),
        p_chi2=np.array([test.p_chi2 for test in tests]),
        p_ecdf=np.array([test.p_ecdf for test in tests]),
        band_lower=band.lower,
        band_upper=band.upper,
        ok=ok,
        verdict=verdict,
        flags=tried.flags
        | ({"failed_sets": f"{len(causes)} of {n} sets failed; the first: {causes[0]}"} if causes else {}),
        how=f"{len(good)} truths from the prior, {draws} draws each; p-values by simulated uniform ranks",
        provenance=record(clock, "calibrate_ranks", key=key, model=simulator, n=n, draws=draws),
    )


def expected_coverage(
    key: Key | int, posterior: Proposal, simulator: AbstractSimulator, *, n: int = 300, draws: int = 100
) -> CoverageCheck:
    """Coverage of highest-density regions over the prior: how often the region of credibility a holds the truth.

    c = fraction of draws with ln q above that of the truth; ECP(a) = P(c <= a); above the diagonal the posterior is
    conservative.

    Args:
        key: random key or seed.
        posterior: has draws and a density.
        simulator: makes one set of data per truth.
        n: number of truths.
        draws: draws per set of data.

    References:
        J. Hermans et al., arXiv:2110.06581, section 2.
    """
    clock = Clock.start()
    check_numbers(n, draws)
    seed = jax.random.key(as_seed(key))
    tried = truths(seed, posterior.space, simulator, n)
    theta, data = tried.theta, tried.data
    ranks = np.empty(len(theta), dtype=int)
    for i in range(len(theta)):
        one, own = take_one(data, i), jax.random.fold_in(jax.random.fold_in(seed, 2), i)
        drawn = draws_of(posterior.sample(own, one, draws))
        heights = log_densities(posterior, np.concatenate([theta[i : i + 1], drawn]), one)
        ranks[i] = int((heights[1:] > heights[0]).sum())
    provenance = record(clock, "expected_coverage", key=key, model=simulator, n=n, draws=draws)
    return coverage_check(jax.random.fold_in(seed, 3), "highest density", ranks, draws, tried, provenance)


def coverage_check(
    key: Key, kind: str, ranks: Int[np.ndarray, " n"], draws: int, tried: Truths, provenance: Any
) -> CoverageCheck:
    """Curve and test of ranks that are uniform on 0..draws under exact posteriors.

    A uniform number is added to each rank, so that (rank + U)/(draws + 1) is uniform in [0, 1] without steps.
    """
    n = len(ranks)
    shares = (ranks + np.asarray(jax.random.uniform(key, (n,), float))) / (draws + 1)
    grid = np.linspace(0.0, 1.0, _GRID)
    covered = np.searchsorted(np.sort(shares), grid, side="right") / n
    gap, band = largest_gap(shares), gap_band(n)
    p = gap_p_value(gap, n)
    ok = gap <= band
    lean = "conservative" if float(np.mean(covered - grid)) > 0 else "overconfident"
    verdict = f"largest departure {gap:.3f}, allowed {band:.3f} (95 %)" + ("" if ok else f"; mostly {lean}")
    return CoverageCheck(
        kind=kind,
        credibility=grid,
        coverage=covered,
        shares=shares,
        band=band,
        gap=gap,
        p_value=p,
        draws=draws,
        ok=ok,
        verdict=verdict,
        flags=tried.flags | ({} if ok else {"miscalibrated": verdict}),
        failed=tried.failed,
        how=f"{n} truths from the prior, {draws} draws each; Kolmogorov's law",
        provenance=provenance,
    )


def check_numbers(n: int, draws: int) -> None:
    """Refuse too few truths or draws.

    Raises:
        InvalidOption: with the limits.
    """
    if n < FEWEST:
        raise InvalidOption(f"{n} sets of data say nothing of calibration; ask for at least {FEWEST}")
    if draws < 1:
        raise InvalidOption(f"{draws} draws per set; ask for at least 1")


def _pose(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    sampler: Sampler | NeuralPosterior,
    tried: Truths,
    draws: int,
) -> _Study:
    seed = as_seed(key)
    words = task_words({"task": "ranks", "simulator": digest(simulator), "draws": draws})
    return _Study(sampler, space, tried.theta, tried.data, seed, words, draws)


def _rank_chunk(study: _Study, chunk: Chunk) -> dict[str, np.ndarray]:
    sets = range(chunk.start, chunk.start + chunk.size)
    if isinstance(study.sampler, NeuralPosterior):
        rows = _ranks_at_once(study, study.sampler, sets)
    else:
        rows = [_ranks(study, study.sampler, i) for i in sets]
    return {"ranks": np.stack([ranks for ranks, _ in rows]), "cause": np.array([cause for _, cause in rows])}


def _ranks_at_once(
    study: _Study, posterior: NeuralPosterior, sets: range
) -> list[tuple[Int[np.ndarray, " free"], str]]:
    """Ranks of the truths of a chunk among draws that a network makes together."""
    data = jax.tree.map(lambda leaf: np.asarray(leaf)[sets.start : sets.stop], study.data)
    key = chunk_key(study.seed, study.words, sets.start)
    drawn = draws_for_each(key, posterior, data, len(sets), study.draws)
    where = [posterior.space.index(name) for name in study.space.free]
    return [_rank(study, jax.random.fold_in(key, i), i, drawn[row][:, where]) for row, i in enumerate(sets)]


def _ranks(study: _Study, sampler: Sampler, i: int) -> tuple[Int[np.ndarray, " free"], str]:
    """Ranks of one truth; whatever a sampler raises is that set's failure, not the study's."""
    key = chunk_key(study.seed, study.words, i)
    try:
        samples = sampler(key, take_one(study.data, i))
    except Exception as error:
        return np.full(len(study.space.free), -1), f"{type(error).__name__}: {error}"
    columns = np.stack([_spaced(samples.values(name), study.draws) for name in study.space.free], axis=1)
    return _rank(study, key, i, columns)


def _rank(
    study: _Study, key: Key, i: int, columns: Float[np.ndarray, "draws free"]
) -> tuple[Int[np.ndarray, " free"], str]:
    """Rank of truth i among draws; ties are broken at random."""
    truth = study.theta[i, study.space.free_mask]
    below, equal = (columns < truth[None]).sum(axis=0), (columns == truth[None]).sum(axis=0)
    return below + np.asarray(jax.random.randint(key, below.shape, 0, equal + 1)), ""


def _spaced(values: Float[np.ndarray, " all"], draws: int) -> Float[np.ndarray, " draws"]:
    if len(values) < draws:
        raise InvalidData(f"the sampler gave {len(values)} draws; expected at least draws={draws}")
    return values[(np.arange(draws) * len(values)) // draws]


def _rank_verdict(names: tuple[str, ...], p: Float[np.ndarray, " parameters"]) -> tuple[bool, str]:
    worst = int(np.argmin(p))
    smallest = min(1.0, float(p[worst]) * len(p))
    ok = smallest > _WORST_P
    return ok, (
        f"{'uniform' if ok else 'not uniform'}: smallest p-value {smallest:.3g} ({names[worst]!r}), corrected for "
        f"{2 * len(p)} tests"
    )
