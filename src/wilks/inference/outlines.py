"""Curves around the part of a plane where a height tabulated on nodes is negative."""

import numpy as np
from contourpy import contour_generator
from jaxtyping import Bool, Float

Columns = Float[np.ndarray, " columns"]
Rows = Float[np.ndarray, " rows"]
Height = Float[np.ndarray, "columns rows"]


def outlines(x: Columns, y: Rows, height: Height, level: float = 0.0) -> tuple[Float[np.ndarray, "_ 2"], ...]:
    """Curves on which a height has a value, straight between nodes in the logarithm of positive axes."""
    transformed = [np.log(axis) if axis[0] > 0 else axis for axis in (x, y)]
    finite = np.nan_to_num(height, nan=1e6, posinf=1e6, neginf=-1e6)
    found = contour_generator(x=transformed[0], y=transformed[1], z=finite.T).lines(level)
    curves = []
    for line in found:
        points = np.asarray(line, dtype=float)
        columns = [np.exp(c) if axis[0] > 0 else c for c, axis in zip(points.T, (x, y), strict=True)]
        curves.append(np.stack([np.clip(c, axis[0], axis[-1]) for c, axis in zip(columns, (x, y), strict=True)], 1))
    return tuple(curves)


def on_edge(piece: Float[np.ndarray, "points 2"], x: Columns, y: Rows) -> Bool[np.ndarray, " points"]:
    """Which points of a curve lie on an edge of the plane."""
    close = [np.isclose(piece[:, k], end, rtol=1e-9) for k, axis in enumerate((x, y)) for end in (axis[0], axis[-1])]
    return np.any(close, axis=0)


def open_sides(inside: Bool[np.ndarray, "columns rows"], names: tuple[str, str]) -> list[str]:
    """The edges of the plane that a region reaches, in words."""
    edges = {
        f"the lowest {names[0]}": inside[0],
        f"the highest {names[0]}": inside[-1],
        f"the lowest {names[1]}": inside[:, 0],
        f"the highest {names[1]}": inside[:, -1],
    }
    return [name for name, nodes in edges.items() if nodes.any()]
