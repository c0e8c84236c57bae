"""Puts the full prediction together from the release and the choices."""

import numpy as np
from jaxtyping import Float

from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease
from wilks.physics.oscillation.survival import AbstractSurvival

from .choices import Choices, fastest_splitting
from .constants import SECONDS_PER_DAY
from .derivatives import DETECTOR_GROUPS
from .flux_errors import flux_errors_of
from .layout import Layout
from .mesh import Mesh, Nodes, chebyshev_nodes, every_point, release_mesh
from .nuisances import background_columns, group_sizes, pull_parameters
from .prediction import NORMALISATION, FullPrediction, parameters_of
from .rates import rates_of, stacked
from .response import response_of
from .spectrum import correction_of, emitted

_ROUNDED_MEV = 0.005  # a tenth of a fine bin
_LOWEST_FACTOR = 1e-3  # of the spectrum, where knots are relative changes


def full_prediction(
    release: DayaBayRelease,
    choices: Choices,
    layout: Layout,
    edges_MeV: Float[np.ndarray, " edges"],
    knots_MeV: Float[np.ndarray, " knots"],
) -> FullPrediction:
    """Expected counts with every uncertain input.

    Args:
        release: the release.
        choices: how the analysis is done.
        layout: detectors and periods.
        edges_MeV: edges of the final bins.
        knots_MeV: knots of the spectrum.

    Raises:
        InvalidOption: for knots or edges that do not fit.
    """
    survival, mesh = choices.survival_model(), release_mesh()
    nodes = _nodes(mesh, choices, survival, knots_MeV, float(release.baselines_m.max()))
    spectra, response = emitted(release, mesh), response_of(release, edges_MeV, smoothing_MeV=_smoothing(choices))
    fading = fastest_splitting(survival) > 0.0
    folded = (nodes.fold(spectra.nonequilibrium), nodes.fold(spectra.spent_fuel))
    free = choices.spectrum == "free"
    names = tuple(f"dayabay_knot_{i:02d}" for i in range(len(knots_MeV))) if free else ()
    backgrounds, columns = _backgrounds(release, layout, choices.background_sigma)
    sizes = group_sizes(layout)
    shapes = release.background_shapes[layout.rows] @ response.rebinning.T
    return FullPrediction(
        _space(choices, survival, names, sizes),
        survival,
        correction_of(knots_MeV, nodes.energy_MeV, choices.correction, choices.correction_place) if free else None,
        names,
        rates_of(release, layout, nodes.energy_MeV, *folded, fading=fading),
        stacked(nodes.fold(spectra.main)),
        flux_errors_of(release, mesh, nodes, spectra.main),
        response,
        np.einsum("as,asb->ab", backgrounds, shapes),
        np.einsum("kas,asb->kab", columns, shapes),
        gather_matrix(layout),
        tuple(sizes.items()),
        choices.pulled,
    )


def gather_matrix(layout: Layout) -> Float[np.ndarray, "spectra pairs"]:
    """Which pairs each judged spectrum sums."""
    return (np.unique(layout.groups)[:, None] == layout.groups).astype(float)


def background_events(release: DayaBayRelease, layout: Layout) -> Float[np.ndarray, "pairs 5"]:
    """Expected events of each background per pair."""
    days = release.eff_livetime_s[layout.rows] / SECONDS_PER_DAY
    others = release.background_rates[layout.rows] * days[:, None]
    return np.concatenate([release.accidentals[layout.rows, None], others], axis=1)


def _smoothing(choices: Choices) -> float:
    """Fits cannot converge where derivatives jump: pulled inputs of the detectors need rounded edges."""
    return _ROUNDED_MEV if set(DETECTOR_GROUPS) & set(choices.pulled) else 0.0


def _nodes(mesh: Mesh, choices: Choices, survival: AbstractSurvival, knots_MeV: np.ndarray, longest_m: float) -> Nodes:
    if choices.integral == "mesh":
        return every_point(mesh)
    return chebyshev_nodes(mesh, knots_MeV, fastest_eV2=fastest_splitting(survival), longest_m=longest_m)


def _backgrounds(
    release: DayaBayRelease, layout: Layout, background_sigma: str
) -> tuple[Float[np.ndarray, "pairs 5"], Float[np.ndarray, "members pairs 5"]]:
    columns = background_columns(
        layout,
        release.eff_livetime_s[layout.rows] / SECONDS_PER_DAY,
        release.background_rates[layout.rows],
        release.background_errors[layout.rows],
        release.accidentals[layout.rows],
        background_sigma,
    )
    return background_events(release, layout), columns


def _space(
    choices: Choices, survival: AbstractSurvival, knots: tuple[str, ...], sizes: dict[str, int]
) -> ParameterSpace:
    lower = _LOWEST_FACTOR - 1.0 if choices.correction == "linear" else -np.inf
    shape = tuple(Parameter(name, 0.0, lower=lower) for name in knots)
    if not knots:
        shape = (Parameter(NORMALISATION, 1.0, lower=0.0),)
    pulls = tuple(p for group in choices.pulled for p in pull_parameters(group, sizes[group]))
    return ParameterSpace((*parameters_of(survival), *shape, *pulls))
