"""Predictions with errors: J C J^T against toys of the parameters."""

import numpy as np

from tests.inference.models import OBSERVED, closed_and_open, peak, systematics, twins
from tests.reference.published import SEED_COUNTS
from wilks.inference.fitting import fit
from wilks.inference.predictions import fitted_counts, predict


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
