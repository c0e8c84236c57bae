"""Looks for known traps in a selection, its samples, the likelihood and its results; reports, never raises."""

import html
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.results.fits import FitResult
from wilks.results.intervals import Interval, Intervals
from wilks.results.result import AbstractResult

from .events import MASS
from .samples import WEIGHTS, SampleTable
from .selection import Selection
from .templates import EDGE_TOLERANCE, Templates

FEW = 10.0
"""Expected counts below which a chi-square cost is biased by more than a few percent."""


@dataclass(frozen=True)
class Finding:
    """One trap.

    Args:
        code: its name, such as ``repeated-cut``.
        sentence: what is wrong and what to do.
        place: where.
    """

    code: str
    sentence: str
    place: str

    def __str__(self) -> str:
        return f"{self.code} ({self.place}): {self.sentence}"


@dataclass(frozen=True, repr=False)
class Findings:
    """All findings, in the order of the analysis.

    Args:
        items: findings.
    """

    items: tuple[Finding, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Different codes, in order."""
        return tuple(dict.fromkeys(finding.code for finding in self.items))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return "\n".join(map(str, self.items)) or "no findings"

    def _repr_html_(self) -> str:
        rows = (map(html.escape, (f.code, f.place, f.sentence)) for f in self.items)
        return (
            "<table>" + "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows) + "</table>"
        )


@dataclass(frozen=True)
class Procedure:
    """How numbers were obtained outside Wilks, as far as it can go wrong.

    Args:
        name: what it is called.
        cost: ``poisson``, ``pearson``, ``neyman`` or ``cnp``.
        fewest_expected: smallest expected count of any bin.
        variances: whether histograms keep sums of squared weights.
        held: free norms that were held at 1 while the error of another was quoted.
        level_dof: degrees of freedom of the level behind quoted errors of one parameter.
        slices: whether errors come from slices through the best fit instead of the profile.
        on_edge: parameters whose best fit or interval end lies on the edge of the scanned box, perhaps only in toys.
        toys: distribution of the toys.
        toy_ndf: number of degrees of freedom that the toys follow.
        reference_ndf: number of degrees of freedom of the distribution they are compared with.
        constrained: whether any systematic is in the fit.
    """

    name: str
    cost: str = "poisson"
    fewest_expected: float = math.inf
    variances: bool = True
    held: tuple[str, ...] = ()
    level_dof: int = 1
    slices: bool = False
    on_edge: tuple[str, ...] = ()
    toys: str = "poisson"
    toy_ndf: int | None = None
    reference_ndf: int | None = None
    constrained: bool = True


TUTORIAL_PROCEDURE = Procedure(
    name="tutorial",
    cost="pearson",
    fewest_expected=2.4,
    variances=False,
    held=("s_s", "s_b"),
    level_dof=2,
    slices=True,
    on_edge=("s_s", "s_b"),
    toys="gaussian",
    toy_ndf=34,
    reference_ndf=32,
    constrained=False,
)
"""The statistical recipe of the ATLAS open data tutorial."""


def lint(
    selection: Selection,
    samples: SampleTable,
    likelihood: object | None = None,
    results: Iterable[AbstractResult] = (),
    *,
    templates: Templates | None = None,
    procedure: Procedure | None = None,
    variable_columns: frozenset[str] = MASS,
) -> Findings:
    """Findings of all kinds.

    Args:
        selection: cuts, with those that are defined but not applied.
        samples: table of samples.
        likelihood: what judges the data.
        results: results that are to be quoted.
        templates: filled templates, whose cutflow and events near bin edges are looked at.
        procedure: a recipe outside Wilks.
        variable_columns: columns that the histogrammed variable reads.
    """
    found = [*_of_selection(selection, samples, variable_columns), *_of_templates(templates)]
    found += [*_of_likelihood(likelihood), *(finding for result in results for finding in _of_result(result))]
    return Findings((*found, *_of_procedure(procedure)))


def _of_selection(selection: Selection, samples: SampleTable, variable_columns: frozenset[str]) -> Iterator[Finding]:
    weights = frozenset(WEIGHTS) if any(not sample.is_data for sample in samples) else frozenset()
    for name in sorted(selection.listed - selection.columns - variable_columns - weights):
        yield Finding("unused-column", "is read and used by no cut, variable or weight; do not read it", name)
    for cut in selection.unapplied:
        yield Finding(
            "unapplied-cut", "is defined and not part of the selection; apply or delete it", f"cut {cut.name}"
        )
    for cut in selection.cuts:
        for term, times in Counter(cut.terms).items():
            if times > 1:
                sentence = f"tests '{term}' {times} times; another quantity was probably meant"
                yield Finding("repeated-cut", sentence, f"cut {cut.name}")
    paired = any({"lep_type", "lep_charge"} <= cut.columns for cut in selection.cuts)
    for cut in selection.cuts:
        if not paired and any(term.startswith("sum(lep_type)") for term in cut.terms):
            sentence = "tests flavours by the sum of types, which e+e+mu-mu- passes; require pairs instead"
            yield Finding("flavour-sum", sentence, f"cut {cut.name}")


def _of_templates(templates: Templates | None) -> Iterator[Finding]:
    if templates is None:
        return
    flows = list(templates.cutflow.samples.values())
    steps = flows[0].steps if flows else ()
    for place, step in enumerate(steps[1:], start=1):
        if not step.startswith("finite") and all(f.events[place] == f.events[place - 1] for f in flows):
            yield Finding(
                "no-effect-cut", "removes no event of any sample; it may be in the skim already", f"cut {step}"
            )
    for name, number in templates.near_edges.items():
        if number:
            sentence = f"{number} events lie within {EDGE_TOLERANCE:g} of a bin edge; rounding may move them"
            yield Finding("mass-edge", sentence, name)


def _of_likelihood(likelihood: object | None) -> Iterator[Finding]:
    if not isinstance(likelihood, PoissonCounts | ChiSquareCounts):
        return
    place = type(likelihood).__name__
    if isinstance(likelihood, ChiSquareCounts) and likelihood.cost in ("pearson", "neyman"):
        space = likelihood.space
        expected = float(np.asarray(likelihood.mean(space.unpack(space.starts))[0]).min())
        yield from _low_counts(likelihood.cost, expected, place)
    if not likelihood.constraints.parameters:
        yield _unconstrained(place)


def _of_result(result: AbstractResult) -> Iterator[Finding]:
    if isinstance(result, Intervals):
        for item in result.items:
            yield from _of_result(item)
    if isinstance(result, FitResult):
        held = [name for name, fixed in zip(result.names, result.fixed, strict=True) if fixed]
        quoted = [name for name in result.names if name not in held]
        if held and quoted and result.sigma is not None:
            yield _held(held, f"fit of {', '.join(quoted)}")
    if isinstance(result, Interval):
        if result.lower_open or result.upper_open:
            yield Finding(
                "grid-edge", "the interval ends on a bound, not on its threshold", f"interval of {result.name}"
            )
        one_dof = 2.0 * float(gammaincinv(0.5, result.level))  # quantile of chi-square with one degree of freedom
        if result.method == "profile" and abs(result.threshold - one_dof) > 1e-3 * one_dof:
            yield _joint_level(result.threshold, one_dof, f"interval of {result.name}")


def _of_procedure(procedure: Procedure | None) -> Iterator[Finding]:
    if procedure is None:
        return
    place = procedure.name
    if not procedure.variances:
        yield Finding("no-sumw2", "weighted histograms without sums of squared weights; keep them", place)
    if procedure.cost in ("pearson", "neyman"):
        yield from _low_counts(procedure.cost, procedure.fewest_expected, place)
    if procedure.held:
        yield _held(procedure.held, place)
    if procedure.level_dof != 1 or procedure.slices:
        levels = (float(-2.0 * np.log1p(-0.6827)), 1.0)
        yield _joint_level(*levels, place)
    for name in procedure.on_edge:
        yield Finding("grid-edge", f"best fit or interval end of {name} on the edge of the scanned box", place)
    if procedure.toy_ndf != procedure.reference_ndf:
        sentence = (
            f"toys follow {procedure.toy_ndf} degrees of freedom, the reference {procedure.reference_ndf}; refit toys"
        )
        yield Finding("ndf-mismatch", sentence, place)
    if procedure.toys == "gaussian":
        yield Finding("gaussian-toys", "Gaussian toys for counts, some of them negative; throw Poisson toys", place)
    if not procedure.constrained:
        yield _unconstrained(place)


def _low_counts(cost: str, expected: float, place: str) -> Iterator[Finding]:
    if expected < FEW:
        sentence = (
            f"{cost} chi-square with {expected:.2g} expected counts in a bin, below {FEW:g}; use the Poisson cost"
        )
        yield Finding("low-counts-chi2", sentence, place)


def _held(names: Iterable[str], place: str) -> Finding:
    sentence = f"error quoted with {' and '.join(names)} held fixed; profile instead"
    return Finding("fixed-nuisance", sentence, place)


def _joint_level(used: float, right: float, place: str) -> Finding:
    sentence = (
        f"error of one parameter at 2 delta nll = {used:.4g}, which is not its level of {right:.4g}; use the profile"
    )
    return Finding("joint-level-1d", sentence, place)


def _unconstrained(place: str) -> Finding:
    return Finding("no-constraint", "no systematic on a normalised prediction (luminosity, missing processes)", place)
