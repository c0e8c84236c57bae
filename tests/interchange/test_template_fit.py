import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.data.axes import Regular
from wilks.data.histogram import Histogram
from wilks.inference.fitting import fit
from wilks.interchange.template_fit import template_likelihood
from wilks.parameters.parameter import Parameter

hist = pytest.importorskip("hist")

SIGNAL = np.array([0.0, 1.0, 6.0, 1.0])
BACKGROUND = np.array([9.0, 8.0, 7.0, 6.0])
COUNTS = np.array([8.0, 10.0, 20.0, 6.0])
EDGES = np.linspace(0.0, 4.0, 5)
VARIANCES = {"signal": 0.01 * SIGNAL, "background": 0.05 * BACKGROUND}


def weighted(values, variances):
    made = hist.Hist(hist.axis.Regular(4, 0.0, 4.0, name="x"), storage=hist.storage.Weight())
    view = made.view()
    view["value"], view["variance"] = values, variances
    return made


EXACT = {
    "array": lambda values: values,
    "list": lambda values: values.tolist(),
    "tuple": lambda values: (values, EDGES),
}
SIMULATED = {
    "hist": weighted,
    "histogram": lambda values, variances: Histogram.from_weights(Regular(4, 0.0, 4.0), values, variances),
}


@pytest.mark.parametrize("form", EXACT)
def test_plain_values_are_taken_as_exactly_known(form):
    likelihood = template_likelihood({"signal": EXACT[form](SIGNAL), "background": EXACT[form](BACKGROUND)})
    assert likelihood.statistics is None
    result = fit(likelihood, COUNTS)
    # all norms free: the Poisson fit reproduces the number of observed events (to the fit's EDM of 1e-10)
    assert sum(likelihood.predictor(result.values)) == pytest.approx(COUNTS.sum(), rel=1e-5)


@pytest.mark.parametrize("form", SIMULATED)
def test_histograms_bring_the_errors_of_their_simulation(form):
    make = SIMULATED[form]
    likelihood = template_likelihood({n: make(v, VARIANCES[n]) for n, v in templates().items()})
    assert likelihood.statistics is not None
    assert likelihood.statistics.model == "conway"
    wider = fit(likelihood, COUNTS).errors["signal"]
    assert wider > fit(template_likelihood(templates()), COUNTS).errors["signal"]


def templates():
    return {"signal": SIGNAL, "background": BACKGROUND}


def test_all_forms_of_the_same_histogram_give_the_same_fit():
    values = [
        fit(template_likelihood({n: make(v, VARIANCES[n]) for n, v in templates().items()}), COUNTS).theta
        for make in SIMULATED.values()
    ]
    np.testing.assert_array_equal(values[0], values[1])


def test_data_may_be_a_histogram_too():
    data = hist.Hist(hist.axis.Regular(4, 0.0, 4.0), storage=hist.storage.Int64())
    data.view()[:] = COUNTS
    likelihood = template_likelihood(templates())
    np.testing.assert_array_equal(fit(likelihood, data).theta, fit(likelihood, COUNTS).theta)


def test_norms_start_at_one_without_upper_bound_and_may_be_set_otherwise():
    space = template_likelihood(templates(), parameters={"signal": Parameter("mu", 2.0, lower=-1.0)}).space
    assert space.names == ("mu", "background")
    assert (space["mu"].start, space["mu"].lower) == (2.0, -1.0)
    assert (space["background"].start, space["background"].lower, space["background"].upper) == (1.0, 0.0, np.inf)


@pytest.mark.parametrize("statistics", [None, "none", "poisson", "conway"])
def test_template_statistics_can_be_chosen(statistics):
    made = {n: weighted(v, VARIANCES[n]) for n, v in templates().items()}
    likelihood = template_likelihood(made, template_statistics=statistics)
    assert (likelihood.statistics is None) == (statistics in (None, "none"))


def test_different_bins_are_refused_with_both_names():
    other = hist.Hist(hist.axis.Regular(4, 0.0, 5.0), storage=hist.storage.Weight())
    other.fill([1.0, 2.0])
    with pytest.raises(InvalidModel, match=r"'signal' and 'background' have different bins: 4 from 0 to 4, and 4 from"):
        template_likelihood({"signal": weighted(SIGNAL, SIGNAL), "background": other})


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ({"a": np.ones((2, 2))}, r"template 'a' has shape \(2, 2\); give one number per bin"),
        ({"a": "text"}, "template 'a': a str is no histogram"),
        ({"a": (np.ones((2, 2)), EDGES, EDGES)}, "template 'a'"),
    ],
)
def test_what_is_no_template_is_refused_by_name(templates, message):
    with pytest.raises(InvalidData, match=message):
        template_likelihood(templates)


def test_an_empty_template_and_an_unknown_option_are_refused():
    with pytest.raises(InvalidModel, match="template 'a' is empty"):
        template_likelihood({"a": np.zeros(3)})
    with pytest.raises(InvalidOption, match="template statistics 'lite' does not exist"):
        template_likelihood(templates(), template_statistics="lite")
