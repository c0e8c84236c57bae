"""Figures of planes show their regions, overlays and scales."""

import dataclasses

import numpy as np
import pytest

from tests.results.conftest import contour as contour_result
from tests.results.planes import NAMES, belt, region
from wilks._base.errors import InvalidOption
from wilks.plots import regions
from wilks.plots.scans import contour


def texts(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_a_region_carries_overlaid_contours_with_their_calibration():
    asymptotic = dataclasses.replace(contour_result(), names=NAMES)
    ax = contour(region(), overlay=[asymptotic])
    assert any("by toys" in t for t in texts(ax))
    assert any("asymptotic" in t for t in texts(ax))
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == pytest.approx((0.01, 1.0))


def test_several_levels_share_one_figure():
    narrow = dataclasses.replace(region(), level=0.6827)
    ax = regions.region([narrow, region()])
    assert sum("by toys" in t for t in texts(ax)) == 2


def test_maps_say_what_their_colours_are():
    ax = regions.p_value_map(region())
    assert "p-value by toys" in [a.get_ylabel() for a in ax.figure.axes]
    ax = regions.critical_map(region())
    assert any("chi2 with 2 dof: 4.605" in a.get_ylabel() for a in ax.figure.axes)
    empty = dataclasses.replace(region(), critical=np.full(region().t.shape, np.inf), pieces=())
    regions.region(empty)  # everything inside: no edge to draw


def test_a_belt_marks_the_interval_of_an_outcome():
    ax = regions.belt(belt(), outcome=2.0)
    assert any(t.startswith("[") for t in texts(ax))
    with pytest.raises(InvalidOption, match="accepts x = 99"):
        regions.belt(belt(), outcome=99.0)
