"""Hypotheses about two models, each with its likelihood and p-value, as rows of one table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wilks.inference.calibration import ByToys
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.results.fits import FitResult
from wilks.results.hypotheses import GoodnessOfFit
from wilks.results.numbers import fixed, number, probability
from wilks.results.provenance import Provenance
from wilks.studies.study import Effort
from wilks.studies.tabular import StudyTable

COLUMNS = ("hypothesis", "weights", "-ln L", "p-value", "68 % interval", "variations")


@dataclass(frozen=True, eq=False)
class Judgement:
    """One hypothesis after its test.

    Args:
        text: what it says.
        values: weights, given or fitted.
        nll: -ln L there.
        goodness: its p-value by toys, each refitted if weights were fitted; None without toys.
        effective: effective number of variations.
        fitted: the fit, if there was one.
    """

    text: str
    values: Mapping[str, float]
    nll: float
    goodness: GoodnessOfFit | None
    effective: float
    fitted: FitResult | None

    @property
    def cells(self) -> tuple[str, ...]:
        """Its row as text."""
        weights = ", ".join(f"{name} = {number(value, 4)}" for name, value in self.values.items() if value)
        p, ends = "-", "-"
        if self.goodness is not None and self.goodness.p_toys_interval is not None:
            p = probability(self.goodness.p_toys)
            ends = "[{}, {}]".format(*(probability(end) for end in self.goodness.p_toys_interval))
        return self.text, weights, fixed(self.nll, 4), p, ends, number(self.effective, 3)

    @property
    def plain(self) -> dict[str, Any]:
        """Its numbers as plain values."""
        toys = self.goodness
        return {
            "hypothesis": self.text,
            "values": dict(self.values),
            "nll": self.nll,
            "p_value": None if toys is None else toys.p_toys,
            "p_interval": None if toys is None else toys.p_toys_interval,
            "effective_variations": self.effective,
        }


def judge_models(likelihood: EnsembleCounts, data: Any, events: float, effort: Effort) -> tuple[Judgement, ...]:
    """Both models as they are, each with a free weight, and their mixture.

    Args:
        likelihood: with weights ``A`` and ``B``.
        data: counts.
        events: true events that each model predicts.
        effort: toys.
    """
    tests = [_simple(likelihood, data, {one: events, other: 0.0}, effort) for one, other in ("AB", "BA")]
    tests += [_composite(likelihood, data, f"model {one} alone", {other: 0.0}, effort) for one, other in ("AB", "BA")]
    return (*tests, _composite(likelihood, data, "mixture of both", {}, effort))


def table_of(tests: Iterable[Judgement], title: str, sentences: tuple[str, ...], provenance: Provenance) -> StudyTable:
    """The hypotheses as a table that prints itself."""
    return StudyTable(
        title=title,
        sentences=sentences,
        columns=COLUMNS,
        rows=tuple(test.cells for test in tests),
        how="p-value: part of toys at most as likely as the data, ties counted; toys are refitted where weights were",
        provenance=provenance,
    )


def _simple(likelihood: EnsembleCounts, data: Any, values: dict[str, float], effort: Effort) -> Judgement:
    name = next(name for name, value in values.items() if value)
    by_law = goodness_of_fit(likelihood, data, statistic="likelihood", values=values)
    effective = likelihood.effective_variations(values, likelihood.prepare(data))
    goodness = by_toys(likelihood, data, effort, values=values)
    return Judgement(f"model {name} as it is", values, by_law.observed, goodness, effective, None)


def _composite(
    likelihood: EnsembleCounts, data: Any, text: str, held: Mapping[str, float], effort: Effort
) -> Judgement:
    space = likelihood.space.fix(held) if held else likelihood.space
    best = fit(likelihood, data, space=space)
    effective = likelihood.effective_variations(best.values, likelihood.prepare(data))
    return Judgement(text, best.values, best.nll, by_toys(likelihood, data, effort, space=space), effective, best)


def by_toys(likelihood: EnsembleCounts, data: Any, effort: Effort, **options: Any) -> GoodnessOfFit | None:
    """How likely data are under a hypothesis, by toys; None without any.

    Args:
        likelihood: judges them.
        data: counts.
        effort: toys.
        options: ``values`` of a hypothesis without free weights, or the ``space`` of the fit.
    """
    if not effort.toys:
        return None
    toys = ByToys(effort.seed, effort.toys, executor=effort.executor, progress=effort.progress)
    return goodness_of_fit(likelihood, data, statistic="likelihood", calibration=toys, **options)
