import pytest

from tests.sandbox.visitor import Visitor
from tests.support.stand_ins import StandIns


@pytest.fixture(scope="session")
def running():
    with StandIns() as both:
        yield both


@pytest.fixture
def stand_ins(running):
    running.weather(do="reset")
    return running


@pytest.fixture
def visitor(stand_ins):
    with Visitor(stand_ins) as someone:
        yield someone


@pytest.fixture
def alice(visitor):
    visitor.sign_in("alice.moreno")
    return visitor


@pytest.fixture
def bob(stand_ins):
    with Visitor(stand_ins) as someone:
        someone.sign_in("bob.okafor")
        yield someone
