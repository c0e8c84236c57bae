"""Which observables a fit compares with data: names checked against the model and against the data."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wilks._base.errors import InvalidModel, UnknownName, near_names

from .chi2_terms import ChiSquareTerms
from .datasets import ALIASES
from .observables import MAJORANA_ONLY

LEPTONS = ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "m21^2", "m3l^2")
"""Fitted by default where there are leptons."""

QUARK_MASSES = ("mu/mc", "mc/mt", "md/ms", "ms/mb")
QUARK_MIXING = {"standard": ("t12", "t13", "t23", "dq"), "wolfenstein": ("lambda", "A", "rhobar", "etabar")}
"""Fitted by default where there are quarks, besides their mass ratios."""

SPLITTINGS = ("m21^2", "m3l^2")
POWERS = {"m21^2": 1.0, "m3l^2": 1.0, "m_b^2": 1.0, "m_b": 0.5, "m_bb": 0.5, "Sum(m_i)": 0.5}
"""Observables that carry the overall factor of the neutrino mass matrix, and the power of Lambda^2 in them."""

ALL = ("all", "auto", "full", "everything")
"""Words for the default set."""


def fitted_names(
    fitted: str | Sequence[str], known: Collection[str], terms: ChiSquareTerms, scale: str
) -> tuple[str, ...]:
    """Names of the observables to be fitted.

    Args:
        fitted: one of `ALL`, or names.
        known: observables that the model predicts.
        terms: data.
        scale: how the model treats the neutrino scale.

    Raises:
        UnknownName: for a name that the model does not predict or that has no data.
        InvalidModel: if names do not go together.
    """
    if isinstance(fitted, str):
        if fitted not in ALL:
            raise UnknownName(f"fitted={fitted!r}; expected {' or '.join(map(repr, ALL))}, or a list of observables")
        names = default_names(known)
    else:
        names = tuple(ALIASES.get(name, name) for name in fitted)
    for name in names:
        _check_predicted(name, known)
        if name not in terms.entries:
            raise UnknownName(f"no data on {name!r} in {terms.source}; there are data on {', '.join(terms.names)}")
    if len(set(names)) < len(names):
        raise InvalidModel(f"fitted observables {', '.join(names)}: one stands there twice")
    _check_together(names, scale)
    return names


def default_names(known: Collection[str]) -> tuple[str, ...]:
    """Observables that are usually fitted, of the sectors that the model has."""
    names = LEPTONS if "s12^2" in known else ()
    if "mu/mc" in known:
        names = (*names, *QUARK_MASSES, *QUARK_MIXING["standard" if "t12" in known else "wolfenstein"])
    return names


def _check_predicted(name: str, known: Collection[str]) -> None:
    if name in known or (name in POWERS and all(part in known for part in _parts(name))):
        return
    if name in MAJORANA_ONLY and "s12^2" in known:
        raise UnknownName(
            f"{name!r} does not exist for Dirac neutrinos; it needs a symmetric mass matrix and nature='majorana'"
        )
    raise UnknownName(f"the model predicts no {name!r}; {near_names(name, sorted(known))}")


def number(predicted: Mapping[str, Any], name: str) -> Any:
    """What a model says of an observable, before it is multiplied by a power of the neutrino scale."""
    if name not in POWERS:
        return predicted[name]
    parts = [predicted[part] for part in _parts(name)]
    return parts[0] ** 2 if name == "m_b^2" else sum(parts[1:], parts[0])


def _parts(name: str) -> tuple[str, ...]:
    """Names of the unscaled numbers that an observable consists of."""
    return tuple(
        f"{part}_wrong_scaled" for part in {"m_b^2": ("m_b",), "Sum(m_i)": ("m1", "m2", "m3")}.get(name, (name,))
    )


def check_joint(names: Sequence[str], quantities: Sequence[str], scale: str) -> None:
    """Refuse a choice of observables that correlated data cannot judge.

    Raises:
        InvalidModel: naming what is missing.
    """
    missing = [name for name in quantities if name not in names]
    if missing or scale != "profile":
        raise InvalidModel(
            f"correlations='full' judges {', '.join(quantities)} together with a profiled scale; "
            + (f"not fitted: {', '.join(missing)}" if missing else f"the model has scale={scale!r}")
            + "; take correlations='1d'"
        )


def _check_together(names: tuple[str, ...], scale: str) -> None:
    both = [name for name in SPLITTINGS if name in names]
    if "r" in names and both:
        raise InvalidModel(
            f"fitted: r and {' and '.join(both)} together count the splittings twice; fit r alone, or both splittings"
        )
    if scale == "profile" and len(both) == 1 and not any(name in POWERS for name in names if name not in both):
        raise InvalidModel(
            f"fitted: {both[0]} alone says nothing while the neutrino scale is profiled; fit both splittings, or r, or "
            "give the model scale='free'"
        )
