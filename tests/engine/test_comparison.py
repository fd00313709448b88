"""Journal, books and exchange: each kind of difference is named, and a match is one."""

from dataclasses import replace

import pytest

from engine.books import Books
from engine.comparison import OrderThere, Resolution, Snapshot, TradeThere, compare
from engine.events import Deposited, Filled, Intended, Listed, Observed, Started
from engine.order import Event, Intent, OrderType, client_id_of
from shm.records import Finding, Purpose

SYMBOL = "BTC/USDT:USDT"
ENTRY, STOP = client_id_of("r", 1), client_id_of("r", 2)


def an_intent(intent_id, **more):
    """An order of 3 lots."""
    return Intent(
        intent_id=intent_id, client_id=client_id_of("r", intent_id), account="main", venue="paper", instrument=SYMBOL,
        allocation=(("trend", 3),), lots=3, created_market_ns=1, created_wall_ns=1, **more,
    )  # fmt: skip


def some_books():
    """Long 3 with a stop at rest and a wallet of 10 000 000 - 1."""
    books = Books()
    fill = Filled(
        account="main", venue="paper", instrument=SYMBOL, trade_id=5, intent_id=1, venue_order_id="11", side=1, lots=3,
        price_ticks=100, fee=1, is_maker=False, market_ns=1, wall_ns=1,
    )  # fmt: skip
    for event in (
        Started(run="r", account="main", venue="paper", wall_ns=1),
        Listed(instrument=SYMBOL, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000),
        Deposited(account="main", venue="paper", amount=10**7, reference="d", wall_ns=1),
        Intended(intent=an_intent(1, purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1)),
        fill,
        Intended(
            intent=an_intent(
                2, purpose=Purpose.STOP, type=OrderType.STOP_MARKET, side=-1, stop_ticks=90, reduce_only=True
            )
        ),
        Observed(intent_id=2, event=Event.ACK, venue_order_id="12"),
    ):
        books.apply(event)
    return books


RESTS = OrderThere(instrument=SYMBOL, client_id=STOP, venue_order_id="12", side=-1, lots=3)
OURS = TradeThere(instrument=SYMBOL, trade_id=5, venue_order_id="11", side=1, lots=3, price_ticks=100)
LATER = TradeThere(instrument=SYMBOL, trade_id=6, venue_order_id="12", side=-1, lots=1, price_ticks=90)
EQUAL = {
    "instruments": (SYMBOL,), "orders": (RESTS,), "trades": (OURS,), "trades_complete_from": ((SYMBOL, 1),),
    "positions": ((SYMBOL, 3),), "wallet": 10**7 - 1,
}  # fmt: skip
STRANGER = OrderThere(instrument=SYMBOL, client_id="web_1", venue_order_id="99", side=1, lots=1)
LOST = OrderThere(instrument=SYMBOL, client_id=client_id_of("r", 77), venue_order_id="98", side=1, lots=1)
ZOMBIE = OrderThere(instrument=SYMBOL, client_id=ENTRY, venue_order_id="97", side=1, lots=3)
F, A = Finding, Resolution


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        ({}, [(F.MATCH, A.NOTHING)]),
        ({"orders": (RESTS, STRANGER)}, [(F.FOREIGN_ORDER, A.NOTHING)]),
        ({"orders": (RESTS, LOST)}, [(F.ORDER_UNKNOWN_HERE, A.ALARM)]),
        ({"orders": (RESTS, ZOMBIE)}, [(F.ORDER_STATE_DIFFERS, A.CANCEL)]),
        ({"orders": ()}, [(F.ORDER_ABSENT_THERE, A.ASK), (F.STOP_MISSING, A.ASK)]),
        # a stop of another journal, under the number of ours, protects nothing of ours
        (
            {"orders": (replace(RESTS, client_id=client_id_of("other", 2)),)},
            [(F.ORDER_UNKNOWN_HERE, A.ALARM), (F.ORDER_ABSENT_THERE, A.ASK), (F.STOP_MISSING, A.ASK)],
        ),
        ({"trades": (OURS, LATER)}, [(F.FILL_MISSING_HERE, A.ADOPT_FILL)]),
        ({"trades": ()}, [(F.FILL_UNKNOWN_THERE, A.ALARM)]),
        ({"trades": (), "trades_complete_from": ()}, [(F.MATCH, A.NOTHING)]),
        ({"positions": ((SYMBOL, 2),)}, [(F.POSITION_DIFFERS, A.ALARM)]),
        ({"wallet": 10**7}, [(F.CASH_DIFFERS, A.ALARM)]),
        ({"wallet": None}, [(F.MATCH, A.NOTHING)]),
    ],
)
def test_each_difference_has_a_name_and_a_resolution(change, findings):
    """One change at the exchange, one finding, unless the change bares a position."""
    found = compare(some_books(), Snapshot(**EQUAL | change))
    assert [(it.finding, it.resolution) for it in found] == findings


@pytest.mark.parametrize(("tolerance", "finding"), [(0, F.CASH_DIFFERS), (1, F.MATCH)])
def test_cash_may_differ_by_what_is_tolerated(tolerance, finding):
    """One unit more than ours; ``reconcile.wallet_tolerance`` says whether that is a difference."""
    found = compare(some_books(), Snapshot(**EQUAL | {"wallet": 10**7}), tolerance)
    assert [it.finding for it in found] == [finding]


def test_what_is_in_doubt_is_asked_about_and_does_not_alarm():
    """That it is not there is its own doubt, not a mismatch; and it explains a position that differs for a moment."""
    books = some_books()
    books.apply(Intended(intent=an_intent(3, purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1)))
    books.apply(Observed(intent_id=3, event=Event.DOUBT))
    found = compare(books, Snapshot(**EQUAL | {"positions": ((SYMBOL, 6),)}))
    assert [(it.finding, it.resolution) for it in found] == [(F.POSITION_DIFFERS, A.ASK)]


def test_lots_that_are_not_ours_need_no_stop_of_ours():
    """A human bought two lots beside our three: one stop over three is enough, none is not."""
    books = some_books()
    books.apply(
        Filled(
            account="main", venue="paper", instrument=SYMBOL, trade_id=6, intent_id=0, venue_order_id="web", side=1,
            lots=2, price_ticks=100, fee=0, is_maker=False, market_ns=1, wall_ns=1,
        )
    )  # fmt: skip
    theirs = TradeThere(instrument=SYMBOL, trade_id=6, venue_order_id="web", side=1, lots=2, price_ticks=100)
    there = EQUAL | {"positions": ((SYMBOL, 5),), "trades": (OURS, theirs)}
    assert [it.finding for it in compare(books, Snapshot(**there))] == [F.MATCH]
    bare = compare(books, Snapshot(**there | {"orders": ()}))
    assert [(it.finding, it.expected, it.found) for it in bare if it.finding is F.STOP_MISSING] == [
        (F.STOP_MISSING, 3, 0)
    ]
