"""The exchange's books: the worked example of docs/money.md, and conservation under anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.venue.embedded.ledger import Ledger, fee_of
from engine.venue.embedded.listing import PUBLISHED, listing

BTC = listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"])
FILLS = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 10**7), st.integers(1, 10**6), st.sampled_from([200, 500])),
    max_size=40,
)


def test_the_worked_example_of_the_documentation() -> None:
    """Every number of the table in docs/money.md."""
    ledger = Ledger()
    ledger.deposit(10_000 * 10**8)
    position = ledger.position("BTCUSDT")
    table = [
        # side, ticks, lots, ppm,    realised, fee,        cost,           lots, wallet
        (1, 1_000_001, 3, 500, 0, 15_000_015, 30_000_030_000, 3, 999_984_999_985),
        (1, 1_000_004, 4, 500, 0, 20_000_080, 70_000_190_000, 7, 999_964_999_905),
        (-1, 1_000_100, 2, 200, 1_945_715, 4_000_400, 50_000_135_715, 5, 999_962_945_220),
        (-1, 1_000_000, 8, 500, -135_715, 40_000_000, 30_000_000_000, -3, 999_922_809_505),
    ]
    for side, ticks, lots, ppm, realised, fee, cost, held, wallet in table:
        assert ledger.fill(BTC, side, ticks, lots, ppm) == (realised, fee)
        assert (position.cost, position.lots, ledger.wallet) == (cost, held, wallet)
    assert position.unrealised(999_900, BTC.unit) == 3_000_000


@given(fills=FILLS, last=st.integers(1, 10**7))
def test_once_flat_the_wallet_is_what_was_paid_and_received(fills: list[tuple[int, int, int, int]], last: int) -> None:
    """Rounding inside a position never outlives it: flat, the profit is receipts minus payments exactly."""
    ledger, cash, held = Ledger(), 0, 0
    for side, ticks, lots, ppm in fills:
        _, fee = ledger.fill(BTC, side, ticks, lots, ppm)
        cash -= side * ticks * lots * BTC.unit + fee
        held += side * lots
    if held:
        side = -1 if held > 0 else 1
        _, fee = ledger.fill(BTC, side, last, abs(held), 500)
        cash -= side * last * abs(held) * BTC.unit + fee
    assert ledger.wallet == cash


@pytest.mark.parametrize(
    ("notional", "ppm", "fee"), [(1_000, 500, 1), (999, 500, 0), (3_000, 500, 2), (0, 500, 0), (10_000, 200, 2)]
)
def test_a_fee_rounds_to_the_nearest_unit_and_a_half_up(notional: int, ppm: int, fee: int) -> None:
    """1000 minor units at 500 ppm are half a unit, which costs one."""
    assert fee_of(notional, ppm) == fee


def test_a_fill_through_zero_opens_the_rest_at_its_price() -> None:
    """Short 5 after selling 15 against 10; cost is the five's notional."""
    ledger = Ledger()
    ledger.fill(BTC, 1, 1000, 10, 0)
    realised, _ = ledger.fill(BTC, -1, 1200, 15, 0)
    position = ledger.position("BTCUSDT")
    assert (realised, position.lots, position.cost) == (200 * 10 * BTC.unit, -5, 1200 * 5 * BTC.unit)
    assert position.entry_e8(BTC) == 1200 * BTC.tick_e8
