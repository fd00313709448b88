"""What anybody may ask, as the exchange words it."""

import gzip
import json
from decimal import Decimal

import pytest

from engine.venue.embedded import quotations
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.limits import PUBLISHED
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.parameters import Parameters
from engine.venue.embedded.synthetic import SyntheticMarket
from tests.recordings import DATA

METADATA = DATA / "market_metadata" / "binance_usdm_exchangeInfo_2025-11-26.json.gz"


@pytest.fixture
def exchange(make_exchange):
    """An exchange that has played an hour."""
    made = make_exchange()
    for _ in range(60):
        made.advance()
    return made


def ask(exchange, **given: str) -> Parameters:
    """Parameters of a request for BTCUSDT."""
    return Parameters({"symbol": "BTCUSDT"} | given, exchange)


def test_contracts_have_the_fields_of_real_ones(exchange):
    """
    Every field of the real BTCUSDT, and every filter with its fields, has the same type here.
    """
    if not METADATA.exists():
        pytest.skip(f"no recorded exchangeInfo: {METADATA} (set RINGMASTER_DATA)")
    real = json.loads(gzip.decompress(METADATA.read_bytes()))
    ours = quotations.exchange_info(exchange, 1, PUBLISHED.described())
    assert real.keys() <= ours.keys()
    theirs = next(symbol for symbol in real["symbols"] if symbol["symbol"] == "BTCUSDT")
    mine = ours["symbols"][0]
    assert {name: type(value) for name, value in theirs.items()} == {name: type(mine[name]) for name in theirs}
    filters = {one["filterType"]: one for one in mine["filters"]}
    for one in theirs["filters"]:
        assert one.keys() == filters[one["filterType"]].keys()
    assert filters["PRICE_FILTER"]["tickSize"] == "0.1"
    assert filters["LOT_SIZE"]["stepSize"] == "0.001"


def test_candles_page_without_gap_or_overlap(exchange):
    """
    Pages from a start time join to the same candles as one large page; twelve fields each.
    """
    whole = quotations.klines(exchange, ask(exchange, interval="1m", limit="100"))
    pages, since = [], whole[0][0]
    while page := quotations.klines(exchange, ask(exchange, interval="1m", limit="30", startTime=str(since))):
        pages += page
        since = page[-1][0] + 60_000
    assert pages == whole
    assert {len(row) for row in whole} == {12}
    assert whole[-1][0] * 10**6 == exchange.now_ns - MINUTE_NS


def test_an_hour_is_the_sum_of_its_minutes(exchange):
    """
    Volume and trades of a closed hour are those of its sixty minutes.
    """
    hour = quotations.klines(exchange, ask(exchange, interval="1h", limit="3"))[1]
    minutes = quotations.klines(exchange, ask(exchange, interval="1m", limit="60", startTime=str(hour[0])))
    assert sum(row[8] for row in minutes) == hour[8]
    assert sum(Decimal(row[5]) for row in minutes) == Decimal(hour[5])
    assert (minutes[0][1], minutes[-1][4]) == (hour[1], hour[4])


def test_prices_agree_with_one_another(exchange):
    """
    Last price, mark, book and statistics speak of the same market.
    """
    listing = exchange.by_id["BTCUSDT"]
    last = quotations.price(exchange, listing)["price"]
    book, day = quotations.book_ticker(exchange, listing), quotations.day_statistics(exchange, listing)
    assert quotations.premium_index(exchange, listing)["markPrice"] == day["lastPrice"] == last
    assert Decimal(book["bidPrice"]) <= Decimal(last) <= Decimal(book["askPrice"])
    assert Decimal(day["priceChange"]) == Decimal(last) - Decimal(day["openPrice"])
    assert Decimal(day["lowPrice"]) <= Decimal(last) <= Decimal(day["highPrice"])


def test_funding_is_told_before_and_after_it_is_paid():
    """
    The rate that premiumIndex names in the minute before 08:00 is the one that fundingRate lists for 08:00.
    """
    exchange = Exchange(SyntheticMarket(11, 0), Settings(pays_funding=True, mark_minutes=5))
    listing, before = exchange.by_id["BTCUSDT"], {}
    while not exchange.funding_rates("BTCUSDT"):
        before = quotations.premium_index(exchange, listing)
        exchange.advance()
    (row,) = quotations.funding_rates(exchange, ask(exchange))
    assert row["fundingTime"] == before["nextFundingTime"] == 8 * 3_600_000
    # One more minute's premium goes into the mean of 480.
    assert abs(Decimal(row["fundingRate"]) - Decimal(before["lastFundingRate"])) < Decimal("0.00005")
    assert row["markPrice"] == quotations.premium_index(exchange, listing)["markPrice"]
    assert row["markPrice"] != quotations.price(exchange, listing)["price"]
    assert quotations.funding_rates(exchange, ask(exchange, startTime=str(row["fundingTime"] + 1))) == []
    assert len(quotations.funding_rates(exchange, Parameters({}, exchange))) == 3


def test_without_funding_no_rate_is_told(exchange):
    """
    premiumIndex says 0 and fundingRate lists nothing where the exchange charges nothing.
    """
    told = quotations.premium_index(exchange, exchange.by_id["BTCUSDT"])
    assert {Decimal(told[name]) for name in ("lastFundingRate", "interestRate")} == {0}
    assert quotations.funding_rates(exchange, ask(exchange)) == []


def test_both_kinds_of_trades_are_the_same_tape(exchange):
    """
    trades and aggTrades list the same ids, oldest first.
    """
    plain = quotations.trades(exchange, ask(exchange, limit="10"))
    aggregate = quotations.aggregate_trades(exchange, ask(exchange, limit="10"))
    assert [row["id"] for row in plain] == [row["a"] for row in aggregate] == sorted(row["id"] for row in plain)
    assert len(plain) == 10
