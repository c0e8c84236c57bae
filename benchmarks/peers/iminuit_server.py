"""iminuit as a process: the same fits with hand-written costs, in numpy, in jax, and its own for finite simulation."""

from collections.abc import Callable
from typing import Any

import numpy as np
from harness.serving import Answer, Work, serve
from iminuit import Minuit, cost
from problems import histograms, systematics, unbinned

from .systematics_model import cost_with_gradient
from .unbinned_costs import COSTS

SAMPLE = 8


def _numpy_minuit(problem: histograms.TwoNorms, gradient: bool) -> Callable[[np.ndarray], Minuit]:
    """A minimiser of the plain Poisson cost for one set of counts."""
    templates = problem.templates
    matrix, total = np.ascontiguousarray(templates.T), templates.sum(axis=1)

    def minuit(counts: np.ndarray) -> Minuit:
        def nll(x: np.ndarray) -> float:
            return total @ x - counts @ np.log(np.maximum(matrix @ x, 1e-9))

        def slope(x: np.ndarray) -> np.ndarray:
            return total - (counts / np.maximum(matrix @ x, 1e-9)) @ matrix

        m = Minuit(nll, np.ones(2), grad=slope if gradient else None, name=problem.names)
        m.limits = problem.bounds
        m.errordef = Minuit.LIKELIHOOD
        return m

    return minuit


def two_norm_fits(problem: str, n: int, strategy: int = 0, gradient: bool = False) -> Work:
    """Toys of two norms with a numpy cost."""
    chosen = histograms.PROBLEMS[problem]()
    counts, minuit = histograms.poisson_toys(chosen, n), _numpy_minuit(chosen, gradient)
    return lambda: _fitted([minuit(one) for one in counts], strategy)


def own_cost_fits(problem: str, n: int, strategy: int = 1) -> Work:
    """Toys of two norms with iminuit's own cost for binned data and a model of cumulated templates."""
    chosen = histograms.PROBLEMS[problem]()
    counts = histograms.poisson_toys(chosen, n)
    edges = np.arange(counts.shape[1] + 1.0)
    cumulated = np.concatenate([np.zeros((2, 1)), np.cumsum(chosen.templates, axis=1)], axis=1)

    def model(x: np.ndarray, first: float, second: float) -> np.ndarray:
        return first * cumulated[0] + second * cumulated[1]

    def minuit(one: np.ndarray) -> Minuit:
        m = Minuit(cost.ExtendedBinnedNLL(one, edges, model), 1.0, 1.0)
        m.limits = chosen.bounds
        return m

    return lambda: _fitted([minuit(one) for one in counts], strategy)


def simulation_fits(problem: str, n: int, strategy: int = 0) -> Work:
    """Toys of two norms with iminuit's own cost for templates of finite simulation, Conway's method."""
    chosen = histograms.PROBLEMS[problem]()
    counts = histograms.poisson_toys(chosen, n)
    edges = np.arange(counts.shape[1] + 1.0)
    templates = tuple(np.stack([chosen.templates, chosen.variances], axis=2))
    totals = chosen.templates.sum(axis=1)

    def minuit(one: np.ndarray) -> Minuit:
        m = Minuit(cost.Template(one, edges, templates, name=chosen.names, method="jsc"), *totals)
        m.limits = [(low * total, high * total) for (low, high), total in zip(chosen.bounds, totals, strict=True)]
        return m

    def work() -> Answer:
        answer = _fitted([minuit(one) for one in counts], strategy)
        return {**answer, "values": (np.array(answer["values"]) / totals).tolist()}

    return work


def _fitted(minimisers: list[Minuit], strategy: int) -> Answer:
    for m in minimisers:
        m.strategy = strategy
        m.migrad()
    return {
        "items": len(minimisers),
        "values": [list(m.values) for m in minimisers[:SAMPLE]],
        "unconverged": sum(not m.valid for m in minimisers),
    }


def _jax_minuit(strategy: int) -> Callable[[np.ndarray, np.ndarray], Minuit]:
    """A minimiser of problem b with exact gradient, started at the auxiliary data."""
    bind = cost_with_gradient()

    def minuit(counts: np.ndarray, pulls: np.ndarray) -> Minuit:
        nll, gradient = bind(counts, pulls)
        start = np.concatenate([[1.0], np.clip(pulls, -5.0, 5.0)])
        m = Minuit(nll, start, grad=gradient, name=(systematics.STRENGTH, *systematics.PULLS))
        m.limits = [(0.0, 10.0)] + [(-5.0, 5.0)] * len(systematics.PULLS)
        m.errordef, m.strategy = Minuit.LIKELIHOOD, strategy
        return m

    return minuit


def systematics_fits(n: int, strategy: int = 0) -> Work:
    """Toys of problem b."""
    minuit, (counts, pulls) = _jax_minuit(strategy), systematics.toys(n)
    return lambda: _fitted([minuit(*one) for one in zip(counts, pulls, strict=True)], strategy)


def _observed() -> tuple[np.ndarray, np.ndarray]:
    return systematics.toys(1)[0][0], np.zeros(len(systematics.PULLS))


def systematics_intervals(strategy: int = 0) -> Work:
    """Migrad and MINOS of all parameters of problem b."""
    minuit = _jax_minuit(strategy)

    def work() -> Answer:
        m = minuit(*_observed())
        m.migrad()
        m.minos()
        ends = [[m.values[k] + m.merrors[k].lower, m.values[k] + m.merrors[k].upper] for k in m.parameters]
        return {"items": 1, "values": ends, "unconverged": sum(not m.merrors[k].is_valid for k in m.parameters)}

    return work


def systematics_profile(points: int, strategy: int = 0) -> Work:
    """Migrad and mnprofile of the strength of problem b."""
    minuit = _jax_minuit(strategy)
    return lambda: _profiled(minuit(*_observed()), systematics.STRENGTH, np.linspace(0.0, 2.5, points))


def ten_bins_profile(points: int, strategy: int = 0, gradient: bool = False) -> Work:
    """Migrad and mnprofile of the signal of problem a."""
    problem = histograms.ten_bins()
    minuit, counts = _numpy_minuit(problem, gradient), histograms.poisson_toys(problem, 1)[0]

    def work() -> Answer:
        m = minuit(counts)
        m.strategy = strategy
        return _profiled(m, "signal", np.linspace(0.0, 2.0, points))

    return work


def _profiled(m: Minuit, name: str, grid: np.ndarray) -> Answer:
    m.migrad()
    best: Any = m.fval
    _, heights, valid = m.mnprofile(name, grid=grid)
    return {"items": 1, "values": (2 * (heights - best)).tolist(), "unconverged": int((~valid).sum())}


def _unbinned_minuit(x: np.ndarray, cost: str, strategy: int) -> Minuit:
    nll, gradient = COSTS[cost](x)
    m = Minuit(nll, np.array(unbinned.START), grad=gradient, name=unbinned.NAMES)
    m.limits = unbinned.BOUNDS
    m.errordef, m.strategy = Minuit.LIKELIHOOD, strategy
    return m


def unbinned_fits(n: int, cost: str, strategy: int = 0) -> Work:
    """Sets of events of problem c."""
    sets = unbinned.toys(n)
    return lambda: _fitted([_unbinned_minuit(x, cost, strategy) for x in sets], strategy)


def unbinned_profile(points: int, cost: str, strategy: int = 0) -> Work:
    """Migrad and mnprofile of the share of problem c."""
    (x,) = unbinned.toys(1)
    return lambda: _profiled(_unbinned_minuit(x, cost, strategy), "f", np.linspace(*unbinned.GRID, points))


TASKS = {
    "two_norm_fits": two_norm_fits,
    "own_cost_fits": own_cost_fits,
    "simulation_fits": simulation_fits,
    "systematics_fits": systematics_fits,
    "systematics_intervals": systematics_intervals,
    "systematics_profile": systematics_profile,
    "ten_bins_profile": ten_bins_profile,
    "unbinned_fits": unbinned_fits,
    "unbinned_profile": unbinned_profile,
}

if __name__ == "__main__":
    serve(TASKS)
