"""Tests of templates: what they hold, how they interpolate, and draws that follow them."""

import boost_histogram as bh
import hist
import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from wilks._base.errors import InvalidData, InvalidModel
from wilks.data.axes import Regular, Variable
from wilks.data.events import Events
from wilks.data.histogram import Histogram
from wilks.physics.xenon.template import Template
from wilks.physics.xenon.template_reading import as_template

X, Y = np.array([0.0, 1.0, 3.0, 4.0]), np.array([-1.0, 0.0, 0.5])
COUNTS = np.array([[1.0, 2.0], [6.0, 3.0], [0.0, 4.0]])


class Multihist:
    """What the package multihist makes."""

    histogram = COUNTS
    bin_edges = (X, Y)
    axis_names = ("x", "y")


def template(*, interpolate: bool = False) -> Template:
    return as_template(COUNTS, [X, Y], ("x", "y"), events_per_bin=True, interpolate=interpolate)


def of_hist() -> hist.Hist:
    made = hist.Hist(hist.axis.Variable(X, name="x"), hist.axis.Variable(Y, name="y"))
    made.view()[...] = COUNTS
    return made


SOURCES = {
    "wilks": lambda: Histogram.from_counts((Variable(tuple(X), "x"), Variable(tuple(Y), "y")), COUNTS),
    "hist": of_hist,
    "multihist": Multihist,
}


def grid(template: Template, n: int) -> tuple[Events, float]:
    """Midpoints of a fine grid that meets all edges and centres, and the area of its cells."""
    x, y = ((np.arange(n) + 0.5) / n * (e[-1] - e[0]) + e[0] for e in template.edges)
    mesh = np.meshgrid(x, y, indexing="ij")
    return Events({"x": mesh[0].ravel(), "y": mesh[1].ravel()}), (x[1] - x[0]) * (y[1] - y[0])


@pytest.mark.parametrize("kind", SOURCES)
def test_histograms_of_all_packages_give_the_same_template(kind):
    found = as_template(SOURCES[kind](), events_per_bin=True)
    np.testing.assert_array_equal(found.rate, template().rate)
    assert found.names == ("x", "y")


def test_a_boost_histogram_takes_names_from_the_user():
    made = bh.Histogram(bh.axis.Regular(2, 0, 4))
    made.view()[...] = [3, 5]
    assert as_template(made, names=("s1",), events_per_bin=True).rate.tolist() == [1.5, 2.5]
    with pytest.raises(InvalidModel, match="give names"):
        as_template(made)


def test_contents_are_rates_or_events_per_bin():
    assert template().total == 16.0
    rates = as_template(COUNTS, [X, Y], ("x", "y"))
    assert rates.total == float(np.sum(COUNTS * np.outer(np.diff(X), np.diff(Y))))


def test_lookup_gives_the_rate_of_the_bin_and_zero_outside():
    events = Events({"x": np.array([0.5, 2.0, 4.0, 4.1, -0.1]), "y": np.array([-0.5, 0.2, 0.5, 0.0, 0.0])})
    np.testing.assert_allclose(template().density(events), [1.0, 3.0, 8.0, 0.0, 0.0])


@pytest.mark.parametrize("interpolate", [False, True])
def test_the_density_integrates_to_the_contents(interpolate):
    made = template(interpolate=interpolate)
    events, area = grid(made, 240)  # 240 cells meet all edges and centres, so the midpoint rule is exact
    assert np.isclose(np.sum(made.density(events)) * area, 16.0, rtol=1e-12)


def test_interpolation_is_linear_between_centres_and_flat_beyond():
    made = as_template([2.0, 4.0, 1.0], [[0.0, 1.0, 2.0, 3.0]], ("x",), interpolate=True)
    events = Events({"x": np.array([0.0, 0.25, 0.5, 1.0, 1.5, 2.25, 3.0, 3.01])})
    np.testing.assert_allclose(made.density(events), [2.0, 2.0, 2.0, 3.0, 4.0, 1.75, 1.0, 0.0])


def test_a_single_bin_can_be_interpolated():
    made = as_template([2.0], [[0.0, 2.0]], ("x",), interpolate=True)
    np.testing.assert_allclose(made.density(Events({"x": np.array([0.1, 1.9])})), 2.0)


@pytest.mark.parametrize("interpolate", [False, True])
def test_draws_follow_the_density(interpolate):
    made = template(interpolate=interpolate)
    drawn = made.draw(np.random.default_rng(4), 20_000)
    x, y = np.linspace(0, 4, 9), np.array([-1, -0.5, 0.0, 0.25, 0.5])
    observed = np.histogram2d(drawn["x"], drawn["y"], [x, y])[0]
    events, area = grid(made, 240)
    expected = np.histogram2d(events["x"], events["y"], [x, y], weights=made.density(events) * area)[0]
    some = expected > 0
    assert (observed[~some] == 0).all()
    probability = chisquare(observed[some], expected[some] / 16 * 20_000).pvalue
    assert probability > 1e-3  # one fixed draw


def test_draws_within_a_triangle_follow_its_distribution():
    made = as_template([0.0, 1.0, 0.0], [[0.0, 1.0, 2.0, 3.0]], ("x",), interpolate=True)
    drawn = made.draw(np.random.default_rng(1), 5000)["x"]
    triangle = lambda x: np.where(x < 1.5, (x - 0.5) ** 2 / 2, 1 - (2.5 - x) ** 2 / 2)  # noqa: E731
    assert kstest(drawn, triangle).pvalue > 1e-3  # one fixed draw


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [[0, 1, 2]]), "give names"),
        (([1.0, 2.0], [[0, 1, 2]], ("x", "y")), "every axis needs the name"),
        (([1.0, 2.0], [[0, 1]], ("x",)), r"shape \(2,\) do not fit bins of shape \(1,\)"),
        (([1.0, -2.0], [[0, 1, 2]], ("x",)), r"bin \(1,\) is -2"),
        (([1.0, np.nan], [[0, 1, 2]], ("x",)), r"bin \(1,\) is nan"),
        (([1.0, 2.0], [[0, 2, 1]], ("x",)), "must ascend"),
        (([1.0, 2.0],), "a list without edges"),
    ],
)
def test_templates_without_sense_are_refused(arguments, message):
    with pytest.raises(InvalidModel, match=message):
        as_template(*arguments, events_per_bin=True)


def test_categories_are_refused():
    made = hist.Hist(hist.axis.StrCategory(["a", "b"], name="c"))
    with pytest.raises(InvalidModel, match="categories"):
        as_template(made)


def test_events_must_hold_the_columns_as_finite_numbers():
    with pytest.raises(InvalidData, match="no column 'y'"):
        template().density(Events({"x": np.zeros(2)}))
    with pytest.raises(InvalidData, match="'y' is not finite"):
        template().density(Events({"x": np.zeros(2), "y": np.array([0.0, np.nan])}))


def test_an_empty_template_draws_nothing():
    empty = as_template([0.0], [[0.0, 1.0]], ("x",))
    assert len(empty.draw(np.random.default_rng(0), 0)["x"]) == 0
    with pytest.raises(InvalidModel, match="all its contents are 0"):
        empty.draw(np.random.default_rng(0), 1)


def test_a_regular_axis_of_wilks_is_read():
    made = as_template(Histogram.from_counts(Regular(2, 0.0, 4.0, "s1"), [3.0, 5.0]), events_per_bin=True)
    assert made.total == 8.0
    assert made.names == ("s1",)
