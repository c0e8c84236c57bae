"""Numbers as a physicist prints them: an error to two significant digits, its value to the same place."""

import math

_NONE = "-"


def number(value: float | None, digits: int = 6) -> str:
    """A number without an error; ``-`` for a value that does not exist."""
    if value is None or math.isnan(value):
        return _NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.{digits}g}"


def fixed(value: float | None, decimals: int = 4) -> str:
    """A number with a fixed count of decimals, as for log-likelihoods."""
    if value is None or not math.isfinite(value) or abs(value) >= 1e9:
        return number(value, decimals + 6)
    return f"{value:.{decimals}f}"


def with_error(value: float, error: float | None) -> str:
    """``1.30 ± 0.08``: the error to two significant digits, the value to the same place.

    >>> with_error(1.2962, 0.0817)
    '1.296 ± 0.082'
    >>> with_error(123456.0, 1234.0)
    '123500 ± 1200'
    """
    if error is None or not math.isfinite(error) or error <= 0 or not math.isfinite(value):
        return number(value)
    value, error, tail = _scaled(value, error)
    place = _place(error)
    text = f"{_rounded(value, place)} ± {_rounded(error, place)}"
    return f"({text}){tail}" if tail else text


def with_errors(value: float, minus: float, plus: float) -> str:
    """``1.30 -0.08 +0.09``: both errors to the place of two significant digits of the smaller one."""
    finite = [e for e in (minus, plus) if math.isfinite(e) and e > 0]
    if not finite or not math.isfinite(value):
        return number(value)
    scaled, smallest, tail = _scaled(value, min(finite))
    factor = smallest / min(finite)
    place = _place(smallest)
    down, up = (_rounded(e * factor, place) if math.isfinite(e) else "∞" for e in (minus, plus))
    text = f"{_rounded(scaled, place)} -{down} +{up}"
    return f"({text}){tail}" if tail else text


def probability(value: float | None) -> str:
    """A p-value to three significant digits."""
    return number(value, 3)


def with_unit(text: str, unit: str) -> str:
    """A printed number followed by its unit, if it exists and has one."""
    return f"{text} {unit}" if unit and text != _NONE else text


def percent(fraction: float) -> str:
    """A level as people say it: ``68.27 %``."""
    return f"{100 * fraction:.4g} %"


def _place(error: float) -> int:
    """Decimal place of the second significant digit, after rounding (0.0996 rounds to 0.10)."""
    return 1 - int(f"{error:.1e}".partition("e")[2])


def _rounded(value: float, place: int) -> str:
    return f"{round(value, place) + 0.0:.{max(place, 0)}f}"  # adding zero turns -0 into 0


def _scaled(value: float, error: float) -> tuple[float, float, str]:
    """Value and error divided by a power of ten if they are awkward to read."""
    exponent = math.floor(math.log10(max(abs(value), error)))
    if -5 < exponent < 7:
        return value, error, ""
    return value / 10.0**exponent, error / 10.0**exponent, f"e{exponent:+03d}"
