"""Switches: alternatives and their probabilities, and the parameters that take them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidParameter, UnknownName
from wilks.parameters.choices import Choice
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

THREE = Choice(("HM", "HKSS", "Estienne"), (0.5, 0.2, 0.3))
SPACE = ParameterSpace((Parameter("mu", prior=Normal(0.0, 1.0)), Parameter("flux", prior=THREE)))


def test_probabilities_of_alternatives():
    values = jnp.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    with np.errstate(divide="ignore"):
        expected = np.log([0.0, 0.5, 0.0, 0.2, 0.3, 0.0])
    np.testing.assert_allclose(jax.vmap(THREE.log_prob)(values), expected, rtol=1e-14)
    np.testing.assert_allclose(jax.vmap(THREE.cdf)(values), [0, 0.5, 0.5, 0.7, 1, 1], atol=1e-15)
    np.testing.assert_allclose(jax.vmap(THREE.survival)(values), [1, 0.5, 0.5, 0.3, 0, 0], atol=1e-15)


def test_quantiles_are_the_first_alternative_that_reaches_a_probability():
    u = jnp.array([0.0, 0.5, 0.500001, 0.69, 0.71, 1.0])
    np.testing.assert_array_equal(jax.vmap(THREE.quantile)(u), [0, 0, 1, 1, 2, 2])
    draws = jax.vmap(THREE.sample)(jax.random.split(jax.random.key(1), 10_000))
    shares = np.bincount(np.asarray(draws).astype(int), minlength=3) / 10_000
    np.testing.assert_allclose(shares, THREE.probabilities, atol=5 * 0.005)  # five binomial errors


def test_alternatives_are_equally_probable_by_default():
    assert Choice(("a", "b")).probabilities == (0.5, 0.5)


def test_a_switch_is_no_parameter_of_fits_until_it_is_chosen():
    assert SPACE.free == ("mu",)
    assert SPACE.switches == ("flux",)
    assert repr(SPACE["flux"]) == "Parameter(flux = HM of HM, HKSS, Estienne)"
    chosen = SPACE.choose(flux="Estienne")
    assert chosen.switches == ()
    assert chosen["flux"].start == 2.0
    assert repr(chosen["flux"]) == "Parameter(flux = Estienne fixed)"
    assert float(chosen.log_prior({"mu": 0.0, "flux": 2.0})) == pytest.approx(float(Normal(0.0, 1.0).log_prob(0.0)))
    assert chosen.release("flux").switches == ("flux",)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Choice(("HM",)), InvalidParameter, "name at least two"),
        (lambda: Choice("HM"), InvalidParameter, "name at least two"),
        (lambda: Choice(("HM", "HM")), InvalidParameter, "each once"),
        (lambda: Choice(("HM", "")), InvalidParameter, "printable and not empty"),
        (lambda: Choice(("HM", "HKSS"), (0.5,)), InvalidParameter, "one each, with sum 1"),
        (lambda: Choice(("HM", "HKSS"), (0.5, 0.6)), InvalidParameter, "with sum 1"),
        (lambda: Choice(("HM", "HKSS"), (0.0, 1.0)), InvalidParameter, "must be positive"),
        (lambda: THREE.index("HMS"), UnknownName, "no alternative 'HMS'"),
        (lambda: Parameter("flux", lower=0.0, prior=THREE), InvalidParameter, "neither bounds nor a period"),
        (lambda: Parameter("flux", 3, prior=THREE), InvalidParameter, "start 3 is the number of no alternative"),
        (lambda: Parameter("flux", 0.5, prior=THREE), InvalidParameter, "HM, HKSS, Estienne are 0 to 2"),
        (lambda: SPACE.choose(mu="HM"), InvalidParameter, "'mu' is no switch"),
        (lambda: SPACE.choose(flux="HMS"), UnknownName, "no alternative 'HMS'"),
    ],
)
def test_bad_switches(make, error, message):
    with pytest.raises(error, match=message):
        make()
