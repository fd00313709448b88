"""Kraken Futures' trades and what they cost, its account log, its modes, over real sockets."""

import asyncio
from decimal import Decimal

import pytest
from aiohttp import web

from engine.venue import kraken_wire
from engine.venue.base import StreamUp, WalletSeen
from shm.instruments import minor
from tests.engine.venue.kraken_hall import BTC, ETH, Hall


@pytest.fixture
async def hall():
    """One exchange for each test."""
    made = Hall()
    await made.open()
    yield made
    await made.close()


async def test_trades_are_found_page_by_page_with_what_they_cost(hall):
    """Two hundred and fifty fills are three pages; their list has no fees, the account log has."""
    for number in range(250):
        hall.floor.by_hand("PF_XBTUSD", "0.001" if number % 2 else "-0.001")
    trades = await hall.venue.trades_since(BTC, 0)
    assert len(trades) == 250
    assert {trade.fee for trade in trades} == {minor("0.025")}
    assert len(await hall.venue.trades_since(BTC, trades[200].trade_id)) == 50
    assert await hall.venue.newest_trade(BTC) == trades[-1].trade_id
    assert await hall.venue.trades_since(ETH, 0) == ()
    assert len(hall.door.sent("account-log")) == 2


async def test_a_fee_that_nobody_knows_yet_is_that_of_the_list(hall):
    """The position is worth more than the last digit of a fee: a log that is late or refuses holds up no trade."""
    hall.door.log_is_late = True
    hall.floor.by_hand("PF_XBTUSD", "0.001", "maker")
    assert [trade.fee for trade in await hall.venue.trades_since(BTC, 0)] == [minor("0.01")]
    hall.door.fates["account-log"].append(web.Response(status=502, text="<html>"))
    hall.floor.by_hand("PF_XBTUSD", "0.001")
    assert [trade.fee for trade in await hall.venue.trades_since(BTC, 0)] == [minor("0.01"), minor("0.025")]
    await hall.venue.trades_since(BTC, 0)
    assert len(hall.door.sent("account-log")) == 1, "and is not asked for again and again"


async def test_a_log_that_hangs_holds_up_no_trade(hall, monkeypatch):
    """Two seconds, and the list of prices stands in."""
    monkeypatch.setattr(kraken_wire, "FEES_S", 0.05)

    async def hanging(*_):
        await asyncio.sleep(60)

    monkeypatch.setattr(kraken_wire.KrakenWire, "_entries", hanging)
    hall.floor.by_hand("PF_XBTUSD", "0.001")
    assert [trade.fee for trade in await hall.venue.trades_since(BTC, 0)] == [minor("0.025")]


async def test_a_log_is_asked_for_once_a_minute_while_the_stream_lives(hall):
    """Unless the stream tells of an entry, or has not told everything; without a stream it is asked each time."""
    for _ in range(2):
        await hall.venue.funding_since(0)
    assert len(hall.door.sent("account-log")) == 2
    await hall.listen()
    for _ in range(3):
        assert await hall.venue.funding_since(0) == ()
        assert await hall.venue.transfers_since(0) == ()
    assert len(hall.door.sent("account-log")) == 3
    hall.floor.fund("PF_XBTUSD", "-1.5")
    await hall.until(lambda n: isinstance(n, WalletSeen))
    for _ in range(3):
        assert [one.amount for one in await hall.venue.funding_since(0)] == [minor("-1.5")]
    assert len(hall.door.sent("account-log")) == 4
    hall.told.clear()
    await hall.door.hang_up()
    await hall.until(lambda n: isinstance(n, StreamUp))
    await hall.venue.funding_since(0)
    assert len(hall.door.sent("account-log")) == 5


async def test_an_account_without_trades_begins_before_any_of_this_week(hall):
    """The number is of a moment, the same at every look, and every later trade is above it."""
    begin = await hall.venue.newest_trade(ETH)
    assert begin == await hall.venue.newest_trade(ETH)
    hall.floor.by_hand("PF_ETHUSD", "0.100")
    (trade,) = await hall.venue.trades_since(ETH, begin + 1)
    assert trade.trade_id > begin


async def test_funding_and_transfers_are_listed(hall):
    """Received is positive; each once, in order of time; what a trade brought and cost names the trade."""
    hall.floor.fund("PF_XBTUSD", "-1.5")
    hall.floor.fund("PF_ETHUSD", "0.25")
    hall.floor.transfer("100")
    hall.floor.transfer("-40.5")
    paid = await hall.venue.funding_since(0)
    assert [(one.symbol, one.amount) for one in paid] == [(BTC, minor("-1.5")), (ETH, minor("0.25"))]
    assert await hall.venue.funding_since(paid[0].market_ns) == paid
    hall.floor.transfer("-0.01", "interest payment")
    hall.floor.by_hand("PF_XBTUSD", "0.001")
    moved = await hall.venue.transfers_since(0)
    assert [(one.kind, one.amount) for one in moved] == [
        ("FUNDING_FEE", minor("-1.5")),
        ("FUNDING_FEE", minor("0.25")),
        ("TRANSFER", minor("100")),
        ("TRANSFER", minor("-40.5")),
        ("INTEREST PAYMENT", minor("-0.01")),
        ("REALIZED_PNL", minor("-0.025")),
    ]
    (trade,) = await hall.venue.trades_since(BTC, 0)
    assert (moved[-1].symbol, moved[-1].trade_id) == (BTC, trade.trade_id)
    assert len({one.reference for one in moved}) == 6


async def test_funding_that_a_trade_settles_is_funding(hall):
    """The exchange pays what has accrued when a position changes: in the entry of the trade."""
    hall.floor._book(
        "futures trade", "1.75", "PF_XBTUSD", execution="e", realized_pnl=3.0, fee=1.0, realized_funding=-0.25
    )
    (paid,) = await hall.venue.funding_since(0)
    assert (paid.amount, paid.symbol, paid.reference) == (minor("-0.25"), BTC, "income 1 funding")
    assert [one.amount for one in await hall.venue.transfers_since(0)] == [minor("2"), minor("-0.25")]


async def test_a_long_log_is_read_to_its_end(hall):
    """Sixty entries, twenty-five in the first answer; the position's own entries are no cash."""
    for _ in range(60):
        hall.floor.transfer("1")
    assert len(await hall.venue.transfers_since(0)) == 60
    assert [asked.get("from") for asked in hall.door.sent("account-log")] == [None, "26"]


async def test_modes_as_the_account_is_set_up(hall):
    """Always one-way; a leverage of its own isolates a symbol; another currency is margin as well."""
    hall.floor.leverage = {"PF_ETHUSD": 10.0}
    found = await hall.venue.modes([BTC, ETH])
    assert (found.is_hedged, found.is_multi_asset, found.may_trade) == (False, False, True)
    assert found.margins == ((BTC, "cross", 0), (ETH, "isolated", 10))
    hall.floor.currencies = {"XBT": Decimal("0.1")}
    assert (await hall.venue.modes([BTC])).is_multi_asset
    hall.floor.currencies = {"XBT": Decimal(0)}
    assert not (await hall.venue.modes([BTC])).is_multi_asset


async def test_permissions_are_not_told(hall):
    """Nobody says that a key cannot withdraw where nobody knows."""
    may = await hall.venue.permissions()
    assert (may.may_trade, may.may_withdraw, may.is_bound_to_address) == (True, None, None)


async def test_the_dead_man_timer_counts_seconds(hall):
    """Rounded up; nought takes it back."""
    await hall.venue.arm(BTC, 60_500)
    await hall.venue.arm(BTC, 0)
    assert hall.door.dead_man_s == [61, 0]
