"""Arrays of response matrices: shapes, weights, files that are refused."""

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidFile
from wilks.data.response_matrices import ResponseMatrices


def arrays():
    return np.ones((2, 3, 2)) / 4, np.array([0, 2]), np.array([5, 0, 7]), np.array([1.0, 3.0])


def test_missing_columns_are_zero():
    dense = ResponseMatrices(*arrays()).dense()
    assert dense.shape == (2, 3, 3)
    assert dense[:, :, 1].sum() == 0


def test_the_mean_is_weighted():
    matrices, *rest = arrays()
    matrices[1] = 0.5
    assert np.allclose(ResponseMatrices(matrices, *rest).mean().matrices, 0.25 * 0.25 + 0.75 * 0.5, rtol=1e-15)


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, np.full((2, 3, 2), np.nan), r"\(0, 0, 0\) .* is nan"),
        (1, np.array([0, 0]), "different truth bins"),
        (1, np.array([0, 3]), "different truth bins below 3"),
        (3, np.array([0.0, 0.0]), "not be negative, nor all zero"),
        (3, np.array([1.0, -1.0]), "not be negative"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(position, value, message):
    given = list(arrays())
    given[position] = value
    with pytest.raises(InvalidData, match=message):
        ResponseMatrices(*given)


def test_names_of_variations_are_one_each_and_different(tmp_path):
    named = ResponseMatrices(*arrays(), variations=("up", "down"))
    named.save(tmp_path / "named.npz")
    assert ResponseMatrices.load(tmp_path / "named.npz").variations == ("up", "down")
    for wrong in (("up",), ("up", "up")):
        with pytest.raises(InvalidData, match="one each and different"):
            ResponseMatrices(*arrays(), variations=wrong)


def test_files_may_leave_out_what_has_a_default(tmp_path):
    np.savez(tmp_path / "m.npz", matrices=np.ones((3, 2)) / 4)
    loaded = ResponseMatrices.load(tmp_path / "m.npz")
    assert loaded.matrices.shape == (1, 3, 2)
    assert loaded.columns.tolist() == [0, 1]
    assert loaded.weights.tolist() == [1]


def test_files_that_are_no_matrices_are_refused(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, other=np.ones(3))
    with pytest.raises(InvalidFile, match="no array 'matrices'; found other"):
        ResponseMatrices.load(path)
    np.savez(path, matrices=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InvalidFile, match="not a readable npz archive of numbers"):
        ResponseMatrices.load(path)
    np.savez(path, matrices=np.ones((2, 3, 2)), weights=np.array([1.0, -1.0]))
    with pytest.raises(InvalidFile, match=r"m\.npz: weights of variations"):
        ResponseMatrices.load(path)
    np.savez(path, matrices=np.ones(3))
    with pytest.raises(InvalidFile, match=r"shape \(3,\)"):
        ResponseMatrices.load(path)
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(InvalidFile, match="found nothing"):
        ResponseMatrices.load(tmp_path / "a.npy")
    (tmp_path / "t.npz").write_text("text")
    with pytest.raises(InvalidFile, match="not a readable npz"):
        ResponseMatrices.load(tmp_path / "t.npz")
