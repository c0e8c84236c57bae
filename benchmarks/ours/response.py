"""Our side of the rows of the response wing."""

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness.serving import Answer, Work
from problems import response as problem

from wilks import ByToys, fit, goodness_of_fit, profile
from wilks.data import Product, read_csv
from wilks.interchange.remu import read_binning, read_response
from wilks.likelihood import EnsembleCounts
from wilks.model import AbstractEnsemble, compose, concatenate, fix, passthrough, templates
from wilks.physics.response import (
    EnsembleBuilder,
    Exposure,
    ResponseCounts,
    cross_section_table,
    merge_sparse_bins,
)
from wilks.studies.crosssection import background, model_a, model_b

_HELD = {"all": {}, "A": {"B": 0.0}, "B": {"A": 0.0}}


def fill_plane(n: int) -> Work:
    """Weighted events into 8 x 8 bins."""
    binning, events = _binning("00/reco-binning.yml"), problem.plane(n)

    def work() -> Answer:
        filled = binning.fill(events, weight="w")
        return {"items": n, "values": (filled.values[24:32] / n).tolist(), "scale": 1.0}

    return work


def fill_stream(n: int, block: int = 1_000_000) -> Work:
    """The same in blocks, so that memory stays what one block takes."""
    binning = _binning("00/reco-binning.yml")

    def work() -> Answer:
        total, seconds = None, 0.0
        for first in range(0, n, block):
            events = problem.plane(min(block, n - first))
            started = time.process_time()
            filled = binning.fill(events, weight="w")
            total = filled if total is None else total + filled
            seconds += time.process_time() - started
        return {"items": n, "values": [1e9 * seconds / n], "scale": 1.0}

    return work


def matrices_03(count: int, throws: int) -> Work:
    """Response matrices of detector variations, from csv files on."""
    reco, truth = _binning("01/reco-binning.yml"), _binning("01/optimised-truth-binning.yml")

    def work() -> Answer:
        tables = [read_csv(problem.folder() / "03" / f"model{m}_data.csv.gz") for m in "AB"]
        full = sum((truth.fill(read_csv(problem.folder() / f"{t}.csv.gz")) for t in problem.TABLES.values()),
                   truth.empty())  # fmt: skip
        builder = EnsembleBuilder(reco, truth, n_throws=throws, key=jax.random.key(1))
        for t in range(count):
            counts = ResponseCounts(reco, truth)
            for table in tables:
                counts = counts.fill(table, weight=f"weight_{t}", rename={f"reco_x_{t}": "reco_x"})
            builder = builder.add(counts.fill_up_truth(full))
        return {"items": count, "values": [float(builder.matrices().matrices[0].sum())], "scale": 100.0}

    return work


def matrices_05(count: int) -> Work:
    """The same with background and noise."""
    reco, truth = _binning("01/reco-binning.yml"), _binning("05/truth-binning.yml")

    def work() -> Answer:
        folder = problem.folder()
        kinds = (("03/modelA_data", 1.0), ("03/modelB_data", 1.0), ("05/bg_data", 0.0))
        tables = [(read_csv(folder / f"{name}.csv.gz"), kind) for name, kind in kinds]
        noise = read_csv(folder / "05/noise_data.csv.gz")
        full = truth.empty()
        for name, kind in (("00/modelA_truth", 1.0), ("00/modelB_truth", 1.0), ("05/bg_truth", 0.0)):
            full = full + truth.fill(read_csv(folder / f"{name}.csv.gz"), constants={"event_type": kind})
        builder = EnsembleBuilder(reco, truth, n_throws=1, key=jax.random.key(1))
        for t in range(count):
            counts = ResponseCounts(reco, truth, nuisance=[0]).fill(noise, constants={"event_type": -1.0})
            for table, kind in tables:
                counts = counts.fill(
                    table, weight=f"weight_{t}", rename={f"reco_x_{t}": "reco_x"}, constants={"event_type": kind}
                )
            builder = builder.add(counts.fill_up_truth(full))
        return {"items": count, "values": [float(builder.matrices().matrices[0].sum())], "scale": 100.0}

    return work


def flux() -> Work:
    """Throws of the flux."""
    binning = _binning("06/flux-binning.yml")

    def work() -> Answer:
        exposure = Exposure.throws(binning, {"E": problem.energies()}, weight=problem.YEARS)
        return {"items": 1, "values": exposure.per_bin[:3].ravel().tolist(), "scale": 1.0}

    return work


def tables() -> Work:
    """Cross sections of three processes in 2592 bins, vectorised functions."""
    bg, signal = _products()

    def work() -> Answer:
        found = [cross_section_table(*pair) for pair in ((background, bg), (model_a, signal), (model_b, signal))]
        return {"items": 1, "values": [float(table.sum()) for table in found], "scale": 1.0}

    return work


def prediction() -> Work:
    """One call of the predictor with 1513 parameters."""
    whole = _whole()
    values = np.full(len(whole.space), 0.01)[None, :, None]

    def work() -> Answer:
        found = [np.asarray(whole.predict(values)) for _ in range(20)][-1]
        return {"items": 20, "values": found[0, :, 0].tolist(), "scale": 1.0}

    return work


def collapse(n: int) -> Work:
    """Its product with four templates."""
    whole, four = _whole(), _templates()

    def work() -> Answer:
        found = [compose(whole, four) for _ in range(n)][-1]
        return {"items": n, "values": np.asarray(found.matrices)[0].ravel().tolist(), "scale": 1.0}

    return work


def likelihood_call(n: int) -> Work:
    """Single calls of the compiled log likelihood."""
    evaluate, theta = _evaluator(), jnp.array(problem.POINT)

    def work() -> Answer:
        found = [evaluate(theta).block_until_ready() for _ in range(n)]
        return {"items": n, "values": [float(found[-1])], "scale": 1.0}

    return work


def likelihood_batch(n: int) -> Work:
    """Log likelihoods of many points in one call."""
    evaluate, theta = jax.jit(jax.vmap(_evaluator())), problem.points(n)

    def work() -> Answer:
        return {"items": n, "values": np.asarray(evaluate(theta))[:8].tolist(), "scale": 1.0}

    return work


def likelihood_gradient(n: int) -> Work:
    """Log likelihood with its gradient."""
    evaluate, theta = jax.jit(jax.value_and_grad(_evaluator())), jnp.array(problem.POINT)

    def work() -> Answer:
        found = [jax.block_until_ready(evaluate(theta)) for _ in range(n)][-1]
        return {"items": n, "values": np.asarray(found[1]).tolist(), "scale": 1.0}

    return work


def fits(which: str, systematics: str, n: int) -> Work:
    """Fits of the observed counts, one call each."""
    likelihood, data = chosen_likelihood(which, systematics), full_data()

    def work() -> Answer:
        found = [fit(likelihood, data) for _ in range(n)][-1]
        return {"items": n, "values": [-found.nll], "scale": 1.0}

    return work


def scan(n: int) -> Work:
    """Asymptotic p-values of each weight of both models alone."""
    both, data, grid = [(m, chosen_likelihood(m, "marginal")) for m in "AB"], full_data(), np.linspace(0.5, 1.5, n)

    def work() -> Answer:
        found = [profile(likelihood, data, name, grid).p_values(1) for name, likelihood in both]
        return {"items": 2 * n, "values": [float(p[0]) for p in found], "scale": 1.0}

    return work


def simple_p_value(n: int) -> Work:
    """p-value of given weights by toys."""
    likelihood, data = chosen_likelihood("all", "marginal"), full_data()
    values = dict(zip(problem.PARAMETERS, problem.POINT, strict=True))

    def work() -> Answer:
        toys = ByToys(1, n)
        found = goodness_of_fit(likelihood, data, statistic="likelihood", values=values, calibration=toys)
        return {"items": n, "values": [found.p_toys], "scale": _binomial(found.p_toys, n)}

    return work


def fitted_p_value(n: int) -> Work:
    """p-value of the fit of model A by refitted toys."""
    likelihood, data = chosen_likelihood("A", "marginal"), full_data()

    def work() -> Answer:
        goodness_of_fit(likelihood, data, statistic="likelihood", calibration=ByToys(1, n))
        return {"items": n}

    return work


def merging() -> Work:
    """572 truth bins merged to 120."""
    reco, truth = _binning("01/reco-binning.yml"), _binning("01/fine-truth-binning.yml")
    counts = sum((_counted(reco, truth, m) for m in "AB"), ResponseCounts(reco, truth))

    def work() -> Answer:
        merged = merge_sparse_bins(counts, minimum=10)
        return {"items": 1, "values": [float(merged.truth.binning.size)], "scale": 1.0}

    return work


def _binomial(p: float | None, n: int) -> float:
    return float(np.sqrt(max((p or 0.0) * (1 - (p or 0.0)), 1 / n) / n))


def _binning(name: str) -> Any:
    return read_binning(problem.folder() / name)


def _counted(reco: Any, truth: Any, model: str) -> ResponseCounts:
    folder = problem.folder() / "00"
    seen = ResponseCounts(reco, truth).fill(read_csv(folder / f"model{model}_data.csv.gz"))
    return seen.fill_up_truth(read_csv(folder / f"model{model}_truth.csv.gz"))


@functools.cache
def _products() -> tuple[Product, Product]:
    truth, beam = _binning("05/truth-binning.yml"), _binning("06/flux-binning.yml")
    return Product((truth.child(1), beam)), Product((truth.child(2), beam))


@functools.cache
def _whole() -> AbstractEnsemble:
    bg, signal = _products()
    exposure = Exposure.throws(_binning("06/flux-binning.yml"), {"E": problem.energies()}, weight=problem.YEARS)
    parts = [passthrough("noise", lower=0.0), exposure.predictor(bg), exposure.predictor(signal)]
    events = concatenate(parts, systematics="paired")
    return compose(read_response(problem.folder() / "05" / "response_matrix.npz"), events, systematics="paired")


@functools.cache
def _templates() -> AbstractEnsemble:
    bg, signal = _products()
    space = _binning("05/truth-binning.yml").coarse().refined({1: bg, 2: signal})
    blocks = {"noise": space.block(0, 1.0), "bg": space.block(1, cross_section_table(background, bg))}
    for name, function in (("A", model_a), ("B", model_b)):
        blocks[name] = space.block(2, cross_section_table(function, signal))
    return templates(blocks)


@functools.cache
def chosen_likelihood(which: str, systematics: Any) -> EnsembleCounts:
    """Likelihood of the last example, of all weights or of one model alone."""
    predictor = compose(_whole(), _templates())
    held = _HELD[which]
    return EnsembleCounts(fix(predictor, **held) if held else predictor, systematics=systematics)


def full_data() -> Any:
    """Counts with background and noise."""
    return _binning("01/reco-binning.yml").fill(read_csv(problem.folder() / "05" / "real_data.csv.gz"))


def _evaluator() -> Any:
    likelihood = chosen_likelihood("all", "marginal")
    prepared = likelihood.prepare(full_data())
    return jax.jit(lambda theta: likelihood.log_prob(likelihood.space.unpack(theta), prepared))


TASKS = {
    "response_fill_plane": fill_plane,
    "response_fill_stream": fill_stream,
    "response_matrices_03": matrices_03,
    "response_matrices_05": matrices_05,
    "response_flux": flux,
    "response_tables": tables,
    "response_prediction": prediction,
    "response_collapse": collapse,
    "response_likelihood_call": likelihood_call,
    "response_likelihood_batch": likelihood_batch,
    "response_likelihood_gradient": likelihood_gradient,
    "response_fits": fits,
    "response_scan": scan,
    "response_simple_p_value": simple_p_value,
    "response_fitted_p_value": fitted_p_value,
    "response_merging": merging,
}
