"""Every limit, met and missed by one."""

import pytest

from engine.order import Intent, OrderType
from engine.risk import CHECKS, Approved, Book, Limits, Refusal, Refused, review
from shm.records import Kill, Purpose

R = Refusal
# 100 ticks x 1 minor unit a tick and lot: a lot is worth 100.
LIMITS = {
    "unit": 1, "lots_min": 2, "lots_max": 90, "market_lots_max": 80, "notional_min": 500, "trading": True,
    "position_lots_max": 60, "position_notional_max": 5_000, "order_notional_max": 7_000, "gross_notional_max": 8_000,
    "orders_per_minute_max": 10,
}  # fmt: skip
BOOK = {
    "market_ns": 50, "kill": Kill.NORMAL, "drained": False, "valid_until_ns": 50, "position_lots": 0, "open_lots": 0,
    "other_notional": 0, "orders_last_minute": 0, "in_doubt": 0, "foreign_lots": 0,
}  # fmt: skip


def an_intent(lots, reduce_only=False, side=1, reference_ticks=100):
    """A market order."""
    return Intent(
        intent_id=1, client_id="rm", account="main", venue="paper", instrument="X", allocation=(("trend", lots),),
        purpose=Purpose.EXIT if reduce_only else Purpose.ENTRY, type=OrderType.MARKET, side=side, lots=lots,
        reduce_only=reduce_only, reference_ticks=reference_ticks, created_market_ns=1, created_wall_ns=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("intent", "book", "limits", "refusal", "words"),
    [
        (an_intent(50), {}, {}, None, ""),
        (an_intent(51), {}, {}, R.POSITION_NOTIONAL, "nearest legal: 50 lots"),
        (an_intent(61), {}, {"position_notional_max": 9_000}, R.POSITION_LOTS, "nearest legal: 60 lots"),
        (an_intent(70, side=-1), {"position_lots": 35}, {}, None, ""),
        # what a flip closes is an exit: only the rest counts against the order's limit
        (an_intent(80, side=-1), {"position_lots": 40}, {"order_notional_max": 4_000}, None, ""),
        (
            an_intent(80, side=-1),
            {"position_lots": 39},
            {"order_notional_max": 4_000},
            R.ABOVE_ORDER_NOTIONAL,
            "79 lots",
        ),
        (
            an_intent(80, side=-1),
            {"position_lots": 40},
            {"order_notional_max": 3_999},
            R.ABOVE_ORDER_NOTIONAL,
            "79 lots",
        ),
        (an_intent(30), {"position_lots": 21}, {}, R.POSITION_NOTIONAL, "nearest legal: 29 lots"),
        (an_intent(30), {"open_lots": 21}, {}, R.POSITION_NOTIONAL, "nearest legal: 29 lots"),
        (an_intent(30), {"other_notional": 5_000}, {}, None, ""),
        (an_intent(30), {"other_notional": 5_001}, {}, R.GROSS_NOTIONAL, "nearest legal: 29 lots"),
        (an_intent(1), {}, {}, R.BELOW_LOTS_MIN, "nearest legal: 2"),
        (an_intent(81), {}, {}, R.ABOVE_LOTS_MAX, "nearest legal: 80"),
        (an_intent(4), {}, {}, R.BELOW_NOTIONAL_MIN, "nearest legal: 5 lots"),
        (an_intent(4, reduce_only=True), {}, {}, None, ""),
        (an_intent(5), {}, {}, None, ""),
        (an_intent(5), {"orders_last_minute": 9}, {}, None, ""),
        (an_intent(5), {"orders_last_minute": 10}, {}, R.ORDER_RATE, "the most is 10"),
        (an_intent(5, reduce_only=True), {"orders_last_minute": 10}, {}, None, ""),
        (an_intent(5), {"in_doubt": 1}, {}, R.ORDER_IN_DOUBT, "entries wait"),
        (an_intent(5, reduce_only=True), {"in_doubt": 1}, {}, None, ""),
        (an_intent(5), {"foreign_lots": -1}, {}, R.FOREIGN_POSITION, "are not ours"),
        (an_intent(5, reduce_only=True), {"foreign_lots": -1}, {}, None, ""),
        (an_intent(5), {"market_ns": 51}, {}, R.TARGET_EXPIRED, "expired"),
        (an_intent(5, reduce_only=True), {"market_ns": 51}, {}, None, ""),
        (an_intent(5), {}, {"trading": False}, R.NOT_TRADING, "not trading"),
        (an_intent(5, reference_ticks=0), {}, {}, R.PRICE_MISSING, "no reference price"),
        (an_intent(5), {"drained": True}, {}, R.ENTRIES_OFF, "draining"),
        (an_intent(5), {"kill": Kill.NO_ENTRIES}, {}, R.ENTRIES_OFF, "NO_ENTRIES"),
        (an_intent(5, reduce_only=True), {"kill": Kill.FLATTEN}, {}, None, ""),
        (an_intent(5, reduce_only=True), {"kill": Kill.HALT}, {}, R.HALTED, "HALT"),
    ],
)
def test_every_limit_holds_at_its_edge(intent, book, limits, refusal, words):
    """The first objection wins and its words name the nearest legal value."""
    answer = review(intent, Book(**BOOK | book), Limits(**LIMITS | limits))
    if refusal is None:
        assert isinstance(answer, Approved), answer
    else:
        assert isinstance(answer, Refused)
        assert (answer.refusal, words in answer.words) == (refusal, True), answer.words


def test_no_refusal_is_mistaken_for_no_objection():
    """The numbers start at 1 and every check is asked."""
    assert min(Refusal) == 1
    assert len(CHECKS) == 12
