import dataclasses
import subprocess
import sys

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from wilks._base.errors import InvalidOption
from wilks.plots.drawing import DRAWN, draw
from wilks.plots.fits import correlation, pulls
from wilks.plots.scans import contour, scan
from wilks.plots.style import SETTINGS, wilks_style
from wilks.plots.toys import toy_distribution

DRAWABLE = (
    "belt",
    "bias",
    "cls_map",
    "confidence_set",
    "contour",
    "contour_bands",
    "costs",
    "coverage",
    "coverage_check",
    "coverage_curve",
    "coverage_map",
    "fit",
    "fit_table",
    "goodness",
    "impacts",
    "limit",
    "local_test",
    "plane_posterior",
    "predictive_check",
    "ranks",
    "raster",
    "region",
    "samples",
    "scan",
    "scan_2d",
    "scan_table",
    "sensitivity",
    "toys",
    "weighted_samples",
)


def overhang(figure: Figure) -> float:
    """How far, in inches, anything visible reaches out of the figure."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box, (width, height) = figure.get_tightbbox(canvas.get_renderer()), figure.get_size_inches()
    return max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)


@pytest.mark.parametrize("name", DRAWABLE)
def test_every_figure_has_labelled_axes_and_cuts_no_text(results, name):
    figure = draw(results[name])
    assert overhang(figure) < 0.02  # a point and a half, the slack of the layout
    panels = [ax for ax in figure.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]
    assert panels
    assert panels[-1].get_xlabel()
    assert any(ax.get_ylabel() or [t.get_text() for t in ax.get_yticklabels()] for ax in panels)


def test_every_drawable_class_is_drawn_here(results):
    assert {type(results[name]) for name in DRAWABLE} == set(DRAWN)


@pytest.mark.parametrize("name", DRAWABLE)
def test_drawing_leaves_no_trace_in_the_settings_of_matplotlib(results, name):
    before = dict(mpl.rcParams)
    draw(results[name])
    assert dict(mpl.rcParams) == before
    assert not mpl._pylab_helpers.Gcf.figs


def test_drawing_does_not_import_pyplot():
    code = "import sys, wilks.plots.drawing; assert not {'matplotlib.pyplot', 'jax', 'scipy.stats'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["hypothesis_test", "interval", "intervals", "failed_fit", "no_toys"])
def test_a_result_without_a_figure_says_so(results, name):
    with pytest.raises(InvalidOption, match=r"no figure|nothing to draw"):
        draw(results[name])


def test_own_figures_have_the_style_of_wilks_and_given_axes_that_of_the_caller(results):
    own = scan(results["scan"])
    with mpl.rc_context({"font.size": 17.0, "axes.labelsize": 17.0}):
        ax = Figure().add_subplot()
        given = scan(results["scan"], ax=ax)
    assert given is ax
    assert given.xaxis.label.get_fontsize() == 17.0
    assert own.xaxis.label.get_fontsize() == SETTINGS["axes.labelsize"]
    with wilks_style():
        assert mpl.rcParams["font.size"] == SETTINGS["font.size"]


@pytest.mark.parametrize("style", ["CMS", "ATLAS", "LHCb2"])
def test_given_axes_work_under_the_styles_of_mplhep(results, style):
    mplhep = pytest.importorskip("mplhep", reason="mplhep comes with wilks[io]")
    settings = {k: v for k, v in mplhep.style.__dict__[style].items() if not k.startswith("font.")}
    with mpl.rc_context(settings):
        for function, name in [
            (scan, "scan"),
            (contour, "contour"),
            (pulls, "fit"),
            (correlation, "fit"),
            (toy_distribution, "toys"),
        ]:
            ax = Figure(layout="constrained").add_subplot()
            assert function(results[name], ax=ax) is ax
            FigureCanvasAgg(ax.figure).draw()


def test_names_with_dollar_signs_are_text_not_mathematics(results):
    odd = dataclasses.replace(results["scan"], names=("$x_{",), best=(1.0,))
    ax = scan(odd)
    assert overhang(ax.figure) < 0.02  # as above
    assert scan(odd, labels={"$x_{": r"$x$ [GeV]"}).get_xlabel() == r"$x$ [GeV]"
