"""ReMU as a process: the steps of its tutorial, on the same files.

Version 0.8.0 was written for older versions of numpy and scipy; two names that these no longer have are put back first.
"""

import functools
import gzip
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
from harness.serving import Answer, Work, serve
from numpy.lib import recfunctions
from problems import response as problem


def _put_back() -> None:
    """Names that ReMU imports and that newer versions have dropped."""
    vars(np)["asfarray"] = lambda a, dtype=float: np.asarray(a, dtype)
    old = types.ModuleType("scipy.misc")
    vars(old)["derivative"] = lambda f, x0, dx=1.0: (f(x0 + dx) - f(x0 - dx)) / (2 * dx)
    sys.modules["scipy.misc"] = old


_put_back()

import pandas as pd  # noqa: E402
from peers import remu_tutorial  # noqa: E402
from remu import binning, likelihood, matrix_utils, migration  # noqa: E402
from scipy import stats  # noqa: E402

_HELD = {"all": None, "A": [None, None, None, 0.0], "B": [None, None, 0.0, None]}
_MODES = {"marginal": "marginal", "profile": "profile"}


def fill_plane(n: int) -> Work:
    """Weighted events into 8 x 8 bins."""
    bins, events = _binning("00/reco-binning.yml"), pd.DataFrame(problem.plane(n))

    def work() -> Answer:
        bins.reset()
        bins.fill(events, weight=events["w"].to_numpy())
        return {"items": n, "values": (bins.get_values_as_ndarray()[24:32] / n).tolist()}

    return work


def matrices_03(count: int, throws: int) -> Work:
    """Response matrices of detector variations, from csv files on."""
    reco, truth = _binning("01/reco-binning.yml"), _binning("01/optimised-truth-binning.yml")

    def work() -> Answer:
        builder = migration.ResponseMatrixArrayBuilder(throws)
        for t in range(count):
            matrix = migration.ResponseMatrix(reco.clone(), truth.clone())
            for model in "AB":
                _fill(matrix, f"03/model{model}_data", t)
            matrix.fill_up_truth_from_csv_file([_file(name) for name in problem.TABLES.values()])
            builder.add_matrix(matrix)
        got = (
            builder.get_random_response_matrices_as_ndarray if throws else builder.get_mean_response_matrices_as_ndarray
        )
        return {"items": count, "values": [float(got()[0][0].sum())]}

    return work


def matrices_05(count: int) -> Work:
    """The same with background and noise."""
    reco, truth = _binning("01/reco-binning.yml"), _binning("05/truth-binning.yml")

    def typed(kind: float) -> Any:
        def add(table: np.ndarray) -> np.ndarray:
            return recfunctions.append_fields(table, "event_type", np.full(len(table), kind), usemask=False)

        return add

    def work() -> Answer:
        builder = migration.ResponseMatrixArrayBuilder(1)
        for t in range(count):
            matrix = migration.ResponseMatrix(reco.clone(), truth.clone(), nuisance_indices=[0])
            matrix.fill_from_csv_file(_file("05/noise_data"), cut_function=typed(-1.0), buffer_csv_files=True)
            for name, kind in (("03/modelA_data", 1.0), ("03/modelB_data", 1.0), ("05/bg_data", 0.0)):
                _fill(matrix, name, t, cut_function=typed(kind))
            signal = [_file(name) for name in problem.TABLES.values()]
            for files, kind in ((signal, 1.0), (_file("05/bg_truth"), 0.0)):
                matrix.fill_up_truth_from_csv_file(files, cut_function=typed(kind), buffer_csv_files=True)
            builder.add_matrix(matrix)
        return {"items": count, "values": [float(builder.get_random_response_matrices_as_ndarray()[0][0].sum())]}

    return work


def flux() -> Work:
    """Throws of the flux."""
    return lambda: {"items": 1, "values": _flux()[:3].ravel().tolist()}


def tables() -> Work:
    """Cross sections of three processes in 2592 bins, bin by bin as the tutorial does."""
    bg, signal = _products()

    def work() -> Answer:
        found = [_table(which, bins) for which, bins in (("bg", bg), ("A", signal), ("B", signal))]
        return {"items": 1, "values": [float(table.sum()) for table in found]}

    return work


def prediction() -> Work:
    """One call of the predictor with 1513 parameters."""
    whole, values = _whole(), np.full(1513, 0.01)

    def work() -> Answer:
        found = [whole(values) for _ in range(20)][-1]
        return {"items": 20, "values": found[0][0].tolist()}

    return work


def collapse(n: int) -> Work:
    """Its product with four templates."""
    whole, four = _whole(), _templates()

    def work() -> Answer:
        found = [likelihood.ComposedMatrixPredictor([whole, four], combine_systematics="cartesian") for _ in range(n)]
        return {"items": n, "values": np.asarray(found[-1].coefficients)[0].ravel().tolist()}

    return work


def likelihood_call(n: int) -> Work:
    """Single calls."""
    calculator, theta = _calculator("marginal"), np.array(problem.POINT)

    def work() -> Answer:
        return {"items": n, "values": [float([calculator(theta) for _ in range(n)][-1])]}

    return work


def likelihood_batch(n: int) -> Work:
    """Many points in one call."""
    calculator, theta = _calculator("marginal"), problem.points(n)
    return lambda: {"items": n, "values": np.asarray(calculator(theta))[:8].tolist()}


def likelihood_gradient(n: int) -> Work:
    """The value and forward differences in four parameters, as its minimisers take them."""
    calculator, theta = _calculator("marginal"), np.array(problem.POINT)
    steps = 1e-6 * np.maximum(np.abs(theta), 1.0)

    def work() -> Answer:
        for _ in range(n):
            here = calculator(theta)
            slope = [(calculator(theta + step) - here) / step.sum() for step in np.diag(steps)]
        return {"items": n, "values": [float(s) for s in slope]}

    return work


def fits(which: str, systematics: str, n: int) -> Work:
    """Fits of the observed counts."""
    calculator, maximizer = _fixed(which, systematics), likelihood.BasinHoppingMaximizer()

    def work() -> Answer:
        np.random.seed(1)  # noqa: NPY002  the state that ReMU draws from
        found = [maximizer(calculator) for _ in range(n)][-1]
        return {"items": n, "values": [float(found.log_likelihood)]}

    return work


def scan(n: int) -> Work:
    """Asymptotic p-values at the first of the weights of both models alone."""
    testers = [likelihood.HypothesisTester(_fixed(m, "marginal")) for m in "AB"]
    grid = np.linspace(0.5, 1.5, 50)[:n]

    def work() -> Answer:
        found = [[t.wilks_max_likelihood_ratio_p_value([None, None, norm]) for norm in grid] for t in testers]
        return {"items": 2 * n, "values": [float(p[0]) for p in found]}

    return work


def simple_p_value(n: int) -> Work:
    """p-value of given weights by toys."""
    tester = likelihood.HypothesisTester(_calculator("marginal"))
    return lambda: {"items": n, "values": [float(tester.likelihood_p_value(np.array(problem.POINT), N=n))]}


def fitted_p_value(n: int) -> Work:
    """p-value of the fit of model A by refitted toys."""
    tester = likelihood.HypothesisTester(_fixed("A", "marginal"))

    def work() -> Answer:
        tester.max_likelihood_p_value(N=n)
        return {"items": n}

    return work


def merging() -> Work:
    """572 truth bins merged to 120."""
    reco, truth = _binning("01/reco-binning.yml"), _binning("01/fine-truth-binning.yml")
    parts = []
    for model in "AB":
        matrix = migration.ResponseMatrix(reco.clone(), truth.clone())
        matrix.fill_from_csv_file(_file(f"00/model{model}_data"))
        matrix.fill_up_truth_from_csv_file(_file(f"00/model{model}_truth"))
        parts.append(matrix)

    def work() -> Answer:
        merged = parts[0] + parts[1]
        while merged.get_truth_entries_as_ndarray().min() < 10:
            merged = matrix_utils.improve_stats(merged)
        return {"items": 1, "values": [float(merged.truth_binning.data_size)]}

    return work


@functools.cache
def _unpacked() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="remu-")


@functools.cache
def _file(name: str) -> str:
    """The table as plain text, which ReMU needs."""
    plain = Path(_unpacked().name) / f"{name.replace('/', '_')}.csv"
    plain.write_bytes(gzip.decompress((problem.folder() / f"{name}.csv.gz").read_bytes()))
    return str(plain)


def _binning(name: str) -> Any:
    return binning.yaml.full_load((problem.folder() / name).read_text())


def _fill(matrix: Any, name: str, t: int, **options: Any) -> None:
    matrix.fill_from_csv_file(
        _file(name), weightfield=f"weight_{t}", rename={f"reco_x_{t}": "reco_x"}, buffer_csv_files=True, **options
    )


def _flux() -> np.ndarray:
    bins, throws = _binning("06/flux-binning.yml"), []
    for energies in problem.energies():
        bins.reset()
        bins.fill(pd.DataFrame({"E": energies}), weight=problem.YEARS)
        throws.append(bins.get_values_as_ndarray())
    return np.asarray(throws, dtype=float)


@functools.cache
def _products() -> tuple[Any, Any]:
    truth, beam = _binning("05/truth-binning.yml"), _binning("06/flux-binning.yml")
    bg, signal = truth.subbinnings[1].clone(), truth.subbinnings[2].clone()
    product = binning.CartesianProductBinning
    return product((bg, beam.clone())), product((signal, beam.clone()))


def _table(which: str, bins: Any) -> np.ndarray:
    values = np.empty(bins.data_size)
    for i, one in enumerate(bins.bins):
        truth, beam = one.get_marginal_bins()
        (e_min, e_max), (x, y) = beam.edges[0], truth.edges
        values[i] = _cross_section(which, e_min, e_max, x, y)
    return values


def _cross_section(which: str, e_min: float, e_max: float, x: Any, y: Any) -> float:
    """The tutorial's cross sections, with frozen distributions of scipy as there."""
    total, shift, width, mean, spread = {
        "bg": (30.0, 0.5, np.sqrt(0.5), 0.5, np.sqrt(0.5)),
        "A": (100.0, 0.1, 1.0, 0.2, 1.0),
        "B": (100.0, 0.0, 1.0, None, 0.75),
    }[which]
    low, high = max(e_min, 2 * (x[0] - shift) / width + 8), min(e_max, 2 * (x[1] - shift) / width + 8)
    if np.isfinite(e_min) and np.isfinite(e_max):
        energy = stats.uniform(loc=e_min, scale=e_max - e_min)
    else:
        energy = stats.expon(loc=e_min)
    if high < low:
        return 0.0
    if mean is None:
        middle = (
            (low + high) / 2 if np.isfinite(low) and np.isfinite(high) else low + 1 if np.isfinite(low) else high - 1
        )
        mean = 0.5 * (middle - 8) / 2
    across = stats.norm(loc=mean, scale=spread)
    return total * (energy.cdf(high) - energy.cdf(low)) * (across.cdf(y[1]) - across.cdf(y[0]))


@functools.cache
def _whole() -> Any:
    throws, parts = _flux(), [likelihood.TemplatePredictor([[[1.0]]] * 100)]
    for bins in _products():
        shape = (bins.data_size // throws.shape[1], throws.shape[1])
        bounds = [(0.0, np.inf)] * bins.data_size
        parts.append(
            likelihood.LinearEinsumPredictor("ij,...kj->...ik", throws, reshape_parameters=shape, bounds=bounds)
        )
    events = likelihood.ConcatenatedPredictor(parts, combine_systematics="same")
    matrix = likelihood.ResponseMatrixPredictor(str(problem.folder() / "05" / "response_matrix.npz"))
    return likelihood.ComposedPredictor([matrix, events], combine_systematics="same")


@functools.cache
def _templates() -> Any:
    bg, signal = _products()
    sizes = (1, bg.data_size, signal.data_size)
    blocks = {
        "noise": (0, [1.0]),
        "bg": (1, _table("bg", bg)),
        "A": (2, _table("A", signal)),
        "B": (2, _table("B", signal)),
    }
    rows = []
    for position, values in blocks.values():
        pieces = [np.zeros(size) for size in sizes]
        pieces[position] = np.asarray(values)
        rows.append(np.concatenate(pieces))
    return likelihood.TemplatePredictor(rows)


@functools.cache
def _calculator(systematics: str) -> Any:
    predictor = likelihood.ComposedMatrixPredictor([_whole(), _templates()], combine_systematics="cartesian")
    bins = _binning("01/reco-binning.yml")
    bins.fill_from_csv_file(_file("05/real_data"))
    data = likelihood.PoissonData(bins.get_entries_as_ndarray())
    return likelihood.LikelihoodCalculator(data, predictor, systematics=_MODES[systematics])


def _marginal(which: str) -> Any:
    return _fixed(which, "marginal")


def _fixed(which: str, systematics: str) -> Any:
    calculator, held = _calculator(systematics), _HELD[which]
    return calculator if held is None else calculator.fix_parameters(held)


TASKS = {
    "response_fill_plane": fill_plane,
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
    "response_models": functools.partial(remu_tutorial.models, _file),
    "response_cross_sections": functools.partial(remu_tutorial.cross_sections, _marginal),
    "response_chain": functools.partial(remu_tutorial.chain, _marginal),
}

if __name__ == "__main__":
    serve(TASKS)
