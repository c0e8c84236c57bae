"""What a flavour model predicts: numbers by name, with flags for the points at which a number means nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from wilks._base import runtime  # noqa: F401  64 bit before any array exists
from wilks._base.errors import UnknownName, near_names

MAJORANA_ONLY = frozenset({"eta1", "eta2", "alpha21/pi", "alpha31/pi", "m_bb", "m_bb_wrong_scaled"})
"""Names that exist for Majorana neutrinos only."""

QUARK_OBSERVABLES = (
    *("mu/mc", "mc/mt", "md/ms", "ms/mb"),
    *("t12", "t13", "t23", "dq"),
    *("lambda", "A", "rhobar", "etabar", "l"),
)
"""Names of quark observables in order; a model has one of the last two rows, where ``l`` is an alias of ``lambda``."""


class Flags(eqx.Module, Mapping):
    """What is wrong with a point, by name: True where it is; for a stack of points an array each.

    ``degenerate_charged``, ``degenerate_neutrinos``, ``degenerate_up``, ``degenerate_down``: two masses agree within
    1e-8, so that the mixing angles are arbitrary. ``delta_undefined``, ``dq_undefined``: an angle is zero or right
    (Jmax below 1e-10). ``phases_undefined``: the Majorana phases are, as a neutrino is massless or delta undefined.
    ``scale_undefined``: two neutrino masses coincide, so that no factor brings the splittings to their data.
    ``ordering_mismatch``: the spectrum looks like the other ordering. ``not_converged``: a diagonalisation did not end.
    ``not_finite``: a mass matrix holds nan or inf.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    entries: tuple[Bool[Array | np.ndarray, "..."], ...]

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise UnknownName(f"no flag {name!r}; {near_names(name, self.names)}")
        return _plain(self.entries[self.names.index(name)])

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def raised(self) -> tuple[str, ...]:
        """Names of the flags that are up, at any point of a stack."""
        return tuple(n for n, e in zip(self.names, self.entries, strict=True) if np.any(np.asarray(e)))

    def __repr__(self) -> str:
        return f"Flags({', '.join(self.raised) or 'none'})"


class Observables(eqx.Module, Mapping):
    """Observables by name, in a fixed order, with flags.

    Of one point each is a float, of a stack of points an array. A number that is undefined is nan and its flag is up.
    It passes through ``jit``, ``vmap`` and derivatives, where each entry is an array.

    Args:
        names: the names in order.
        entries: one array per name, all of one shape.
        flags: what is wrong with the point.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    entries: tuple[Float[Array | np.ndarray, "..."], ...]
    flags: Flags

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise UnknownName(f"no observable {name!r}{self._reason(name)}; {near_names(name, self.names)}")
        return _plain(self.entries[self.names.index(name)])

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        lines = [f"  {name}: {self[name]!r}" for name in self.names]
        return "Observables(\n" + "\n".join([*lines, f"  {self.flags!r}"]) + "\n)"

    def _reason(self, name: str) -> str:
        dirac = name in MAJORANA_ONLY and "m1" in self.names
        return ", as Dirac neutrinos have none (nature='majorana' needs a symmetric M_n)" if dirac else ""


def observables_of(numbers: Mapping[str, Any], flags: Mapping[str, Any]) -> Observables:
    """Observables from dictionaries of numbers and flags."""
    return Observables(
        tuple(numbers), tuple(map(_array, numbers.values())), Flags(tuple(flags), tuple(map(_array, flags.values())))
    )


def _array(entry: Any) -> Any:
    return entry if isinstance(entry, jax.Array) else np.asarray(entry)


def _plain(entry: Any) -> Any:
    """A Python number where there is one."""
    if isinstance(entry, Tracer) or np.ndim(entry) > 0:
        return entry
    return np.asarray(entry).item()
