"""Published numbers against ours, for every experiment that can be loaded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import FitFailed, InvalidFile, MissingExtra
from wilks._base.typing import Scalar, Theta
from wilks.likelihood.binned import CountsData
from wilks.likelihood.residuals import GaussianResiduals
from wilks.likelihood.signal_grids import SignalGrid
from wilks.likelihood.signals import AbstractSignal
from wilks.likelihood.tabulation import tabulate
from wilks.results.text import Summary, as_html, as_text

from . import closure_table as published
from .build import near_far, neos
from .dayabay.analysis import daya_bay
from .dayabay.likelihood import DayaBayLikelihood
from .experiment import Study
from .gallium import gallium
from .plane import with_held_totals
from .pulls import average_ratio
from .rates import reactor_rates
from .releases import prospect
from .spaces import PLANE, SINE
from .survival import ThreeNeutrinos

_STANDARD = ("sin2_2theta13", "dm2_32_eV2")
_ANGLES, _LEADING = np.linspace(0.06, 0.14, 81), np.linspace(1.8e-3, 3.2e-3, 36)
_STEPS, _UNSOLVED = 12, 1e-6  # steps, each a tenth or less of the one before; -ln L left above the minimum
_AMPLITUDES, _SHAPES = np.linspace(0.01, 0.6, 60), np.geomspace(0.8, 5.0, 90)


@dataclass(frozen=True)
class ClosureRow:
    """One number.

    Args:
        experiment: whose.
        quantity: what.
        published: value in the source.
        error: quoted error, or the tolerance where none is quoted.
        ours: our value.
        allowed: largest difference in units of the error.
        source: paper, with table or equation.
    """

    experiment: str
    quantity: str
    published: float
    error: float
    ours: float
    allowed: float
    source: str

    @property
    def difference(self) -> float:
        """Ours minus published, in units of the error."""
        return (self.ours - self.published) / self.error

    @property
    def passed(self) -> bool:
        """Whether the difference is allowed."""
        return abs(self.difference) <= self.allowed


def row_of(figure: published.Figure, ours: float) -> ClosureRow:
    """A published number with ours beside it."""
    return ClosureRow(
        figure.experiment, figure.quantity, figure.value, figure.error, ours, figure.allowed, figure.source
    )


@dataclass(frozen=True)
class Closure:
    """Published against ours; prints itself.

    Args:
        rows: the numbers.
        missing: experiment -> which file is missing, and where it is from.
    """

    rows: tuple[ClosureRow, ...]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every difference is allowed."""
        return all(row.passed for row in self.rows)

    def __str__(self) -> str:
        return as_text(self.summary())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html(self.summary())

    def summary(self) -> Summary:
        """Title, table and what is missing."""
        columns = ("experiment", "quantity", "published", "ours", "difference / error", "allowed", "source")
        rows = tuple(_cells(row) for row in self.rows)
        good = sum(row.passed for row in self.rows)
        sentence = f"{good} of {len(self.rows)} numbers agree; the error is the quoted one, or a tolerance without +-"
        flags = tuple((f"{name}_not_loaded", reason) for name, reason in self.missing.items())
        return Summary("closure: published and ours", (sentence,), columns, rows, flags)


def closure(folder: str | Path | None = None) -> Closure:
    """Compare with published numbers whatever can be loaded; what is missing is listed, and the rest is done.

    Args:
        folder: folder with ``globesfit/numbers.npz`` and ``globesfit/fluxes``, and ``prospect/``; None for the
            experiments whose figures ship with Wilks.

    Example:
        ``closure("data/oscillation").passed``
    """
    rows: list[ClosureRow] = []
    missing: dict[str, str] = {}
    for name, where, check in _CHECKS:
        if where and folder is None:
            missing[name] = f"give the folder that holds {where}"
            continue
        try:
            rows += check(Path(folder or "."))
        except (InvalidFile, MissingExtra) as error:
            missing[name] = str(error)
    return Closure(tuple(rows), missing)


def best_node(study: Study, *, hold: Iterable[str] = (), grid: SignalGrid | None = None) -> tuple[float, float, float]:
    """Amplitude, splitting and -2 ln L above the saturated model of the lowest node of a plane.

    Args:
        study: a study with Gaussian residuals.
        hold: nuisances held at their starts; the others are profiled.
        grid: nodes; sin^2 2theta_ee in steps of 0.01 to 0.6 and dm2_41 from 0.8 to 5 eV^2 by default.
    """
    nodes = grid or SignalGrid(PLANE, _AMPLITUDES, _SHAPES)
    space = study.likelihood.space
    fixed = space.fix({name: space[name].start for name in hold})
    signal = tabulate(with_held_totals(study.likelihood, study.data), nodes, space=fixed)
    chi2 = np.asarray(_profiled(signal, signal.whitening.vector(signal.prepare(study.data))))
    k, j = np.unravel_index(int(np.argmin(chi2)), chi2.shape)
    return float(nodes.amplitudes[j]), float(nodes.shapes[k]), float(chi2[k, j])


@eqx.filter_jit
def _profiled(signal: AbstractSignal, x: Float[Array, " cells"]) -> Float[Array, "shapes amplitudes"]:
    """|x - mu|^2 at the nodes, nuisances profiled in closed form."""

    def at(s: Array, m: Array) -> Array:
        rest = x - signal.main(s, m)
        tilts = signal.tilts(s, m)
        along = tilts @ rest
        return rest @ rest - along @ jnp.linalg.solve(tilts @ tilts.T, along)

    amplitudes = jnp.asarray(signal.grid.amplitudes)
    return jax.lax.map(lambda m: jax.vmap(lambda s: at(s, m))(amplitudes), jnp.asarray(signal.grid.shapes))


def _null(study: Study) -> float:
    """Chi-square without a sterile neutrino, all else at its start."""
    space = study.likelihood.space
    values = dict(zip(space.names, space.starts.tolist(), strict=True)) | {SINE: 0.0}
    likelihood = with_held_totals(study.likelihood, study.data)
    assert isinstance(likelihood, GaussianResiduals)
    return 2.0 * float(likelihood.excess(values, study.data))


def _rates(folder: Path) -> list[ClosureRow]:
    return [row_of(p, average_ratio(reactor_rates(p.key)).ratio) for p in published.RATES]


def _gallium(folder: Path) -> list[ClosureRow]:
    everything = gallium("bahcall", uncertainty=0.028)
    best = gallium("bahcall", exposures=("BEST-inner", "BEST-outer"), uncertainty=0.0)
    ratio = average_ratio(everything).ratio
    found = [*best_node(everything)[:2], ratio, *best_node(best)[:2]]
    return [row_of(p, value) for p, value in zip(published.GALLIUM, found, strict=True)]


def _spectra(folder: Path) -> list[ClosureRow]:
    numbers = folder / "globesfit" / "numbers.npz"
    studies = {p.experiment: _spectrum(p.experiment, numbers) for p in published.NULLS}
    rows = [row_of(p, _null(studies[p.experiment])) for p in published.NULLS]
    for name, (first, second) in published.SPECTRA_BEST.items():
        s, m, _ = best_node(studies[name], hold=(f"energy_scale_{name}",))
        rows += [row_of(first, s), row_of(second, m)]
    return rows + [row_of(p, _mixing_angle(p.experiment, numbers)) for p in published.CALIBRATIONS]


def _mixing_angle(name: str, numbers: Path) -> float:
    """sin^2 2theta_13 of a ratio with three neutrinos, Dm2_32 free."""
    study = near_far(name, numbers, survival=ThreeNeutrinos(free=_STANDARD), constraints={})
    return best_node(study, grid=SignalGrid(_STANDARD, _ANGLES, _LEADING))[0]


def _spectrum(name: str, numbers: Path) -> Study:
    return neos(numbers) if name == "NEOS" else near_far(name, numbers)


def _prospect(folder: Path) -> list[ClosureRow]:
    study = prospect(folder / "prospect")
    s, m, _ = best_node(study)
    found = [float(np.sum(study.data)), s, m]
    return [row_of(p, value) for p, value in zip(published.PROSPECT, found, strict=True)]


def _daya_bay(folder: Path) -> list[ClosureRow]:
    study = daya_bay()
    likelihood, counts = study.likelihood, np.asarray(study.data.counts)
    assert isinstance(likelihood, DayaBayLikelihood)
    start = likelihood.space.unpack(likelihood.space.starts)
    found = [float(len(counts)), float(counts.sum()) * 1e-6, float(likelihood.chi2(start, study.data))]
    rows = [row_of(p, value) for p, value in zip(published.DAYA_BAY, found, strict=True)]
    values, errors = best_fit(likelihood, study.data)
    for name, (value, error) in published.DAYA_BAY_BEST.items():
        rows += [row_of(value, values[name]), row_of(error, errors[name])]
    return rows


def best_fit(likelihood: DayaBayLikelihood, data: CountsData) -> tuple[dict[str, float], dict[str, float]]:
    """Best values and errors by scoring steps from the starts, which lie close by: nothing but linear algebra."""
    theta, hessian, rest = _scored(likelihood, data)
    if not float(rest) < _UNSOLVED:
        raise FitFailed(f"scoring steps end {float(rest):.2g} above the minimum; expected less than {_UNSOLVED:g}")
    errors = np.sqrt(np.diag(np.linalg.inv(np.asarray(hessian))))
    names = likelihood.space.names
    return dict(zip(names, np.asarray(theta).tolist(), strict=True)), dict(zip(names, errors.tolist(), strict=True))


@eqx.filter_jit
def _scored(likelihood: DayaBayLikelihood, data: CountsData) -> tuple[Theta, Float[Array, "p p"], Scalar]:
    """The minimum, second derivatives there, and the distance to it that one more step would still go."""

    def step(_: Array, theta: Theta) -> Theta:
        at = likelihood.expand(theta, data)
        return theta - jnp.linalg.solve(at.curvature, at.gradient)

    theta = jax.lax.fori_loop(0, _STEPS, step, jnp.asarray(likelihood.space.starts))
    at, hessian = likelihood.expand(theta, data), jnp.asarray(likelihood.hessian(theta, data))
    return theta, hessian, 0.5 * at.gradient @ jnp.linalg.solve(hessian, at.gradient)


def _cells(row: ClosureRow) -> tuple[str, ...]:
    difference = f"{row.difference:+.2f}" + ("" if row.passed else " (!)")
    return (
        row.experiment,
        row.quantity,
        f"{row.published:.6g} +- {row.error:.2g}" if row.allowed != 1.0 else f"{row.published:.6g}",
        f"{row.ours:.6g}",
        difference,
        f"{row.allowed:g} x {row.error:.2g}",
        row.source,
    )


_CHECKS: tuple[tuple[str, str, Callable[[Path], list[ClosureRow]]], ...] = (
    ("rates", "", _rates),
    ("gallium", "", _gallium),
    ("Daya Bay", "", _daya_bay),
    ("spectra", "globesfit/numbers.npz (values of JMBerryman/GLoBESfit, arXiv:2005.01756)", _spectra),
    ("PROSPECT", "prospect/ (ancillary files of arXiv:2006.11210)", _prospect),
)
