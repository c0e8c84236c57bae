"""The natural way to write sources passes a type checker, and instances are what their class says."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest

import wilks
from wilks.physics.xenon.er import ERSource

SOURCES = """
import jax.numpy as jnp
from wilks.physics import xenon

class AbsorptionER(xenon.ERSource):
    @staticmethod
    def electron_detection_eff(z, absorption_length=60.0, extraction_efficiency=0.96):
        return extraction_efficiency * jnp.exp(z / absorption_length)

class Numbers(xenon.NRSource):
    photon_acceptance = 1.0
    fv_radius = 40.0

class Fields(xenon.ERSource):
    temperature: float

    def __init__(self, temperature: float = 177.0, **settings):
        self.temperature = temperature
        super().__init__(**settings)

    def electron_gain_mean(self, z, gain=20.0):
        return gain * self.temperature / 177.0 + 0.0 * z

for source in (AbsorptionER(elife=3e5), Numbers(), Fields(170.0, g2=21.0)):
    source.rate({"g2": 20.0}, source.draw(1, 10))
"""


class Warm(ERSource):
    temperature: float

    def __init__(self, temperature: float = 177.0, **settings):
        self.temperature = temperature
        super().__init__(**settings)

    def electron_gain_mean(self, z, gain=20.0):
        return gain * self.temperature / 177.0 + 0.0 * z


class Numbers(ERSource):
    photon_acceptance = 1.0


def test_a_subclass_is_made_by_the_constructor_that_it_has_or_inherits():
    warm = Warm(354.0, fv_radius=40.0)
    assert (type(warm), warm.temperature, warm.fv_radius) == (Warm, 354.0, 40.0)
    assert warm.space["gain"].start == 20.0
    assert float(warm.model.at_one("electron_gain_mean", warm, {"gain": 20.0}, {"z": jnp.asarray(-1.0)})) == 40.0
    assert type(Numbers(elife=3e5)) is Numbers
    assert "min_photons" not in Numbers().space


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_sources_of_users_pass_a_type_checker(tmp_path):
    """Overriding model functions with other arguments, numbers and constructors is no error, wrong uses are some."""
    wrong = SOURCES + "\nAbsorptionER(elife=3e5).draw(key=1)\n"
    (tmp_path / "right.py").write_text(SOURCES)
    (tmp_path / "wrong.py").write_text(wrong)
    options = {"extraPaths": [str(Path(wilks.__file__).parents[1])], "typeCheckingMode": "standard"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(options))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "-p", str(tmp_path)]
    printed = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout)
    errors = [e for e in printed["generalDiagnostics"] if e["severity"] == "error"]
    assert printed["summary"]["filesAnalyzed"] == 2
    assert {Path(e["file"]).name for e in errors} == {"wrong.py"}, errors
    assert '"n"' in errors[0]["message"]
