"""Cross sections and sums of weights of the simulated samples of the 2020 ATLAS open data release."""

from dataclasses import dataclass

from .template_table import ATLAS_OPEN_DATA

CITATION = ATLAS_OPEN_DATA


@dataclass(frozen=True)
class SampleFigures:
    """What the release states of one simulated sample.

    Args:
        name: name of the sample.
        dsid: dataset number; not unique, several skims may share one.
        xsec_pb: cross section in pb.
        sumw: sum of weights of all generated events.
        red_eff: share of the generated events that the release keeps.
        kind: "signal" or "background".
        label: text for plots.
        colour: colour for plots.
        folder_and_file: file of the four-lepton skim, below the folder of the release.
        size: bytes of that file, if known.
    """

    name: str
    dsid: int
    xsec_pb: float
    sumw: float
    red_eff: float
    kind: str
    label: str
    colour: str
    folder_and_file: str
    size: int | None = None


def _row(
    name: str, dsid: int, xsec_pb: float, sumw: float, kind: str, label: str, colour: str, size: int | None = None
) -> SampleFigures:
    return SampleFigures(name, dsid, xsec_pb, sumw, 1.0, kind, label, colour, f"MC/mc_{dsid}.{name}.4lep.root", size)


_HIGGS, _ZZ, _Z, _TOP, _OTHER = "#c8373c", "#4878a8", "#8c6bb1", "#e0a030", "#808080"

SAMPLES_2020: tuple[SampleFigures, ...] = (
    _row("Zee", 361106, 1950.5295, 150277594200.0, "background", "Z → ee", _Z, 291797),
    _row("Zmumu", 361107, 1950.6321, 147334691090.0, "background", "Z → mumu", _Z, 227821),
    _row("Ztautau", 361108, 1950.6321, 56171652547.3, "background", "Z → tautau", _Z, 16903),
    _row("ttbar_lep", 410000, 452.693559, 49386600.0, "background", "ttbar", _TOP, 388096),
    _row("llll", 363490, 1.2578, 7538705.8077, "background", "ZZ* → 4l", _ZZ, 179082866),
    _row("llvv", 363492, 12.466, 5039259.9696, "background", "ll + neutrinos", _OTHER),
    _row("lllv", 363491, 4.6049, 5441475.00407, "background", "WZ → 3l", _OTHER),
    _row("ZqqZll", 363356, 2.20355112, 3439266.11559, "background", "ZZ → qq ll", _OTHER),
    _row("single_top_wtchan", 410013, 35.845486, 4865800.0, "background", "single top", _TOP),
    _row("ttW", 410155, 0.60084912, 4075279.75386, "background", "ttbar W", _TOP, 554136),
    _row("ggH125_ZZ4lep", 345060, 0.0060239, 27881776.6536, "signal", "gg → H → 4l", _HIGGS, 50518236),
    _row("VBFH125_ZZ4lep", 344235, 4.633012e-4, 3680490.83243, "signal", "VBF H → 4l", _HIGGS),
    _row("WH125_ZZ4lep", 341964, 3.769e-4, 149400.0, "signal", "WH, H → 4l", _HIGGS),
    _row("ZH125_ZZ4lep", 341947, 2.1424784e-6, 150000.0, "signal", "ZH, H → 4l", _HIGGS),
)
"""As released; the cross section of ZH looks about 100 times too small."""

DATA_FILE = "Data/data.4lep.root"
"""Collision data, all periods."""

DATA_PERIODS = tuple(f"Data/data_{period}.4lep.root" for period in "ABCD")
"""Collision data by period; together they equal ``DATA_FILE``."""
