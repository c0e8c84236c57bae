import dataclasses

import numpy as np
import pytest

from wilks._base.errors import InvalidOption, UnknownName
from wilks.plots.model_functions import model_function

GRID = np.linspace(1.0, 5.0, 9)


def line(x, mu=1.0, s_b=2.0):
    return mu * x + s_b


def shifted(x, y, *, slope=1.0):
    return slope * x + y


@pytest.fixture
def fit(results):
    """A fit whose first two parameters are called as those of the line."""
    found = results["fit"]
    names = ("mu", "s_b", *found.names[2:])
    return dataclasses.replace(found, names=names)


def test_values_replace_defaults(fit):
    ax = model_function(line, GRID, label="default")
    model_function(line, GRID, values={"mu": 3.0}, label="given", ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), GRID + 2)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), 3 * GRID + 2)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "line")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["default", "given"]


def test_the_band_of_a_fit_is_the_propagated_covariance(fit):
    ax = model_function(line, GRID, values=fit)
    mean = fit.theta[0] * GRID + fit.theta[1]
    covariance = fit.covariance[:2, :2]
    error = np.sqrt(covariance[0, 0] * GRID**2 + 2 * covariance[0, 1] * GRID + covariance[1, 1])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), mean)
    outline = ax.collections[0].get_paths()[0].vertices
    # the function is linear, so central differences are exact up to rounding
    assert np.isclose(outline[:, 1].max(), (mean + error).max(), rtol=1e-9)
    assert np.isclose(outline[:, 1].min(), (mean - error).min(), rtol=1e-9)


def test_other_arguments_need_a_value():
    ax = model_function(shifted, GRID, at={"y": 10.0}, logarithmic=True)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), GRID + 10)
    assert ax.get_xscale() == "log"
    with pytest.raises(InvalidOption, match="takes y as well"):
        model_function(shifted, GRID)


def test_what_is_no_parameter_is_named():
    with pytest.raises(UnknownName, match="no parameter 'm'; did you mean 'mu'"):
        model_function(line, GRID, values={"m": 1.0})
    with pytest.raises(InvalidOption, match="nothing but parameters"):
        model_function(lambda a=1.0: a, GRID)
