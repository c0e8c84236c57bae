"""How fast the xenon wing is: ``python benchmarks/xenon.py`` prints one table of ratios to flamedisx 2.1.0."""

import statistics
import subprocess
import tempfile

from harness.command import main
from harness.environments import ROOT
from harness.programs import spent
from harness.rows import Measured, Row, Target, alone, side_by_side
from harness.sides import OURS, SideFailed, Sides, Task

_PEER = "flamedisx"


def rows(quick: bool) -> list[Row]:
    """All rows of the xenon wing."""
    return [*_derivatives(), *_fits(), *_tutorial(), *_spectra(quick), *_growth(quick), *_toys(quick)]


def peer(name: str, **options: object) -> Task:
    """A task of flamedisx."""
    return Task(_PEER, name, dict(options), "flamedisx 2.1.0")


def against_flamedisx(name: str, what: str, task: str, target: Target, *, note: str = "", **options: object) -> Row:
    """A row of the same task on both sides."""
    return side_by_side(name, what, Task(OURS, task, dict(options)), (peer(task, **options),), target, note=note)


def _derivatives() -> list[Row]:
    wrong = "flamedisx sums single-precision numbers within fixed ranges: up to 7 % off"
    return [
        against_flamedisx("rate", "rate of 1000 ER events", "xenon_rate", Target(50, 100), n=1000,
                          note=f"answers are ln rates; {wrong}"),
        against_flamedisx("gradient-25", "value and gradient in rate and lifetime, 25 events", "xenon_gradient",
                          Target(4, 10), n=25, note="answers are ln L per event"),
        against_flamedisx("gradient-1000", "the same, 1000 events", "xenon_gradient", Target(15, 50), n=1000,
                          note="answers are ln L per event"),
        against_flamedisx("hessian", "inverse Hessian in 6 parameters, 25 events", "xenon_hessian", Target(3, 10),
                          n=25, note="answers are errors; parameters differ in scale"),
    ]  # fmt: skip


def _fits() -> list[Row]:
    return [
        against_flamedisx(
            "fit", "best fit, summary and 68 % interval, 25 events", "xenon_fit_and_interval", Target(10, 50), n=25,
            note="answers in errors of the lifetime",
        ),
        against_flamedisx(
            "fit-yields", "best fit of 6 parameters, 25 events", "xenon_fit_yields", Target(None, None), n=25,
            note="answers in errors of the lifetime",
        ),
    ]  # fmt: skip


def _tutorial() -> list[Row]:
    what = "the whole tutorial as a process"
    return [
        _processes("tutorial-cold", f"{what}, empty compile cache", Target(3, 8), second=False),
        _processes("tutorial-warm", f"{what}, second process", Target(None, None), second=True),
    ]


def _spectra(quick: bool) -> list[Row]:
    return [
        against_flamedisx("wimps", "spectrum of WIMPs, 100 energies x 24 times (wimprates 0.5.0)",
                          "xenon_wimp_spectrum", Target(50, 500), energies=100, times=24,
                          note="answers are ln rates: wimprates is 3 % low"),
        against_flamedisx("simulate", "simulate 10^5 ER events", "xenon_simulate", Target(1.5, 4),
                          n=10_000 if quick else 100_000),
    ]  # fmt: skip


def _growth(quick: bool) -> list[Row]:
    small, large = (1000, 10_000) if quick else (10_000, 100_000)
    lifetime, yields = Task(OURS, "xenon_fit_lifetime", {"n": 1000}), Task(OURS, "xenon_fit_yields", {"n": 1000})
    return [
        *(
            side_by_side(
                f"growth-{name}", f"{name} of {large:,} events against {small:,} (at most 1.1 times per event)",
                Task(OURS, f"xenon_{name}_per_event", {"n": large}),
                (Task(OURS, f"xenon_{name}_per_event", {"n": small}, f"{small:,} events"),), Target(1 / 1.1, None),
                unit="event",
            )
            for name in ("rate", "gradient")
        ),
        _memory("memory", f"memory of value and gradient beyond imports: {large:,} events", (small, large)),
        side_by_side(
            "held-tables", "fit of rate and lifetime against a fit of yields, 1000 events (at most 0.6 times)",
            lifetime, (Task(OURS, yields.name, yields.options, "fit of yields"),), Target(1 / 0.6, None), unit="fit",
        ),
    ]  # fmt: skip


def _toys(quick: bool) -> list[Row]:
    number = 50 if quick else 500
    return [
        alone(
            "toys", f"{number} toys of 25 events, simulated and fitted in 2 parameters",
            Task(OURS, "xenon_toys", {"n": number}), Target(60 / 500, None, at_most=True), unit="toy",
        )
    ]  # fmt: skip


def _processes(name: str, what: str, target: Target, *, second: bool) -> Row:
    """CPU seconds of the tutorial as a process of each side; ours finds compiled programs only in a second process."""

    def measure(sides: Sides, rounds: int) -> Measured:
        mine, theirs = [], []
        theirs_command = [sides.python(_PEER), "-W", "ignore", "-m", "peers.flamedisx_tutorial"]
        for _ in range(max(rounds // 2, 1)):
            with tempfile.TemporaryDirectory(prefix="wilks-cache-") as cache:
                variables = {**sides.variables(), "WILKS_CACHE": cache}
                command = [sides.python(OURS), "-W", "ignore", "-m", "ours.xenon_tutorial"]
                mine.append([spent(command, variables) for _ in range(2 if second else 1)][-1])
            theirs.append(spent(theirs_command, sides.variables()))
        return Measured(
            statistics.median(mine), statistics.median(theirs), None, None, "flamedisx 2.1.0", "process",
            note="imports are counted on both sides", ours_least=min(mine), peer_least=min(theirs),
        )  # fmt: skip

    return Row(name, what, measure, target)


def _memory(name: str, what: str, sizes: tuple[int, int]) -> Row:
    """Peak memory of a process with a long list of events, 10^6 bytes above that with a short one."""

    def measure(sides: Sides, rounds: int) -> Measured:
        short, long = (_megabytes(sides, n) for n in sizes)
        note = f"{short:.0f} MB with {sizes[0]:,} events, {long:.0f} MB with {sizes[1]:,}"
        return Measured(long - short, None, None, None, "", "", note=note)

    return Row(name, what, measure, Target(100, None, at_most=True), "megabytes")


def _megabytes(sides: Sides, n: int) -> float:
    command = [sides.python(OURS), "-W", "ignore", "-m", "ours.xenon_memory", str(n)]
    done = subprocess.run(command, env=sides.variables(), cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise SideFailed(done.stderr)
    return float(done.stdout)


if __name__ == "__main__":
    main("Xenon wing", rows)
