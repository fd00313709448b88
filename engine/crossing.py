"""The records of the matching model, and orders that take: what is walked, and who of our own is met on the way.

    ask  p+3  D
    ask  p+2  D   then our own offer at p+2: expired, traded with, or the end of the taker
    ask  p+1  D   <- a buy begins here

An order at the price of a level stands behind the D lots that others show there.
``arrive`` knows nothing of our own orders; ``cross`` does.
"""

import numpy as np

from shm.jit import kernel

DONE, LIMIT, STOP, TAKE, TRAIL = 0, 1, 2, 3, 4  # ORDER.kind
REDUCE, TOUCHED, WHOLE, BY_MARK, PEGGED = 1, 2, 4, 8, 16  # ORDER.marks; WHOLE closes whatever is held
NO_PREVENTION, EXPIRE_TAKER, EXPIRE_MAKER, EXPIRE_BOTH = 0, 1, 2, 3  # ORDER.prevention, of a taker
MAKER, TAKER, TRIGGERED, EXPIRED, PREVENTED = 1, 2, 3, 4, 5  # FILL.kind
LEVELS = 10
NEVER = 1 << 62
PPM = 1_000_000
NO_QUEUES = -1  # BOOK.touch_lots

ORDER = np.dtype(
    [
        ("id", "<i8"),
        ("ticks", "<i8"),  # limit price, or trigger price of a STOP or TAKE; where a TRAIL begins, 0: it has
        ("lots_left", "<i8"),
        ("limit_ticks", "<i8"),  # of a STOP or TAKE; 0: it becomes a market order
        ("ahead_lots", "<i8"),  # of others, in the queue at a LIMIT's price
        ("reach_ticks", "<i8"),  # of a TRAIL: the best price since it arrived
        ("trail_ppm", "<i8"),  # of a TRAIL: how far the price must come back from there
        ("born", "<i8"),  # a LIMIT that a trigger made within this leg: 1 + ticks walked; else 0
        ("side", "i1"),  # +1 buy, -1 sell
        ("kind", "u1"),
        ("marks", "u1"),
        ("leg", "u1"),  # of what is held: 0, or 1 LONG and 2 SHORT
        ("prevention", "u1"),
    ],
    align=True,
)
FILL = np.dtype(
    [
        ("order", "<i8"),  # index in the orders, which stand in order of arrival
        ("kind", "<i8"),  # TRIGGERED comes before its TAKER fills, with the lots that it goes for
        ("ticks", "<i8"),
        ("lots", "<i8"),
        ("walked", "<i8"),  # ticks from the start of the leg
    ],
    align=True,
)
BOOK = np.dtype([("depth_lots", "<i8"), ("spread_ticks", "<i8"), ("touch_lots", "<i8")], align=True)


def book_of(depth_lots: int, spread_ticks: int, touch_lots: int = NO_QUEUES) -> np.ndarray:
    """One BOOK."""
    return np.array([(depth_lots, spread_ticks, touch_lots)], BOOK)


def fills_for(count: int) -> np.ndarray:
    """An array with room for everything that ``count`` orders can cause in one leg."""
    return np.zeros((count + 1) * (LEVELS + 10), FILL)


@kernel
def put(fills, count, order, kind, ticks, lots, walked):
    """Write one FILL; the new count."""
    fill = fills[count]
    fill.order, fill.kind, fill.ticks, fill.lots, fill.walked = order, kind, ticks, lots, walked
    return count + 1


@kernel
def allowed(order, lots, held):
    """``lots``, or what reduce-only leaves of them."""
    if order.marks & (REDUCE | WHOLE) == 0:
        return lots
    reducible = max(0, -order.side * held[order.leg])
    return reducible if order.marks & WHOLE else min(lots, reducible)


@kernel
def arrive(
    side: int,
    lots: int,
    limit_ticks: int,
    last_ticks: int,
    book: np.record,
    fills: np.ndarray,
    count: int,
    order: int,
    walked: int,
) -> int:
    """Walk the book around ``last_ticks`` as taker, up to ``limit_ticks`` (0: any price); the new count of fills."""
    best = last_ticks - book.spread_ticks // 2
    if side > 0:
        best += book.spread_ticks
    for level in range(LEVELS):
        ticks = max(1, best + side * level)
        if lots == 0 or (limit_ticks > 0 and side * (ticks - limit_ticks) > 0):
            break
        take = lots if level == LEVELS - 1 else min(lots, book.depth_lots)
        count = put(fills, count, order, TAKER, ticks, take, walked)
        lots -= take
    return count


@kernel
def _met(orders, side, limit_ticks):
    """Which of our own resting orders a taker of ``side`` meets first, or -1: the best price, then arrival."""
    found = -1
    for index in range(len(orders)):
        order = orders[index]
        if order.kind != LIMIT or order.side == side or (limit_ticks > 0 and side * (order.ticks - limit_ticks) > 0):
            continue
        if found < 0 or side * (order.ticks - orders[found].ticks) < 0:
            found = index
    return found


@kernel
def _meet(orders, taker, own, lots, held, fills, count, walked):
    """A taker with ``lots`` left meets our own resting order; (count of fills, lots left)."""
    order, mine = orders[taker], orders[own]
    if order.prevention == NO_PREVENTION:
        traded = min(lots, allowed(mine, mine.lots_left, held))
        if traded == 0:
            mine.kind = DONE
            return put(fills, count, own, EXPIRED, mine.ticks, 0, walked), lots
        count = put(fills, count, own, MAKER, mine.ticks, traded, walked)
        count = put(fills, count, taker, TAKER, mine.ticks, traded, walked)
        held[mine.leg] += mine.side * traded
        held[order.leg] += order.side * traded
        mine.lots_left -= traded
        if mine.lots_left == 0:
            mine.kind = DONE
        elif traded < lots:
            # Reduce-only cut it: the rest of it has nothing to reduce.
            mine.kind = DONE
            count = put(fills, count, own, EXPIRED, mine.ticks, 0, walked)
        return count, lots - traded
    if order.prevention != EXPIRE_TAKER:
        mine.kind = DONE
        count = put(fills, count, own, PREVENTED, mine.ticks, mine.lots_left, walked)
    if order.prevention != EXPIRE_MAKER:
        count = put(fills, count, taker, PREVENTED, mine.ticks, lots, walked)
        lots = 0
    return count, lots


@kernel
def cross(
    orders: np.ndarray,
    taker: int,
    lots: int,
    limit_ticks: int,
    last_ticks: int,
    book: np.record,
    held: np.ndarray,
    fills: np.ndarray,
    count: int,
    walked: int,
) -> tuple[int, int]:
    """Walk the book as ``arrive`` does and meet our own on the way; (new count of fills, lots that nothing took)."""
    order = orders[taker]
    side = order.side
    best = last_ticks - book.spread_ticks // 2
    if side > 0:
        best += book.spread_ticks
    for level in range(LEVELS):
        ticks = max(1, best + side * level)
        while lots > 0:
            own = _met(orders, side, limit_ticks)
            if own < 0 or side * (orders[own].ticks - ticks) >= 0:
                break
            count, lots = _meet(orders, taker, own, lots, held, fills, count, walked)
        if lots == 0 or (limit_ticks > 0 and side * (ticks - limit_ticks) > 0):
            break
        take = lots if level == LEVELS - 1 else min(lots, book.depth_lots)
        count = put(fills, count, taker, TAKER, ticks, take, walked)
        held[order.leg] += side * take
        lots -= take
    return count, lots
