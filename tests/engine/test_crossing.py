"""Orders that take: what they walk, and who of our own they meet on the way."""

import numpy as np
import pytest

from engine import matching
from engine.matching import LIMIT, MAKER, PREVENTED, TAKER

BUY, SELL = 1, -1


def book(depth: int = 5, spread: int = 1) -> np.void:
    """A BOOK record."""
    return matching.book_of(depth, spread)[0]


def rows(fills: np.ndarray, count: int) -> list[tuple[int, ...]]:
    """Order, kind, price and lots of each fill."""
    return [tuple(int(fill[name]) for name in ("order", "kind", "ticks", "lots")) for fill in fills[:count]]


def records(*terms: tuple[int, int, int, int]) -> np.ndarray:
    """Orders of side, kind, price and lots."""
    out = np.zeros(len(terms), matching.ORDER)
    for record, (side, kind, ticks, lots) in zip(out, terms, strict=True):
        record["side"], record["kind"], record["ticks"], record["lots_left"] = side, kind, ticks, lots
    return out


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


def met(prevention: int, lots: int = 12, limit: int = 0) -> tuple[list[tuple[int, ...]], int, np.ndarray]:
    """A buy of ``lots`` at 100 meets our own offers of 4 and 3 at 102, behind the 5 that others show a level."""
    mine = records((SELL, LIMIT, 102, 4), (SELL, LIMIT, 102, 3), (BUY, matching.DONE, limit, lots))
    mine["prevention"][2] = prevention
    fills, held = matching.fills_for(3), np.zeros(3, np.int64)
    count, left = matching.cross(mine, 2, lots, limit, 100, book(), held, fills, 0, 0)
    return rows(fills, count), left, held


def test_expire_maker_takes_our_resting_orders_away() -> None:
    """Both at the price that is traded through are gone, and the taker is filled by others only."""
    found, left, held = met(matching.EXPIRE_MAKER)
    others = [(2, TAKER, 101, 5), (2, TAKER, 102, 5), (0, PREVENTED, 102, 4), (1, PREVENTED, 102, 3)]
    assert found == [*others, (2, TAKER, 103, 2)]
    assert (left, held[0]) == (0, 12)


def test_expire_taker_keeps_what_it_got_before() -> None:
    """Ten lots, then it ends; what rests stays."""
    found, left, held = met(matching.EXPIRE_TAKER)
    assert found == [(2, TAKER, 101, 5), (2, TAKER, 102, 5), (2, PREVENTED, 102, 2)]
    assert (left, held[0]) == (0, 10)


def test_expire_both_ends_the_first_that_is_met() -> None:
    """The taker and the earlier offer; the later one never met anybody."""
    found, _, _ = met(matching.EXPIRE_BOTH)
    assert found[2:] == [(0, PREVENTED, 102, 4), (2, PREVENTED, 102, 2)]


def test_without_prevention_we_trade_with_ourselves() -> None:
    """Two lots are bought and sold at our own price: the position is what others gave."""
    found, _, held = met(matching.NO_PREVENTION)
    assert found[2:] == [(0, MAKER, 102, 2), (2, TAKER, 102, 2)]
    assert held[0] == 10


def test_who_does_not_reach_our_price_meets_nobody() -> None:
    """Ten lots are had without coming to the front of ours; a limit of 101 never comes there."""
    assert met(matching.EXPIRE_BOTH, lots=10)[0] == [(2, TAKER, 101, 5), (2, TAKER, 102, 5)]
    found, left, _ = met(matching.EXPIRE_BOTH, limit=101)
    assert (found, left) == ([(2, TAKER, 101, 5)], 7)
