"""The shape of our events against that of documented ones."""

import json

import pytest

from engine.venue.embedded import messages
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, CandleUpdate, OrderUpdate, Quote, Trade
from engine.venue.embedded.orders import BUY, SELL, PlaceOrder
from tests.recordings import DATA

DOCUMENTED = DATA / "account_events" / "nautilus" / "rs_binance" / "futures"
NEWER = {"st", "ps", "AP", "cr"}  # of trailing stops, or of a protocol version that clients do not read


@pytest.fixture(scope="module")
def told(make_exchange):
    """One event of each kind, as written."""
    exchange = make_exchange()
    listing = exchange.by_id["BTCUSDT"]
    events = exchange.advance()
    exchange.place("paper", PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"))
    stop = PlaceOrder(
        symbol="BTCUSDT", side=SELL, type="STOP_MARKET", quantity="0.01", trigger_price="25000", reduce_only=True
    )
    exchange.place("paper", stop)
    events += exchange.drain()
    written = {}
    for event in events:
        match event:
            case Trade():
                written["agg_trade_stream"] = messages.aggregate_trade(listing, event)
                written["trade_stream"] = messages.public_trade(listing, event)
            case Quote():
                written["book_ticker_stream"] = messages.book_ticker(listing, event)
            case CandleUpdate(closed=True):
                written["kline_stream_closed"] = messages.kline(listing, event, "1m", event.candle, True)
                written["mark_price_stream"] = messages.mark_price(listing, event.at_ns, exchange.marks(event.symbol))
            case OrderUpdate(execution="TRADE"):
                written["order_update_trade"] = messages.order_update(listing, event)
            case OrderUpdate():
                written["order_update_new"] = messages.order_update(listing, event)
            case AlgoUpdate():
                written["algo_update_new"] = messages.algo_update(listing, event)
            case AccountUpdate(reason="ORDER"):
                written["account_update"] = messages.account_update(listing, event)
    bids, asks = [("1.0", "2")], [("3.0", "4")]
    written["depth_update_stream"] = messages.depth(listing, 0, (1, 10, 0), bids, asks)
    return written


def differences(documented, ours, where=""):
    """Yield what is documented and missing from ours, or of another type."""
    if isinstance(documented, dict):
        for name, value in documented.items():
            if name in NEWER and name not in ours:
                continue
            if name not in ours:
                yield f"{where}.{name} is missing"
            else:
                yield from differences(value, ours[name], f"{where}.{name}")
    elif isinstance(documented, list):
        if documented and ours:
            yield from differences(documented[0], ours[0], f"{where}[0]")
    elif type(documented) is not type(ours):
        yield f"{where} is {type(ours).__name__}, documented {type(documented).__name__}"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("market_data_json", "agg_trade_stream"),
        ("market_data_json", "trade_stream"),
        ("market_data_json", "book_ticker_stream"),
        ("market_data_json", "kline_stream_closed"),
        ("market_data_json", "mark_price_stream"),
        ("market_data_json", "depth_update_stream"),
        ("user_data_json", "order_update_new"),
        ("user_data_json", "order_update_trade"),
        ("user_data_json", "algo_update_new"),
        ("user_data_json", "account_update"),
    ],
)
def test_events_have_the_documented_fields(told, folder, name):
    """
    Every field that the exchange documents is there, with the same type.
    """
    path = DOCUMENTED / folder / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no documented events: {path} (set RINGMASTER_DATA)")
    documented = json.loads(path.read_bytes())
    ours = json.loads(json.dumps(told[name]))
    assert list(differences(documented, ours, name)) == []


def test_an_average_price_is_cut_off_at_eight_digits(make_exchange):
    """
    Three lots for 1000001 ticks times lots cost 33333.36666666 each at a tick of 0.1; nothing filled costs nothing.
    """
    listing = make_exchange().by_id["BTCUSDT"]
    assert messages.average_text(listing, 1_000_001, 3) == "33333.36666666"
    assert messages.average_text(listing, 0, 0) == "0.00"


def test_small_tickers_repeat_the_large():
    """
    miniTicker is a part of ticker.
    """
    names = "symbol priceChange priceChangePercent weightedAvgPrice lastPrice lastQty openPrice highPrice lowPrice"
    statistics = dict.fromkeys([*names.split(), "volume", "quoteVolume", "openTime", "closeTime"], "1")
    statistics |= {"firstId": 0, "lastId": 0, "count": 0, "symbol": "BTCUSDT"}
    small, large = messages.mini_ticker(statistics, 10**6), messages.ticker(statistics, 10**6)
    assert small["e"] == "24hrMiniTicker"
    assert {name: large[name] for name in small if name != "e"} == {name: small[name] for name in small if name != "e"}
