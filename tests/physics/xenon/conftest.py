"""Sources and events that several tests share."""

import pytest

from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.nr import NRSource


@pytest.fixture(scope="session")
def er():
    return ERSource()


@pytest.fixture(scope="session")
def nr():
    return NRSource()


@pytest.fixture(scope="session")
def er_events(er):
    return er.draw(11, 60)


@pytest.fixture(scope="session")
def nr_events(nr):
    return nr.draw(12, 400)
