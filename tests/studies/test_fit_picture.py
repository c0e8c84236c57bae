import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.data.axes import Regular
from wilks.data.histogram import Histogram
from wilks.inference.fitting import fit
from wilks.interchange.histfactory import Workspace
from wilks.interchange.template_fit import template_likelihood
from wilks.likelihood.joint import Joint
from wilks.parameters.parameter import Parameter
from wilks.studies.fit_picture import channel_pictures, plot_fit

TEMPLATES = {"signal": [0.0, 6.0, 1.0], "background": [9.0, 8.0, 7.0]}
AXIS = Regular(3, 100.0, 130.0, name="m4l", unit="GeV")
DATA = Histogram.from_counts(AXIS, [8, 20, 6], label="data")


@pytest.fixture(scope="module")
def fitted():
    likelihood = template_likelihood(TEMPLATES)
    return likelihood, fit(likelihood, DATA)


def test_a_histogram_brings_its_edges_and_components_add_up(fitted):
    (picture,) = channel_pictures(*fitted, DATA)
    np.testing.assert_array_equal(picture.edges, AXIS.edges)
    assert (picture.quantity, picture.unit) == ("m4l", "GeV")
    np.testing.assert_allclose(sum(picture.components.values()), picture.postfit, rtol=1e-12)
    np.testing.assert_allclose(picture.prefit, [9, 14, 8])
    assert (picture.band > 0).all()


def test_the_picture_has_data_stack_and_pulls(fitted):
    figure = plot_fit(*fitted, DATA, title="a fit")
    upper, lower = figure.axes
    assert {text.get_text() for text in upper.get_legend().get_texts()} >= {"data", "signal", "background"}
    assert lower.get_xlabel() == "m4l [GeV]"


def test_a_joint_has_one_panel_per_channel():
    mu = Parameter("mu", 1.0, lower=0.0)
    parts = {
        name: template_likelihood(
            TEMPLATES, parameters={"signal": mu, "background": Parameter(f"b_{name}", 1.0, lower=0.0)}
        )
        for name in ("e", "mu")
    }
    data = {"e": DATA, "mu": np.array([10.0, 12.0, 9.0])}
    joint = Joint(parts)
    result = fit(joint, data)
    pictures = channel_pictures(joint, result, data)
    assert [p.title for p in pictures] == ["e", "mu"]
    np.testing.assert_array_equal(pictures[1].edges, [0, 1, 2, 3])  # plain values: bin numbers
    for picture, name in zip(pictures, parts, strict=True):
        values = {"mu": result.values["mu"], f"b_{name}": result.values[f"b_{name}"]}
        np.testing.assert_allclose(picture.postfit, parts[name].predictor(values), rtol=1e-12)
    assert len(plot_fit(joint, result, data).axes) == 4


def test_a_workspace_is_drawn_sample_by_sample():
    document = {
        "version": "1.0.0",
        "channels": [
            {
                "name": "region",
                "samples": [
                    {
                        "name": "s",
                        "data": [12.0, 11.0],
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                    {
                        "name": "b",
                        "data": [50.0, 52.0],
                        "modifiers": [{"name": "u", "type": "shapesys", "data": [3, 7]}],
                    },
                ],
            }
        ],
        "observations": [{"name": "region", "data": [57.0, 60.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }
    workspace = Workspace.read(document)
    likelihood, data = workspace.likelihood(), workspace.data()
    (picture,) = channel_pictures(likelihood, fit(likelihood, data), data)
    assert list(picture.components) == ["b", "s"]
    np.testing.assert_allclose(sum(picture.components.values()), picture.postfit, rtol=1e-12)


def test_edges_of_another_length_are_refused(fitted):
    with pytest.raises(InvalidOption, match=r"3 edges given for 3 bins of channel 'main'; expected 4"):
        plot_fit(*fitted, DATA, edges=[0.0, 1.0, 2.0])
