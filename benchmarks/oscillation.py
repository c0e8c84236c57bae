"""How fast the oscillation wing is: ``python benchmarks/oscillation.py`` prints ratios to peers and rates of toys."""

from harness.command import main
from harness.first_uses import first_call, process_against_process
from harness.rows import Row, Target, alone, side_by_side
from harness.sides import OURS, Task

_PEER = "dayabay"


def rows(quick: bool) -> list[Row]:
    """All rows of the oscillation wing."""
    return [*_daya_bay(quick), *_prospect(), *_regions(quick)]


def _daya_bay(quick: bool) -> list[Row]:
    """The full Daya Bay likelihood against the release model; fits of that take a minute of CPU time each."""
    n = 50 if quick else 500
    chi2, fit = Task(OURS, "dayabay_chi2", {"n": n}), Task(OURS, "dayabay_fit", {})
    own = chi2._replace(label="own chi2")
    peer_fit = Task(_PEER, "fit", {}, "dayabay-model 1.7.1")
    return [
        process_against_process(
            "first", "Daya Bay: import to first chi2 with covariance, whole processes, nothing compiled before",
            "ours.dayabay_first", (_PEER, "peers.dayabay_first"), Target(5, 20),
        ),
        side_by_side(
            "chi2", "Daya Bay: chi2 with covariance, one parameter changed", chi2,
            (Task(_PEER, "chi2", {"n": 10 if quick else 50}, "dayabay-model 1.7.1"),), Target(8, 25), unit="call",
        ),
        side_by_side(
            "gradient", "Daya Bay: chi2 and gradient of 21 parameters against own chi2",
            Task(OURS, "dayabay_gradient", {"n": n}), (own,), Target(2.5, 2, at_most=True), unit="call",
        )._replace(figure="inverse"),
        side_by_side(
            "fit", "Daya Bay: fit of 21 parameters, warm", fit, (peer_fit,), Target(30, 200), unit="fit"
        ),
        first_call("fit-cold", "Daya Bay: first fit, compile included", fit, peer_fit, Target(5, None), unit="fit"),
        side_by_side(
            "vmap", "Daya Bay: 100 evaluations batched against single calls", Task(OURS, "dayabay_batch", {"n": 100}),
            (own,), Target(1.5, 0.7, at_most=True), unit="evaluation",
        )._replace(figure="inverse"),
    ]  # fmt: skip


def _prospect() -> list[Row]:
    return [
        side_by_side(
            "prospect", "PROSPECT: table of 70 segments x 90 masses",
            Task(OURS, "prospect_table", {"masses": 90}), (Task(OURS, "prospect_in_numpy", {"masses": 1}, "numpy"),),
            Target(10, 50), unit="mass",
        ),
    ]  # fmt: skip


def _regions(quick: bool) -> list[Row]:
    points, toys = (256, 250) if quick else (1024, 500)

    def kernel(form: str, amplitudes: int, splittings: int, cells: int) -> Task:
        options = {"form": form, "amplitudes": amplitudes, "splittings": splittings, "cells": cells}
        return Task(OURS, "regions_toys", {**options, "points": points, "n": toys})

    experiments = {"n": 10_000 if quick else 100_000, "cells": 209}
    general = Task(OURS, "regions_general", {"nodes": 2 if quick else 4, "n": 100 if quick else 250}, "general path")
    in_numpy = Task(OURS, "regions_experiments_in_numpy", experiments, "numpy")
    return [
        alone("linear", "toys of a linear signal, 90 splittings, continuous amplitude", kernel("linear", 2, 90, 60),
              Target(1e5, 3e5), figure="rate", unit="toy"),
        alone("rational", "toys of ratios, 90 splittings, continuous amplitude", kernel("rational", 2, 90, 60),
              Target(None, None), figure="rate", unit="toy"),
        alone("grid", "toys of a tabulated signal, 3600 nodes, 209 bins", kernel("grid", 40, 90, 209),
              Target(5e4, 1.5e5), figure="rate", unit="toy"),
        side_by_side("general", "toys of a linear signal against the general path", kernel("linear", 2, 90, 60),
                     (general,), Target(100, None), unit="toy"),
        side_by_side("experiments", f"{experiments['n']:,} pseudo-experiments of 209 correlated bins",
                     Task(OURS, "regions_experiments", experiments), (in_numpy,), Target(1, 2), unit="experiment"),
        alone("headline", "belt of 60 x 60 points, 90 splittings, up to 10,000 toys at each",
              Task(OURS, "regions_headline", {"toys": 1000 if quick else 10_000, "workers": 1}), Target(None, None)),
    ]  # fmt: skip


if __name__ == "__main__":
    main("Neutrino oscillations", rows)
