"""A likelihood straight from histograms, whatever package made them: one free norm per template."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel, check_option
from wilks.data.axes import ContinuousAxis, axis_from_edges
from wilks.data.histogram import Histogram
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.treatments import TREATMENTS
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter

from .uhi import read

STATISTICS = ("auto", "none", *TREATMENTS)


def template_likelihood(
    templates: Mapping[str, Any],
    *,
    parameters: Mapping[str, Parameter] | None = None,
    template_statistics: str | None = "auto",
    template_errors: Literal["nominal", "scaled"] | None = None,
    channel: str = "main",
) -> PoissonCounts:
    """Poisson counts of a sum of templates, each with a norm of its own name that starts at 1 in [0, inf).

    Args:
        templates: by name: a histogram of ``hist``, boost-histogram or uproot (anything with the UHI protocol), a
            `Histogram`, the tuple ``(values, edges)`` of ``numpy.histogram``, or plain values per bin. Tuples and plain
            values are taken as exactly known; histograms bring the statistical errors of their simulation.
        parameters: other start values or bounds of a norm, by template name.
        template_statistics: how those errors enter: ``"auto"`` (``"conway"`` if any template has one, else none),
            ``"conway"``, ``"poisson"``, ``"marginal"``, ``"full"``, or None; see `PoissonCounts`.
        template_errors: ``"nominal"``, ``"scaled"``, or None for that of the treatment; see `PoissonCounts`.
        channel: name of the channel.

    Raises:
        InvalidModel: if the templates have different bins, or one is empty.
        InvalidData: if a template is no histogram of sums, or its variances are missing.

    >>> likelihood = template_likelihood({"signal": [0.0, 5.0, 0.0], "background": [9.0, 8.0, 7.0]})
    >>> likelihood.space.names
    ('signal', 'background')
    """
    chosen = template_statistics or "none"
    check_option("template statistics", chosen, STATISTICS)
    read_in = {name: _read(name, source) for name, source in templates.items()}
    _check_bins({name: axis for name, (axis, _, _) in read_in.items() if axis is not None})
    model = LinearTemplates.of(
        {name: values for name, (_, values, _) in read_in.items()},
        variances={name: variances for name, (_, _, variances) in read_in.items()},
        parameters=parameters,
        channel=channel,
    )
    if chosen == "auto":
        chosen = "conway" if (np.asarray(model.variances) > 0).any() else "none"
    return PoissonCounts(
        model, template_statistics=None if chosen == "none" else chosen, template_errors=template_errors
    )


def _read(
    name: str, source: Any
) -> tuple[ContinuousAxis | None, Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    """Axis (None for plain values), values and variances."""
    if isinstance(source, (np.ndarray, list)):
        return None, *_exact(name, source)
    if isinstance(source, tuple) and len(source) == 2:
        values, variances = _exact(name, source[0])
        return axis_from_edges(source[1]), values, variances
    histogram = _as_histogram(name, source)
    return histogram.axis, histogram.values(), histogram.variances()


def _exact(name: str, source: Any) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    values = np.asarray(source, dtype=float)
    if values.ndim != 1:
        raise InvalidData(f"template {name!r} has shape {values.shape}; give one number per bin")
    return values, np.zeros(len(values))


def _as_histogram(name: str, source: Any) -> Histogram:
    try:
        histogram = read(source)
    except InvalidData as error:
        raise InvalidData(f"template {name!r}: {error}") from None
    if len(histogram.axes) != 1:
        raise InvalidData(f"template {name!r} has {len(histogram.axes)} axes; project it onto one")
    return histogram


def _check_bins(axes: Mapping[str, ContinuousAxis]) -> None:
    """Edges must agree up to rounding; flow bins take no part in a fit."""
    for name, axis in axes.items():
        first, reference = next(iter(axes.items()))
        rounding = 1e-9 * float(reference.widths.min())
        if len(axis) != len(reference) or np.abs(axis.edges - reference.edges).max() > rounding:
            raise InvalidModel(
                f"templates {first!r} and {name!r} have different bins: {len(reference)} from {reference.edges[0]:g} "
                f"to {reference.edges[-1]:g}, and {len(axis)} from {axis.edges[0]:g} to {axis.edges[-1]:g}; rebin one"
            )
