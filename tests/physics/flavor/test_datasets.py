import pickle

import numpy as np
import pytest

from wilks._base.errors import InvalidData, UnknownName
from wilks._base.notices import notice
from wilks.physics.flavor.absolute_masses import cosmology, kamland_zen, katrin
from wilks.physics.flavor.datasets import (
    CHARGED_LEPTONS,
    CHARGED_LEPTONS_GUT,
    QUARKS_GUT,
    WOLFENSTEIN_2024,
    GaussianTable,
)
from wilks.physics.flavor.nufit_figures import figures
from wilks.physics.flavor.nufit_terms import nufit


def table(**row):
    return GaussianTable({"x": {"best": 2.0, "1sig_min": 1.5, "1sig_max": 2.1, **row}}, "test")


def test_each_entry_is_judged_against_its_own_best_value():
    # FlavorPy 0.2.0 compares all entries of a Gaussian set with the last one
    terms = figures("5.3", "NO").terms()
    best = {name: row["best"] for name, row in figures("5.3", "NO").rows.items()}
    assert sum(terms.chi2(best).values()) == pytest.approx(0.0, abs=1e-20)
    one_off = best | {"s12^2": best["s12^2"] + 0.0115}
    assert terms.chi2(one_off)["s12^2"] == pytest.approx(1.0, abs=1e-9)


def test_errors_are_symmetric_unless_asked_otherwise():
    assert table().terms().chi2({"x": 2.3})["x"] == pytest.approx(1.0)
    sided = GaussianTable(table().rows, asymmetric=True).terms()
    assert sided.chi2({"x": 2.1})["x"] == pytest.approx(1.0)
    assert sided.chi2({"x": 1.5})["x"] == pytest.approx(1.0)


def test_reversed_limits_of_negative_values_are_taken():
    terms = figures("5.3", "IO").terms()
    assert figures("5.3", "IO").limits("m3l^2") == (-2.511e-3, -2.46e-3)
    assert terms.chi2({"m3l^2": -2.5125e-3})["m3l^2"] == pytest.approx(1.0)  # half of 2.511 - 2.46 away


def test_the_ratio_of_splittings_is_that_of_the_published_tables():
    rows = figures("5.3", "NO").rows["r"]
    expected = (0.0741 / 2.505, 0.0721 / 2.529, 0.0762 / 2.479, 0.0681 / 2.586, 0.0803 / 2.426)
    assert tuple(rows.values()) == pytest.approx(expected, rel=1e-12)
    rows = figures("5.2", "IO").rows["r"]
    expected = (0.0741 / -2.486, 0.0721 / -2.511, 0.0762 / -2.458, 0.0682 / -2.570, 0.0803 / -2.406)
    assert tuple(rows.values())[:3] == pytest.approx(expected[:3], rel=1e-12)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"1sig_max": 1.5, "best": 1.5}, "'x' has no width"),
        ({"best": np.nan}, "expected finite numbers"),
        ({"best": 3.0}, "best value 3.0 of 'x' lies outside its limits 1.5 to 2.1"),
    ],
)
def test_bad_rows_are_refused_with_observable_and_values(row, message):
    with pytest.raises(InvalidData, match=message):
        table(**row)


def test_missing_rows_and_names_are_named():
    with pytest.raises(InvalidData, match="'x' lacks 1sig_min, 1sig_max"):
        GaussianTable({"x": {"best": 1.0}})
    with pytest.raises(InvalidData, match="no observable in it"):
        GaussianTable({})
    with pytest.raises(UnknownName, match="no limits at 3 sigma"):
        table().limits("x", 3)
    with pytest.raises(UnknownName, match="no observable 'y'"):
        table().limits("y")


def test_sets_add_up_and_say_when_their_scales_differ(caplog):
    notice.cache_clear()  # it is said once per process
    both = QUARKS_GUT.terms() | CHARGED_LEPTONS_GUT.terms()
    assert len(both.names) == 10
    assert not caplog.records
    mixed = WOLFENSTEIN_2024.terms() | CHARGED_LEPTONS_GUT.terms()
    assert "different scales in one fit: GUT scale" in caplog.text
    assert "low energy" in mixed.scheme
    with pytest.raises(InvalidData, match=r"both NuFIT.* and charged leptons.* hold me/mu, mu/mt"):
        nufit("5.3", "NO") | CHARGED_LEPTONS.terms()
    assert set((nufit("5.3", "NO").without("me/mu", "mu/mt") | CHARGED_LEPTONS_GUT.terms()).names) >= {"me/mu", "r"}
    with pytest.raises(InvalidData, match=r"assumes NO, .* IO"):
        nufit("5.3", "NO").without(*nufit("5.3", "NO").names[1:]) | nufit("5.3", "IO").without("me/mu")


def test_limits_on_absolute_masses_have_their_documented_shapes():
    assert katrin().chi2({"m_b^2": -0.01})["m_b^2"] == pytest.approx(1.0)
    assert katrin().chi2({"m_b^2": -0.29})["m_b^2"] == pytest.approx(1.0)
    limit = 0.028 + 0.5 * (0.122 - 0.028)
    assert kamland_zen().chi2({"m_bb": limit})["m_bb"] == pytest.approx(2.706, rel=1e-6)
    assert kamland_zen().chi2({"m_bb": 0.5 * limit})["m_bb"] == pytest.approx(2.706 / 16, rel=1e-5)
    assert kamland_zen(matrix_element=1.0).chi2({"m_bb": 0.122})["m_bb"] == pytest.approx(2.706, rel=1e-6)
    assert cosmology().chi2({"Sum(m_i)": 0.06})["Sum(m_i)"] == pytest.approx(3.841 / 4, rel=1e-9)
    with pytest.raises(UnknownName, match="publication"):
        kamland_zen("arXiv:0000.00000")


def test_data_sets_pickle():
    for data in (QUARKS_GUT, nufit("5.3", "NO"), nufit("5.3", "IO", "full"), nufit("5.2", "NO", "1d", "flavorpy")):
        again = pickle.loads(pickle.dumps(data))
        assert again.ordering == data.ordering
