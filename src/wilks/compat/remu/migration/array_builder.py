"""Several response matrices, detector variations of one another, as one set of arrays."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidData
from wilks._base.typing import Key
from wilks.compat.remu.randomness import jax_key
from wilks.interchange.remu import write_response
from wilks.physics.response.ensembles import EnsembleBuilder

from .response_matrix import ResponseMatrix


class ResponseMatrixArrayBuilder:
    """Collects response matrices.

    Args:
        nstat: random matrices per response matrix; 0 takes the plain ratios.
        key: random key; by default drawn from numpy's global state when the first matrix is added.
    """

    def __init__(self, nstat: int, *, key: Key | int | None = None) -> None:
        self.nstat, self._key = nstat, key
        self._builder: EnsembleBuilder | None = None

    @property
    def nmatrices(self) -> int:
        """Response matrices added so far."""
        return 0 if self._builder is None else len(self._builder.members)

    def reset(self) -> None:
        """Forget all matrices."""
        self._builder = None

    def add_matrix(self, response_matrix: ResponseMatrix, weight: float | int = 1.0) -> None:
        """Add one variation.

        Args:
            response_matrix: its events, in the same bins as the others.
            weight: its weight.

        Raises:
            InvalidData: naming the member, if it does not fit the others.
        """
        counts = response_matrix.counts
        if self._builder is None:
            reco, truth = counts.reco.binning, counts.truth.binning
            self._builder = EnsembleBuilder(reco, truth, self.nstat, jax_key(self._key) if self.nstat else None)
        self._builder = self._builder.add(counts, weight)

    def get_filled_truth_indices(self) -> list[int]:
        """Data indices of truth bins that any matrix fills."""
        return np.flatnonzero(self.get_truth_entries_as_ndarray() > 0).tolist()

    def get_truth_entries_as_ndarray(self) -> Int[np.ndarray, " truth"]:
        """Largest number of simulated events in each truth bin."""
        return np.max([member.truth_entries for member in self._filled().members], axis=0)

    def get_random_response_matrices_as_ndarray(
        self,
    ) -> tuple[Float[np.ndarray, "variations reco filled"], Float[np.ndarray, " variations"]]:
        """Random (or plain) matrices of all variations, and their weights."""
        found = self._filled().matrices()
        return found.matrices, found.weights

    def get_mean_response_matrices_as_ndarray(
        self,
    ) -> tuple[Float[np.ndarray, "variations reco filled"], Float[np.ndarray, " variations"]]:
        """The mean matrix of each variation, and its weight."""
        found = self._filled().mean_matrices()
        return found.matrices, found.weights

    def export(self, filename: Any, compress: bool = False) -> None:
        """Write the random matrices for predictors.

        Args:
            filename: npz file.
            compress: make it smaller.
        """
        name = filename if str(filename).endswith(".npz") else f"{filename}.npz"
        write_response(name, self._filled().matrices(), compress=compress)

    def _filled(self) -> EnsembleBuilder:
        if self._builder is None:
            raise InvalidData("no matrix was added yet; call add_matrix first")
        return self._builder
