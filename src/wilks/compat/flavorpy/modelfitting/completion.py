"""From a frame of points to a frame of points with observables and chi-square, in one batched call."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.notices import notice
from wilks.physics.flavor.observables import QUARK_OBSERVABLES

from .batches import Columns, observables_of_points
from .figures_table import pandas
from .points import SCALE, check_complete, completed
from .posed import PosedModel, ScaleFinder
from .sets import ExperimentalData
from .single_point import matrix_at

TOTAL, PARTIAL = "chisq", "chisq_dimless"

_OBSERVABLES = (
    *("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "r", "m21^2", "m3l^2", "m1", "m2", "m3", "eta1", "eta2"),
    *("J", "Jmax", "Sum(m_i)", "m_b", "m_bb", "nscale", "alpha21/pi", "alpha31/pi"),
    *QUARK_OBSERVABLES,
)


def complete(
    posed: PosedModel,
    data: ExperimentalData,
    fitted: Sequence[str],
    frame: Any,
    scale: ScaleFinder | None,
) -> Any:
    """The frame with observables and ``chisq``, ascending; a ``chisq`` that it has becomes ``chisq_dimless``.

    Rows whose observables are no numbers stay, with an infinite chi-square; ``attrs["undefined_rows"]`` counts them,
    and ``attrs["flags"]`` says of how many rows each flag is up.

    Args:
        posed: the model.
        data: what the observables are compared with.
        fitted: names of the observables that count.
        frame: a DataFrame, or a dictionary of columns, with a column per parameter.
        scale: finds neutrino scales; None for the average.

    Raises:
        UnknownName: if a parameter has no column.
    """
    pd = pandas()
    frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    columns = _parameters(posed, frame)
    observables, flags = observables_of_points(posed, columns, scale)
    _refuse_failure(posed, columns, observables)
    chi2 = data.get_chisq(observables, fitted)
    undefined = ~np.isfinite(chi2)
    kept = frame.drop(columns=[name for name in frame.columns if name in (*_OBSERVABLES, *_old_total(frame))])
    kept = kept.rename(columns={TOTAL: PARTIAL})
    parts = [pd.Series(np.where(undefined, np.inf, chi2), index=frame.index, name=TOTAL, dtype=float), kept]
    made = pd.concat([*parts, pd.DataFrame(observables, index=frame.index)], axis=1)
    made = made.sort_values(by=TOTAL, kind="stable").reset_index(drop=True)
    made.attrs = {**frame.attrs, "undefined_rows": int(undefined.sum()), "flags": _counted(flags)}
    if undefined.any():
        notice(f"{int(undefined.sum())} of {len(undefined)} points have no chi-square (not a number); they stand last")
    return made


def _old_total(frame: Any) -> tuple[str, ...]:
    return (TOTAL,) if PARTIAL in frame.columns else ()


def _parameters(posed: PosedModel, frame: Any) -> Columns:
    known = {str(name) for name in frame.columns}
    needed = [d.name for d in posed.dimensions if d.name in known]
    columns: dict[str, Any] = {name: frame[name].to_numpy(dtype=float) for name in needed}
    if SCALE not in columns and posed.has_leptons and not posed.own_scale:
        columns[SCALE] = np.ones(len(frame))
    columns = completed(columns, posed.dimensions)
    check_complete(columns, posed.dimensions, "the frame")
    return columns


def _refuse_failure(posed: PosedModel, columns: Columns, observables: Columns) -> None:
    """If no point has any observable, call the mass matrices once more, so that they say what is wrong."""
    count = len(next(iter(columns.values()))) if columns else 0
    if not count or any(np.isfinite(column).any() for column in observables.values()):
        return
    first = {name: float(column[0]) for name, column in columns.items()}
    if all(np.isfinite(x) for x in first.values()):
        for kind, function in posed.matrices:
            matrix_at(function, kind, first)


def _counted(flags: dict[str, Float[np.ndarray, " points"] | Any]) -> dict[str, int]:
    return {name: int(np.sum(raised)) for name, raised in flags.items() if np.any(raised)}
