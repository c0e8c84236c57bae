"""From a table of events to the columns that a source judges."""

from collections.abc import Callable, Sequence

import numpy as np

from wilks._base.errors import InvalidData
from wilks.data.events import Events

from .checks import check_accepted, check_efficiency, check_finite, check_places
from .evaluation import Evaluator
from .model import Model
from .settings import Options
from .volume import Cylinder


def prepare_columns(
    events: Events,
    evaluate: Evaluator,
    volume: Cylinder,
    options: Options,
    extend: Callable[[Events], Events],
) -> dict[str, np.ndarray]:
    """Check events and keep the columns that model functions take, with s1 and s2.

    Args:
        events: what the detector saw.
        evaluate: the model functions at the defaults of their parameters.
        volume: where and when events can happen.
        options: which checks are made.
        extend: adds derived columns.

    Raises:
        InvalidData: naming column, rows, and what was expected.
    """
    table, model = extend(events), evaluate.model
    needed = dict.fromkeys(["s1", "s2", *model.columns()])
    for name in needed:
        if name not in table:
            raise InvalidData(f"{events.source}: no column {name!r}, which {_user_of(model, name)} needs")
    columns = {name: check_finite(table, name) for name in needed}
    check_places(table, volume.drift_velocity, (volume.t_start, volume.t_stop), tuple(needed))
    if len(events):
        if options.check_acceptances:
            for name in ("s1_acceptance", "s2_acceptance"):
                check_accepted(table, name, evaluate(name, columns))
        if options.check_efficiencies:
            for name in ("electron_detection_eff", "photon_detection_eff"):
                check_efficiency(table, name, evaluate(name, columns))
    return columns


def _user_of(model: Model, column: str) -> str:
    users: Sequence[str] = [f.name for f in model.functions if column in f.columns]
    return f"model function {users[0]!r}" if users else "every source"
