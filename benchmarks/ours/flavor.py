"""Our side of the rows about flavour models: observables, chi-square, fits, chains, and the face for FlavorPy."""

from typing import Any

import equinox as eqx
import jax
import matplotlib as mpl
import numpy as np
import pandas as pd
from harness.serving import Answer, Work
from problems import flavor as problem

import wilks.compat.flavorpy as mf
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.sampling import sample
from wilks.physics.flavor.model import evaluate

from .flavor_fit import likelihood_of, model_of

SAMPLE = 8
_CHUNK = 512  # points of one compiled call; more leave the processor's cache
_COMPARED = ("me/mu", "s12^2", "s13^2", "s23^2")


def face_of(name: str) -> Any:
    """The same model as a script for FlavorPy writes it."""
    names, charged, neutral = problem.MODELS[name]
    space = mf.ParameterSpace()
    for n in names:
        space.add_dim(name=n)
    return mf.FlavorModel(mass_matrix_e=charged, mass_matrix_n=neutral, parameterspace=space, ordering="NO")


def observables(model: str, n: int) -> Work:
    """All observables of a list of points."""
    chosen, points = model_of(model), problem.points(model, n)

    def work() -> Answer:
        found = evaluate(chosen, points)
        return {"items": n, "values": [np.asarray(found[k])[:SAMPLE].tolist() for k in _COMPARED], "scale": 1.0}

    return work


def chi2(model: str, n: int, correlations: str = "1d") -> Work:
    """Full chi2 of a list of points."""
    likelihood, data = likelihood_of(model, correlations)

    def at(theta):
        return 2.0 * likelihood.excess(likelihood.space.unpack(theta), data)

    return _mapped(eqx.filter_jit(jax.vmap(at)), model, n)


def gradient(model: str, n: int) -> Work:
    """chi2 and its gradient."""
    likelihood, data = likelihood_of(model)

    def at(theta):
        return 2.0 * likelihood.excess(likelihood.space.unpack(theta), data)

    return _mapped(eqx.filter_jit(jax.vmap(jax.value_and_grad(at))), model, n)


def _mapped(function: Any, model: str, n: int) -> Work:
    points = np.stack(list(problem.points(model, n).values()), axis=1)
    chunk = min(n, _CHUNK)

    def work() -> Answer:
        for first in range(0, n, chunk):
            jax.block_until_ready(function(points[first : first + chunk]))
        return {"items": n}

    return work


def chain(walkers: int, steps: int) -> Work:
    """An ensemble around the documented best fit."""
    likelihood, data = likelihood_of("seed")
    algorithm = Ensemble(walkers=walkers, steps=steps, start="ball")

    def work() -> Answer:
        sample(2, likelihood, data, algorithm=algorithm, start=problem.BEST)
        return {"items": walkers * steps}

    return work


def complete_fit(n: int) -> Work:
    """Observables and chi2 of a frame through the face."""
    model, frame = face_of("seed"), pd.DataFrame({**problem.points("seed", n), "n_scale": 1.0, "chisq": 1.0})

    def work() -> Answer:
        found = model.complete_fit(frame)
        return {"items": n, "values": found.set_index("v1")["chisq"].loc[frame["v1"][:SAMPLE]].tolist(), "scale": 1.0}

    return work


def single_chi2(model: str, n: int) -> Work:
    """chi2 point by point through the face."""
    chosen, points = face_of(model), problem.points(model, n)
    listed = [{name: float(column[i]) for name, column in points.items()} for i in range(n)]

    def work() -> Answer:
        found = [chosen.get_chisq(point) for point in listed]
        return {"items": n, "values": found[:SAMPLE], "scale": 1.0}

    return work


def plot(x: str, y: str, show_exp: str, **options: Any) -> Work:
    """A plot through the face, drawn."""
    mpl.use("agg")
    frame = pd.DataFrame(problem.rows_of_plot(6800))

    def work() -> Answer:
        axes = mf.plot(frame, x=x, y=y, ordering="NO", show_exp=show_exp, **options)
        axes.figure.canvas.draw()
        return {"items": 1}

    return work
