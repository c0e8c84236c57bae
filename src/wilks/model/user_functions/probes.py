"""Points at which a user's function is tried before it is trusted, and what they tell about it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Inexact

from wilks._base.errors import InvalidModel
from wilks.parameters.space import ParameterSpace
from wilks.parameters.spread import latin_hypercube, spread_points

from .calls import PlainFunction

PROBES = 3
_CANDIDATES = 24  # points tried to find as many at which the function is defined
_EXCHANGED = 8  # values tried for each parameter, to see whether it matters
_SEED = 20240501


class Probes(NamedTuple):
    """Points of a space with the function's results there."""

    theta: Float[np.ndarray, "probes parameters"]
    results: Inexact[np.ndarray, "probes *shape"]


def probe(plain: PlainFunction, space: ParameterSpace, shape: tuple[int, ...] | None) -> Probes:
    """Results at three points spread over the space, the same for every model with this space.

    Points at which the function is not defined (it raises, or gives a number that is not finite) are passed over.

    Raises:
        InvalidModel: if the shape of the result is wrong or changes, or equal calls differ.
        Exception: what the function raises, if it is not defined at three of 24 points.
    """
    generator = np.random.Generator(np.random.Philox(key=_SEED))
    uniforms = [latin_hypercube(generator, PROBES, len(space)) for _ in range(_CANDIDATES // PROBES)]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    first: Exception | None = None
    for theta in spread_points(space, np.concatenate(uniforms)):
        try:
            result = plain.at(theta)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:  # outside its domain, perhaps
            first = first or error
            continue
        _check(plain, theta, result, found[0][1].shape if found and shape is None else shape)
        found.append((theta, result))
        if len(found) == PROBES:
            break
    if len(found) < PROBES and first is not None:
        raise first
    if not np.array_equal(plain.at(found[0][0]), found[0][1]):
        raise InvalidModel(f"the function {plain.name!r} gives different results for equal parameters; make it pure")
    kind = complex if any(result.dtype.kind == "c" for _, result in found) else float
    return Probes(np.stack([theta for theta, _ in found]), np.stack([result for _, result in found]).astype(kind))


def _check(plain: PlainFunction, theta: np.ndarray, result: np.ndarray, shape: tuple[int, ...] | None) -> None:
    if shape is not None and result.shape != shape:
        raise InvalidModel(
            f"the function {plain.name!r} returns an array of shape {result.shape} at {plain.text(theta)}; "
            f"expected {shape}"
        )


def without_effect(plain: PlainFunction, space: ParameterSpace, probes: Probes) -> tuple[str, ...]:
    """Free parameters that change nothing at the probes when they alone take the values of other points."""
    generator = np.random.Generator(np.random.Philox(key=_SEED + 1))
    others = spread_points(space, latin_hypercube(generator, _EXCHANGED, len(space)))
    return tuple(
        parameter.name
        for i, parameter in enumerate(space.parameters)
        if parameter.is_free and not any(_matters(plain, i, value, probes) for value in others[:, i])
    )


def _matters(plain: PlainFunction, parameter: int, value: float, probes: Probes) -> bool:
    for theta, result in zip(probes.theta, probes.results, strict=True):
        moved = theta.copy()
        moved[parameter] = value
        try:
            if not np.array_equal(plain.at(moved), result):
                return True
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return True
    return False
