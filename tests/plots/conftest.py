"""Results to draw: the reference files that the tests of the results keep up to date."""

from pathlib import Path

import pytest

from wilks.results.result import AbstractResult
from wilks.results.store import load

REFERENCE = Path(__file__).parents[1] / "reference" / "results"


@pytest.fixture(scope="session")
def results() -> dict[str, AbstractResult]:
    return {path.stem: load(path) for path in sorted(REFERENCE.glob("*.json"))}
