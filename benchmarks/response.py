"""How fast the response wing is: ``python benchmarks/response.py`` prints one table of ratios to ReMU.

Heavy rows of ReMU are timed on a part (a few matrices, toys or points) and quoted per matrix, toy or point.
"""

import statistics
import tempfile
from pathlib import Path

from harness.command import main
from harness.programs import printed
from harness.rows import Measured, Row, Target, alone, side_by_side
from harness.sides import OURS, Sides, Task


def rows(quick: bool) -> list[Row]:
    """All rows of the response wing."""
    return [
        *_filling(quick), *_preparing(), *_judging(quick), *_testing(quick), *_examples(quick), *_growth(quick),
    ]  # fmt: skip


def against_remu(
    name: str, what: str, target: Target, unit: str, ours: dict, peer: dict | None = None, note: str = ""
) -> Row:
    """A row of the task of the same name on both sides.

    Args:
        name: of the row; the task is ``response_`` and the name up to a dot.
        what: as for `Row`.
        target: as for `Row`.
        unit: what is counted.
        ours: options of our task.
        peer: options of ReMU's task; ours by default.
        note: shown below the table.
    """
    task = f"response_{name.split('.')[0]}"
    theirs = Task("remu", task, ours if peer is None else peer, "ReMU 0.8.0")
    return side_by_side(name, what, Task(OURS, task, ours), (theirs,), target, unit=unit, note=note)


def _filling(quick: bool) -> list[Row]:
    events, count, some = (20_000, 4, 1) if quick else (200_000, 100, 2)
    large = 1_000_000 if quick else 10_000_000
    part = f"ReMU timed on {some} of {count} matrices"
    return [
        against_remu("fill_plane", f"fill {events:,} weighted events in 2 variables", Target(200, 300), "event",
                     {"n": events}, {"n": events // 10}, note=f"ReMU timed on {events // 10:,}"),
        alone("fill_stream", f"the same with {large:,} events in blocks of a million, generation included",
              Task(OURS, "response_fill_stream", {"n": large}), Target(None, None), unit="event"),
        against_remu("matrices_03.plain", f"{count} matrices of example 03 from csv files, without throws",
                     Target(100, 175), "matrix", {"count": count, "throws": 0}, {"count": some, "throws": 0}, part),
        against_remu("matrices_03.thrown", f"{count} matrices of example 03 from csv files, with throws",
                     Target(100, 175), "matrix", {"count": count, "throws": 1}, {"count": some, "throws": 1}, part),
        against_remu("matrices_05", f"{count} matrices of example 05 from csv files, with throws", Target(100, 150),
                     "matrix", {"count": count}, {"count": some}, part),
    ]  # fmt: skip


def _preparing() -> list[Row]:
    return [
        against_remu("flux", "flux, 100 throws of 1000 particles", Target(100, 200), "flux", {}),
        against_remu("tables", "cross sections of three processes, 2592 bins", Target(100, 1000), "set", {}),
        against_remu("prediction", "prediction from 1513 cross sections under 100 variations", Target(2, None), "call",
                     {}),
        against_remu("collapse", "the same collapsed to 4 templates", Target(5, None), "call", {"n": 50}, {"n": 10}),
        against_remu("merging", "merging 572 truth bins to 120", Target(20, 40), "merging", {}),
    ]  # fmt: skip


def _judging(quick: bool) -> list[Row]:
    calls, points, single = (50, 1000, 20) if quick else (1000, 1000, 200)
    few = single // 100 or 1
    made = [
        against_remu("likelihood_call", "log likelihood, 100 variations, one call", Target(3, 4), "call", {"n": calls}),
        against_remu("likelihood_batch", f"log likelihood, {points} points in one call", Target(2, 3), "point",
                     {"n": points}),
        against_remu("likelihood_gradient", "log likelihood with gradient", Target(10, 16), "call", {"n": calls // 5}),
    ]  # fmt: skip
    for name, what, which, systematics in (
        ("fits.all", "fit of 4 weights", "all", "marginal"),
        ("fits.A", "fit of model A alone", "A", "marginal"),
        ("fits.B", "fit of model B alone", "B", "marginal"),
        ("fits.profile", "fit of 4 weights, best variation", "all", "profile"),
    ):
        shared = {"which": which, "systematics": systematics}
        made.append(
            against_remu(
                name, what, Target(50, 100), "fit", {**shared, "n": single}, {**shared, "n": few},
                note="the difference of the answers is in ln L",
            )
        )  # fmt: skip
    return made


def _testing(quick: bool) -> list[Row]:
    simple, refitted, many, tried = (500, 50, 100, 1) if quick else (2500, 250, 2500, 4)
    part = f"ReMU timed on {tried} toys"
    return [
        against_remu("scan", "Wilks p-values at 2 x 50 weights", Target(300, 1000), "point", {"n": 50}, {"n": 2},
                     note="ReMU timed on 2 x 2 points"),
        against_remu("simple_p_value", f"p-value of given weights, {simple} toys", Target(20, 35), "toy",
                     {"n": simple}),
        against_remu("fitted_p_value.few", f"p-value of model A, {refitted} refitted toys", Target(200, 700), "toy",
                     {"n": refitted}, {"n": tried}, note=part),
        against_remu("fitted_p_value.many", f"p-value of model A, {many} refitted toys", Target(200, 500), "toy",
                     {"n": many}, {"n": tried}, note=part),
    ]  # fmt: skip


def _examples(quick: bool) -> list[Row]:
    toys, steps = (20, 200) if quick else (250, 3000)
    full, part = {"toys": toys, "points": 100, "tests": 11}, {"toys": 2, "points": 2, "tests": 1}
    last, some = {"toys": toys, "points": 50}, {"toys": 2, "points": 2}
    note = "per fit, as many as ReMU needs; ReMU timed on 2 toys, 2 points"
    chain = Task(OURS, "response_chain", {"steps": steps})
    return [
        against_remu("models.one", f"example 02: fits, p-values of {toys} toys, scans, one matrix", Target(50, 100),
                     "fit", {"example": "01", **full}, {"example": "01", **part}, note),
        against_remu("models.varied", "example 03: the same with 100 matrices", Target(50, 100), "fit",
                     {"example": "03", **full}, {"example": "03", **part}, note),
        against_remu("cross_sections", f"example 06: fits, p-values of {toys} toys, scans", Target(50, 100), "fit",
                     last, some, note),
        *(
            side_by_side(
                f"chain.{name}", f"chain of 4 weights, 32 walkers, against {walkers} walkers of emcee{how}", chain,
                (Task("remu", chain.name, {"walkers": walkers, "steps": 50, "vectorize": many}, "ReMU 0.8.0, emcee"),),
                target, unit="evaluation", note="start, burn-in and diagnostics of ours are counted",
            )
            for name, walkers, many, how, target in (
                ("few", 8, False, "", Target(10, 18)),
                ("many", 32, True, " in one call", Target(3, 4)),
            )
        ),
        _first_fit(),
    ]  # fmt: skip


def _growth(quick: bool) -> list[Row]:
    few, events = (100, 100_000) if quick else (500, 1_000_000)
    studies = (
        ("simple_p_value", "toys of given weights", few * 10, "n"),
        ("fitted_p_value", "refitted toys", few * 10, "n"),
        ("scan", "points of a scan", few, "n"),
        ("fill_plane", "events filled", events * 10, "n"),
        ("chain", "steps of a chain", few * 10, "steps"),
    )
    return [
        *(
            side_by_side(
                f"growth-{name}", f"{large:,} {what} against {large // 10:,} (at most 1.1 times per item)",
                Task(OURS, f"response_{name}", {option: large}),
                (Task(OURS, f"response_{name}", {option: large // 10}, f"{large // 10:,}"),),
                Target(1 / 1.1, None),
            )
            for name, what, large, option in studies
        ),
        _memory((events, events * 10)),
    ]  # fmt: skip


def _first_fit() -> Row:
    """CPU seconds of a fit in a process that has compiled nothing, against ReMU's fit in a running one."""
    peer = Task("remu", "response_fits", {"which": "all", "systematics": "marginal", "n": 1}, "ReMU 0.8.0")

    def measure(sides: Sides, rounds: int) -> Measured:
        pairs = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="wilks-cache-") as cache:
                pairs.append([printed(sides, "ours.response_first", cache=Path(cache)) for _ in range(2)])
        theirs = [sides.run(peer).per_item for _ in range(rounds)]
        first, second = zip(*pairs, strict=True)
        return Measured(
            statistics.median(second), statistics.median(theirs), statistics.median(first), None, peer.label, "fit",
            note="warm: a second process, whose compile cache is filled; imports are left out",
            ours_least=min(second), peer_least=min(theirs),
        )  # fmt: skip

    return Row("first_fit", "fit of 4 weights in a fresh process (not slower than twice)", measure, Target(0.5, 1))


def _memory(sizes: tuple[int, int]) -> Row:
    """Peak memory of a process that fills many events, 10^6 bytes above that with a tenth of them."""

    def measure(sides: Sides, rounds: int) -> Measured:
        short, long = (printed(sides, "ours.response_memory", str(n)) for n in sizes)
        note = f"{short:.0f} MB with {sizes[0]:,} events, {long:.0f} MB with {sizes[1]:,}"
        return Measured(long - short, None, None, None, "", "", note=note)

    what = f"memory of filling {sizes[1]:,} events beyond that of {sizes[0]:,}"
    return Row("memory", what, measure, Target(100, None, at_most=True), "megabytes")


if __name__ == "__main__":
    main("Response wing", rows)
