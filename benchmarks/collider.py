"""How fast the collider wing is: ``python benchmarks/collider.py`` prints one table of ratios to its peers."""

from engine import iminuit_own, minos, pyhf
from harness.command import main
from harness.events import events_memory, events_row
from harness.programs import first_result, warm_process, whole_run
from harness.rows import Row, Target, alone, side_by_side
from harness.sides import OURS, Task


def rows(quick: bool) -> list[Row]:
    """All rows of the collider wing."""
    return [*_toys(quick), *_tutorial(quick), *_workspace(quick), *_events(quick), *_study()]


def _toys(quick: bool) -> list[Row]:
    many, few = (256, 4) if quick else (20_000, 64)
    shared = {"problem": "four_leptons", "n": many}
    ours = Task(OURS, "two_norm_fits", shared)
    ours_nominal = Task(OURS, "two_norm_fits", {**shared, "errors": "nominal"})
    ours_scaled = Task(OURS, "two_norm_fits", {**shared, "errors": "scaled"})
    numpy_cost = tuple(
        Task("iminuit", "two_norm_fits", {"problem": "four_leptons", "n": few, "strategy": s}, f"iminuit strategy {s}")
        for s in (0, 1)
    )
    jsc = tuple(
        Task("iminuit", "simulation_fits", {"problem": "four_leptons", "n": few, "strategy": s}, f"iminuit jsc {s}")
        for s in (0, 1)
    )
    what = f"34 bins, 2 norms, {many} toys"
    return [
        side_by_side(
            "pyhf", what, ours, pyhf("two_norm_fits", problem="four_leptons", n=few), Target(100, 400), unit="toy"
        ),
        side_by_side("iminuit", f"{what}; numpy cost, no gradient", ours, numpy_cost, Target(40, 100), unit="toy"),
        side_by_side(
            "iminuit-own", what, ours, iminuit_own(problem="four_leptons", n=few), Target(None, None), unit="toy"
        ),
        side_by_side(
            "simulation-pyhf", f"{what}, template statistics (pyhf: 34 gammas)", ours_nominal,
            pyhf("two_norm_fits", problem="four_leptons", n=few // 4, statistics=True), Target(3000, 15_000),
            unit="toy",
        ),
        side_by_side(
            "simulation-iminuit", f"{what}, template statistics scaled with the norms", ours_scaled, jsc,
            Target(20, 60), unit="toy",
        ),
    ]  # fmt: skip


def _tutorial(quick: bool) -> list[Row]:
    fits, studied, thrown = (256, 2, 500) if quick else (20_000, 20, 10_000)
    study = 2000 if quick else 50_000
    ours = Task(OURS, "two_norm_fits", {"problem": "four_leptons", "n": fits, "cost": "pearson"})
    here = Task(OURS, "coverage", {"n": study, "workers": 1})
    spread = Task(OURS, "coverage", {"n": study, "workers": 2})
    loops = Task("tutorial", "grid_fits", {"n": 4}, "tutorial's loops, 10^4 points")
    extrapolated = Task("tutorial", "coverage", {"n": studied}, f"tutorial's 20,000 grid fits, timed on {studied}")
    return [
        side_by_side(
            "grid-fit", f"one fit of many ({fits}) against one grid fit", ours, (loops,), Target(3000, 8000),
            unit="fit", note="the grid has steps of 0.026 and 0.004: answers differ by half of one",
        ),
        side_by_side(
            "coverage", f"coverage study, {study} toys, all thresholds at once", here, (extrapolated,),
            Target(None, None), unit="study",
            note="the loops cover 20 Gaussian toys at one threshold: their fraction is rough",
        ),
        alone(
            "coverage-1", f"coverage study, {study} toys, in this process", here, Target(20, 6, at_most=True),
            unit="study",
        ),
        alone(
            "coverage-2", f"coverage study, {study} toys, 2 workers started for it (CPU of all)", spread,
            Target(20, 6, at_most=True), unit="study",
        ),
        side_by_side(
            "goodness", f"goodness of fit, {thrown} toys, no refit", Task(OURS, "goodness", {"n": thrown}),
            (Task("tutorial", "goodness", {"n": thrown}, "tutorial's loops"),), Target(20, 40), unit="toy",
        ),
    ]  # fmt: skip


def _workspace(quick: bool) -> list[Row]:
    many, few = (10, 1) if quick else (100, 4)
    return [
        warm_process(
            "first-fit", "50 bins, 31 parameters: process from start to first fit, warm compile cache",
            "ours.first_fit", Target(3, None, at_most=True),
        ),
        side_by_side(
            "repeated-fits", "the same, each further fit", Task(OURS, "systematics_single", {"n": many}),
            pyhf("systematics_single", (("numpy", "scipy"),), n=few), Target(30, 150), unit="fit",
        ),
        minos(Target(30, 90)),
    ]  # fmt: skip


def _events(quick: bool) -> list[Row]:
    sizes = (20_000, 40_000) if quick else (1_000_000, 2_000_000)
    return [
        events_row("events", sizes[0], Target(1.2, 2.5)),
        events_memory("events-memory", sizes, Target(300, None, at_most=True)),
    ]


def _study() -> list[Row]:
    return [
        first_result(
            "higgs4l", "wilks run higgs4l: second process, CPU to the first fitted result", ["run", "higgs4l"], "s_s",
            Target(5, None, at_most=True),
        ),
        whole_run(
            "higgs4l-cold", "wilks run higgs4l --toys 0 with report and figures, empty compile cache",
            ["run", "higgs4l", "--toys", "0", "--output", "OUTPUT"], Target(15, None, at_most=True),
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main("Collider", rows)
