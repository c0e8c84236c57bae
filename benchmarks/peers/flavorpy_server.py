"""FlavorPy as a process: the same models, point by point, fitted, sampled and plotted as its documentation shows."""

from typing import Any

import flavorpy.modelfitting as mf
import matplotlib as mpl
import numpy as np
import pandas as pd
from harness.serving import Answer, Work, serve
from problems import flavor as problem

SAMPLE = 8
_COMPARED = ("me/mu", "s12^2", "s13^2", "s23^2")


def model_of(name: str) -> Any:
    """A model against NuFIT 5.3."""
    names, charged, neutral = problem.MODELS[name]
    space = mf.ParameterSpace()
    for n in names:
        space.add_dim(name=n)
    return mf.FlavorModel(mass_matrix_e=charged, mass_matrix_n=neutral, parameterspace=space, ordering="NO")


def _listed(model: str, n: int) -> list[dict[str, float]]:
    points = problem.points(model, n)
    return [{"n_scale": 1.0} | {name: float(column[i]) for name, column in points.items()} for i in range(n)]


def observables(model: str, n: int) -> Work:
    """All observables, one point after the other."""
    chosen, listed = model_of(model), _listed(model, n)

    def work() -> Answer:
        found = [chosen.get_obs(point) for point in listed]
        return {"items": n, "values": [[one[k] for one in found[:SAMPLE]] for k in _COMPARED]}

    return work


def chi2(model: str, n: int) -> Work:
    """Full chi2, one point after the other."""
    chosen, listed = model_of(model), _listed(model, n)

    def work() -> Answer:
        found = [float(chosen.get_chisq(point)) for point in listed]
        return {"items": n, "values": found[:SAMPLE]}

    return work


def residuals(model: str, n: int) -> Work:
    """Residuals at a point and at three neighbours: what a gradient by differences needs."""
    chosen, listed = model_of(model), _listed(model, n)

    def work() -> Answer:
        for point in listed:
            for name in (None, *problem.COUPLINGS):
                chosen.residual(point if name is None else {**point, name: point[name] + 1e-6})
        return {"items": n}

    return work


def make_fit(points: int) -> Work:
    """The documented fit; the answer is its lowest chi2."""
    model = model_of("seed")

    def work() -> Answer:
        np.random.seed(1)  # noqa: NPY002  its samplers use the global generator
        return {"items": 1, "values": [float(model.make_fit(points=points)["chisq"].min())]}

    return work


def successful_fits(points: int, seeds: int, below: float) -> Work:
    """The documented fit from many seeds; what counts are those that come below a chi2, so time is per success."""
    model = model_of("seed")

    def work() -> Answer:
        lowest = []
        for seed in range(1, seeds + 1):
            np.random.seed(seed)  # noqa: NPY002
            lowest.append(float(model.make_fit(points=points)["chisq"].min()))
        if min(lowest) >= below:
            raise RuntimeError(f"none of {seeds} fits comes below a chi2 of {below}; the lowest is {min(lowest)}")
        return {"items": sum(chi2 < below for chi2 in lowest), "values": sorted(lowest)[:SAMPLE]}

    return work


def chain(walkers: int, steps: int) -> Work:
    """Its emcee chain from the documented best fit."""
    model = model_of("seed")
    frame = pd.DataFrame([{"chisq": 5.65, **problem.BEST, "n_scale": 1.0}])

    def work() -> Answer:
        model.mcmc_fit(frame, mcmc_steps=steps, nwalkers=walkers, burn=min(300, steps // 4), progress=False)
        return {"items": walkers * steps}

    return work


def complete_fit(n: int) -> Work:
    """Observables and chi2 of a frame."""
    model, frame = model_of("seed"), pd.DataFrame({**problem.points("seed", n), "n_scale": 1.0, "chisq": 1.0})

    def work() -> Answer:
        found = model.complete_fit(frame)
        return {"items": n, "values": found.set_index("v1")["chisq"].loc[frame["v1"][:SAMPLE]].tolist()}

    return work


def plot(x: str, y: str, show_exp: str, **options: Any) -> Work:
    """Its plot, drawn."""
    mpl.use("agg")
    frame = pd.DataFrame(problem.rows_of_plot(6800))

    def work() -> Answer:
        axes = mf.plot(frame, x=x, y=y, ordering="NO", show_exp=show_exp, **options)
        axes.figure.canvas.draw()
        return {"items": 1}

    return work


TASKS = {
    "observables": observables,
    "chi2": chi2,
    "residuals": residuals,
    "make_fit": make_fit,
    "successful_fits": successful_fits,
    "chain": chain,
    "complete_fit": complete_fit,
    "single_chi2": chi2,
    "plot": plot,
}

if __name__ == "__main__":
    serve(TASKS)
