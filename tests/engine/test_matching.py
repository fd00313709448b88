"""The matching model against an obvious one that walks every tick, and the rules of its docstring one by one."""

import itertools
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import matching
from engine.matching import EXPIRED, LIMIT, MAKER, PREVENTED, STOP, TAKE, TAKER, TRIGGERED

BUY, SELL = 1, -1


@dataclass
class Slow:
    """One order of the obvious model."""

    side: int
    kind: int
    ticks: int
    lots: int
    reduces: bool
    prevention: int = 0
    touched: bool = False
    done: bool = False


def records(orders: list[Slow]) -> np.ndarray:
    """The same orders as the kernel takes them."""
    out = np.zeros(len(orders), matching.ORDER)
    for record, order in zip(out, orders, strict=True):
        record["ticks"], record["lots_left"], record["side"] = order.ticks, order.lots, order.side
        record["kind"], record["marks"] = order.kind, matching.REDUCE if order.reduces else 0
        record["prevention"] = order.prevention
    return out


def book(depth: int = 5, spread: int = 1) -> np.void:
    """A BOOK record."""
    return matching.book_of(depth, spread)[0]


def take_slowly(
    orders: list[Slow], index: int, lots: int, where: tuple[int, int, int, int], out: list[tuple[int, ...]]
) -> int:
    """Everything that is on offer, ours among it, sorted by price; what is held after taking from it."""
    (ticks, held, depth, spread), order = where, orders[index]
    best = ticks - spread // 2 + (spread if order.side == BUY else 0)
    offers = [(order.side * best + level, 0, level) for level in range(10)]
    offers += [
        (order.side * own.ticks, 1, number)
        for number, own in enumerate(orders)
        if own.kind == LIMIT and not own.done and own.side == -order.side
    ]
    for price, ours, number in sorted(offers):
        if lots == 0:
            break
        if not ours:
            take = lots if number == 9 else min(lots, depth)
            out.append((index, TAKER, order.side * price, take))
            held, lots = held + order.side * take, lots - take
            continue
        own = orders[number]
        if order.prevention == matching.NO_PREVENTION:
            take = min(lots, own.lots, max(0, -own.side * held) if own.reduces else own.lots)
            own.lots, lots, own.done = own.lots - take, lots - take, take == own.lots or take < lots
            if take:
                out += [(number, MAKER, own.ticks, take), (index, TAKER, own.ticks, take)]
            if own.done and own.lots:
                out.append((number, EXPIRED, own.ticks, 0))  # only reduces, and nothing is left to reduce
            continue
        if order.prevention in (matching.EXPIRE_MAKER, matching.EXPIRE_BOTH):
            own.done = True
            out.append((number, PREVENTED, own.ticks, own.lots))
        if order.prevention in (matching.EXPIRE_TAKER, matching.EXPIRE_BOTH):
            out.append((index, PREVENTED, own.ticks, lots))
            lots = 0
    return held


def walk_slowly(orders: list[Slow], visited: list[int], held: int, depth: int, spread: int) -> list[tuple[int, ...]]:
    """Every tick, every order, in the order of the rules."""
    out: list[tuple[int, ...]] = []
    for ticks in visited:
        for index, order in enumerate(orders):
            rises = (order.kind == STOP) == (order.side == BUY)
            reached = ticks >= order.ticks if rises else ticks <= order.ticks
            if order.kind == LIMIT or order.done or not reached:
                continue
            order.done = True
            lots = min(order.lots, max(0, -order.side * held)) if order.reduces else order.lots
            out.append((index, TRIGGERED if lots else EXPIRED, ticks, lots))
            held = take_slowly(orders, index, lots, (ticks, held, depth, spread), out)
        for index, order in enumerate(orders):
            beyond = (order.ticks - ticks) * order.side
            if order.kind != LIMIT or order.done or beyond < 0 or (beyond == 0 and order.touched):
                continue
            lots = order.lots if beyond else min(order.lots, depth)
            order.touched = order.touched or not beyond
            lots = min(lots, max(0, -order.side * held)) if order.reduces else lots
            out.append((index, MAKER if lots else EXPIRED, order.ticks if lots else ticks, lots))
            order.lots -= lots
            held += order.side * lots
            order.done = order.lots == 0 or lots == 0
            if beyond and not order.done:
                out.append((index, EXPIRED, ticks, 0))  # traded through with nothing left to reduce
                order.done = True
    return out


def rows(fills: np.ndarray, count: int) -> list[tuple[int, ...]]:
    """Order, kind, price and lots of each fill."""
    return [tuple(int(fill[name]) for name in ("order", "kind", "ticks", "lots")) for fill in fills[:count]]


ORDERS = st.lists(
    st.builds(
        Slow,
        side=st.sampled_from([BUY, SELL]),
        kind=st.sampled_from([LIMIT, STOP, TAKE]),
        ticks=st.integers(85, 115),
        lots=st.integers(1, 30),
        reduces=st.booleans(),
        prevention=st.integers(0, 3),
    ),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(
    orders=ORDERS,
    points=st.lists(st.integers(85, 115), min_size=1, max_size=4),
    held=st.integers(-20, 20),
    depth=st.integers(1, 8),
    spread=st.integers(1, 4),
)
def test_legs_fill_what_walking_every_tick_fills(
    orders: list[Slow], points: list[int], held: int, depth: int, spread: int
) -> None:
    """A jump and the legs after it give the fills, in the order, of a model that visits each tick."""
    mine, position = records(orders), np.array([held])
    found: list[tuple[int, ...]] = []
    fills = matching.fills_for(len(orders))
    count = matching.gap(mine, 100, points[0], book(depth, spread), position, fills)
    found += rows(fills, count)
    visited = [points[0]]
    for here, there in itertools.pairwise(points):
        count = matching.advance(mine, here, there, book(depth, spread), position, fills)
        found += rows(fills, count)
        step = 1 if there > here else -1
        visited += list(range(here + step, there + step, step)) if here != there else []
    assert found == walk_slowly(orders, visited, held, depth, spread)


@settings(max_examples=200, deadline=None)
@given(orders=ORDERS, begin=st.integers(85, 115), end=st.integers(85, 115), cut=st.integers(85, 115))
def test_a_leg_cut_in_two_fills_the_same(orders: list[Slow], begin: int, end: int, cut: int) -> None:
    """How often the market is asked to move changes nothing."""
    cut = min(max(cut, min(begin, end)), max(begin, end))
    whole, parts = records(orders), records(orders)
    fills, held, held_parts = matching.fills_for(len(orders)), np.array([3]), np.array([3])
    found = rows(fills, matching.advance(whole, begin, end, book(), held, fills))
    pieces = rows(fills, matching.advance(parts, begin, cut, book(), held_parts, fills))
    pieces += rows(fills, matching.advance(parts, cut, end, book(), held_parts, fills))
    assert pieces == found
    assert held == held_parts


def test_the_example_of_the_documentation() -> None:
    """docs/fills.md: a stop at 98 and a limit at 95 on a fall from 100 to 94."""
    mine = records([Slow(BUY, LIMIT, 95, 20, False), Slow(SELL, STOP, 98, 7, True)])
    fills, held = matching.fills_for(2), np.array([10])
    count = matching.advance(mine, 100, 94, book(), held, fills)
    assert rows(fills, count) == [
        (1, TRIGGERED, 98, 7),
        (1, TAKER, 98, 5),
        (1, TAKER, 97, 2),
        (0, MAKER, 95, 5),
        (0, MAKER, 95, 15),
    ]
    assert held[0] == 23


def test_a_stop_on_a_gap_fills_around_the_open() -> None:
    """A jump over the stop sells around where it lands, not at the stop."""
    mine = records([Slow(SELL, STOP, 98, 4, True)])
    fills, held = matching.fills_for(1), np.array([4])
    count = matching.gap(mine, 100, 90, book(), held, fills)
    assert rows(fills, count) == [(0, TRIGGERED, 90, 4), (0, TAKER, 90, 4)]


def test_a_limit_is_touched_once_a_candle() -> None:
    """The second touch fills nothing until the next candle begins."""
    mine = records([Slow(BUY, LIMIT, 95, 20, False)])
    fills, held = matching.fills_for(1), np.array([0])
    assert matching.advance(mine, 100, 95, book(), held, fills) == 1
    assert matching.advance(mine, 95, 100, book(), held, fills) == 0
    assert matching.advance(mine, 100, 95, book(), held, fills) == 0
    matching.forget_touches(mine)
    assert matching.gap(mine, 95, 95, book(), held, fills) == 1
    assert held[0] == 10


def test_closing_everything_asks_the_position() -> None:
    """An order of zero lots that closes the position takes what is held when it triggers."""
    mine = records([Slow(SELL, STOP, 98, 0, False)])
    mine["marks"] = matching.WHOLE
    fills, held = matching.fills_for(1), np.array([9])
    count = matching.advance(mine, 100, 97, book(20), held, fills)
    assert rows(fills, count) == [(0, TRIGGERED, 98, 9), (0, TAKER, 98, 9)]
    assert held[0] == 0


def test_the_legs_of_a_hedge_are_capped_each_by_itself() -> None:
    """Long 4 and short 9: a reduce-only sell of the long gives 4, a reduce-only buy of the short all of its 7."""
    mine = records([Slow(SELL, STOP, 98, 7, True), Slow(BUY, TAKE, 98, 7, True)])
    mine["leg"] = (1, 2)
    fills, held = matching.fills_for(2), np.array([0, 4, -9])
    count = matching.advance(mine, 100, 98, book(20), held, fills)
    assert rows(fills, count) == [
        (0, TRIGGERED, 98, 4),
        (0, TAKER, 98, 4),
        (1, TRIGGERED, 98, 7),
        (1, TAKER, 99, 7),
    ]
    assert held.tolist() == [0, 0, -2]


def test_a_pegged_limit_counts_from_where_it_triggers() -> None:
    """Five ticks below the price of the trigger, wherever a gap puts it."""
    mine = records([Slow(SELL, STOP, 98, 30, False)])
    mine["marks"], mine["limit_ticks"] = matching.PEGGED, -1
    fills, held = matching.fills_for(1), np.array([0])
    count = matching.gap(mine, 100, 90, book(), held, fills)
    assert rows(fills, count) == [(0, TRIGGERED, 90, 30), (0, TAKER, 90, 5), (0, TAKER, 89, 5)]
    assert (mine["kind"][0], mine["ticks"][0], mine["lots_left"][0]) == (LIMIT, 89, 20)


def trail(ticks: int, reach: int) -> np.ndarray:
    """A trailing stop that sells 4 lots ten percent below the highest price; with ``ticks`` it only begins there."""
    mine = records([Slow(SELL, matching.TRAIL, ticks, 4, False)])
    mine["trail_ppm"], mine["reach_ticks"] = 100_000, reach
    return mine


def test_a_trail_begins_where_it_is_told_to() -> None:
    """Falls before 110 do nothing; from 110 it follows to 120, and sells at 108."""
    mine, fills, held = trail(110, 100), matching.fills_for(1), np.array([4])
    for here, there in ((100, 80), (80, 109), (109, 85), (85, 120)):
        assert matching.advance(mine, here, there, book(), held, fills) == 0
    assert (mine["ticks"][0], mine["reach_ticks"][0]) == (0, 120)
    count = matching.advance(mine, 120, 100, book(), held, fills)
    assert rows(fills, count) == [(0, TRIGGERED, 108, 4), (0, TAKER, 108, 4)]


def test_a_trail_that_a_jump_begins_reaches_from_where_it_lands() -> None:
    """From 100 to 130 at once: it begins at 130, and sells at 117."""
    mine, fills, held = trail(110, 100), matching.fills_for(1), np.array([4])
    assert matching.gap(mine, 100, 130, book(), held, fills) == 0
    assert mine["reach_ticks"][0] == 130
    count = matching.advance(mine, 130, 110, book(), held, fills)
    assert rows(fills, count)[0] == (0, TRIGGERED, 117, 4)


@settings(max_examples=200, deadline=None)
@given(orders=ORDERS, begin=st.integers(85, 115), end=st.integers(85, 115))
def test_what_opens_is_known_before_it_triggers(orders: list[Slow], begin: int, end: int) -> None:
    """``opening`` names the tick of the first stop or take-profit that triggers and is not reduce-only."""
    mine, fills, held = records(orders), matching.fills_for(len(orders)), np.array([0])
    walked = matching.opening(mine, begin, end)
    found = fills[: matching.advance(mine, begin, end, book(), held, fills)]
    first = [
        int(fill["walked"]) for fill in found if fill["kind"] == TRIGGERED and not orders[int(fill["order"])].reduces
    ]
    assert walked == (first[0] if first else matching.NEVER)


def test_a_trail_opens_only_once_it_has_begun() -> None:
    """Where it begins is no trigger: nothing opens until the path has come back."""
    mine, fills, held = trail(110, 100), matching.fills_for(1), np.array([0])
    assert matching.opening(mine, 100, 120) == matching.NEVER
    matching.advance(mine, 100, 120, book(), held, fills)
    assert matching.opening(mine, 120, 100) == 12
