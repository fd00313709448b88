"""Spots in a backtest: the past before the start, each minute when it is over, and never before."""

from dataclasses import replace

import numpy as np
import pytest

from brain.stage import Stage
from brain.strategies.loader import load
from engine.venue.embedded.candles import RecordedMarket, Recording, Rejected
from engine.venue.embedded.market import MINUTE_NS
from orchestrator.research.company import Company, fill
from shm.records import MARKET, Provenance
from tests.feed.test_agent import START_NS, WaveMarket

LACKS = 2


@pytest.fixture
def market():
    """Two contracts, and spots of the same prices, of which the first lacks minute 2."""
    wave = WaveMarket()
    contracts = [Recording(one, wave.minutes(one.row, 1 << 62), Rejected()) for one in wave.listings]
    keep = contracts[0].minutes["open_ns"] != START_NS + LACKS * MINUTE_NS
    spots = [replace(contracts[0], minutes=contracts[0].minutes[keep]), contracts[1]]
    return RecordedMarket(contracts, spots=spots, start_ns=START_NS)


def said(reader):
    """Row and minute of everything new on the ring."""
    batch = np.zeros(64, MARKET)
    found = batch[: reader.read_into(batch)]
    return list(zip(found["instrument"].tolist(), ((found["open_ns"] - START_NS) // MINUTE_NS).tolist(), strict=True))


def test_each_minute_is_told_when_it_is_over(market):
    """Rows behind the contracts'; a minute that the file lacks is not made up, and the past is in HISTORY only."""
    stage = Stage(4)
    company, reader = Company(market, stage, [load("basis")]), stage.candles()
    company.hydrate(START_NS)
    company.publish(START_NS + MINUTE_NS - 1)
    assert said(reader) == []
    company.publish(START_NS + 4 * MINUTE_NS)
    assert said(reader) == [(2, 0), (2, 1), (2, 3), (3, 0), (3, 1), (3, 2), (3, 3)]
    company.publish(START_NS + 4 * MINUTE_NS)
    assert said(reader) == []


def test_where_nobody_looks_nothing_is_told(market):
    """A trend needs no spot."""
    stage = Stage(2)
    company, reader = Company(market, stage, [load("trend")]), stage.candles()
    company.hydrate(START_NS)
    company.publish(START_NS + 60 * MINUTE_NS)
    assert said(reader) == []


def test_a_candle_is_written_as_the_feed_writes_it(market):
    """By way of its text; one that is missing has no price."""
    record, contract = np.zeros(1, MARKET), market.listings[0]
    candle = market.minutes(0, 1 << 62)[5]
    fill(record, contract, candle, 7)
    assert record["close"][0] == float(contract.price_text(int(candle["close"])))
    assert (record["open_ns"][0], record["provenance"][0]) == (7, int(Provenance.OBSERVED))
    fill(record, contract, None, 8)
    assert np.isnan(record["close"][0])
    assert record["provenance"][0] == int(Provenance.MISSING)
