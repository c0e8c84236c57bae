"""Which observables a model is fitted to: the words for all, the dimensionless ones, and what does not go together."""

from collections.abc import Sequence

from wilks._base.errors import InvalidModel, UnknownName
from wilks.physics.flavor.fitted import ALL, LEPTONS, QUARK_MASSES, QUARK_MIXING
from wilks.physics.flavor.observables import QUARK_OBSERVABLES

from .posed import PosedModel
from .sets import ExperimentalData

SPLITTINGS = ("m21^2", "m3l^2")
_MIXING = {**QUARK_MIXING, "wolfenstein": ("l", "A", "rhobar", "etabar")}
_LEPTON_NUMBERS = ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "r")
_PHASES = ("eta1", "eta2")


def fitted_list(fitted: str | Sequence[str], sector: str, ckm: str) -> list[str]:
    """Names of the fitted observables.

    Args:
        fitted: "all", "auto", "full", "everything", or names.
        sector: of the model.
        ckm: parametrisation of the quark mixing matrix.

    Raises:
        UnknownName: for another word.
    """
    if not isinstance(fitted, str):
        return list(fitted)
    if fitted not in ALL:
        raise UnknownName(f"fitted_observables={fitted!r}; expected one of {', '.join(ALL)}, or a list of observables")
    names = LEPTONS if "lepton" in sector else ()
    return [*names, *QUARK_MASSES, *_MIXING[ckm]] if "quark" in sector else list(names)


def dimensionless_list(fitted: Sequence[str]) -> list[str]:
    """The same with the two splittings replaced by their ratio.

    Raises:
        InvalidModel: if only one splitting is fitted, or their ratio besides them.
    """
    given = [name for name in SPLITTINGS if name in fitted]
    if len(given) == 1:
        raise InvalidModel(f"{given[0]} is fitted without the other splitting; fit m21^2 and m3l^2, or r")
    if given and "r" in fitted:
        raise InvalidModel("r and both m21^2 and m3l^2 are fitted, which counts the same data twice; leave out r")
    return [name for name in fitted if name not in given] + (["r"] if given else [])


def check_data(posed: PosedModel, data: ExperimentalData, names: Sequence[str]) -> None:
    """Refuse data of another ordering, and observables without data.

    Raises:
        InvalidModel: naming both orderings.
        UnknownName: with the names that have data.
    """
    if posed.has_leptons and data.ordering is not None and data.ordering != posed.ordering:
        raise InvalidModel(
            f"the model has ordering {posed.ordering}, its experimental_data ({data.name}) assume {data.ordering}; set "
            "both to one ordering"
        )
    for name in names:
        data.function(name)


def check_dimensionless(posed: PosedModel, names: Sequence[str]) -> tuple[str, ...]:
    """Names that a fit of dimensionless observables can take.

    Raises:
        UnknownName: for one that the model does not predict without its neutrino scale, with those that it does.
    """
    known = _LEPTON_NUMBERS if posed.has_leptons else ()
    known = (*known, *_PHASES) if posed.has_leptons and posed.convention == "physical" else known
    known = (*known, *_quark_names(posed.ckm)) if "quark" in posed.sector else known
    for name in names:
        if name not in known:
            phases = "; eta1 and eta2 depend on the build of LAPACK there, take convention='physical'"
            raise UnknownName(
                f"{name!r} cannot be fitted; a fit takes {', '.join(known)}, and m21^2 with m3l^2"
                + (phases if name in _PHASES else "")
            )
    return tuple(names)


def _quark_names(ckm: str) -> tuple[str, ...]:
    mixing = {*_MIXING[ckm], *QUARK_MIXING[ckm], *QUARK_MASSES}
    return tuple(name for name in QUARK_OBSERVABLES if name in mixing)
