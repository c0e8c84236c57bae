"""Credible intervals: where a parameter lies with a given posterior probability."""

import math
from collections.abc import Sequence
from typing import Literal

from wilks._base.errors import ProcedureFailed, check_option
from wilks.results.densities import Range
from wilks.results.intervals import Interval
from wilks.results.samples import Samples
from wilks.results.status import Status

_ENDS = {
    "hpd": "region of highest posterior density of the draws",
    "equal-tailed": "quantiles of the draws with equal probability beyond either end",
}


def credible_interval(
    samples: Samples,
    name: str,
    *,
    level: float = 0.6827,
    kind: Literal["hpd", "equal-tailed"] = "hpd",
    force: bool = False,
) -> Interval:
    """Interval of one parameter that holds a given posterior probability.

    Args:
        samples: posterior draws.
        name: the parameter.
        level: probability, in (0, 1).
        kind: ``"hpd"``: the shortest region, in pieces if the density has deep gaps; ``"equal-tailed"``: quantiles.
        force: also from draws that have not converged; the interval is then marked as failed.

    Returns:
        The interval; its best value is the mode (hpd) or the median (equal-tailed).

    Raises:
        ProcedureFailed: if the draws have not converged, unless ``force``.
    """
    check_option("kind", kind, tuple(_ENDS))
    if not samples.converged and not force:
        raise ProcedureFailed(f"{samples.verdict}; use force=True for an interval all the same", samples)
    hpd = kind == "hpd"
    pieces: Sequence[Range]
    pieces = samples.highest_density(name, level) if hpd else (samples.equal_tailed(name, level),)
    flags = {} if samples.converged else {"not_converged": samples.verdict}
    if len(pieces) > 1:
        flags["disconnected"] = f"the region of {name} has {len(pieces)} pieces"
    return Interval(
        name=name,
        unit=samples.units[samples.index(name)],
        level=level,
        method="posterior",
        lower=min(low for low, _ in pieces),
        upper=max(high for _, high in pieces),
        lower_open=False,
        upper_open=False,
        pieces=tuple(pieces),
        threshold=math.nan,
        best=samples.mode(name) if hpd else samples.median(name),
        residuals=(math.nan, math.nan),
        status=Status.OK if samples.converged else Status.FAILED,
        flags=flags,
        how=f"{_ENDS[kind]} ({samples.algorithm}, {len(samples)} draws)",
        provenance=samples.provenance,
    )
