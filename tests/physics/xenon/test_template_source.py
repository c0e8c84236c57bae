"""Tests of sources made of histograms, alone and in fits."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName
from wilks.data.events import Events
from wilks.inference.fitting import fit
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.template_source import MultiTemplateSource, TemplateSource

EDGES = [[0.0, 1.0, 2.0, 4.0]]
LOW, HIGH = np.array([30.0, 10.0, 10.0]), np.array([10.0, 20.0, 50.0])
NODES = [({"tilt": 0.0}, LOW), ({"tilt": 2.0}, HIGH)]
SOME = Events({"x": np.array([0.5, 1.5, 3.0])})


def flat(**more) -> TemplateSource:
    return TemplateSource([10.0, 10.0, 20.0], EDGES, ("x",), events_per_bin=True, **more)


def tilted(**more) -> MultiTemplateSource:
    return MultiTemplateSource(NODES, EDGES, ("x",), events_per_bin=True, **more)


def test_rates_and_expected_events_of_one_template():
    np.testing.assert_allclose(flat().rate(None, SOME), [10.0, 10.0, 10.0])
    assert float(flat().expected_events()) == 40.0
    assert float(flat().mu_before_efficiencies()) == 40.0


def test_events_outside_have_no_rate_or_are_refused(caplog):
    outside = Events({"x": np.array([0.5, 4.5])}, source="cal.csv")
    np.testing.assert_allclose(flat().rate(None, outside), [10.0, 0.0])
    assert "cal.csv: 1 of 2 events, the first is event 1, lie outside" in caplog.text
    with pytest.raises(InvalidData, match="outside='zero'"):
        flat(outside="error").prepare(outside)


def test_rates_and_expected_events_morph_with_the_same_weights():
    source = tilted()
    assert source.space["tilt"].start == 0.0
    assert (source.space["tilt"].lower, source.space["tilt"].upper) == (0.0, 2.0)
    for tilt, share in ((0.0, 0.0), (0.5, 0.25), (2.0, 1.0)):
        mixed = (1 - share) * LOW + share * HIGH
        np.testing.assert_allclose(source.rate({"tilt": tilt}, SOME), mixed / [1, 1, 2])
        assert np.isclose(float(source.expected_events({"tilt": tilt})), mixed.sum())
        assert np.isclose(float(source.mu_before_efficiencies({"tilt": tilt})), mixed.sum())


def test_gradients_are_those_of_the_morphed_contents():
    source = tilted()
    prepared = source.prepare(SOME)
    slope = jax.grad(lambda t: source.expected_events({"tilt": t}))(0.5)
    assert np.isclose(float(slope), (HIGH.sum() - LOW.sum()) / 2)
    slopes = jax.jacobian(lambda t: source.log_rate({"tilt": t}, prepared))(0.5)
    np.testing.assert_allclose(np.asarray(slopes), (HIGH - LOW) / 2 / (0.75 * LOW + 0.25 * HIGH))


def test_outside_the_hull_the_log_likelihood_is_minus_infinity():
    likelihood = Unbinned({"s": tilted()}, free={"tilt": (-1.0, 3.0)})
    for events in (SOME, Events({"x": np.zeros(0)})):
        data = likelihood.prepare(events)
        assert float(likelihood.log_prob({"tilt": 2.5}, data)) == -np.inf
        assert np.isfinite(float(likelihood.log_prob({"tilt": 1.9}, data)))
    with pytest.raises(InvalidOption, match="outside the hull"):
        tilted().draw(1, 10, {"tilt": 2.5})


def test_extrapolation_goes_on_linearly_if_asked():
    source = tilted(extrapolate=True)
    mixed = -0.1 * LOW + 1.1 * HIGH
    np.testing.assert_allclose(source.rate({"tilt": 2.2}, SOME), mixed / [1, 1, 2])
    assert source.space["tilt"].upper == np.inf


@pytest.mark.parametrize("interpolate", [False, True])
def test_draws_follow_the_morphed_density(interpolate):
    source = tilted(interpolate=interpolate)
    drawn = source.draw(3, 20_000, {"tilt": 0.5})
    fine = Events({"x": (np.arange(4000) + 0.5) / 1000})
    mu = float(source.expected_events({"tilt": 0.5}))
    expected = source.rate({"tilt": 0.5}, fine).reshape(8, 500).sum(axis=1) / 1000
    assert np.isclose(expected.sum(), mu, rtol=1e-6)  # midpoints of a piecewise linear density
    observed = np.histogram(drawn["x"], np.linspace(0, 4, 9))[0]
    assert chisquare(observed, expected / expected.sum() * 20_000).pvalue > 1e-3  # one fixed draw


def test_sets_have_poisson_numbers_and_depend_on_their_own_key_alone():
    keys = list(jax.random.split(jax.random.key(0), 400))
    sets = tilted().simulate(keys, {"tilt": 0.5})
    numbers = np.array([len(events) for events in sets])
    mu = float(tilted().expected_events({"tilt": 0.5}))
    assert abs(numbers.mean() - mu) < 4 * np.sqrt(mu / 400)  # four standard errors
    assert 0.75 < numbers.var() / mu < 1.25  # 3.5 standard errors of sqrt(2/400)
    (alone,) = tilted().simulate(keys[7:8], {"tilt": 0.5})
    np.testing.assert_array_equal(alone["x"], sets[7]["x"])
    assert tilted().simulate([], None) == ()


def test_a_fit_finds_the_node_from_which_events_come():
    likelihood = Unbinned({"sig": tilted(), "bkg": flat()}, free_rates=["sig", "bkg"], free={"tilt": (0.0, 2.0)})
    truth = {"sig_rate_multiplier": 20.0, "bkg_rate_multiplier": 5.0, "tilt": 1.2}
    result = fit(likelihood, likelihood.simulate(jax.random.key(2), truth))
    for name, value in truth.items():
        assert abs(result.values[name] - value) < 4 * result.errors[name]  # four standard deviations of one fixed draw


def test_a_pure_rate_fit_has_the_analytic_error():
    likelihood = Unbinned({"t": flat()}, free_rates=["t"])
    result = fit(likelihood, Events({"x": np.linspace(0.1, 3.9, 25)}))
    assert np.isclose(result.values["t_rate_multiplier"], 25 / 40, rtol=1e-6)  # accuracy of the minimiser
    assert np.isclose(result.errors["t_rate_multiplier"], np.sqrt(25) / 40, rtol=1e-5)  # fault 7 of xenon.md


def test_scattered_nodes_morph_in_two_parameters():
    nodes = [({"a": 0.0, "b": 0.0}, LOW), ({"a": 1.0, "b": 0.0}, HIGH), ({"a": 0.0, "b": 1.0}, 2 * LOW)]
    source = MultiTemplateSource(nodes, EDGES, ("x",), events_per_bin=True)
    mixed = 0.5 * LOW + 0.25 * HIGH + 0.25 * 2 * LOW
    np.testing.assert_allclose(source.rate({"a": 0.25, "b": 0.25}, SOME), mixed / [1, 1, 2])
    assert np.isclose(float(source.mu_before_efficiencies({"a": 0.25, "b": 0.25})), mixed.sum())


def test_sources_are_compiled_once_for_all_values():
    source, prepared, count = tilted(), tilted().prepare(SOME), []

    @eqx.filter_jit
    def judged(source, values, prepared):
        count.append(1)
        return source.log_rate(values, prepared)

    for tilt in (0.1, 0.9, 1.7):
        judged(source, {"tilt": jnp.asarray(tilt)}, prepared)
    assert len(count) == 1


def test_wrong_use_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'tilt'"):
        tilted().expected_events({"tild": 1.0})
    with pytest.raises(InvalidOption, match="choose one of zero, error"):
        flat(outside="maybe")
    other = TemplateSource([1.0], [[0.0, 1.0]], ("y",)).templates[0]
    with pytest.raises(InvalidModel, match="template 1 has the columns"):
        MultiTemplateSource([({"a": 0.0}, flat().templates[0]), ({"a": 1.0}, other)])
