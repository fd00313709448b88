"""The smart limit order: rest at our side of the book, follow it, cross when patience is over.  Pure.

    wanted --post--> rests --filled--> done
               ^        |
               |        +-- the price has left, or time has: withdraw --confirmed--> what is left, and no more
               +-- again, at the new price <----------------------------------------+
                                          patience or chases over: cross <----------+

Whoever asks says what is left; nothing here remembers lots, so nothing can be bought twice.  Market time.
"""

from typing import NamedTuple

import msgspec

from engine.order import Fact, Order, OrderType
from engine.settings import ExecutorSettings
from shm.records import OrderState

NS = 1_000_000_000


class Pursuit(msgspec.Struct, frozen=True, kw_only=True):
    """What was posted so far for one target on one instrument; folded from the journal."""

    target_id: int
    begun_ns: int
    posted_ns: int
    price_ticks: int  # of the newest order
    posts: int = 1
    refusals: int = 0  # posts that would have taken


class Quote(NamedTuple):
    """The best prices of the book, or what stands for them."""

    bid_ticks: int
    ask_ticks: int


def posted(pursuit: Pursuit | None, target_id: int, price_ticks: int, now_ns: int) -> Pursuit:
    """The pursuit after one more post; another target begins another."""
    if pursuit is None or pursuit.target_id != target_id:
        return Pursuit(target_id=target_id, begun_ns=now_ns, posted_ns=now_ns, price_ticks=price_ticks)
    return msgspec.structs.replace(pursuit, posted_ns=now_ns, price_ticks=price_ticks, posts=pursuit.posts + 1)


def opening(pursuit: Pursuit | None, side: int, quote: Quote, now_ns: int, settings: ExecutorSettings) -> int:
    """The price to post what is left at; 0: cross the book with it."""
    if settings.entry_style != "limit" or min(quote) <= 0:
        return 0
    if pursuit is not None and (pursuit.posts > settings.chases_max or is_over(pursuit, now_ns, settings)):
        return 0
    refusals = pursuit.refusals if pursuit is not None else 0
    # Refused as taking: the book is not where we thought, so each time a tick further from it.
    return max(1, (quote.bid_ticks if side > 0 else quote.ask_ticks) - side * refusals)


def is_over(pursuit: Pursuit, now_ns: int, settings: ExecutorSettings) -> bool:
    """Patience has ended."""
    return now_ns - pursuit.begun_ns >= settings.patience_s * NS


def withdrawal(pursuit: Pursuit, side: int, quote: Quote, now_ns: int, settings: ExecutorSettings) -> str:
    """Why the order that rests should be withdrawn; empty: let it rest."""
    if is_over(pursuit, now_ns, settings):
        return f"not filled within {settings.patience_s} s"
    best = quote.bid_ticks if side > 0 else quote.ask_ticks
    moved = side * (best - pursuit.price_ticks)
    if best > 0 and moved >= settings.chase_move_ticks:
        return f"the price has moved away by {moved} ticks"
    if best > 0 and moved > 0 and now_ns - pursuit.posted_ns >= settings.chase_interval_s * NS:
        return f"no longer the best price after {settings.chase_interval_s} s"
    return ""


def was_withdrawn(order: Order) -> bool:
    """An entry that was posted and has ended by our own cancel, or since it would have taken: its goal goes on."""
    if order.intent.type != OrderType.POST_ONLY or order.state == OrderState.FILLED:
        return False
    would_take = order.refusal == "WouldTake" or order.state == OrderState.EXPIRED
    return bool(order.facts & Fact.CANCEL_ASKED) or would_take
