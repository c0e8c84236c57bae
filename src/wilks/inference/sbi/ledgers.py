"""Ledgers of rounds as text: every simulation, the part of the prior that was kept, acceptances with their errors."""

from collections.abc import Mapping, Sequence
from typing import Any

from wilks.results.numbers import number, with_error
from wilks.results.text import Summary

_COLUMNS = ("round", "simulated", "failed", "trained on", "prior mass", "accepted", "mass of q inside")


def ledger_summary(title: str, ledger: Sequence[Mapping[str, Any]], flags: Mapping[str, str]) -> Summary:
    """A network with one row per round of its simulations.

    Args:
        title: what was trained.
        ledger: its rounds; may be empty.
        flags: name -> sentence.
    """
    total = sum(line["simulated"] for line in ledger)
    sentences = (f"{total} simulations in {len(ledger)} round{'s' * (len(ledger) > 1)}",) if ledger else ()
    return Summary(title, sentences, _COLUMNS, tuple(_row(line) for line in ledger), tuple(flags.items()))


def _row(line: Mapping[str, Any]) -> tuple[str, ...]:
    resampled = " (resampled)" if line.get("resampled_proposal") else ""
    return (
        str(line["round"]),
        str(line["simulated"]),
        str(line["failed"]),
        str(line["trained_on"]),
        number(line["prior_mass"], 3),
        _share(line["accepted"], line.get("accepted_error")) + resampled,
        _share(line.get("inside"), line.get("inside_error")),
    )


def _share(share: float | None, error: float | None) -> str:
    return with_error(share, error) if share is not None and error else number(share, 4)
