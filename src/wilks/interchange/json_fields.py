"""What a schema asks of the values in a JSON document; each refusal names the place, the value and the expectation."""

import json
import math
from collections.abc import Sequence
from typing import Any

from wilks._base.errors import near_names

from .strict_json import Place

_EXACT_INTEGERS = 2**53


def take_object(value: Any, place: Place, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """An object with exactly the allowed keys."""
    if not isinstance(value, dict):
        place.refuse(f"{_shown(value)} should be an object with the keys {', '.join(required)}")
    allowed = (*required, *optional)
    for key in value:
        if key not in allowed:
            (place / key).refuse(f"unknown key {key!r}; {near_names(key, allowed)}")
    for key in required:
        if key not in value:
            place.refuse(f"key {key!r} is missing; add it")
    return value


def take_array(value: Any, place: Place, *, empty: bool = False) -> list[Any]:
    """An array, by default with at least one entry."""
    if not isinstance(value, list):
        place.refuse(f"{_shown(value)} should be an array")
    if not value and not empty:
        place.refuse("the array is empty; give at least one entry")
    return value


def take_text(value: Any, place: Place, *, empty: bool = False) -> str:
    """A text that can be printed."""
    if not isinstance(value, str):
        place.refuse(f"{_shown(value)} should be a text")
    if not value.isprintable() or not (value or empty):
        place.refuse(f"{value!r} should be printable" + ("" if empty else " and not empty"))
    return value


def take_number(value: Any, place: Place) -> float:
    """A finite number that double precision holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        place.refuse(f"{_shown(value)} should be a number")
    if isinstance(value, int) and abs(value) > _EXACT_INTEGERS:
        place.refuse(f"{value} is above 2^53 and cannot be held exactly")
    if not math.isfinite(value):
        place.refuse(f"{value} should be finite")
    return float(value)


def take_numbers(value: Any, place: Place, length: int | None = None) -> list[float]:
    """An array of finite numbers, of a given length if there is one."""
    numbers = take_array(value, place)
    if not all(type(entry) is float and math.isfinite(entry) for entry in numbers):
        numbers = [take_number(entry, place / i) for i, entry in enumerate(numbers)]
    if length is not None and len(numbers) != length:
        place.refuse(f"has {len(numbers)} entries, expected {length}")
    return numbers


def _shown(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 40 else text[:37] + "..."
