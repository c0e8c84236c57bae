"""Named cuts on events or leptons, in order; and the four-lepton selections of the tutorial and of ATLAS."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel, UnknownName, check_option, near_names
from wilks.data.events import Events, Ragged

from .cutflow import CutSums
from .events import ELECTRON, MUON, PAIRING, pairing

LEVELS = ("event", "lepton")
_LEPTONS = "lep_"


@dataclass(frozen=True)
class Cut:
    """One requirement; it keeps whole events, or leptons of each event.

    Args:
        name: unique in its selection.
        columns: columns that the function reads.
        function: from ``Events`` to one bool per event, or to a ``Ragged`` of bool at level ``lepton``.
        unit: unit of the thresholds, empty if they have none.
        level: ``event`` or ``lepton``.
        terms: the requirement in words, one entry per term; shown in prints and read by ``lint``.

    Raises:
        InvalidOption: for another level.

    >>> Cut("hard", frozenset({"lep_pt"}), lambda events: events["lep_pt"].max() > 20, "GeV").name
    'hard'
    """

    name: str
    columns: frozenset[str]
    function: Callable[[Events], np.ndarray | Ragged]
    unit: str = ""
    level: str = "event"
    terms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", frozenset(self.columns))
        check_option(f"cut {self.name!r}: level", self.level, LEVELS)

    def __call__(self, events: Events) -> np.ndarray | Ragged:
        """What the cut keeps.

        Raises:
            UnknownName: if a column is missing; names the cut.
            InvalidData: if the function does not return bools of the right kind.
        """
        for name in sorted(self.columns):
            if name not in events:
                known = near_names(name, events.columns)
                raise UnknownName(f"{events.source}: cut {self.name!r} needs the column {name!r}; {known}")
        kept = self.function(events)
        if isinstance(kept, Ragged) != (self.level == "lepton"):
            raise InvalidData(f"cut {self.name!r} of level {self.level} returned a {type(kept).__name__}")
        values = kept.values if isinstance(kept, Ragged) else np.asarray(kept)
        if values.dtype != bool or len(kept) != len(events):
            raise InvalidData(f"cut {self.name!r} returned {len(kept)} {values.dtype} for {len(events)} events")
        return kept if isinstance(kept, Ragged) else values

    def __and__(self, other: "Cut | Selection") -> "Selection":
        return Selection((self,)) & other


@dataclass(frozen=True)
class Selection:
    """Cuts in the order in which they are applied.

    Args:
        cuts: cuts with different names.
        unapplied: cuts that are defined but not applied; ``lint`` reports them.
        listed: columns that the analysis reads besides those of its cuts; ``lint`` reports those without use.

    Raises:
        InvalidModel: if a name occurs twice.
    """

    cuts: tuple[Cut, ...] = ()
    unapplied: tuple[Cut, ...] = ()
    listed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = [cut.name for cut in self.cuts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidModel(f"selection has two cuts named {twice[0]!r}; give one of them another name")

    def __and__(self, other: "Cut | Selection") -> "Selection":
        more = Selection((other,)) if isinstance(other, Cut) else other
        return Selection(self.cuts + more.cuts, self.unapplied + more.unapplied, self.listed | more.listed)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the cuts."""
        return tuple(cut.name for cut in self.cuts)

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the cuts read."""
        return frozenset().union(*(cut.columns for cut in self.cuts))

    @property
    def needed_by(self) -> dict[str, str]:
        """The first cut that reads a column, by column; for messages of a reader."""
        return {name: f"cut {cut.name!r}" for cut in reversed(self.cuts) for name in cut.columns}

    @property
    def digest(self) -> str:
        """sha256 of names, columns, units, levels, terms and functions of the cuts, in order."""
        described = [
            [cut.name, sorted(cut.columns), cut.unit, cut.level, cut.terms, getattr(cut.function, "__qualname__", "")]
            for cut in self.cuts
        ]
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

    def without(self, name: str) -> "Selection":
        """The selection without one cut.

        Raises:
            UnknownName: if there is no such cut.
        """
        if name not in self.names:
            raise UnknownName(f"selection has no cut {name!r}; {near_names(name, self.names)}")
        return replace(self, cuts=tuple(cut for cut in self.cuts if cut.name != name))

    def apply(
        self, events: Events, weights: Float[np.ndarray, " events"]
    ) -> tuple[Events, Float[np.ndarray, " kept"], CutSums]:
        """Events that pass all cuts, their weights, and the sums after each cut.

        Args:
            events: one batch.
            weights: weight of each event.

        Raises:
            UnknownName: if a column is missing.
        """
        mask = np.ones(len(events), dtype=bool)
        masks = [mask]
        for cut in self.cuts:
            kept = cut(events)
            if isinstance(kept, Ragged):
                events = _filtered(events, kept)
            else:
                mask = mask & kept
            masks.append(mask)
        return events.where(mask), weights[mask], CutSums.of(("input", *self.names), masks, weights)

    def n_minus_one(self, events: Events, weights: Float[np.ndarray, " events"]) -> CutSums:
        """Sums of the events that pass all cuts but one, for each cut; the last row is the full selection.

        Args:
            events: one batch.
            weights: weight of each event.
        """
        runs = [self.without(name).apply(events, weights)[1] for name in self.names]
        runs.append(self.apply(events, weights)[1])
        return CutSums(
            (*(f"all but {name}" for name in self.names), "all"),
            np.array([len(w) for w in runs], dtype=np.int64),
            np.array([w.sum() for w in runs]),
            np.array([(w * w).sum() for w in runs]),
        )


def _filtered(events: Events, kept: Ragged) -> Events:
    """Events with the kept leptons only, in descending order of transverse momentum."""
    events = events.with_collection(_LEPTONS, lambda column: column[kept])
    if "lep_pt" not in events:
        return events
    order = events["lep_pt"].argsort(descending=True)
    return events.with_collection(_LEPTONS, lambda column: column.take(order))


_ETCONE = ("as_printed", "fixed")
# fmt: off
_TUTORIAL_COLUMNS = frozenset((
    "mcWeight", "SumWeights", "XSection", "trigM", "trigE", "scaleFactor_PILEUP", "scaleFactor_ELE",
    "scaleFactor_MUON", "scaleFactor_LepTRIGGER", "lep_type", "lep_pt", "lep_eta", "lep_phi", "lep_E", "lep_charge",
    "lep_etcone20", "lep_ptcone30", "jet_n", "jet_pt", "jet_eta", "jet_phi", "jet_E", "jet_MV2c10",
))
# fmt: on


def tutorial(*, etcone: str = "as_printed", trigger: bool = False) -> Selection:
    """The four-lepton cuts of the ATLAS open data tutorial.

    Args:
        etcone: ``as_printed`` tests the track isolation twice, as the tutorial does; ``fixed`` tests the
            calorimeter isolation as well.
        trigger: whether to apply the trigger cut, which the tutorial defines and does not apply.

    Raises:
        InvalidOption: for another value of ``etcone``.
    """
    check_option("etcone", etcone, _ETCONE)
    fired = _trigger()
    cuts = (
        Cut("leading_pt", frozenset({"lep_pt"}), _leading_pt, "GeV", terms=("max(lep_pt) > 20",)),
        Cut("softest_pt", frozenset({"lep_pt"}), _softest_pt, "GeV", terms=("min(lep_pt) > 7",)),
        Cut("eta", frozenset({"lep_eta"}), _central, terms=("min(lep_eta) > -2.5", "max(lep_eta) < 2.5")),
        Cut("flavour", frozenset({"lep_type"}), _flavour_sum, terms=("sum(lep_type) in {44, 48, 52}",)),
        _isolation_as_printed() if etcone == "as_printed" else _isolation_fixed(),
        Cut("four_leptons", frozenset({"lep_n"}), _exactly_four, terms=("lep_n == 4",)),
        Cut("charge", frozenset({"lep_charge"}), _neutral, terms=("sum(lep_charge) == 0",)),
    )
    if trigger:
        return Selection((fired, *cuts), listed=_TUTORIAL_COLUMNS)
    return Selection(cuts, unapplied=(fired,), listed=_TUTORIAL_COLUMNS)


def official(*, pairing: bool = False) -> Selection:
    """The four-lepton selection of the ATLAS outreach analysis.

    Args:
        pairing: whether to require two pairs of same flavour and opposite charge as well.
    """
    good = frozenset({"lep_type", "lep_pt", "lep_eta", "lep_ptcone30", "lep_etcone20", "lep_z0"})
    good |= {"lep_trackd0pvunbiased", "lep_tracksigd0pvunbiased"}
    terms = (
        "pt > 5, 7 for electrons",
        "|eta| < 2.5, 2.47 for electrons",
        "ptcone30/pt < 0.3",
        "etcone20/pt < 0.3",
        "|z0 sin(theta)| < 0.5 mm",
        "|d0|/sigma(d0) < 5 for electrons, 3 for muons",
    )
    cuts = (
        _trigger(),
        Cut("good_lepton", good, _good_lepton, "GeV", level="lepton", terms=terms),
        Cut("four_leptons", frozenset({"lep_pt"}), _four_kept, terms=("4 good leptons",)),
        Cut("charge", frozenset({"lep_charge"}), _neutral, terms=("sum(lep_charge) == 0",)),
        Cut("flavour", frozenset({"lep_type"}), _flavour_sum, terms=("sum(lep_type) in {44, 48, 52}",)),
        Cut("leading_three", frozenset({"lep_pt"}), _leading_three, "GeV", terms=("lep_pt > 25, 15, 10",)),
    )
    pairs = Cut("pairing", PAIRING, _two_pairs, terms=("two pairs of same flavour and opposite charge",))
    return Selection((*cuts, pairs) if pairing else cuts)


def _trigger() -> Cut:
    return Cut("trigger", frozenset({"trigE", "trigM"}), _triggered, terms=("trigE or trigM",))


def _isolation_as_printed() -> Cut:
    terms = ("max(lep_ptcone30/lep_pt) < 0.3", "max(lep_ptcone30/lep_pt) < 0.3")
    return Cut("isolation", frozenset({"lep_pt", "lep_ptcone30"}), _track_isolated, terms=terms)


def _isolation_fixed() -> Cut:
    columns = frozenset({"lep_pt", "lep_ptcone30", "lep_etcone20"})
    terms = ("max(lep_ptcone30/lep_pt) < 0.3", "max(lep_etcone20/lep_pt) < 0.3")
    return Cut("isolation", columns, _isolated, terms=terms)


def _triggered(events: Events) -> np.ndarray:
    return events["trigE"].astype(bool) | events["trigM"].astype(bool)


def _leading_pt(events: Events) -> np.ndarray:
    return events["lep_pt"].max() > 20.0


def _softest_pt(events: Events) -> np.ndarray:
    return events["lep_pt"].min() > 7.0


def _central(events: Events) -> np.ndarray:
    eta = events["lep_eta"]
    return (eta.min() > -2.5) & (eta.max() < 2.5)


def _flavour_sum(events: Events) -> np.ndarray:
    total = events["lep_type"].sum()
    return (total == 4 * ELECTRON) | (total == 2 * ELECTRON + 2 * MUON) | (total == 4 * MUON)


def _track_isolated(events: Events) -> np.ndarray:
    return (events["lep_ptcone30"] / events["lep_pt"]).max() < 0.3


def _isolated(events: Events) -> np.ndarray:
    return _track_isolated(events) & ((events["lep_etcone20"] / events["lep_pt"]).max() < 0.3)


def _exactly_four(events: Events) -> np.ndarray:
    return events["lep_n"] == 4


def _four_kept(events: Events) -> np.ndarray:
    return events["lep_pt"].counts() == 4


def _neutral(events: Events) -> np.ndarray:
    return events["lep_charge"].sum() == 0


def _leading_three(events: Events) -> np.ndarray:
    return (events["lep_pt"].to_padded(3, 0.0) > np.array([25.0, 15.0, 10.0])).all(axis=1)


def _good_lepton(events: Events) -> Ragged:
    pt, eta, electron = events["lep_pt"], np.abs(events["lep_eta"]), events["lep_type"] == ELECTRON
    significance = np.abs(events["lep_trackd0pvunbiased"] / events["lep_tracksigd0pvunbiased"])
    z0_sine = events["lep_z0"] / np.cosh(eta)  # sin(2 atan(exp(-eta))) = 1/cosh(eta)
    isolated = (events["lep_ptcone30"] / pt < 0.3) & (events["lep_etcone20"] / pt < 0.3)
    muon = (events["lep_type"] == MUON) & (pt > 5.0) & (eta < 2.5) & (significance < 3.0)
    return isolated & (np.abs(z0_sine) < 0.5) & (muon | (electron & (pt > 7.0) & (eta < 2.47) & (significance < 5.0)))


def _two_pairs(events: Events) -> np.ndarray:
    four = _four_kept(events)
    paired = np.zeros(len(events), dtype=bool)
    paired[four] = pairing(events.where(four, PAIRING)).paired
    return paired
