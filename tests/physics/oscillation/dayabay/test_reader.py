"""The release as it is read, and what is said of one that cannot be used."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from wilks._base.errors import InvalidFile, MissingExtra
from wilks.physics.oscillation.dayabay.layout import PAIRS
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease, read_release


@pytest.fixture
def copy(release: DayaBayRelease, tmp_path: Path) -> Path:
    """A folder whose files are links to those of the release, so that one of them can be replaced."""
    for path in release.folder.rglob("*"):
        if path.suffix in (".npz", ".yaml", ".tsv") and path.is_file():
            target = tmp_path / path.relative_to(release.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    return tmp_path


def replace(folder: Path, name: str, **arrays: np.ndarray) -> None:
    (folder / name).unlink()
    np.savez(folder / name, **arrays)


def test_the_release_holds_what_the_paper_counts(release):
    assert release.counts.sum() == 5_546_118  # 5.55 million candidates, PRL 130 (2023) 161802
    assert release.counts.shape == (len(PAIRS), 240)
    # 1958 days with 8 and 7 detectors of 3158 calendar days were live near the reactors; the longest pair has 1353
    assert 1300 < release.livetime_s.max() / 86400 < 1400
    assert release.baselines_m.shape == (8, 6)
    assert release.baselines_m.max() == 1925.26
    np.testing.assert_allclose(release.background_shapes.sum(axis=2), 1.0, rtol=1e-12)
    assert (release.nonequilibrium[1] == 0).all()  # none for U238


def test_links_to_the_release_read_the_same(release, copy):
    again = read_release(copy)
    assert again.digest == release.digest
    np.testing.assert_array_equal(again.neutrinos, release.neutrinos)


def test_a_missing_key_is_named_with_the_file(copy):
    replace(copy, "detector_iav_matrix.npz", other=np.zeros((240, 240)))
    with pytest.raises(InvalidFile, match=r"detector_iav_matrix\.npz: no key 'iav_matrix'; keys are other"):
        read_release(copy)


def test_a_changed_shape_is_named_with_what_was_expected(copy):
    replace(copy, "detector_iav_matrix.npz", iav_matrix=np.zeros((24, 240)))
    with pytest.raises(InvalidFile, match=r"shape \(24, 240\).*expected \(240, 240\)"):
        read_release(copy)


def test_objects_are_never_unpickled(copy):
    replace(copy, "detector_iav_matrix.npz", iav_matrix=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InvalidFile, match="'iav_matrix' holds objects instead of numbers and is not read"):
        read_release(copy)


def test_another_major_version_is_refused(copy):
    (copy / "dataset_info.yaml").unlink()
    (copy / "dataset_info.yaml").write_text('version: "2.0.0"\n')
    with pytest.raises(InvalidFile, match=r"version '2\.0\.0'; expected 1\.x"):
        read_release(copy)


def test_a_missing_file_is_named(copy):
    (copy / "neutrino_rate.npz").unlink()
    with pytest.raises(InvalidFile, match=r"neutrino_rate\.npz: cannot be read"):
        read_release(copy)


def test_a_file_that_is_no_archive_is_refused(copy):
    (copy / "snf_correction.npz").unlink()
    shutil.copy(copy / "dataset_info.yaml", copy / "snf_correction.npz")
    with pytest.raises(InvalidFile, match=r"snf_correction\.npz: is no archive of arrays"):
        read_release(copy)


def test_without_the_package_it_is_said_what_to_install_and_when_it_is_needed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "dayabay_data_official", None)  # as if it were not installed
    with pytest.raises(MissingExtra, match=r"wilks\[data\]"):
        read_release()
