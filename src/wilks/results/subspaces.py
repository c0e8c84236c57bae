"""Results on directions: the subspace in which a function changes, and correlations with all else held."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption

from .numbers import number, percent, with_error
from .result import AbstractResult
from .samples import Samples
from .text import Summary

_SHOWN_SHARE = 0.95


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ActiveSubspace(AbstractResult):
    """Directions in which a function changes most: eigenvectors of E[g g^T] over draws.

    g is the gradient per ``scales``, so that components compare between parameters of different units.

    Args:
        names: parameters.
        units: unit of each, empty for none.
        scale: what the scales are.
        scales: size of one step of each parameter, in its unit.
        mean: mean of the function over the draws.
        eigenvalues: mean squared slope along each direction, the largest first.
        errors: their standard errors.
        directions: one column per direction, of length 1 in units of the scales; its largest component is positive.
        draws: number of the draws.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    scale: str
    scales: Float[np.ndarray, " parameters"]
    mean: float
    eigenvalues: Float[np.ndarray, " parameters"]
    errors: Float[np.ndarray, " parameters"]
    directions: Float[np.ndarray, "parameters parameters"]
    draws: int

    def __len__(self) -> int:
        return len(self.eigenvalues)

    @property
    def shares(self) -> Float[np.ndarray, " parameters"]:
        """Share of all squared slopes along each direction; zeros for a constant function."""
        total = self.eigenvalues.sum()
        return self.eigenvalues / total if total > 0.0 else np.zeros(len(self))

    def dimension(self, share: float = _SHOWN_SHARE) -> int:
        """Fewest directions that hold a share of all squared slopes; 0 for a constant function.

        Raises:
            InvalidOption: for a share outside (0, 1].
        """
        if not 0.0 < share <= 1.0:
            raise InvalidOption(f"share {share} must lie in (0, 1]")
        if not self.eigenvalues.sum() > 0.0:
            return 0
        return min(int(np.searchsorted(np.cumsum(self.shares), share - 1e-12)) + 1, len(self))

    def direction(self, number: int) -> dict[str, float]:
        """Components of one direction by parameter, 0 for the most active.

        Raises:
            InvalidOption: for a number that does not exist.
        """
        if not 0 <= number < len(self):
            raise InvalidOption(f"direction {number} does not exist; choose 0 to {len(self) - 1}")
        return dict(zip(self.names, self.directions[:, number].tolist(), strict=True))

    def project(self, samples: Samples) -> Float[np.ndarray, "draws parameters"]:
        """Coordinates of draws along the directions, the most active first.

        Args:
            samples: draws of these parameters.
        """
        theta = np.stack([samples.values(name).ravel() for name in self.names], axis=1)
        return (theta / self.scales) @ self.directions

    def summary(self) -> Summary:
        """How many directions matter, and one row per direction."""
        columns = ("direction", "mean squared slope", "share", *self.names)
        rows = tuple(
            (
                str(k + 1),
                with_error(float(self.eigenvalues[k]), float(self.errors[k])),
                percent(round(float(self.shares[k]), 5)),
                *(f"{component:.3f}" for component in self.directions[:, k]),
            )
            for k in range(len(self))
        )
        steps = ", ".join(f"{n} {number(float(s), 3)}" for n, s in zip(self.names, self.scales, strict=True))
        sentences = (f"over {self.draws} draws, mean {number(self.mean)}", f"{self.scale}: {steps}", self.how)
        title = f"Active subspace: {self.dimension()} of {len(self)} directions hold {percent(_SHOWN_SHARE)}"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ConditionalCorrelation(AbstractResult):
    """Correlation of each two parameters with all others held: how they can make up for one another.

    Args:
        names: parameters.
        correlation: mean over the points at which the others were held; ones on the diagonal.
        spread: standard deviation over these points.
        points: number of the points.
    """

    names: tuple[str, ...]
    correlation: Float[np.ndarray, "parameters parameters"]
    spread: Float[np.ndarray, "parameters parameters"]
    points: int

    def of(self, one: str, two: str) -> float:
        """Correlation of two parameters by name."""
        return float(self.correlation[self.names.index(one), self.names.index(two)])

    def summary(self) -> Summary:
        """The matrix."""
        rows = tuple(
            (name, *(f"{value:.3f}" for value in row)) for name, row in zip(self.names, self.correlation, strict=True)
        )
        held = "one point" if self.points == 1 else f"{self.points} points, spread up to {number(self.spread.max(), 2)}"
        sentences = (f"each pair with all other parameters held, at {held}", self.how)
        return Summary(
            "Conditional correlation", sentences, ("parameter", *self.names), rows, tuple(self.flags.items())
        )
