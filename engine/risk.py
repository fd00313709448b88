"""Approved | Refused(reason): every order passes here, and only here is ``Approved`` built."""

# ruff: noqa: ARG001 - every check has the same shape

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from engine.order import Intent, OrderType
from shm.records import Kill, Purpose

NS = 1_000_000_000


class Refusal(IntEnum):
    """Why an order was refused; starts at 1, so that none is mistaken for no objection."""

    HALTED = 1
    ENTRIES_OFF = 2
    TARGET_EXPIRED = 3
    NOT_TRADING = 4
    ORDER_IN_DOUBT = 5
    BELOW_LOTS_MIN = 6
    ABOVE_LOTS_MAX = 7
    BELOW_NOTIONAL_MIN = 8
    ABOVE_ORDER_NOTIONAL = 9
    POSITION_LOTS = 10
    POSITION_NOTIONAL = 11
    GROSS_NOTIONAL = 12
    ORDER_RATE = 13
    PRICE_MISSING = 14
    FOREIGN_POSITION = 15
    VENUE_UNWELL = 16
    STALE_DATA = 17
    PRICE_BAND = 18
    BASIS = 19
    CLOCK_DRIFT = 20
    DAILY_LOSS = 21
    LOSSES_IN_A_ROW = 22
    LIQUIDATION = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may not be exceeded: the settings' limits in integers and the instrument's filters."""

    unit: int  # minor units of one tick times one lot
    lots_min: int
    lots_max: int
    market_lots_max: int
    notional_min: int
    trading: bool
    position_lots_max: int
    position_notional_max: int
    order_notional_max: int
    gross_notional_max: int
    orders_per_minute_max: int
    # 0: off
    daily_loss_max: int = 0  # minor units
    losses_in_a_row_max: int = 0
    cooldown_ns: int = 0
    data_age_ns_max: int = 0
    price_band_ppm: int = 0
    basis_ppm_max: int = 0
    clock_drift_ms_max: int = 0
    margin_ppm: int = 0  # of a position's value: what the venue wants kept, our buffer included


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What the account holds, worst case: an order in doubt counts as filled."""

    market_ns: int
    kill: Kill
    drained: bool  # the session ends: no entries
    valid_until_ns: int  # of the newest target behind the order
    position_lots: int  # net of the instrument, signed
    open_lots: int  # signed, of orders that would add, in doubt included
    other_notional: int  # of all other instruments, absolute, worst case
    orders_last_minute: int
    in_doubt: int  # orders in doubt on the instrument
    foreign_lots: int  # of the instrument, signed: by trades that were not ours
    breaker: str = ""  # why the venue is left alone
    data_age_ns: int = 0  # market time since the last candle closed
    mark_ticks: int = 0  # last close; 0: none yet
    basis_ppm: int | None = None  # from the spot's price; None: not known
    has_spot: bool = False  # the instrument has a spot to be compared with
    clock_drift_ms: int = 0
    lost_today: int = 0  # minor units, of the account
    unmarked: str = ""  # held, and without a price yet: what it loses is not counted
    losses_in_a_row: int = 0  # the most of any strategy behind the order
    lost_last_ns: int = 0  # market
    stop_reach_ppm: int = 0  # from the reference price to the furthest stop behind the order
    isolated_leverage: int = (
        0  # where the position's own margin is all that it has; 0: the whole account stands behind it
    )


@dataclass(frozen=True, slots=True)
class Approved:
    """An order that passed every check; a venue takes nothing else."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that did not pass, the limit in words and the nearest legal value."""

    intent: Intent
    refusal: Refusal
    words: str


Check = Callable[[Intent, Book, Limits], tuple[Refusal, str] | None]


def _is_exit(intent: Intent) -> bool:
    return intent.reduce_only


def _worst_lots(intent: Intent, book: Book) -> int:
    """Net lots after the order and everything that is open, whichever way is worse."""
    after = book.position_lots + intent.side * intent.lots
    return max(abs(after), abs(after + book.open_lots))


def trading_is_on(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The kill word and a draining session leave only what they should."""
    if book.kill >= Kill.HALT:
        return Refusal.HALTED, "the kill switch stands at HALT: nothing is sent"
    if _is_exit(intent):
        return None
    if book.kill >= Kill.NO_ENTRIES:
        return Refusal.ENTRIES_OFF, f"the kill switch stands at {book.kill.name}: no entries"
    if book.drained:
        return Refusal.ENTRIES_OFF, "the session is draining: no entries"
    return None


def entry_is_valid(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """An expired target forbids entries and keeps exits."""
    if _is_exit(intent) or book.market_ns <= book.valid_until_ns:
        return None
    late_s = (book.market_ns - book.valid_until_ns) // 1_000_000_000
    return Refusal.TARGET_EXPIRED, f"target {intent.target_id} expired {late_s} s ago"


def instrument_is_trading(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """A halted instrument takes no order at all."""
    if limits.trading:
        return None
    return Refusal.NOT_TRADING, f"{intent.instrument} is not trading"


def nothing_is_in_doubt(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """An order in doubt freezes entries on its instrument."""
    if _is_exit(intent) or not book.in_doubt:
        return None
    return Refusal.ORDER_IN_DOUBT, f"{book.in_doubt} order(s) in doubt on {intent.instrument}: entries wait"


def nobody_else_trades_here(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """What a human or the venue did by trades of their own is never repaired by trading."""
    if _is_exit(intent) or not book.foreign_lots:
        return None
    return Refusal.FOREIGN_POSITION, f"{book.foreign_lots} lots of {intent.instrument} are not ours: entries wait"


def price_is_known(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """Without a reference price no notional can be judged."""
    if _is_exit(intent) or intent.reference_ticks > 0:
        return None
    return Refusal.PRICE_MISSING, f"no reference price for {intent.instrument}"


def lots_fit_the_filters(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The venue's own bounds on an order's quantity."""
    if intent.lots < limits.lots_min:
        return Refusal.BELOW_LOTS_MIN, f"{intent.lots} lots is below the minimum; nearest legal: {limits.lots_min}"
    taking = intent.type not in (OrderType.LIMIT, OrderType.POST_ONLY)
    largest = min(limits.lots_max, limits.market_lots_max) if taking else limits.lots_max
    if intent.lots > largest:
        return Refusal.ABOVE_LOTS_MAX, f"{intent.lots} lots is above the maximum; nearest legal: {largest}"
    return None


def notional_is_large_enough(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The venue's minimum value of an order; reduce-only is exempt."""
    notional = intent.lots * intent.reference_ticks * limits.unit
    if _is_exit(intent) or notional >= limits.notional_min:
        return None
    nearest = -(-limits.notional_min // (intent.reference_ticks * limits.unit))
    return Refusal.BELOW_NOTIONAL_MIN, f"{intent.lots} lots is below the minimum value; nearest legal: {nearest} lots"


def order_is_small_enough(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The value that one order adds; the part that closes the opposite side is an exit."""
    each = intent.reference_ticks * limits.unit
    closing = max(0, -intent.side * book.position_lots)
    if _is_exit(intent) or (intent.lots - closing) * each <= limits.order_notional_max:
        return None
    nearest = closing + limits.order_notional_max // each
    return Refusal.ABOVE_ORDER_NOTIONAL, f"{intent.lots} lots exceeds order_notional_max; nearest legal: {nearest} lots"


def position_stays_bounded(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The net position of the instrument, everything open included, in lots and in value."""
    if _is_exit(intent):
        return None
    worst = _worst_lots(intent, book)
    each = intent.reference_ticks * limits.unit
    over = worst - limits.position_lots_max
    if over > 0:
        return Refusal.POSITION_LOTS, f"{worst} lots exceeds position_lots_max; {_nearest(intent, over)}"
    over = worst - limits.position_notional_max // each
    if over > 0:
        return Refusal.POSITION_NOTIONAL, f"{worst} lots exceeds position_notional_max; {_nearest(intent, over)}"
    return None


def exposure_stays_bounded(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The account's positions together, each at its worst."""
    if _is_exit(intent):
        return None
    each = intent.reference_ticks * limits.unit
    worst = _worst_lots(intent, book)
    over = worst - (limits.gross_notional_max - book.other_notional) // each
    if over > 0:
        return Refusal.GROSS_NOTIONAL, f"the account would exceed gross_notional_max; {_nearest(intent, over)}"
    return None


def rate_is_low_enough(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """Orders of the last minute of market time; exits always pass."""
    if _is_exit(intent) or book.orders_last_minute < limits.orders_per_minute_max:
        return None
    return (
        Refusal.ORDER_RATE,
        f"{book.orders_last_minute} orders in a minute; the most is {limits.orders_per_minute_max}",
    )


def venue_is_well(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The circuit breaker is asked before every order; what only reduces is its own probe."""
    if _is_exit(intent) or not book.breaker:
        return None
    return Refusal.VENUE_UNWELL, book.breaker


def data_is_fresh(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """A market that has not been heard of for so long may be anywhere."""
    if _is_exit(intent) or not limits.data_age_ns_max or book.data_age_ns <= limits.data_age_ns_max:
        return None
    ages = f"{book.data_age_ns // NS} s old; data_age_s_max is {limits.data_age_ns_max // NS}"
    return Refusal.STALE_DATA, f"the last candle of {intent.instrument} is {ages}"


def clock_is_right(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """A venue refuses requests of another time, and we would misjudge every age."""
    if _is_exit(intent) or not limits.clock_drift_ms_max or abs(book.clock_drift_ms) <= limits.clock_drift_ms_max:
        return None
    words = f"our clock is {book.clock_drift_ms} ms off the venue's; clock_drift_ms_max is {limits.clock_drift_ms_max}"
    return Refusal.CLOCK_DRIFT, words


def price_is_in_band(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """The price that the order counts on, and its limit, are near the last close."""
    if _is_exit(intent) or not limits.price_band_ppm or not book.mark_ticks:
        return None
    for ticks in (intent.reference_ticks, intent.price_ticks):
        away = abs(ticks - book.mark_ticks) * 1_000_000 // book.mark_ticks if ticks else 0
        if away > limits.price_band_ppm:
            words = f"price of {ticks} ticks is {away} ppm from the last close {book.mark_ticks}"
            return Refusal.PRICE_BAND, f"{words}; price_band_ppm is {limits.price_band_ppm}"
    return None


def basis_is_narrow(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """A perpetual that has left its spot behind is not the market that was decided on."""
    if _is_exit(intent) or not limits.basis_ppm_max or not book.has_spot:
        return None
    if book.basis_ppm is None:
        return Refusal.BASIS, f"no spot price to compare {intent.instrument} with"
    if book.basis_ppm <= limits.basis_ppm_max:
        return None
    words = f"{intent.instrument} is {book.basis_ppm} ppm from its spot; basis_ppm_max is {limits.basis_ppm_max}"
    return Refusal.BASIS, words


def day_may_lose_more(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """Once a day has lost so much, the next day may try again."""
    if _is_exit(intent) or not limits.daily_loss_max:
        return None
    if book.unmarked:
        return Refusal.DAILY_LOSS, f"what {book.unmarked} has lost today is not known before its first candle"
    if book.lost_today < limits.daily_loss_max:
        return None
    lost, most = (Decimal(minor).scaleb(-8) for minor in (book.lost_today, limits.daily_loss_max))
    return Refusal.DAILY_LOSS, f"{lost:f} lost today; daily_loss_max is {most:f}"


def losses_are_few(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """A strategy that loses trade after trade cools down."""
    if _is_exit(intent) or not limits.losses_in_a_row_max or book.losses_in_a_row < limits.losses_in_a_row_max:
        return None
    left_ns = book.lost_last_ns + limits.cooldown_ns - book.market_ns
    if left_ns <= 0:
        return None
    words = f"{book.losses_in_a_row} losses in a row; losses_in_a_row_max is {limits.losses_in_a_row_max}"
    return Refusal.LOSSES_IN_A_ROW, f"{words}, {-(-left_ns // (60 * NS))} minutes to go"


def stop_comes_before_liquidation(intent: Intent, book: Book, limits: Limits) -> tuple[Refusal, str] | None:
    """A position of isolated margin is lost to the venue when that margin is: a stop beyond it protects nothing."""
    if _is_exit(intent) or not book.isolated_leverage:
        return None
    room_ppm = 1_000_000 // book.isolated_leverage - limits.margin_ppm
    if book.stop_reach_ppm < room_ppm:
        return None
    words = f"margin is isolated at {book.isolated_leverage}x: liquidated {max(0, room_ppm) / 10_000:.2f} % away"
    return Refusal.LIQUIDATION, f"{words}, and the stop is {book.stop_reach_ppm / 10_000:.2f} % away"


def _nearest(intent: Intent, over: int) -> str:
    return f"nearest legal: {max(0, intent.lots - over)} lots"


CHECKS: tuple[Check, ...] = (
    trading_is_on,
    entry_is_valid,
    instrument_is_trading,
    nothing_is_in_doubt,
    nobody_else_trades_here,
    price_is_known,
    lots_fit_the_filters,
    notional_is_large_enough,
    order_is_small_enough,
    position_stays_bounded,
    exposure_stays_bounded,
    rate_is_low_enough,
    venue_is_well,
    data_is_fresh,
    clock_is_right,
    price_is_in_band,
    basis_is_narrow,
    day_may_lose_more,
    losses_are_few,
    stop_comes_before_liquidation,
)


def review(intent: Intent, book: Book, limits: Limits) -> Approved | Refused:
    """Ask every check in order; the first objection wins."""
    assert intent.reduce_only or intent.purpose == Purpose.ENTRY, "an exit is reduce-only"
    for check in CHECKS:
        if objection := check(intent, book, limits):
            return Refused(intent, *objection)
    return Approved(intent)
