"""Whose a trade is: proved by the venue, waited for where it is not shown yet, never by a number alone."""

from dataclasses import replace

import msgspec
import pytest

from engine.desk import CHILD_NS, HIDDEN_NS, Desk
from engine.messages import FillTold, Moment
from engine.order import OrderType, client_id_of, intent_of
from tests.engine.fake_venue import Exchange, FakeVenue
from tests.engine.test_account import BTC, INSTRUMENTS, Stage
from tests.engine.test_desk import Account, desk_of, replace_id
from tests.engine.venue.test_round_trip import approved


class Hidden(FakeVenue):
    """A venue whose replica lists trades before it shows their orders."""

    shows = False

    async def order_by_id(self, symbol, venue_order_id):
        """Nothing, until it shows."""
        return await super().order_by_id(symbol, venue_order_id) if self.shows else None

    async def order_by_client_id(self, intent):
        """The same replica."""
        return await super().order_by_client_id(intent) if self.shows else None


async def test_a_trade_whose_order_is_not_shown_yet_is_nobodys_until_it_is():
    """Listed before its order: it waits, with those after it, and is ours when the order is shown."""
    exchange, entry, later = Exchange(INSTRUMENTS), approved(1).intent, approved(2).intent
    exchange.accept(entry)
    exchange.accept(later)
    account = Account(entry, later)
    venue = Hidden(exchange)
    desk = Desk(venue, account, INSTRUMENTS)
    for _ in range(2):
        await desk.recover()
        assert [type(message) for message in account.heard if isinstance(message, FillTold)] == []
        assert desk.unproved
    venue.shows = True
    await desk.recover()
    told = [message.fill.intent_id for message in account.heard if isinstance(message, FillTold)]
    assert told == [1, 2]
    assert not desk.unproved


@pytest.mark.parametrize(("is_shown", "patience_ns"), [(False, HIDDEN_NS), (True, CHILD_NS), (True, 0)])
async def test_the_proof_whose_a_trade_is_is_waited_for_so_long_and_no_longer(monkeypatch, is_shown, patience_ns):
    """An order that is never shown, 40 s; one of another name beside a stop of ours on its side, 1 s; else at once."""
    exchange = Exchange(INSTRUMENTS)
    exchange.accept(replace_id(approved(5).intent, "by-hand"))
    stop = approved(7, OrderType.STOP_MARKET, side=1 if patience_ns else -1, stop_ticks=1, reduce_only=True).intent
    account, venue = Account(stop), Hidden(exchange)
    venue.shows = is_shown
    desk, now_ns = Desk(venue, account, INSTRUMENTS), 0
    monkeypatch.setattr(account, "moment", lambda: Moment(market_ns=0, wall_ns=0, monotonic_ns=now_ns))
    for now_ns in (5, 5 + patience_ns - 1) if patience_ns else ():  # noqa: B007 - the clock reads it
        await desk.recover()
        assert not any(isinstance(message, FillTold) for message in account.heard)
    now_ns = 5 + patience_ns
    await desk.recover()
    assert [message.fill.intent_id for message in account.heard if isinstance(message, FillTold)] == [0]


async def test_a_trade_of_the_stream_without_a_name_is_asked_about():
    """Neither a client id nor a number that we know: nothing is booked, everything is asked for."""
    exchange, entry = Exchange(INSTRUMENTS), approved(1).intent
    exchange.accept(entry)
    account = Account(entry)
    desk = desk_of(account, exchange)
    desk.recovery_wanted = ""
    (trade,) = await desk._venue.trades_since(entry.instrument, 0)
    desk.news(replace(trade, client_id=""))
    assert account.heard == []
    assert desk.recovery_wanted
    desk.news(replace(trade, client_id="by-hand"))
    assert [message.fill.intent_id for message in account.heard] == [0]


async def test_a_trade_that_waits_for_its_proof_is_asked_about_again(tmp_path):
    """After a pause, not at once: the account is not quiet before."""
    stage = Stage(tmp_path)
    await stage.begin()
    await stage.quiet()
    account = stage.account
    account._desk.unproved[BTC, "1"] = stage.clocks.ns
    await account._recover_or_wait()
    assert not account.is_quiet
    assert account._failed_ns == account.moment().monotonic_ns
    account._desk.unproved.clear()
    await stage.end()


@pytest.mark.parametrize("is_told", [True, False])
async def test_an_order_of_another_journal_is_nobody_of_ours_whatever_its_number(tmp_path, is_told):
    """A lost journal's order 1, or another engine's, trades: ours stands as it did, the lots are a stranger's."""
    stage = Stage(tmp_path)
    await stage.begin()
    stage.target(5)
    await stage.quiet()
    ours = stage.account.books.orders[1]
    name, share = client_id_of("another", 1), (("x", 3),)
    other = msgspec.structs.replace(ours.intent, client_id=name, side=-1, lots=3, allocation=share)
    assert intent_of(other.client_id) == 1
    stage.exchange.deaf = not is_told
    stage.exchange.accept(other)
    stage.exchange.deaf = False
    stage.account.want_recovery("a look")
    await stage.quiet()
    books = stage.account.books
    assert books.orders[1] == ours
    assert [fill.intent_id for fill in books.ledger.trades.values()] == [1, 0]
    assert (books.position(BTC).lots, books.position(BTC, "trend").lots, stage.exchange.lots[BTC]) == (2, 2, 2)
    assert books.foreign_lots(BTC) == -3
    stage.covered()
    await stage.end()
