"""ccxt's markets and tickers as facts."""

from decimal import Decimal

import pytest

from feed.market import DATED, INVERSE, OPTION, PERPETUAL, SPOT, UnreadableMarketError, read

SWAP = {
    "symbol": "BTC/USDT:USDT",
    "id": "BTCUSDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "spot": False,
    "swap": True,
    "linear": True,
    "inverse": False,
    "active": True,
    "created": 1_569_398_400_000,
    "precision": {"price": 0.1, "amount": 0.001},
    "limits": {"amount": {"min": 0.001}, "cost": {"min": 100.0}},
    "info": {"status": "TRADING", "underlyingType": "COIN"},
}


def test_numbers_are_the_decimals_that_people_write():
    """0.1 is a tenth, however ccxt carries it; what is not told is None."""
    market = read(SWAP, {"last": 95_505.4, "quoteVolume": 8.5e9})
    assert (market.tick, market.lot, market.notional_min) == (Decimal("0.1"), Decimal("0.001"), Decimal(100))
    assert (market.last, market.volume) == (Decimal("95505.4"), Decimal(8_500_000_000))
    assert (market.listed_ms, market.settle, market.is_trading) == (1_569_398_400_000, "USDT", True)
    assert read(SWAP).last is None
    assert read(SWAP).volume is None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, PERPETUAL),
        ({"swap": False, "future": True}, DATED),
        ({"inverse": True, "linear": False}, INVERSE),
        ({"spot": True, "swap": False, "settle": None}, SPOT),
        ({"option": True, "swap": False}, OPTION),
    ],
)
def test_every_market_has_one_kind(changes, kind):
    """An inverse contract is no perpetual of ours: it is settled in its coin."""
    assert read({**SWAP, **changes}).kind == kind


@pytest.mark.parametrize(
    ("active", "info", "status"),
    [
        (True, {"status": "TRADING"}, "TRADING"),
        (None, {}, "TRADING"),  # an exchange that says nothing of it
        (False, {"status": "SETTLING"}, "SETTLING"),
        (False, {"contractStatus": "DELIVERING", "status": "TRADING"}, "DELIVERING"),
        (False, {"status": "TRADING"}, "CLOSED"),
        (False, {}, "CLOSED"),
    ],
)
def test_what_does_not_trade_says_so_in_the_exchanges_word(active, info, status):
    """ccxt's flag decides, the exchange's word explains."""
    market = read({**SWAP, "active": active, "info": info})
    assert market.status == status
    assert market.is_trading is (status == "TRADING")


def test_a_ticker_without_a_quote_volume_has_its_worth():
    """Base volume times the last price; nothing of it where one is missing or no number."""
    assert read(SWAP, {"last": "20", "baseVolume": 3}).volume == Decimal(60)
    assert read(SWAP, {"baseVolume": 3}).volume is None
    assert read(SWAP, {"last": float("nan"), "quoteVolume": -1}).last is None
    assert read(SWAP, {"last": 1, "quoteVolume": -1}).volume is None
    assert read(SWAP, {"last": "much", "quoteVolume": 0}).volume == 0


@pytest.mark.parametrize("info", [{"permissions": ["LEVERAGED"]}, {"permissionSets": [["SPOT"], ["LEVERAGED"]]}])
def test_a_leveraged_token_is_told_by_its_permissions(info):
    """In the old form and in the new one."""
    assert read({**SWAP, "info": info}).is_leveraged
    assert not read(SWAP).is_leveraged


def test_a_market_that_lacks_what_every_market_has_is_refused_by_name():
    """One line that names it."""
    with pytest.raises(UnreadableMarketError, match="market BTC/USDT:USDT: unreadable"):
        read({name: value for name, value in SWAP.items() if name != "limits"})
