"""ccxt's client, overheard: nothing leaves against an objection, and an order on its way is not wanted for long."""

from random import Random

import pytest

from engine import errors
from engine.venue.client import OBJECTION, RECV_WINDOW_MS, Login, Surroundings, asked, watching
from shm.clock import SystemClock


class Session:
    """A socket that counts what is handed to it."""

    def __init__(self):
        """Nothing yet."""
        self.handed = 0
        self.closed = False

    def __getattr__(self, name):
        """Any method of HTTP."""
        self.handed += 1
        raise ConnectionError(name)


class Deaf:
    """Wants to hear nothing."""

    def frame(self, message):
        """Not ours."""
        return False

    def connected(self, url):
        """Nothing to do."""


@pytest.fixture
def client():
    """A client with a socket that refuses."""
    session = Session()
    around = Surroundings(dial=lambda: session, clock=SystemClock(), generator=Random(1), limits_rate=False)
    return watching(Login(key="k", secret="s"), around, session, Deaf()), session


async def test_an_objection_keeps_the_bytes_back(client):
    """Asked after signing, before the socket is touched."""
    made, session = client
    token = OBJECTION.set(lambda: "no")
    try:
        with pytest.raises(errors.NotSent, match="no"):
            await asked(made.fetch("https://fapi.binance.com/fapi/v1/ping", "GET", {}, None))
    finally:
        OBJECTION.reset(token)
    assert session.handed == 0


def test_the_window_of_a_request_is_short(client):
    """Two seconds: what took longer on its way was for another market."""
    made, _ = client
    assert RECV_WINDOW_MS <= 2_000
    assert made.options["recvWindow"] == RECV_WINDOW_MS


def test_a_login_shows_no_secret():
    """Neither key nor secret are in its words."""
    assert repr(Login(key="kkkk", secret="ssss")) == "Login(binanceusdm)"
