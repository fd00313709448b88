"""ccxt's client, overheard: nothing leaves against an objection, and an order on its way is not wanted for long."""

import asyncio
from random import Random

import numpy as np
import pytest

from engine import errors
from engine.settings import ExecutorSettings
from engine.venue.client import (
    OBJECTION,
    RECV_WINDOW_MS,
    Login,
    Surroundings,
    asked,
    claim_of,
    granted,
    practise,
    watching,
    weight_of,
)
from engine.venue.facts import FACTS
from shm.budget import MINUTE_NS, Budget, Claim
from shm.clock import SystemClock
from shm.words import WORDS_BYTES, Words


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
    """Five seconds: what took longer on its way was for another market."""
    made, _ = client
    assert RECV_WINDOW_MS <= 5_000
    assert made.options["recvWindow"] == RECV_WINDOW_MS


def test_absence_is_no_proof_before_the_window_and_the_venues_own_delay_are_over():
    """It may leave a second after its intent, be accepted at the window's end, appear 30 s and be shown 4 s later."""
    settings = ExecutorSettings()
    assert settings.unknown_horizon_ms == settings.send_age_ms + RECV_WINDOW_MS + 30_000 + 4_000


@pytest.mark.parametrize(
    ("path", "method", "claim"),
    [
        ("https://fapi.binance.com/fapi/v1/order", "POST", Claim.ORDER),
        ("https://fapi.binance.com/fapi/v1/algoOrder", "DELETE", Claim.CANCEL),
        ("https://fapi.binance.com/fapi/v1/order", "GET", Claim.DATA),
        ("https://fapi.binance.com/fapi/v1/userTrades", "GET", Claim.DATA),
    ],
)
def test_what_a_request_is_for(path, method, claim):
    """Only what places and what ends an order goes before questions."""
    assert claim_of(path, method) is claim


@pytest.mark.parametrize(
    ("path", "body", "claim"),
    [
        ("https://api.bybit.com/v5/order/create", '{"qty":"1"}', Claim.ORDER),
        ("https://api.bybit.com/v5/order/create", '{"qty":"1","reduceOnly": true}', Claim.CANCEL),
        ("https://api.bybit.com/v5/order/create", '{"qty":"1","reduceOnly":false}', Claim.ORDER),
        ("https://api.bybit.com/v5/order/cancel", "{}", Claim.CANCEL),
        ("https://futures.kraken.com/derivatives/api/v3/sendorder", "size=1&reduceOnly=true", Claim.CANCEL),
        ("https://futures.kraken.com/derivatives/api/v3/sendorder", "size=1", Claim.ORDER),
        ("https://futures.kraken.com/derivatives/api/v3/cancelorder", "order_id=x", Claim.CANCEL),
        ("https://futures.kraken.com/derivatives/api/v3/cancelallordersafter", "timeout=0", Claim.CANCEL),
        ("https://futures.kraken.com/derivatives/api/v3/cancelallordersafter", "timeout=60", Claim.DATA),
        ("https://fapi.binance.com/fapi/v1/countdownCancelAll", "symbol=B&countdownTime=0&timestamp=1", Claim.CANCEL),
        ("https://fapi.binance.com/fapi/v1/countdownCancelAll", "symbol=B&countdownTime=60000", Claim.DATA),
    ],
)
def test_what_a_request_to_another_exchange_is_for(path, body, claim):
    """By the ends of their paths, and by what only reduces, in a form or in JSON."""
    assert claim_of(path, "POST", body) is claim


def with_spent(weight):
    """A client whose minute of 100 has ``weight`` spent in it, the session that is handed its requests, the budget."""
    area = np.zeros(WORDS_BYTES // 8, np.int64)
    budget = Budget(Words(area.ctypes.data, retain=area), 100, lambda: 30 * 10**9)
    budget.heard(str(weight))
    session = Session()
    around = Surroundings(
        dial=lambda: session, clock=SystemClock(), generator=Random(1), budget=budget, limits_rate=False
    )
    made = watching(Login(key="k", secret="s"), around, session, Deaf())
    return made, session, budget


async def test_disarming_does_not_wait_for_the_minute_of_data():
    """A timer that runs on takes the stop of what has filled; as ccxt words the request."""
    made, session, _ = with_spent(70)
    disarming = asked(made.fapiPrivatePostCountdownCancelAll({"symbol": "BTCUSDT", "countdownTime": 0}))
    with pytest.raises(errors.VenueError, match="ConnectionError"):
        await asyncio.wait_for(disarming, 1.0)
    assert session.handed == 1


@pytest.mark.parametrize("place", ["order", "algoOrder"])
async def test_a_stop_and_an_exit_may_take_what_is_kept_for_cancels(place):
    """What another program has left of the minute is for getting out; as ccxt words the request."""
    made, session, _ = with_spent(95)
    ask = made.fapiPrivatePostOrder if place == "order" else made.fapiPrivatePostAlgoOrder
    with pytest.raises(errors.RateLimited, match="our own rate budget"):
        await asked(ask({"symbol": "BTCUSDT", "side": "BUY"}))
    with pytest.raises(errors.VenueError, match="ConnectionError"):
        await asked(ask({"symbol": "BTCUSDT", "side": "SELL", "reduceOnly": True}))
    assert session.handed == 1


async def test_an_order_is_not_sent_when_the_budget_is_spent_and_a_cancel_is():
    """Refused before the socket, with the time to come back in; the last tenth is for cancels."""
    made, session, budget = with_spent(90)
    with pytest.raises(errors.RateLimited) as refused:
        await asked(made.fetch("https://fapi.binance.com/fapi/v1/order", "POST", {}, None))
    assert 29_000 < refused.value.retry_after_ms <= 30_001
    assert session.handed == 0
    assert await granted(budget, "https://fapi.binance.com/fapi/v1/order?x=1", "DELETE") == 0


def test_a_login_shows_no_secret():
    """Neither key nor secret are in its words."""
    assert repr(Login(key="kkkk", secret="ssss")) == "Login(binanceusdm)"


@pytest.mark.parametrize(("given", "left"), [("?symbol=BTCUSDT", 99), ("?timestamp=1", 60), ("", 60)])
async def test_open_orders_of_all_weigh_forty(given, left):
    """Of one symbol they weigh one."""
    area = np.zeros(WORDS_BYTES // 8, np.int64)
    words = Words(area.ctypes.data, retain=area)
    budget = Budget(words, 100, lambda: 30 * 10**9)
    await granted(budget, f"https://fapi.binance.com/fapi/v1/openOrders{given}", "GET")
    assert 100 - words.weight_spent(30 * 10**9 // MINUTE_NS) == left


@pytest.mark.parametrize(
    ("path", "given", "weight"),
    [
        ("/derivatives/api/v3/sendorder", "symbol=PF_XBTUSD", 10),
        ("/derivatives/api/v3/fills", "", 2),
        ("/derivatives/api/v3/fills", "lastFillTime=2026-11-21", 25),
        ("/derivatives/api/v3/orders/status", "cliOrdIds=x", 1),
        ("/api/history/v2/orders", "since=1", 20),
        ("/api/history/v3/account-log", "since=1", 20),
    ],
)
def test_what_a_request_to_kraken_weighs(path, given, weight):
    """By its table of costs; a history, which has a pool of its own, as much as two orders."""
    assert weight_of(f"https://futures.kraken.com{path}", given, FACTS["krakenfutures"].weights) == weight


async def test_what_reduces_on_kraken_may_take_what_is_kept_for_cancels():
    """Its parameters stand in the address."""
    area = np.zeros(WORDS_BYTES // 8, np.int64)
    budget = Budget(Words(area.ctypes.data, retain=area), 1_000, lambda: 30 * 10**9)
    budget.heard("950")
    url, weights = "https://futures.kraken.com/derivatives/api/v3/sendorder?size=1", FACTS["krakenfutures"].weights
    assert await granted(budget, url, "POST", "", weights) > 0
    assert await granted(budget, f"{url}&reduceOnly=true", "POST", "", weights) == 0


@pytest.mark.parametrize("exchange", FACTS)
async def test_practice_and_real_money_have_no_host_in_common(exchange):
    """Whatever ccxt calls the place; only Bybit's public market is the real one."""
    session = Session()
    around = Surroundings(dial=lambda: session, clock=SystemClock(), generator=Random(1), limits_rate=False)
    client = watching(Login(exchange=exchange, key="k", secret="s"), around, session, Deaf())
    practise(client, exchange)
    private = str(
        [client.urls["api"][name] for name in client.urls["api"] if name.endswith(("rivate", "history", "ws"))]
    )
    assert any(host in private for host in FACTS[exchange].demo_hosts)
    assert not any(f"//{host}" in private for host in set(FACTS[exchange].hosts) - set(FACTS[exchange].demo_hosts))
