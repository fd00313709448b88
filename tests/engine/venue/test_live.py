"""The venue through ccxt: what goes over the wire, once, and what every answer becomes."""

from random import Random

import aiohttp
import pytest

from engine import errors
from engine.order import Event, Intent, OrderType
from engine.risk import Approved
from engine.venue.base import OrderSeen, StreamUp, TradeSeen
from engine.venue.client import Login, Surroundings
from engine.venue.live import LiveVenue
from shm.clock import SystemClock
from shm.records import Purpose
from tests.engine.venue.standin import ALGO, ORDER, Exchange

SYMBOL = "BTC/USDT:USDT"
ORDER_PATH, ALGO_PATH = "/fapi/v1/order", "/fapi/v1/algoOrder"
REFUSED = aiohttp.ClientConnectorError(
    aiohttp.client_reqrep.ConnectionKey("fapi.binance.com", 443, True, True, None, None, None), OSError(111, "refused")
)


def approved(order_type=OrderType.MARKET, side=1, **more):
    """An approved intent of 125 lots."""
    return Approved(
        Intent(
            intent_id=9,
            client_id="rmrun-9-abcdef",
            account="main",
            venue="binanceusdm",
            instrument=SYMBOL,
            allocation=(("trend", 125),),
            purpose=Purpose.ENTRY,
            type=order_type,
            side=side,
            lots=125,
            created_market_ns=0,
            created_wall_ns=0,
            **more,
        )
    )


@pytest.fixture
async def exchange():
    """A scripted exchange."""
    return Exchange()


@pytest.fixture
async def venue(exchange):
    """A venue that has dialled the scripted exchange."""
    around = Surroundings(dial=exchange.dial, clock=SystemClock(), generator=Random(1))
    live = LiveVenue(Login(key="k", secret="s"), around)
    await live.open()
    await live.instruments([SYMBOL])
    yield live
    await live.close()
    assert exchange.closed >= 1, "the session is closed on the way out"


async def test_the_rules_come_from_the_filters(venue):
    """Ticks, lots and limits are the exchange's own text, not ccxt's floats."""
    (instrument,) = await venue.instruments([SYMBOL])
    assert (instrument.tick_e8, instrument.lot_e8) == (10_000_000, 100_000)
    assert (instrument.lots_min, instrument.lots_max, instrument.market_lots_max) == (1, 1_000_000, 120_000)
    assert instrument.notional_min == 100 * 10**8


async def test_a_market_order_leaves_once_with_exact_text_and_our_id(venue, exchange):
    """One POST, whose quantity is decimal text and whose id is the intent's."""
    exchange.script("POST", ORDER_PATH, {**ORDER, "clientOrderId": "rmrun-9-abcdef"})
    acknowledged = await venue.place(approved())
    (sent,) = exchange.sent("POST", ORDER_PATH)
    assert sent["quantity"] == "0.125"
    assert (sent["side"], sent["type"], sent["newClientOrderId"]) == ("BUY", "MARKET", "rmrun-9-abcdef")
    assert "reduceOnly" not in sent
    assert (acknowledged.venue_order_id, acknowledged.event) == ("77", Event.ACK)
    assert acknowledged.sent_ns > 0


async def test_a_stop_rests_as_a_reduce_only_algo_order(venue, exchange):
    """STOP_MARKET goes to the algo endpoint with a trigger price and clientAlgoId."""
    exchange.script("POST", ALGO_PATH, ALGO)
    stop = approved(OrderType.STOP_MARKET, side=-1, stop_ticks=950_001, reduce_only=True)
    acknowledged = await venue.place(stop)
    (sent,) = exchange.sent("POST", ALGO_PATH)
    assert (sent["type"], sent["algoType"], sent["reduceOnly"]) == ("STOP_MARKET", "CONDITIONAL", "true")
    assert (sent["triggerPrice"], sent["quantity"]) == ("95000.1", "0.125")
    assert sent["clientAlgoId"] == "rmrun-9-abcdef"
    assert acknowledged.venue_order_id == "5"


async def test_a_post_only_order_is_a_limit_that_never_takes(venue, exchange):
    """GTX on the wire, the price as exact text."""
    exchange.script("POST", ORDER_PATH, {**ORDER, "type": "LIMIT", "price": "95000.10"})
    await venue.place(approved(OrderType.POST_ONLY, price_ticks=950_001))
    (sent,) = exchange.sent("POST", ORDER_PATH)
    assert (sent["type"], sent["timeInForce"], sent["price"]) == ("LIMIT", "GTX", "95000.1")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((400, {"code": -2019, "msg": "Margin is insufficient."}, {}), errors.InsufficientFunds),
        ((400, {"code": -2022, "msg": "ReduceOnly Order is rejected."}, {}), errors.ReduceOnlyRejected),
        ((400, {"code": -2021, "msg": "Order would immediately trigger."}, {}), errors.WouldTrigger),
        ((400, {"code": -5022, "msg": "Post Only order will be rejected."}, {}), errors.WouldTake),
        ((400, {"code": -1111, "msg": "Precision is over the maximum."}, {}), errors.InvalidOrder),
        ((400, {"code": -1021, "msg": "Timestamp outside of the recvWindow."}, {}), errors.NotSent),
        ((401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions."}, {}), errors.NotPermitted),
        ((429, {"code": -1003, "msg": "Too many requests."}, {"Retry-After": "3"}), errors.RateLimited),
        ((418, {"code": -1003, "msg": "banned"}, {"Retry-After": "120"}), errors.RateLimited),
        ((408, {"code": -1007, "msg": "Timeout waiting for response from backend server."}, {}), errors.Unknown),
        ((400, {"code": -1006, "msg": "Execution status unknown."}, {}), errors.Unknown),
        ((503, {"code": -2019, "msg": "Margin is insufficient."}, {}), errors.Unknown),
        ((502, "<html>bad gateway</html>", {}), errors.Unknown),
        ((500, "", {}), errors.Unknown),
        ((200, "half an answ", {}), errors.Unknown),
        (aiohttp.ServerDisconnectedError(), errors.Unknown),
        (aiohttp.ClientOSError(104, "reset"), errors.Unknown),
        (aiohttp.ClientPayloadError("half a body"), errors.Unknown),
        (aiohttp.SocketTimeoutError("read"), errors.Unknown),
        (TimeoutError(), errors.Unknown),
        (REFUSED, errors.Unreachable),
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)[:48]),
)
async def test_every_outcome_is_one_send_and_one_class(venue, exchange, answer, failure):
    """Whatever comes back, the order left once and the answer is of our tree."""
    exchange.script("POST", ORDER_PATH, answer)
    with pytest.raises(failure) as caught:
        await venue.place(approved())
    assert type(caught.value) is failure
    assert caught.value.__cause__ is not None, "the foreign exception stays visible"
    assert len(exchange.sent("POST", ORDER_PATH)) == 1


async def test_an_unknown_order_is_asked_for_by_our_id(venue, exchange):
    """Found or not found, without an exception."""
    exchange.script("GET", ORDER_PATH, (400, {"code": -2013, "msg": "Order does not exist."}, {}), ORDER)
    assert await venue.order_by_client_id(approved().intent) is None
    seen = await venue.order_by_client_id(approved().intent)
    assert (seen.event, seen.lots, seen.lots_filled) == (Event.ACK, 125, 0)
    assert exchange.sent("GET", ORDER_PATH)[0]["origClientOrderId"] == "rmrun-9-abcdef"


async def test_a_stop_is_asked_for_and_cancelled_where_it_rests(venue, exchange):
    """Conditional orders have an endpoint of their own, for every verb."""
    stop = approved(OrderType.STOP_MARKET, side=-1, stop_ticks=950_000, reduce_only=True).intent
    exchange.script("GET", ALGO_PATH, {**ALGO, "algoStatus": "FINISHED", "actualOrderId": "78", "actualQty": "0.125"})
    seen = await venue.order_by_client_id(stop)
    assert (seen.event, seen.child_order_id, seen.lots_filled) == (Event.FILL_ALL, "78", 125)
    exchange.script("DELETE", ALGO_PATH, {"algoId": 5, "clientAlgoId": "c", "code": "200", "msg": "success"})
    await venue.cancel(stop)
    assert exchange.sent("DELETE", ALGO_PATH)[0]["clientAlgoId"] == "rmrun-9-abcdef"


async def test_open_orders_are_both_kinds(venue, exchange):
    """Ordinary and conditional orders rest in different places at the exchange."""
    exchange.script("GET", "/fapi/v1/openOrders", [{**ORDER, "type": "LIMIT", "price": "95000.0"}])
    exchange.script("GET", "/fapi/v1/openAlgoOrders", [ALGO])
    ordinary, conditional = await venue.open_orders(SYMBOL)
    assert (ordinary.price_ticks, ordinary.is_conditional) == (950_000, False)
    assert (conditional.stop_ticks, conditional.is_conditional, conditional.reduce_only) == (950_000, True, True)


def trade(number):
    """A row of userTrades."""
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 77, "side": "BUY", "price": "95000.10", "qty": "0.002",
        "realizedPnl": "0", "quoteQty": "190.0002", "commission": "0.09500010", "commissionAsset": "USDT",
        "time": 1700000000000, "positionSide": "BOTH", "maker": False, "buyer": True,
    }  # fmt: skip


async def test_trades_are_fetched_page_by_page_until_the_last(venue, exchange):
    """A full page is followed by another question, from the id after it."""
    exchange.script("GET", "/fapi/v1/userTrades", [trade(n) for n in range(1, 1001)], [trade(1001)])
    trades = await venue.trades_since(SYMBOL, 1)
    assert [t.trade_id for t in trades] == list(range(1, 1002))
    assert [s["fromId"] for s in exchange.sent("GET", "/fapi/v1/userTrades")] == ["1", "1001"]
    assert (trades[0].lots, trades[0].price_ticks, trades[0].fee) == (2, 950_001, 9_500_010)


async def test_wallet_and_positions_are_integers(venue, exchange):
    """Minor units and signed lots."""
    account = {"assets": [{"asset": "USDT", "walletBalance": "23.72469206", "availableBalance": "1"}], "positions": []}
    for version in ("v2", "v3"):
        exchange.script("GET", f"/fapi/{version}/account", account)
    exchange.script(
        "GET", "/fapi/v3/positionRisk", [{"symbol": "BTCUSDT", "positionAmt": "-0.125", "positionSide": "BOTH"}]
    )
    assert (await venue.wallet("USDT")).wallet == 2_372_469_206
    (position,) = await venue.positions()
    assert position.lots == -125


async def test_a_private_frame_is_told_at_once_and_whole(venue):
    """A trade is told before the state that it leads to; what is not ours goes on to ccxt."""
    told = []
    venue._told = told.append
    update = {
        "e": "ORDER_TRADE_UPDATE", "E": 1, "T": 1568879465651,
        "o": {"s": "BTCUSDT", "c": "c1", "S": "BUY", "o": "MARKET", "q": "0.003", "p": "0", "sp": "0", "x": "TRADE",
              "X": "PARTIALLY_FILLED", "i": 77, "l": "0.001", "z": "0.001", "L": "7100.50", "N": "USDT", "n": "0.01",
              "T": 1568879465651, "t": 12, "m": True, "R": False},
    }  # fmt: skip
    assert venue.frame(update)
    assert [type(news) for news in told] == [TradeSeen, OrderSeen]
    assert (told[0].trade_id, told[0].lots, told[0].price_ticks, told[0].fee) == (12, 1, 71_005, 1_000_000)
    assert (told[1].event, told[1].lots_filled) == (Event.FILL_SOME, 1)
    assert venue.frame({"e": "listenKeyExpired", "E": 1}), "an expired key is ours to notice"
    assert not venue.frame({"e": "kline"})
    venue.connected("wss://fstream.binance.com/private/ws?listenKey=x")
    assert isinstance(told[-1], StreamUp)


def test_a_login_does_not_print_its_secret():
    """Neither log nor traceback shows a key."""
    assert "hush" not in repr(Login(key="hush", secret="hush"))


async def test_an_unreadable_frame_ends_the_stream_instead_of_being_skipped(venue):
    """Silence after a frame that we could not read would hide a fill; dialling again makes us ask."""
    assert venue.frame({"e": "ORDER_TRADE_UPDATE", "E": 1, "o": {"s": "BTCUSDT"}})
    assert venue._ending.is_set()
    assert "unreadable" in venue._reason


async def test_an_objection_at_the_last_moment_keeps_the_bytes_back(venue, exchange):
    """Asked after the request was signed: no POST leaves, and a question right after is not objected to."""
    exchange.script("GET", ORDER_PATH, ORDER)
    with pytest.raises(errors.NotSent, match="too late"):
        await venue.place(approved(), lambda: "too late")
    assert exchange.sent("POST", ORDER_PATH) == []
    assert await venue.order_by_client_id(approved().intent) is not None


async def test_open_orders_of_all_are_two_questions(venue, exchange):
    """However many instruments there are; what we do not follow is left out."""
    stranger = {**ORDER, "symbol": "ETHUSDT"}
    exchange.script("GET", "/fapi/v1/openOrders", [{**ORDER, "type": "LIMIT", "price": "95000.0"}, stranger])
    exchange.script("GET", "/fapi/v1/openAlgoOrders", [ALGO])
    ordinary, conditional = await venue.open_orders()
    assert (ordinary.symbol, ordinary.price_ticks, conditional.is_conditional) == (SYMBOL, 950_000, True)
    for place in ("openOrders", "openAlgoOrders"):
        (sent,) = exchange.sent("GET", f"/fapi/v1/{place}")
        assert "symbol" not in sent
