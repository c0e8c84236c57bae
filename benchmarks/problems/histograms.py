"""Template fits of two norms: ten bins with a Gaussian signal, and the tutorial's 34 bins of four-lepton mass."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_SEED_TABLE = Path(__file__).with_name("four_leptons.json")
_MEAN_WEIGHT = (0.002, 0.05)  # of simulated events, signal and background: relative errors of 2 to 15 % per bin
_TRUTH = (1.386868687, 1.289898990)  # best fit of the tutorial


class TwoNorms(NamedTuple):
    """Two templates whose norms are fitted."""

    names: tuple[str, str]
    templates: np.ndarray
    variances: np.ndarray
    bounds: tuple[tuple[float, float], tuple[float, float]]
    truth: tuple[float, float]

    @property
    def expected(self) -> np.ndarray:
        """Expected counts per bin at the truth."""
        return np.asarray(self.truth) @ self.templates

    @property
    def relative_error(self) -> np.ndarray:
        """Relative error of the summed templates at norm 1, per bin."""
        return np.sqrt(self.variances.sum(axis=0)) / self.templates.sum(axis=0)


def ten_bins() -> TwoNorms:
    """Problem a: signal of 50 events at 5 +- 1 on an exponential background of 200, on [0, 10]."""
    centres = np.arange(10) + 0.5
    signal, background = np.exp(-0.5 * (centres - 5.0) ** 2), np.exp(-centres / 5.0)
    templates = np.stack([50.0 * signal / signal.sum(), 200.0 * background / background.sum()])
    return TwoNorms(
        ("signal", "background"), templates, np.zeros_like(templates), ((-1.0, 10.0), (0.0, 10.0)), (1.0, 1.0)
    )


def four_leptons() -> TwoNorms:
    """The tutorial's problem: Higgs and background in 34 bins of 80 to 250 GeV, with simulation errors."""
    found = json.loads(_SEED_TABLE.read_text())
    templates = np.array([found["signal"], found["background"]])
    variances = templates * np.array(_MEAN_WEIGHT)[:, None]
    return TwoNorms(("s_s", "s_b"), templates, variances, ((0.0, 10.0), (0.0, 10.0)), _TRUTH)


PROBLEMS = {"ten_bins": ten_bins, "four_leptons": four_leptons}
"""Problems by name."""


def observed_four_leptons() -> np.ndarray:
    """Counts of real data in the 34 bins."""
    return np.array(json.loads(_SEED_TABLE.read_text())["observed"], dtype=float)


def poisson_toys(problem: TwoNorms, n: int) -> np.ndarray:
    """Counts of ``n`` toys at the truth; a longer study begins with the toys of a shorter one."""
    generator = np.random.default_rng(1)
    return np.stack([generator.poisson(problem.expected) for _ in range(n)]).astype(float)


def simulation_toys(problem: TwoNorms, n: int) -> np.ndarray:
    """Auxiliary datum of the simulation in each bin of ``n`` toys: 1 within the relative error."""
    generator = np.random.default_rng(7)
    return 1.0 + problem.relative_error * generator.standard_normal((n, problem.templates.shape[1]))


def workspace(problem: TwoNorms, counts: np.ndarray, *, statistics: bool) -> dict[str, Any]:
    """The problem in HistFactory's JSON; ``statistics`` adds one staterror shared by both templates."""
    samples = []
    for name, template, variance in zip(problem.names, problem.templates, problem.variances, strict=True):
        modifiers: list[dict[str, Any]] = [{"name": name, "type": "normfactor", "data": None}]
        if statistics:
            modifiers.append({"name": "gamma", "type": "staterror", "data": np.sqrt(variance).tolist()})
        samples.append({"name": name, "data": template.tolist(), "modifiers": modifiers})
    parameters = [
        {"name": name, "inits": [1.0], "bounds": [list(bounds)]}
        for name, bounds in zip(problem.names, problem.bounds, strict=True)
    ]
    return {
        "channels": [{"name": "main", "samples": samples}],
        "observations": [{"name": "main", "data": counts.tolist()}],
        "measurements": [{"name": "fit", "config": {"poi": problem.names[0], "parameters": parameters}}],
        "version": "1.0.0",
    }
