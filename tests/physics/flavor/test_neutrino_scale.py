import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks.physics.flavor.neutrino_scale import Splittings, average_scale_squared, gaussian_scale_squared

BEST = Splittings(7.41e-5, 0.21e-5, 2.505e-3, 0.026e-3)


def gaussian(m21, m3l):
    return ((m21 - BEST.m21) / BEST.sigma21) ** 2 + ((m3l - BEST.m3l) / BEST.sigma3l) ** 2


def test_a_spectrum_of_the_right_ratio_is_met_by_all():
    a, b = jnp.asarray(BEST.m21 / 4e-4), jnp.asarray(BEST.m3l / 4e-4)
    for find in (average_scale_squared, gaussian_scale_squared):
        assert float(find(a, b, BEST)) == pytest.approx(4e-4, rel=1e-14)


@pytest.mark.parametrize("ratio", [0.02, 0.029, 0.04])
def test_the_best_scale_is_the_minimum_for_parabolas(ratio):
    a, b = jnp.asarray(ratio), jnp.asarray(1.0)
    x = float(gaussian_scale_squared(a, b, BEST))
    slope, curvature = jax.grad(at := lambda t: gaussian(t * a, t * b))(x), jax.grad(jax.grad(at))(x)
    assert abs(slope / curvature) < 1e-13 * x  # distance to the minimum; rounding of x
    assert curvature > 0


def test_the_best_scale_beats_the_average_where_the_ratio_is_off():
    # r two sigma off: below 4 by the best scale, about 10 by the average
    a, b = jnp.asarray(BEST.m21 + 2 * BEST.sigma21), jnp.asarray(BEST.m3l)
    best, average = gaussian_scale_squared(a, b, BEST), average_scale_squared(a, b, BEST)
    assert float(gaussian(best * a, best * b)) < 4.0
    assert float(gaussian(average * a, average * b)) > 2 * float(gaussian(best * a, best * b))


def test_undefined_scales_are_zero_with_finite_slopes():
    zero = jnp.zeros(())
    for find in (average_scale_squared, gaussian_scale_squared):
        assert float(find(zero, zero, BEST)) == 0.0
        assert np.isfinite(jax.grad(lambda a, find=find: find(a, zero, BEST))(0.0))


def test_inverted_ordering_has_negative_splittings():
    best = Splittings(7.41e-5, 0.21e-5, -2.487e-3, 0.0255e-3)
    a, b = jnp.asarray(0.03), jnp.asarray(-1.0)
    for find in (average_scale_squared, gaussian_scale_squared):
        assert float(find(a, b, best)) == pytest.approx(2.48e-3, rel=1e-2)
