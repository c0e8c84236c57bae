"""Frames of fits and chains, with what a careful reader wants to know of them in ``attrs``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import FitFailed, InvalidOption, UnknownName, near_names
from wilks._base.notices import notice

from .chains import ChainOfRow, ChainSettings, ProgressLine, reported, run_chain
from .dimensions import ParameterSpace
from .figures_table import pandas
from .fit_options import FitOptions
from .objective import Objective
from .points import check_complete, completed
from .posed import PosedModel, free_space
from .search import Found, search
from .single_point import matrix_at
from .starts import generator_of, global_number, sampled_starts, wide_starts

_ONCE = "only 1 of {} starts led to the lowest minimum; more extra_starts may find a lower one"


def fit_frame(objective: Objective, posed: PosedModel, space: ParameterSpace, points: int, options: FitOptions) -> Any:
    """Chi-square and parameters of the best ends of a global fit, ascending.

    ``attrs`` hold the distinct ``minima``, the number of ``starts``, of those that ``failed``, and ``flags`` in words.

    Raises:
        InvalidOption: for less than one point.
        FitFailed: if the chi-square is no number at any start.
    """
    if points < 1:
        raise InvalidOption(f"points = {points}; give at least 1")
    own_generator = None if options.seed is None else np.random.default_rng(options.seed)
    own = sampled_starts(space, posed.independent, points, own_generator)
    generator = own_generator or generator_of(None)
    extra = wide_starts(space, posed.independent, options.extra_starts, generator)
    found = search(objective, own, extra, options.stages, generator, rows=points * options.stages)
    _refuse_failure(posed, objective, own, found)
    frame = _frame(posed, objective, found.ends.theta)
    frame.insert(0, "chisq", found.ends.chi2)
    once = bool(found.minima) and found.minima[0]["hits"] == 1 and found.starts > 1
    flags = {"best_minimum_hit_once": _ONCE.format(found.starts)} if once else {}
    frame.attrs = {"minima": found.minima, "starts": found.starts, "failed": found.failed, "warnings": flags}
    return frame


def chain_frame(
    objective: Objective,
    posed: PosedModel,
    start: Any,
    held: tuple[str, ...],
    settings: ChainSettings,
    seed: int | None,
    *,
    shown: bool,
    complain: bool,
) -> Any:
    """Draws around each row of a frame; rows at which the density is zero are left out unless it is all of them.

    Raises:
        UnknownName: for a parameter to hold that does not exist, or one without a column.
        InvalidOption: for settings that make no sense.
    """
    pd = pandas()
    start = start if isinstance(start, pd.DataFrame) else pd.DataFrame(start)
    for name in held:
        if name not in objective.space:
            raise UnknownName(f"params_not_varied: no parameter {name!r}; {near_names(name, objective.space.names)}")
    space = free_space(posed, held)
    settings.sampler(len(space.free))
    centres = _centres(posed, start)
    seeds = np.random.SeedSequence(global_number() if seed is None else seed).generate_state(max(len(centres), 1))
    chains: list[ChainOfRow] = []
    failures: list[InvalidOption] = []
    for row, centre, number in zip(start.index, centres, seeds.tolist(), strict=False):
        try:
            chains.append(run_chain(objective, space, centre, settings, number, ProgressLine(row) if shown else None))
        except InvalidOption as error:
            failures.append(error)
            if complain:
                notice(f"mcmc_fit: row {row}: {error}")
    if failures and not chains:
        _call_matrices(posed, objective, centres[0])
        raise failures[0]
    theta = np.concatenate([chain.theta for chain in chains]) if chains else np.zeros((0, len(space)))
    frame = _frame(posed, objective, theta)
    frame.attrs = {**reported([chain.report for chain in chains]), "failed_rows": len(failures)}
    return frame


def _centres(posed: PosedModel, start: Any) -> Float[np.ndarray, "rows parameters"]:
    columns = {d.name: start[d.name].to_numpy(dtype=float) for d in posed.independent if d.name in start.columns}
    for d in posed.independent:
        if d.name == "n_scale" and d.name not in columns:
            columns[d.name] = np.ones(len(start))
    check_complete(columns, posed.independent, "the frame")
    return np.stack([columns[d.name] for d in posed.independent], axis=1)


def _frame(posed: PosedModel, objective: Objective, theta: Float[np.ndarray, "rows parameters"]) -> Any:
    """Columns of all parameters in the order of the space, the dependent ones computed."""
    columns = completed({name: theta[:, i] for i, name in enumerate(objective.space.names)}, posed.dimensions)
    return pandas().DataFrame({d.name: columns[d.name] for d in posed.dimensions})


def _refuse_failure(
    posed: PosedModel, objective: Objective, own: Float[np.ndarray, "points parameters"], found: Found
) -> None:
    if len(found.ends.chi2) and np.isfinite(found.ends.chi2[0]):
        return
    _call_matrices(posed, objective, own[0])
    point = ", ".join(f"{name} = {x:g}" for name, x in zip(objective.space.names, own[0], strict=True))
    raise FitFailed(
        f"the chi-square is no number at any of {found.starts} starts, the first of which is {point}", found
    )


def _call_matrices(posed: PosedModel, objective: Objective, theta: Float[np.ndarray, " parameters"]) -> None:
    """Call the mass matrices at a point, so that they say what is wrong."""
    point: Mapping[str, Any] = completed(
        dict(zip(objective.space.names, theta.tolist(), strict=True)), posed.dimensions
    )
    for kind, function in posed.matrices:
        matrix_at(function, kind, point)
