"""The sterile plane: nodes, and signals of studies tabulated on them."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from wilks._base.typing import Values
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.likelihood.signal_grids import SignalGrid
from wilks.likelihood.signals import AbstractSignal
from wilks.likelihood.tabulation import tabulate
from wilks.parameters.space import ParameterSpace
from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .experiment import Study
from .freezing import frozen, pulls_of
from .prospect import ProspectSpectra
from .spaces import PLANE


def sterile_grid(
    s: tuple[float | int, float | int, int] = (1e-3, 1.0, 60),
    dm2: tuple[float | int, float | int, int] = (0.1, 100.0, 120),
    *,
    longest_m_per_MeV: float | None = None,
) -> SignalGrid:
    """Nodes of the sterile plane, evenly spaced in the logarithms of sin^2 2theta_ee and dm2_41.

    Args:
        s: first value, last value and number of nodes of sin^2 2theta_ee.
        dm2: the same for dm2_41 in eV^2.
        longest_m_per_MeV: largest L/E at which oscillations count; the grid then knows its largest phase step,
            kappa x (largest step of dm2) x L/E. Without it `grid_signal` measures the step.

    >>> grid = sterile_grid((1e-2, 1, 3), (0.1, 10, 5))
    >>> [round(float(m), 3) for m in grid.shapes]
    [0.1, 0.316, 1.0, 3.162, 10.0]
    """
    grid = SignalGrid.logarithmic(PLANE, s, dm2)
    if longest_m_per_MeV is None:
        return grid
    step = PHASE_PER_EV2_M_MEV * float(np.diff(grid.shapes).max()) * longest_m_per_MeV
    return SignalGrid(PLANE, grid.amplitudes, grid.shapes, phase_step=step)


def grid_signal(
    study: Study,
    grid: SignalGrid,
    *,
    form: str = "auto",
    linearity: float = 0.05,
    space: ParameterSpace | None = None,
    at: Values | None = None,
    freeze_covariance: bool = False,
) -> AbstractSignal:
    """The signal of a study: its predictions tabulated once per node; see `tabulate`.

    PROSPECT enters with the observed totals of its prompt bins held. The largest phase step of the grid is measured
    where it is not known: half the angle between the whitened signals of neighbouring splittings, which counts
    oscillations as far as the data resolve them.

    Args:
        study: one experiment or several joined, with Gaussian residuals.
        grid: nodes of the plane, for example of `sterile_grid`.
        form: ``"auto"``, ``"linear"``, ``"rational"`` or ``"grid"``.
        linearity: largest accepted departure from the form, in standard deviations.
        space: which parameters are free and which are held; the study's own by default.
        at: values of nuisances around which they are linear; their starts by default.
        freeze_covariance: turn nuisances with auxiliary measurements into a covariance taken without a sterile
            neutrino, which is flagged and makes toys much faster; see `frozen`.

    Raises:
        InvalidModel: for a likelihood without Gaussian residuals, or a form that does not describe the prediction.
    """
    likelihood = with_held_totals(study.likelihood, study.data)
    names = pulls_of(likelihood) if freeze_covariance else ()
    if names:
        likelihood = frozen(likelihood)
        space = None if space is None else space.part(n for n in space.names if n not in names)
    signal = tabulate(likelihood, grid, form=form, linearity=linearity, space=space, at=at)
    if names:
        sentence = f"the effect of {', '.join(names)} is a covariance taken without a sterile neutrino"
        signal = replace(signal, flags=(*signal.flags, ("frozen_covariance", sentence)))
    if grid.phase_step is not None:
        return signal
    step = phase_step(signal)
    return replace(signal, grid=SignalGrid(grid.names, grid.amplitudes, grid.shapes, phase_step=step))


def phase_step(signal: AbstractSignal) -> float:
    """Largest change of the phase between neighbouring shapes in rad, where the signal is at least half its largest.

    For cos(2D) with phases D spread over many measured values, the angle between two whitened signals is twice the
    change of D; where path lengths and resolution wash oscillations out, the signal is small and does not count.
    """
    shapes = jnp.asarray(signal.grid.shapes)
    small = jnp.asarray(float(signal.grid.amplitudes[0]))
    moved = np.asarray(jax.vmap(lambda m: signal.main(small, m))(shapes))
    slopes = moved - np.asarray(jax.vmap(lambda m: signal.main(jnp.zeros(()), m))(shapes))
    sizes = np.linalg.norm(slopes, axis=1)
    seen = np.minimum(sizes[1:], sizes[:-1]) >= 0.5 * sizes.max()
    cosines = np.sum(slopes[1:] * slopes[:-1], axis=1) / np.maximum(sizes[1:] * sizes[:-1], 1e-300)
    angles = np.arccos(np.clip(cosines, -1.0, 1.0))
    return float(0.5 * np.max(angles[seen], initial=0.0))


def with_held_totals(likelihood: AbstractLikelihood, data: object) -> AbstractLikelihood:
    """The likelihood with every `ProspectSpectra` at the totals of the given data."""
    if isinstance(likelihood, ProspectSpectra):
        return likelihood.at_totals(np.asarray(data, dtype=float))
    if isinstance(likelihood, Joint) and isinstance(data, dict):
        return Joint({name: with_held_totals(part, data[name]) for name, part in likelihood.parts.items()})
    return likelihood
