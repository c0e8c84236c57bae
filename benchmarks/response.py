"""How fast the response wing is: ``python benchmarks/response.py`` prints one table of ratios to ReMU.

Heavy rows of ReMU are timed on a part (a few matrices, toys or points) and quoted per matrix, toy or point.
"""

from harness.command import main
from harness.rows import Row, Target, alone, side_by_side
from harness.sides import OURS, Task


def rows(quick: bool) -> list[Row]:
    """All rows of the response wing."""
    return [*_filling(quick), *_preparing(), *_judging(quick), *_testing(quick)]


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
        against_remu("collapse", "the same collapsed to 4 templates", Target(5, None), "call", {}),
        against_remu("merging", "merging 572 truth bins to 120", Target(20, 40), "merging", {}),
    ]  # fmt: skip


def _judging(quick: bool) -> list[Row]:
    calls, points, single = (50, 1000, 2) if quick else (1000, 1000, 20)
    few = max(single // 10, 1)
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


if __name__ == "__main__":
    main("Response wing", rows)
