"""Approved | Refused(reason): every order passes here, and only here is ``Approved`` built."""

# ruff: noqa: ARG001 - every check has the same shape

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from engine.order import Intent, OrderType
from shm.records import Kill, Purpose


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
)


def review(intent: Intent, book: Book, limits: Limits) -> Approved | Refused:
    """Ask every check in order; the first objection wins."""
    assert intent.reduce_only or intent.purpose == Purpose.ENTRY, "an exit is reduce-only"
    for check in CHECKS:
        if objection := check(intent, book, limits):
            return Refused(intent, *objection)
    return Approved(intent)
