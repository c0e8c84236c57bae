import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from wilks.likelihood.curves import gaussian_curve
from wilks.physics.flavor.nufit_terms import nufit
from wilks.physics.flavor.scale_guess import ScaleGuess

LN10 = np.log(10.0)


def solar_and_atmospheric():
    terms = nufit("5.3", "NO")
    return terms["m21^2"].curve, terms["m3l^2"].curve


@pytest.mark.parametrize("rho", [-3.0, -0.3, -0.02, 0.0, 0.013, 0.2, 2.0])
def test_the_table_knows_the_lowest_minimum(rho):
    solar, atmospheric = solar_and_atmospheric()
    guess = ScaleGuess.of((solar, atmospheric), (True, False))
    a, best = 1.0, np.array([10**solar.best, atmospheric.best])
    b = best[1] * np.exp(rho) / best[0]
    log_x, found = guess.log_x(jnp.array([a, b]), jnp.asarray(best))

    def chi2(at):
        return float(solar(np.log10(a) + at / LN10) + atmospheric(b * np.exp(at)))

    ends = sorted((np.log(best[0] / a), np.log(best[1] / b)))
    grid = np.linspace(ends[0] - 1e-6, ends[1] + 1e-6, 4001)
    near = grid[np.argmin([chi2(at) for at in grid])]
    width = grid[1] - grid[0]
    lowest = minimize_scalar(chi2, bounds=(near - width, near + width), method="bounded", options={"xatol": 1e-12})
    assert bool(found)
    # chi2 is flat at its minimum: one point of the table less than 0.005 sigma away changes it by 2e-5, more where it
    # is thousands
    assert chi2(float(log_x)) <= lowest.fun * (1 + 1e-4) + 1e-4


def test_gaussian_curves_have_their_minimum_in_closed_form():
    guess = ScaleGuess.of((gaussian_curve(2.0, 0.1), gaussian_curve(-5.0, 0.2)), (False, False))
    splittings, best = jnp.array([1.0, -2.6]), jnp.array([2.0, -5.0])
    log_x, found = guess.log_x(splittings, best)
    x = (2.0 / 0.1**2 + 2.6 * 5.0 / 0.2**2) / (1.0 / 0.1**2 + 2.6**2 / 0.2**2)
    assert bool(found)
    assert float(log_x) == pytest.approx(np.log(x), abs=1e-5)  # steps of the table: 4e-4, squared


@pytest.mark.parametrize("splittings", [[1.0, -2.5], [-1.0, 2.5], [0.0, 2.5], [1.0, 1e9], [np.nan, 1.0]])
def test_what_the_table_does_not_know_is_said(splittings):
    guess = ScaleGuess.of((gaussian_curve(2.0, 0.1), gaussian_curve(5.0, 0.2)), (False, False))
    _, found = guess.log_x(jnp.array(splittings), jnp.array([2.0, 5.0]))
    assert not bool(found)
