"""Recorded bodies and frames of spot beside ours: the same fields, of the same types.

What came since a body was recorded, or is left out of an abridged document, is listed by
name below, and nothing else is let through.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine.venue.embedded.events import Candle, CandleUpdate, Quote, Trade
from engine.venue.embedded.listing import Listing
from engine.venue.embedded.parameters import Parameters
from engine.venue.embedded.signing import Key
from engine.venue.embedded.spot import messages
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.hall import SpotHall
from engine.venue.embedded.spot.orders import Balances, Execution, ListUpdate, Payment, SpotEvent
from engine.venue.embedded.spot.quotations import day_statistics
from tests.engine.venue.embedded.shapes import compare, document, frames

PY, RS = "account_events/nautilus/py_binance", "account_events/nautilus/rs_binance/spot"
MARKET, BODY, PRIVATE, SHOWN = (
    f"{PY}/http_responses/http_spot_market",
    f"{RS}/http_json",
    f"{RS}/user_data_json",
    f"{PY}/ws_messages/ws_spot",
)
E8 = 10**8

ADDED = {
    "average": {"closeTime"},  # since 2023
    "account of 2021": {"commissionRates", "maker", "taker", "buyer", "seller", "brokered", "preventSor", "uid"}
    | {"requireSelfTradePrevention"},
    "report": {"F", "g", "I", "M", "Y", "Q", "W", "V"},  # the fixtures abridge what the wrapped document has
    "report of 2025": {"W", "V"},
    "cancelled all": {"origQuoteOrderQty"},  # missing in half of that document's rows
    "limits": {"intervalNum"},  # lost by the client that wrote the recording
    "contract of 2021": {
        "otoAllowed", "opoAllowed", "allowTrailingStop", "amendAllowed", "pegInstructionsAllowed", "permissionSets",
        "defaultSelfTradePreventionMode", "allowedSelfTradePreventionModes", "cancelReplaceAllowed", "orderTypes",
    },
    "contract of 2025": {"opoAllowed", "amendAllowed", "pegInstructionsAllowed"},
    "contract of 2026": {"allowedSelfTradePreventionModes"},
}  # fmt: skip
ABSENT = {
    "cancelled all": {"icebergQty"},  # of an iceberg order, which is not served
    "trade": {"b", "a"},  # the ids of buyer and seller, withdrawn in 2023
    "quote": {"T", "E"},  # in that fixture alone: neither the documentation nor the recorded frames have them
    "aggTrade": {"st"},  # in that fixture alone, as for futures
    "contract of 2021": {"permissions"},  # empty since permissionSets
    "contract of 2025": {"permissionSets"},
    "contract of 2026": {"sors"},  # there is no order routing here
}


@dataclass(frozen=True, slots=True)
class Floor:
    """A spot account that bought, rests an order, waits for a stop and has cancelled; asked as clients ask."""

    hall: SpotHall
    cancelled: Any
    bought: Any
    events: list[SpotEvent]

    def oco(self) -> Any:
        """What an OCO is answered with."""
        return self.ask("POST", "orderList/oco", OCO)

    @property
    def btc(self) -> Listing:
        """The symbol that is asked about."""
        return self.hall.exchange.by_id["BTCUSDT"]

    def ask(self, method: str, path: str, given: Mapping[str, str]) -> Any:
        """What a route answers."""
        return _ask(self.hall, method, path, given)

    def get(self, path: str, **given: str) -> Any:
        """What GET of a path answers."""
        return self.ask("GET", path, {"symbol": "BTCUSDT"} | given)

    def report(self, kind: str) -> messages.Message:
        """The first executionReport of that kind."""
        told = next(one for one in self.events if isinstance(one, Execution) and one.kind == kind)
        return messages.execution(self.btc, told)


def _ask(hall: SpotHall, method: str, path: str, given: Mapping[str, str]) -> Any:
    route = hall.table[method, f"/api/v3/{path}"]
    return route.answer("me", Parameters(given, hall.exchange.market))


LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1"}


OCO = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1", "aboveType": "LIMIT_MAKER", "abovePrice": "120000",
    "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "90000", "belowPrice": "89000", "belowTimeInForce": "GTC",
}  # fmt: skip


@pytest.fixture
def floor(opened: Callable[..., Any]) -> Floor:
    """A spot floor with a past."""
    hall = SpotHall(
        SpotExchange(opened((1_000_000, 1_000_020, 999_990, 1_000_000)).market),
        {"k": Key("s", "me")},
        {"USDT": 1_000_000 * E8, "BTC": 10 * E8},
    )
    hall.exchange.market.tells_ticks = True
    hall.exchange.market.advance()
    events: list[SpotEvent] = []
    hall._streams.settle = lambda: events.extend(hall.exchange.drain())  # type: ignore[method-assign]
    bought = _ask(hall, "POST", "order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"})
    _ask(hall, "POST", "order", LIMIT | {"price": "99999.9", "newClientOrderId": "gone"})
    gone = {"symbol": "BTCUSDT", "origClientOrderId": "gone", "newClientOrderId": "cancel"}
    cancelled = _ask(hall, "DELETE", "order", gone)
    _ask(hall, "POST", "order", LIMIT | {"price": "50000"})
    stop = {"type": "STOP_LOSS_LIMIT", "price": "120000", "stopPrice": "110000", "newClientOrderId": "stop"}
    _ask(hall, "POST", "order", LIMIT | stop)
    _ask(hall, "POST", "order", LIMIT | {"timeInForce": "IOC", "price": "90000"})
    return Floor(hall, cancelled, bought, events)


def _cancelled_all(floor: Floor) -> Any:
    floor.ask("DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": "stop"})
    floor.oco()
    return floor.ask("DELETE", "openOrders", {"symbol": "BTCUSDT"})


def _list_status(floor: Floor) -> messages.Message:
    floor.oco()
    return messages.list_status(next(one for one in floor.events if isinstance(one, ListUpdate)))


BODIES: dict[str, tuple[str, Callable[[Floor], Any]]] = {
    f"{MARKET}_ping.json": ("ping", lambda floor: floor.get("ping")),
    f"{MARKET}_time.json": ("time", lambda floor: floor.get("time")),
    f"{MARKET}_avg_price.json": ("average", lambda floor: floor.get("avgPrice")),
    f"{MARKET}_book_ticker.json": ("book", lambda floor: floor.get("ticker/bookTicker")),
    f"{MARKET}_depth.json": ("depth", lambda floor: floor.get("depth")),
    f"{MARKET}_klines.json": ("klines", lambda floor: floor.get("klines", interval="1m")),
    f"{MARKET}_ticker_price.json": ("price", lambda floor: floor.get("ticker/price")),
    f"{MARKET}_trades.json": ("trades", lambda floor: floor.get("trades")),
    f"{MARKET}_historical_trades.json": ("trades", lambda floor: floor.get("historicalTrades")),
    f"{MARKET}_agg_trades.json": ("aggTrades", lambda floor: floor.get("aggTrades")),
    f"{PY}/http_responses/http_spot_wallet_account.json": ("account of 2021", lambda floor: floor.get("account")),
    f"{BODY}/ping_response.json": ("ping", lambda floor: floor.get("ping")),
    f"{BODY}/server_time_response.json": ("time", lambda floor: floor.get("time")),
    f"{BODY}/avg_price_response.json": ("avgPrice", lambda floor: floor.get("avgPrice")),
    f"{BODY}/book_ticker_response.json": ("book", lambda floor: floor.get("ticker/bookTicker")),
    f"{BODY}/depth_response.json": ("depth", lambda floor: floor.get("depth")),
    f"{BODY}/klines_response.json": ("klines", lambda floor: floor.get("klines", interval="1m")),
    f"{BODY}/ticker_24hr_response.json": ("ticker", lambda floor: floor.get("ticker/24hr")),
    f"{BODY}/ticker_price_response.json": ("price", lambda floor: floor.get("ticker/price")),
    f"{BODY}/trades_response.json": ("trades", lambda floor: floor.get("trades")),
    f"{BODY}/account_response.json": ("account", lambda floor: floor.get("account")),
    f"{BODY}/account_trades_response.json": ("myTrades", lambda floor: floor.get("myTrades")),
    f"{BODY}/all_orders_response.json": ("order", lambda floor: floor.get("allOrders")),
    f"{BODY}/open_orders_response.json": ("order", lambda floor: floor.get("openOrders")),
    f"{BODY}/order_response.json": ("order", lambda floor: floor.get("order", origClientOrderId="stop")),
    f"{BODY}/cancel_order_response.json": ("cancelled", lambda floor: floor.cancelled),
    f"{BODY}/cancel_open_orders_response.json": ("cancelled all", _cancelled_all),
    f"{BODY}/new_order_full_response.json": ("placed", lambda floor: floor.bought),
}
FEES = f"{PY}/http_responses/http_wallet_trading_fee"
REPORT = f"{SHOWN}_execution_report"
TRADE, QUOTE = Trade("BTCUSDT", 10**9, 1, 300_000, 10**8, 1), Quote("BTCUSDT", 10**9, 1, 1, 1, 2, 1)
PURSES, PAYMENT = Balances("me", 1, {"BTC": (1, 2)}), Payment("me", 1, "BTC", 3)


def _stop(floor: Floor) -> messages.Message:
    told = next(one for one in floor.events if isinstance(one, Execution) and one.order.client_id == "stop")
    return messages.execution(floor.btc, told)


def _part(floor: Floor) -> messages.Message:
    told = next(one for one in floor.events if isinstance(one, Execution) and one.kind == "TRADE")
    return messages.execution(floor.btc, replace(told, order=replace(told.order, status="PARTIALLY_FILLED")))


FRAMES: dict[str, tuple[str, Callable[[Floor], Any]]] = {
    f"{SHOWN}_agg_trade.json": ("aggTrade", lambda floor: messages.aggregate_trade(floor.btc, TRADE)),
    f"{SHOWN}_trade.json": ("trade", lambda floor: messages.public_trade(floor.btc, TRADE)),
    f"{SHOWN}_ticker_book.json": ("quote", lambda floor: messages.book_ticker(floor.btc, QUOTE)),
    f"{SHOWN}_ticker_24hr.json": (
        "24hrTicker",
        lambda floor: messages.ticker(day_statistics(floor.hall.exchange, floor.btc), 1),
    ),
    f"{REPORT}_new.json": ("report of 2025", lambda floor: floor.report("NEW")),
    f"{REPORT}_trade.json": ("report of 2025", _part),
    f"{REPORT}_custom_client_id.json": ("report of 2025", _part),
    f"{REPORT}_canceled.json": ("report of 2025", lambda floor: floor.report("CANCELED")),
    f"{PRIVATE}/execution_report_new.json": ("report", lambda floor: floor.report("NEW")),
    f"{PRIVATE}/execution_report_trade.json": ("report", lambda floor: floor.report("TRADE")),
    f"{PRIVATE}/execution_report_canceled.json": ("report", lambda floor: floor.report("CANCELED")),
    f"{PRIVATE}/execution_report_expired.json": ("report", lambda floor: floor.report("EXPIRED")),
    f"{PRIVATE}/execution_report_stop_loss.json": ("report", _stop),
    f"{PRIVATE}/execution_report_wrapped.json": ("whole report", lambda floor: floor.report("NEW")),
    f"{PRIVATE}/list_status_wrapped.json": ("listStatus", _list_status),
    f"{PRIVATE}/account_position.json": ("position", lambda _: messages.account_position(PURSES)),
    f"{PRIVATE}/account_position_wrapped.json": ("position", lambda _: messages.account_position(PURSES)),
    f"{PRIVATE}/balance_update.json": ("balance", lambda _: messages.balance_update(PAYMENT)),
    f"{PRIVATE}/balance_update_wrapped.json": ("balance", lambda _: messages.balance_update(PAYMENT)),
}
CAPTURES = (
    "raw_frames/binance_hft/spot_btcusdt_20230405.gz",
    "raw_frames/cryptofeed/BINANCE.ws.1.0.gz",
    "raw_frames/cryptofeed/BINANCE.http.0.0.gz",
)
CONTRACTS = {
    "market_metadata/binance_spot_exchangeInfo_BTCUSDT_2025-08-23.json": "contract of 2025",
    "market_metadata/binance_spot_exchangeInfo_2021-10-12.json.gz": "contract of 2021",
    f"{MARKET}_exchange_info.json": "contract of 2021",
    f"{BODY}/exchange_info_response.json": "contract of 2026",
}
COMPARED = (*BODIES, *FRAMES, *CAPTURES, *CONTRACTS, f"{FEES}.json", f"{FEES}s.json")


@pytest.mark.parametrize("name", BODIES)
def test_bodies_have_the_recorded_fields(floor: Floor, name: str) -> None:
    """Every recorded REST body of spot."""
    what, ours = BODIES[name]
    compare(ours(floor), document(name), name, added=ADDED.get(what, set()), absent=ABSENT.get(what, set()))


@pytest.mark.parametrize("name", FRAMES)
def test_frames_have_the_documented_fields(floor: Floor, name: str) -> None:
    """Every frame of the documentation, public and private."""
    what, ours = FRAMES[name]
    theirs = document(name)
    theirs = theirs.get("data") or theirs.get("event") or theirs
    compare(ours(floor), theirs, name, added=ADDED.get(what, set()), absent=ABSENT.get(what, set()))


@pytest.mark.parametrize("name", CAPTURES)
def test_captures_have_our_fields(floor: Floor, name: str) -> None:
    """Every kind of frame that was captured on the wire has one of ours, field for field."""
    minute = CandleUpdate("BTCUSDT", 60 * 10**9, Candle(0, 1, 1, 1, 1, 10**8, 10**4, 1, 10**8, 10**4), True)
    level = ("1.00000000", "1.00000000")
    ours = {
        "trade": messages.public_trade(floor.btc, TRADE),
        "aggTrade": messages.aggregate_trade(floor.btc, TRADE),
        "bookTicker": messages.book_ticker(floor.btc, QUOTE),
        "kline": messages.kline(floor.btc, minute, "1m", minute.candle, True),
        "depthUpdate": messages.depth(floor.btc, 1, (1, 2), [level], [level]),
        "REST": floor.get("depth"),
    }
    found = frames(name)
    assert found
    for kind, theirs in found.items():
        compare(ours[kind], theirs, f"{kind} of {name}", absent=ABSENT.get(kind, set()))


@pytest.mark.parametrize("name", CONTRACTS)
def test_contracts_have_the_recorded_fields_and_filters(floor: Floor, name: str) -> None:
    """exchangeInfo of four years: the symbol, each of its filters that was there, and the limits."""
    real, ours, what = document(name), floor.get("exchangeInfo"), CONTRACTS[name]
    theirs = next((row for row in real["symbols"] if row["symbol"] == "BTCUSDT"), real["symbols"][0])
    mine = ours["symbols"][0]
    added, absent = ADDED[what], ABSENT[what]
    compare(_bare(mine), _bare(theirs), name, added=added, absent=absent)
    filters = {row["filterType"]: row for row in mine["filters"]}
    renamed = {"PERCENT_PRICE": "PERCENT_PRICE_BY_SIDE", "MIN_NOTIONAL": "NOTIONAL"}
    for row in theirs["filters"]:
        # That recording's client wrote every field of any filter into each; what says nothing is not the exchange's.
        said = {key: value for key, value in row.items() if value not in ("", 0, False)} if "2025" in what else row
        if row["filterType"] in renamed:
            assert filters[renamed[row["filterType"]]]
            continue
        unsaid = filters[row["filterType"]].keys() - said.keys() if "2025" in what else set()
        compare(filters[row["filterType"]], said, f"{row['filterType']} of {name}", added=unsaid)
    if real["rateLimits"]:
        compare(ours["rateLimits"], real["rateLimits"], "limits", added=ADDED["limits"] if "2025" in what else set())


def _bare(contract: dict[str, Any]) -> dict[str, Any]:
    """A symbol without filters, and with one member for every list: how many there are differs by symbol."""
    plain = {key: value for key, value in contract.items() if key not in ("filters", "permissions", "permissionSets")}
    return plain | {key: value[:1] for key, value in plain.items() if isinstance(value, list)}


@pytest.mark.parametrize("name", [f"{FEES}.json", f"{FEES}s.json"])
def test_fees_have_the_recorded_fields(floor: Floor, name: str) -> None:
    """The wallet's tradeFee answers with a list, of one symbol as well."""
    given = Parameters({"symbol": "BTCUSDT"}, floor.hall.exchange.market)
    theirs = document(name)
    ours = floor.hall.table["GET", "/sapi/v1/asset/tradeFee"].answer("me", given)
    compare(ours, theirs if isinstance(theirs, list) else [theirs], name)
