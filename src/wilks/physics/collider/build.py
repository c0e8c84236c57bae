"""Joins templates and data into what a fit takes: one predictor over all channels, and the observed counts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel
from wilks.data.histogram import Histogram
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .samples import NORMALISATIONS
from .templates import Templates

COSTS = ("poisson", "pearson", "neyman", "cnp")


@dataclass(frozen=True, eq=False)
class CountingModel:
    """A template model with the data that belong to it.

    Args:
        predictor: expected counts of all channels, one norm per group of samples.
        data: observed counts by channel.
        notices: sentences that every result from it should carry.
    """

    predictor: LinearTemplates
    data: Mapping[str, Histogram]
    notices: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, Float[np.ndarray, " bins"]]:
        """Observed counts per bin, by channel."""
        return {name: histogram.values() for name, histogram in self.data.items()}

    @property
    def edges(self) -> dict[str, Float[np.ndarray, " edges"]]:
        """Bin edges by channel."""
        return {name: histogram.axis.edges for name, histogram in self.data.items()}

    def likelihood(
        self, cost: str = "poisson", *, template_statistics: str | None = "conway"
    ) -> PoissonCounts | ChiSquareCounts:
        """What judges the data.

        Args:
            cost: ``poisson``, ``pearson``, ``neyman`` or ``cnp``; the latter three know no template statistics.
            template_statistics: ``conway``, ``poisson``, ``marginal``, ``full`` or None; for the Poisson cost.
        """
        if cost == "poisson":
            return PoissonCounts(self.predictor, template_statistics=template_statistics)
        return ChiSquareCounts(self.predictor, cost=cost)

    def simulator(self, *, template_statistics: str | None = "conway") -> PoissonCounts:
        """What draws toys, whatever cost judges them: Poisson counts.

        Args:
            template_statistics: as for `likelihood`.
        """
        return PoissonCounts(self.predictor, template_statistics=template_statistics)


def build(channels: Mapping[str, Templates], parameters: Mapping[str, Parameter] | None = None) -> CountingModel:
    """Model of grouped templates: the group of a name has one norm in all channels, starting at 1 in [0, inf).

    Args:
        channels: grouped templates with their data, by channel.
        parameters: other settings of the norm of a group, even another name; by group.

    Raises:
        InvalidModel: if there is no channel, or a group is empty in all of them.
        InvalidData: if a channel has no data.
    """
    if not channels:
        raise InvalidModel("no channels given; give templates of at least one")
    groups = tuple(dict.fromkeys(name for templates in channels.values() for name in templates.names))
    norms = {name: (parameters or {}).get(name, Parameter(name, 1.0, lower=0.0)) for name in groups}
    values = np.concatenate([_columns(t, groups, _values) for t in channels.values()])
    variances = np.concatenate([_columns(t, groups, _variances) for t in channels.values()])
    for name, column in zip(groups, values.T, strict=True):
        if not (column != 0).any():
            raise InvalidModel(f"template {name!r} is empty: not identifiable; leave it out")
    _check_positive(channels, values)
    predictor = LinearTemplates(
        ParameterSpace(tuple(norms.values())),
        tuple((name, len(templates.total.axis)) for name, templates in channels.items()),
        (),
        values,
        variances,
    )
    data = {name: _observed(name, templates) for name, templates in channels.items()}
    notices = tuple(dict.fromkeys(n for templates in channels.values() for n in templates.notices))
    return CountingModel(predictor, data, notices)


def renormalised(templates: Templates, preset: str, luminosity_fb: float | int) -> Templates:
    """Ungrouped templates of k = 1 with the k-factors of a preset, at another luminosity.

    Args:
        templates: one histogram per sample.
        preset: key of `NORMALISATIONS`.
        luminosity_fb: integrated luminosity in fb^-1, positive.

    Raises:
        InvalidData: if the templates do not say their luminosity, or the new one is not positive.
    """
    if templates.luminosity_fb is None or not luminosity_fb > 0:
        raise InvalidData(
            f"luminosity {templates.luminosity_fb} to {luminosity_fb} fb^-1: both must be given and positive"
        )
    ratio = luminosity_fb / templates.luminosity_fb
    factors = NORMALISATIONS[preset].k_factors
    histograms = {name: h.scale(ratio * factors.get(name, 1.0)) for name, h in templates.histograms.items()}
    return replace(templates, histograms=histograms, luminosity_fb=luminosity_fb)


def with_vacant_bins_merged(templates: Templates) -> Templates:
    """Templates in which no bin is left where something was observed and nothing is expected.

    Such bins are merged with their right neighbour (the last one with its left), and a notice says so.

    Args:
        templates: grouped templates with their data; the sum of all templates must be positive.
    """
    while True:
        expected, observed = templates.total.values(), _observed("", templates).values()
        vacant = np.flatnonzero((expected <= 0) & (observed > 0))
        if not len(vacant) or len(expected) == 1:
            return templates
        first = min(int(vacant[0]), len(expected) - 2)
        low, high = templates.total.axis[first][0], templates.total.axis[first + 1][1]
        groups = [1] * first + [2] + [1] * (len(expected) - first - 2)
        templates = templates.mapped(lambda h, groups=groups: h.merge(groups))
        templates = templates.noticed(f"bins merged to [{low:g}, {high:g}) because nothing was expected in one of them")


def _values(histogram: Histogram) -> np.ndarray:
    return histogram.values()


def _variances(histogram: Histogram) -> np.ndarray:
    return histogram.variances()


def _columns(templates: Templates, groups: tuple[str, ...], take) -> np.ndarray:
    """Bins by groups; a group that a channel does not have expects nothing there."""
    empty = np.zeros(len(templates.total.axis))
    return np.stack([take(templates.histograms[g]) if g in templates.histograms else empty for g in groups], axis=1)


def _check_positive(channels: Mapping[str, Templates], values: Float[np.ndarray, "bins groups"]) -> None:
    """Where something was observed, something must be expected with all norms at 1."""
    total, first = values.sum(axis=1), 0
    for name, templates in channels.items():
        observed = _observed(name, templates).values()
        bad = np.flatnonzero((total[first : first + len(observed)] <= 0) & (observed > 0))
        if len(bad):
            low, high = templates.total.axis[int(bad[0])]
            raise InvalidModel(
                f"channel {name!r}, bin {bad[0]} [{low:g}, {high:g}): {observed[bad[0]]:g} events observed, but the "
                f"samples {', '.join(templates.names)} together expect {total[first + bad[0]]:.3g}; merge the bin"
            )
        first += len(observed)


def _observed(name: str, templates: Templates) -> Histogram:
    if templates.data is None:
        raise InvalidData(f"channel {name!r} has no data; fill them from a sample of kind 'data'")
    return templates.data
