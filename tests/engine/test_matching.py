"""The matching model against an obvious one that walks every tick, and the rules of its docstring one by one."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import matching
from engine.matching import EXPIRED, LIMIT, MAKER, STOP, TAKE, TAKER, TRIGGERED

BUY, SELL = 1, -1


@dataclass
class Slow:
    """One order of the obvious model."""

    side: int
    kind: int
    ticks: int
    lots: int
    reduces: bool
    touched: bool = False
    done: bool = False


def records(orders: list[Slow]) -> np.ndarray:
    """The same orders as the kernel takes them."""
    out = np.zeros(len(orders), matching.ORDER)
    for record, order in zip(out, orders, strict=True):
        record["ticks"], record["lots_left"], record["side"] = order.ticks, order.lots, order.side
        record["kind"], record["marks"] = order.kind, matching.REDUCE if order.reduces else 0
    return out


def book(depth: int = 5, spread: int = 1) -> np.void:
    """A BOOK record."""
    return matching.book_of(depth, spread)[0]


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
            held += order.side * lots
            best = ticks - spread // 2 + (spread if order.side == BUY else 0)
            for level in range(10):
                take = lots if level == 9 else min(lots, depth)
                if take:
                    out.append((index, TAKER, max(1, best + order.side * level), take))
                lots -= take
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


@pytest.mark.parametrize(
    ("lots", "limit", "expected"),
    [
        (5, 0, [(101, 5)]),
        (12, 0, [(101, 5), (102, 5), (103, 2)]),
        (12, 102, [(101, 5), (102, 5)]),
        (3, 100, []),
        (1000, 0, [(100 + level, 5) for level in range(1, 10)] + [(110, 955)]),
    ],
)
def test_a_taker_walks_the_levels(lots: int, limit: int, expected: list[tuple[int, int]]) -> None:
    """One fill a level, up to the limit; the tenth level takes the rest."""
    fills = matching.fills_for(1)
    count = matching.arrive(BUY, lots, limit, 100, book(), fills, 0, 0, 0)
    assert [row[2:] for row in rows(fills, count)] == expected


def test_a_seller_never_gets_less_than_one_tick() -> None:
    """The bids of a contract near zero end at one tick."""
    fills = matching.fills_for(1)
    count = matching.arrive(SELL, 100, 0, 3, book(), fills, 0, 0, 0)
    assert min(row[2] for row in rows(fills, count)) == 1
    assert sum(row[3] for row in rows(fills, count)) == 100


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
