"""Figures of the flavour study: parameter plane, measured ranges and regions, lobster, corner."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from wilks.physics.flavor.labels import LABELS
from wilks.physics.flavor.model import evaluate
from wilks.physics.flavor.pictures import hexbin
from wilks.plots.hexagons import DRAWN_PROBABILITY, columns_of
from wilks.plots.samples import corner
from wilks.plots.style import figure_of
from wilks.results.fits import FitResult
from wilks.results.predictions import Predictions
from wilks.results.samples import Samples

from .models import seed_model

_LIGHTEST = {"NO": "m1", "IO": "m3"}
_WITH_REGIONS = ("5.2", "5.3")  # releases whose two-dimensional tables are in the package
_COARSE = 40  # hexagons across, for planes that a chain fills thinly


def plane(predictions: Predictions, best: FitResult) -> dict[str, Figure]:
    """The chain over the first two parameters."""
    x, y = best.free[:2]
    ax = hexbin(predictions, x, y, gridsize=_COARSE)
    ax.plot(best.values[x], best.values[y], "+k", markersize=9)
    caption = f"Posterior draws over {x} and {y}: -2 ln P above the best draw; the cross is the best fit."
    return {caption: figure_of(ax)}


def measured(predictions: Predictions, release: str, ordering: str) -> dict[str, Figure]:
    """Predictions over s12^2 and m21^2 with one-dimensional ranges, and over s23^2 and delta with regions."""
    data: dict[str, Any] = {"release": release, "ordering": ordering, "gridsize": _COARSE}
    ranges = hexbin(predictions, "s12^2", "m21^2", experiment="1d", **data)
    kind = "2d" if release in _WITH_REGIONS else "1d"
    regions = hexbin(predictions, "s23^2", "d/pi", experiment=kind, **data)
    beside = "1, 2, 3 sigma regions (two degrees of freedom)" if kind == "2d" else "1 and 3 sigma ranges"
    return {
        f"The solar parameters: draws of the model and the 1 and 3 sigma ranges of NuFIT {release}.": figure_of(ranges),
        f"Atmospheric angle and CP phase: draws of the model and the {beside} of NuFIT {release}.": figure_of(regions),
    }


def lobster(predictions: Predictions, release: str, ordering: str) -> dict[str, Figure]:
    """Double beta decay over the lightest mass; models with Dirac neutrinos in FlavorPy's convention alone."""
    columns = dict(columns_of(predictions))
    caption = "Effective mass of double beta decay over the lightest mass; dashed: what the 3 sigma ranges allow."
    if "m_bb" not in columns:
        columns |= _as_flavorpy(predictions, ordering)
        caption += (
            " The matrix of this model is not symmetric, so neutrinos are Dirac particles and there is no such decay; "
            "the points are what FlavorPy prints."
        )
    ax = hexbin(
        columns, _LIGHTEST[ordering], "m_bb", experiment="lobster", release=release, ordering=ordering,
        colour=DRAWN_PROBABILITY, gridsize=_COARSE,
    )  # fmt: skip
    ax.axvspan(0.037, 10.0, facecolor="gray", alpha=0.21)  # cosmology, arXiv:2009.03287
    ax.axhspan(0.156, 10.0, facecolor="gray", alpha=0.21)  # KamLAND-Zen, arXiv:2203.02139
    ax.axhspan(0.036, 0.156, facecolor="gray", alpha=0.13)
    ax.text(0.06, 2e-4, "cosmology", color="gray")
    ax.text(2e-4, 0.3, "KamLAND-Zen", color="gray")
    return {caption: figure_of(ax)}


def _as_flavorpy(predictions: Predictions, ordering: str) -> dict[str, np.ndarray]:
    """Lightest mass and m_bb of the simple model in FlavorPy's convention."""
    model = seed_model(ordering, "flavorpy").model
    found = evaluate(model, {name: predictions[name] for name in model.space.names})
    return {name: np.asarray(found[name]) for name in (_LIGHTEST[ordering], "m_bb")}


def densities(samples: Samples, best: FitResult) -> dict[str, Figure]:
    """All sampled parameters against each other."""
    caption = "Posterior densities of the parameters with their 68.27 % and 95.45 % regions; dashed: best fit."
    return {caption: corner(samples, best=best.values, labels=LABELS)}


def drawn(results: Mapping[str, Any], release: str, ordering: str) -> dict[str, Figure]:
    """All figures."""
    predictions, samples, best = results["predictions"], results["samples"], results["fit"]
    return {
        **plane(predictions, best),
        **measured(predictions, release, ordering),
        **lobster(predictions, release, ordering),
        **densities(samples, best),
    }
