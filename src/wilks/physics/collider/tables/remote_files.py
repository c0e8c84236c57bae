"""Files of the four-lepton skim of the 2020 ATLAS open data release that may be downloaded, with sizes and sums."""

from collections.abc import Mapping
from types import MappingProxyType

from wilks.data.remote import RemoteFile

from .sample_figures import DATA_FILE, DATA_PERIODS, SAMPLES_2020
from .template_table import ATLAS_OPEN_DATA

_DATA_SIZES = dict(zip((DATA_FILE, *DATA_PERIODS), (301106, 25826, 60364, 84525, 131190), strict=True))

_SUMS: Mapping[str, str] = {
    "data.4lep.root": "c8e0cf871d7b3a42ef05a989177051c40791a227497f516d845391431b497661",
    "data_A.4lep.root": "8a0de39015dcc46ec3e65fd56234bbb8809c0fb1e16e6511a7872627bb7b6675",
    "data_B.4lep.root": "198d5f06b0f24cdf08f4a3342f142aa2ed3eded3f39ea8f18fb963b681fd1411",
    "data_C.4lep.root": "3f1cd0a4fca42013f718bd219a043ec4fff0b7268707ea0894f6ce379e2f0c56",
    "data_D.4lep.root": "7e103be7359e402032a5dbe01d3f5105fddbcc043bce3a187993fb99f7cc6e1e",
    "mc_361106.Zee.4lep.root": "895a5983bf3450616ae0ca7a1bb80921a19cdc2aa64209ed8cc899e305da0304",
    "mc_361107.Zmumu.4lep.root": "9baa739eb708a62a3c0156af1dd7af41c1ecb38eea759bc37ab8397656a823a1",
    "mc_361108.Ztautau.4lep.root": "8728a9b2d3028553da6204ab66a6fe27e75c3559baf3cf5515ae35ddd731f3c0",
    "mc_410000.ttbar_lep.4lep.root": "052372bb51ede007e8f5d70a36c41613b048f8f9b0620da54027f57ff54e6168",
    "mc_410155.ttW.4lep.root": "804ead52ef7427cd940fb5743463e9c5d3a0ef6baf6b4edd37a2a148586a7f72",
}


def _row(path: str, size: int | None) -> RemoteFile:
    name = path.rpartition("/")[2]
    return RemoteFile(name, path, size, _SUMS.get(name), ATLAS_OPEN_DATA)


_ROWS = [_row(path, size) for path, size in _DATA_SIZES.items()]
_ROWS += [_row(figures.folder_and_file, figures.size) for figures in SAMPLES_2020]

ATLAS_2020_FILES: Mapping[str, RemoteFile] = MappingProxyType({file.name: file for file in _ROWS})
"""By file name; files whose sha256 is not known need ``trust_first``."""
