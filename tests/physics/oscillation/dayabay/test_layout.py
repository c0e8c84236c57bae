"""Detectors and periods: the order of pairs, subsets, sums over periods."""

import pytest

from wilks._base.errors import InvalidOption, UnknownName
from wilks.physics.oscillation.dayabay.layout import DETECTORS, PAIRS, layout_of


def test_pairs_run_over_detectors_and_then_periods_without_those_that_did_not_run():
    assert len(PAIRS) == 21
    assert PAIRS[:4] == (("AD11", "6AD"), ("AD11", "8AD"), ("AD12", "6AD"), ("AD12", "8AD"))
    assert not {("AD22", "6AD"), ("AD34", "6AD"), ("AD11", "7AD")} & set(PAIRS)


def test_a_subset_keeps_the_order_of_detectors_and_knows_its_rows():
    layout = layout_of(("AD31", "AD11"))
    assert layout.detectors == ("AD11", "AD31")
    assert [PAIRS[i] for i in layout.rows] == list(layout.pairs)
    assert layout.detector.tolist() == [0, 0, 1, 1, 1]
    assert layout.places.tolist() == [DETECTORS.index("AD11"), DETECTORS.index("AD31")]


def test_periods_are_summed_per_detector_on_request():
    layout = layout_of(None, "detector")
    assert layout.spectra == DETECTORS
    assert layout.groups.tolist() == layout.detector.tolist()
    assert len(layout_of().spectra) == 21


def test_each_hall_has_its_rates_in_each_period():
    assert len(layout_of().sites) == 9
    assert layout_of(("AD11",)).sites == (("EH1", "6AD"), ("EH1", "8AD"))


@pytest.mark.parametrize(
    ("detectors", "concatenation", "error", "words"),
    [
        (("AD13",), "detector", UnknownName, "no detector 'AD13'"),
        ((), "detector", InvalidOption, "at least one"),
        (("AD11", "AD11"), "detector", InvalidOption, "each once"),
        (None, "period", InvalidOption, "choose one of detector_period, detector"),
    ],
)
def test_bad_choices_are_named(detectors, concatenation, error, words):
    with pytest.raises(error, match=words):
        layout_of(detectors, concatenation)
