"""Arithmetic text in names of parameters, such as "2*a + sqrt(b)": read by its syntax tree, never run as code."""

import ast
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from wilks._base.errors import InvalidParameter, near_names

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS = ("sqrt", "exp", "log", "sin", "cos", "tan", "abs")
_CONSTANTS = {"pi": np.pi}
_ALLOWED = f"numbers, names, + - * / **, {', '.join(_FUNCTIONS)} and pi"


@dataclass(frozen=True)
class Expression:
    """Arithmetic of other parameters.

    Args:
        text: numbers, names, ``+ - * / **``, the functions sqrt, exp, log, sin, cos, tan, abs, and ``pi``.

    Raises:
        InvalidParameter: for anything else; nothing is evaluated.

    >>> Expression("2*a + sqrt(b)").value({"a": 1.0, "b": 9.0})
    5.0
    """

    text: str

    def __post_init__(self) -> None:
        for node in ast.walk(self._tree):
            _check(node, self.text)

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that occur, sorted."""
        found = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}
        return tuple(sorted(found - {*_FUNCTIONS, *_CONSTANTS}))

    def value(self, values: Mapping[str, Any], library: ModuleType = np) -> Any:
        """Its value, as a float of floats.

        Args:
            values: numbers or arrays by name.
            library: numpy, or jax.numpy inside compiled code.
        """
        found = _evaluate(self._tree, values, library)
        return float(found) if isinstance(found, (int, float, np.floating)) else found

    @property
    def _tree(self) -> ast.expr:
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except SyntaxError as error:
            raise InvalidParameter(f"expression {self.text!r} is no arithmetic: {error.msg}; use {_ALLOWED}") from None


def in_order(expressions: Mapping[str, Expression], known: tuple[str, ...]) -> tuple[str, ...]:
    """Names of dependent parameters in an order in which each can be computed.

    Args:
        expressions: dependent parameter -> its expression.
        known: all parameters.

    Raises:
        InvalidParameter: for unknown names, or expressions that depend on one another in a circle.
    """
    for name, expression in expressions.items():
        for used in expression.names:
            if used not in known:
                raise InvalidParameter(
                    f"parameter {name!r} = {expression.text!r} uses {used!r}; {near_names(used, known)}"
                )
    order: list[str] = []
    while len(order) < len(expressions):
        ready = [
            n for n, e in expressions.items() if n not in order and not set(e.names) & (set(expressions) - {*order})
        ]
        if not ready:
            left = ", ".join(repr(name) for name in expressions if name not in order)
            raise InvalidParameter(f"parameters {left} depend on one another in a circle; give one of them a value")
        order += ready
    return tuple(order)


def _check(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Call):
        fine = isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        fine = fine and len(node.args) == 1 and not node.keywords
    elif isinstance(node, ast.Constant):
        fine = type(node.value) in (int, float)
    else:
        fine = isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, *_OPERATORS))
    if not fine:
        shown = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
        raise InvalidParameter(f"expression {text!r}: {shown!r} is not allowed; use {_ALLOWED}")


def _evaluate(node: ast.expr, values: Mapping[str, Any], library: ModuleType) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id] if node.id in values else _CONSTANTS[node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return getattr(library, node.func.id)(_evaluate(node.args[0], values, library))
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_evaluate(node.operand, values, library))
    if isinstance(node, ast.BinOp):
        left, right = (_evaluate(part, values, library) for part in (node.left, node.right))
        return _OPERATORS[type(node.op)](left, right)
    raise InvalidParameter(f"{ast.unparse(node)!r} is not allowed; use {_ALLOWED}")
