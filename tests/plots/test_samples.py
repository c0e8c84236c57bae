"""Figures of posterior draws: what is on them, and what is refused."""

import dataclasses

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.plots.samples import autocorrelations, corner, trace


def panels(figure):
    FigureCanvasAgg(figure).draw()
    return figure.axes


def test_a_corner_plot_has_a_panel_per_parameter_and_pair(results):
    figure = corner(results["samples"], truth={"mu": 1.0}, best={"mu": 1.1, "s_b": 0.98})
    axes = panels(figure)
    assert len(axes) == 3  # two densities, one pair; the held mass is left out
    assert [ax.get_xlabel() for ax in axes] == ["", "mu", "s_b"]
    assert axes[1].get_ylabel() == "s_b"
    assert [line.get_xdata()[0] for line in axes[0].lines[1:]] == [1.0, 1.1]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["95.45 %", "68.27 %", "truth", "best"]


def test_regions_of_a_pair_hold_their_part_of_the_draws(results):
    rng = np.random.default_rng(2)
    draws = results["samples"].draws.copy()
    many = np.concatenate([rng.normal(size=(2, 4000, 2)), np.full((2, 4000, 1), 125.0)], axis=2)
    samples = dataclasses.replace(
        results["samples"],
        draws=many,
        log_prob=np.zeros((2, 4000)),
        log_prior=np.zeros((2, 4000)),
        lower=np.full(3, -np.inf),
        ess_bulk=np.array([8000.0, 8000.0, np.nan]),
    )
    assert draws.shape[1] == 80
    ax = corner(samples, levels=(0.6827,)).axes[1]
    (outline,) = [c for c in ax.collections if not c.get_facecolor().size]
    (path,) = [p for p in outline.get_paths() if len(p.vertices)]
    inside = path.contains_points(many[..., :2].reshape(-1, 2))
    assert np.mean(inside) == pytest.approx(0.6827, abs=0.01)  # cells of the grid hold up to 1e-3 each


def test_a_corner_plot_of_predictions_leaves_out_undefined_draws(results):
    figure = corner(results["predictions"], ["m12^2", "d/pi", "mu"], labels={"mu": r"$\mu$"})
    assert len(panels(figure)) == 6
    assert figure.axes[-1].get_xlabel() == r"$\mu$"


def test_a_trace_shows_every_chain_against_its_steps(results):
    figure = trace(results["samples"])
    upper, lower = panels(figure)
    assert len(upper.lines) == 2
    assert upper.lines[0].get_xdata()[:2].tolist() == [510, 520]
    assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == ("mu", "s_b", "step")
    assert len(panels(trace(results["samples"], ["mu"], most=1))[0].lines) == 1


def test_autocorrelations_begin_at_one_and_name_their_times(results):
    ax = autocorrelations(results["samples"], ax=Figure().add_subplot())
    assert ax.lines[0].get_ydata()[0] == 1.0
    assert ax.lines[0].get_xdata()[1] == 10
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [r"mu, $\tau$ = 31 steps", r"s_b, $\tau$ = 24.2 steps"]


def test_what_cannot_be_drawn_is_refused(results):
    samples = results["samples"]
    with pytest.raises(UnknownName, match="no draws of 'nu'"):
        corner(samples, ["nu"])
    with pytest.raises(InvalidOption, match="0 quantities in one corner plot"):
        corner(samples, [])
    with pytest.raises(InvalidOption, match=r"level 2\.0 must lie between 0 and 1"):
        corner(samples, levels=(2.0,))
    with pytest.raises(InvalidData, match=r"'mass' has the same value 125.0 in all draws"):
        corner(samples, ["mu", "mass"])
    with pytest.raises(InvalidData, match="only 10 draws have all of mu, s_b; 20 are needed"):
        corner(samples.thin(16))
