"""The study of xenon: events, rates, fits by own functions, and what the tutorial printed."""

import json

import numpy as np
import pytest
from scipy.special import chdtr

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption
from wilks.cli.outcome import finite
from wilks.data.events import Events
from wilks.physics.xenon.er import ERSource
from wilks.results.fits import FitResult
from wilks.results.provenance import Provenance
from wilks.studies.study import Effort
from wilks.studies.xenon.analysis import build_chain, xenon
from wilks.studies.xenon.marginals import compare_marginals
from wilks.studies.xenon.model_functions import absorbed, parabola
from wilks.studies.xenon.posing import log_rates
from wilks.studies.xenon.printed import FITS, compare_simulation, table_of, text_of_worst
from wilks.studies.xenon.rates import rates_of, rates_table
from wilks.studies.xenon.report import COVERED
from wilks.studies.xenon.sample import read_sample, seed_of, simulate_sample
from wilks.studies.xenon.simulations import simulate, slices_of


@pytest.fixture(scope="module")
def report():
    """Without the six-parameter fit, whose derivatives take long to compile."""
    return xenon(yields=False, effort=Effort(toys=0, seed=3))


@pytest.fixture(scope="module")
def source():
    return ERSource()


def test_it_goes_from_simulation_to_a_limit(report):
    assert list(report.results) == [
        "simulated", "rates", "fit", "intervals", "intervals_90", "fit_absorption", "intervals_absorption",
        "slices", "limit", "marginals", "printed",
    ]  # fmt: skip
    assert report.status == "ok"
    assert report.sentence.startswith("Electron lifetime")


def test_the_fit_finds_the_lifetime_of_the_simulation(report):
    best = report.results["fit"]
    assert isinstance(best, FitResult)
    assert abs(best.values["elife"] - 452e3) < 4 * best.errors["elife"]
    # a lifetime known to 6 % by 20 events; a rate by their number
    assert best.errors["elife"] == pytest.approx(2.6e4, rel=0.3)
    events, mu = report.numbers["events"], report.numbers["expected_of_1000"]
    assert best.values["er_rate_multiplier"] == pytest.approx(events / mu, rel=1e-3)  # as far as mu knows the lifetime
    assert best.errors["er_rate_multiplier"] == pytest.approx(np.sqrt(events) / mu, rel=1e-2)


def test_a_length_is_the_lifetime_times_the_drift_velocity(report, source):
    by_time, by_length = report.results["fit"], report.results["fit_absorption"]
    # the same density in other words: equal minima, to the EDM of the fits
    assert by_length.excess == pytest.approx(by_time.excess, abs=1e-6)
    assert by_length.values["absorption_length"] == pytest.approx(
        by_time.values["elife"] * source.drift_velocity, rel=1e-3
    )
    time, length = report.results["intervals_90"]["elife"], report.results["intervals_absorption"]["absorption_length"]
    # ends meet their threshold within 1e-6
    assert length.lower == pytest.approx(time.lower * source.drift_velocity, rel=1e-4)
    assert length.upper == pytest.approx(time.upper * source.drift_velocity, rel=1e-4)


def test_the_report_shows_every_result(report):
    shown = {name for chapter in report.chapters for name in chapter.results}
    assert shown == set(report.results)


def test_numbers_are_plain_and_complete(report):
    document = json.loads(json.dumps(finite(report.numbers)))
    assert {"parameters", "intervals_90", "fit_absorption", "slices", "limit", "printed"} <= set(document)
    assert document["limit"]["cross_section_cm2"] == pytest.approx(1e-47 * document["limit"]["limit"])
    assert document["coverage"] == {}
    assert {row["text"] for row in document["printed"]} >= {"elife (lifetime), ns", "absorption_length (length), cm"}


def test_rates_at_two_lifetimes_are_those_of_the_source(source):
    sample = simulate_sample(source, 25, 5)
    rates = rates_of(source, sample)
    np.testing.assert_allclose(rates.logs[0], np.log(source.rate({"elife": 100e3}, sample.events)), rtol=1e-12)
    assert rates.worst is None
    assert np.isfinite(rates.logs).all()
    assert rates.logs[0].sum() < rates.logs[1].sum() - 100  # events at 100 us would be outliers


def test_many_events_are_judged_in_pieces(source):
    events = source.draw(seed_of(1, 2), 80)
    assert len(events) > 40
    np.testing.assert_allclose(
        log_rates(source, None, events), np.log(source.rate(None, events)), rtol=1e-12, atol=1e-12
    )


@pytest.mark.shared
def test_visible_events_have_their_known_rates(shared_data, source):
    sample = read_sample(shared_data / "xenon" / "er_events.csv")
    rates = rates_of(source, sample)
    assert rates.worst is not None
    assert rates.worst < 1e-4  # required by the column's reference
    assert "exact rates in the table" in str(rates_table(rates, Provenance.collect()))


def test_deep_events_measure_the_charge_less_well():
    slices = slices_of(simulate("2.1.0", 1).poor)
    deep, middle, high = slices
    assert deep.spread > 1.5 * middle.spread > 2 * high.spread
    for part in slices:
        assert abs(part.bias) < 5 * part.spread / np.sqrt(part.events)  # mean losses are corrected


def test_functions_of_the_user_take_arrays():
    z = np.array([-60.0, 0.0])
    np.testing.assert_allclose(absorbed(z), [0.96 / np.e, 0.96])
    np.testing.assert_allclose(parabola(np.array([365.0, 3650.0]), a=0.1), [0.4, 0.1], atol=1e-8)  # shift of 1e-9


def test_marginals_see_a_wrong_distribution():
    rng = np.random.default_rng(2)
    model = Events({"s1": rng.normal(size=2000), "s2": rng.normal(size=2000)})
    same = Events({"s1": rng.normal(size=50), "s2": rng.normal(1.0, size=50)})
    flat = (rng.random(50), rng.random(2000))
    found = {m.name: m.p_value for m in compare_marginals(same, model, flat)}
    assert set(found) == {"s1", "s2", "ln rate"}
    assert found["s2"] < 1e-4 < 1e-2 < min(found["s1"], found["ln rate"])


def test_the_tutorials_numbers_are_compared_within_both_errors():
    rows = compare_simulation(848, 848.0, 60.342)
    assert rows[0].pull == pytest.approx((848 - 836) / np.sqrt(2 * 1000 * 0.848 * 0.152))
    assert (rows[1].printed, rows[1].pull) == (60.342, None)
    assert "survivors" in text_of_worst(rows)
    assert "452 us" in str(table_of(rows, Provenance.collect()))
    assert FITS["fit"]["elife"] == (4.59e5, 1.81e4)


def test_quantiles_of_the_quoted_levels_are_those_of_chi_square():
    for level, quantile in COVERED.items():
        assert float(chdtr(1.0, quantile)) == pytest.approx(level, abs=1e-5)  # quantiles to five decimals


def test_tables_that_cannot_be_fitted_are_refused(tmp_path):
    lines = {"no_column": "s1,s2\n1,2\n", "empty": "s1,s2,z,drift_time\n"}
    for name, text in lines.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(InvalidFile, match="no column z, drift_time"):
        read_sample(tmp_path / "no_column.csv")
    with pytest.raises(InvalidFile, match="empty"):
        read_sample(tmp_path / "empty.csv")
    (tmp_path / "cut.csv").write_text("s1,s2,r,z,drift_time,event_time\n100,500,10,-13.35,1e5,1.58e18\n")
    with pytest.raises(InvalidData, match="s1"):
        build_chain(tmp_path / "cut.csv", "2.1.0", 25, 1)


def test_a_simulation_of_which_nothing_is_left_is_refused(source):
    lost = next(seed for seed in range(60) if not len(source.draw(seed_of(seed, 1), 1)))  # one event in seven
    with pytest.raises(InvalidOption, match="none of 1 simulated events"):
        build_chain(None, "2.1.0", 1, lost)
