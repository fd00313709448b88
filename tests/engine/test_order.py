"""The life of an order, every state and every event, in every order."""

from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.order import (
    FACT_OF,
    LADDER,
    Event,
    Fact,
    Intent,
    Order,
    OrderType,
    base36,
    client_id_of,
    intent_of,
    state_of,
)
from shm.records import OrderState, Purpose


def an_order(lots=3):
    """A fresh order of ``lots``."""
    return Order(
        intent=Intent(
            intent_id=1, client_id=client_id_of("r", 1), account="main", venue="paper", instrument="BTC/USDT:USDT",
            allocation=(("trend", lots),), purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1, lots=lots,
            created_market_ns=1, created_wall_ns=1,
        )
    )  # fmt: skip


PATHS = {
    OrderState.NEW: (),
    OrderState.SENT: (Event.SEND,),
    OrderState.OPEN: (Event.ACK,),
    OrderState.PARTIAL: (Event.FILL_SOME,),
    OrderState.FILLED: (Event.FILL_ALL,),
    OrderState.CANCELLING: (Event.ACK, Event.CANCEL),
    OrderState.CANCELLED: (Event.CANCEL_CONFIRMED,),
    OrderState.REJECTED: (Event.REJECT,),
    OrderState.IN_DOUBT: (Event.DOUBT,),
    OrderState.NOT_SENT: (Event.DOUBT, Event.ABSENT),
    OrderState.EXPIRED: (Event.EXPIRE,),
}
S = OrderState
# Rows: the state before; columns: SEND ACK REJECT DOUBT FILL_SOME FILL_ALL CANCEL CANCEL_CONFIRMED EXPIRE ABSENT.
AFTER = {
    S.NEW: (S.SENT, S.OPEN, S.REJECTED, S.IN_DOUBT, S.PARTIAL, S.FILLED, S.NEW, S.CANCELLED, S.EXPIRED, S.NOT_SENT),
    S.SENT: (S.SENT, S.OPEN, S.REJECTED, S.IN_DOUBT, S.PARTIAL, S.FILLED, S.SENT, S.CANCELLED, S.EXPIRED, S.NOT_SENT),
    S.OPEN: (S.OPEN, S.OPEN, S.REJECTED, S.OPEN, S.PARTIAL, S.FILLED, S.CANCELLING, S.CANCELLED, S.EXPIRED, S.OPEN),
    S.PARTIAL: (
        S.PARTIAL, S.PARTIAL, S.REJECTED, S.PARTIAL, S.PARTIAL, S.FILLED, S.CANCELLING, S.CANCELLED, S.EXPIRED,
        S.PARTIAL,
    ),
    S.FILLED: (S.FILLED,) * 10,
    S.CANCELLING: (
        S.CANCELLING, S.CANCELLING, S.REJECTED, S.CANCELLING, S.CANCELLING, S.FILLED, S.CANCELLING, S.CANCELLED,
        S.EXPIRED, S.CANCELLING,
    ),
    S.CANCELLED: (S.CANCELLED,) * 5 + (S.FILLED,) + (S.CANCELLED,) * 4,
    S.REJECTED: (S.REJECTED,) * 5 + (S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.REJECTED),
    S.IN_DOUBT: (
        S.IN_DOUBT, S.OPEN, S.REJECTED, S.IN_DOUBT, S.PARTIAL, S.FILLED, S.IN_DOUBT, S.CANCELLED, S.EXPIRED, S.NOT_SENT,
    ),
    S.NOT_SENT: (
        S.NOT_SENT, S.OPEN, S.REJECTED, S.NOT_SENT, S.PARTIAL, S.FILLED, S.NOT_SENT, S.CANCELLED, S.EXPIRED, S.NOT_SENT,
    ),
    S.EXPIRED: (S.EXPIRED,) * 5 + (S.FILLED, S.EXPIRED, S.CANCELLED, S.EXPIRED, S.EXPIRED),
}  # fmt: skip


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("event", Event)
def test_every_state_meets_every_event(state, event):
    """All 110 cells are written down."""
    order = an_order()
    for step in PATHS[state]:
        order = order.told(step)
    assert order.state == state
    assert order.told(event).state == AFTER[state][event - 1]


def test_the_ladder_names_every_state_once_and_always_ends():
    """No set of facts is without a state."""
    assert sorted(state for state, _ in LADDER) == sorted(OrderState)
    assert all(state_of(Fact(bits)) in OrderState for bits in range(1024))
    assert FACT_OF.keys() == set(Event)


@settings(deadline=None)  # 200 permutations an example
@given(st.lists(st.sampled_from(Event), max_size=5), st.lists(st.integers(1, 2), max_size=2))
def test_order_and_repetition_of_news_change_nothing(news, trades):
    """Every permutation, with every event told twice, ends in the same order."""
    steps = [("event", event) for event in news] + [("trade", lots) for lots in trades]
    ends = []
    for path in list(permutations(steps))[:200]:
        order = an_order()
        for kind, what in path:
            order = order.filled(what) if kind == "trade" else order.told(what).told(what)
        ends.append(order)
    assert all(end == ends[0] for end in ends)


def test_what_the_venue_clipped_is_settled_by_the_venues_count():
    """A reduce-only stop of 3 that found 2 held is filled with 2, and waits for no third lot."""
    order = an_order()
    reducing = Order(intent=msgspec.structs.replace(order.intent, reduce_only=True))
    clipped = reducing.told(Event.ACK).told(Event.FILL_ALL, lots_reported=2)
    assert (clipped.state, clipped.is_settled) == (OrderState.FILLED, False)
    assert clipped.filled(2).is_settled
    assert not order.told(Event.FILL_ALL, lots_reported=2).filled(2).is_settled


def test_a_terminal_order_still_counts_its_late_fills():
    """Cancelled with 2 reported and 1 booked is not settled until the second trade comes."""
    order = an_order().told(Event.CANCEL_CONFIRMED, lots_reported=2).filled(1)
    assert (order.state, order.is_settled) == (OrderState.CANCELLED, False)
    assert order.filled(1).is_settled


@given(st.text("0123456789abcdefT:-", min_size=1, max_size=30), st.integers(1, 2**53))
def test_a_client_id_names_its_intent_and_nothing_else_does(run, intent_id):
    """At most 36 characters of the venue's alphabet; one changed character and it is not ours."""
    client_id = client_id_of(run, intent_id)
    assert len(client_id) <= 36
    assert intent_of(client_id) == intent_id
    assert intent_of(client_id[:-1] + ("0" if client_id[-1] != "0" else "1")) == 0
    assert intent_of("web_" + client_id) == 0


def test_base36_is_the_inverse_of_int():
    """As python reads it."""
    assert all(int(base36(number), 36) == number for number in range(5000))


@given(st.lists(st.sampled_from(Event), max_size=6), st.integers(0, 3), st.integers(0, 3))
def test_i8_the_lots_of_an_order_add_up(news, booked, counted):
    """I8: what is filled and what may still fill is what was ordered; what ended has nothing left."""
    order = an_order(3)
    for event in news:
        order = order.told(event, lots_reported=counted)
    if booked:
        order = order.filled(booked)
    known = max(order.lots_filled, order.lots_reported)
    assert known + order.lots_left == 3 or order.is_terminal
    assert order.lots_left == 0 or not order.is_terminal
    assert known <= 3
    assert (order.state is OrderState.FILLED) == (known == 3)
