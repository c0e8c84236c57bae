"""Our side of whole examples of ReMU's tutorial, after their matrices and fluxes are made, and of its chains."""

import functools
from typing import Any

import numpy as np
from harness.serving import Answer, Work
from problems import response as problem

from wilks import ByToys, fit, goodness_of_fit, hypothesis_test, profile, sample
from wilks.data import read_csv
from wilks.inference.sampling.ensemble import Ensemble
from wilks.interchange.remu import read_binning, read_response
from wilks.likelihood import EnsembleCounts
from wilks.model import compose, templates

from .response import chosen_likelihood, full_data


def models(example: str, toys: int, points: int, tests: int) -> Work:
    """Both models and their mixture: fits, p-values, a Wilks scan, and ratios calibrated by toys."""
    likelihood, data = _of_models(example), _data()

    def work() -> Answer:
        for name, other in (("A", "B"), ("B", "A")):
            values = {name: problem.EVENTS, other: 0.0}
            by = ByToys(1, problem.SIMPLE * toys)
            goodness_of_fit(likelihood, data, statistic="likelihood", values=values, calibration=by)
        spaces = [likelihood.space.fix({other: 0.0}) for other in "BA"] + [likelihood.space]
        found = [fit(likelihood, data, space=space) for space in spaces]
        for space in spaces:
            goodness_of_fit(likelihood, data, statistic="likelihood", space=space, calibration=ByToys(2, toys))
        profile(likelihood, data, "A", problem.weights(points)).p_values(1)
        for weight in problem.weights(tests):
            hypothesis_test(likelihood, data, {"A": float(weight)}, statistic="ratio", calibration=ByToys(3, toys))
        fits = problem.fits_of_models(toys, points, tests)
        return {"items": fits, "values": [-one.nll for one in found], "scale": 1.0}

    return work


def cross_sections(toys: int, points: int) -> Work:
    """The last example: a fit of four weights, and each model alone with its p-value and its Wilks scan."""
    both, data = chosen_likelihood("all", "marginal"), full_data()
    alone = {name: chosen_likelihood(name, "marginal") for name in "AB"}

    def work() -> Answer:
        found = [fit(both, data)]
        for name, likelihood in alone.items():
            found.append(fit(likelihood, data))
            goodness_of_fit(likelihood, data, statistic="likelihood", calibration=ByToys(2, toys))
            profile(likelihood, data, name, np.linspace(0.5, 1.5, points)).p_values(1)
        return {
            "items": problem.fits_of_cross_sections(toys, points),
            "values": [-one.nll for one in found],
            "scale": 1.0,
        }

    return work


def chain(steps: int) -> Work:
    """An ensemble of 32 walkers over four weights."""
    likelihood, data = chosen_likelihood("all", "marginal"), full_data()

    def work() -> Answer:
        sample(1, likelihood, data, algorithm=Ensemble(walkers=32, steps=steps))
        return {"items": 32 * steps}

    return work


@functools.cache
def _of_models(example: str) -> EnsembleCounts:
    folder = problem.folder()
    truth = read_binning(folder / "01/optimised-truth-binning.yml")
    shapes = {name: truth.fill(read_csv(folder / f"{table}.csv.gz")).values for name, table in problem.TABLES.items()}
    folded = templates({name: values / values.sum() for name, values in shapes.items()})
    return EnsembleCounts(compose(read_response(folder / example / "response_matrix.npz"), folded))


def _data() -> Any:
    return read_binning(problem.folder() / "01/reco-binning.yml").fill(
        read_csv(problem.folder() / "00/real_data.csv.gz")
    )


TASKS = {"response_models": models, "response_cross_sections": cross_sections, "response_chain": chain}
