"""Many variations of a response matrix: detector variations, each with random matrices of its simulation statistics."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key
from wilks.data.binning import AbstractBinning
from wilks.data.response_matrices import ResponseMatrices
from wilks.model.ensembles import LinearEnsemble
from wilks.model.response_model import response

from .counts import ResponseCounts
from .posterior import MatrixPosterior, words_of


@dataclass(frozen=True, eq=False)
class Member:
    """One detector variation in an ensemble.

    Args:
        matrices: its random matrices, or its raw matrix.
        mean: its mean matrix.
        columns: truth bins with simulated events.
        truth_values: weight of true events, over all truth bins.
        truth_entries: true events, over all truth bins.
        nuisance: truth bins without meaningful truth.
        weight: weight of the variation.
        name: what it is called, empty for its number.
    """

    matrices: Float[np.ndarray, "throws reco columns"]
    mean: Float[np.ndarray, "reco columns"]
    columns: Int[np.ndarray, " columns"]
    truth_values: Float[np.ndarray, " truth"]
    truth_entries: Int[np.ndarray, " truth"]
    nuisance: tuple[int, ...]
    weight: float
    name: str


@dataclass(frozen=True, eq=False)
class EnsembleBuilder:
    """Collects detector variations into one set of response matrices; each ``add`` returns a new builder.

    Nuisance columns of variation t are scaled by N_tj / max_t N_tj, the weight of their true events: templates of
    nuisance bins must be the maximum over the variations.

    Args:
        reco: bins of reconstructed quantities.
        truth: bins of true quantities.
        n_throws: random matrices per variation; 0 takes the raw matrix.
        key: random key of the throws; each variation has its own numbers, whatever else is added.
        members: variations added so far.

    Raises:
        InvalidOption: if throws are asked without a key.
    """

    reco: AbstractBinning
    truth: AbstractBinning
    n_throws: int = 0
    key: Key | None = None
    members: tuple[Member, ...] = ()
    _words: tuple[int, ...] = field(default=(), repr=False)  # of the key, asked for once

    def __post_init__(self) -> None:
        if self.n_throws < 0 or (self.n_throws > 0 and self.key is None):
            raise InvalidOption(f"{self.n_throws} throws with key {self.key}; give 0, or a number and a random key")
        if self.key is not None and not self._words:
            object.__setattr__(self, "_words", words_of(self.key))

    def add(self, counts: ResponseCounts, weight: float | int = 1.0, *, name: str = "") -> "EnsembleBuilder":
        """The builder with one more variation.

        Args:
            counts: its simulated events.
            weight: its weight, not negative.
            name: what it is called in results, such as ``"calibration up"``.

        Raises:
            InvalidData: naming the member, if its binnings, nuisance bins, weight or name do not fit.
        """
        self._check(counts, weight, name)
        columns, posterior = counts.filled, MatrixPosterior(counts)
        if self.key is None or not self.n_throws:
            matrices = counts.raw()[None, :, columns]
        else:
            random = np.random.default_rng([*self._words, len(self.members)])
            matrices = posterior.thrown(random, self.n_throws, columns)
        member = Member(
            matrices,
            posterior.mean()[:, columns],
            columns,
            counts.truth.values,
            counts.truth.entries,
            counts.nuisance,
            float(weight),
            name,
        )
        return replace(self, members=(*self.members, member))

    def matrices(self) -> ResponseMatrices:
        """All random (or raw) matrices as arrays.

        Raises:
            InvalidData: if there is no variation, or one lacks events in a truth bin that others fill.
        """
        return self._joined([member.matrices for member in self.members])

    def mean_matrices(self) -> ResponseMatrices:
        """The mean matrix of each variation.

        Raises:
            InvalidData: as for :meth:`matrices`.
        """
        return self._joined([member.mean[None] for member in self.members])

    def build(self, *, name: str = "truth") -> LinearEnsemble:
        """The matrices as a predictor of reconstructed counts, see :func:`wilks.model.response_model.response`.

        Args:
            name: beginning of the names of its parameters, the events in truth bins.
        """
        return response(self.matrices(), name=name)

    def _check(self, counts: ResponseCounts, weight: float | int, name: str) -> None:
        who = f"member {len(self.members)}" + (f" ({name})" if name else "")
        if name and name in (member.name for member in self.members):
            raise InvalidData(f"{who} has a name that is taken; give each its own")
        if counts.reco.binning != self.reco or counts.truth.binning != self.truth:
            raise InvalidData(f"{who} has other binnings than the ensemble")
        if self.members and counts.nuisance != self.members[0].nuisance:
            raise InvalidData(
                f"{who} has nuisance bins {list(counts.nuisance)}, member 0 has {list(self.members[0].nuisance)}"
            )
        if not (np.isfinite(weight) and weight >= 0):
            raise InvalidData(f"{who} has weight {weight}; weights are finite and not negative")

    def _joined(self, pieces: list[np.ndarray]) -> ResponseMatrices:
        if not self.members:
            raise InvalidData("the ensemble has no member; add response counts first")
        entries = np.max([member.truth_entries for member in self.members], axis=0)
        columns = np.flatnonzero(entries > 0)
        self._check_columns(columns)
        scale = self._nuisance_scale(columns)
        full = [np.zeros((*piece.shape[:2], len(columns))) for piece in pieces]
        for whole, piece, member, factors in zip(full, pieces, self.members, scale, strict=True):
            whole[:, :, np.searchsorted(columns, member.columns)] = piece
            whole *= factors
        weights = np.repeat([member.weight for member in self.members], [len(piece) for piece in pieces])
        return ResponseMatrices(
            np.concatenate(full), columns, entries, weights, self._names([len(piece) for piece in pieces])
        )

    def _names(self, throws: list[int]) -> tuple[str, ...]:
        """One name per matrix if any variation has one; those of several throws are numbered."""
        if not any(member.name for member in self.members):
            return ()
        names = [member.name or f"variation {number}" for number, member in enumerate(self.members)]
        return tuple(
            name if size == 1 else f"{name} [{throw}]"
            for name, size in zip(names, throws, strict=True)
            for throw in range(size)
        )

    def _check_columns(self, columns: np.ndarray) -> None:
        for number, member in enumerate(self.members):
            missing = np.setdiff1d(columns, [*member.columns, *member.nuisance]).tolist()
            if missing:
                raise InvalidData(
                    f"member {number} has no simulated events in truth bins {missing[:10]}, which other members fill; "
                    "fill up the truth with the same generated events in all"
                )

    def _nuisance_scale(self, columns: np.ndarray) -> np.ndarray:
        values = np.array([member.truth_values[columns] for member in self.members])
        largest = values.max(axis=0)
        scale = np.divide(values, largest, out=np.ones_like(values), where=largest > 0)
        return np.where(np.isin(columns, self.members[0].nuisance), scale, 1.0)
