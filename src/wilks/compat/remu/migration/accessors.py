"""Contents of the three binnings of a response matrix as arrays, under the names that scripts use."""

import abc
from typing import Any

import numpy as np


class AbstractAccessors(abc.ABC):
    """Gets and sets contents of truth, reco and response binnings."""

    reco_binning: Any
    truth_binning: Any
    response_binning: Any

    @property
    @abc.abstractmethod
    def binnings(self) -> tuple[Any, Any, Any]:
        """Truth, reco and response."""

    def get_truth_values_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Sums of weights in truth bins."""
        return self.truth_binning.get_values_as_ndarray(shape, indices)

    def get_truth_entries_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Events in truth bins."""
        return self.truth_binning.get_entries_as_ndarray(shape, indices)

    def get_truth_sumw2_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Sums of squared weights in truth bins."""
        return self.truth_binning.get_sumw2_as_ndarray(shape, indices)

    def get_reco_values_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Sums of weights in reco bins."""
        return self.reco_binning.get_values_as_ndarray(shape, indices)

    def get_reco_entries_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Events in reco bins."""
        return self.reco_binning.get_entries_as_ndarray(shape, indices)

    def get_reco_sumw2_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Sums of squared weights in reco bins."""
        return self.reco_binning.get_sumw2_as_ndarray(shape, indices)

    def get_response_values_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Sums of weights in pairs of reco and truth bins."""
        return self.response_binning.get_values_as_ndarray(shape, indices)

    def get_response_entries_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Events in pairs of reco and truth bins."""
        return self.response_binning.get_entries_as_ndarray(shape, indices)

    def get_response_sumw2_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Sums of squared weights in pairs of reco and truth bins."""
        return self.response_binning.get_sumw2_as_ndarray(shape, indices)

    def set_truth_values_from_ndarray(self, arr: Any) -> None:
        """Set sums of weights in truth bins."""
        self.truth_binning.set_values_from_ndarray(arr)

    def set_truth_entries_from_ndarray(self, arr: Any) -> None:
        """Set events in truth bins."""
        self.truth_binning.set_entries_from_ndarray(arr)

    def set_truth_sumw2_from_ndarray(self, arr: Any) -> None:
        """Set sums of squared weights in truth bins."""
        self.truth_binning.set_sumw2_from_ndarray(arr)

    def set_reco_values_from_ndarray(self, arr: Any) -> None:
        """Set sums of weights in reco bins."""
        self.reco_binning.set_values_from_ndarray(arr)

    def set_reco_entries_from_ndarray(self, arr: Any) -> None:
        """Set events in reco bins."""
        self.reco_binning.set_entries_from_ndarray(arr)

    def set_reco_sumw2_from_ndarray(self, arr: Any) -> None:
        """Set sums of squared weights in reco bins."""
        self.reco_binning.set_sumw2_from_ndarray(arr)

    def set_response_values_from_ndarray(self, arr: Any) -> None:
        """Set sums of weights in pairs of reco and truth bins."""
        self.response_binning.set_values_from_ndarray(arr)

    def set_response_entries_from_ndarray(self, arr: Any) -> None:
        """Set events in pairs of reco and truth bins."""
        self.response_binning.set_entries_from_ndarray(arr)

    def set_response_sumw2_from_ndarray(self, arr: Any) -> None:
        """Set sums of squared weights in pairs of reco and truth bins."""
        self.response_binning.set_sumw2_from_ndarray(arr)
