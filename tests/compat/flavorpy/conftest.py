"""Fits and chains of the simple example, made once for all tests of the face."""

import pytest

from tests.compat.flavorpy.user_script import seed_model


@pytest.fixture(scope="session")
def model():
    return seed_model()


@pytest.fixture(scope="session")
def fitted(model):
    return model.make_fit(points=5, seed=1)


@pytest.fixture(scope="session")
def chain(model, fitted):
    return model.mcmc_fit(fitted.loc[[0]], mcmc_steps=2000, progress=False, seed=2)
