"""How good and how fast neural posteriors are: ``python benchmarks/sbi.py`` prints one table beside sbi 0.27.

Scores are C2ST by a multilayer perceptron (0.5 is perfect) against reference posteriors, mean over observations and
seeds; both sides train on the same simulations. Seconds of training include compilation.
"""

import statistics
import sys
from collections.abc import Callable
from typing import NamedTuple

from harness.command import main
from harness.programs import spent
from harness.rows import Measured, Row, Target, side_by_side
from harness.sides import OURS, Sides, Task
from problems.sbi_tasks import PROBLEMS

_PEER, _NAMES = "sbi", {"flow": "FMPE", "score": "NPSE", "spline": "NPE", "affine": "NPE"}
_STEPS = {
    ("gaussian_linear", "affine"): 800, ("gaussian_linear", "flow"): 1_500,  # where our default learns the noise
    ("two_moons", "flow"): 10_000, ("two_moons", "score"): 4_500, ("slcp", "score"): 10_000,  # the peer's CPU
}  # fmt: skip


_NAMED = {("two_moons", "score"): {"coordinate": "box", "standardise": "none"}}  # no trials of coordinates


class Size(NamedTuple):
    """How much is measured; the peer answers for ``beside`` observations where its score decides nothing."""

    seeds: int
    observations: int
    draws: int
    pairs: int
    beside: int = 2


class Side(NamedTuple):
    """One side's posterior of one task: C2ST, CPU seconds of training and of drawing; means over seeds."""

    score: float
    training: float
    drawing: float
    how: str
    scores: str


class Trainings:
    """Trainings that several rows look at; each is made once, and told on standard error when it is done."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._known: dict[tuple[str, str, str], Side] = {}

    def of(self, sides: Sides, side: str, task: str, method: str) -> Side:
        """Train on one side, draw, and judge; means over the seeds."""
        name = (side, task, method)
        if name not in self._known:
            runs = [self._one(sides, name, seed) for seed in range(1, self.size.seeds + 1)]
            scores, training, drawing, how = zip(*runs, strict=True)
            means = [statistics.fmean(found) for found in scores]
            told = f"{len(scores[0])} observations, seeds " + ", ".join(f"{mean:.3f}" for mean in means)
            figures = (statistics.fmean(means), statistics.fmean(training), statistics.fmean(drawing))
            self._known[name] = Side(*figures, how[0], told)
        return self._known[name]

    def _one(self, sides: Sides, name: tuple[str, str, str], seed: int) -> tuple[list[float], float, float, str]:
        """C2ST of every observation, seconds of training and of drawing, and how long training went."""
        (side, task, method), size = name, self.size
        file = str(sides.folder / f"{'-'.join(name)}-{seed}.npz")
        decides = side == OURS or task == "slcp"
        options = {
            "task": task, "method": method, "seed": seed, "n": size.pairs, "draws": _judged(task, size.draws),
            "observations": size.observations if decides else min(size.beside, size.observations),
            "file": file, "steps": _STEPS.get((task, method)),
        }  # fmt: skip
        if side == OURS:
            options["named"] = _NAMED.get((task, method))
        fresh = Sides(sides.environments)  # programs compile again for every training
        with fresh:
            answer = fresh.run(Task(side, "sbi_posterior", options)).answer
        found = (judged(sides, task, file, size.draws), answer["training"], answer["drawing"], answer["how"])
        print(*name, seed, *found, file=sys.stderr, flush=True)
        return found


def _judged(task: str, draws: int) -> int:
    """How many draws a C2ST compares, and are made."""
    return min(draws, PROBLEMS[task].judged)


def judged(sides: Sides, task: str, file: str, draws: int) -> list[float]:
    """C2ST of the draws in a file, one for each observation."""
    options = {"task": task, "file": file, "draws": _judged(task, draws)}
    return sides.run(Task(OURS, "sbi_judge", options)).answer["scores"]


def rows(quick: bool) -> list[Row]:
    """All rows on neural posteriors."""
    known = Trainings(Size(1, 2, 2_000, 10_000) if quick else Size(3, 5, 10_000, 10_000))
    return [
        *_task(known, "two_moons", "flow", Target(0.58, 0.53, at_most=True), training=1.0),
        *_task(known, "two_moons", "score", Target(0.56, 0.53, at_most=True), training=3.0, drawing=5.0),
        *_task(known, "gaussian_linear", "flow", Target(0.55, 0.53, at_most=True), training=1.0),
        *_task(known, "gaussian_linear", "affine", Target(0.54, 0.52, at_most=True), training=1.0),
        *_task(known, "gaussian_mixture", "flow", Target(0.60, 0.55, at_most=True), training=1.0),
        *_slcp(known),
        _rounds(known),
        *_speed(known, quick),
        *_maxima(),
        *_reactor(quick),
        *_growth(quick),
        _import(),
    ]


def _task(
    known: Trainings, task: str, method: str, target: Target, *, training: float, drawing: float | None = None
) -> list[Row]:
    """Quality of one method on one task, and what it costs beside the peer's."""
    name, what = f"{task}-{_NAMES[method].lower()}", f"{task}, {_NAMES[method]}"

    def measure(figure: Callable[[Side], float]) -> Callable[[Sides, int], Measured]:
        def of(sides: Sides, rounds: int) -> Measured:
            ours, peer = (known.of(sides, side, task, method) for side in (OURS, _PEER))
            seconds = f"training {ours.training:.3g} s against {peer.training:.3g} s"
            note = f"ours {ours.how}, {ours.scores}; peer's {peer.how}, {peer.scores}; {seconds}"
            return Measured(figure(ours), figure(peer), None, None, "sbi 0.27.0", "", note=note)

        return of

    found = [
        Row(name, f"C2ST of {what}", measure(lambda side: side.score), target, "score"),
        Row(f"{name}-training", f"training of {what}", measure(lambda side: side.training), Target(training, None)),
    ]
    if drawing is not None:
        drawn = measure(lambda side: side.drawing)
        found.append(Row(f"{name}-draws", f"draws of {what}", drawn, Target(drawing, None)))
    return found


def _slcp(known: Trainings) -> list[Row]:
    """Our best path on raw data against the peer's flow matching, and against its score matching."""

    def measure(method: str, training: bool) -> Callable[[Sides, int], Measured]:
        def of(sides: Sides, rounds: int) -> Measured:
            ours, peer = known.of(sides, OURS, "slcp", "score"), known.of(sides, _PEER, "slcp", method)
            note = f"ours {ours.how}, C2ST {ours.scores}; peer's {peer.how}, C2ST {peer.scores}"
            figures = (ours.training, peer.training) if training else (ours.score, peer.score)
            return Measured(*figures, None, None, f"sbi {_NAMES[method]}", "", note=note)

        return of

    least = Target(1.0, None, at_most=True)
    return [
        Row("slcp", "C2ST of slcp, our score matching over FMPE", measure("flow", training=False), least, "inverse"),
        Row("slcp-training", "training of slcp, FMPE", measure("flow", training=True), Target(1.0, None)),
        Row("slcp-npse", "C2ST of slcp over NPSE (stretch)", measure("score", training=False),
            Target(None, 1.0, at_most=True), "inverse"),
    ]  # fmt: skip


def _rounds(known: Trainings) -> Row:
    """Truncated rounds at observation 1 of the mixture against one round with as many simulations."""

    def measure(sides: Sides, rounds: int) -> Measured:
        draws, scores, notes = known.size.draws, [], []
        for seed in range(1, known.size.seeds + 1):
            file = str(sides.folder / f"rounds-{seed}.npz")
            options = {"rounds": 3, "seed": seed, "n": known.size.pairs, "draws": draws, "steps": 5_000, "file": file}
            answer = sides.run(Task(OURS, "sbi_rounds", options)).answer
            scores += judged(sides, "gaussian_mixture", file, draws)
            print("rounds", seed, scores[-1], answer, file=sys.stderr, flush=True)
            notes.append(f"{answer['how']}, {answer['training']:.3g} s")
        return Measured(statistics.fmean(scores), None, None, None, "", "", note=notes[0])

    what = "C2ST of gaussian_mixture, observation 1, truncated rounds"
    return Row("rounds", what, measure, Target(0.56, 0.53, at_most=True), "score")


def _speed(known: Trainings, quick: bool) -> list[Row]:
    """Epochs and draws."""
    number = 5 if quick else 20

    def epoch(name: str, method: str, target: Target) -> Row:
        def measure(sides: Sides, rounds: int) -> Measured:
            options = {"task": "two_moons", "method": method, "n": known.size.pairs, "number": number}
            ours, peer = (sides.run(Task(s, "sbi_epochs", options)).answer["per_epoch"] for s in (OURS, _PEER))
            return Measured(ours, peer, None, None, "sbi 0.27.0", "epoch")

        return Row(name, f"epoch of {name.removeprefix('epoch-')}, 10,000 pairs", measure, target)

    def draws(sides: Sides, rounds: int) -> Measured:
        ours, peer = (known.of(sides, side, "two_moons", "flow") for side in (OURS, _PEER))
        return Measured(ours.drawing, peer.drawing, None, None, "sbi 0.27.0", "")

    return [
        epoch("epoch-fields", "flow", Target(3, 5)),
        epoch("epoch-splines", "spline", Target(2, 4)),
        Row("draws", f"{known.size.draws:,} draws of a field", draws, Target(3, 8)),
    ]


def _maxima() -> list[Row]:
    """Most probable parameters of a flow, by both sides' defaults."""
    options = {"task": "gaussian_linear", "method": "affine"}
    return [
        side_by_side(
            "map", "most probable parameters of a flow, gaussian_linear", Task(OURS, "sbi_maximum", options),
            (Task(_PEER, "sbi_maximum", options, "sbi 0.27.0"),), Target(20, 100),
        )
    ]  # fmt: skip


def _reactor(quick: bool) -> list[Row]:
    """PROSPECT, DANSS and Bugey-3 in the plane of 3+1 neutrinos, beside the posterior on a grid."""
    steps, toys, draws = (2_000, 3, 10_000) if quick else (5_000, 10, 50_000)
    sizes = {"seed": 1, "toys": toys, "draws": draws}
    fixed = Task(OURS, "sbi_reactor", {**sizes, "pairs": 100_000, "steps": steps, "batch": 512})
    fresh = Task(OURS, "sbi_reactor", {**sizes, "pairs": "online", "steps": steps, "batch": 256})
    known: dict[str, dict] = {}

    def row(name: str, what: str, task: Task, part: str, target: Target) -> Row:
        def measure(sides: Sides, rounds: int) -> Measured:
            key = repr(task)
            if key not in known:
                known[key] = sides.run(task).answer
            found = known[key]
            note = f"{found['training']:.3g} CPU-s of training"
            return Measured(found[part], None, None, None, "", "", note=note)

        return Row(name, what, measure, target, "score")

    def most(safe: float, stretch: float) -> Target:
        return Target(safe, stretch, at_most=True)

    share = {"seed": 1, "pairs": 100_000, "steps": 12_000, "points": 20, "each": 2_000}
    regions = Task(OURS, "sbi_reactor_coverage", {**share, "toys": 100_000})
    exact = Task(OURS, "sbi_reactor_coverage", {**share, "toys": 200_000, "exact": True})
    return [
        row("reactor", "reactors, total variation at the data", fixed, "variation", most(0.19, 0.10)),
        row("reactor-toys", "the same at toys of the prior, median", fixed, "toys", most(0.11, 0.07)),
        row("reactor-online", "the same at the data, pairs online", fresh, "variation", most(0.12, 0.08)),
        row("reactor-online-toys", "the same at toys, pairs online", fresh, "toys", most(0.09, 0.05)),
        row("reactor-weighted", f"the same, {draws:,} weighted draws", fixed, "weighted", most(0.05, 0.03)),
        row("reactor-ess", "effective share of these draws", fixed, "ess", Target(0.2, 0.5)),
        row("reactor-evidence", "distance of ln Z", fixed, "evidence", most(0.05, 0.02)),
        row("reactor-coverage", "worst of 20 coverages, from 90 %", regions, "worst", most(0.02, 0.01)),
        row("reactor-critical", "the same, of the exact ratio", exact, "worst", most(0.02, 0.01)),
    ]


def _growth(quick: bool) -> list[Row]:
    sets, each = (20, 200) if quick else (1000, 1000)
    one = Task(OURS, "sbi_draws", {"method": "spline", "sets": 1, "n": sets * each}, "one set")
    return [
        side_by_side(
            "growth-sets", f"{each:,} draws for each of {sets:,} sets against as many for one (at most 1.3 times)",
            Task(OURS, "sbi_draws", {"method": "spline", "sets": sets, "n": each}), (one,), Target(1 / 1.3, None),
        )
    ]  # fmt: skip


def _import() -> Row:
    """Import of the part in a process of its own, its programs and bytes warm."""

    def measure(sides: Sides, rounds: int) -> Measured:
        def least(code: str) -> list[float]:
            return [spent([sys.executable, "-c", code], sides.variables()) for _ in range(rounds + 1)][1:]

        ours, jax = least("import wilks.inference.sbi"), least("import jax")
        return Measured(
            statistics.median(ours), statistics.median(jax), None, None, "import jax", "",
            ours_least=min(ours), peer_least=min(jax),
        )  # fmt: skip

    return Row("import", "import of the part", measure, Target(1.5, None, at_most=True), "inverse")


if __name__ == "__main__":
    main("Simulation-based inference", rows)
