"""Four-lepton masses of CMS at 7 and 8 TeV: entries of data and simulation per channel, and how to weight them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wilks._base.errors import UnknownName, near_names
from wilks.data.axes import Regular
from wilks.data.histogram import Histogram, total

from .template_table import CMS_OPEN_DATA

AXIS = Regular(37, 70.0, 181.0, name="m4l", unit="GeV")
CITATION = CMS_OPEN_DATA
LUMINOSITY_PB = MappingProxyType({"11": 2330.0, "12": 11580.0})
"""Integrated luminosity in pb^-1 of 2011 (7 TeV) and 2012 (8 TeV)."""


@dataclass(frozen=True)
class SimulatedFile:
    """Normalisation of one simulated sample.

    Args:
        process: physics process: ZZ, HZZ, TTBar or DY.
        year: last two digits, "11" (7 TeV) or "12" (8 TeV).
        xsec_pb: cross section in pb.
        scale: further factor on the cross section.
        generated: number of generated events.
    """

    process: str
    year: str
    xsec_pb: float
    scale: float
    generated: int

    @property
    def weight(self) -> float:
        """Weight of each event: luminosity x cross section x scale / generated events."""
        return LUMINOSITY_PB[self.year] * self.xsec_pb * self.scale / self.generated


FILES: Mapping[str, SimulatedFile] = MappingProxyType(
    {
        "ZZ4mu11": SimulatedFile("ZZ", "11", 0.067, 1.386, 1447136),
        "ZZ4e11": SimulatedFile("ZZ", "11", 0.067, 1.386, 1493308),
        "ZZ2mu2e11": SimulatedFile("ZZ", "11", 0.15, 1.386, 1479879),
        "HZZ11": SimulatedFile("HZZ", "11", 0.0057, 1.0, 299683),
        "TTBar11": SimulatedFile("TTBar", "11", 177.31, 0.11, 9771205),
        "DY50TuneZ11": SimulatedFile("DY", "11", 2475.0, 1.12, 36408225),
        "DY1011": SimulatedFile("DY", "11", 9507.0, 1.12, 39909640),
        "ZZ4mu12": SimulatedFile("ZZ", "12", 0.077, 1.386, 1499064),
        "ZZ4e12": SimulatedFile("ZZ", "12", 0.077, 1.386, 1499093),
        "ZZ2mu2e12": SimulatedFile("ZZ", "12", 0.18, 1.386, 1497445),
        "HZZ12": SimulatedFile("HZZ", "12", 0.0065, 1.0, 299973),
        "TTBar12": SimulatedFile("TTBar", "12", 200.0, 1.0, 6423106),
        "DY50TuneZ12": SimulatedFile("DY", "12", 2955.0, 1.12, 29426492),
        "DY1012": SimulatedFile("DY", "12", 10.742, 1.12, 6462290),  # as published; no event passes
    }
)

# fmt: off
COUNTS: Mapping[str, Mapping[str, tuple[int, ...]]] = MappingProxyType({
    "4mu": {
        "DoubleMu11": (
            0, 0, 0, 1, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0,
        ),
        "ZZ4mu11": (
            103, 164, 212, 386, 730, 2033, 8226, 8542, 1867, 787, 486, 390, 423, 478, 528, 548, 602, 594, 610, 598,
            520, 528, 572, 539, 507, 496, 506, 447, 419, 456, 443, 497, 494, 542, 499, 654, 811,
        ),
        "HZZ11": (
            4, 6, 8, 5, 12, 11, 16, 18, 14, 12, 23, 44, 57, 75, 148, 240, 547, 3307, 7869, 464, 32, 11, 6, 5, 2, 3, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
        ),
        "TTBar11": (
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            0, 0,
        ),
        "DY50TuneZ11": (0,) * 37,
        "DY1011": (0,) * 37,
        "DoubleMu12": (
            0, 0, 0, 0, 1, 5, 10, 6, 3, 0, 2, 0, 0, 1, 1, 0, 1, 2, 1, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1,
            1, 2,
        ),
        "ZZ4mu12": (
            80, 126, 206, 343, 685, 1699, 7026, 7238, 1710, 642, 400, 361, 366, 369, 429, 503, 535, 506, 491, 534,
            518, 486, 476, 451, 489, 484, 454, 407, 436, 396, 444, 444, 462, 502, 547, 624, 837,
        ),
        "HZZ12": (
            6, 5, 6, 6, 9, 13, 9, 5, 14, 14, 28, 26, 34, 77, 114, 191, 468, 2712, 6652, 451, 37, 10, 5, 2, 0, 2, 1, 0,
            0, 1, 1, 0, 0, 0, 1, 0, 0,
        ),
        "TTBar12": (0,) * 37,
        "DY50TuneZ12": (0,) * 37,
        "DY1012": (0,) * 37,
    },
    "4e": {
        "DoubleE11": (
            0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0,
        ),
        "ZZ4e11": (
            40, 74, 134, 284, 682, 1627, 3246, 2908, 976, 422, 231, 199, 172, 180, 222, 260, 281, 282, 311, 284, 315,
            315, 334, 319, 281, 311, 276, 315, 296, 340, 308, 348, 338, 407, 448, 598, 723,
        ),
        "HZZ11": (
            2, 1, 8, 5, 4, 13, 9, 15, 6, 13, 27, 26, 39, 80, 177, 405, 1011, 2445, 2986, 538, 90, 30, 12, 7, 8, 5, 2,
            1, 1, 0, 0, 2, 0, 1, 0, 0, 1,
        ),
        "TTBar11": (0,) * 37,
        "DY50TuneZ11": (
            0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0,
        ),
        "DY1011": (0,) * 37,
        "DoubleE12": (
            0, 0, 0, 0, 0, 1, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1,
            1, 0,
        ),
        "ZZ4e12": (
            30, 59, 85, 200, 486, 1109, 2359, 2221, 1006, 361, 210, 157, 151, 143, 163, 188, 183, 214, 239, 269, 274,
            268, 253, 276, 259, 261, 234, 255, 241, 280, 281, 278, 284, 319, 444, 504, 666,
        ),
        "HZZ12": (
            3, 3, 7, 7, 3, 9, 4, 3, 8, 10, 17, 19, 28, 46, 114, 214, 516, 1403, 2442, 1033, 252, 77, 21, 4, 4, 5, 1,
            2, 2, 1, 0, 0, 0, 0, 1, 0, 0,
        ),
        "TTBar12": (0,) * 37,
        "DY50TuneZ12": (0,) * 37,
        "DY1012": (0,) * 37,
    },
    "2mu2e": {
        "DoubleMu11": (
            0, 0, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
            0, 0,
        ),
        "ZZ2mu2e11": (
            35, 47, 92, 159, 355, 990, 2477, 2331, 711, 286, 209, 199, 190, 241, 263, 353, 353, 348, 358, 336, 399,
            371, 352, 379, 343, 325, 317, 370, 313, 304, 318, 322, 349, 355, 417, 484, 702,
        ),
        "HZZ11": (
            3, 4, 8, 12, 12, 18, 24, 23, 37, 44, 36, 74, 98, 180, 294, 571, 1629, 5445, 8317, 1123, 103, 22, 18, 17,
            11, 5, 3, 2, 1, 3, 1, 0, 0, 1, 1, 0, 1,
        ),
        "TTBar11": (
            1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 3, 0, 0, 1, 0, 0, 0, 1, 1, 2,
            0, 0,
        ),
        "DY50TuneZ11": (
            0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
            0, 0,
        ),
        "DY1011": (0,) * 37,
        "DoubleMu12": (
            0, 0, 0, 0, 0, 1, 2, 0, 3, 0, 0, 0, 0, 1, 0, 0, 0, 1, 3, 2, 0, 0, 1, 0, 1, 2, 1, 0, 1, 2, 2, 1, 0, 1, 1,
            1, 1,
        ),
        "ZZ2mu2e12": (
            30, 28, 66, 120, 266, 723, 1928, 1948, 631, 254, 162, 135, 161, 191, 204, 246, 274, 309, 309, 266, 315,
            302, 323, 300, 281, 257, 270, 269, 284, 276, 286, 294, 302, 337, 394, 477, 651,
        ),
        "HZZ12": (
            3, 8, 15, 15, 15, 14, 10, 20, 20, 29, 33, 63, 74, 112, 192, 402, 1037, 3422, 6936, 1904, 289, 51, 23, 14,
            9, 5, 2, 1, 0, 1, 2, 0, 2, 0, 0, 0, 0,
        ),
        "TTBar12": (0,) * 37,
        "DY50TuneZ12": (
            0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0,
        ),
        "DY1012": (0,) * 37,
    },
})
"""Entries per bin, by channel and file; ``Double...`` are data."""
# fmt: on

CHANNELS = tuple(COUNTS)
"""Channels: 4mu, 4e, 2mu2e."""

YEARS = tuple(LUMINOSITY_PB)
"""Years of data taking: "11" (7 TeV) and "12" (8 TeV)."""


def data(channel: str, years: tuple[str, ...] = YEARS) -> Histogram:
    """Observed events of a channel.

    Args:
        channel: one of ``CHANNELS``.
        years: years to add up.

    Raises:
        UnknownName: for an unknown channel or year.
    """
    counted = [name for name in _files(channel, years) if name not in FILES]
    parts = [Histogram.from_counts(AXIS, COUNTS[channel][name], label=name) for name in counted]
    return total(parts, label=f"data {channel}")


def templates(channel: str, years: tuple[str, ...] = YEARS) -> dict[str, Histogram]:
    """Expected events of a channel with their variances, by process.

    Args:
        channel: one of ``CHANNELS``.
        years: years to add up.

    Raises:
        UnknownName: for an unknown channel or year.
    """
    names = [name for name in _files(channel, years) if name in FILES]
    weighted = {name: simulated(channel, name) for name in names}
    processes = dict.fromkeys(FILES[name].process for name in names)
    return {
        process: total([weighted[name] for name in names if FILES[name].process == process], label=process)
        for process in processes
    }


def simulated(channel: str, name: str) -> Histogram:
    """Expected events of one simulated file in one channel, with their variances.

    Args:
        channel: one of ``CHANNELS``.
        name: name of the file, a key of ``FILES``.

    Raises:
        UnknownName: for an unknown channel or file.
    """
    known = [file for file in _files(channel, YEARS) if file in FILES]
    if name not in known:
        raise UnknownName(f"channel {channel!r} has no simulated file {name!r}; {near_names(name, known)}")
    return Histogram.from_counts(AXIS, COUNTS[channel][name], label=name).scale(FILES[name].weight)


def _files(channel: str, years: tuple[str, ...]) -> list[str]:
    if channel not in COUNTS:
        raise UnknownName(f"no channel {channel!r}; {near_names(channel, CHANNELS)}")
    unknown = [year for year in years if year not in YEARS]
    if unknown or not years:
        raise UnknownName(f"no year {unknown or years!r}; known years are '11' (7 TeV) and '12' (8 TeV)")
    return [name for name in COUNTS[channel] if name[-2:] in years]
