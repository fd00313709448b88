"""Bybit through the same adapter: ccxt, TLS and real sockets, a Bybit of our own at the other end."""

import asyncio

import pytest
from aiohttp import web

from engine import errors
from engine.order import Event, OrderType
from engine.venue.base import ModesChanged, OrderSeen, StreamDown, StreamUp, TradeSeen, WalletSeen
from engine.venue.facts import fee_ppm, late_numbers
from shm.instruments import minor
from tests.engine.venue.bybit_door import LOST, now_ms
from tests.engine.venue.bybit_hall import BTC, ETH, Hall, approved

CREATE, REALTIME = "/v5/order/create", "/v5/order/realtime"


@pytest.fixture
async def hall():
    """One exchange for each test."""
    made = Hall()
    await made.open()
    yield made
    await made.close()


async def test_rules_and_the_clock(hall):
    """Tick, lot and minimum are the exchange's own text; its clock is the wall's."""
    one, other = await hall.venue.rules([BTC, ETH])
    assert (one.tick_e8, one.lot_e8, one.lots_min, one.market_lots_max) == (10**7, 10**5, 1, 500_000)
    assert (other.tick_e8, other.lot_e8, other.notional_min, other.status) == (10**6, 10**6, 5 * 10**8, 1)
    assert abs(await hall.venue.server_ns() - now_ms() * 10**6) < 10**9
    assert await hall.venue.rules(["XRP/USDT:USDT"]) == (None,)


async def test_an_order_is_placed_filled_told_and_found(hall):
    """The answer, the stream and every question agree about one market order that traded in three parts."""
    await hall.listen()
    hall.floor.slices = tuple(map(type(hall.floor.cash), ("0.2", "0.3", "0.5")))
    entry = approved(1)
    acknowledged = await hall.venue.place(entry)
    assert (acknowledged.event, acknowledged.lots_filled) == (Event.ACK, 0)
    state = await hall.ended(entry.intent)
    assert (state.event, state.lots, state.lots_filled) == (Event.FILL_ALL, 10, 10)
    assert state.venue_order_id == acknowledged.venue_order_id
    trades = [news for news in hall.told if isinstance(news, TradeSeen)]
    assert [(trade.lots, trade.price_ticks, trade.client_id) for trade in trades] == [
        (lots, 500_000, entry.intent.client_id) for lots in (2, 3, 5)
    ]
    assert trades[0].fee == minor("0.055")
    assert await hall.venue.trades_since(BTC, 0) == tuple(sorted(trades, key=lambda one: one.trade_id))
    assert await hall.venue.order_by_client_id(entry.intent) == await hall.venue.order_by_id(BTC, state.venue_order_id)
    (held,) = await hall.venue.positions()
    assert (held.symbol, held.lots, held.entry_ticks) == (BTC, 10, 500_000)
    assert (await hall.venue.wallet("USDT")).wallet == minor("9999.725")
    assert hall.door.sent(CREATE) == [
        {
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Market",
            "category": "linear",
            "qty": "0.01",
            "orderLinkId": entry.intent.client_id,
            "positionIdx": 0,
        }
    ]


@pytest.mark.parametrize(
    ("order_type", "side", "stop", "direction"),
    [
        (OrderType.STOP_MARKET, -1, 490_000, 2),
        (OrderType.STOP_MARKET, 1, 510_000, 1),
        (OrderType.TAKE_PROFIT_MARKET, -1, 510_000, 1),
        (OrderType.TAKE_PROFIT_MARKET, 1, 490_000, 2),
    ],
)
async def test_a_stop_rests_triggers_and_stays_the_same_order(hall, order_type, side, stop, direction):
    """Reduce-only by the last price; once triggered it trades under its own name and number."""
    await hall.listen()
    await hall.trade(1, -10 * side)
    guard = approved(2, order_type, side=side, stop_ticks=stop, reduce_only=True)
    acknowledged = await hall.venue.place(guard)
    sent = hall.door.sent(CREATE)[-1]
    assert (sent["triggerDirection"], sent["triggerBy"], sent["reduceOnly"]) == (direction, "LastPrice", True)
    await hall.until(lambda n: isinstance(n, OrderSeen) and n.is_conditional)
    (resting,) = await hall.venue.open_orders(BTC)
    assert await hall.venue.open_orders() == (resting,)
    assert (resting.is_conditional, resting.stop_ticks, resting.event) == (True, stop, Event.ACK)
    hall.floor.move("BTCUSDT", f"{stop // 10}.0")
    state = await hall.ended(guard.intent)
    assert (state.event, state.venue_order_id) == (Event.FILL_ALL, acknowledged.venue_order_id)
    assert (state.is_conditional, state.child_order_id) == (True, state.venue_order_id)
    trade = await hall.until(lambda n: isinstance(n, TradeSeen) and n.client_id == guard.intent.client_id)
    assert (trade.side, trade.lots, trade.price_ticks) == (side, 10, stop)
    assert await hall.venue.open_orders(BTC) == ()


async def test_a_post_only_order_rests_or_is_refused_later(hall):
    """Bybit takes it in and ends it when it meets the book: that is a refusal, and names itself."""
    await hall.listen()
    good = approved(1, OrderType.POST_ONLY, price_ticks=499_990)
    await hall.venue.place(good)
    assert (hall.door.sent(CREATE)[-1]["timeInForce"], hall.door.sent(CREATE)[-1]["price"]) == ("PostOnly", "49999")
    bad = approved(2, OrderType.POST_ONLY, price_ticks=500_010)
    await hall.venue.place(bad)
    state = await hall.ended(bad.intent)
    assert (state.event, state.refusal) == (Event.REJECT, "WouldTake")
    assert [seen.client_id for seen in await hall.venue.open_orders(BTC)] == [good.intent.client_id]
    await hall.venue.cancel(good.intent)
    assert (await hall.ended(good.intent)).event is Event.CANCEL_CONFIRMED
    with pytest.raises(errors.OrderNotFound):
        await hall.venue.cancel(good.intent)


async def test_an_answer_that_is_lost_is_in_doubt_and_the_order_is_found(hall):
    """It landed: the same id again is refused as in doubt, and the question by our id finds it once."""
    hall.door.fates[CREATE].append(LOST)
    entry = approved(1)
    with pytest.raises(errors.Unknown):
        await hall.venue.place(entry)
    assert len(hall.door.sent(CREATE)) == 1
    seen = await hall.venue.order_by_client_id(entry.intent)
    assert seen.client_id == entry.intent.client_id
    with pytest.raises(errors.Unknown, match="110072"):
        await hall.venue.place(entry)


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_order_that_has_ended_is_found_where_it_is_listed(hall, restarted):
    """Among those that ended lately, or, where the exchange has forgotten them, in the history."""
    await hall.listen()
    entry = await hall.trade(1, 10)
    await hall.ended(entry)
    hall.door.restarted = restarted
    hall.door.asked.clear()
    seen = await hall.venue.order_by_client_id(entry)
    assert (seen.event, seen.lots_filled) == (Event.FILL_ALL, 10)
    assert len(hall.door.sent(REALTIME)) == 2
    assert len(hall.door.sent("/v5/order/history")) == int(restarted)


async def test_an_order_that_is_not_listed_yet_is_none(hall):
    """None is no proof; the next question finds it."""
    entry = approved(1)
    hall.door.hidden.add(entry.intent.client_id)
    await hall.venue.place(entry)
    assert await hall.venue.order_by_client_id(entry.intent) is None
    hall.door.hidden.clear()
    assert (await hall.venue.order_by_client_id(entry.intent)).client_id == entry.intent.client_id


@pytest.mark.parametrize(
    ("change", "wanted", "failure"),
    [
        ({}, {"reduce_only": True}, errors.ReduceOnlyRejected),
        ({}, {"lots": 100_000_000}, errors.InsufficientFunds),
        ({}, {"order_type": OrderType.STOP_MARKET, "side": -1, "stop_ticks": 510_000}, errors.WouldTrigger),
        ({}, {"order_type": OrderType.STOP_MARKET, "side": 1, "stop_ticks": 490_000}, errors.WouldTrigger),
        ({"hedged": True}, {}, errors.InvalidOrder),
    ],
)
async def test_what_the_exchange_refuses(hall, change, wanted, failure):
    """Each by its own class; nothing of it rests."""
    for name, value in change.items():
        setattr(hall.floor, name, value)
    with pytest.raises(failure):
        await hall.venue.place(approved(1, **wanted))
    assert hall.floor.orders == {}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (web.Response(status=403, text="access too frequent"), errors.RateLimited),
        (web.json_response({"retCode": 10006, "retMsg": "Too many visits!", "result": {}}), errors.RateLimited),
        (web.json_response({"retCode": 10016, "retMsg": "server error", "result": {}}), errors.Unknown),
        (web.json_response({"retCode": 0, "retMsg": "OK", "result": {}}), errors.Unknown),
        (web.json_response({"retCode": 0, "result": {"orderId": "x", "orderLinkId": "another"}}), errors.Unknown),
        (web.Response(status=502, text="<html>"), errors.Unknown),
    ],
)
async def test_answers_that_are_no_orders(hall, answer, failure):
    """Too many requests, an error inside, an answer without a number or about another order."""
    hall.door.fates[CREATE].append(answer)
    with pytest.raises(errors.VenueError) as caught:
        await hall.venue.place(approved(1))
    assert type(caught.value) is failure


async def test_an_address_that_is_shut_out_asks_nothing_for_ten_minutes(hall):
    """403 wants silence: the next request does not leave."""
    hall.door.fates[CREATE].append(web.Response(status=403, text="access too frequent"))
    with pytest.raises(errors.RateLimited) as caught:
        await hall.venue.place(approved(1))
    assert caught.value.retry_after_ms == 600_000
    before = len(hall.door.asked)
    with pytest.raises(errors.RateLimited, match="not asked for"):
        await hall.venue.wallet("USDT")
    assert len(hall.door.asked) == before


async def test_a_key_that_signs_wrong_is_not_permitted():
    """The signature is checked at the other end."""
    hall = Hall()
    await hall.open(secret="another")
    try:
        with pytest.raises(errors.NotPermitted):
            await hall.venue.wallet("USDT")
    finally:
        await hall.close()


async def test_trades_are_found_page_by_page_and_funding_is_none(hall):
    """A hundred and twenty trades are two pages; a payment of funding is listed as an execution and left out."""
    for number in range(120):
        hall.floor.by_hand("BTCUSDT", "0.001" if number % 2 else "-0.001")
    hall.floor.fund("BTCUSDT", "-1.5")
    trades = await hall.venue.trades_since(BTC, 0)
    assert len(trades) == 120
    assert len(await hall.venue.trades_since(BTC, trades[100].trade_id)) == 20
    assert await hall.venue.newest_trade(BTC) == trades[-1].trade_id
    assert await hall.venue.trades_since(ETH, 0) == ()


async def test_an_account_without_trades_begins_before_any_of_this_week(hall):
    """The number is of a moment, the same at every look, and every later trade is above it."""
    begin = await hall.venue.newest_trade(ETH)
    assert begin == await hall.venue.newest_trade(ETH)
    hall.floor.by_hand("ETHUSDT", "0.10")
    (trade,) = await hall.venue.trades_since(ETH, begin + 1)
    assert trade.trade_id > begin


async def test_funding_and_transfers_are_listed(hall):
    """Received is positive; each once, in order of time; what a trade brought and cost names the trade."""
    hall.floor.fund("BTCUSDT", "-1.5")
    hall.floor.fund("ETHUSDT", "0.25")
    hall.floor.transfer("100")
    hall.floor.transfer("-40.5")
    paid = await hall.venue.funding_since(0)
    assert [(one.symbol, one.amount) for one in paid] == [(BTC, minor("-1.5")), (ETH, minor("0.25"))]
    assert await hall.venue.funding_since(paid[0].market_ns) == paid
    hall.floor.transfer("-0.01", "INTEREST")
    hall.floor.by_hand("BTCUSDT", "0.001")
    moved = await hall.venue.transfers_since(0)
    kinds = [(one.kind, one.amount) for one in moved]
    assert kinds[2:] == [
        ("TRANSFER", minor("100")),
        ("TRANSFER", minor("-40.5")),
        ("INTEREST", minor("-0.01")),
        kinds[-1],
    ]
    assert [kind for kind, _ in kinds[:2]] == ["FUNDING_FEE"] * 2
    begin = (await hall.venue.trades_since(BTC, 0))[0].trade_id >> 24
    assert (moved[-1].kind, moved[-1].symbol, moved[-1].trade_id >> 24) == ("REALIZED_PNL", BTC, begin)
    assert all(one.reference.startswith("income ") for one in (*paid, *moved))


async def test_modes_as_the_account_is_set_up(hall):
    """One-way, cross, leverage by symbol; another coin that counts as margin makes it multi-asset."""
    found = await hall.venue.modes([BTC, ETH])
    assert (found.is_hedged, found.is_multi_asset, found.may_trade) == (False, False, True)
    assert found.margins == ((BTC, "cross", 5), (ETH, "cross", 5))
    hall.floor.others = [{"coin": "ETH", "equity": "0.2", "walletBalance": "0.2", "collateralSwitch": True}]
    assert (await hall.venue.modes([BTC])).is_multi_asset
    hall.floor.margin_mode, hall.floor.hedged = "ISOLATED_MARGIN", True
    found = await hall.venue.modes([BTC])
    assert (found.is_hedged, found.is_multi_asset, found.margins) == (True, False, ((BTC, "isolated", 5),))
    hall.floor.margin_mode = "PORTFOLIO_MARGIN"
    assert (await hall.venue.modes([BTC])).margins == ((BTC, "portfolio", 5),)


async def test_permissions_of_the_keys(hall):
    """Withdrawal is told by the exchange, and so is where they may be used from and for how long."""
    may = await hall.venue.permissions()
    assert (may.may_trade, may.may_withdraw, may.is_bound_to_address, may.days_left) == (True, False, True, 80)
    hall.door.permissions = {"ContractTrade": [], "Wallet": ["AccountTransfer", "Withdraw"]}
    hall.door.addresses = ["*"]
    may = await hall.venue.permissions()
    assert (may.may_trade, may.may_withdraw, may.is_bound_to_address) == (False, True, False)


async def test_a_timer_that_it_has_not_is_refused_by_name(hall):
    """Nobody believes that entries are guarded which are not."""
    with pytest.raises(errors.InvalidOrder, match="no dead-man timer"):
        await hall.venue.arm(BTC, 60_000)


async def test_a_stream_that_breaks_is_dialled_again(hall):
    """Down, then up; what happens afterwards is told."""
    await hall.listen()
    await hall.door.hang_up()
    await hall.until(lambda n: isinstance(n, StreamDown))
    hall.told.clear()
    await hall.until(lambda n: isinstance(n, StreamUp))
    await hall.trade(1, 10)
    await hall.until(lambda n: isinstance(n, TradeSeen))
    assert hall.venue.stream_age_ns() < 10**9


async def test_a_subscription_that_is_refused_is_no_stream(hall):
    """Up is said when the topics are granted, never before."""
    hall.door.refuses_topics = True
    hall.listening = asyncio.create_task(hall.venue.listen(hall.told.append))
    down = await hall.until(lambda n: isinstance(n, StreamDown))
    assert "not yours" in down.text
    assert not any(isinstance(n, StreamUp) for n in hall.told)


async def test_what_others_do_is_told_by_name(hall):
    """A liquidation and a deleveraging carry the names that the engine knows; funding asks for a look; leverage too."""
    await hall.listen()
    await hall.ended(await hall.trade(1, 10))
    hall.floor.by_hand("BTCUSDT", "-0.004", "BustTrade")
    hall.floor.by_hand("BTCUSDT", "-0.006", "AdlTrade")
    hall.floor.fund("BTCUSDT", "-0.5")
    hall.floor.leverage["BTCUSDT"] = "50"
    hall.floor.by_hand("BTCUSDT", "0.001")
    await hall.until(lambda n: isinstance(n, ModesChanged))
    names = [n.client_id for n in hall.told if isinstance(n, TradeSeen)]
    assert names[1:] == ["autoclose-", "adl_autoclose", ""]
    assert any(isinstance(n, WalletSeen) and n.reason == "FUNDING_FEE" for n in hall.told)


async def test_practice_reaches_the_hosts_of_practice_alone():
    """Orders and the private stream by the demo's names, under a journal of its own with the same facts."""
    hall = Hall()
    await hall.open(is_demo=True)
    try:
        await hall.listen()
        await hall.ended(await hall.trade(1, 10))
        assert (await hall.venue.instruments([BTC]))[0].venue == "bybit-demo"
        assert fee_ppm("bybit-demo", is_maker=False) == 550
        assert late_numbers("bybit-demo") == late_numbers("bybit") > late_numbers("binanceusdm-demo") == 0
    finally:
        await hall.close()
