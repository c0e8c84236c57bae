"""How fast the engine is: ``python benchmarks/engine.py`` prints one table of ratios to pyhf and iminuit."""

from harness.command import main
from harness.programs import second_process, start_up
from harness.rows import Row, Target, alone, side_by_side
from harness.sides import OURS, Task

_PYHF = tuple((backend, optimizer) for backend in ("numpy", "jax") for optimizer in ("scipy", "minuit"))


def rows(quick: bool) -> list[Row]:
    """All rows of the engine."""
    return [*_toys(quick), *_shapes(quick), *_events(quick), *_simulation(quick), *_start_up(), *_rates(quick)]


def pyhf(name: str, choices: tuple[tuple[str, str], ...] = _PYHF, **options: object) -> tuple[Task, ...]:
    """The same task with several backends and optimisers of pyhf."""
    return tuple(
        Task("pyhf", name, {**options, "backend": backend, "optimizer": optimizer}, f"pyhf {backend}+{optimizer}")
        for backend, optimizer in choices
    )


def numpy_costs(name: str, **options: object) -> tuple[Task, ...]:
    """The same task with iminuit's recipes for a numpy cost."""
    recipes = ((0, False), (1, False), (0, True))
    return tuple(
        Task(
            "iminuit", name, {**options, "strategy": strategy, "gradient": gradient},
            f"iminuit strategy {strategy}, numpy cost{' with gradient' if gradient else ''}",
        )
        for strategy, gradient in recipes
    )  # fmt: skip


def iminuit_own(**options: object) -> tuple[Task, ...]:
    """The cost that iminuit offers for binned data, as its users take it."""
    return (Task("iminuit", "own_cost_fits", dict(options), "iminuit, its own cost and default strategy"),)


def _toys(quick: bool) -> list[Row]:
    many, few = (256, 8) if quick else (4096, 128)
    some, single = (32, 2) if quick else (256, 16)
    ours = Task(OURS, "two_norm_fits", {"problem": "ten_bins", "n": many})
    systematic = Task(OURS, "systematics_fits", {"n": some})
    peer_a = {"problem": "ten_bins", "n": few}
    numpy_scipy = pyhf("systematics_fits", (("numpy", "scipy"),), n=single)
    gradient = Task("iminuit", "systematics_fits", {"n": single}, "iminuit strategy 0, JAX gradient")
    return [
        side_by_side(
            "a-iminuit", f"a: {many} toys fitted", ours, numpy_costs("two_norm_fits", **peer_a), Target(100, 190),
            unit="toy",
        ),
        side_by_side(
            "a-iminuit-own", f"a: {many} toys fitted", ours, iminuit_own(**peer_a), Target(None, None), unit="toy"
        ),
        side_by_side(
            "a-pyhf", f"a: {many} toys fitted", ours, pyhf("two_norm_fits", **peer_a), Target(200, 450), unit="toy"
        ),
        side_by_side(
            "b-pyhf-jax", f"b: {some} toys fitted", systematic, pyhf("systematics_fits", (("jax", "scipy"),), n=single),
            Target(20, 30), unit="toy",
        ),
        side_by_side(
            "b-pyhf-numpy", f"b: {some} toys fitted", systematic, numpy_scipy, Target(200, 400), unit="toy"
        ),
        side_by_side("b-iminuit", f"b: {some} toys fitted", systematic, (gradient,), Target(40, 70), unit="toy"),
    ]  # fmt: skip


def _shapes(quick: bool) -> list[Row]:
    points, toys = {"points": 10 if quick else 50}, {"n": 32 if quick else 256}
    return [
        minos(Target(50, 95)),
        side_by_side(
            "a-profile", f"a: profile of {points['points']} points", Task(OURS, "ten_bins_profile", points),
            numpy_costs("ten_bins_profile", **points), Target(15, 35), unit="profile",
        ),
        side_by_side(
            "a-profiles", f"a: profiles of {toys['n']} toys in one call, {points['points']} points each",
            Task(OURS, "ten_bins_profiles", {**points, **toys}), numpy_costs("ten_bins_profile", **points),
            Target(15, 35), unit="profile",
        ),
        side_by_side(
            "b-profile", f"b: profile of {points['points']} points", Task(OURS, "systematics_profile", points),
            (Task("iminuit", "systematics_profile", points, "iminuit mnprofile, JAX gradient"),), Target(10, 50),
            unit="profile",
        ),
    ]  # fmt: skip


def _events(quick: bool) -> list[Row]:
    sets, points = {"n": 8 if quick else 64}, {"points": 10 if quick else 50}

    def peers(name: str, *costs: str, **options: int) -> tuple[Task, ...]:
        return tuple(Task("iminuit", name, {**options, "cost": cost}, f"iminuit strategy 0, {cost}") for cost in costs)

    return [
        side_by_side(
            "c-fits", f"c: {sets['n']} sets of 10,000 events fitted", Task(OURS, "unbinned_fits", sets),
            peers("unbinned_fits", "numpy", "numpy with gradient", "JAX gradient", **sets), Target(2, 4), unit="set",
        ),
        side_by_side(
            "c-profile", f"c: profile of {points['points']} points", Task(OURS, "unbinned_profile", points),
            peers("unbinned_profile", "JAX gradient", **points), Target(1, 2), unit="profile",
        ),
    ]  # fmt: skip


def minos(target: Target) -> Row:
    """Profile intervals of all parameters of problem b."""
    peer = Task("iminuit", "systematics_intervals", {}, "iminuit migrad+minos, JAX gradient")
    ours = Task(OURS, "systematics_intervals", {})
    return side_by_side("b-minos", "b: MINOS intervals of all 31 parameters", ours, (peer,), target, unit="fit")


def _simulation(quick: bool) -> list[Row]:
    many, few = (256, 2) if quick else (20_000, 16)
    ours = Task(OURS, "two_norm_fits", {"problem": "four_leptons", "n": many, "errors": "nominal"})
    peers = pyhf("two_norm_fits", problem="four_leptons", n=few, statistics=True)
    what = f"34 bins, 2 norms, MC statistics in closed form, {many} toys"
    return [side_by_side("simulation-pyhf", what, ours, peers, Target(300, 1000), unit="toy")]


def _start_up() -> list[Row]:
    return [
        second_process("second-process", "b: process from start to first fit", "ours.first_fit", Target(2, 2.8)),
        start_up("help", "wilks --help", ["--help"], "import numpy, click", Target(1.5, 1.0, at_most=True)),
    ]


def _rates(quick: bool) -> list[Row]:
    a, b = (256, 32) if quick else (20_000, 1024)
    return [
        alone(
            "rate-a", f"a: {a} toys simulated and fitted, toys per CPU second",
            Task(OURS, "thrown", {"problem": "ten_bins", "n": a}), Target(None, None), figure="rate",
        ),
        alone(
            "rate-b", f"b: {b} toys simulated and fitted, toys per CPU second",
            Task(OURS, "systematics_thrown", {"n": b}), Target(None, None), figure="rate",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main("Engine", rows)
