"""Readers of released files: what they read, and what they say of files that cannot be used."""

from pathlib import Path

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidFile, UnknownName
from wilks.physics.oscillation.readers.dayabay_neos_2016 import read_halls, read_neos_2016
from wilks.physics.oscillation.readers.files import read_numbers
from wilks.physics.oscillation.readers.globesfit import read_flux_tables, read_globesfit
from wilks.physics.oscillation.readers.prospect import read_prospect


def numbers(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "numbers.npz"
    np.savez(path, **arrays)
    return path


def test_rows_of_numbers_may_be_separated_by_commas_or_blanks(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("# heading\n1, 2\n3\t4 # note\n\n")
    assert read_numbers(path, (2, 2)).tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3\n", "line 2: 1 columns; expected 2"),
        ("1,2\n3,x\n", "line 2: '3,x' holds something that is no number"),
        ("1,2\n3,nan\n", "line 2: '3,nan' holds a number that is not finite"),
        ("1,2\n", "1 rows of numbers; expected 2"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(InvalidFile, match=f"a.txt.*{message}"):
        read_numbers(path, (2, 2))


def test_a_folder_in_place_of_the_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"is a folder; expected the file numbers\.npz"):
        read_globesfit(tmp_path)


def test_arrays_of_objects_are_refused_with_their_key(tmp_path: Path) -> None:
    path = numbers(tmp_path, good=np.ones(3), bad=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InvalidFile, match="key 'bad' holds objects"):
        read_globesfit(path)


@pytest.mark.parametrize("text", [b"", b"no archive"])
def test_files_that_are_no_archives_are_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "numbers.npz"
    path.write_bytes(text)
    with pytest.raises(InvalidFile, match=r"numbers\.npz"):
        read_globesfit(path)


def test_keys_are_checked_for_presence_shape_and_finite_values(tmp_path: Path) -> None:
    found = read_globesfit(numbers(tmp_path, ratio=np.ones(3), broken=np.array([1.0, np.nan])))
    with pytest.raises(InvalidFile, match="no key 'ratios'; did you mean 'ratio'"):
        found.array("ratios", (3,))
    with pytest.raises(InvalidFile, match=r"key 'ratio' has shape \(3,\); expected \(4,\)"):
        found.array("ratio", (4,))
    with pytest.raises(InvalidFile, match="key 'broken' holds a value that is not finite"):
        found.array("broken", (2,))


def test_a_covariance_in_place_of_its_inverse_is_recognised(tmp_path: Path) -> None:
    found = read_globesfit(numbers(tmp_path, W=np.eye(2) * 1e-4))
    with pytest.raises(InvalidData, match=r"looks like a covariance.*the key holds an inverse"):
        found.inverse_covariance("W", 2)


def test_an_indefinite_inverse_is_refused_with_its_eigenvalue(tmp_path: Path) -> None:
    found = read_globesfit(numbers(tmp_path, W=np.array([[2.0, 3.0], [3.0, 2.0]])))
    with pytest.raises(
        InvalidData, match=r"'W': the inverse covariance is not positive definite \(lowest eigenvalue -1"
    ):
        found.inverse_covariance("W", 2)


def test_rounding_in_an_inverse_is_symmetrised_silently_and_more_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tilted = np.array([[9.0, 1.0], [1.0 + 1e-6, 9.0]])
    found = read_globesfit(numbers(tmp_path, W=tilted, V=tilted + np.array([[0, 0.5], [0, 0]])))
    assert found.inverse_covariance("W", 2)[0, 1] == pytest.approx(1.0 + 0.5e-6, abs=1e-15)  # exact mean
    assert not caplog.records
    found.inverse_covariance("V", 2)
    assert "'V' is asymmetric by 0.056" in caplog.text


def test_fission_fractions_must_add_up(tmp_path: Path) -> None:
    found = read_globesfit(numbers(tmp_path, f=np.array([0.5, 0.1, 0.3, 0.05]), g=np.array([0.56, 0.08, 0.31, 0.05])))
    with pytest.raises(InvalidData, match="fission fractions 'f'"):
        found.fractions("f")
    assert found.fractions("g").sum() == pytest.approx(1.0)


def test_path_tables_need_equal_steps_and_averages_between_0_and_1(tmp_path: Path) -> None:
    x = np.array([0.0, 1.0, 2.0])
    uneven = np.stack([np.array([0.0, 1.0, 2.5]), 0.5 * x / 2], axis=1)
    large = np.stack([x, x], axis=1)
    found = read_globesfit(numbers(tmp_path, uneven=uneven, large=large))
    with pytest.raises(InvalidData, match="first column of 'uneven' must rise in equal steps"):
        found.path_table("uneven")
    with pytest.raises(InvalidData, match="'large' holds an average of sin"):
        found.path_table("large")


def test_an_unknown_flux_table_lists_the_names(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="known names are 'HM', 'EF', 'HKSS'"):
        read_flux_tables(tmp_path, "ILL")


def test_an_incomplete_prospect_folder_lists_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"missing 1\.1_Osc_SegmentMap\.txt, 1\.2_Osc.*and 7 more"):
        read_prospect(tmp_path)
    with pytest.raises(InvalidFile, match="is no folder"):
        read_prospect(tmp_path / "nowhere")


def test_an_incomplete_folder_of_2016_lists_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"missing DataEH1\.dat, DataEH2\.dat, DataEH3\.dat, ReconstructMatrix\.dat"):
        read_halls(tmp_path)
    with pytest.raises(InvalidFile, match=r"missing neos/AllData\.dat"):
        read_neos_2016(tmp_path)


@pytest.mark.shared
def test_the_released_files_are_read_as_published(shared_data: Path) -> None:
    folder = shared_data / "oscillation"
    release = read_prospect(folder / "prospect")
    assert release.counts.shape == (10, 16)
    assert len(release.length_m) == 70  # active segments, arXiv:2006.11210
    assert release.counts.sum() == pytest.approx(50560, rel=1e-4)  # events, arXiv:2006.11210, printed to 10
    spectra = read_halls(folder / "dayabay_neos_2016")
    assert spectra.observed.sum(axis=1).tolist() == [1203965, 1033209, 308150]  # arXiv:1610.04802, table VI, summed
    assert spectra.edges[[0, 1, -1]].tolist() == [0.7, 1.3, 12.0]
    ratio = read_neos_2016(folder / "dayabay_neos_2016")
    assert ratio.asymmetry == pytest.approx(0.178, abs=1e-3)  # as digitised, printed to three digits
    assert np.array_equal(ratio.covariance, ratio.covariance.T)


@pytest.mark.shared
def test_two_sets_of_double_chooz_fractions_are_told_apart(shared_data: Path) -> None:
    found = read_globesfit(shared_data / "oscillation" / "globesfit" / "numbers.npz")
    spectral, rate = (0.511, 0.087, 0.340, 0.062), (0.520, 0.087, 0.333, 0.060)
    assert found.fractions("DCF").tolist() == list(spectral)  # the file holds those of the spectral analysis
    assert spectral != rate
