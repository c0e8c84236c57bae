"""Published numbers and ours, side by side."""

from pathlib import Path

import pytest

from wilks.physics.oscillation.closure import Closure, ClosureRow, best_node, closure
from wilks.physics.oscillation.gallium import gallium


def row(ours: float) -> ClosureRow:
    return ClosureRow("x", "mean", 0.8, 0.05, ours, 0.2, "arXiv:0000.00000")


def test_differences_are_in_units_of_the_quoted_error() -> None:
    assert row(0.825).difference == pytest.approx(0.5)
    assert not row(0.825).passed
    assert row(0.805).passed


def test_a_closure_prints_numbers_sources_and_what_is_missing() -> None:
    found = Closure((row(0.825), row(0.80)), {"PROSPECT": "give the folder that holds prospect/"})
    text = str(found)
    assert not found.passed
    assert "1 of 2 numbers agree" in text
    assert "+0.50 (!)" in text
    assert "arXiv:0000.00000" in text
    assert "PROSPECT_not_loaded: give the folder that holds prospect/" in text


def test_the_best_node_of_gallium_is_the_published_one() -> None:
    study = gallium("bahcall", exposures=("BEST-inner", "BEST-outer"), uncertainty=0.0)
    s, m, _ = best_node(study)
    assert s == pytest.approx(0.42, abs=0.03)  # BEST, arXiv:2109.11482
    assert m == pytest.approx(3.3, rel=0.16)


@pytest.mark.shared
@pytest.mark.slow
def test_every_published_number_is_reproduced(shared_data: Path) -> None:
    found = closure(shared_data / "oscillation")
    assert [r.experiment + ": " + r.quantity for r in found.rows if not r.passed] == []
    assert not set(found.missing) - {"Daya Bay"}  # needs the extra `data`
    spectra = {"DANSS", "Bugey-3", "NEOS", "DoubleChooz", "DayaBay-ratio", "RENO", "PROSPECT"}
    compared = {r.experiment for r in found.rows} | set(found.missing)
    assert compared == spectra | {"reactor rates", "gallium, all six", "BEST", "Daya Bay"}
