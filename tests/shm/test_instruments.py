"""Prices and quantities, exact in both directions."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shm.instruments import (
    AWAY_FROM_ZERO,
    CEILING,
    FLOOR,
    NEAREST,
    TOWARDS_ZERO,
    Instrument,
    InstrumentError,
    amount,
    decimal,
    minor,
    minor_rounded,
)

NAMES = ("BTC/USDT:USDT", "binance", "main")
BTC = Instrument.from_filters(
    0, NAMES, tick="0.10", lot="0.001", quantity_min="0.001", quantity_max="1000", notional_min="100", leverage_max=125
)

ticks_e8 = st.sampled_from([1, 10, 10**4, 10**7, 5 * 10**7, 10**8, 25 * 10**6])
lots_e8 = st.sampled_from([10**8, 10**9, 10**10])
whole = st.integers(-(10**12), 10**12)


def test_filters_become_integers():
    """BTC/USDT at Binance: a tick is 0.1, a lot 0.001, one tick times one lot 10000 minor units."""
    assert (BTC.tick_e8, BTC.lot_e8, BTC.unit) == (10**7, 10**5, 10**4)
    assert (BTC.lots_min, BTC.lots_max, BTC.notional_min, BTC.leverage_max) == (1, 10**6, 10**10, 125)
    assert BTC.price(1_234_567) == Decimal("123456.7")
    assert str(BTC.quantity(1500)) == "1.500"
    assert BTC.notional(1_000_000, -2) == -2 * 10**10


@given(ticks_e8, lots_e8, whole)
def test_integers_survive_the_way_out_and_back(tick_e8, lot_e8, count):
    """ticks(price(n)) == n, as Decimal and as text; the same for lots."""
    instrument = Instrument(row=1, symbol="X", venue="v", account="a", tick_e8=tick_e8, lot_e8=lot_e8)
    price, quantity = instrument.price(count), instrument.quantity(count)
    assert instrument.ticks(price) == instrument.ticks(str(price)) == count
    assert instrument.lots(quantity) == instrument.lots(format(quantity, "f")) == count
    assert price * 10**8 == count * tick_e8


@given(ticks_e8, st.decimals(-(10**9), 10**9, places=8))
def test_rounding_goes_where_it_is_told(tick_e8, price):
    """Floor and ceiling enclose the price and are at most a tick apart."""
    instrument = Instrument(row=1, symbol="X", venue="v", account="a", tick_e8=tick_e8, lot_e8=10**8)
    low, high = instrument.ticks(price, FLOOR), instrument.ticks(price, CEILING)
    assert instrument.price(low) <= price <= instrument.price(high)
    assert high - low == (instrument.price(low) != price)
    assert low <= instrument.ticks(price, NEAREST) <= high
    assert abs(instrument.ticks(price, TOWARDS_ZERO)) <= abs(instrument.ticks(price, AWAY_FROM_ZERO))


@given(st.integers(0, 10**9))
def test_a_float_means_its_shortest_decimal(count):
    """0.3 is 3 ticks of 0.1, though the binary number is not."""
    assert BTC.ticks(count / 10) == count
    assert BTC.ticks(np.float64(count / 10), FLOOR) == count


@given(whole)
def test_minor_units_are_exact(units):
    """amount and minor undo each other."""
    assert minor(amount(units)) == units


@pytest.mark.parametrize(
    ("told", "units"),
    [("0.0000000049", 0), ("-1.000000015", -100_000_002), (Decimal("0.000000005"), 1), (1e-8, 1), (2, 200_000_000)],
)
def test_money_finer_than_minor_units_is_rounded_where_an_exchange_tells_it(told, units):
    """A half goes away from zero, as our own fees are rounded; what is no number is refused."""
    assert minor_rounded(told) == units
    with pytest.raises(InstrumentError, match="not a number to trade with"):
        minor_rounded("NaN")


def test_money_finer_than_minor_units_is_refused():
    """1e-9 is no amount, NaN is no price, nor is infinity."""
    with pytest.raises(InstrumentError, match="finer than 1e-8"):
        minor("0.000000001")
    for odd in (float("nan"), float("inf"), "NaN"):
        with pytest.raises(InstrumentError, match="not a number to trade with"):
            decimal(odd)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tick": "0.000000001"}, "tick 0.000000001 is not a positive multiple"),
        ({"tick": "0"}, "not a positive multiple"),
        ({"tick": "0.00000001", "lot": "0.1"}, "not a multiple of 1e-8 of the quote asset"),
        ({"quantity_min": "2", "quantity_max": "1"}, "must lie between 1 and lots_max"),
        ({"quantity_mim": "2"}, "quantity_mim: unknown rules"),
    ],
)
def test_rules_that_integers_cannot_carry_are_refused(changes, said):
    """The line names the instrument and the rule."""
    with pytest.raises(InstrumentError, match=f"BTC/USDT:USDT.*{said}"):
        Instrument.from_filters(0, NAMES, **({"tick": "0.1", "lot": "0.001"} | changes))


def test_an_instrument_is_its_record():
    """The row of table INSTRUMENTS gives the same instrument back, as array or as record."""
    record = BTC.to_record()
    assert Instrument.from_record(0, record) == Instrument.from_record(0, record[0]) == BTC


def test_a_name_that_does_not_fit_is_refused():
    """33 bytes of symbol would be cut in the record."""
    with pytest.raises(InstrumentError, match="symbol is longer than 32 bytes"):
        Instrument(row=0, symbol="X" * 33, venue="v", account="a", tick_e8=1, lot_e8=10**8)


@pytest.mark.parametrize("steps", [{"tick_e8": 0, "lot_e8": 1}, {"tick_e8": 1, "lot_e8": -1}])
def test_a_step_of_nothing_is_refused(steps):
    """Also where an instrument is built from integers."""
    with pytest.raises(InstrumentError, match="tick and lot must be positive"):
        Instrument(row=0, symbol="X", venue="v", account="a", **steps)


@given(tick_e8=ticks_e8, ticks=st.integers(1, 10**13), off=st.sampled_from([0.0, 0.25, 0.5, 0.75]))
def test_a_float_is_as_many_ticks_as_its_decimal(tick_e8, ticks, off):
    """The quick way for floats finds what the exact one finds, on the grid and between its lines."""
    one = Instrument(row=0, symbol="A", venue="v", account="a", tick_e8=tick_e8, lot_e8=10**8)
    price = float(Decimal(ticks) * tick_e8 / 10**8) + off * tick_e8 / 10**8
    for rounding in (FLOOR, NEAREST, CEILING):
        assert one.ticks(price, rounding) == one.ticks(decimal(price), rounding)
