"""Kraken Futures through the same adapter: ccxt, TLS and real sockets, a Kraken of our own at the other end."""

from decimal import Decimal

import pytest
from aiohttp import web

from engine import errors
from engine.order import Event, OrderType
from engine.venue.base import OrderSeen, TradeSeen
from engine.venue.client import RECV_WINDOW_MS
from engine.venue.kraken import milliseconds
from shm.instruments import minor
from tests.engine.venue.kraken_door import LOST, now_ms
from tests.engine.venue.kraken_floor import dated
from tests.engine.venue.kraken_hall import BTC, ETH, Hall, approved

SEND = "sendorder"


@pytest.fixture
async def hall():
    """One exchange for each test."""
    made = Hall()
    await made.open()
    yield made
    await made.close()


async def test_rules_and_the_clock(hall):
    """Tick and lot are the exchange's own; its clock is in every answer."""
    one, other = await hall.venue.rules([BTC, ETH])
    assert (one.tick_e8, one.lot_e8, one.lots_min) == (5 * 10**7, 10**4, 1)
    assert (other.tick_e8, other.lot_e8, other.status) == (10**7, 10**5, 1)
    assert abs(await hall.venue.server_ns() - now_ms() * 10**6) < 10**9
    assert await hall.venue.rules(["XRP/USD:USD"]) == (None,)


@pytest.mark.parametrize("symbol", ["BTC/USD:BTC", "BTC/USD:USD-301227"])
async def test_what_is_not_a_perpetual_in_dollars_is_refused_by_name(hall, symbol):
    """Settled in coins, or on a date: other money, other books."""
    with pytest.raises(errors.InvalidOrder, match="only perpetuals settled in USD"):
        await hall.venue.instruments([symbol])


async def test_ticks_that_our_integers_cannot_carry_are_refused_by_name(hall):
    """A tenth of a billionth of a dollar."""
    with pytest.raises(errors.InvalidOrder, match="PEPE/USD:USD: tick"):
        await hall.venue.instruments(["PEPE/USD:USD"])


async def test_an_order_is_placed_filled_told_and_found(hall):
    """The answer, the stream and every question agree about one market order that traded in three parts."""
    await hall.listen()
    hall.floor.slices = tuple(map(Decimal, ("0.2", "0.3", "0.5")))
    entry = approved(1)
    acknowledged = await hall.venue.place(entry)
    assert (acknowledged.event, acknowledged.lots_filled) == (Event.FILL_ALL, 10)
    await hall.until(lambda _: len([news for news in hall.told if isinstance(news, TradeSeen)]) == 3)
    trades = [news for news in hall.told if isinstance(news, TradeSeen)]
    assert [(trade.lots, trade.price_ticks, trade.client_id) for trade in trades] == [
        (lots, 100_000, entry.intent.client_id) for lots in (2, 3, 5)
    ]
    assert (trades[0].fee, trades[0].fee_asset) == (minor("0.005"), "USD")
    assert await hall.venue.trades_since(BTC, 0) == tuple(sorted(trades, key=lambda one: one.trade_id))
    seen = await hall.venue.order_by_client_id(entry.intent)
    assert (seen.event, seen.lots, seen.lots_filled) == (Event.FILL_ALL, 10, 10)
    assert (await hall.venue.order_by_id(BTC, acknowledged.venue_order_id)).client_id == entry.intent.client_id
    (held,) = await hall.venue.positions()
    assert (held.symbol, held.lots, held.entry_ticks) == (BTC, 10, 100_000)
    assert (await hall.venue.wallet("USD")).wallet == minor("9999.975")
    (sent,) = hall.door.sent(SEND)
    until = milliseconds(sent.pop("processBefore"))
    assert 0 < until - now_ms() <= RECV_WINDOW_MS
    assert sent == {
        "symbol": "PF_XBTUSD",
        "side": "buy",
        "orderType": "mkt",
        "size": "0.001",
        "cliOrdId": entry.intent.client_id,
    }


@pytest.mark.parametrize("renames", ["same", "another"])
@pytest.mark.parametrize(
    ("order_type", "side", "stop"),
    [
        (OrderType.STOP_MARKET, -1, 98_000),
        (OrderType.STOP_MARKET, 1, 102_000),
        (OrderType.TAKE_PROFIT_MARKET, -1, 102_000),
        (OrderType.TAKE_PROFIT_MARKET, 1, 98_000),
    ],
)
async def test_a_stop_rests_triggers_and_its_order_is_found_by_its_name(hall, order_type, side, stop, renames):
    """Reduce-only by the last price; what it becomes, the same order or another, carries its name."""
    await hall.listen()
    hall.floor.renames = renames
    await hall.trade(1, -10 * side)
    guard = approved(2, order_type, side=side, stop_ticks=stop, reduce_only=True)
    acknowledged = await hall.venue.place(guard)
    assert acknowledged.event is Event.ACK
    sent = hall.door.sent(SEND)[-1]
    assert (sent["triggerSignal"], sent["reduceOnly"], Decimal(sent["stopPrice"])) == ("last", "true", stop // 2)
    assert sent["orderType"] == ("stp" if order_type is OrderType.STOP_MARKET else "take_profit")
    await hall.until(lambda n: isinstance(n, OrderSeen) and n.is_conditional)
    (resting,) = await hall.venue.open_orders(BTC)
    assert await hall.venue.open_orders() == (resting,)
    assert await hall.venue.open_orders(ETH) == ()
    assert (resting.is_conditional, resting.stop_ticks, resting.event, resting.lots) == (True, stop, Event.ACK, 10)
    assert (await hall.venue.order_by_client_id(guard.intent)).is_conditional
    hall.floor.move("PF_XBTUSD", stop // 2)
    trade = await hall.until(lambda n: isinstance(n, TradeSeen) and n.client_id == guard.intent.client_id)
    assert (trade.side, trade.lots, trade.price_ticks) == (side, 10, stop)
    for forgets_ms in (5_000, 0):  # by its status, and after it has forgotten by the histories
        hall.door.forgets_ms = forgets_ms
        seen = await hall.venue.order_by_client_id(guard.intent)
        assert (seen.event, seen.lots_filled, seen.is_conditional) == (Event.FILL_ALL, 10, False)
        assert (seen.venue_order_id == acknowledged.venue_order_id) is (renames == "same")
    ends = [n for n in hall.told if isinstance(n, OrderSeen) and n.client_id == guard.intent.client_id]
    assert all(n.event in (Event.ACK, Event.FILL_ALL) for n in ends), "a trigger is no cancel"
    assert await hall.venue.open_orders(BTC) == ()


async def test_a_stop_of_which_nothing_came_by_name_is_over_after_a_minute(hall):
    """It waits no more and no order carries its name: for a while that is a list that lags, then it is the truth."""
    hall.floor.renames = "nameless"
    await hall.trade(1, 10)
    guard = approved(2, OrderType.STOP_MARKET, side=-1, stop_ticks=98_000, reduce_only=True)
    await hall.venue.place(guard)
    hall.floor.move("PF_XBTUSD", 48_999)
    hall.door.forgets_ms = 0
    assert (await hall.venue.order_by_client_id(guard.intent)).event is Event.ACK
    for element in hall.floor.past:
        element["timestamp"] = str(int(element["timestamp"]) - 61_000)
    seen = await hall.venue.order_by_client_id(guard.intent)
    assert (seen.event, seen.is_conditional, seen.lots_filled) == (Event.EXPIRE, True, 0)


async def test_a_post_only_order_rests_or_is_refused_at_once(hall):
    """The answer is called a success; its word is read."""
    await hall.listen()
    good = approved(1, OrderType.POST_ONLY, price_ticks=99_999)
    await hall.venue.place(good)
    sent = hall.door.sent(SEND)[-1]
    assert (sent["orderType"], sent["limitPrice"]) == ("post", "49999.5")
    with pytest.raises(errors.WouldTake):
        await hall.venue.place(approved(2, OrderType.POST_ONLY, price_ticks=100_001))
    assert [seen.client_id for seen in await hall.venue.open_orders(BTC)] == [good.intent.client_id]
    await hall.venue.cancel(good.intent)
    assert (await hall.ended(good.intent)).event is Event.CANCEL_CONFIRMED
    with pytest.raises(errors.OrderNotFound):
        await hall.venue.cancel(good.intent)


async def test_a_resting_order_is_followed_part_by_part(hall):
    """What is left is not what was asked for; its end names nothing but the order."""
    await hall.listen()
    good = approved(1, OrderType.POST_ONLY, price_ticks=99_999)
    await hall.venue.place(good)
    (order,) = hall.floor.orders.values()
    hall.floor._fill(order, Decimal("0.0004"), order.limit, "maker")
    part = await hall.until(lambda n: isinstance(n, OrderSeen) and n.event is Event.FILL_SOME)
    assert (part.lots, part.lots_filled) == (10, 4)
    trade = await hall.until(lambda n: isinstance(n, TradeSeen))
    assert (trade.is_maker, trade.fee) == (True, minor(str(Decimal("49999.5") * 4 / 10_000 * 2 / 10_000)))
    hall.floor.move("PF_XBTUSD", "49990")
    state = await hall.ended(good.intent)
    assert (state.event, state.lots, state.lots_filled) == (Event.FILL_ALL, 10, 10)


async def test_an_end_that_is_only_named_counts_the_trades_that_were_told(hall):
    """A cancel may follow a trade before the order itself was told again."""
    await hall.listen()
    good = approved(1, OrderType.POST_ONLY, price_ticks=99_999)
    await hall.venue.place(good)
    (order,) = hall.floor.orders.values()
    told, hall.floor.told = hall.floor.told, lambda frame: told(frame) if frame["feed"] == "fills" else None
    hall.floor._fill(order, Decimal("0.0004"), order.limit, "maker")
    hall.floor.told({"feed": "fills", "fills": hall.floor.fills})  # said twice, it is one trade
    hall.floor.told = told
    await hall.until(lambda _: len([n for n in hall.told if isinstance(n, TradeSeen)]) == 2)
    await hall.venue.cancel(good.intent)
    state = await hall.ended(good.intent)
    assert (state.event, state.lots, state.lots_filled) == (Event.CANCEL_CONFIRMED, 10, 4)


async def test_an_answer_that_comes_after_its_trades_counts_them(hall):
    """The stream may be faster, and the answer need not list what traded."""
    await hall.listen()
    real = hall.floor.send
    hall.floor.send = lambda asked: (real(asked)[0], [])
    hall.door.delay_s = 0.1
    acknowledged = await hall.venue.place(approved(1))
    assert isinstance(hall.told[-1], TradeSeen)
    assert (acknowledged.event, acknowledged.lots_filled) == (Event.FILL_ALL, 10)


@pytest.mark.parametrize("forgets_ms", [5_000, 0])
async def test_an_answer_that_is_lost_is_in_doubt_and_the_order_is_found(hall, forgets_ms):
    """It landed: found by its status or by the history; the same id again is refused as in doubt."""
    hall.door.forgets_ms = forgets_ms
    hall.door.fates[SEND].append(LOST)
    entry = approved(1, created_wall_ns=now_ms() * 10**6)
    with pytest.raises(errors.Unknown):
        await hall.venue.place(entry)
    assert len(hall.door.sent(SEND)) == 1
    seen = await hall.venue.order_by_client_id(entry.intent)
    assert (seen.client_id, seen.event) == (entry.intent.client_id, Event.FILL_ALL)
    with pytest.raises(errors.Unknown, match="clientOrderIdAlreadyExist"):
        await hall.venue.place(entry)


async def test_not_found_is_said_only_after_every_list_was_silent(hall):
    """Status, open orders, both histories and the fills are asked; one that fails proves nothing."""
    entry = approved(1, created_wall_ns=now_ms() * 10**6)
    hall.door.asked.clear()
    assert await hall.venue.order_by_client_id(entry.intent) is None
    asked = {where.rpartition("/v")[2].partition("/")[2] for where, _ in hall.door.asked}
    assert asked == {"orders/status", "openorders", "orders", "triggers", "fills"}
    for name in sorted(asked):
        hall.door.fates[name].append(web.Response(status=502, text="<html>"))
        with pytest.raises(errors.Unknown):
            await hall.venue.order_by_client_id(entry.intent)


async def test_an_order_that_only_its_fills_name_has_traded(hall):
    """Neither status nor history list it yet: it is there all the same."""
    entry = await hall.trade(1, 10)
    hall.door.forgets_ms, hall.floor.past = 0, []
    seen = await hall.venue.order_by_client_id(entry)
    assert (seen.event, seen.lots_filled, seen.client_id) == (Event.FILL_ALL, 10, entry.client_id)


async def test_an_order_that_is_not_listed_yet_is_none(hall):
    """None is no proof; the next question finds it."""
    entry = approved(1)
    hall.door.hidden.add(entry.intent.client_id)
    await hall.venue.place(entry)
    assert await hall.venue.order_by_client_id(entry.intent) is None
    hall.door.hidden.clear()
    assert (await hall.venue.order_by_client_id(entry.intent)).client_id == entry.intent.client_id


@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.STOP_MARKET])
async def test_a_cancelled_order_is_found_in_its_history(hall, kind):
    """The order's, or the trigger's; by name and by number."""
    is_stop = kind is OrderType.STOP_MARKET
    more = {"stop_ticks": 98_000, "side": -1, "reduce_only": True} if is_stop else {"price_ticks": 99_000}
    resting = approved(1, kind, created_wall_ns=now_ms() * 10**6, **more)
    number = (await hall.venue.place(resting)).venue_order_id
    await hall.venue.cancel(resting.intent)
    hall.door.forgets_ms = 0
    seen = await hall.venue.order_by_client_id(resting.intent)
    assert (seen.event, seen.lots_filled, seen.lots) == (Event.CANCEL_CONFIRMED, 0, 10)
    assert seen.is_conditional is is_stop
    assert (await hall.venue.order_by_id(BTC, number)).event is Event.CANCEL_CONFIRMED


async def test_an_order_that_is_late_is_not_taken(hall):
    """It says until when it may be, by the exchange's own clock, however wrong the machine's is."""
    hall.door.ahead_ms = 3_600_000
    await hall.venue.wallet("USD")
    await hall.venue.place(approved(1))
    (sent,) = hall.door.sent(SEND)
    assert abs(milliseconds(sent["processBefore"]) - now_ms() - 3_600_000 - RECV_WINDOW_MS) < 2_000
    hall.door.ahead_ms += 60_000
    with pytest.raises(errors.Unknown, match="requestExpired"):
        await hall.venue.place(approved(2))
    assert len(hall.floor.orders) == 1


@pytest.mark.parametrize(
    ("wanted", "failure"),
    [
        ({"reduce_only": True}, errors.ReduceOnlyRejected),
        ({"lots": 1_000_000_000}, errors.InsufficientFunds),
        ({"order_type": OrderType.POST_ONLY, "price_ticks": 200_000}, errors.WouldTake),
    ],
)
async def test_what_the_exchange_refuses(hall, wanted, failure):
    """Each by its own class; nothing of it rests."""
    with pytest.raises(failure):
        await hall.venue.place(approved(1, **wanted))
    assert hall.floor.orders == {}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (web.json_response({"result": "error", "error": "apiLimitExceeded"}), errors.RateLimited),
        (web.Response(status=429, text="slow down"), errors.RateLimited),
        (web.json_response({"result": "error", "error": "Server Error"}), errors.Unknown),
        (web.json_response({"result": "success", "sendStatus": {"status": "placed"}}), errors.Unknown),
        (web.json_response({"result": "success", "sendStatus": {"status": "new", "order_id": "x"}}), errors.Unknown),
        (
            web.json_response(
                {"result": "success", "sendStatus": {"status": "placed", "order_id": "x", "cliOrdId": "another"}}
            ),
            errors.Unknown,
        ),
        (web.Response(status=502, text="<html>"), errors.Unknown),
    ],
)
async def test_answers_that_are_no_orders(hall, answer, failure):
    """Too many requests, an error inside, a word nobody knows, an answer without a number or about another order."""
    hall.door.fates[SEND].append(answer)
    with pytest.raises(errors.VenueError) as caught:
        await hall.venue.place(approved(1))
    assert type(caught.value) is failure


@pytest.mark.parametrize(
    ("word", "failure"),
    [("notFound", errors.OrderNotFound), ("filled", errors.OrderNotFound), ("new", errors.Unknown)],
)
async def test_a_cancel_that_finds_nothing_is_called_a_success(hall, word, failure):
    """Its word says that the order is over, or nothing that we know."""
    hall.door.fates["cancelorder"].append(web.json_response({"result": "success", "cancelStatus": {"status": word}}))
    with pytest.raises(failure):
        await hall.venue.cancel(approved(1).intent)


async def test_a_key_that_signs_wrong_is_not_permitted():
    """The signature is checked at the other end."""
    hall = Hall()
    await hall.open(secret="YW5vdGhlcg==")
    try:
        with pytest.raises(errors.NotPermitted):
            await hall.venue.wallet("USD")
    finally:
        await hall.close()


def test_moments_are_written_as_the_exchange_reads_them():
    """To the millisecond, and back."""
    assert milliseconds(dated(1_795_000_020_007)) == 1_795_000_020_007
