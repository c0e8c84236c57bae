"""Quantities derived from a fit or from posterior draws, with the spread that the parameters leave on them."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Float

from wilks._base.errors import InvalidOption, MissingExtra, UnknownName, near_names

from .numbers import number, percent, with_error
from .result import AbstractResult
from .text import Summary

_SHOWN_LEVEL = 0.6827


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Predictions(AbstractResult):
    """Predicted quantities for every draw of a posterior, or for the best values of a fit (one chain of one draw).

    Args:
        names: predicted quantities: their names, or ``bin 0``, ``bin 1``, ... of an array.
        values: predictions; NaN where a quantity is undefined.
        central: median over the draws; the prediction itself for a fit.
        error: standard deviation over the draws; for a fit sqrt(J C J^T), NaN if the fit has no covariance.
        parameters: names of the parameters.
        draws: values of the parameters behind each prediction.
        log_prob: logarithm of the posterior of each draw; for a fit that of the likelihood.
        of_fit: whether these are predictions of a fit.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "chains draws quantities"]
    central: Float[np.ndarray, " quantities"]
    error: Float[np.ndarray, " quantities"]
    parameters: tuple[str, ...]
    draws: Float[np.ndarray, "chains draws parameters"]
    log_prob: Float[np.ndarray, "chains draws"]
    of_fit: bool

    def __len__(self) -> int:
        return self.log_prob.size

    def __getitem__(self, name: str) -> Float[np.ndarray, " draws"]:
        """All values of a quantity or a parameter, one chain after the other.

        Raises:
            UnknownName: with the nearest names.
        """
        if name in self.names:
            return self.values[:, :, self.names.index(name)].ravel()
        if name in self.parameters:
            return self.draws[:, :, self.parameters.index(name)].ravel()
        known = (*self.names, *self.parameters)
        raise UnknownName(f"no prediction of {name!r}; {near_names(name, known)}")

    def quantiles(self, probabilities: Float[np.ndarray, " probabilities"]) -> Float[np.ndarray, "probabilities _"]:
        """Quantiles of every quantity over the draws where it is defined; NaN where it never is."""
        return np.stack([self._quantiles(i, probabilities) for i in range(len(self.names))], axis=1)

    def band(self, level: float = _SHOWN_LEVEL) -> tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]:
        """Lower and upper edge, per quantity, of the central region of the given probability.

        Equal-tailed quantiles of the draws; for a fit the value +- z errors.
        """
        if not 0.0 < level < 1.0:
            raise InvalidOption(f"level {level} must lie between 0 and 1, e.g. 0.6827 or 0.95")
        if self.of_fit:
            half = float(scipy.special.ndtri(0.5 + 0.5 * level)) * self.error
            return self.central - half, self.central + half
        lower, upper = self.quantiles(np.array([0.5 - 0.5 * level, 0.5 + 0.5 * level]))
        return lower, upper

    def undefined(self, name: str) -> int:
        """Number of draws for which a quantity is not defined."""
        return int(np.sum(~np.isfinite(self[name])))

    def to_dataframe(self) -> Any:
        """A pandas DataFrame: one row per draw with the parameters, the quantities and ``log_prob``.

        Raises:
            MissingExtra: if pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtra("pandas", "io") from None
        columns = {name: self[name] for name in dict.fromkeys((*self.parameters, *self.names))}
        return pd.DataFrame({**columns, "log_prob": self.log_prob.ravel()})

    def summary(self) -> Summary:
        """One row per quantity."""
        source = "a fit" if self.of_fit else f"{len(self)} draws"
        columns = ("quantity", "value", f"{percent(_SHOWN_LEVEL)} band", "undefined")
        lower, upper = self.band()
        rows = tuple(self._row(i, float(lower[i]), float(upper[i])) for i in range(len(self.names)))
        return Summary(f"Predictions of {source}", (self.how,), columns, rows, tuple(self.flags.items()))

    def _row(self, i: int, lower: float, upper: float) -> tuple[str, ...]:
        undefined = int(np.sum(~np.isfinite(self.values[:, :, i])))
        return (
            self.names[i],
            with_error(float(self.central[i]), float(self.error[i])),
            f"[{number(lower, 4)}, {number(upper, 4)}]",
            str(undefined) if undefined else "",
        )

    def _quantiles(self, i: int, probabilities: Float[np.ndarray, " probabilities"]) -> np.ndarray:
        column = self.values[:, :, i].ravel()
        defined = column[np.isfinite(column)]
        return np.quantile(defined, probabilities) if len(defined) else np.full(len(probabilities), np.nan)
