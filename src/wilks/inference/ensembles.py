"""Toys under several hypotheses that share their random numbers, each toy measured for several tested values."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.digests import digest
from wilks.execution.chunks import Chunk, plan
from wilks.execution.executors import run_chunks
from wilks.execution.keys import as_seed, chunk_key, task_words
from wilks.likelihood.interface import AbstractSimulator

from .calibration import ByToys
from .fitting import climb_from
from .goodness import conditioned
from .lanes import take_lanes
from .problem import Problem
from .statistics import AbstractStatistic
from .toys import ToyStudy, draw, pose_study, start_at_truth

Measure = Callable[[float], AbstractStatistic]
"""From a tested value to its statistic."""


class _Hypothesis(NamedTuple):
    """Toys at one truth, and what is measured on each."""

    study: ToyStudy
    statistics: tuple[AbstractStatistic, ...]


class _Work(NamedTuple):
    """Payload of all chunks: chunk ``h * chunks + c`` is chunk ``c`` of hypothesis ``h``."""

    hypotheses: tuple[_Hypothesis, ...]
    chunks: int


class Ensembles:
    """Statistics of toys, thrown when first asked for and then kept.

    The random numbers of toy k are the same under all hypotheses: only then is a p-value a smooth function of the
    tested value.

    Args:
        problem: the posed question on the observed data.
        simulator: makes toys.
        truth: from a hypothesis (the value of the parameter) to all parameters there.
        measure: from a tested value to its statistic.
        calibration: seed, executor, progress.
    """

    def __init__(
        self,
        problem: Problem,
        simulator: AbstractSimulator,
        truth: Callable[[float], Float[np.ndarray, " parameters"]],
        measure: Measure,
        calibration: ByToys,
    ) -> None:
        self._problem, self._simulator, self._truth = problem, simulator, truth
        self._measure, self._calibration = measure, calibration
        self._seed, self._digest = as_seed(calibration.key), digest(simulator)
        self._size: int | None = None
        self._found: dict[tuple[float, float], list[np.ndarray]] = {}

    def throw(self, wanted: Sequence[tuple[float, Sequence[float]]], rounds: int) -> None:
        """Throw what is missing: for each hypothesis the values that its toys are tested for, in so many rounds."""
        for turn in range(rounds):
            missing = [
                (truth, tuple(v for v in values if len(self._found.get((truth, v), ())) <= turn))
                for truth, values in wanted
            ]
            missing = [(truth, values) for truth, values in missing if values]
            if missing:
                self._run(missing, turn)

    def of(self, truth: float, value: float) -> Float[np.ndarray, " toys"]:
        """Statistic of the tested value on every toy of a hypothesis; NaN for a failed one."""
        return np.concatenate(self._found[truth, value])

    def _run(self, missing: Sequence[tuple[float, tuple[float, ...]]], turn: int) -> None:
        calibration = self._calibration
        hypotheses = tuple(
            _Hypothesis(self._pose(truth, turn), tuple(self._measure(value) for value in values))
            for truth, values in missing
        )
        each = plan(calibration.toys, hypotheses[0].study.chunk_size)
        chunks = [
            Chunk("toys", h * len(each) + c.index, h * calibration.toys + c.start, c.size)
            for h in range(len(hypotheses))
            for c in each
        ]
        found = run_chunks(
            _measure_chunk,
            _Work(hypotheses, len(each)),
            chunks,
            executor=calibration.executor,
            progress=calibration.progress,
            count_failed=lambda arrays: int(np.isnan(arrays["t"]).any(axis=1).sum()),
        )
        for h, (truth, values) in enumerate(missing):
            t = np.concatenate([found[h * len(each) + c]["t"] for c in range(len(each))])
            for k, value in enumerate(values):
                self._found.setdefault((truth, value), []).append(t[:, k])

    def _pose(self, truth: float, turn: int) -> ToyStudy:
        """A study whose random numbers know nothing of its truth."""
        problem = self._problem
        values = problem.space.unpack(self._truth(truth))
        simulator = conditioned(self._simulator, values, problem.data)
        study = pose_study(
            self._calibration.key,
            simulator,
            problem.likelihood,
            values,
            None,
            space=problem.space,
            minimiser=problem.minimiser,
        )
        self._size = self._size or study.chunk_size
        task = {"task": "shared toys", "simulator": self._digest, "round": turn, "chunk_size": self._size}
        return study._replace(words=task_words(task), chunk_size=self._size)


def _measure_chunk(work: _Work, chunk: Chunk) -> dict[str, np.ndarray]:
    """One chunk of toys of one hypothesis: drawn, fitted, and measured for all its tested values."""
    number, index = divmod(chunk.index, work.chunks)
    study, statistics = work.hypotheses[number]
    key = chunk_key(study.seed, study.words, index)
    data = take_lanes(draw(study.simulator, key, study.theta, study.chunk_size), np.arange(chunk.size))
    problem = study.problem._replace(data=data)
    ends = climb_from(problem, start_at_truth(study), chunk.size)
    return {"t": np.stack([statistic.measure(problem, ends) for statistic in statistics], axis=1)}
