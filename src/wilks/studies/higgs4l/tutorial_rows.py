"""Every number that the tutorial prints, the number its recipe gives, and the right one beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wilks.results.fits import FitResult
from wilks.results.hypotheses import GoodnessOfFit
from wilks.results.intervals import Interval, Intervals
from wilks.results.numbers import number, probability, with_errors
from wilks.results.result import AbstractResult
from wilks.results.toys import CoverageCurve

from .tutorial_recipe import GridCoverage, OneStrength, TwoStrengths

LONG = 1e-8
"""Relative tolerance of numbers that the tutorial prints in full."""


@dataclass(frozen=True)
class TutorialRow:
    """One printed number.

    Args:
        cell: cell of the notebook.
        quantity: what it is.
        printed: text as the tutorial prints it.
        by_recipe: value by the tutorial's recipe; None if it needs toys and there are none.
        tolerance: largest allowed distance from the printed number.
        right_recipe: what should be done instead, in words.
        right: the result of that, as text.
        why: why they differ, in one sentence.
    """

    cell: str
    quantity: str
    printed: str
    by_recipe: float | None
    tolerance: float
    right_recipe: str
    right: str
    why: str

    @property
    def agrees(self) -> bool | None:
        """Whether the recipe reproduces the printed number; None if it was not evaluated."""
        if self.by_recipe is None:
            return None
        return abs(self.by_recipe - float(self.printed)) <= self.tolerance

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a printed table."""
        answer = {True: "yes", False: "no", None: "-"}[self.agrees]
        return (
            self.cell, self.quantity, self.printed, number(self.by_recipe, 10), answer, f"{self.tolerance:.0e}",
            self.right,
        )  # fmt: skip

    @property
    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {**vars(self), "agrees": self.agrees}


@dataclass(frozen=True)
class Recipe:
    """What the tutorial's recipe gave.

    Args:
        before: chi-square per bin before the fit.
        signal: scan of s_s.
        background: scan of s_b.
        both: grid of both.
        after: chi-square at the best grid point.
        p_before: its p-value before the fit.
        p_after: after the fit.
        coverage: of the grid fit, if there are toys.
    """

    before: float
    signal: OneStrength
    background: OneStrength
    both: TwoStrengths
    after: float
    p_before: float
    p_after: float
    coverage: GridCoverage | None


def rows(recipe: Recipe, found: Mapping[str, AbstractResult]) -> tuple[TutorialRow, ...]:
    """All rows, in the order of the notebook.

    Args:
        recipe: what the tutorial's recipe gave.
        found: right results: ``fit``, ``intervals``, ``before``, ``goodness``, and ``coverage_curve`` with toys.
    """
    return (
        *_before(recipe, found),
        *_single(recipe, found),
        *_both(recipe, found),
        *_goodness(recipe, found),
        _coverage(recipe, found),
    )


def reasons(made: tuple[TutorialRow, ...]) -> tuple[str, ...]:
    """The right recipes with the reasons, one line for all numbers that share them."""
    shared: dict[tuple[str, str], list[str]] = {}
    for row in made:
        shared.setdefault((row.right_recipe, row.why), []).append(f"{row.cell} {row.quantity}")
    return tuple(f"{'; '.join(where)}: {recipe}. {why}" for (recipe, why), where in shared.items())


def _before(recipe: Recipe, found: Mapping[str, AbstractResult]) -> tuple[TutorialRow, ...]:
    test = found["before"]
    assert isinstance(test, GoodnessOfFit)
    printed = "1.597845078902861"
    return (
        TutorialRow(
            "[9]",
            "chi2/dof before the fit",
            printed,
            recipe.before,
            _relative(printed),
            "compare with the saturated Poisson model",
            f"{_per_dof(test)}, p = {probability(test.p_value)}",
            "With a few events per bin (n - mu)^2/mu does not follow the chi-square law; the likelihood ratio is "
            "closer, and toys settle it.",
        ),
    )


def _single(recipe: Recipe, found: Mapping[str, AbstractResult]) -> tuple[TutorialRow, ...]:
    goodness = found["goodness"]
    assert isinstance(goodness, GoodnessOfFit)
    profile = "refit the other strength at each value and solve 2 delta nll = 1"
    held = "The other strength was held at 1, where the data do not want it, so the scanned one makes up for it."
    root = (
        "A parabola through the whole scan, most of it far from the minimum, is asked where it crosses 1; the "
        "likelihood is no parabola."
    )
    box = "The smallest value on a grid with the other strength held at 1 is not the minimum of the fit."
    made = []
    for cell, name, other, scan, texts, places in (
        ("[12]", "s_s", "s_b", recipe.signal, ("2.01", "0.76", "1.5577434806307726"), (3, 2)),
        ("[13]", "s_b", "s_s", recipe.background, ("1.302", "0.076", "1.0184456820283405"), (3, 3)),
    ):
        item = _interval(found, name)
        right = with_errors(item.best, item.minus, item.plus)
        made += [
            TutorialRow(cell, f"{name}, {other} = 1", texts[0], scan.best, _digits(places[0]), profile, right, held),
            TutorialRow(cell, f"error of {name}", texts[1], scan.error, _digits(places[1]), profile, right, root),
            TutorialRow(
                cell, "smallest chi2/dof", texts[2], scan.per_dof, _relative(texts[2]),
                "fit both strengths, saturated Poisson model", _per_dof(goodness), box,
            ),
        ]  # fmt: skip
    return tuple(made)


def _both(recipe: Recipe, found: Mapping[str, AbstractResult]) -> tuple[TutorialRow, ...]:
    both, goodness = recipe.both, found["goodness"]
    assert isinstance(goodness, GoodnessOfFit)
    minimise = "minimise, with the Poisson likelihood"
    biased = "Pearson's chi-square takes the variance from the fit, so it prefers too many events: N + chi2/2."
    profile = "solve 2 delta nll = 1 on the profile"
    sliced = (
        "2.3 is the level of both parameters together, and a slice through the best fit keeps the other strength "
        "fixed: two mistakes of opposite sign."
    )
    made = []
    for name, value, (up, down), texts in (
        ("s_s", both.signal, both.signal_errors, ("1.3869", "1.1556", "0.86667")),
        ("s_b", both.background, both.background_errors, ("1.2899", "0.11717", "0.10909")),
    ):
        item = _interval(found, name)
        made += [
            TutorialRow("[14]", name, texts[0], value, _digits(4), minimise, number(item.best, 5), biased),
            TutorialRow(
                "[14]", f"{name}, up", texts[1], up, _last(texts[1]), profile, f"+{number(item.plus, 4)}", sliced
            ),
            TutorialRow(
                "[14]", f"{name}, down", texts[2], down, _last(texts[2]), profile, f"-{number(item.minus, 4)}", sliced
            ),
        ]
    printed = "1.038884905786871"
    why = "The smallest of 10,000 grid points stands for the minimum, and two parameters leave 32 degrees of freedom."
    made.append(
        TutorialRow(
            "[14]",
            "smallest chi2/dof",
            printed,
            both.per_dof,
            _relative(printed),
            "saturated Poisson model",
            _per_dof(goodness),
            why,
        )
    )
    return tuple(made)


def _goodness(recipe: Recipe, found: Mapping[str, AbstractResult]) -> tuple[TutorialRow, ...]:
    before, after = found["before"], found["goodness"]
    assert isinstance(before, GoodnessOfFit)
    assert isinstance(after, GoodnessOfFit)
    unfitted = (
        "Its toys are Gaussian, some with negative counts, and are not refitted: they follow 34 degrees of freedom and "
        "are compared with 32."
    )
    law = "A chi-square law for few events is a guess; toys that are fitted like the data are not."
    refit = "throw Poisson toys and fit each like the data"
    chi2 = "33.24431698517987"
    return (
        TutorialRow(
            "[16]", "chi2 of data at the fit", chi2, recipe.after, _relative(chi2), "saturated Poisson model",
            number(after.observed, 6), unfitted,
        ),
        TutorialRow(
            "[17]", "p before fitting", "0.014877", recipe.p_before, _digits(6), "throw Poisson toys",
            _p(before), law,
        ),
        TutorialRow("[17]", "p with fitting", "0.40642", recipe.p_after, _digits(5), refit, _p(after), law),
    )  # fmt: skip


def _coverage(recipe: Recipe, found: Mapping[str, AbstractResult]) -> TutorialRow:
    curve = found.get("coverage_curve")
    right = "-"
    if isinstance(curve, CoverageCurve):
        right = f"{float(curve.fraction(2.3)):.3f} ± {float(curve.error(2.3)):.3f}"
    return TutorialRow(
        "[24]",
        "coverage at d = 2.3",
        "0.68",
        None if recipe.coverage is None else recipe.coverage.fraction(2.3),
        _digits(2),
        "throw Poisson toys, fit each by minimising the likelihood, one set of toys for all d",
        right,
        "The cross at 0.68 is drawn by hand; the biased cost covers less than it says, and its grids take hours.",
    )


def _interval(found: Mapping[str, AbstractResult], name: str) -> Interval:
    table = found["intervals"]
    assert isinstance(table, Intervals)
    return table[name]


def _per_dof(test: GoodnessOfFit) -> str:
    return f"{test.observed:.2f}/{test.dof} = {test.observed / (test.dof or 1):.4f}"


def _p(test: GoodnessOfFit) -> str:
    text = probability(test.p_value)
    return text if test.p_toys_interval is None else f"{text} ({test.n} toys)"


def _digits(decimals: int) -> float:
    """Half a unit of the last decimal, with room for rounding."""
    return 0.50001 * 10.0**-decimals


def _last(printed: str) -> float:
    return _digits(len(printed.partition(".")[2]))


def _relative(printed: str) -> float:
    return LONG * abs(float(printed))


def best_values(found: Mapping[str, AbstractResult]) -> dict[str, float]:
    """Best values of the right fit."""
    best = found["fit"]
    assert isinstance(best, FitResult)
    return best.values
