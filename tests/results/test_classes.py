import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.results.provenance import Provenance
from wilks.results.status import Status
from wilks.results.tables import to_csv


def test_status_codes_are_stable():
    words = ["ok", "at_bound", "fallback_ok", "not_pd", "max_iter", "nonfinite", "failed"]
    assert [Status.from_code(i).word for i in range(7)] == words
    assert [s.code for s in Status] == list(range(7))
    assert [s.word for s in Status if s.converged] == words[:3]
    with pytest.raises(ValueError, match="status code 7 does not exist"):
        Status.from_code(7)


def test_a_fit_gives_its_numbers_by_name(family):
    fit = family["fit"]()
    assert fit.values["mu"] == 1.2874
    assert set(fit.errors) == {"mu", "s_b", "alpha_lumi"}  # not the fixed one, not the one on its bound
    assert fit.free == ("mu", "s_b", "gamma", "alpha_lumi")
    assert fit.twice_nll == 2 * 78.12345678
    assert fit.correlation[0, 1] == pytest.approx(-0.42, rel=1e-12)  # rounding of one product and one quotient
    assert np.isnan(fit.correlation[2]).all()
    assert family["failed_fit"]().errors == {}
    assert family["failed_fit"]().correlation is None


def test_global_correlation_of_two_parameters_is_their_correlation(family):
    fit = family["fit"]()
    two = dataclasses.replace(
        fit, covariance=np.where(np.arange(5) < 2, fit.covariance, 0) * (np.arange(5) < 2)[:, None]
    )
    assert two.global_correlation[:2] == pytest.approx([0.42, 0.42], rel=1e-12)  # exact but for rounding
    assert np.isnan(two.global_correlation[2:]).all()


def test_a_table_counts_its_failures(family):
    table = family["fit_table"]()
    assert len(table) == 6
    assert table.failed == 1
    assert table.statuses[4] is Status.FAILED
    assert table.converged.tolist() == [True, True, True, True, False, True]


def test_scan_p_values_are_the_chi2_law(family):
    scan = family["scan"]()
    one = dataclasses.replace(scan, delta=np.full(22, 2.7055434540954146))
    assert one.p_values(1) == pytest.approx(np.full(22, 0.1), rel=1e-12)  # the 90 % quantile of chi2_1
    assert dataclasses.replace(scan, delta=np.full(22, -1e-12)).p_values(2) == pytest.approx(1.0)
    with pytest.raises(InvalidOption, match="dof is 0"):
        scan.p_values(0)


def test_an_interval_knows_its_holes(family):
    both = family["open_interval"]()
    assert [both.contains(x) for x in (0.0, 0.1133, 0.2, 0.4, 0.6)] == [True, True, False, True, False]
    assert both.plus == pytest.approx(0.5312 - 0.0214, rel=1e-12)
    table = family["intervals"]()
    assert table["mu"].name == "mu"
    assert len(table) == 2
    with pytest.raises(UnknownName, match="did you mean 'mu'"):
        table["muu"]


@given(at=st.integers(0, 300), second=st.integers(0, 300))
def test_splitting_and_merging_toys_changes_nothing(family, at, second):
    toys = family["toys"]()
    first, rest = toys.split(at)
    middle, last = rest.split(min(second, len(rest)))
    again = first.merge(middle, last)
    assert str(again) == str(toys)
    assert np.array_equal(again.t, toys.t, equal_nan=True)
    assert np.array_equal(again.theta, toys.theta)


def test_toys_of_other_studies_do_not_merge(family):
    toys = family["toys"]()
    with pytest.raises(InvalidData, match="toys differ in seed: 7 and 8"):
        toys.merge(dataclasses.replace(toys, seed=8))
    with pytest.raises(InvalidOption, match="cannot split 300 toys after 301"):
        toys.split(301)


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40), st.integers(0, 5), st.floats(0, 60))
def test_a_coverage_curve_counts(family, values, failed, d):
    t = np.sort(values)
    curve = dataclasses.replace(family["coverage_curve"](), t=t, n=len(t) + failed, failed=failed)
    count = sum(x <= d for x in values)
    assert curve.fraction(d) == count / len(t)
    low, high = curve.band(d)
    assert (low, high) == (count / curve.n, (count + failed) / curve.n)
    assert low <= curve.fraction(d) <= high
    assert curve.error(d) >= 0


def test_the_nominal_curve_is_the_chi2_law(family):
    curve = family["coverage_curve"]()
    assert curve.nominal(2.3) == pytest.approx(0.6833632, abs=5e-8)  # seven digits: 1 - exp(-1.15)
    assert curve.nominal(np.array([0.0, -1.0])).tolist() == [0.0, 0.0]


def test_goodness_prefers_toys_to_the_asymptotic_law(family):
    goodness = family["goodness"]()
    assert goodness.p_value == goodness.p_toys
    assert dataclasses.replace(goodness, p_toys=None).p_value == goodness.p_asymptotic


def test_tables_become_csv_with_one_row_per_entry(family, tmp_path):
    rows = {"fit": 5, "fit_table": 6, "toys": 300, "scan": 22, "scan_2d": 506, "interval": 1, "intervals": 2}
    rows |= {"scan_table": 30, "contour": 49, "bias": 2, "coverage_curve": 398, "costs": 4, "no_toys": 0}
    for name, count in rows.items():
        lines = to_csv(family[name](), tmp_path / "table.csv").splitlines()
        assert len(lines) == count + 1
        assert (tmp_path / "table.csv").read_text().splitlines() == lines
    assert to_csv(family["fit"]()).splitlines()[1] == "mu,1.2874,0.3127,,False,False,1.0"
    with pytest.raises(InvalidOption, match="a Coverage is no table"):
        to_csv(family["coverage"]())


def test_settings_are_plain_and_provenance_names_nobody(monkeypatch):
    monkeypatch.setenv("USER", "somebody-by-name")
    monkeypatch.setenv("WILKS_THREADS", "2")
    made = Provenance.collect(seed=3, settings={"level": np.float64(0.9), "grid": (1, 2), "status": Status.OK})
    assert made.settings == {"level": 0.9, "grid": [1, 2], "status": "ok"}
    assert made.seed == 3
    assert made.threads == "WILKS_THREADS=2"
    assert made.started.endswith("+00:00")
    assert {"python", "numpy", "scipy", "jax"} <= set(made.versions)
    assert "somebody" not in repr(made)
