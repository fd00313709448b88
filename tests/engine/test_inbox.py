"""Records of rings become messages, in the order that keeps cause before effect."""

import numpy as np

from engine.inbox import BATCH, Inbox
from engine.messages import Candle, Target
from shm import records
from shm.instruments import Instrument
from shm.records import MarketKind, Provenance, Unit

RULES = (Instrument(row=0, symbol="BTC/USDT:USDT", venue="fake", account="main", tick_e8=10**7, lot_e8=10**5),)


class Ring:
    """A ring's reader over a list of records."""

    def __init__(self, record):
        """Empty."""
        self.records, self.sequence, self.lost, self.record = [], 0, 0, record

    def add(self, **fields):
        """Publish."""
        record = np.zeros(1, self.record)
        for name, value in fields.items():
            record[name] = value
        self.records.append(record[0])

    def read_into(self, batch):
        """Read what fits."""
        found = self.records[self.sequence : self.sequence + len(batch)]
        for number, record in enumerate(found):
            batch[number] = record
        self.sequence += len(found)
        return len(found)


def rings():
    """MARKET, TARGETS and an inbox over them."""
    market, targets = Ring(records.MARKET), Ring(records.TARGET)
    return market, targets, Inbox(market, targets, (RULES, ("trend",)))


def candle(ring, minute, price=30_000.1, **more):
    """Publish a minute."""
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    fields = {"kind": MarketKind.CANDLE, "timeframe_s": 60, "open_ns": minute * 60 * 10**9, **prices, **more}
    ring.add(**fields)


def test_candles_come_before_targets():
    """A target is told after the candle that it was decided on."""
    market, targets, inbox = rings()
    targets.add(kind=1, unit=Unit.LOTS, target_id=7, amount=-3, stop_ticks=300_100)
    candle(market, 1)
    first, second = inbox.read()
    assert isinstance(first, Candle)
    assert first.close_ticks == 300_001
    assert isinstance(second, Target)
    assert (second.strategy, second.amount, second.unit) == ("trend", -3, Unit.LOTS)
    assert inbox.closes == [(120 * 10**9, 0)]


def test_a_missing_candle_moves_time_and_says_no_price():
    """A NaN never becomes ticks."""
    market, _, inbox = rings()
    candle(market, 1, price=float("nan"), provenance=Provenance.MISSING)
    assert inbox.read() == []
    assert inbox.closes == [(120 * 10**9, 0)]


def test_gaps_other_timeframes_and_strangers_are_not_told():
    """Only one-minute candles of rows that we know; strangers are counted."""
    market, targets, inbox = rings()
    market.add(kind=records.GAP)
    candle(market, 1, timeframe_s=300)
    candle(market, 1, instrument=9)
    targets.add(kind=records.GAP)
    targets.add(kind=1, unit=Unit.LOTS, strategy=5)
    assert inbox.read() == []
    assert inbox.strangers == 2
    assert inbox.market_seq == 3


def test_more_than_a_batch_is_read_in_one_go():
    """Nothing stays behind for the next duty cycle."""
    market, _, inbox = rings()
    for minute in range(BATCH + 3):
        candle(market, minute)
    assert len(inbox.read()) == BATCH + 3
    assert inbox.closes == [((BATCH + 3) * 60 * 10**9, BATCH + 2)]
