"""How long a network trains and how fast it learns."""

import dataclasses
import math
from dataclasses import dataclass

from wilks._base.errors import InvalidOption

DEFAULT_STEPS = 15_000
WARM_UP = 0.02
"""Part of the steps over which the learning rate rises from zero."""
_MANY = 100_000  # pairs from which batches are larger
USUAL_BATCH, _LARGE_BATCH, _SMALLEST_BATCH = 256, 512, 32


@dataclass(frozen=True)
class Budget:
    """Length and pace of a training run; of several lengths the one reached first counts.

    Args:
        steps: optimiser steps; 15,000 if neither steps nor epochs nor seconds are given.
        epochs: passes over the training pairs.
        seconds: wall time, looked at between segments of about a second; such a run cannot be repeated bit for bit.
        batch: pairs per step; None for 256, or 512 from 100,000 pairs on, less where pairs are few.
        rate: highest learning rate; it rises from 0 over 2 % of the steps and falls as a cosine to ``final_rate``.
        final_rate: learning rate of the last step.
        clip: largest norm of a gradient.
        average: decay of the running average of the weights, reached by a ramp.
        held_out: part of the pairs that is not trained on and decides between snapshots.

    Raises:
        InvalidOption: for a budget that is not positive, or settings out of range.
    """

    steps: int | None = None
    epochs: float | None = None
    seconds: float | None = None
    batch: int | None = None
    rate: float = 1e-3
    final_rate: float = 1e-6
    clip: float = 5.0
    average: float = 0.999
    held_out: float = 0.05

    def __post_init__(self) -> None:
        for name in ("steps", "epochs", "seconds", "batch"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidOption(f"budget: {name} {value} must be positive")
        for name in ("rate", "final_rate", "clip"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InvalidOption(f"budget: {name} {getattr(self, name)} must be positive and finite")
        if not 0.0 <= self.average < 1.0 or not 0.0 < self.held_out < 0.5:
            raise InvalidOption(
                f"budget: average {self.average} must lie in [0, 1) and held_out {self.held_out} between 0 and 0.5"
            )

    def steps_for(self, per_epoch: int) -> int:
        """Steps of a run whose epochs have so many steps.

        Raises:
            InvalidOption: if the warm-up would not end.
        """
        lengths = [] if self.steps is None else [self.steps]
        if self.epochs is not None:
            lengths.append(math.ceil(self.epochs * per_epoch))
        if not lengths:
            lengths.append(DEFAULT_STEPS if self.seconds is None else 100 * DEFAULT_STEPS)
        steps = min(lengths)
        if steps < 10:
            raise InvalidOption(f"budget of {steps} steps is shorter than its warm-up; give at least 10")
        return steps

    def part(self, share: float) -> "Budget":
        """A share of this budget."""
        if self.steps is None and self.epochs is None and self.seconds is None:
            return dataclasses.replace(self, steps=round(share * DEFAULT_STEPS))
        return dataclasses.replace(
            self,
            steps=None if self.steps is None else max(10, round(share * self.steps)),
            epochs=None if self.epochs is None else share * self.epochs,
            seconds=None if self.seconds is None else share * self.seconds,
        )

    def batch_for(self, pairs: int) -> int:
        """Pairs per step out of so many for training.

        Raises:
            InvalidOption: if a batch of the wanted size does not exist.
        """
        if self.batch is not None:
            if self.batch > pairs:
                raise InvalidOption(f"budget: batch {self.batch} exceeds the {pairs} pairs to train on")
            return self.batch
        usual = _LARGE_BATCH if pairs >= 0.9 * _MANY else USUAL_BATCH
        return usual if pairs >= 20 * usual else min(max(_SMALLEST_BATCH, pairs // 20), pairs)


def rate_at(budget: Budget, part: float) -> float:
    """Learning rate after a part of the run, for records and plots."""
    if part < WARM_UP:
        return budget.rate * part / WARM_UP
    along = (part - WARM_UP) / (1.0 - WARM_UP)
    return budget.final_rate + 0.5 * (budget.rate - budget.final_rate) * (1.0 + math.cos(math.pi * along))
