"""Priors in words, for results that depend on them."""

import math

from .parameter import Parameter
from .space import ParameterSpace


def priors_of(space: ParameterSpace) -> dict[str, str]:
    """Prior and bounds of each free parameter, in words."""
    texts = {name: _prior_text(space[name]) for name in space.free}
    for law, _, _ in space.blocks:
        for name, alone in law.marginals.items():
            others = [other for other in law.names if other != name]
            texts[name] = f"{alone}" + (f", joint with {', '.join(others)}" if others else "")
    return texts


def _prior_text(parameter: Parameter) -> str:
    text = "flat" if parameter.prior is None else str(parameter.prior)
    if math.isfinite(parameter.lower) or math.isfinite(parameter.upper):
        text += f" in [{parameter.lower:g}, {parameter.upper:g}]"
    return text
