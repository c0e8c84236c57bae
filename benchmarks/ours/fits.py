"""Our side of the rows about fits, profiles and intervals."""

from typing import Any

import numpy as np
from harness.serving import Answer, Work
from problems import histograms, systematics, unbinned

import wilks
from wilks.data.events import Events
from wilks.results.fits import FitTable

from .models import (
    peak_on_decay,
    pearson,
    systematics_toys,
    systematics_workspace,
    two_norm_likelihood,
    two_norm_toys,
)

SAMPLE = 8  # toys whose fitted values are compared


def two_norm_fits(problem: str, n: int, errors: str = "none", cost: str = "poisson") -> Work:
    """Fits of ``n`` toys of two norms in one call."""
    chosen = histograms.PROBLEMS[problem]()
    likelihood = two_norm_likelihood(chosen, errors) if cost == "poisson" else pearson(chosen)
    data = two_norm_toys(chosen, n, errors)
    return lambda: _sampled(wilks.fit_many(likelihood, data), n, chosen.names)


def systematics_fits(n: int) -> Work:
    """Fits of ``n`` toys of problem b in one call."""
    likelihood = systematics_workspace().likelihood()
    data = systematics_toys(likelihood, n)
    names = (systematics.STRENGTH, *systematics.PULLS)
    return lambda: _sampled(wilks.fit_many(likelihood, data), n, names)


def _sampled(table: FitTable, n: int, names: tuple[str, ...]) -> Answer:
    order = [table.names.index(name) for name in names]
    return {
        "items": n,
        "values": table.theta[:SAMPLE, order].tolist(),
        "scale": np.std(table.theta[:, order], axis=0).tolist(),
        "unconverged": int((table.status > 2).sum()),
    }


def systematics_single(n: int) -> Work:
    """The same set of data fitted again and again, one call each."""
    workspace = systematics_workspace()
    likelihood, data = workspace.likelihood(), workspace.data()
    names = (systematics.STRENGTH, *systematics.PULLS)

    def work() -> Answer:
        results = [wilks.fit(likelihood, data) for _ in range(n)]
        values, errors = results[-1].values, results[-1].errors
        return {"items": n, "values": [values[k] for k in names], "scale": [errors[k] for k in names]}

    return work


def systematics_intervals() -> Work:
    """Profile intervals of all parameters of problem b in one call."""
    workspace = systematics_workspace()
    likelihood, data = workspace.likelihood(), workspace.data()
    names = (systematics.STRENGTH, *systematics.PULLS)

    def work() -> Answer:
        found = {item.name: item for item in wilks.intervals(likelihood, data).items}
        ends = [[found[name].lower, found[name].upper] for name in names]
        return {"items": 1, "values": ends, "scale": [[(high - low) / 2] * 2 for low, high in ends]}

    return work


def ten_bins_profile(points: int) -> Work:
    """Profile of the signal of problem a."""
    problem = histograms.ten_bins()
    likelihood, data = two_norm_likelihood(problem), histograms.poisson_toys(problem, 1)[0]
    return _profile(likelihood, data, "signal", np.linspace(0.0, 2.0, points))


def ten_bins_profiles(points: int, n: int) -> Work:
    """Profiles of many toys of problem a, the first of which is that of `ten_bins_profile`."""
    problem = histograms.ten_bins()
    likelihood, sets = two_norm_likelihood(problem), histograms.poisson_toys(problem, n)

    def work() -> Answer:
        table = wilks.profile_many(likelihood, sets, "signal", np.linspace(0.0, 2.0, points))
        return {"items": n, "values": table.delta[0].tolist(), "scale": 1.0}

    return work


def systematics_profile(points: int) -> Work:
    """Profile of the strength of problem b."""
    workspace = systematics_workspace()
    return _profile(workspace.likelihood(), workspace.data(), systematics.STRENGTH, np.linspace(0.0, 2.5, points))


def _profile(likelihood: Any, data: Any, name: str, grid: np.ndarray) -> Work:
    def work() -> Answer:
        scan = wilks.profile(likelihood, data, name, grid)
        return {"items": 1, "values": scan.delta.tolist(), "scale": 1.0}

    return work


def unbinned_fits(n: int) -> Work:
    """Fits of ``n`` sets of events of problem c in one call."""
    likelihood = peak_on_decay()
    data = likelihood.stack([Events({"x": x}) for x in unbinned.toys(n)])
    return lambda: _sampled(wilks.fit_many(likelihood, data), n, unbinned.NAMES)


def unbinned_profile(points: int) -> Work:
    """Profile of the share of problem c."""
    likelihood = peak_on_decay()
    return _profile(likelihood, Events({"x": unbinned.toys(1)[0]}), "f", np.linspace(*unbinned.GRID, points))
