"""The fold of the journal: repeats change nothing, and what cannot follow is refused."""

import pytest

from engine.books import Books, BooksError
from engine.doubts import doubts
from engine.events import Deposited, Filled, Intended, Listed, Observed, Sized, Started
from engine.order import Event, Intent, OrderType
from shm.records import OrderState, Purpose

SYMBOL = "BTC/USDT:USDT"
STARTED = Started(run="r1", account="main", venue="paper", wall_ns=1)
LISTED = Listed(instrument=SYMBOL, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000)
SIZED = Sized(
    run="r1", instrument=SYMBOL, strategy="trend", target_id=7, lots=3, stop_ticks=90, valid_until_ns=9,
    reference_ticks=100, open_ns=1,
)  # fmt: skip
INTENDED = Intended(
    intent=Intent(
        intent_id=1, client_id="rm", account="main", venue="paper", instrument=SYMBOL, allocation=(("trend", 3),),
        purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1, lots=3, target_id=7, created_market_ns=1,
        created_wall_ns=1,
    )
)  # fmt: skip
FILLED = Filled(
    account="main", venue="paper", instrument=SYMBOL, trade_id=5, intent_id=1, venue_order_id="11", side=1, lots=3,
    price_ticks=100, fee=1, is_maker=False, market_ns=1, wall_ns=1,
)  # fmt: skip


def fold(*events):
    """Books of ``events``."""
    books = Books()
    for event in events:
        books.apply(event)
    return books


def test_every_event_twice_is_every_event_once():
    """Positions, orders, goals and cash do not move at a repeat."""
    events = (STARTED, LISTED, SIZED, INTENDED, FILLED)
    once, twice = fold(*events), fold(*(event for event in events for _ in range(2)))
    assert once.ledger.positions == twice.ledger.positions
    assert (once.orders, once.goals) == (twice.orders, twice.goals)
    assert once.ledger.wallet("main", "paper") == twice.ledger.wallet("main", "paper") == -1
    assert once.goals[SYMBOL, "trend"].barred


def test_a_new_run_forgets_opinions():
    """The goal is kept for its stop, and stale."""
    assert (
        fold(STARTED, LISTED, SIZED, Started(run="r2", account="main", venue="paper", wall_ns=2))
        .goals[SYMBOL, "trend"]
        .stale
    )


def test_a_trade_of_nobody_is_external():
    """It counts for the account and for no strategy of ours."""
    books = fold(STARTED, LISTED, FILLED)
    assert books.position(SYMBOL).lots == books.position(SYMBOL, "external").lots == 3


def test_an_intent_without_an_answer_is_in_doubt_after_a_restart():
    """One doubt for the new order, none once it is told."""
    books = fold(STARTED, LISTED, INTENDED)
    (doubt,) = doubts(books, 2)
    books.apply(doubt)
    assert books.orders[1].state == OrderState.IN_DOUBT
    assert doubts(books, 3) == []


@pytest.mark.parametrize(
    "event",
    [
        Observed(intent_id=9, event=Event.ACK),
        Started(run="r1", account="other", venue="paper", wall_ns=1),
        Listed(instrument=SYMBOL, venue="paper", tick_e8=10**8, lot_e8=10**4, unit=10_000),
    ],
)
def test_what_cannot_follow_is_refused(event):
    """An order never intended, another account, another lot under an open position."""
    books = fold(STARTED, LISTED, INTENDED, FILLED)
    books.apply(Deposited(account="main", venue="paper", amount=1, reference="d", wall_ns=1))
    with pytest.raises(BooksError):
        books.apply(event)
