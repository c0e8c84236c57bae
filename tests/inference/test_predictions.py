"""Predictions with errors: J C J^T for fits, one prediction per draw for posteriors."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.models import OBSERVED, closed_and_open, peak, systematics, twins
from tests.inference.test_compiling import counting
from tests.reference.published import SEED_COUNTS
from wilks._base.errors import InvalidModel, UnknownName
from wilks.inference.fitting import fit
from wilks.inference.predictions import fitted_counts, predict, predict_points
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.sampling import sample
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace


def test_errors_of_linear_predictions_are_exact():
    result = fit(peak(), OBSERVED)
    prediction = predict(peak().predictor, result)
    counts, error = prediction.central, prediction.error
    jacobian = peak().predictor.templates
    np.testing.assert_allclose(counts, jacobian @ result.theta, rtol=1e-12)
    np.testing.assert_allclose(error**2, np.diag(jacobian @ result.covariance @ jacobian.T), rtol=1e-10)


def test_errors_follow_the_spread_of_the_parameters():
    result = fit(systematics(), OBSERVED)
    predictor = systematics().predictor
    error = predict(predictor, result).error
    step = 1e-4 * result.sigma
    columns = [
        (np.asarray(predictor(predictor.space.unpack(result.theta + s))) - np.asarray(predictor(result.values)))
        / step[i]
        for i, s in enumerate(np.diag(step))
    ]
    jacobian = np.stack(columns, axis=1)  # forward differences, good to the step
    np.testing.assert_allclose(error**2, np.diag(jacobian @ result.covariance @ jacobian.T), rtol=1e-3)


def test_fixed_parameters_bring_no_error_and_missing_errors_are_nan():
    held = fit(peak(), OBSERVED, space=peak().space.fix(s=1.0, b=1.0))
    np.testing.assert_array_equal(predict(peak().predictor, held).error, 0.0)
    flat = fit(twins(), [5, 10], throw=False)
    assert np.isnan(predict(twins().predictor, flat).error).all()


def test_fitted_counts_take_the_simulation_at_its_best_scale():
    closed, open_ = closed_and_open()
    one, two = fit(closed, SEED_COUNTS), fit(open_, SEED_COUNTS)
    with_scale = fitted_counts(closed, one, SEED_COUNTS)
    np.testing.assert_allclose(with_scale, open_.predictor(two.values), rtol=1e-4)
    assert not np.allclose(with_scale, closed.predictor(one.values), rtol=1e-3)
    np.testing.assert_allclose(
        fitted_counts(peak(), fit(peak(), OBSERVED), OBSERVED), predict(peak().predictor, fit(peak(), OBSERVED)).central
    )


class Named(AbstractPredictor):
    """Derived quantities by name, one of them not always defined, one an array."""

    space: ParameterSpace

    def __call__(self, values):
        """Sum, root, and both numbers."""
        s, b = values["s"], values["b"]
        return {"s + b": s + b, "root": jnp.sqrt(s - 1.0), "both": jnp.stack([s, b])}


def named() -> Named:
    return Named(peak().space)


@functools.cache
def draws():
    return sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=600), start=fit(peak(), OBSERVED))


def test_every_draw_has_its_prediction():
    found = predict(peak().predictor, draws())
    assert found.names == tuple(f"bin {i}" for i in range(10))
    templates = np.asarray(peak().predictor.templates)
    np.testing.assert_allclose(found.values, draws().draws @ templates.T, rtol=1e-12)
    np.testing.assert_allclose(found.central, np.median(found.values.reshape(-1, 10), axis=0))
    lower, upper = found.band(0.5)
    np.testing.assert_allclose(lower, np.quantile(found.values.reshape(-1, 10), 0.25, axis=0))
    assert found.flags["not_converged"] == draws().verdict
    linear = predict(peak().predictor, fit(peak(), OBSERVED))
    np.testing.assert_allclose(found.error, linear.error, rtol=0.2)  # few draws, a posterior that is nearly normal
    assert np.array_equal(found["s"], draws().values("s"))
    assert (upper > lower).all()


def test_quantities_have_their_names_and_may_be_undefined():
    found = predict(named(), draws())
    assert found.names == ("s + b", "root", "both[0]", "both[1]")
    np.testing.assert_allclose(found["s + b"], found["s"] + found["b"], rtol=1e-14)
    assert found.undefined("root") == np.sum(found["s"] < 1.0) > 0
    assert np.isfinite(found.central).all()
    assert np.isfinite(found.band()).all()


def test_named_quantities_of_a_fit_have_linear_errors():
    result = fit(peak(), OBSERVED)
    found = predict(named(), result)
    total = found.names.index("s + b")
    assert found.central[total] == pytest.approx(result.theta.sum(), rel=1e-14)
    assert found.error[total] == pytest.approx(np.sqrt(result.covariance.sum()), rel=1e-10)
    assert len(found) == 1
    assert found.log_prob[0, 0] == -result.nll


def test_many_points_pass_through_one_program_in_chunks():
    points = np.random.default_rng(1).uniform(1.0, 2.0, (2500, 2))
    whole = predict_points(named(), points)
    np.testing.assert_array_equal(whole[1400:1403], predict_points(named(), points[1400:1403]))
    with counting() as compiled:
        predict_points(named(), points[:2100])
        predict_points(Named(peak().space), points[:1030])
    assert compiled == []
    assert predict_points(named(), points[:0]).shape == (0, 4)


def test_a_predictor_whose_parameters_were_not_fitted_is_refused():
    with pytest.raises(UnknownName, match="the predictor needs 's'"):
        predict(named(), fit(systematics(), OBSERVED))


def test_complex_predictions_are_refused():
    class Complex(AbstractPredictor):
        space: ParameterSpace

        def __call__(self, values):
            return values["s"] * 1j

    with pytest.raises(InvalidModel, match="complex numbers; return real ones"):
        predict(Complex(peak().space), draws())
