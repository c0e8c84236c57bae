"""From measured values with Gaussian errors to one vector of independent numbers of unit variance, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidData, InvalidModel, UnknownName, near_names
from wilks._base.typing import LogProb, Theta

from .interface import AbstractLikelihood
from .joint import Joint
from .residuals import GaussianResiduals

_HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))

Path = tuple[str, ...]


class Whitening(eqx.Module):
    """How measured values of one likelihood, or of the parts of a joint, become independent and of unit variance.

    Args:
        paths: names that lead to each part; one empty path for a likelihood that is no joint.
        factors: per part, L^-1 of its covariance L L^T, or 1/sigma of independent values.
        roots: per part, L or sigma.
    """

    paths: tuple[Path, ...] = eqx.field(static=True)
    factors: tuple[Float[np.ndarray, "..."], ...]
    roots: tuple[Float[np.ndarray, "..."], ...]

    @classmethod
    def of(cls, likelihood: AbstractLikelihood) -> "Whitening":
        """The errors of residuals, alone or joined.

        Raises:
            InvalidModel: for likelihoods whose chi-square is not that of a fixed covariance.
        """
        found = list(gaussian_parts(likelihood))
        factors = tuple(_factor(path, part) for path, part in found)
        roots = tuple(1.0 / f if f.ndim == 1 else np.linalg.inv(f) for f in factors)
        return cls(tuple(path for path, _ in found), factors, roots)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each part."""
        return tuple(len(factor) for factor in self.factors)

    def turn(self, values: Float[Array, " cells"]) -> Float[Array, " cells"]:
        """Whiten a vector of all parts."""
        pieces = jnp.split(values, np.cumsum(self.sizes)[:-1])
        return jnp.concatenate([_apply(f, piece) for f, piece in zip(self.factors, pieces, strict=True)])

    def turn_many(self, values: Float[np.ndarray, "*rows cells"]) -> Float[np.ndarray, "*rows cells"]:
        """Whiten many vectors at once."""
        pieces = np.split(values, np.cumsum(self.sizes)[:-1], axis=-1)
        turned = [p * f if f.ndim == 1 else p @ f.T for f, p in zip(self.factors, pieces, strict=True)]
        return np.concatenate(turned, axis=-1)

    def vector(self, data: Any) -> Float[Array, " cells"]:
        """Whitened values of prepared data."""
        leaves = [jnp.asarray(_leaf(data, path)) for path in self.paths]
        return jnp.concatenate([_apply(f, leaf) for f, leaf in zip(self.factors, leaves, strict=True)])

    def data(self, vector: Float[Array, " cells"]) -> Any:
        """Data with the given whitened values, in the form that users hand them over."""
        pieces = jnp.split(vector, np.cumsum(self.sizes)[:-1])
        leaves = [_apply(root, piece) for root, piece in zip(self.roots, pieces, strict=True)]
        return _nested(self.paths, leaves)

    def prepare(self, data: Any) -> Any:
        """Data in the form that users hand them over, checked.

        Raises:
            InvalidData: naming the part and what was expected.
            UnknownName: for a part that does not exist.
        """
        _refuse_strangers(data, self.paths)
        sizes = self.sizes
        return _nested(self.paths, [_checked(data, path, size) for path, size in zip(self.paths, sizes, strict=True)])

    def log_norm(self) -> LogProb:
        """Logarithm of the density of data that equal their prediction."""
        widths = [jnp.log(f if f.ndim == 1 else jnp.diagonal(jnp.asarray(f))) for f in self.factors]
        return jnp.sum(jnp.concatenate(widths)) - _HALF_LOG_TWO_PI * sum(self.sizes)


def gaussian_parts(likelihood: AbstractLikelihood, path: Path = ()) -> Iterator[tuple[Path, GaussianResiduals]]:
    """The residuals that a likelihood consists of, with the names that lead to each.

    Raises:
        InvalidModel: if it holds anything else.
    """
    if isinstance(likelihood, Joint):
        for name in sorted(likelihood.parts):  # as JAX orders them inside compiled code
            yield from gaussian_parts(likelihood.parts[name], (*path, name))
    elif isinstance(likelihood, GaussianResiduals):
        yield path, likelihood
    else:
        what = f"part {'/'.join(path)!r}" if path else "the likelihood"
        raise InvalidModel(
            f"{what} is a {type(likelihood).__name__}; signals are tabulated from GaussianResiduals, Joints of them, "
            "or PoissonCounts without constraints; other likelihoods take the general procedures"
        )


def predicted(
    likelihood: AbstractLikelihood, theta: Theta | Float[np.ndarray, " parameters"]
) -> Float[Array, " cells"]:
    """Predictions of all parts at one point of the likelihood's space, not whitened."""
    values = likelihood.space.unpack(theta)
    parts = [part.predictor({n: values[n] for n in part.space.names}) for _, part in gaussian_parts(likelihood)]
    return jnp.concatenate(parts)


def _factor(path: Path, part: GaussianResiduals) -> np.ndarray:
    where = "/".join(path) or "the likelihood"
    if part.loss != "gaussian":
        raise InvalidModel(f"{where} has the loss {part.loss!r}; a signal needs the loss 'gaussian'")
    if part.whiten is not None:
        return np.asarray(part.whiten)
    if not np.array_equal(part.minus, part.plus):
        raise InvalidModel(f"{where} has unequal errors to both sides; symmetrise them for a signal")
    return 1.0 / np.asarray(part.plus)


def _apply(factor: np.ndarray | Array, piece: Array) -> Array:
    return piece * factor if factor.ndim == 1 else jnp.asarray(factor) @ piece


def _leaf(data: Any, path: Path) -> Any:
    for name in path:
        data = data[name]
    return data


def _nested(paths: tuple[Path, ...], leaves: list[Any]) -> Any:
    if paths == ((),):
        return leaves[0]
    tree: dict[str, Any] = {}
    for path, leaf in zip(paths, leaves, strict=True):
        inner = tree
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = leaf
    return tree


def _refuse_strangers(data: Any, paths: tuple[Path, ...]) -> None:
    if paths == ((),):
        return
    if not isinstance(data, Mapping):
        raise InvalidData(f"data of a joint are a mapping from part to its data, not a {type(data).__name__}")
    known = list(dict.fromkeys(path[0] for path in paths))
    for name in data:
        if name not in known:
            raise UnknownName(f"no part {name!r}; {near_names(name, known)}")
    for name in known:
        if name not in data:
            raise InvalidData(f"no data given for part {name!r}")
        inner = tuple(path[1:] for path in paths if path[0] == name)
        _refuse_strangers(data[name], inner)


def _checked(data: Any, path: Path, size: int) -> Float[np.ndarray, " cells"]:
    where = f"part {'/'.join(path)!r}: " if path else ""
    array = np.asarray(_leaf(data, path), dtype=float)
    if array.shape != (size,):
        raise InvalidData(f"{where}measured values of shape {array.shape}; expected ({size},)")
    if not np.isfinite(array).all():
        first = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InvalidData(f"{where}measured value {array[first]} at position {first} is not finite")
    return array
