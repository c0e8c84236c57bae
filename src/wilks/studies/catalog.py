"""The studies that ship with Wilks, by name; loading this list loads none of them."""

from typing import NamedTuple

from wilks._base.errors import UnknownName, near_names


class Entry(NamedTuple):
    """One study.

    Args:
        module: where it lives.
        sentence: what it does.
    """

    module: str
    sentence: str


STUDIES: dict[str, Entry] = {
    "higgs4l": Entry(
        "wilks.studies.higgs4l",
        "The Higgs boson in four leptons: signal strength from ATLAS open data (13 TeV) and from CMS (7 and 8 TeV).",
    ),
    "flavor": Entry(
        "wilks.studies.flavor",
        "Models of fermion masses and mixing: mass matrices against NuFIT, all minima, both orderings, predictions.",
    ),
    "crosssection": Entry(
        "wilks.studies.crosssection",
        "Two models of a cross section, a beam and an uncertain detector: response matrices, fits, p-values, scans.",
    ),
    "xenon": Entry(
        "wilks.studies.xenon",
        "Events in a xenon TPC: differential rates, electron lifetime, yields by own functions, a limit on WIMPs.",
    ),
    "dayabay": Entry(
        "wilks.studies.dayabay",
        "Oscillation of three neutrinos in the full data of Daya Bay: theta_13, the splitting Dm2_32, regions.",
    ),
    "reactors": Entry(
        "wilks.studies.reactors",
        "Rates of reactor antineutrinos: the deficit under five flux models, yields per isotope, a sterile neutrino.",
    ),
    "gallium": Entry(
        "wilks.studies.gallium",
        "Radioactive sources in gallium: the deficit under six cross sections, rates of BEST, a sterile neutrino.",
    ),
    "sterile": Entry(
        "wilks.studies.sterile",
        "A sterile neutrino in reactors and gallium sources: published numbers, exact regions, tension, 3+1 plane.",
    ),
}
"""Name -> module and one sentence."""


def find(name: str) -> Entry:
    """The study of a name.

    Raises:
        UnknownName: with the nearest names.
    """
    if name not in STUDIES:
        raise UnknownName(f"there is no study {name!r}; {near_names(name, STUDIES)}; 'wilks list' shows all")
    return STUDIES[name]
