"""Expressions on columns, such as ``"sqrt(px**2 + py**2) > 25"``: a small language of its own that runs no code."""

import ast
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidData, InvalidOption

from .events import Events, Ragged

_LONGEST = 10_000  # characters
_DEEPEST = 100  # levels of operators and calls
_INT64 = 2**63

_ARITHMETIC: Mapping[type[ast.operator], np.ufunc] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_LOGIC: Mapping[type[ast.operator], np.ufunc] = {ast.BitAnd: np.logical_and, ast.BitOr: np.logical_or}
_COMPARISONS: Mapping[type[ast.cmpop], np.ufunc] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_OF_ONE: Mapping[str, np.ufunc] = {"abs": np.abs, "sqrt": np.sqrt, "log": np.log, "exp": np.exp}
_OF_TWO: Mapping[str, np.ufunc] = {"min": np.minimum, "max": np.maximum}
_REDUCTIONS = ("min", "max", "sum", "any", "all")

FUNCTIONS = ("abs", "sqrt", "log", "exp", "min", "max", "where", "sum", "any", "all")
"""All functions of the language; ``np.`` or ``numpy.`` before the name is allowed."""


@dataclass(frozen=True)
class Expression:
    """A checked expression: the columns it needs, and a function of events.

    It has numbers, column names, ``+ - * / // % **``, comparisons (also chains such as ``80 < m < 250``), ``& | ~`` on
    conditions, brackets, and ``abs sqrt log exp min max where``. Arithmetic and comparisons are in float64
    whatever the columns hold; whole numbers are compared exactly.
    Functions of jagged columns work value by value; ``min max sum any all`` of one jagged column give one number per
    event.

    Build it with :meth:`parse`.

    Args:
        text: what was parsed.
        columns: columns it needs, in order of appearance.
        tree: its parsed form, of which every node was checked.

    >>> ratio = Expression.parse("where(n > 0, 100 * passed / n, 0)")
    >>> ratio.columns
    ('n', 'passed')
    >>> ratio.values(Events({"n": np.array([4, 0]), "passed": np.array([1, 0])})).tolist()
    [25.0, 0.0]
    """

    text: str
    columns: tuple[str, ...]
    tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "Expression":
        """Check an expression.

        Args:
            text: at most 10,000 characters; line breaks are spaces.

        Raises:
            InvalidOption: naming the first token outside the language.
        """
        tree = _parsed(text)
        columns: dict[str, None] = {}
        _check(tree, text, columns, 1)
        return cls(text, tuple(columns), tree)

    def __call__(self, events: Events) -> Any:
        """What it gives for events: numbers or conditions, one per event, several (``Ragged``), or one for all.

        Raises:
            UnknownName: if the events lack a column.
            InvalidData: if numbers stand where conditions are needed, or jagged columns do not fit together.
        """
        with np.errstate(all="ignore"):  # what is not finite is found where it is used
            try:
                return _evaluated(self.tree, events)
            except InvalidData as wrong:
                raise InvalidData(f"expression {_short(self.text)!r}: {wrong}") from None

    def values(self, events: Events) -> Float[np.ndarray, " events"]:
        """One number per event; conditions count as 0 and 1.

        Raises:
            InvalidData: if it gives several numbers per event.
        """
        return np.broadcast_to(_real(self._one_per_event(events)), (len(events),))

    def mask(self, events: Events) -> Bool[np.ndarray, " events"]:
        """One condition per event.

        Raises:
            InvalidData: if it gives numbers, or several conditions per event.
        """
        found = self._one_per_event(events)
        if not _is_condition(found):
            raise InvalidData(f"expression {_short(self.text)!r} gives numbers; compare them to select events")
        return np.broadcast_to(np.asarray(found), (len(events),))

    def _one_per_event(self, events: Events) -> Any:
        found = self(events)
        if isinstance(found, Ragged):
            raise InvalidData(
                f"expression {_short(self.text)!r} gives several values per event; "
                f"make one of them with {', '.join(_REDUCTIONS)}"
            )
        return found


# Checks ---------------------------------------------------------------------------------------------------------------


def _parsed(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise InvalidOption(f"expression of {len(text)} characters; at most {_LONGEST} are read")
    if "#" in text:  # a comment would hide what follows it
        _refuse("#", text, "comments are not part of an expression")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on texts that are refused below
            return ast.parse(_one_line(text), mode="eval").body
    except SyntaxError as wrong:
        place = f" at character {wrong.offset}" if wrong.offset else ""
        raise InvalidOption(f"expression {_short(text)!r}: {_short(wrong.msg)}{place}") from None
    except (ValueError, RecursionError, MemoryError):
        raise InvalidOption(f"expression {_short(text)!r} cannot be read; write it shorter") from None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check(node: ast.expr, text: str, columns: dict[str, None], depth: int) -> None:
    """Refuse whatever is not in the language; collect column names."""
    if depth > _DEEPEST:
        raise InvalidOption(f"expression {_short(text)!r} is nested deeper than {_DEEPEST} levels; write it shorter")
    match node:
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int() | float() as number):
            if abs(number) > sys.float_info.max:
                _refuse(_token(node, text), text, "this number is too large")
            return
        case ast.Name(id=name):
            columns[name] = None
            return
        case ast.BinOp(op=operator):
            if type(operator) not in _ARITHMETIC and type(operator) not in _LOGIC:
                _refuse(_token(node, text), text, "operators are + - * / // % ** & |")
            parts = [node.left, node.right]
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() | ast.Invert()):
            parts = [node.operand]
        case ast.Compare():
            if not all(type(operator) in _COMPARISONS for operator in node.ops):
                _refuse(_token(node, text), text, "comparisons are < <= > >= == !=")
            parts = [node.left, *node.comparators]
        case ast.Call():
            parts = _arguments(node, text)
        case ast.BoolOp() | ast.UnaryOp():
            _refuse(_token(node, text), text, "write & | ~ for and, or, not, with each comparison in brackets")
        case ast.IfExp():
            _refuse(_token(node, text), text, "write where(condition, a, b)")
        case ast.Attribute():
            _refuse(_token(node, text), text, "attributes are not part of an expression")
        case _:
            _refuse(_token(node, text), text, "expressions have numbers, columns, operators and functions only")
    for part in parts:
        _check(part, text, columns, depth + 1)


def _arguments(node: ast.Call, text: str) -> list[ast.expr]:
    name, known = _function_name(node), ", ".join(FUNCTIONS)
    if name is None:
        _refuse(_token(node.func, text), text, f"this call is not allowed; functions are {known}")
    if node.keywords:
        _refuse(_token(node, text), text, "arguments have no names")
    allowed = (3,) if name == "where" else (1, 2) if name in _OF_TWO else (1,)
    if len(node.args) not in allowed:
        expected = " or ".join(map(str, allowed))
        _refuse(_token(node, text), text, f"{name} takes {expected} arguments, not {len(node.args)}")
    return node.args


def _function_name(node: ast.Call) -> str | None:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name) if name in FUNCTIONS:
            return name
    return None


def _token(node: ast.AST, text: str) -> str:
    return ast.get_source_segment(_one_line(text), node) or type(node).__name__


def _refuse(token: str, text: str, reason: str) -> NoReturn:
    raise InvalidOption(f"expression {_short(text)!r}: {_short(token)!r}: {reason}")


def _short(text: str) -> str:
    line = _one_line(text)
    return line if len(line) <= 80 else line[:77] + "..."


# Evaluation -----------------------------------------------------------------------------------------------------------


def _evaluated(node: ast.expr, events: Events) -> Any:
    match node:
        case ast.Constant(value=bool() as condition):
            return np.bool_(condition)
        case ast.Constant(value=int() | float() as number):
            return float(number) if abs(number) >= _INT64 else number
        case ast.Name(id=name):
            return events[name]
        case ast.BinOp(op=operator):
            left, right = _evaluated(node.left, events), _evaluated(node.right, events)
            if type(operator) in _ARITHMETIC:
                return _ARITHMETIC[type(operator)](_real(left), _real(right))
            return _LOGIC[type(operator)](_condition(left, node.left), _condition(right, node.right))
        case ast.UnaryOp(op=ast.Invert()):
            return np.logical_not(_condition(_evaluated(node.operand, events), node.operand))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)) if not isinstance(number, bool):
            return -_evaluated(node.operand, events)  # a whole number stays one
        case ast.UnaryOp(op=operator):
            operand = _real(_evaluated(node.operand, events))
            return np.negative(operand) if isinstance(operator, ast.USub) else operand
        case ast.Compare():
            sides = [_comparable(_evaluated(side, events)) for side in (node.left, *node.comparators)]
            pairs = zip(node.ops, sides, sides[1:], strict=False)
            return _all([_COMPARISONS[type(operator)](left, right) for operator, left, right in pairs])
        case ast.Call():
            return _called(_function_name(node) or "", [_evaluated(a, events) for a in node.args], node)
    raise AssertionError(f"{type(node).__name__} passed the checks")


def _all(conditions: list[Any]) -> Any:
    result = conditions[0]
    for condition in conditions[1:]:
        result = np.logical_and(result, condition)
    return result


def _called(name: str, arguments: list[Any], node: ast.Call) -> Any:
    if name == "where":
        return _where(_condition(arguments[0], node.args[0]), *map(_real, arguments[1:]))
    if name in _OF_ONE:
        return _OF_ONE[name](_real(arguments[0]))
    if len(arguments) == 2:
        return _OF_TWO[name](_real(arguments[0]), _real(arguments[1]))
    return _reduced(name, arguments[0], node)


def _reduced(name: str, column: Any, node: ast.Call) -> Any:
    argument = ast.unparse(node.args[0])
    if not isinstance(column, Ragged):
        raise InvalidData(f"{name}({argument}): {argument} has one value per event; {name} of one column takes several")
    column = _condition(column, node.args[0]) if name in ("any", "all") else _real(column)
    reductions: Mapping[str, Callable[[], Any]] = {
        "min": column.min,
        "max": column.max,
        "sum": column.sum,
        "any": column.any,
        "all": column.all,
    }
    return reductions[name]()


def _where(condition: Any, yes: Any, no: Any) -> Any:
    jagged = [item for item in (condition, yes, no) if isinstance(item, Ragged)]
    if not jagged:
        return np.where(condition, yes, no)
    if not all(isinstance(item, Ragged) or np.ndim(item) == 0 for item in (condition, yes, no)):
        raise InvalidData("where mixes columns of one and of several values per event; use one kind")
    if not all(jagged[0].same_shape(other) for other in jagged):
        raise InvalidData("ragged columns with different numbers of values per event cannot be combined")
    flat = [item.values if isinstance(item, Ragged) else item for item in (condition, yes, no)]
    return jagged[0].like(np.broadcast_to(np.where(*flat), jagged[0].values.shape))


def _real(item: Any) -> Any:
    """In float64, so that whole numbers neither wrap around nor grow without end."""
    if isinstance(item, Ragged):
        return item.like(item.values.astype(np.float64, copy=False))
    if isinstance(item, np.ndarray):
        return item.astype(np.float64, copy=False)
    return np.float64(item)


def _comparable(item: Any) -> Any:
    """Fractions in float64, so that 0.1 is the same number on both sides of 0; whole numbers exactly."""
    values = item.values if isinstance(item, Ragged) else np.asarray(item)
    return _real(item) if values.dtype.kind == "f" else item


def _condition(item: Any, node: ast.expr) -> Any:
    if not _is_condition(item):
        raise InvalidData(
            f"{_short(ast.unparse(node))!r} is a number where a condition is needed; compare it, with the comparison "
            "in brackets, as in (a > 0) & (b > 0)"
        )
    return item


def _is_condition(item: Any) -> bool:
    values = item.values if isinstance(item, Ragged) else item
    return np.asarray(values).dtype == bool
