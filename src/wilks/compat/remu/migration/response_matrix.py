"""Response matrices filled in place, with the statistics of the engine behind them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from wilks._base.typing import Key
from wilks.compat.remu.binning.filling import fill_each, fill_each_from_csv
from wilks.compat.remu.binning.native import filled_binning
from wilks.compat.remu.binning.products import CartesianProductBinning
from wilks.compat.remu.randomness import generator
from wilks.data.product import Product
from wilks.interchange.remu import write_response
from wilks.physics.response.counts import ResponseCounts
from wilks.physics.response.posterior import MatrixPosterior
from wilks.physics.response.quality import in_bin_variation

from .accessors import AbstractAccessors


class ResponseMatrix(AbstractAccessors):
    """How true events are reconstructed, from simulated events in reco bins, truth bins and both.

    Args:
        reco_binning: bins of reconstructed quantities; filled with the matrix.
        truth_binning: bins of true quantities; filled with the matrix.
        nuisance_indices: data indices of truth bins without meaningful truth; their efficiency is 1.
        impossible_indices: data indices of reco bins that cannot be filled; their probability is 0.
        response_binning: product of the two, made when absent.
    """

    def __init__(
        self,
        reco_binning: Any,
        truth_binning: Any,
        nuisance_indices: Sequence[int] | None = None,
        impossible_indices: Sequence[int] | None = None,
        response_binning: Any = None,
    ) -> None:
        self.reco_binning, self.truth_binning = reco_binning, truth_binning
        if response_binning is None:
            parts = [reco_binning.clone(dummy=True), truth_binning.clone(dummy=True)]
            response_binning = CartesianProductBinning(parts)
        self.response_binning = response_binning
        self.nuisance_indices = list(nuisance_indices or [])
        self.impossible_indices = list(impossible_indices or [])

    @property
    def binnings(self) -> tuple[Any, Any, Any]:
        """Truth, reco and response."""
        return self.truth_binning, self.reco_binning, self.response_binning

    @property
    def filled_truth_indices(self) -> Int[np.ndarray, " filled"]:
        """Data indices of truth bins with simulated events."""
        return np.flatnonzero(self.truth_binning.entries_array > 0)

    @property
    def counts(self) -> ResponseCounts:
        """The simulated events as the engine takes them.

        Raises:
            InvalidData: if more is reconstructed in a truth bin than is true.
        """
        return self.counted()

    def counted(
        self, nuisance_indices: Sequence[int] | None = None, impossible_indices: Sequence[int] | None = None
    ) -> ResponseCounts:
        """The same with other nuisance and impossible bins."""
        reco, truth = self.reco_binning.contents(), self.truth_binning.contents()
        joint = Product((reco.binning, truth.binning)).contents(
            self.response_binning.value_array, self.response_binning.entries_array, self.response_binning.sumw2_array
        )
        nuisance = self.nuisance_indices if nuisance_indices is None else nuisance_indices
        impossible = self.impossible_indices if impossible_indices is None else impossible_indices
        return ResponseCounts(reco.binning, truth.binning, nuisance, impossible, contents=(reco, truth, joint))

    def fill(
        self, event: Any, weight: Any = 1, raise_error: bool = False, rename: Mapping[str, str] | None = None
    ) -> None:
        """Add reconstructed events to all three binnings."""
        fill_each(self.binnings, event, weight=weight, raise_error=raise_error, rename=rename)

    def fill_from_csv_file(self, *args: Any, **kwargs: Any) -> None:
        """Add reconstructed events of csv files to all three binnings."""
        fill_each_from_csv(self.binnings, *args, **kwargs)
        self._take_truth(self.counts)

    def fill_up_truth(self, *args: Any, **kwargs: Any) -> None:
        """Replace the truth by that of all generated events, where these are more."""
        full = self.truth_binning.clone()
        full.reset()
        full.fill(*args, **kwargs)
        self._fill_up(full)

    def fill_up_truth_from_csv_file(self, *args: Any, **kwargs: Any) -> None:
        """The same from csv files."""
        full = self.truth_binning.clone()
        full.reset()
        full.fill_from_csv_file(*args, **kwargs)
        self._fill_up(full)

    def reset(self) -> None:
        """Empty all three binnings."""
        for binning in self.binnings:
            binning.reset()

    def clone(self) -> "ResponseMatrix":
        """A copy with binnings of its own."""
        return self._on(self.reco_binning.clone(), self.truth_binning.clone(), self.response_binning.clone())

    def __add__(self, other: "ResponseMatrix") -> "ResponseMatrix":
        """Events of both; binnings, nuisance and impossible bins must be equal."""
        total = self.counts + other.counts
        new = self.clone()
        for binning, contents in zip(new.binnings, (total.truth, total.reco, total.joint), strict=True):
            binning.reset()
            binning.add_contents(contents)
        return new

    def get_response_matrix_as_ndarray(self, shape: Any = None, truth_indices: Any = None) -> np.ndarray:
        """Plain ratio of reconstructed to true weights."""
        return _shaped(self.counts.raw(), shape, truth_indices)

    def get_mean_response_matrix_as_ndarray(self, shape: Any = None, **kwargs: Any) -> np.ndarray:
        """Mean of the posterior.

        Args:
            shape: of the result.
            kwargs: ``expected_weight``, ``nuisance_indices``, ``impossible_indices``, ``truth_indices``.
        """
        posterior, truth_indices = self.posterior(**kwargs)
        return _shaped(posterior.mean(), shape, truth_indices)

    def get_statistical_variance_as_ndarray(self, shape: Any = None, **kwargs: Any) -> np.ndarray:
        """Variance of each element; arguments as for the mean."""
        posterior, truth_indices = self.posterior(**kwargs)
        return _shaped(posterior.variance(), shape, truth_indices)

    def get_in_bin_variation_as_ndarray(
        self, shape: Any = None, truth_indices: Any = None, normalize: bool = True, **kwargs: Any
    ) -> np.ndarray:
        """Largest difference to adjacent truth bins, in standard deviations if normalised; 0 without neighbours."""
        posterior, _ = self.posterior(**kwargs)
        return _shaped(in_bin_variation(posterior.counts, relative=normalize).variation, shape, truth_indices)

    def generate_random_response_matrices(
        self, size: Any = None, shape: Any = None, *, key: Key | int | None = None, **kwargs: Any
    ) -> np.ndarray:
        """Random matrices of the posterior.

        Args:
            size: number of matrices, or shape of an array of them; one without axis by default.
            shape: of each matrix.
            key: random key; by default drawn from numpy's global state.
            kwargs: as for the mean.
        """
        posterior, truth_indices = self.posterior(**kwargs)
        several = () if size is None else tuple(np.atleast_1d(size).tolist())
        thrown = posterior.thrown(generator(key), int(np.prod(several)), truth_indices)
        return thrown.reshape(*several, *(thrown.shape[1:] if shape is None else tuple(np.atleast_1d(shape))))

    def posterior(
        self,
        expected_weight: float | int = 1.0,
        nuisance_indices: Sequence[int] | None = None,
        impossible_indices: Sequence[int] | None = None,
        truth_indices: Any = None,
    ) -> tuple[MatrixPosterior, Any]:
        """Posterior of the whole matrix, and the columns asked for."""
        counts = self.counted(nuisance_indices, impossible_indices)
        chosen = None if truth_indices is None else np.asarray(truth_indices, dtype=np.int64)
        return MatrixPosterior(counts, float(expected_weight)), chosen

    def export(
        self,
        filename: Any,
        compress: bool = False,
        nstat: int | None = None,
        sparse: bool = True,
        *,
        key: Key | int | None = None,
    ) -> None:
        """Write the matrix for predictors.

        Args:
            filename: npz file.
            compress: make it smaller.
            nstat: number of random matrices; the mean matrix when absent.
            sparse: leave out truth bins without simulated events.
            key: random key; by default drawn from numpy's global state.
        """
        counts = self.counts
        if nstat is None:
            matrices = self.get_mean_response_matrix_as_ndarray()[None]
        else:
            matrices = self.generate_random_response_matrices(nstat, key=key)
        columns = counts.filled.tolist() if sparse else range(counts.shape[1])
        write_response(_npz(filename), counts.as_matrices(matrices, columns), compress=compress)

    def _on(self, reco: Any, truth: Any, response: Any) -> "ResponseMatrix":
        return ResponseMatrix(reco, truth, self.nuisance_indices, self.impossible_indices, response)

    def _fill_up(self, full: Any) -> None:
        self._take_truth(self.counts.fill_up_truth(full.contents()))

    def _take_truth(self, counts: ResponseCounts) -> None:
        self.truth_binning.reset()
        self.truth_binning.add_contents(counts.truth)


def response_matrix(counts: ResponseCounts) -> ResponseMatrix:
    """A response matrix with the given counts."""
    binnings = [filled_binning(contents) for contents in (counts.reco, counts.truth, counts.joint)]
    return ResponseMatrix(binnings[0], binnings[1], list(counts.nuisance), list(counts.impossible), binnings[2])


def _shaped(matrix: Float[np.ndarray, "reco truth"], shape: Any, truth_indices: Any) -> np.ndarray:
    chosen = matrix if truth_indices is None else matrix[:, truth_indices]
    return chosen.copy() if shape is None else chosen.reshape(shape)


def _npz(filename: Any) -> Any:
    """numpy adds the ending to names without it."""
    return filename if str(filename).endswith(".npz") else f"{filename}.npz"
