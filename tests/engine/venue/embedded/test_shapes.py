"""Recorded bodies and frames of USDT-M futures beside ours: the same fields, of the same types.

Where the exchange has changed since a body was recorded, or a document abridges it, the
difference is listed by name below, and nothing else is let through.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine.venue.embedded import messages
from engine.venue.embedded.depth import Ladder
from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, Candle, CandleUpdate, OrderUpdate, Quote, Trade
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.funding import Marks
from engine.venue.embedded.limits import PUBLISHED, Meter
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.orders import BUY, SELL, PlaceOrder
from engine.venue.embedded.quotations import day_statistics
from engine.venue.embedded.rest import Access, Rest
from engine.venue.embedded.signing import ListenKeys
from engine.venue.embedded.streams import Streams
from tests.engine.venue.embedded.shapes import compare, document, frames

MARKS = Marks(300_000, 300_000, 0)
PY, RS = "account_events/nautilus/py_binance", "account_events/nautilus/rs_binance/futures"
MARKET = f"{PY}/http_responses/http_futures_market"
ACCOUNT = f"{PY}/http_responses/http_futures_account"
WALLET = f"{PY}/http_responses/http_futures_wallet_commission_rate"

# Fields that we send and the recording lacks: newer than it, or left out of an abridged document.
ADDED = {
    "order": {"cumQty", "priceMatch", "selfTradePreventionMode", "goodTillDate"},
    "positionRisk": {
        "marginAsset", "initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin", "adl",
        "bidNotional", "askNotional", "breakEvenPrice", "notional", "isolatedWallet",
    },
    "commissionRate": {"rpiCommissionRate"},
    "bookTicker": {"lastUpdateId"},
    "price": {"time"},
    "trade stream": {"X"},
    "ORDER_TRADE_UPDATE": {"pm", "gtd", "er", "si", "ss"},
    "ACCOUNT_UPDATE": {"ma"},
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
    # The kind of contract and its pair: in some documents of 2026 only, in no frame that was recorded.
    "stream": {"st", "ps"},
}


@dataclass(frozen=True, slots=True)
class Floor:
    """An exchange where a position is held, an order rests and a stop waits; asked as clients ask."""

    exchange: Exchange
    rest: Rest
    events: list[Any]

    @property
    def btc(self) -> Listing:
        """The contract that is asked about."""
        return self.exchange.by_id["BTCUSDT"]

    def get(self, path: str, **given: str) -> Any:
        """What GET of a path answers."""
        return self.rest.answer("GET", f"/fapi/{path}", "paper", {"symbol": "BTCUSDT"} | given)

    def order(self, execution: str) -> OrderUpdate:
        """The first event of that kind."""
        return next(one for one in self.events if isinstance(one, OrderUpdate) and one.execution == execution)

    def event(self, kind: type) -> Any:
        """The first event of that class."""
        return next(one for one in self.events if isinstance(one, kind))


@pytest.fixture
def floor(make_exchange: Callable[[], Exchange]) -> Floor:
    """An exchange with a past."""
    exchange = make_exchange()
    exchange.tells_ticks = True
    exchange.advance()
    for wanted in (
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="MARKET", quantity="0.01"),
        PlaceOrder(symbol="BTCUSDT", side=BUY, type="LIMIT", quantity="0.01", price="20000"),
        PlaceOrder(symbol="BTCUSDT", side=SELL, type="STOP_MARKET", quantity="0.01", trigger_price="20000"),
    ):
        exchange.place("paper", wanted)
    streams = Streams(exchange, ListenKeys(), points=1)
    rest = Rest(exchange, Access({}, ListenKeys(), Meter(PUBLISHED)), streams)
    return Floor(exchange, rest, exchange.drain())


MINUTE = {"interval": "1m", "limit": "1", "pair": "BTCUSDT", "contractType": "PERPETUAL"}
# Recorded body -> what its difference is listed under, and ours.
BODIES: dict[str, tuple[str, Callable[[Floor], Any]]] = {
    f"{ACCOUNT}_orders.json": ("order", lambda floor: floor.get("v1/allOrders")),
    f"{ACCOUNT}_trades.json": ("userTrades", lambda floor: floor.get("v1/userTrades")),
    f"{ACCOUNT}_positions_one_way.json": ("positionRisk", lambda floor: floor.get("v2/positionRisk")),
    f"{ACCOUNT}_positions_hedge.json": ("positionRisk", lambda floor: floor.get("v2/positionRisk")),
    f"{ACCOUNT}_position_side_dual.json": ("dual", lambda floor: floor.get("v1/positionSide/dual")),
    f"{ACCOUNT}_symbol_config.json": ("symbolConfig", lambda floor: floor.get("v1/symbolConfig")),
    f"{WALLET}_btcusdt.json": ("commissionRate", lambda floor: floor.get("v1/commissionRate")),
    f"{WALLET}_btcusdt_quarterly.json": ("commissionRate", lambda floor: floor.get("v1/commissionRate")),
    f"{WALLET}_ethusdt.json": ("commissionRate", lambda floor: floor.get("v1/commissionRate", symbol="ETHUSDT")),
    f"{MARKET}_klines.json": ("klines", lambda floor: floor.get("v1/klines", **MINUTE)),
    f"{MARKET}_continuous_klines.json": ("klines", lambda floor: floor.get("v1/continuousKlines", **MINUTE)),
    f"{MARKET}_mark_price_klines.json": ("klines", lambda floor: floor.get("v1/markPriceKlines", **MINUTE)),
    f"{MARKET}_index_price_klines.json": ("klines", lambda floor: floor.get("v1/indexPriceKlines", **MINUTE)),
    f"{MARKET}_depth.json": ("depth", lambda floor: floor.get("v1/depth", limit="5")),
    f"{MARKET}_trades.json": ("trades", lambda floor: floor.get("v1/trades")),
    f"{MARKET}_historical_trades.json": ("trades", lambda floor: floor.get("v1/historicalTrades")),
    f"{MARKET}_agg_trades.json": ("aggTrades", lambda floor: floor.get("v1/aggTrades")),
    f"{MARKET}_ticker_24hr.json": ("ticker", lambda floor: floor.get("v1/ticker/24hr")),
    f"{MARKET}_ticker_price.json": ("price", lambda floor: floor.get("v1/ticker/price")),
    f"{MARKET}_premium_index.json": ("premiumIndex", lambda floor: floor.get("v1/premiumIndex")),
    f"{MARKET}_book_ticker.json": ("bookTicker", lambda floor: floor.get("v1/ticker/bookTicker")),
    f"{RS}/http_json/order_response.json": ("order", lambda floor: floor.get("v1/openOrders")[0]),
    f"{RS}/http_json/open_algo_orders.json": ("algoOrder", lambda floor: floor.get("v1/openAlgoOrders")),
    f"{RS}/http_json/balance.json": ("balance", lambda floor: floor.get("v2/balance")),
    f"{RS}/http_json/position_risk.json": ("positionRisk", lambda floor: floor.get("v2/positionRisk")),
    f"{RS}/http_json/account_info_v2.json": ("account", lambda floor: floor.get("v2/account")),
}
TRADE, QUOTE = Trade("BTCUSDT", 10**9, 1, 300_000, 10**8, 1), Quote("BTCUSDT", 10**9, 1, 1, 1, 2, 1)


def _candle(floor: Floor, *, closed: bool) -> Any:
    minute = CandleUpdate("BTCUSDT", 60 * 10**9, Candle(0, 1, 1, 1, 1, 10**8, 10**4, 1, 10**8, 10**4), closed)
    return messages.kline(floor.btc, minute, "1m", minute.candle, closed)


def _difference(floor: Floor) -> Any:
    difference = Ladder(floor.exchange, floor.btc).difference()
    assert difference is not None
    return messages.depth(floor.btc, 1, *difference)


def _order(floor: Floor, execution: str) -> Any:
    return messages.order_update(floor.btc, floor.order(execution))


def _forced(floor: Floor) -> Any:
    update = floor.order("TRADE")
    liquidated = replace(update.order, client_id="autoclose-1", status="FILLED")
    return messages.forced_order(floor.btc, OrderUpdate(1, "TRADE", liquidated))


def _algo(floor: Floor) -> Any:
    return messages.algo_update(floor.btc, floor.event(AlgoUpdate))


def _ticker(floor: Floor) -> Any:
    return messages.ticker(day_statistics(floor.exchange, floor.btc), 1)


STREAMS, PRIVATE = f"{RS}/market_data_json", f"{RS}/user_data_json"
# Documented frame -> the same.
FRAMES: dict[str, tuple[str, Callable[[Floor], Any]]] = {
    f"{STREAMS}/agg_trade_stream.json": ("aggTrade", lambda floor: messages.aggregate_trade(floor.btc, TRADE)),
    f"{STREAMS}/trade_stream.json": ("trade stream", lambda floor: messages.public_trade(floor.btc, TRADE)),
    f"{STREAMS}/book_ticker_stream.json": ("quote", lambda floor: messages.book_ticker(floor.btc, QUOTE)),
    f"{STREAMS}/depth_update_stream.json": ("depthUpdate", _difference),
    f"{STREAMS}/kline_stream_open.json": ("kline", lambda floor: _candle(floor, closed=False)),
    f"{STREAMS}/kline_stream_closed.json": ("kline", lambda floor: _candle(floor, closed=True)),
    f"{STREAMS}/mark_price_stream.json": ("mark", lambda floor: messages.mark_price(floor.btc, 1, MARKS)),
    f"{STREAMS}/ticker_stream.json": ("24hrTicker", _ticker),
    f"{STREAMS}/liquidation_stream.json": ("forceOrder", _forced),
    f"{PY}/ws_messages/ws_futures_book_ticker.json": (
        "quote",
        lambda floor: messages.book_ticker(floor.btc, QUOTE),
    ),
    f"{PY}/ws_messages/ws_futures_depth_update.json": ("depthUpdate", _difference),
    f"{PY}/ws_messages/ws_futures_depth_diff_update.json": ("depthUpdate", _difference),
    f"{PY}/ws_messages/ws_futures_ticker_24hr.json": ("24hrTicker", _ticker),
    f"{PRIVATE}/order_update_new.json": ("ORDER_TRADE_UPDATE", lambda floor: _order(floor, "NEW")),
    f"{PRIVATE}/order_update_trade.json": ("ORDER_TRADE_UPDATE", lambda floor: _order(floor, "TRADE")),
    f"{PRIVATE}/order_update_trade_partial.json": ("ORDER_TRADE_UPDATE", lambda floor: _order(floor, "TRADE")),
    f"{PRIVATE}/trade_lite.json": ("TRADE_LITE", lambda floor: messages.trade_lite(floor.btc, floor.order("TRADE"))),
    f"{PRIVATE}/algo_update_new.json": ("ALGO_UPDATE", _algo),
    f"{PRIVATE}/algo_update_canceled.json": ("ALGO_UPDATE", _algo),
    f"{PRIVATE}/account_update.json": (
        "ACCOUNT_UPDATE",
        lambda floor: messages.account_update(floor.btc, floor.event(AccountUpdate)),
    ),
}
USDM = "raw_frames/binance_hft/usdm"
CAPTURES = (
    f"{USDM}_btcusdt_20240718.gz",
    f"{USDM}_btcusdt_20240719.gz",
    f"{USDM}_ethusdt_20240718.gz",
    "raw_frames/cryptofeed/BINANCE_FUTURES.ws.1.0.gz",
    "raw_frames/cryptofeed/BINANCE_FUTURES.http.0.0.gz",
)
CONTRACTS_OF_TODAY = "market_metadata/binance_usdm_exchangeInfo_2025-11-26.json.gz"
CONTRACTS_OF_2022 = f"{MARKET}_exchange_info.json"
CONTRACTS_OF_2021 = "market_metadata/binance_usdm_exchangeInfo_2021-07-21.json.gz"
TIERS = "market_metadata/freqtrade_binance_leverage_tiers.json.gz"
COMPARED = (*BODIES, *FRAMES, *CAPTURES, CONTRACTS_OF_TODAY, CONTRACTS_OF_2022, CONTRACTS_OF_2021, TIERS)


@pytest.mark.parametrize("name", BODIES)
def test_bodies_have_the_recorded_fields(floor: Floor, name: str) -> None:
    """
    Every recorded REST body of futures that we serve.
    """
    what, ours = BODIES[name]
    compare(ours(floor), document(name), name, added=ADDED.get(what, set()), absent=ABSENT.get(what, set()))


@pytest.mark.parametrize("name", FRAMES)
def test_frames_have_the_documented_fields(floor: Floor, name: str) -> None:
    """
    Every frame of the documentation, public and private.
    """
    what, ours = FRAMES[name]
    theirs, absent = document(name), ABSENT.get(what, set())
    absent = absent | (set() if name.startswith(PRIVATE) else ABSENT["stream"])
    compare(ours(floor), theirs.get("data", theirs), name, added=ADDED.get(what, set()), absent=absent)


@pytest.mark.parametrize("name", CAPTURES)
def test_captures_have_our_fields(floor: Floor, name: str) -> None:
    """
    Every kind of frame that was captured on the wire has one of ours, field for field.
    """
    ours = {
        "trade": messages.public_trade(floor.btc, TRADE),
        "aggTrade": messages.aggregate_trade(floor.btc, TRADE),
        "bookTicker": messages.book_ticker(floor.btc, QUOTE),
        "kline": _candle(floor, closed=True),
        "depthUpdate": _difference(floor),
        "REST": floor.get("v1/depth"),
    }
    found = frames(name)
    assert found
    for kind, theirs in found.items():
        compare(ours[kind], theirs, f"{kind} of {name}")


def test_contracts_have_the_recorded_fields_and_filters(floor: Floor) -> None:
    """
    exchangeInfo of 2025: the contract, every filter by its type, and the limits.
    """
    real, ours = document(CONTRACTS_OF_TODAY), floor.get("v1/exchangeInfo")
    compare(_contract(ours), _contract(real), "contract")
    compare(ours["rateLimits"], real["rateLimits"], "limits")
    compare(ours["assets"], real["assets"], "assets")
    assert ours.keys() == real.keys()


@pytest.mark.parametrize("name", [CONTRACTS_OF_2021, CONTRACTS_OF_2022])
def test_contracts_have_kept_the_fields_of_earlier_years(floor: Floor, name: str) -> None:
    """
    What came since is listed by name.
    """
    real, ours = document(name), floor.get("v1/exchangeInfo")
    younger = {"maxMoveOrderLimit", "permissionSets", "positionControlSide", "timeInForce", "filterType"}
    compare(_contract(ours), _contract(real), "contract", added=younger, absent={"settlePlan"})
    compare(ours["rateLimits"], real["rateLimits"], "limits")


def test_brackets_have_the_recorded_fields(floor: Floor) -> None:
    """
    Tiers as they came from leverageBracket; the recording has every number as text.
    """
    rows = document(TIERS)["BTC/USDT:USDT"]
    theirs = [{name: float(value) for name, value in row["info"].items()} for row in rows]
    ours = floor.get("v1/leverageBracket")[0]["brackets"]
    compare([{name: float(value) for name, value in row.items()} for row in ours], theirs, "brackets")


def _contract(info: dict[str, Any]) -> dict[str, Any]:
    (contract,) = (row for row in info["symbols"] if row["symbol"] == "BTCUSDT")
    filters = {row["filterType"]: row for row in contract["filters"]}
    return contract | {"filters": filters, "underlyingSubType": [], "permissionSets": ["GRID"]}
