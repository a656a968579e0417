import pytest

from tests.support.stand_ins import StandIns


@pytest.fixture(scope="session")
def running():
    with StandIns() as both:
        yield both


@pytest.fixture
def stand_ins(running):
    running.weather(do="reset")
    return running
