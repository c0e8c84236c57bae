"""Binned data in canonical form, and what all likelihoods of counts share: channels, bins, constraints."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidData, InvalidModel, UnknownName, near_names
from wilks._base.typing import Theta, Values
from wilks.model.ensembles import AbstractEnsemble
from wilks.model.predictor import AbstractLinearisedPredictor, AbstractPredictor, AbstractTemplatePredictor
from wilks.parameters.space import ParameterSpace

from .constraints import Constraints
from .interface import Cells

MeanAndJacobian = tuple[Float[Array, "terms cells"], Float[Array, "parameters terms cells"]]
"""Means of all cells, and their derivatives in all parameters."""

_EXACT_INTEGERS = 2**53


class CountsData(eqx.Module):
    """Observed counts with the auxiliary measurements that belong to them.

    Args:
        counts: counts of all bins, channel after channel.
        auxiliary: observed values of the constraint terms, in the likelihood's order.
        simulation: auxiliary data u of the finite simulation, per bin or per source and bin: 1 in data, fluctuated in
            toys; empty without template statistics, and where they scale nothing.
    """

    counts: Float[Array | np.ndarray, "*lanes bins"]
    auxiliary: Float[Array | np.ndarray, "*lanes constraints"]
    simulation: Float[Array | np.ndarray, "*lanes simulated"]


class BinnedLayout(eqx.Module):
    """What all likelihoods of counts share: the predictor, its constraint terms, and the form of the data."""

    predictor: AbstractPredictor
    constraints: Constraints
    channels: tuple[tuple[str, int], ...] = eqx.field(static=True)
    empty: np.ndarray  # bins in which nothing is ever expected

    @classmethod
    def of(cls, predictor: AbstractPredictor) -> "BinnedLayout":
        """Layout of a predictor's bins, checked at its start.

        Raises:
            InvalidModel: if the prediction is no vector of finite numbers.
        """
        start = np.asarray(predictor(predictor.space.unpack(predictor.space.starts)))
        if isinstance(predictor, AbstractTemplatePredictor):
            channels, terms = predictor.bin_names, predictor.auxiliary
        else:
            channels, terms = (("main", start.size),), ()
        if isinstance(predictor, AbstractEnsemble) and start.ndim == 2:
            raise InvalidModel(
                f"the predictor gives {len(start)} weighted variations; EnsembleCounts judges them, averaged or at the "
                "best one"
            )
        if start.ndim != 1 or start.size == 0:
            raise InvalidModel(f"the predictor gives shape {start.shape} at its start; expected a vector of bins")
        if not np.isfinite(start).all():
            where = _place(channels, int(np.flatnonzero(~np.isfinite(start))[0]))
            raise InvalidModel(f"the predictor gives a value that is not finite in {where} at its start")
        probe = np.asarray(predictor(predictor.space.unpack(_off_zero(predictor.space))))
        return cls(predictor, Constraints.of(terms, predictor.space), channels, (start == 0) & (probe == 0))

    @property
    def bins(self) -> int:
        """Number of bins of all channels."""
        return sum(size for _, size in self.channels)

    def with_constraints(self, main: Float[Array, "terms bins"], theta: Theta) -> Float[Array, "terms cells"]:
        """Means of the bins, then of the constraint terms."""
        if not len(self.constraints):
            return main
        extra = jnp.zeros((main.shape[0], len(self.constraints))).at[0].set(self.constraints.mean(theta))
        return jnp.concatenate([main, extra], axis=1)

    def linearised(self, values: Values) -> MeanAndJacobian | None:
        """Means of all cells with their Jacobian in closed form; None if the predictor does not know it."""
        if not isinstance(self.predictor, AbstractLinearisedPredictor):
            return None
        theta = self.predictor.space.pack(values)
        counts, jacobian = self.predictor.linearised(values)
        terms = np.zeros((len(theta), len(self.constraints)))
        terms[list(self.constraints.indices), np.arange(len(self.constraints))] = 1.0
        mean = self.with_constraints(counts[None], theta)
        return mean, jnp.concatenate([jacobian, jnp.asarray(terms)], axis=1)[:, None]

    def bent(self, values: Values, slope: Float[Array, "terms cells"]) -> Float[Array, "parameters parameters"]:
        """Second derivatives of the means of all cells, summed with these weights, where `linearised` knows the first.

        Constraints are of the parameters themselves, and add nothing.
        """
        assert isinstance(self.predictor, AbstractLinearisedPredictor)
        return self.predictor.bent(values, slope[0, : self.bins])

    def judge_constraints(self, main: Cells, mean: Float[Array, "terms cells"], data: CountsData) -> Cells:
        """Cells of the bins followed by those of the constraint terms."""
        if not len(self.constraints):
            return main
        terms = mean.shape[0]
        extra = self.constraints.judge(mean[0, self.bins :], jnp.asarray(data.auxiliary))
        pad = ((0, terms - 1), (0, 0))
        square = ((0, terms - 1), (0, terms - 1), (0, 0))
        extra = Cells(
            extra.excess,
            jnp.pad(extra.slope, pad),
            jnp.pad(extra.expected, square),
            jnp.pad(extra.observed, square),
            extra.inside,
        )
        return jax.tree.map(lambda x, y: jnp.concatenate([x, y], axis=-1), main, extra)

    def prepare(self, data: Any, *, scales: int, integer: bool) -> CountsData:
        """Data as a user hands them over in canonical form, checked; simulated and Asimov data may be fractional."""
        auxiliary: Any = None
        simulation: Any = None
        if isinstance(data, CountsData):
            counts, auxiliary, simulation, integer = data.counts, data.auxiliary, data.simulation, False
        elif isinstance(data, Mapping) and set(data) <= {"counts", "auxiliary"} and "counts" in data:
            counts, auxiliary = _join(self, data["counts"]), _auxiliary(self, data.get("auxiliary"))
        else:
            counts = _join(self, data)
        counts = _check_counts(self, counts, integer)
        if auxiliary is None:
            auxiliary = self.constraints.observed
        auxiliary = _finite_vector("auxiliary data", auxiliary, len(self.constraints))
        if simulation is None or (isinstance(data, CountsData) and np.size(simulation) != scales):
            simulation = np.ones(scales)
        return CountsData(counts, auxiliary, _finite_vector("auxiliary data of the simulation", simulation, scales))


def _join(layout: BinnedLayout, data: Any) -> Any:
    """One vector of counts from a vector, a histogram, or a mapping channel -> either of them."""
    if not isinstance(data, Mapping):
        return _contents(data)
    names = [name for name, _ in layout.channels]
    for name in data:
        if name not in names:
            raise UnknownName(f"no channel {name!r}; {near_names(name, names)}")
    for name in names:
        if name not in data:
            raise InvalidData(f"no counts given for channel {name!r}; the channels are {', '.join(names)}")
    parts = [np.asarray(_contents(data[name])) for name in names]
    for (name, size), part in zip(layout.channels, parts, strict=True):
        if part.shape != (size,):
            raise InvalidData(f"channel {name!r}: counts of shape {part.shape}; expected ({size},)")
    return np.concatenate(parts)


def _auxiliary(layout: BinnedLayout, given: Any) -> np.ndarray | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return np.asarray(given, dtype=float)
    observed = layout.constraints.observed.copy()
    names = layout.constraints.parameters
    for name, value in given.items():
        if name not in names:
            raise UnknownName(f"no auxiliary measurement of {name!r}; {near_names(name, names)}")
        observed[names.index(name)] = value
    return observed


def _check_counts(layout: BinnedLayout, counts: Any, integer: bool) -> np.ndarray:
    array = _real_vector(counts)
    if array.shape != (layout.bins,):
        raise InvalidData(f"counts of shape {array.shape}; expected ({layout.bins},), one per bin")
    usual = array.min() >= 0 and array.max() < np.inf and not (integer and (array != np.round(array)).any())
    if usual and not (layout.empty & (array > 0)).any():
        return array
    for bad, sentence in (
        (~np.isfinite(array), "is not finite"),
        (array < 0, "is negative; counts cannot be"),
        (integer & (array != np.round(array)), "is not whole; round it, or allow it with integer=False"),
        (layout.empty & (array > 0), "is observed where no sample expects anything"),
    ):
        if np.any(bad):
            where = int(np.flatnonzero(bad)[0])
            raise InvalidData(f"count {array[where]:g} in {_place(layout.channels, where)} {sentence}")
    return array


def _contents(data: Any) -> Any:
    """Values of a histogram (anything with a method ``values``), or the thing itself."""
    values = getattr(data, "values", None)
    return values() if callable(values) else data


def _real_vector(data: Any) -> np.ndarray:
    """A float64 vector without loss.

    Raises:
        InvalidData: for masked, object or complex arrays, and integers that float64 cannot hold.
    """
    if isinstance(data, np.ma.MaskedArray):
        raise InvalidData("counts are a masked array; fill or drop the masked bins first")
    array = np.asarray(data)
    if array.dtype.kind not in "fiub":
        raise InvalidData(f"counts of type {array.dtype} are no real numbers; convert them first")
    if array.dtype.kind in "iu" and array.size and int(np.abs(array).max()) > _EXACT_INTEGERS:
        raise InvalidData("counts above 2^53 cannot be held exactly in double precision")
    return np.ascontiguousarray(array, dtype=np.float64)


def _finite_vector(what: str, data: Any, size: int) -> np.ndarray:
    array = np.asarray(data, dtype=float)
    if array.shape != (size,):
        raise InvalidData(f"{what} of shape {array.shape}; expected ({size},)")
    if size and not np.isfinite(array).all():
        where = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InvalidData(f"{what}: value {array[where]} at position {where} is not finite")
    return array


def _place(channels: tuple[tuple[str, int], ...], index: int) -> str:
    for name, size in channels:
        if index < size:
            return f"bin {index} of channel {name!r}"
        index -= size
    return f"bin {index}"


def _off_zero(space: ParameterSpace) -> np.ndarray:
    """A point near the starts at which no norm is zero by accident."""
    shifted = np.where(space.starts == 0, 0.37, space.starts * 0.93)
    return np.where(space.free_mask, np.clip(shifted, space.lowers, space.uppers), space.starts)
