"""Where fits start: the points that the samplers give, and wide ones where parameters have no bounds."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .dimensions import Dimension, ParameterSpace

Points = Float[np.ndarray, "points parameters"]


def sampled_starts(
    space: ParameterSpace, independent: Sequence[Dimension], count: int, generator: np.random.Generator | None
) -> Points:
    """Random points of a space, in the order of the independent dimensions.

    Args:
        space: its samplers.
        independent: dimensions whose values are not computed from others.
        count: number of points.
        generator: for the default samplers; None for numpy's global generator.
    """
    drawn = [space.draw(generator) for _ in range(count)]
    return np.array([[point[d.name] for d in independent] for point in drawn]).reshape(count, len(independent))


def wide_starts(
    space: ParameterSpace, independent: Sequence[Dimension], count: int, generator: np.random.Generator
) -> Points:
    """Starts that reach far: uniform between bounds; where one is missing, half by the sampler and half over decades.

    The wide half is sign * u * 10^w with u from [0, 1), w from [-1, 1) and a random sign, reflected at a bound.

    Args:
        space: its samplers.
        independent: dimensions whose values are not computed from others.
        count: number of points.
        generator: draws everything that no sampler of the user draws.
    """
    starts = np.empty((count, len(independent)))
    wide = np.arange(count) >= count // 2
    for i, d in enumerate(independent):
        dimension = space[d.name]
        if not d.is_free:
            starts[:, i] = dimension.sample(generator)
        elif np.isfinite(d.lower) and np.isfinite(d.upper):
            starts[:, i] = generator.uniform(d.lower, d.upper, count)
        else:
            reach = generator.uniform(size=count) * 10.0 ** generator.uniform(-1.0, 1.0, count)
            far = reach * generator.choice([-1.0, 1.0], count)
            far = np.where(far < d.lower, 2.0 * d.lower - far, far) if np.isfinite(d.lower) else far
            far = np.where(far > d.upper, 2.0 * d.upper - far, far) if np.isfinite(d.upper) else far
            near = [dimension.sample(generator) for _ in range(count - int(wide.sum()))]
            starts[~wide, i], starts[wide, i] = near, far[wide]
    return starts


def generator_of(seed: int | None) -> np.random.Generator:
    """A generator from a seed; without one, from numpy's global generator, so that ``np.random.seed`` rules it."""
    return np.random.default_rng(global_number() if seed is None else seed)


def global_number() -> int:
    """A number from numpy's global generator, for a seed."""
    return int(np.random.randint(2**31 - 1))  # noqa: NPY002  scripts seed the global generator
