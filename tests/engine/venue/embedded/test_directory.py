"""Every path answers, and none of it to whom it does not concern."""

import pytest_asyncio

from engine.venue.embedded.directory import SIGNED
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.parameters import Parameters, RefusedError
from engine.venue.embedded.server import Plan, Server

GIVEN = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "interval": "1m",
    "contractType": "PERPETUAL",
    "limit": "5",
    "countdownTime": "0",
    "leverage": "5",
}


@pytest_asyncio.fixture
async def rest(make_exchange):
    """The REST half of a server that does not listen."""
    server = Server(make_exchange(), Plan(keys={}, speed=Speed.parse("step")))
    server.pace.step(3)
    yield server._rest
    server._rest.countdowns.close()


async def test_every_path_answers_or_says_what_it_misses(rest):
    """
    With a symbol and an interval, all but those that need an order or an amount have an answer.
    """
    refused = {}
    for (method, path), route in rest._routes.items():
        try:
            route.answer("paper", Parameters(GIVEN, rest._exchange))
        except RefusedError as error:
            refused[method, path.removeprefix("/fapi/")] = error.refusal.code
    assert set(refused.values()) <= {-1102, -4059, -4171, -1125, -2011}
    assert len(rest._routes) > 70
    assert all(route.access == SIGNED for (_, path), route in rest._routes.items() if "rder" in path)


async def test_mark_and_index_candles_have_no_volume(rest):
    """
    Prices as traded, seconds where the trades would be.
    """
    marks = rest._routes["GET", "/fapi/v1/markPriceKlines"].answer("", Parameters(GIVEN, rest._exchange))
    trades = rest._routes["GET", "/fapi/v1/continuousKlines"].answer("", Parameters(GIVEN, rest._exchange))
    assert [row[:5] for row in marks] == [row[:5] for row in trades]
    assert {(row[5], row[7], row[8]) for row in marks} == {("0", "0", 60)}
