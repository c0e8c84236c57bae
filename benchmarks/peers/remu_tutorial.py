"""ReMU's side of whole examples of its tutorial, and of its chains by emcee."""

from collections.abc import Callable
from typing import Any

import emcee
import numpy as np
from harness.serving import Answer, Work
from problems import response as problem
from remu import binning, likelihood

Calculator = Callable[[str], Any]
File = Callable[[str], str]


def models(file: File, example: str, toys: int, points: int, tests: int) -> Work:
    """Both models and their mixture: fits, p-values, a Wilks scan, and ratios calibrated by toys."""
    both = _of_models(file, example)
    spaces = [both.fix_parameters([None, 0.0]), both.fix_parameters([0.0, None]), both]
    maximizer = likelihood.BasinHoppingMaximizer()

    def work() -> Answer:
        np.random.seed(1)  # noqa: NPY002  the state that ReMU draws from
        tester = likelihood.HypothesisTester(both)
        for values in ([problem.EVENTS, 0.0], [0.0, problem.EVENTS]):
            tester.likelihood_p_value(np.array(values), N=problem.SIMPLE * toys)
        found = [maximizer(space) for space in spaces]
        for space in spaces:
            likelihood.HypothesisTester(space).max_likelihood_p_value(N=toys)
        for weight in problem.weights(points):
            tester.wilks_max_likelihood_ratio_p_value([weight, None])
        for weight in problem.weights(tests):
            tester.max_likelihood_ratio_p_value([weight, None], N=toys)
        fits = problem.fits_of_models(toys, points, tests)
        return {"items": fits, "values": [float(one.log_likelihood) for one in found]}

    return work


def cross_sections(fixed: Calculator, toys: int, points: int) -> Work:
    """The last example: a fit of four weights, and each model alone with its p-value and its Wilks scan."""
    maximizer = likelihood.BasinHoppingMaximizer()

    def work() -> Answer:
        np.random.seed(1)  # noqa: NPY002  the state that ReMU draws from
        found = [maximizer(fixed("all"))]
        for name in "AB":
            found.append(maximizer(fixed(name)))
            tester = likelihood.HypothesisTester(fixed(name))
            tester.max_likelihood_p_value(N=toys)
            for weight in np.linspace(0.5, 1.5, points):
                tester.wilks_max_likelihood_ratio_p_value([None, None, weight])
        fits = problem.fits_of_cross_sections(toys, points)
        return {"items": fits, "values": [float(one.log_likelihood) for one in found]}

    return work


def chain(fixed: Calculator, walkers: int, steps: int, vectorize: bool) -> Work:
    """emcee with flat priors; walkers one by one, as ReMU's helper runs them, or all in one call."""
    calculator = fixed("all")
    start = np.array(problem.POINT) * np.random.default_rng(3).uniform(0.9, 1.1, size=(walkers, 4))

    def work() -> Answer:
        sampler = emcee.EnsembleSampler(walkers, 4, calculator, vectorize=vectorize)
        sampler.run_mcmc(start, steps)
        return {"items": walkers * steps}

    return work


def _of_models(file: File, example: str) -> Any:
    """Likelihood of events of both models, folded with the matrices of an example."""
    truth, shapes = _binning("01/optimised-truth-binning.yml"), []
    for table in problem.TABLES.values():
        truth.reset()
        truth.fill_from_csv_file(file(table))
        shapes.append(truth.get_values_as_ndarray() / truth.get_values_as_ndarray().sum())
    matrix = likelihood.ResponseMatrixPredictor(str(problem.folder() / example / "response_matrix.npz"))
    predictor = likelihood.ComposedMatrixPredictor([matrix, likelihood.TemplatePredictor(shapes)])
    bins = _binning("01/reco-binning.yml")
    bins.fill_from_csv_file(file("00/real_data"))
    return likelihood.LikelihoodCalculator(likelihood.PoissonData(bins.get_entries_as_ndarray()), predictor)


def _binning(name: str) -> Any:
    return binning.yaml.full_load((problem.folder() / name).read_text())
