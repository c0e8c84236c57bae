import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidFile
from wilks.physics.xenon.configuration import read_configuration
from wilks.physics.xenon.draws import Draws
from wilks.physics.xenon.er import ERSource


def test_a_configuration_prints_itself_and_makes_the_same_source(tmp_path, er, er_events):
    made = ERSource(elife=300e3, photon_detection_eff=0.11, fv_radius=40.0)
    text = repr(made.print_config())
    for part in ("elife", "300000", "photon_detection_eff", "0.11", "1000 values from 0 to 10", "drift_time"):
        assert part in text
    path = tmp_path / "detector.toml"
    path.write_text(made.print_config().toml(), encoding="utf-8")
    again = ERSource(config=path)
    assert again.rate(None, er_events) == pytest.approx(made.rate(None, er_events), rel=1e-12)
    assert again.fv_radius == 40.0
    assert ERSource(config=path, elife=1e5).space["elife"].start == 1e5


def test_python_files_are_parsed_and_never_run(tmp_path):
    path = tmp_path / "config.py"
    path.write_text('"""A detector."""\nelife = 300_000.0\nenergies = [1.0, 2.0]\nrates_vs_energy = [3.0, 4.0]\n')
    found = read_configuration(path)
    assert found["elife"] == 300e3
    assert np.array_equal(found["energies"], [1.0, 2.0])
    evil = tmp_path / "evil.py"
    for line in ("import os", "elife = __import__('os').getpid()", "a, b = 1, 2", "print(3)", "x += 1"):
        evil.write_text(f"g2 = 20.0\n{line}\n")
        with pytest.raises(InvalidFile, match=r"evil.py, line 2"):
            read_configuration(evil)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "[sources]\nelife = 1.0\n", r"unknown table \[sources\]"),
        ("a.toml", "elife = \n", "a.toml"),
        ("a.py", "elife = (\n", "a.py, line"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidFile, match=message):
        read_configuration(path)
    with pytest.raises(InvalidFile, match=r"missing\.toml"):
        read_configuration(tmp_path / "missing.toml")


def test_draws_of_a_set_do_not_depend_on_other_sets():
    keys = list(jax.random.split(jax.random.key(1), 3))
    together, alone = Draws(keys), Draws(keys[1:2])
    together.set_sizes([5, 7, 2])
    alone.set_sizes([7])
    for places in (False, True):
        several = together(lambda g, n: g.random(n), places=places)
        assert np.array_equal(several[5:12], alone(lambda g, n: g.random(n), places=places))
