"""pyhf as a process: fits of the same workspaces and toys, with any of its backends and optimisers."""

from typing import Any

import numpy as np
import pyhf
from harness.serving import Answer, Work, serve
from problems import histograms, systematics

SAMPLE = 8
_CODES = {"normsys": {"interpcode": "code4"}, "histosys": {"interpcode": "code4p"}}


class Fits:
    """Sets of data of one model, fitted one after the other with one backend."""

    def __init__(self, document: dict[str, Any], backend: str, optimizer: str) -> None:
        self.choice = (backend, optimizer)
        pyhf.set_backend(*self.choice)
        self.model = pyhf.Workspace(document).model(modifier_settings=_CODES)
        self.names = list(self.model.config.par_names)

    def fit(self, data: np.ndarray, start: list[float]) -> list[float]:
        """Best parameters of one set of data."""
        best = pyhf.infer.mle.fit(pyhf.tensorlib.astensor(data), self.model, init_pars=start)
        return np.asarray(best, dtype=float).tolist()

    def work(self, data: np.ndarray, starts: list[list[float]], names: list[str]) -> Work:
        """Fit all sets; failed fits are counted."""
        where = [self.names.index(name) for name in names]

        def run() -> Answer:
            pyhf.set_backend(*self.choice)
            values, failed = [], 0
            for one, start in zip(data, starts, strict=True):
                try:
                    values.append(self.fit(one, start))
                except pyhf.exceptions.FailedMinimization:
                    values.append([float("nan")] * len(self.names))
                    failed += 1
            return {"items": len(data), "values": np.array(values)[:SAMPLE, where].tolist(), "unconverged": failed}

        return run


def two_norm_fits(problem: str, n: int, backend: str, optimizer: str, statistics: bool = False) -> Work:
    """Toys of two norms, with explicit staterrors if asked."""
    chosen = histograms.PROBLEMS[problem]()
    counts = histograms.poisson_toys(chosen, n)
    document = histograms.workspace(chosen, counts[0], statistics=statistics)
    fits = Fits(document, backend, optimizer)
    auxiliary = histograms.simulation_toys(chosen, n) if statistics else np.zeros((n, 0))
    names = list(chosen.names)
    starts = [[1.0 if k in names else float(u[_bin(k)]) for k in fits.names] for u in auxiliary]
    return fits.work(np.concatenate([counts, auxiliary], axis=1), starts, names)


def _bin(name: str) -> int:
    return int(name.partition("[")[2].rstrip("]"))


def systematics_fits(n: int, backend: str, optimizer: str) -> Work:
    """Toys of problem b, each started at its auxiliary data."""
    fits = Fits(systematics.workspace(), backend, optimizer)
    counts, pulls = systematics.toys(n)
    order = [systematics.PULLS.index(name) for name in fits.model.config.auxdata_order]
    data = np.concatenate([counts, pulls[:, order]], axis=1)
    drawn = [dict(zip(systematics.PULLS, one.tolist(), strict=True)) for one in np.clip(pulls, -5, 5)]
    starts = [[one.get(name, 1.0) for name in fits.names] for one in drawn]
    return fits.work(data, starts, [systematics.STRENGTH, *systematics.PULLS])


def systematics_single(n: int, backend: str, optimizer: str) -> Work:
    """The observed data of problem b fitted again and again."""
    fits = Fits(systematics.workspace(), backend, optimizer)
    counts = systematics.toys(1)[0][0]
    data = np.concatenate([counts, np.zeros(len(systematics.PULLS))])
    start = [1.0 if name == systematics.STRENGTH else 0.0 for name in fits.names]
    work = fits.work(np.repeat(data[None], n, axis=0), [start] * n, [systematics.STRENGTH, *systematics.PULLS])

    def run() -> Answer:
        answer = work()
        return {**answer, "values": answer["values"][0]}

    return run


TASKS = {
    "two_norm_fits": two_norm_fits,
    "systematics_fits": systematics_fits,
    "systematics_single": systematics_single,
}

if __name__ == "__main__":
    serve(TASKS)
