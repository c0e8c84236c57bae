"""Fixtures of all tests: the folder of real data, and JAX's strict modes."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jax
import pytest

import wilks._base.runtime  # noqa: F401  the runtime's settings come before any array

# Every run draws the same examples, and the first call of a compiled function may take its time.
hypothesis.settings.register_profile("wilks", deadline=None, derandomize=True)
hypothesis.settings.load_profile("wilks")

jax.config.update("jax_numpy_rank_promotion", "raise")


_STATM = Path("/proc/self/statm")  # of Linux: sizes of this process in pages
_PAGES_KEPT = 2_000_000_000 // 4096  # compiled programs add up to more than a small machine has


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory() -> Iterator[None]:
    """Forget compiled programs after a file of tests once they fill two gigabytes; too many can crash a process."""
    yield
    if _STATM.exists() and int(_STATM.read_text().split()[1]) > _PAGES_KEPT:
        jax.clear_caches()


@pytest.fixture(scope="session", autouse=True)
def _everything_traced() -> Iterator[None]:
    """Trace every program here, where types and shapes are checked, and keep none: few are asked for twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wilks.inference.stored_programs.program_directory", lambda: None)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data files: WILKS_TEST_DATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("WILKS_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data files not found at {folder}; set WILKS_TEST_DATA to the folder that holds atlas4l/")
    return folder
