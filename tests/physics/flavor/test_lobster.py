import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.physics.flavor.lobster import lobster_band

# 3-sigma ranges of NuFIT 5.3 (2024), www.nu-fit.org
BOXES = {
    "NO": {
        "s12^2": (0.275, 0.344),
        "s13^2": (0.02047, 0.02397),
        "m21^2": (6.81e-5, 8.03e-5),
        "m3l^2": (2.426e-3, 2.586e-3),
    },
    "IO": {
        "s12^2": (0.275, 0.344),
        "s13^2": (0.02049, 0.02420),
        "m21^2": (6.81e-5, 8.03e-5),
        "m3l^2": (-2.566e-3, -2.407e-3),
    },
}


def scanned(ordering, mass, rng, size=40_000):
    """m_bb of random points of the box with random phases."""
    low_high = BOXES[ordering].values()
    s12, s13, m21, m3l = (
        rng.choice([*ends], size) if rng.random() < 0.5 else rng.uniform(*ends, size) for ends in low_high
    )
    if ordering == "NO":
        masses = (mass + 0 * m21, np.sqrt(mass**2 + m21), np.sqrt(mass**2 + m3l))
    else:
        masses = (np.sqrt(mass**2 - m3l - m21), np.sqrt(mass**2 - m3l), mass + 0 * m21)
    phases = np.exp(1j * np.pi * rng.choice([*np.linspace(0, 2, 33)], (2, size)))
    terms = masses[0] * (1 - s12) * (1 - s13), masses[1] * s12 * (1 - s13), masses[2] * s13
    return np.abs(terms[0] + terms[1] * phases[0] + terms[2] * phases[1])


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_the_band_encloses_a_random_scan_and_is_reached_by_it(ordering):
    rng = np.random.default_rng(3)
    masses = np.logspace(-4, 0, 9)
    band = lobster_band(ordering, BOXES[ordering], masses)
    for i, mass in enumerate(masses):
        found = np.concatenate([scanned(ordering, mass, rng) for _ in range(8)])
        assert np.min(found) >= band.lower[i] * (1 - 1e-12)  # rounding
        assert np.max(found) <= band.upper[i] * (1 + 1e-12)
        # 320 000 points, half of each coordinate on an end: extreme corners with extreme phases come within 2 %
        assert np.max(found) > 0.98 * band.upper[i]
        assert np.min(found) < 1.02 * band.lower[i] + 0.01 * band.upper[i]


def test_the_band_without_ranges_is_the_closed_formula():
    box = {"s12^2": (0.3, 0.3), "s13^2": (0.02, 0.02), "m21^2": (7e-5, 7e-5), "m3l^2": (2.5e-3, 2.5e-3)}
    band = lobster_band("NO", box, np.array([0.0]))
    b, c = np.sqrt(7e-5) * 0.3 * 0.98, 0.05 * 0.02
    assert [band.lower[0], band.upper[0]] == pytest.approx([b - c, b + c], rel=1e-14)  # rounding


@given(st.sampled_from(["NO", "IO"]), st.lists(st.floats(1e-5, 10), min_size=1, max_size=4), st.floats(0, 1))
def test_a_smaller_box_gives_a_narrower_band(ordering, masses, share):
    masses, outer = np.array(masses), BOXES[ordering]
    inner = {name: (low + 0.5 * share * (high - low), high) for name, (low, high) in outer.items()}
    wide, narrow = lobster_band(ordering, outer, masses), lobster_band(ordering, inner, masses)
    assert (narrow.upper <= wide.upper * (1 + 1e-12)).all()  # rounding
    assert (narrow.lower >= wide.lower * (1 - 1e-12)).all()


def test_the_band_has_its_known_shape():
    no, io = (lobster_band(ordering, BOXES[ordering]) for ordering in ("NO", "IO"))
    assert len(no.masses) == 1000
    assert no.lower[(no.masses > 3e-3) & (no.masses < 6e-3)].max() == 0.0  # complete cancellation, NO only
    assert io.lower.min() > 0.01
    assert io.upper[0] == pytest.approx(0.0496, rel=0.01)  # sqrt(|m32|) c13 at a massless third neutrino


def test_ends_of_a_range_come_in_any_order():
    turned = {name: ends[::-1] for name, ends in BOXES["IO"].items()}
    assert (lobster_band("IO", turned).lower == lobster_band("IO", BOXES["IO"]).lower).all()


def test_bad_input_is_named():
    with pytest.raises(InvalidOption, match="NO, IO"):
        lobster_band("normal", BOXES["NO"])
    with pytest.raises(UnknownName, match=r"'m3l\^2'"):
        lobster_band("NO", {k: v for k, v in BOXES["NO"].items() if k != "m3l^2"})
    with pytest.raises(InvalidData, match=r"m3l\^2.*for NO"):
        lobster_band("NO", BOXES["IO"])
    with pytest.raises(InvalidData, match="at least 0"):
        lobster_band("NO", BOXES["NO"], np.array([-0.1]))
    with pytest.raises(InvalidData, match="negative in a corner"):
        lobster_band("IO", {**BOXES["IO"], "m21^2": (1e-3, 1e-2)})
