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
from shm.records import Leg, OrderState, Purpose


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
# Rows: the state before; columns: ACK REJECT DOUBT FILL_SOME FILL_ALL CANCEL CANCEL_CONFIRMED EXPIRE ABSENT.
AFTER = {
    S.NEW: (S.OPEN, S.REJECTED, S.IN_DOUBT, S.PARTIAL, S.FILLED, S.NEW, S.CANCELLED, S.EXPIRED, S.NOT_SENT),
    S.OPEN: (S.OPEN, S.REJECTED, S.OPEN, S.PARTIAL, S.FILLED, S.CANCELLING, S.CANCELLED, S.EXPIRED, S.OPEN),
    S.PARTIAL: (
        S.PARTIAL, S.REJECTED, S.PARTIAL, S.PARTIAL, S.FILLED, S.CANCELLING, S.CANCELLED, S.EXPIRED,
        S.PARTIAL,
    ),
    S.FILLED: (S.FILLED,) * 9,
    S.CANCELLING: (
        S.CANCELLING, S.REJECTED, S.CANCELLING, S.CANCELLING, S.FILLED, S.CANCELLING, S.CANCELLED,
        S.EXPIRED, S.CANCELLING,
    ),
    S.CANCELLED: (S.CANCELLED,) * 4 + (S.FILLED,) + (S.CANCELLED,) * 4,
    S.REJECTED: (S.REJECTED,) * 4 + (S.FILLED, S.REJECTED, S.CANCELLED, S.EXPIRED, S.REJECTED),
    S.IN_DOUBT: (
        S.OPEN, S.REJECTED, S.IN_DOUBT, S.PARTIAL, S.FILLED, S.IN_DOUBT, S.CANCELLED, S.EXPIRED, S.NOT_SENT,
    ),
    S.NOT_SENT: (
        S.OPEN, S.REJECTED, S.NOT_SENT, S.PARTIAL, S.FILLED, S.NOT_SENT, S.CANCELLED, S.EXPIRED, S.NOT_SENT,
    ),
    S.EXPIRED: (S.EXPIRED,) * 4 + (S.FILLED, S.EXPIRED, S.CANCELLED, S.EXPIRED, S.EXPIRED),
}  # fmt: skip


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("event", Event)
def test_every_state_meets_every_event(state, event):
    """All 90 cells are written down."""
    order = an_order()
    for step in PATHS[state]:
        order = order.told(step)
    assert order.state == state
    assert order.told(event).state == AFTER[state][list(Event).index(event)]


def test_the_ladder_names_every_state_once_and_always_ends():
    """No set of facts is without a state."""
    assert sorted(state for state, _ in LADDER) == sorted(OrderState)
    assert all(state_of(Fact(bits)) in OrderState for bits in range(512))
    assert FACT_OF.keys() == set(Event)


@settings(deadline=None)  # 200 permutations an example
@given(st.lists(st.sampled_from(Event), max_size=5), st.lists(st.integers(1, 2), max_size=2))
def test_order_and_repetition_of_news_change_nothing(news, trades):
    """I5: Every permutation, with every event told twice, ends in the same order."""
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
    """I6: Cancelled with 2 reported and 1 booked is not settled until the second trade comes."""
    order = an_order().told(Event.CANCEL_CONFIRMED, lots_reported=2).filled(1)
    assert (order.state, order.is_settled) == (OrderState.CANCELLED, False)
    assert order.filled(1).is_settled


@given(st.text("0123456789abcdefT:-", min_size=1, max_size=30), st.integers(1, 2**53))
def test_a_client_id_names_its_intent_and_nothing_else_does(run, intent_id):
    """I3: At most 36 characters of the venue's alphabet; one changed character and it is not ours."""
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


def test_a_single_lot_that_the_venue_counts_is_a_fill():
    """An acknowledgement that tells of one lot of three is a partial fill, as if the trade itself had been told."""
    assert an_order(3).told(Event.ACK, lots_reported=1).facts & Fact.FILLED_SOME
    assert not an_order(3).told(Event.ACK).facts & Fact.FILLED_SOME


def test_what_rests_waits_for_its_price_with_every_fill_booked():
    """A limit that filled in part still rests once its trade is booked; a stop that fills does not."""
    market = an_order(3)
    limit, stop = (
        Order(intent=msgspec.structs.replace(market.intent, type=type_))
        for type_ in (OrderType.POST_ONLY, OrderType.STOP_MARKET)
    )
    assert not limit.rests
    assert [order.told(Event.ACK).rests for order in (market, limit, stop)] == [False, True, True]
    assert [order.told(Event.ACK).filled(1).rests for order in (market, limit, stop)] == [False, True, False]
    assert not limit.told(Event.FILL_SOME, lots_reported=2).filled(1).rests
    assert limit.told(Event.FILL_SOME, lots_reported=2).filled(2).rests
    assert not limit.told(Event.CANCEL_CONFIRMED).rests


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": 0}, "buys or sells"),
        ({"side": 2}, "buys or sells"),
        ({"allocation": (("trend", 2),)}, "sums to the order"),
        ({"allocation": (("trend", 4), ("mean", -1))}, "the side of its order"),
        ({"allocation": (("trend", 3), ("mean", 0))}, "the side of its order"),
    ],
)
def test_an_intent_that_could_not_be_attributed_is_none(changes, words):
    """It has a side, and its lots are somebody's."""
    plain = msgspec.structs.asdict(an_order(3).intent)
    with pytest.raises(AssertionError, match=words):
        Intent(**plain | changes)
    assert Intent(**plain | {"side": -1, "allocation": (("a", 1), ("b", 2))}).side == -1


def test_what_nobody_says_of_an_order_is_nothing():
    """No price, no trigger, nothing filled, and it may add to what is held."""
    order = an_order()
    intent = order.intent
    assert (intent.leg, intent.price_ticks, intent.stop_ticks, intent.reduce_only) == (Leg.BOTH, 0, 0, False)
    assert (intent.target_id, intent.reference_ticks, intent.received_ns, intent.decided_ns) == (0, 0, 0, 0)
    assert (order.facts, order.lots_filled, order.lots_reported, order.changed_wall_ns) == (Fact.NONE, 0, 0, 0)


def test_each_fact_is_a_bit_of_its_own():
    """Nine facts, each its own power of two: a journal's events are folded into the same ones for ever."""
    assert [fact.value for fact in Fact] == [1 << bit for bit in range(9)]
    for event in Event:
        assert FACT_OF[event] & Fact[
            {"ACK": "ACKED", "REJECT": "REJECTED", "DOUBT": "DOUBTED", "FILL_SOME": "FILLED_SOME",
             "FILL_ALL": "FILLED_ALL", "CANCEL": "CANCEL_ASKED", "CANCEL_CONFIRMED": "CANCELLED", "EXPIRE": "EXPIRED",
             "ABSENT": "ABSENT"}[event.name]
        ]  # fmt: skip


def test_an_id_keeps_the_end_of_a_long_run_and_names_an_empty_one_0():
    """The newest part of a run's name tells it from others; no count is below nothing."""
    assert client_id_of("0123456789abcdefgh", 35).startswith("rm456789abcdefgh-z-")
    assert client_id_of("::", 36).startswith("rm0-10-")
    assert intent_of(client_id_of("r", 2**53)) == 2**53
    with pytest.raises(AssertionError, match="only counts"):
        base36(-1)


def test_an_intent_of_one_lot_is_read_back_and_one_of_none_is_refused():
    """The smallest order and the first intent of a journal come back as they were."""
    plain = msgspec.to_builtins(an_order(1).intent)
    assert msgspec.convert(plain, Intent) == an_order(1).intent
    for name in ("lots", "intent_id"):
        with pytest.raises(msgspec.ValidationError, match=name):
            msgspec.convert(plain | {name: 0}, Intent)
