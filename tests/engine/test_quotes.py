"""Best prices as the feed heard them: taken when they are whole and fresh, else the last close has to do."""

import numpy as np
import pytest

from engine.executor import Quote
from engine.planner import Circumstances, quote
from engine.quotes import FRESH_NS, SPOT_FRESH_NS, Quotes
from shm import records
from shm.instruments import Instrument
from shm.records import Kill

BTC = Instrument(row=3, symbol="BTC/USDT:USDT", venue="fake", account="main", tick_e8=10**7, lot_e8=10**5)


class Rows:
    """One row, number 3."""

    def __init__(self, **values):
        """As the feed wrote it."""
        self.record = np.zeros(1, records.QUOTE)
        for name, value in values.items():
            self.record[name] = value

    def read(self, row, out):
        """The row, when it was ever written."""
        out[:] = self.record
        return row == 3 and self.record["event_ns"][0] > 0


@pytest.mark.parametrize(
    ("bid", "ask", "age_ns", "expected"),
    [
        (50_000.0, 50_000.1, 0, Quote(500_000, 500_001)),
        (50_000.0, 50_000.1, FRESH_NS, Quote(500_000, 500_001)),
        (50_000.0, 50_000.1, FRESH_NS + 1, None),
        (50_000.2, 50_000.1, 0, None),  # crossed
        (0.0, 50_000.1, 0, None),
        (float("nan"), 50_000.1, 0, None),
        (50_000.0, float("inf"), 0, None),
    ],
)
def test_a_quote_counts_when_it_is_whole_and_fresh(bid, ask, age_ns, expected):
    """Ten seconds of market time; NaN, nothing and a crossed book are no quotes."""
    quotes = Quotes(Rows(bid=bid, ask=ask, event_ns=10**12), [BTC]).read(10**12 + age_ns)
    assert quotes.get(BTC.symbol) == expected


def test_a_row_that_was_never_written_is_no_quote():
    """The feed may follow candles alone."""
    assert Quotes(Rows(), [BTC]).read(10**12) == {}


def test_without_a_quote_the_last_close_stands_for_the_book():
    """A tick wide; nothing before the first candle."""
    at = Circumstances(
        market_ns=1, wall_ns=1, kill=Kill.NORMAL, drained=False, flatten=False, valid_until_ns={}, marks={"X": 100},
        quotes={"Y": Quote(7, 9)},
    )  # fmt: skip
    assert [quote(name, at) for name in "XYZ"] == [Quote(100, 101), Quote(7, 9), Quote(0, 0)]


LATE_NS = SPOT_FRESH_NS + 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"bid": 100.0, "ask": 102.0, "spot": 100.0}, 10_000),
        ({"bid": 100.0, "ask": 102.0, "spot": 102.0}, 9_804),  # as far on the other side
        ({"bid": 0.0085, "ask": 0.0085, "spot": 1000 * 0.0000085}, 0),  # 1000SHIB, told as a thousand coins
        ({"bid": 100.0, "ask": 99.0, "mark": 103.0, "spot": 100.0}, 30_000),  # crossed: the mark stands in
        ({"mark": 103.0, "spot": 100.0}, 30_000),
        ({"spot": 100.0}, None),
        ({"mark": 103.0}, None),
        ({"mark": 103.0, "spot": float("nan")}, None),
        ({"mark": float("inf"), "spot": 100.0}, None),
        ({"mark": 103.0, "spot": 100.0, "spot_ns": 0}, None),
        ({"mark": 103.0, "spot": 100.0, "spot_ns": 5 * 10**12 - SPOT_FRESH_NS}, 30_000),
        ({"mark": 103.0, "spot": 100.0, "spot_ns": 5 * 10**12 - LATE_NS}, None),
        ({"mark": 103.0, "spot": 100.0, "spot_ns": 5 * 10**12 + 1}, None),  # of another machine's life
        ({"mark": 103.0, "spot": 100.0, "event_ns": 10**12 - FRESH_NS - 1}, None),
    ],
)
def test_the_basis_is_known_while_both_prices_are_fresh(row, expected):
    """In millionths of the spot: ten seconds of market time for the one, ten of the machine's for the other."""
    values = {"event_ns": 10**12, "spot_ns": 5 * 10**12, **row}
    assert Quotes(Rows(**values), [BTC]).bases(10**12, 5 * 10**12).get(BTC.symbol) == expected
