"""How a test is calibrated: by an asymptotic law, or by toys."""

import abc
from typing import Any

import equinox as eqx

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractSimulator


class AbstractCalibration(eqx.Module):
    """Where the distribution of a test statistic comes from."""

    @abc.abstractmethod
    def settings(self) -> dict[str, int | None]:
        """Number of toys and their seed, for the record."""


class Asymptotic(AbstractCalibration):
    """The law for large samples; no toys."""

    def settings(self) -> dict[str, int | None]:
        """No toys, no seed."""
        return {"toys": 0, "seed": None}


class ByToys(AbstractCalibration):
    """Simulated data, each fitted like the data.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``.
        toys: how many, at least 1.
        simulator: makes the toys; the likelihood itself if it can.
        executor: None, a number of processes, an executor, or a Dask client; see `wilks.execution`.
        progress: called with (done, total, failed, seconds).
        rtol: for limits, ends of intervals, `goodness_of_fit` and the ratios of `hypothesis_test`: double the toys
            until the Monte Carlo error of the limit, end or p-value is below this share of it.
        atol: the same with an absolute error, in the parameter's unit; if both are given, both must be met.
        most: largest number of toys that this may lead to.
        everywhere: for regions of two parameters: all toys at every node. By default nodes where the first 500 leave no
            doubt get no more.
    """

    key: Key | int
    toys: int = 1000
    simulator: AbstractSimulator | None = None
    executor: Any = eqx.field(static=True, default=None)
    progress: Progress | None = eqx.field(static=True, default=None)
    rtol: float | None = None
    atol: float | None = None
    most: int = 100_000
    everywhere: bool = False

    def settings(self) -> dict[str, int | None]:
        """Number of toys and their seed."""
        return {"toys": self.toys, "seed": as_seed(self.key)}

    def __check_init__(self) -> None:
        if self.toys < 1:
            raise InvalidOption(f"{self.toys} toys cannot calibrate anything; ask for at least 1")
        for name, value in (("rtol", self.rtol), ("atol", self.atol)):
            if value is not None and not value > 0:
                raise InvalidOption(f"{name} {value} must be positive")

    def enough(self, value: float, error: float) -> bool:
        """Whether a Monte Carlo error meets both tolerances; a tolerance that is not given is met."""
        return (self.rtol is None or error <= self.rtol * abs(value)) and (self.atol is None or error <= self.atol)
