"""Books of an account with a past: history stays history, modes are judged by name."""

from dataclasses import replace

import pytest

from engine import errors
from engine.books import Books
from engine.events import EXTERNAL, Filled, Opened, Started
from engine.ledger import NET
from engine.opening import survey, unsupported
from engine.order import Intent, OrderType
from engine.risk import Refusal
from engine.settings import RiskSettings
from engine.venue.base import Modes, ModesChanged, PositionSeen
from shm.records import Purpose
from tests.engine.fake_venue import FakeVenue
from tests.engine.test_account import BTC, ETH, INSTRUMENTS, Stage

MODES = Modes(is_hedged=False, is_multi_asset=False, may_trade=True, margins=((BTC, "cross", 5), (ETH, "isolated", 20)))


class Old:
    """An account that has traded before; ``busy`` trades happen while it is looked at."""

    def __init__(self, busy=0):
        """Hold a little."""
        self.busy, self.asked = busy, 0

    async def newest_trade(self, symbol):
        """The last trade."""
        if symbol == BTC:
            self.asked += 1
        return 70 + min(self.busy, self.asked) if symbol == BTC else 0

    async def positions(self):
        """Two bitcoin lots, short."""
        return (PositionSeen(symbol=BTC, lots=-2, entry_ticks=900_000),)


async def test_a_snapshot_begins_the_books():
    """What is held is nobody's of ours, at its entry price; booked trades begin after the newest one."""
    bitcoin, ether = await survey(Old(), INSTRUMENTS, 5)
    assert (bitcoin.lots, bitcoin.price_ticks, bitcoin.trade_id_next) == (-2, 900_000, 71)
    assert (ether.lots, ether.trade_id_next) == (0, 1)


async def test_a_trade_during_the_look_is_looked_at_again():
    """Position and trade number must belong together."""
    bitcoin, _ = await survey(Old(busy=3), INSTRUMENTS, 5)
    assert bitcoin.trade_id_next == 74
    with pytest.raises(errors.Unknown, match="trades all the time"):
        await survey(Old(busy=10**6), INSTRUMENTS, 5)


def test_what_was_held_is_in_the_books_without_profit_or_fee():
    """EXTERNAL holds it, the account holds it, no cash moved; a repeat changes nothing."""
    books = Books()
    books.apply(Started(run="r", account="main", venue="fake", wall_ns=0))
    books.ledger.units[BTC] = 10_000
    opened = Opened(
        account="main", venue="fake", instrument=BTC, lots=-2, price_ticks=900_000, trade_id_next=71, market_ns=5
    )
    postings = books.apply(opened)
    assert sum(amount for _, _, amount in postings) == 0
    assert books.position(BTC, EXTERNAL).lots == books.position(BTC, NET).lots == -2
    assert books.position(BTC).entry_ticks(10_000) == 900_000
    assert books.ledger.wallet("main", "fake") == 0
    assert books.trades_from == {BTC: 71}
    assert books.foreign_lots(BTC) == -2
    assert books.apply(opened) == []


def test_a_second_snapshot_takes_the_place_of_the_first():
    """The first life ended between what was held and the cash: meanwhile the account has traded on, or is flat."""
    books = Books()
    books.apply(Started(run="r", account="main", venue="fake", wall_ns=0))
    books.ledger.units[BTC] = 10_000
    for lots, ticks, trade_id in ((5, 100, 7), (3, 100, 8), (0, 1, 9), (-1, 90, 10)):
        opened = Opened(
            account="main", venue="fake", instrument=BTC, lots=lots, price_ticks=ticks, trade_id_next=trade_id,
            market_ns=5,
        )  # fmt: skip
        assert sum(amount for _, _, amount in books.apply(opened)) == 0
        for name in (EXTERNAL, NET):
            assert (books.position(BTC, name).lots, books.position(BTC, name).cost) == (
                lots,
                abs(lots) * ticks * 10_000,
            )
        assert (books.trades_from, books.ledger.wallet("main", "fake")) == ({BTC: trade_id}, 0)


async def test_trades_while_the_snapshot_is_taken_are_counted_once(tmp_path, monkeypatch):
    """A person sells while we look, and the stream says so: position and cash are the exchange's to the last unit."""
    stage = Stage(tmp_path)
    stage.plan = {"is_shared": True}
    stage.exchange.accept(by_hand(5, 0))
    places, asked = {"positions": FakeVenue.positions, "wallet": FakeVenue.wallet}, []

    def trading(name):
        async def answer(venue, *words):
            found = await places[name](venue, *words)
            if name not in asked:
                asked.append(name)
                stage.exchange.price[BTC] += 100
                stage.exchange.accept(by_hand(-1, len(asked)))
            return found

        return answer

    for name in places:
        monkeypatch.setattr(FakeVenue, name, trading(name))
    await stage.begin()
    await stage.quiet()
    books = stage.account.books
    assert asked == ["positions", "wallet"]
    assert (books.position(BTC).lots, books.ledger.trades) == (3, {})
    assert books.ledger.wallet("main", "fake") == stage.exchange.cash
    assert stage.account.core.differs == ""
    await stage.end()


def test_a_trade_that_comes_late_leaves_what_was_held_before():
    """Trade 8 is told before trade 7: the lots of the opening are still there, and profit is what it was to be."""
    books = Books()
    books.apply(Started(run="r", account="main", venue="fake", wall_ns=0))
    books.ledger.units[BTC] = 10_000
    books.apply(
        Opened(account="main", venue="fake", instrument=BTC, lots=5, price_ticks=100, trade_id_next=7, market_ns=5)
    )
    for trade_id, side, lots, ticks in ((8, 1, 1, 120), (7, -1, 2, 110)):
        books.apply(
            Filled(
                account="main", venue="fake", instrument=BTC, trade_id=trade_id, intent_id=0, venue_order_id="w",
                side=side, lots=lots, price_ticks=ticks, fee=0, is_maker=False, market_ns=trade_id, wall_ns=0,
            )
        )  # fmt: skip
    assert (books.position(BTC).lots, books.position(BTC).cost) == (4, (3 * 100 + 120) * 10_000)
    assert books.ledger.wallet("main", "fake") == 2 * (110 - 100) * 10_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"is_hedged": True}, "position mode is hedge: set it to one-way"),
        ({"is_multi_asset": True}, "margin mode is multi-asset: set it to single-asset"),
        ({"may_trade": False}, "the exchange does not let this account trade"),
        ({"margins": ((BTC, "cross", 50),)}, f"leverage of {BTC} is 50: above engine.risk.leverage_max 20"),
    ],
)
def test_modes_are_refused_by_name(change, words):
    """With what would be right."""
    assert unsupported(replace(MODES, **change), RiskSettings()) == words


def test_the_margin_type_is_a_setting():
    """Who wants isolated positions only says so."""
    words = unsupported(MODES, RiskSettings(margin_types=("isolated",)))
    assert words == f"margin type of {BTC} is cross: not one of isolated"


def by_hand(lots, number):
    """An order that no engine made."""
    return Intent(
        intent_id=1, client_id=f"web{number}", account="", venue="", instrument=BTC, allocation=(("me", abs(lots)),),
        purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1 if lots > 0 else -1, lots=abs(lots),
        created_market_ns=0, created_wall_ns=0,
    )  # fmt: skip


@pytest.fixture
async def shared(tmp_path):
    """An account that has traded before its books are opened."""
    stage = Stage(tmp_path)
    stage.plan = {"is_shared": True}
    for number, lots in enumerate((5, -3)):
        stage.exchange.accept(by_hand(lots, number))
    await stage.begin()
    yield stage
    await stage.end()


async def test_the_first_start_books_no_history(shared):
    """Two old trades: none is booked; what they left is EXTERNAL's, cash is what it is, nothing differs."""
    await shared.quiet()
    books = shared.account.books
    assert books.ledger.trades == {}
    assert (books.position(BTC, EXTERNAL).lots, books.position(BTC).lots) == (2, 2)
    assert books.ledger.wallet("main", "fake") == shared.exchange.cash
    assert shared.account.core.differs == ""
    shared.exchange.accept(by_hand(1, 9))
    await shared.quiet()
    assert len(books.ledger.trades) == 1
    assert books.position(BTC, EXTERNAL).lots == 3


async def test_a_second_start_knows_where_its_trades_begin(shared):
    """The snapshot is taken once; afterwards the journal says it."""
    await shared.quiet()
    await shared.end()
    await shared.begin()
    await shared.quiet()
    assert shared.account.books.ledger.trades == {}
    assert shared.account.books.position(BTC).lots == 2


async def test_modes_that_change_stop_entries_until_they_are_read(shared):
    """The stream says so: the gate holds entries at once; hedge mode keeps them out by name, one-way lets them in."""
    await shared.quiet()
    shared.exchange.is_hedged = True
    shared.venue.told(ModesChanged(text="position mode"))
    entry = by_hand(1, 1)
    shared.account._approved_ns[1] = shared.clocks.ns
    assert "were changed and not read again yet" in shared.account._objection(entry)
    shared.clocks.ns += 2 * 10**9
    await shared.quiet()
    assert shared.account.core.differs == "position mode is hedge: set it to one-way"
    shared.target(4, symbol=ETH)
    await shared.quiet()
    assert shared.exchange.lots[ETH] == 0
    shared.exchange.is_hedged = False
    shared.account.want_recovery("look again")
    await shared.quiet()
    assert shared.account.core.differs == ""


async def test_who_observes_sends_nothing(tmp_path):
    """Reconciled and decided; no order and no cancel passes its door."""
    stage = Stage(tmp_path)
    stage.plan = {"is_shared": True, "observes": True}
    await stage.begin()
    stage.target(10)
    for _ in range(20):
        await stage.turn()
    assert stage.exchange.sends == {}
    orders = stage.account.books.orders.values()
    assert {order.state.name for order in orders} <= {"NEW", "NOT_SENT", "IN_DOUBT"}
    with pytest.raises(errors.NotSent, match="only observes"):
        await stage.account.dispatch._venue.cancel(by_hand(1, 1))
    await stage.end()


@pytest.mark.parametrize(("stop_ticks", "lots"), [(290_000, 5), (284_000, 0)])
async def test_isolated_margin_takes_no_position_that_is_liquidated_before_its_stop(
    tmp_path, monkeypatch, stop_ticks, lots
):
    """At 20x the margin is gone 4.25 % away, our buffer kept: a stop 3.3 % away is well, one 5.3 % is none."""
    stage = Stage(tmp_path)
    stage.plan = {"is_shared": True}

    async def isolated(_, symbols):
        return replace(MODES, margins=tuple((symbol, "isolated", 20) for symbol in symbols))

    monkeypatch.setattr(FakeVenue, "modes", isolated)
    await stage.begin()
    stage.target(5, stop_ticks=stop_ticks)
    await stage.quiet()
    assert stage.exchange.lots[BTC] == lots
    assert [one.refusal for one in stage.witness.refusals] == ([] if lots else [Refusal.LIQUIDATION])
    await stage.end()
