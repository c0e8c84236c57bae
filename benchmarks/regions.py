"""How fast Feldman-Cousins regions are: ``python benchmarks/regions.py`` prints toys per CPU second and ratios."""

from harness.command import main
from harness.rows import Row, Target, alone, side_by_side
from harness.sides import OURS, Task


def rows(quick: bool) -> list[Row]:
    """All rows on regions."""
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
    main("Feldman-Cousins regions", rows)
