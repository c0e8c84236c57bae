"""How a training run went: losses, rates, norms, snapshots and the flags a careful reader must see."""

import dataclasses
from dataclasses import dataclass
from typing import Any

_EARLY = 0.8  # a best snapshot before this part of the run speaks for overfitting


@dataclass(frozen=True)
class TrainingRecord:
    """Curves of one training run.

    Args:
        pairs: rows trained on.
        batch: rows per step.
        total: steps of the whole run.
        steps: last step of each segment.
        losses: mean training loss of each segment.
        norms: mean norm of the gradient in each segment.
        rates: learning rate at the end of each segment.
        snapshot_steps: steps at which the averaged weights were judged.
        held_out: loss on the held-out rows at each snapshot.
        chosen: step of the snapshot that was kept, 0 before the first.
        skipped: steps without finite loss or gradient, which changed nothing.
        seconds: wall time.
        flags: name -> sentence.
    """

    pairs: int
    batch: int
    total: int
    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    norms: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()
    snapshot_steps: tuple[int, ...] = ()
    held_out: tuple[float, ...] = ()
    chosen: int = 0
    skipped: int = 0
    seconds: float = 0.0
    flags: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def empty(cls, pairs: int, batch: int, total: int) -> "TrainingRecord":
        """The record of a run that has not begun."""
        return cls(pairs, batch, total)

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> "TrainingRecord":
        """The record that `plain` wrote."""
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**fields)

    def plain(self) -> dict[str, Any]:
        """The record as JSON values."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @property
    def done(self) -> int:
        """Steps made."""
        return self.steps[-1] if self.steps else 0

    def with_segment(self, step: int, loss: float, norm: float, rate: float, skipped: int) -> "TrainingRecord":
        """One more segment."""
        return dataclasses.replace(
            self,
            steps=(*self.steps, step),
            losses=(*self.losses, loss),
            norms=(*self.norms, norm),
            rates=(*self.rates, rate),
            skipped=skipped,
        )

    def with_snapshot(self, step: int, loss: float, chosen: bool) -> "TrainingRecord":
        """One more snapshot."""
        return dataclasses.replace(
            self,
            snapshot_steps=(*self.snapshot_steps, step),
            held_out=(*self.held_out, loss),
            chosen=step if chosen else self.chosen,
        )

    def at(self, seconds: float, total: int | None = None) -> "TrainingRecord":
        """The record after a wall time, and with a new length of the run where time decides."""
        return dataclasses.replace(self, seconds=seconds, total=self.total if total is None else total)

    def with_flag(self, name: str, sentence: str) -> "TrainingRecord":
        """The record with one more flag."""
        return dataclasses.replace(self, flags={**self.flags, name: sentence})

    def finished(self) -> "TrainingRecord":
        """The record of a run that has ended, with its flags."""
        flags = dict(self.flags)
        if self.snapshot_steps and self.chosen < _EARLY * self.snapshot_steps[-1]:
            flags["overfitting"] = (
                f"the best snapshot is that of step {self.chosen} of {self.done}; take more pairs, pairs='online', or "
                "dropout 0.1"
            )
        if self.skipped:
            flags["skipped_steps"] = f"{self.skipped} steps without a finite loss were skipped"
        return dataclasses.replace(self, flags=flags)
