r"""The one matching model: our orders and the market's path in, fills in ticks and lots out.  It knows no money.

    a book around the last price p, spread 1, D lots a level        the path of a leg visits every tick

      ask  p+1  D      <- a market buy walks up,                      from o
      ask  p+2  D         one fill a level,                                 \
      ...                 level 9 takes whatever is left                     o   touch of a buy at L: D lots at most
      bid  p    D                                                             \  (once a candle)
      bid  p-1  D      <- a market sell walks down                         to  o L-1: filled whole, at L

    LIMIT   buy L   the path reaches L-1 or lower: the rest at L (maker); touches L: at most D lots
    STOP    sell S  the path reaches S or lower: a market order around the triggering price (taker)
    TAKE    sell T  the path reaches T or higher: likewise;   buys are the mirror image
    TRAIL   sell    the path falls by a share of the highest price since arrival: a market order
                    with ticks it only begins there (activatePrice): a sell when the path has risen to it
    with limit_ticks a STOP or TAKE becomes a limit order at that price: it takes, and the rest of it waits
    BY_MARK the mark triggers, when the caller says where it is (``mark``), not the path
    at one price: stops and take-profits by arrival, then limits by arrival

A leg (``advance``) visits every tick after ``from_ticks`` up to ``to_ticks``; a jump
(``gap``) visits only where it lands.  Cutting a leg in pieces changes nothing, so fills
do not depend on how often the market is asked to move.  ``held`` is what the account holds
in lots, an element a leg (a one-way account has the first, a hedged one LONG and SHORT after
it), kept up to date so that reduce-only orders are capped.

A taker that reaches the price of one of our own resting orders meets it (``cross``): behind
what others show there, before whatever is worse.  The taker's ``prevention`` says what then:
it expires, or the resting one does, or both; with NO_PREVENTION they trade with each other.
PEGGED: limit_ticks counts from the triggering price (priceMatch), not from nothing.

A book with ``touch_lots`` of 0 or more has queues: ``ahead_lots`` of others stand before a
resting order, at first what is displayed; each visit of its price trades ``touch_lots``
(the candle's volume spread over the ticks that it visits), others first, then us.

Where it flatters the trader:
* our orders never move the market: no price runs away from us, no other stop is set off;
* the depth is fresh for every order: ten orders in one moment each meet the whole of it;
* level 9 is bottomless: a huge market order pays nine ticks beyond the best and no more;
* every level shows the same lots, on both sides, all the minute: no book is thin on one side
  before a move, and the spread does not widen when it matters;
* a limit that is traded through by one tick is filled whole, whatever traded there;
* a touch gives us D lots at once: there is no queue ahead of us but also only one a candle;
  with queues, a trade through our price still fills all of us, the volume of a candle is spread
  evenly over its path, and nobody joins ahead of us later (pro rata and hidden orders do);
* what we displayed attracts nobody and is picked off by nobody: a fill says nothing about where
  the price goes next (no adverse selection beyond the path itself);
* a stop triggers at its exact price on a continuous move; only the jump between candles slips;
* the path visits every tick between its waypoints: a real price skips some, and the stops there;
* the path goes low first or high first by the candle's colour: a stop and a target inside one
  candle may in truth have met the other way round;
* a trigger by the mark is looked at when a minute closes only, and finds the book in order;
* an order meets the price of the moment that it is handed in: latency is the caller's (the paper
  exchange walks the path on before it hands in an order; its settings say how long, none at first).
"""

import numpy as np

from engine.crossing import (
    BY_MARK,
    DONE,
    EXPIRE_BOTH,
    EXPIRE_MAKER,
    EXPIRE_TAKER,
    EXPIRED,
    FILL,
    LEVELS,
    LIMIT,
    MAKER,
    NEVER,
    NO_PREVENTION,
    NO_QUEUES,
    ORDER,
    PEGGED,
    PPM,
    PREVENTED,
    REDUCE,
    STOP,
    TAKE,
    TAKER,
    TOUCHED,
    TRAIL,
    TRIGGERED,
    WHOLE,
    allowed,
    arrive,
    book_of,
    cross,
    fills_for,
    put,
)
from shm.jit import kernel

__all__ = [
    "BY_MARK",
    "DONE",
    "EXPIRED",
    "EXPIRE_BOTH",
    "EXPIRE_MAKER",
    "EXPIRE_TAKER",
    "FILL",
    "LEVELS",
    "LIMIT",
    "MAKER",
    "NEVER",
    "NO_PREVENTION",
    "ORDER",
    "PEGGED",
    "PREVENTED",
    "REDUCE",
    "STOP",
    "TAKE",
    "TAKER",
    "TRAIL",
    "TRIGGERED",
    "WHOLE",
    "advance",
    "arrive",
    "book_of",
    "cross",
    "fills_for",
    "forget_touches",
    "gap",
    "is_marked",
    "mark",
    "opening",
    "shrink_queues",
]


@kernel
def _first_at_most(bound, from_ticks, to_ticks):
    """Ticks walked until the path is at ``bound`` or lower."""
    if to_ticks > from_ticks:
        return 1 if from_ticks + 1 <= bound else NEVER
    first = min(from_ticks - 1, bound)
    return from_ticks - first if first >= to_ticks else NEVER


@kernel
def _first_at_least(bound, from_ticks, to_ticks):
    """Ticks walked until the path is at ``bound`` or higher."""
    if to_ticks < from_ticks:
        return 1 if from_ticks - 1 >= bound else NEVER
    first = max(from_ticks + 1, bound)
    return first - from_ticks if first <= to_ticks else NEVER


@kernel
def _trail_ticks(order, from_ticks):
    """The price at which a TRAIL triggers, when the path is at ``from_ticks``."""
    reach = max(order.reach_ticks, from_ticks) if order.side < 0 else min(order.reach_ticks, from_ticks)
    return reach + order.side * max(1, reach * order.trail_ppm // PPM)


@kernel
def _due(order, from_ticks, to_ticks):
    """Ticks walked until something happens to ``order``."""
    if order.kind == DONE or from_ticks == to_ticks:
        return NEVER
    falls = order.side < 0 if order.kind == STOP or order.kind == TRAIL else order.side > 0
    if order.kind == TRAIL:
        if order.ticks > 0:
            falls, bound = order.side > 0, order.ticks
        else:
            bound = _trail_ticks(order, from_ticks)
        if falls:
            return _first_at_most(bound, from_ticks, to_ticks)
        return _first_at_least(bound, from_ticks, to_ticks)
    if order.kind != LIMIT:
        if order.marks & BY_MARK:
            return NEVER
        if falls:
            return _first_at_most(order.ticks, from_ticks, to_ticks)
        return _first_at_least(order.ticks, from_ticks, to_ticks)
    if falls:
        through = _first_at_most(order.ticks - 1, from_ticks, to_ticks)
    else:
        through = _first_at_least(order.ticks + 1, from_ticks, to_ticks)
    if order.marks & TOUCHED:
        return through
    ahead = (order.ticks - from_ticks) if to_ticks > from_ticks else (from_ticks - order.ticks)
    if 0 < ahead <= abs(to_ticks - from_ticks):
        return min(ahead, through)
    return through


@kernel
def _trigger(orders, index, ticks, book, held, fills, count, walked):
    """A stop or take-profit becomes a market order around ``ticks``, or a limit order."""
    order = orders[index]
    lots = allowed(order, order.lots_left, held)
    order.kind = DONE
    if lots == 0:
        return put(fills, count, index, EXPIRED, ticks, 0, walked)
    count = put(fills, count, index, TRIGGERED, ticks, lots, walked)
    if order.marks & PEGGED:
        order.limit_ticks = max(1, ticks + order.limit_ticks)
    count, left = cross(orders, index, lots, order.limit_ticks, ticks, book, held, fills, count, walked)
    if left > 0:
        order.kind, order.ticks, order.lots_left = LIMIT, order.limit_ticks, left
        order.ahead_lots, order.born = book.depth_lots, walked + 1
    return count


@kernel
def _rest(orders, index, ticks, book, held, fills, count, walked):
    """A resting limit order is touched or traded through at ``ticks``."""
    order = orders[index]
    lots = order.lots_left
    if ticks == order.ticks:
        order.marks |= TOUCHED
        if book.touch_lots == NO_QUEUES:
            lots = min(lots, book.depth_lots)
        else:
            lots = min(lots, max(0, book.touch_lots - order.ahead_lots))
            order.ahead_lots = max(0, order.ahead_lots - book.touch_lots)
            if lots == 0:
                return count
    lots = allowed(order, lots, held)
    if lots == 0:
        order.kind = DONE
        return put(fills, count, index, EXPIRED, ticks, 0, walked)
    order.lots_left -= lots
    held[order.leg] += order.side * lots
    count = put(fills, count, index, MAKER, order.ticks, lots, walked)
    if order.lots_left == 0:
        order.kind = DONE
    elif ticks != order.ticks:
        # Traded through and not whole: reduce-only cut it, and now there is nothing left to reduce.
        order.kind = DONE
        count = put(fills, count, index, EXPIRED, ticks, 0, walked)
    return count


@kernel
def _happen(orders, index, ticks, book, held, fills, count, walked):
    order = orders[index]
    if order.kind == LIMIT:
        return _rest(orders, index, ticks, book, held, fills, count, walked)
    if order.kind == TRAIL and order.ticks > 0:
        # It begins to trail, from here.
        order.ticks, order.reach_ticks, order.born = 0, ticks, walked + 1
        return count
    return _trigger(orders, index, ticks, book, held, fills, count, walked)


@kernel
def _arrived(orders, from_ticks, to_ticks):
    """The end of a leg: what was born in it is like any other, and what trails has followed."""
    for index in range(len(orders)):
        order = orders[index]
        order.born = 0
        if order.kind == TRAIL and order.ticks == 0:
            if order.side < 0:
                order.reach_ticks = max(order.reach_ticks, from_ticks, to_ticks)
            else:
                order.reach_ticks = min(order.reach_ticks, from_ticks, to_ticks)


@kernel
def advance(
    orders: np.ndarray, from_ticks: int, to_ticks: int, book: np.record, held: np.ndarray, fills: np.ndarray
) -> int:
    """Walk one straight leg; the count of fills."""
    count = 0
    step = 1 if to_ticks > from_ticks else -1
    while True:
        next_index, next_due, next_rests = -1, NEVER, False
        for index in range(len(orders)):
            walked = max(0, orders[index].born - 1)
            due = _due(orders[index], from_ticks + step * walked, to_ticks)
            due = due if due == NEVER else due + walked
            rests = orders[index].kind == LIMIT
            if due < next_due or (due == next_due and due != NEVER and next_rests and not rests):
                next_index, next_due, next_rests = index, due, rests
        if next_index < 0:
            _arrived(orders, from_ticks, to_ticks)
            return count
        count = _happen(orders, next_index, from_ticks + step * next_due, book, held, fills, count, next_due)


@kernel
def gap(
    orders: np.ndarray, from_ticks: int, to_ticks: int, book: np.record, held: np.ndarray, fills: np.ndarray
) -> int:
    """Jump: only ``to_ticks`` is visited; the count of fills."""
    count = 0
    # A leg of one tick that ends where the jump lands asks every order the same question.
    before = to_ticks - 1 if to_ticks >= from_ticks else to_ticks + 1
    for rests in range(2):
        for index in range(len(orders)):
            if (orders[index].kind == LIMIT) != (rests == 1) or orders[index].born:
                continue
            if _due(orders[index], before, to_ticks) != NEVER:
                count = _happen(orders, index, to_ticks, book, held, fills, count, 0)
    _arrived(orders, to_ticks, to_ticks)
    return count


@kernel
def opening(orders: np.ndarray, from_ticks: int, to_ticks: int) -> int:
    """Ticks walked until a conditional order triggers that reduce-only does not bind; NEVER when none does."""
    first = NEVER
    for index in range(len(orders)):
        order = orders[index]
        begins = order.kind == TRAIL and order.ticks > 0
        if order.kind != LIMIT and not begins and order.marks & (REDUCE | WHOLE) == 0:
            first = min(first, _due(order, from_ticks, to_ticks))
    return first


@kernel
def is_marked(order: np.record, mark_ticks: int) -> bool:
    """Whether the mark triggers it."""
    if order.marks & BY_MARK == 0 or (order.kind != STOP and order.kind != TAKE):
        return False
    away = order.ticks - mark_ticks
    falls = (order.side < 0) == (order.kind == STOP)
    return (falls and away >= 0) or (not falls and away <= 0)


@kernel
def mark(
    orders: np.ndarray, mark_ticks: int, last_ticks: int, book: np.record, held: np.ndarray, fills: np.ndarray
) -> int:
    """The mark is at ``mark_ticks``, the price at ``last_ticks``: what BY_MARK triggers; the count of fills."""
    count = 0
    for index in range(len(orders)):
        if is_marked(orders[index], mark_ticks):
            count = _trigger(orders, index, last_ticks, book, held, fills, count, 0)
    _arrived(orders, last_ticks, last_ticks)
    return count


@kernel
def shrink_queues(orders: np.ndarray, depth_lots: int) -> None:
    """The book shows ``depth_lots`` now: nobody has more than that ahead, for who was there has left."""
    for index in range(len(orders)):
        orders[index].ahead_lots = min(orders[index].ahead_lots, depth_lots)


@kernel
def forget_touches(orders: np.ndarray) -> None:
    """A new candle: every resting order may be touched once more."""
    for index in range(len(orders)):
        orders[index].marks &= 255 - TOUCHED
