"""What anybody may ask of spot."""

import pytest

from engine.venue.embedded.parameters import Parameters, RefusedError
from engine.venue.embedded.spot import quotations


def test_symbols_may_be_one_several_or_all(opened):
    """One is an object, several or all a list."""
    spot = opened()
    price = quotations.each(spot, quotations.last_price)
    one = {"symbol": "BTCUSDT", "price": "100000.00000000"}
    assert price("", Parameters({"symbol": "BTCUSDT"}, spot.market)) == one
    assert price("", Parameters({"symbols": '["BTCUSDT"]'}, spot.market)) == [one]
    assert price("", Parameters({}, spot.market)) == [one]
    for names in ("nonsense", "[]", '["NOPE"]', "[1]"):
        with pytest.raises(RefusedError):
            price("", Parameters({"symbols": names}, spot.market))


def test_candles_and_statistics_have_eight_digits(opened):
    """As the real ones."""
    spot = opened()
    (row,) = quotations.klines(spot, Parameters({"symbol": "BTCUSDT", "interval": "1m"}, spot.market))
    assert row[1:6] == ["100000.00000000"] * 4 + ["500.00000000"]
    day = quotations.day_statistics(spot, spot.by_id["BTCUSDT"])
    assert (day["lastPrice"], day["bidPrice"]) == ("100000.00000000", "100000.00000000")
    assert "bidPrice" not in quotations.window_statistics(spot, spot.by_id["BTCUSDT"])


def test_exchange_info_says_what_is_allowed(opened):
    """Types, self-trade modes and permissions."""
    spot = opened()
    (told,) = quotations.exchange_info(spot, Parameters({}, spot.market), 1)["symbols"]
    assert told["quoteOrderQtyMarketAllowed"]
    assert told["ocoAllowed"]
    assert not told["icebergAllowed"]
    assert "LIMIT_MAKER" in told["orderTypes"]
