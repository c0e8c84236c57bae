import copy
import itertools
import pickle

import numpy as np
import pytest

from wilks._base.errors import InvalidModel, UnknownName
from wilks.physics.flavor.charges import AbelianGroup, U1Group
from wilks.physics.flavor.groups import A4, NonAbelianGroup, contraction
from wilks.physics.flavor.modular_table import representation

PAIRS = list(itertools.product(A4.representations, repeat=2))


def numbers(matrix):
    return np.array([[complex(entry) for entry in row] for row in matrix])


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_contractions_of_a4_are_covariant_under_s_and_t(one, two):
    for irrep, matrix in A4.contractions(one, two):
        for a, b, c in zip(*(representation(3, r) for r in (one, two, irrep)), strict=True):
            difference = numbers(matrix) @ np.kron(a, b) - c @ numbers(matrix)
            assert np.max(np.abs(difference)) < 1e-12  # entries of size 1 and a handful of roundings


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_contractions_of_a4_lose_no_component(one, two):
    rows = np.concatenate([numbers(matrix) for _, matrix in A4.contractions(one, two)])
    assert rows.shape == (A4.dimension(one) * A4.dimension(two),) * 2
    assert np.linalg.matrix_rank(rows) == len(rows)


def test_the_product_of_1pp_and_3_has_its_three_components():
    expected = contraction("a1*b2", "a1*b3", "a1*b1", dimensions=(1, 3))  # arXiv:1706.08749; a peer repeats a row
    assert A4.contractions("1pp", "3") == (("3", expected),)
    product = A4.multiply_components(A4.components({"1pp": [["p"]]}), A4.components({"3": [["x", "y", "z"]]}))
    assert [str(c) for c in product["3"][0]] == ["p*y", "p*z", "p*x"]


def test_a_repeated_row_of_a_clebsch_matrix_is_refused():
    broken = [["0", "1", "0"], ["0", "0", "1"], ["0", "0", "1"]]
    with pytest.raises(InvalidModel, match="only 2 of 3 rows are independent"):
        NonAbelianGroup("A4", (), A4.representations, A4.tensor_products, {"1pp x 3": {"3": [broken]}})


def test_brackets_protect_differences():
    product = A4.multiply_components(A4.components({"1": [["a - b"]]}), A4.components({"1": [["c - d"]]}))
    assert str(product["1"][0][0]) == "a*c - a*d - b*c + b*d"


def test_the_antisymmetric_contraction_of_a_field_with_itself_vanishes():
    triplet = A4.components({"3": [["x1", "x2", "x3"]]})
    product = A4.multiply_components(triplet, triplet)
    assert {irrep: len(found) for irrep, found in product.items()} == {"1": 1, "1p": 1, "1pp": 1, "3": 1}


def test_dimensions_follow_from_the_table():
    assert [A4.dimension(irrep) for irrep in A4.representations] == [1, 1, 1, 3]
    assert A4.multiply(("1p", "3"), ("3",)) == ("3", "1", "1p", "1pp", "3", "3")
    assert A4.is_desired(("1", "3"), "3")
    assert not A4.is_desired(("1", "3"), ("1p", "1pp"))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (((("1",),), (("2",),)), "must be 2 x 2"),
        (((("1",), ("2",)), (("2",), ("9",))), "not closed"),
        (((("1",), ("2",)), (("1",), ("1", "2"))), "differ"),
        (((("1",), ("2",)), (("2",), ("1", "2"))), "do not add up"),
    ],
)
def test_a_wrong_table_of_tensor_products_is_refused(table, message):
    with pytest.raises(InvalidModel, match=message):
        NonAbelianGroup("G", (), ("1", "2"), table)


def test_wrong_clebsch_matrices_are_refused():
    with pytest.raises(InvalidModel, match="expected 1 rows of 9"):
        NonAbelianGroup("A4", (), A4.representations, A4.tensor_products, {"3 x 3": {"1": [[["1", "1"]]]}})
    with pytest.raises(InvalidModel, match="has it 0 times"):
        NonAbelianGroup("A4", (), A4.representations, A4.tensor_products, {"1 x 1": {"3": [[["1"]]]}})
    with pytest.raises(UnknownName, match="no irrep '7'"):
        NonAbelianGroup("A4", (), A4.representations, A4.tensor_products, {"7 x 1": {"1": [[["1"]]]}})
    with pytest.raises(UnknownName, match="no Clebsch-Gordan matrices"):
        NonAbelianGroup("A4", (), A4.representations, A4.tensor_products).contractions("3", "3")
    with pytest.raises(InvalidModel, match="3 components, got 2"):
        A4.components({"3": [["x", "y"]]})


def test_charges_of_cyclic_groups_add_modulo_their_order():
    group = AbelianGroup("Z3", 3)
    assert group.multiply(group.charge(5), 2) == 1
    assert group.is_desired(4, 1)
    assert not group.is_desired(2, 1)
    with pytest.raises(InvalidModel, match="no integer"):
        group.charge(0.5)
    with pytest.raises(InvalidModel, match="at least 1"):
        AbelianGroup("Z0", 0)


def test_real_charges_are_compared_with_a_tolerance():
    group = U1Group("hypercharge")
    assert 0.1 + 0.2 != 0.3
    assert group.is_desired(group.multiply(0.1, 0.2), 0.3)
    assert not group.is_desired(0.3, 0.3001)
    with pytest.raises(InvalidModel, match="not finite"):
        group.charge(float("nan"))


@pytest.mark.parametrize("group", [A4, AbelianGroup("Z4", 4), U1Group("k")])
def test_groups_pickle_and_copy_as_the_same_symmetry(group):
    for twin in (pickle.loads(pickle.dumps(group)), copy.deepcopy(group)):
        assert twin == group
        assert {group: 1}[twin] == 1
