"""The Daya Bay release and its standard analysis, built once for all tests of this folder."""

import importlib.util

import pytest

from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis, analysis_of
from wilks.physics.oscillation.dayabay.choices import Choices
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease, read_release


@pytest.fixture(scope="session")
def release() -> DayaBayRelease:
    if importlib.util.find_spec("dayabay_data_official") is None:
        pytest.skip("the package dayabay-data-official is not installed; pip install 'wilks[data]'")
    return read_release()


@pytest.fixture(scope="session")
def standard(release: DayaBayRelease) -> DayaBayAnalysis:
    return analysis_of(release, Choices())


@pytest.fixture(scope="session")
def near_and_far(release: DayaBayRelease) -> DayaBayAnalysis:
    """One near and one far detector, few inputs in the covariance, the others pulled or fixed: quick to compile."""
    groups = dict.fromkeys(("eres", "thermal_power", "background_rate"), "covariance")
    pulled = dict.fromkeys(("survival_probability", "snf"), "pull")
    return analysis_of(release, Choices(detectors=("AD12", "AD31"), nuisances="fixed", groups={**groups, **pulled}))
