"""Named selections of events."""

from collections.abc import Mapping
from types import MappingProxyType

from wilks._base.errors import check_option

_NO_SMEARING = {"reconstruction_smear_s1_simulate": 0.0, "reconstruction_smear_s2_simulate": 0.0}

PRESETS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "2.1.0": MappingProxyType({}),
        "1.4": MappingProxyType({"s2_min": 200.0, **_NO_SMEARING}),
        "tutorial": MappingProxyType({"s2_min": 200.0, "s2_max": 5000.0, **_NO_SMEARING}),
    }
)
"""Settings by name: flamedisx 2.1.0, the version behind the tutorial's printed numbers, and the tutorial's sentence."""


def preset_settings(name: str) -> Mapping[str, float]:
    """Settings of a preset.

    Raises:
        InvalidOption: for an unknown one.
    """
    check_option("preset", name, PRESETS)
    return PRESETS[name]
