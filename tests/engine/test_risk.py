"""Every limit, met and missed by one."""

import msgspec
import pytest

from engine.order import Intent, OrderType
from engine.risk import CHECKS, Approved, Book, Limits, Refusal, Refused, review
from shm.records import Kill, Purpose

R = Refusal
S = 10**9
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
        (an_intent(60), {}, {"position_notional_max": 6_000}, None, ""),
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
        (an_intent(5), {}, {"lots_min": 5}, None, ""),
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
        (an_intent(5), {"foreign_lots": -1, "leaves": True}, {}, None, ""),
        (an_intent(5), {"in_doubt": 1, "leaves": True}, {}, R.ORDER_IN_DOUBT, "in doubt"),
        (an_intent(5), {"market_ns": 51}, {}, R.TARGET_EXPIRED, "expired"),
        (an_intent(5, reduce_only=True), {"market_ns": 51}, {}, None, ""),
        (an_intent(5), {}, {"trading": False}, R.NOT_TRADING, "not trading"),
        (an_intent(5, reference_ticks=0), {}, {}, R.PRICE_MISSING, "no reference price"),
        (an_intent(5, reference_ticks=1), {}, {"notional_min": 5}, None, ""),
        (an_intent(5), {"drained": True}, {}, R.ENTRIES_OFF, "draining"),
        (an_intent(5), {"kill": Kill.NO_ENTRIES}, {}, R.ENTRIES_OFF, "NO_ENTRIES"),
        (an_intent(5, reduce_only=True), {"kill": Kill.FLATTEN}, {}, None, ""),
        (an_intent(5, reduce_only=True), {"kill": Kill.HALT}, {}, R.HALTED, "HALT"),
        # isolated at 20x: 5 % of margin, 0.75 % kept
        (an_intent(5), {"isolated_leverage": 20, "stop_reach_ppm": 42_499}, {"margin_ppm": 7_500}, None, ""),
        (
            an_intent(5),
            {"isolated_leverage": 20, "stop_reach_ppm": 42_500},
            {"margin_ppm": 7_500},
            R.LIQUIDATION,
            "liquidated 4.25 % away, and the stop is 4.25 % away",
        ),
        (an_intent(5), {"stop_reach_ppm": 900_000}, {"margin_ppm": 7_500}, None, ""),
        (an_intent(5, reduce_only=True), {"isolated_leverage": 20, "stop_reach_ppm": 99_000}, {}, None, ""),
        (an_intent(5), {"unmarked": "ETH"}, {}, None, ""),
        (
            an_intent(5),
            {"unmarked": "ETH"},
            {"daily_loss_max": 1},
            R.DAILY_LOSS,
            "what ETH has lost today is not known",
        ),
        (an_intent(5, reduce_only=True), {"unmarked": "ETH"}, {"daily_loss_max": 1}, None, ""),
    ],
)
def test_every_limit_holds_at_its_edge(intent, book, limits, refusal, words):
    """I18, I19, I20, I22: The first objection wins and its words name the nearest legal value."""
    answer = review(intent, Book(**BOOK | book), Limits(**LIMITS | limits))
    if refusal is None:
        assert isinstance(answer, Approved), answer
    else:
        assert isinstance(answer, Refused)
        assert (answer.refusal, words in answer.words) == (refusal, True), answer.words


def test_no_refusal_is_mistaken_for_no_objection_or_for_another():
    """The numbers start at 1, none is given twice, and every check is asked."""
    assert [refusal.value for refusal in Refusal] == list(range(1, 24))
    assert len(CHECKS) == 20


# A lot is worth 700: what is multiplied by the unit, and what is divided by it.
SEVENFOLD = LIMITS | {
    "unit": 7, "notional_min": 3_500, "position_notional_max": 35_000, "order_notional_max": 49_000,
    "gross_notional_max": 56_000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("lots", "book", "limits", "refusal", "words"),
    [
        (50, {}, {}, None, ""),
        (51, {}, {}, R.POSITION_NOTIONAL, "nearest legal: 50 lots"),
        (5, {}, {}, None, ""),
        (4, {}, {}, R.BELOW_NOTIONAL_MIN, "nearest legal: 5 lots"),
        (4, {}, {"notional_min": 2_801}, R.BELOW_NOTIONAL_MIN, "nearest legal: 5 lots"),
        (50, {}, {"order_notional_max": 35_000}, None, ""),
        (50, {}, {"order_notional_max": 34_999}, R.ABOVE_ORDER_NOTIONAL, "nearest legal: 49 lots"),
        (30, {"other_notional": 35_000}, {}, None, ""),
        (30, {"other_notional": 35_001}, {}, R.GROSS_NOTIONAL, "nearest legal: 29 lots"),
        (20, {"other_notional": 999_999}, {}, R.GROSS_NOTIONAL, "nearest legal: 0 lots"),
    ],
)
def test_money_is_ticks_times_lots_times_the_unit(lots, book, limits, refusal, words):
    """The same edges where a lot is worth seven times its ticks."""
    answer = review(an_intent(lots), Book(**BOOK | book), Limits(**SEVENFOLD | limits))
    assert (answer.refusal if isinstance(answer, Refused) else None) == refusal
    assert words in (answer.words if isinstance(answer, Refused) else "")


def test_what_nobody_says_of_a_book_or_of_limits_forbids_nothing():
    """Age, drift, losses and the last price are nothing, and so are the limits of them."""
    book, limits = Book(**BOOK), Limits(**LIMITS)
    heard = (book.data_age_ns, book.mark_ticks, book.clock_drift_ms, book.lost_today, book.losses_in_a_row)
    assert (*heard, book.lost_last_ns, book.breaker, book.basis_ppm, book.has_spot) == (0,) * 6 + ("", None, False)
    off = (limits.daily_loss_max, limits.losses_in_a_row_max, limits.cooldown_ns, limits.data_age_ns_max)
    assert (*off, limits.price_band_ppm, limits.basis_ppm_max, limits.clock_drift_ms_max) == (0,) * 7


DAY = {"daily_loss_max": 500 * 10**8}
STREAK = {"losses_in_a_row_max": 3, "cooldown_ns": 60 * 60 * S}


@pytest.mark.parametrize(
    ("book", "limits", "refusal", "words"),
    [
        ({"breaker": "the venue is being tried with order 4"}, {}, R.VENUE_UNWELL, "order 4"),
        ({"data_age_ns": 300 * S}, {"data_age_ns_max": 300 * S}, None, ""),
        ({"data_age_ns": 301 * S}, {"data_age_ns_max": 300 * S}, R.STALE_DATA, "301 s old; data_age_s_max is 300"),
        ({"data_age_ns": 301 * S}, {}, None, ""),
        ({"clock_drift_ms": -1_000}, {"clock_drift_ms_max": 1_000}, None, ""),
        ({"clock_drift_ms": -1_001}, {"clock_drift_ms_max": 1_000}, R.CLOCK_DRIFT, "-1001 ms off"),
        ({"clock_drift_ms": 1_001}, {}, None, ""),
        ({"mark_ticks": 110}, {"price_band_ppm": 90_909}, None, ""),
        ({"mark_ticks": 110}, {"price_band_ppm": 90_908}, R.PRICE_BAND, "90909 ppm from the last close 110"),
        ({"mark_ticks": 110}, {}, None, ""),
        ({}, {"price_band_ppm": 1}, None, ""),
        ({"has_spot": True, "basis_ppm": 2_000}, {"basis_ppm_max": 2_000}, None, ""),
        ({"has_spot": True, "basis_ppm": 2_001}, {"basis_ppm_max": 2_000}, R.BASIS, "2001 ppm from its spot"),
        ({"has_spot": True}, {"basis_ppm_max": 2_000}, R.BASIS, "no spot price"),
        ({"has_spot": False}, {"basis_ppm_max": 2_000}, None, ""),
        ({"has_spot": True, "basis_ppm": 2_001}, {}, None, ""),
        ({"lost_today": 500 * 10**8 - 1}, DAY, None, ""),
        ({"lost_today": 500 * 10**8}, DAY, R.DAILY_LOSS, "500.00000000 lost today; daily_loss_max is 500"),
        ({"lost_today": 10**15}, {}, None, ""),
        ({"losses_in_a_row": 2, "lost_last_ns": 49}, STREAK, None, ""),
        ({"losses_in_a_row": 3, "lost_last_ns": 49}, STREAK, R.LOSSES_IN_A_ROW, "is 3, 60 minutes to go"),
        ({"losses_in_a_row": 3, "lost_last_ns": 50 - 60 * 60 * S}, STREAK, None, ""),
        ({"losses_in_a_row": 3, "lost_last_ns": 51 - 60 * 60 * S}, STREAK, R.LOSSES_IN_A_ROW, "1 minutes to go"),
        ({"losses_in_a_row": 9, "lost_last_ns": 49}, {}, None, ""),
    ],
)
def test_what_the_market_the_clock_the_venue_and_the_past_forbid(book, limits, refusal, words):
    """Met, and missed by one; 0 is off; the words name the limit and the figure; an exit always passes."""
    book, limits = Book(**BOOK | book), Limits(**LIMITS | limits)
    answer = review(an_intent(5), book, limits)
    assert (answer.refusal if isinstance(answer, Refused) else None) == refusal
    assert words in (answer.words if isinstance(answer, Refused) else "")
    assert isinstance(review(an_intent(5, reduce_only=True), book, limits), Approved)


def test_the_limit_price_is_held_to_the_band_as_well():
    """A limit far from the last close is refused, though the decision saw a good price."""
    order = msgspec.structs.replace(an_intent(5), type=OrderType.POST_ONLY, price_ticks=50)
    answer = review(order, Book(**BOOK | {"mark_ticks": 100}), Limits(**LIMITS | {"price_band_ppm": 100_000}))
    assert answer.refusal == R.PRICE_BAND
