"""One order's whole life over real sockets: ccxt, TLS and the embedded exchange, nothing faked."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from engine import errors
from engine.order import Event, Intent, OrderType, client_id_of
from engine.risk import Approved
from engine.venue.base import OrderSeen, StreamDown, StreamUp, TradeSeen, WalletSeen
from engine.venue.client import Login, Surroundings
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.funding import next_ns
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Server
from engine.venue.embedded.signing import Key, fresh_key
from engine.venue.live import LiveVenue
from orchestrator import dialling
from shm.clock import SystemClock
from shm.records import Purpose
from tests.engine.venue.embedded.conftest import WaveMarket

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYMBOL = "BTC/USDT:USDT"
DEPOSIT = 10_000 * 10**8


@dataclass
class Hall:
    """A running exchange, a venue that has dialled it, and all that it told."""

    server: Server
    venue: LiveVenue
    told: list[Any] = field(default_factory=list)

    async def until(self, wanted, seconds=60.0):
        """The first piece of news for which ``wanted`` holds."""
        async with asyncio.timeout(seconds):
            while True:
                for news in self.told:
                    if wanted(news):
                        return news
                await asyncio.sleep(0.005)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall():
    """One exchange for the file."""
    api_key, secret = fresh_key()
    exchange = Exchange(WaveMarket(), Settings(pays_funding=True))
    exchange.deposit("paper", DEPOSIT)
    exchange.drain()
    server = Server(exchange, Plan(keys={api_key: Key(secret, "paper")}, speed=Speed.parse("step")))
    ports = await server.start()
    endpoint = dialling.Endpoint(port=ports.tls, certificate_pem=server.certificate.pem)
    around = Surroundings(dial=lambda: dialling.session(endpoint), clock=SystemClock(), generator=Random(7))
    venue = LiveVenue(Login(key=api_key, secret=secret), around)
    await venue.open()
    await venue.instruments([SYMBOL, "ETH/USDT:USDT"])
    server.pace.step(5)
    hall = Hall(server, venue)
    listening = asyncio.create_task(venue.listen(hall.told.append))
    await hall.until(lambda news: isinstance(news, StreamUp))
    yield hall
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await venue.close()
    await server.close()


def approved(intent_id, order_type=OrderType.MARKET, side=1, lots=10, **more):
    """An approved intent."""
    return Approved(
        Intent(
            intent_id=intent_id,
            client_id=client_id_of("test", intent_id),
            account="main",
            venue="binanceusdm",
            instrument=SYMBOL,
            allocation=(("trend", lots),),
            purpose=Purpose.ENTRY,
            type=order_type,
            side=side,
            lots=lots,
            created_market_ns=0,
            created_wall_ns=0,
            **more,
        )
    )


async def test_an_order_is_placed_filled_told_and_found(hall):
    """The answer, the stream, and every question agree about one market order."""
    entry = approved(1)
    acknowledged = await hall.venue.place(entry)
    assert acknowledged.sent_ns > 0
    trade = await hall.until(lambda n: isinstance(n, TradeSeen) and n.client_id == entry.intent.client_id)
    state = await hall.until(lambda n: isinstance(n, OrderSeen) and n.event is Event.FILL_ALL)
    assert (trade.side, trade.fee_asset, trade.is_maker) == (1, "USDT", False)
    assert (state.lots, state.lots_filled, state.venue_order_id) == (10, 10, acknowledged.venue_order_id)
    assert hall.told.index(trade) < hall.told.index(state)
    seen = await hall.venue.order_by_client_id(entry.intent)
    assert (seen.event, seen.lots_filled) == (Event.FILL_ALL, 10)
    assert await hall.venue.order_by_id(SYMBOL, trade.venue_order_id) == seen
    trades = await hall.venue.trades_since(SYMBOL, 0)
    assert sum(t.lots for t in trades) == 10
    assert trades[0].price_ticks == trade.price_ticks
    assert trades[0].fee == trade.fee
    assert await hall.venue.trades_since(SYMBOL, trades[-1].trade_id + 1) == ()
    assert [(p.symbol, p.lots) for p in await hall.venue.positions() if p.lots] == [(SYMBOL, 10)]
    told = [n for n in hall.told if isinstance(n, WalletSeen)][-1]
    assert (await hall.venue.wallet("USDT")).wallet == told.wallet == DEPOSIT - sum(t.fee for t in trades)


async def test_a_stop_rests_triggers_and_is_told_under_our_id(hall):
    """The stop's own number stays; the order that it became, and its trades, carry our client id."""
    stop = approved(2, OrderType.STOP_MARKET, side=-1, reduce_only=True, stop_ticks=299_500)
    acknowledged = await hall.venue.place(stop)
    assert acknowledged.event is Event.ACK
    (resting,) = await hall.venue.open_orders(SYMBOL)
    assert (resting.client_id, resting.stop_ticks, resting.reduce_only) == (stop.intent.client_id, 299_500, True)
    await hall.venue.cancel(stop.intent)
    cancelled = await hall.until(lambda n: isinstance(n, OrderSeen) and n.event is Event.CANCEL_CONFIRMED)
    assert cancelled.client_id == stop.intent.client_id
    assert await hall.venue.open_orders(SYMBOL) == ()
    nearer = approved(3, OrderType.STOP_MARKET, side=-1, reduce_only=True, stop_ticks=300_100)
    await hall.venue.place(nearer)
    hall.server.pace.step(20)
    trade = await hall.until(lambda n: isinstance(n, TradeSeen) and n.client_id == nearer.intent.client_id)
    assert trade.side == -1
    seen = await hall.venue.order_by_client_id(nearer.intent)
    assert (seen.event, seen.lots_filled, seen.child_order_id) == (Event.FILL_ALL, 10, trade.venue_order_id)
    child = await hall.venue.order_by_id(SYMBOL, trade.venue_order_id)
    assert child.client_id == nearer.intent.client_id


@pytest.mark.parametrize(
    ("order", "failure"),
    [
        (approved(11, lots=100_000), errors.InsufficientFunds),
        (approved(12, side=-1, reduce_only=True), errors.ReduceOnlyRejected),
        (approved(13, OrderType.STOP_MARKET, side=1, stop_ticks=100_000), errors.WouldTrigger),
        (approved(14, OrderType.POST_ONLY, price_ticks=310_000), errors.WouldTake),
        (approved(15, lots=1), errors.InvalidOrder),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_refusal_has_its_class_over_the_wire(hall, order, failure):
    """The exchange's numbers arrive as what we may do next."""
    with pytest.raises(errors.VenueError) as caught:
        await hall.venue.place(order)
    assert type(caught.value) is failure, caught.value
    assert await hall.venue.order_by_client_id(order.intent) is None


async def test_the_stream_comes_back_after_a_cut(hall):
    """StreamDown, then StreamUp over a new socket; what happens after is told again."""
    hall.told.clear()
    for client in hall.venue._client.clients.values():
        if client.connection is not None:
            client.connection._writer.transport.abort()
    await hall.until(lambda news: isinstance(news, StreamDown))
    await hall.until(lambda news: isinstance(news, StreamUp))
    entry = approved(21)
    await hall.venue.place(entry)
    await hall.until(lambda n: isinstance(n, TradeSeen) and n.client_id == entry.intent.client_id)
    assert hall.venue.stream_age_ns() < 60 * 10**9


async def test_an_expired_listen_key_does_not_leave_us_deaf(hall):
    """The event is heard, the key is made again and the stream resumes."""
    hall.told.clear()
    hall.venue.frame({"e": "listenKeyExpired", "E": 1})
    await hall.until(lambda news: isinstance(news, StreamUp))
    entry = approved(22)
    await hall.venue.place(entry)
    await hall.until(lambda n: isinstance(n, TradeSeen) and n.client_id == entry.intent.client_id)


async def test_transfers_are_listed(hall):
    """The first deposit, and one that is told by the stream, each with a reference of its own; trades name their id."""

    async def transfers(since_ns):
        return [one for one in await hall.venue.transfers_since(since_ns) if one.kind == "TRANSFER"]

    (first,) = await transfers(0)
    brought = [one for one in await hall.venue.transfers_since(0) if one.kind == "COMMISSION"]
    assert brought
    assert all(one.trade_id and one.symbol == SYMBOL and one.amount < 0 for one in brought)
    exchange = hall.server._exchange
    assert first.amount == exchange.account("paper").deposit
    exchange.deposit("paper", 7 * 10**8)
    found = await transfers(first.market_ns)
    assert [one.amount for one in found] == [first.amount, 7 * 10**8]
    assert len({one.reference for one in found}) == 2


async def test_funding_is_told_and_listed(hall):
    """At the next 00:00, 08:00 or 16:00 the stream names an amount, the list of income the same and its contract."""
    hall.told.clear()
    await hall.venue.place(approved(31))
    exchange = hall.server._exchange
    hall.server.pace.step((next_ns(exchange.now_ns) - exchange.now_ns) // MINUTE_NS)
    told = await hall.until(lambda n: isinstance(n, WalletSeen) and n.reason == "FUNDING_FEE")
    (paid,) = await hall.venue.funding_since(0)
    assert (paid.symbol, paid.amount, paid.market_ns) == (SYMBOL, told.change, told.market_ns)
    assert paid.amount == exchange.account("paper").funding != 0
    assert await hall.venue.funding_since(paid.market_ns) == (paid,)
    assert await hall.venue.funding_since(paid.market_ns + 10**6) == ()
