"""How results of simulation-based inference were made: seed, digests and settings for the record."""

import time
from typing import Any

from wilks._base.digests import digest
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.inference.problem import Clock
from wilks.results.provenance import Provenance


def record(
    clock: Clock,
    procedure: str,
    *,
    key: Key | int | None = None,
    model: Any = None,
    data: Any = None,
    **settings: Any,
) -> Provenance:
    """Record of a procedure that ends now.

    Args:
        clock: when it began.
        procedure: its name.
        key: its seed or key.
        model: likelihood or simulator whose digest is kept.
        data: data whose digest is kept.
        settings: its options.
    """
    return Provenance.collect(
        seed=None if key is None else as_seed(key),
        model_digest="" if model is None else digest(model),
        data_digest="" if data is None else digest(data),
        settings={"procedure": procedure, **settings},
        started=clock.started,
        duration_s=time.perf_counter() - clock.seconds,
    )
