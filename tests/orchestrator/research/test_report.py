"""Reports: trades from flat to flat, ratios and draw-downs, by hand."""

import math
from types import SimpleNamespace

import pytest

from orchestrator.research import report
from shm.instruments import Instrument
from shm.records import Purpose

MINUTE = 60_000_000_000
BTC = Instrument(row=0, symbol="BTC/USDT:USDT", tick_e8=10_000_000, lot_e8=100_000, venue="paper", account="main")


def fill(number: int, side: int, lots: int, ticks: int, fee: int = 0):
    """A fill of intent ``number``."""
    return SimpleNamespace(
        instrument=BTC.symbol,
        intent_id=number,
        side=side,
        lots=lots,
        price_ticks=ticks,
        fee=fee,
        market_ns=number * MINUTE,
    )


def course(purposes: dict[int, Purpose]):
    """A course whose intents had these purposes."""
    orders = {number: SimpleNamespace(intent=SimpleNamespace(purpose=purpose)) for number, purpose in purposes.items()}
    funded = [SimpleNamespace(instrument=BTC.symbol, amount=-9, market_ns=at * MINUTE) for at in (1, 4, 5)]
    house = SimpleNamespace(books=SimpleNamespace(orders=orders), instruments={BTC.symbol: BTC}, funded=funded)
    return SimpleNamespace(house=house)


def test_a_trade_is_everything_between_flat_and_flat():
    """Two entries and two exits are one trade: 3 lots at 100 and 1 at 104, out at 110 and 106."""
    fills = [fill(1, 1, 3, 100, 5), fill(2, 1, 1, 104, 5), fill(3, -1, 2, 110, 5), fill(4, -1, 2, 106, 5)]
    (trade,) = report.trades_of(fills, course({4: Purpose.STOP}))
    told = trade.told()
    assert (told["side"], told["quantity"]) == ("long", "0.004")
    assert (told["entry_price"], told["exit_price"]) == ("10.10000000", "10.80000000")
    # of three payments one came while it was held
    assert trade.profit == (2 * 110 + 2 * 106 - 3 * 100 - 104) * BTC.unit - 20 - 9
    assert told["funding"] == "-0.00000009"
    assert told["exit_reason"] == "stop"
    assert (told["entry_time"], told["exit_time"]) == ("1970-01-01T00:01", "1970-01-01T00:04")


def test_a_fill_through_zero_ends_one_trade_and_begins_another():
    """Its fee is shared by lots and nothing of it is lost; the second trade is still open and not listed."""
    fills = [fill(1, 1, 2, 100, 4), fill(2, -1, 3, 90, 7)]
    (trade,) = report.trades_of(fills, course({2: Purpose.EXIT}))
    assert trade.fees == 4 + 7 * 2 // 3
    fills.append(fill(3, 1, 1, 80, 0))
    first, second = report.trades_of(fills, course({}))
    assert second.side == -1
    assert first.fees + second.fees == 11
    assert second.profit == (90 - 80) * BTC.unit - second.fees
    assert second.reason == "exchange"


def test_the_deepest_fall_is_from_the_peak_before_it():
    """From 120 to 90 is a quarter; the recovery does not undo it."""
    assert report._drawdown([100, 120, 110, 90, 150, 140]) == 0.25
    assert report._drawdown([100, 101, 102]) == 0.0


def test_ratios_are_mean_over_deviation_times_the_root_of_the_year():
    """Sortino counts only what fell; nothing that varies, no ratio."""
    returns = [0.01, -0.01, 0.03]
    mean, deviation = 0.01, math.sqrt((0.0 + 0.0004 + 0.0004) / 3)
    assert report._ratio(returns, returns, 2.0) == pytest.approx(mean / deviation * 2.0)
    fallen = [min(0.0, each) for each in returns]
    assert report._ratio(returns, fallen, 2.0, about=0.0) == pytest.approx(mean / math.sqrt(0.0001 / 3) * 2.0)
    assert report._ratio([0.01, 0.01], [0.01, 0.01], 2.0) is None
    assert report._ratio([0.01], [0.01], 2.0) is None


def test_periods_are_days_only_where_there_are_thirty():
    """A day of minutes has hourly returns; the first is against the deposit."""
    ends = [n * MINUTE for n in range(1, 181)]
    short = SimpleNamespace(times_ns=ends, equity=[100 + n for n in range(1, 181)])
    period_ns, returns = report._returns(short, 100)
    assert period_ns == report.HOUR_NS
    assert returns == pytest.approx([160 / 100 - 1, 220 / 160 - 1, 280 / 220 - 1])
    long = SimpleNamespace(times_ns=[n * report.HOUR_NS for n in range(1, 24 * 31 + 1)], equity=[100] * (24 * 31))
    assert report._returns(long, 100)[0] == report.DAY_NS
    assert len(report._returns(long, 100)[1]) == 31
