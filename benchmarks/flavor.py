"""How fast the flavor wing is: ``python benchmarks/flavor.py`` prints one table of ratios to FlavorPy 0.2.0."""

from harness.command import main
from harness.first_uses import first_call, import_memory, import_time, process_against_call
from harness.rows import Row, Target, alone, side_by_side
from harness.sides import OURS, Task

_PEER = "flavorpy"


def rows(quick: bool) -> list[Row]:
    """All rows of the flavor wing."""
    return [*_imports(), *_points(quick), *_fits(quick), *_chains(quick), *_face(quick), *_growth(quick)]


def peer(name: str, **options: object) -> Task:
    """A task of FlavorPy."""
    return Task(_PEER, name, dict(options), "FlavorPy 0.2.0")


def _imports() -> list[Row]:
    modules = ("ours.flavor_import", (_PEER, "peers.flavorpy_import"))
    what = "import of the face and first use of NuFIT 5.3, NO and IO"
    return [
        import_time("import", what, *modules, Target(15, 25)),
        import_memory("import-memory", f"{what}: peak memory", *modules, Target(3, None)),
    ]


def _points(quick: bool) -> list[Row]:
    many, few = (4096, 50) if quick else (16_384, 1000)
    generic, seed = {"model": "generic"}, {"model": "seed"}
    differ = "chi2 is not compared: FlavorPy averages the neutrino scale, folds its splines and takes r for m21 and m3l"
    return [
        side_by_side(
            "observables", f"observables of {many} generic complex pairs (M_e, M_n)",
            Task(OURS, "flavor_observables", {**generic, "n": many}), (peer("observables", **generic, n=few),),
            Target(30, 80), unit="point",
        ),
        side_by_side(
            "chi2-generic", "full chi2, the same", Task(OURS, "flavor_chi2", {**generic, "n": many}),
            (peer("chi2", **generic, n=few),), Target(60, 200), unit="point", note=differ,
        ),
        side_by_side(
            "chi2-seed", "full chi2, simple model traced from numpy", Task(OURS, "flavor_chi2", {**seed, "n": many}),
            (peer("chi2", **seed, n=few),), Target(150, 500), unit="point", note=differ,
        ),
        side_by_side(
            "gradient", "value and gradient, simple model, against 4 residual calls",
            Task(OURS, "flavor_gradient", {**seed, "n": many}), (peer("residuals", **seed, n=few // 4),),
            Target(500, 2000), unit="point",
        ),
    ]  # fmt: skip


def _fits(quick: bool) -> list[Row]:
    ours, theirs = Task(OURS, "flavor_global_fit", {"starts": 512}), peer("make_fit", points=2 if quick else 5)
    points = theirs.options["points"]
    what = f"global fit from 512 starts against make_fit(points={points})"
    lower = "answers are chi2: ours is the lower one"
    reached = peer("successful_fits", points=points, seeds=8 if quick else 24, below=5.0)
    same = f"a chi2 below 5 against make_fit(points={points}) repeated until it has one"
    return [
        side_by_side("fit", f"{what}, warm", ours, (theirs,), Target(20, 60), unit="fit", note=lower),
        process_against_call(
            "fit-cold", f"{what}, first process", "ours.flavor_fit", theirs, Target(1, 3), second=False
        ),
        process_against_call(
            "fit-cached", f"{what}, second process", "ours.flavor_fit", theirs, Target(3, 10), second=True
        ),
        process_against_call(
            "reached-cold", f"{same}, first process", "ours.flavor_fit", reached, Target(None, None), second=False
        ),
        process_against_call(
            "reached-cached", f"{same}, second process", "ours.flavor_fit", reached, Target(None, None), second=True
        ),
    ]


def _chains(quick: bool) -> list[Row]:
    many, few = {"walkers": 40, "steps": 2000}, {"walkers": 40, "steps": 40 if quick else 2000}
    ours, theirs = Task(OURS, "flavor_chain", many), peer("chain", **few)
    what = "chain of 2000 steps with 40 walkers"
    return [
        side_by_side("chain", f"{what}, warm", ours, (theirs,), Target(80, 250), unit="evaluation"),
        first_call("chain-cold", f"{what}, first call", ours, theirs, Target(5, 15), unit="evaluation"),
    ]


def _face(quick: bool) -> list[Row]:
    few = 40 if quick else 6800
    single = {"model": "branching", "n": 20 if quick else 500}
    lobster = {"x": "m1", "y": "m_bb", "show_exp": "2dim", "xscale": "log", "yscale": "log"}
    plane = {"x": "s23^2", "y": "d/pi", "show_exp": "2dim", "gridsize": 8}
    return [
        side_by_side(
            "complete-fit", "complete_fit of 6800 rows through the face",
            Task(OURS, "flavor_complete_fit", {"n": 6800}), (peer("complete_fit", n=few),), Target(20, 60), unit="row",
        ),
        side_by_side(
            "lobster", "lobster plot through the face", Task(OURS, "flavor_plot", lobster), (peer("plot", **lobster),),
            Target(100, 300), unit="plot",
        ),
        side_by_side(
            "plot-2dim", "plot with show_exp='2dim' through the face", Task(OURS, "flavor_plot", plane),
            (peer("plot", **plane),), Target(5, 10), unit="plot",
        ),
        side_by_side(
            "untraceable", "get_chisq of a model that branches on a value, through the face",
            Task(OURS, "flavor_single_chi2", single), (peer("single_chi2", **single),), Target(1, 2), unit="point",
        ),
    ]  # fmt: skip


def _growth(quick: bool) -> list[Row]:
    sizes = (1000, 100_000) if quick else (1000, 100_000, 1_000_000)
    full = {"model": "seed", "n": 16_384, "correlations": "full"}
    single = Task(OURS, "flavor_chi2", {"model": "seed", "n": 16_384}, "independent curves")
    return [
        *(
            alone(
                f"points-{n}", f"chi2 of {n:,} points of the simple model, per CPU second",
                Task(OURS, "flavor_chi2", {"model": "seed", "n": n}), Target(None, None), figure="rate",
            )
            for n in sizes
        ),
        side_by_side(
            "correlations", "full correlations against independent curves (at most 3 times the cost)",
            Task(OURS, "flavor_chi2", full), (single,), Target(1 / 3, None), unit="point",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main("Flavor", rows)
