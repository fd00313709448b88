"""Recorded bodies and frames of the real exchange beside ours: the same fields, of the same types.

Where the exchange has changed since a body was recorded, or a document abridges it, the
difference is listed by name below, and nothing else is let through.
"""

import gzip
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.venue.embedded import messages, quotations
from engine.venue.embedded.depth import Ladder
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, Candle, CandleUpdate, OrderUpdate, Quote, Trade
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.funding import Marks
from engine.venue.embedded.limits import PUBLISHED
from engine.venue.embedded.orders import BUY, SELL, Order, PlaceOrder
from engine.venue.embedded.parameters import Parameters
from engine.venue.embedded.signing import ListenKeys
from engine.venue.embedded.streams import Streams
from engine.venue.embedded.trading import Trading

RECORDED = Path(os.environ.get("RINGMASTER_DATA", Path(__file__).parents[5].parent / "shared" / "data"))
DOCUMENTED = RECORDED / "account_events" / "nautilus"
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

# Fields that we send and the recording lacks: newer than it, or left out of an abridged document.
ADDED = {
    "order": {"cumQty", "priceMatch", "selfTradePreventionMode", "goodTillDate"},
    "positionRisk": {
        "marginAsset", "initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin", "adl",
        "bidNotional", "askNotional", "breakEvenPrice", "notional", "isolatedWallet",
    },
    "commissionRate": {"rpiCommissionRate"},
    "bookTicker": {"lastUpdateId"},
    "depth": set(),
    "ORDER_TRADE_UPDATE": {"pm", "gtd", "er", "si", "ss"},
    "ACCOUNT_UPDATE": {"ma"},
    "ALGO_UPDATE": set(),
    "algoOrder": {
        "actualOrderId", "actualPrice", "actualQty", "price", "icebergQuantity", "selfTradePreventionMode",
        "priceMatch", "closePosition", "priceProtect", "triggerTime", "goodTillDate", "orderType",
    },
    "account": {"breakEvenPrice", "isolatedMargin", "isolatedWallet", "notional"},
}  # fmt: skip
# Fields of the recording that we do not send: of contracts and orders that are not served here.
ABSENT = {
    "order": {"activatePrice", "priceRate"},  # trailing stops only
    "ORDER_TRADE_UPDATE": {"AP", "cr"},  # trailing stops only
    "algoOrder": {"type"},  # a fixture's own name for orderType
    "stream": {"st", "ps"},  # kind of contract and its pair: newer than the recordings, in some documents only
}


def kind(value: Any) -> str:
    """What a value is: numbers in text are told from other text."""
    if isinstance(value, str):
        return "number in text" if NUMBER.fullmatch(value) else "text"
    return "number" if isinstance(value, float) else type(value).__name__


def shape(value: Any, path: str = "") -> dict[str, str]:
    """Every path in ``value`` with its kind; rows of a list are one."""
    if isinstance(value, dict):
        return {key: kind_ for name, one in value.items() for key, kind_ in shape(one, f"{path}.{name}").items()}
    if isinstance(value, list | tuple):
        pairs = isinstance(value, tuple) or all(not isinstance(one, dict | list | tuple) for one in value)
        named = enumerate(value) if pairs else ((0, one) for one in value)
        return {key: kind_ for at, one in named for key, kind_ in shape(one, f"{path}[{at if pairs else ''}]").items()}
    return {path: kind(value)}


def compare(ours: Any, theirs: Any, what: str, *, also: str = "") -> None:
    """Fail on any field that one has and the other lacks, or that is of another type, unless it is listed."""
    mine, real = shape(json.loads(json.dumps(ours))), shape(theirs)
    added = ADDED.get(what, set())
    absent = ABSENT.get(what, set()) | ABSENT.get(also, set())

    def last(path: str) -> str:
        return path.rpartition(".")[2].rstrip("[]0")

    extra = {path for path in mine.keys() - real.keys() if last(path) not in added}
    missing = {path for path in real.keys() - mine.keys() if last(path) not in absent}
    differ = {path: (mine[path], real[path]) for path in mine.keys() & real.keys() if mine[path] != real[path]}
    assert (extra, missing, differ) == (set(), set(), {}), what


def document(name: str) -> Any:
    """A recorded body; the test is skipped without the recordings."""
    path = DOCUMENTED / name
    if not path.exists():
        pytest.skip(f"no recorded bodies at {DOCUMENTED}")
    return json.loads(path.read_text(encoding="utf-8"))


def frames(kinds: set[str]) -> dict[str, Any]:
    """The first recorded frame of each kind."""
    found: dict[str, Any] = {}
    places = [RECORDED / "raw_frames/binance_hft/usdm_btcusdt_20240718.gz"]
    places.append(RECORDED / "raw_frames/cryptofeed/BINANCE_FUTURES.ws.1.0.gz")
    for place in places:
        if not place.exists():
            pytest.skip(f"no recorded frames at {place}")
        with gzip.open(place, "rt", encoding="utf-8") as lines:
            for line in lines:
                _, brace, rest = line.partition("{")
                frame = json.loads(brace + rest) if brace else {}
                data = frame.get("data", frame)
                name = data.get("e", "REST" if "lastUpdateId" in data else "")
                # A depth frame may have an empty side; wait for one with both.
                if name in kinds - found.keys() and data.get("b", True) and data.get("a", True):
                    found[name] = data
                if found.keys() == kinds:
                    return found
    return found


@pytest.fixture
def traded(make_exchange) -> Exchange:
    """An exchange where a position is held, an order rests and a stop waits."""
    exchange = make_exchange()
    exchange.advance()
    for wanted in (
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"),
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="LIMIT", quantity="0.01", price="20000"),
        PlaceOrder(symbol="BTCUSDT", side=SELL, type="STOP_MARKET", quantity="0.01", trigger_price="20000"),
    ):
        exchange.place("paper", wanted)
    return exchange


@pytest.fixture
def ask(traded):
    """Ask an endpoint's function about BTCUSDT."""

    def ask(written, **given: str):
        return written("paper", Parameters({"symbol": "BTCUSDT"} | given, traded))

    return ask


def test_account_bodies_have_the_recorded_fields(traded, ask):
    """
    Orders, algo orders, trades, balances, positions, the account, the configuration of a symbol and its fee.
    """
    trading, py, rs = Trading(traded), "py_binance/http_responses/http_futures", "rs_binance/futures/http_json"
    compare(ask(trading.all_orders), document(f"{py}_account_orders.json"), "order")
    compare(ask(trading.open_orders)[0], document(f"{rs}/order_response.json"), "order")
    compare(ask(trading.open_algo_orders), document(f"{rs}/open_algo_orders.json"), "algoOrder")
    compare(ask(trading.user_trades), document(f"{py}_account_trades.json"), "userTrades")
    compare(ask(trading.balance), document(f"{rs}/balance.json"), "balance")
    compare(ask(trading.positions), document(f"{rs}/position_risk.json"), "positionRisk")
    compare(ask(trading.positions), document(f"{py}_account_positions_one_way.json"), "positionRisk")
    compare(ask(trading.account), document(f"{rs}/account_info_v2.json"), "account")
    compare(ask(trading.symbol_configuration), document(f"{py}_account_symbol_config.json"), "symbolConfig")


def test_market_bodies_have_the_recorded_fields(traded, ask):
    """
    Candles of four sorts, statistics, prices, the mark and the book's best.
    """
    exchange, here = traded, "py_binance/http_responses/http_futures_market"
    btc = exchange.by_id["BTCUSDT"]
    given = {"interval": "1m", "limit": "1", "pair": "BTCUSDT", "contractType": "PERPETUAL"}
    compare(ask(lambda _, one: quotations.klines(exchange, one), **given), document(f"{here}_klines.json"), "klines")
    compare(
        ask(lambda _, one: quotations.continuous_klines(exchange, one), **given),
        document(f"{here}_continuous_klines.json"),
        "klines",
    )
    for name, key in (("mark_price", "symbol"), ("index_price", "pair")):
        rows = ask(lambda _, one, key=key: quotations.mark_klines(exchange, one, key), **given)
        compare(rows, document(f"{here}_{name}_klines.json"), "klines")
    compare(quotations.day_statistics(exchange, btc), document(f"{here}_ticker_24hr.json"), "ticker")
    compare(quotations.price(exchange, btc), document(f"{here}_ticker_price.json"), "price")
    compare(quotations.premium_index(exchange, btc), document(f"{here}_premium_index.json"), "premiumIndex")
    compare(quotations.book_ticker(exchange, btc), document(f"{here}_book_ticker.json"), "bookTicker")


def test_contracts_have_the_recorded_fields_and_filters(traded):
    """
    exchangeInfo of 2025: the contract, every filter by its type, and the limits.
    """
    path = RECORDED / "market_metadata" / "binance_usdm_exchangeInfo_2025-11-26.json.gz"
    if not path.exists():
        pytest.skip(f"no recorded exchangeInfo at {path}")
    real = json.loads(gzip.decompress(path.read_bytes()))
    ours = quotations.exchange_info(traded, 1, PUBLISHED.described())
    (theirs,) = (row for row in real["symbols"] if row["symbol"] == "BTCUSDT")

    def typed(contract: dict[str, Any]) -> dict[str, Any]:
        filters = {row["filterType"]: row for row in contract["filters"]}
        return contract | {"filters": filters, "underlyingSubType": [], "permissionSets": ["GRID"]}

    compare(typed(ours["symbols"][0]), typed(theirs), "contract")
    compare(ours["rateLimits"], real["rateLimits"], "limits")
    compare(ours["assets"], real["assets"], "assets")
    assert ours.keys() == real.keys()


def test_frames_have_the_recorded_fields(traded):
    """
    Trades, quotes, candles and depth as they were recorded on the wire, and the REST snapshot.
    """
    btc = traded.by_id["BTCUSDT"]
    trade, quote = Trade("BTCUSDT", 10**9, 1, 300_000, 10**8, 1), Quote("BTCUSDT", 10**9, 1, 1, 1, 2, 1)
    minute = CandleUpdate("BTCUSDT", 60 * 10**9, Candle(0, 1, 1, 1, 1, 10**8, 10**4, 1, 10**8, 10**4), True)
    difference = Ladder(traded, btc).difference()
    assert difference is not None
    ours = {
        "trade": messages.public_trade(btc, trade),
        "aggTrade": messages.aggregate_trade(btc, trade),
        "bookTicker": messages.book_ticker(btc, quote),
        "kline": messages.kline(btc, minute, "1m", minute.candle, True),
        "depthUpdate": messages.depth(btc, 1, *difference),
    }
    real = frames(set(ours))
    assert real.keys() == ours.keys()
    for name, message in ours.items():
        compare(message, real[name], name)
    update_id, bids, asks = Streams(traded, ListenKeys(), points=1).snapshot("BTCUSDT")
    snapshot = {"lastUpdateId": update_id, "E": 1, "T": 1, "bids": bids, "asks": asks}
    compare(snapshot, frames({"REST"})["REST"], "depth")


def test_documented_frames_have_our_fields(traded):
    """
    Marks, statistics, liquidations and candles as the documentation shows them.
    """
    btc, here = traded.by_id["BTCUSDT"], "rs_binance/futures/market_data_json"
    minute = CandleUpdate("BTCUSDT", 60 * 10**9, Candle(0, 1, 1, 1, 1, 10**8, 10**4, 1, 10**8, 10**4), True)
    statistics = quotations.day_statistics(traded, btc)
    liquidated = replace(_resting(traded), client_id="autoclose-1", status="FILLED")
    ours = {
        "mark_price": messages.mark_price(btc, 1, Marks(300_000, 300_000, 0)),
        "ticker": messages.ticker(statistics, 1),
        "kline": messages.kline(btc, minute, "1m", minute.candle, True),
        "liquidation": messages.forced_order(btc, OrderUpdate(1, "TRADE", liquidated)),
    }
    for name, message in ours.items():
        compare(message, document(f"{here}/{name}_stream{'_closed' * (name == 'kline')}.json"), name, also="stream")
    bare = document("py_binance/ws_messages/ws_futures_ticker_24hr.json")
    compare(ours["ticker"], bare.get("data", bare), "ticker", also="stream")


def test_private_frames_have_the_documented_fields(traded):
    """
    Orders placed and filled, algo orders, and the account after a fill.
    """
    btc, here = traded.by_id["BTCUSDT"], "rs_binance/futures/user_data_json"
    events = traded.drain()
    orders = {one.execution: one for one in events if isinstance(one, OrderUpdate)}
    (algo,) = (one for one in events if isinstance(one, AlgoUpdate))
    (account,) = (one for one in events if isinstance(one, AccountUpdate))
    for execution, name in (("NEW", "order_update_new"), ("TRADE", "order_update_trade")):
        message = messages.order_update(btc, orders[execution])
        compare(message, document(f"{here}/{name}.json"), "ORDER_TRADE_UPDATE")
    compare(messages.algo_update(btc, algo), document(f"{here}/algo_update_new.json"), "ALGO_UPDATE")
    compare(messages.account_update(btc, account), document(f"{here}/account_update.json"), "ACCOUNT_UPDATE")


def _resting(exchange: Exchange) -> Order:
    (order,) = exchange.open_orders("paper")
    return order
