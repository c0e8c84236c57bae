"""How a test is calibrated: by an asymptotic law, or by toys."""

from typing import Any

import equinox as eqx

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractSimulator


class AbstractCalibration(eqx.Module):
    """Where the distribution of a test statistic comes from."""

    toys: eqx.AbstractVar[int]
    seed: eqx.AbstractVar[int | None]


class Asymptotic(AbstractCalibration):
    """The law for large samples; no toys."""

    toys: int = eqx.field(default=0, init=False)
    seed: None = eqx.field(default=None, init=False)


class ByToys(AbstractCalibration):
    """Simulated data, each fitted like the data.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``.
        toys: how many, at least 1.
        simulator: makes the toys; the likelihood itself if it can.
        executor: None, a number of processes, an executor, or a Dask client; see `wilks.execution`.
        progress: called with (done, total, failed, seconds).
    """

    key: Key | int
    toys: int = 1000
    simulator: AbstractSimulator | None = None
    executor: Any = eqx.field(static=True, default=None)
    progress: Progress | None = eqx.field(static=True, default=None)

    @property
    def seed(self) -> int:
        """The seed of all toys."""
        return as_seed(self.key)

    def __check_init__(self) -> None:
        if self.toys < 1:
            raise InvalidOption(f"{self.toys} toys cannot calibrate anything; ask for at least 1")
