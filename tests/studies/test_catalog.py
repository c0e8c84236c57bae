import importlib
import subprocess
import sys

import pytest

from wilks._base.errors import UnknownName
from wilks.studies.catalog import STUDIES, find


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_exists(name):
    assert importlib.import_module(find(name).module)
    assert find(name).sentence.endswith(".")


def test_an_unknown_study_names_its_neighbours():
    with pytest.raises(UnknownName, match="no study 'higs4l'; did you mean 'higgs4l'"):
        find("higs4l")


def test_the_list_loads_no_jax():
    program = "import sys; import wilks.studies.catalog; print('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "False"
