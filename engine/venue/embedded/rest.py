"""REST: which path does what, who may ask, and what it weighs.

request --> route --> key known? signature? timestamp? --> Quotations | Trading --> JSON
              |                    |
          404 JSON            {code, msg}
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from engine.venue.embedded import quotations
from engine.venue.embedded.events import Event
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import Parameters, RefusedError, refuse
from engine.venue.embedded.signing import (
    KEY_MALFORMED,
    KEY_UNKNOWN,
    LISTEN_KEY_ABSENT,
    SIGNATURE_WRONG,
    Key,
    Keys,
    ListenKeys,
    identify,
    objection_to_time,
    signature_is_right,
)
from engine.venue.embedded.streams import Streams
from engine.venue.embedded.trading import Trading

MINUTE_NS = 60_000_000_000
NOT_FOUND = orjson.dumps({"code": -5000, "msg": "Path not found, method is invalid."})
OPEN, KEYED, SIGNED = "open", "keyed", "signed"


@dataclass(frozen=True, slots=True)
class Route:
    """What one method of one path does; ``answer`` takes account and parameters."""

    answer: Callable[[str, Parameters], Any]
    access: str = SIGNED
    weight: int = 1
    is_order: bool = False


class Weights:
    """Used request weight and orders of the current minute of machine time."""

    def __init__(self) -> None:
        self._minute = 0
        self._weight = 0
        self._orders = 0

    def headers(self, now_ns: int, route: Route) -> dict[str, str]:
        """Count ``route`` and return the headers that tell."""
        if now_ns // MINUTE_NS != self._minute:
            self._minute, self._weight, self._orders = now_ns // MINUTE_NS, 0, 0
        self._weight += route.weight
        self._orders += route.is_order
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._weight)}
        return headers | {"X-MBX-ORDER-COUNT-1M": str(self._orders)} if route.is_order else headers


class Rest:
    """The REST half of the server."""

    def __init__(self, exchange: Exchange, keys: Keys, listen_keys: ListenKeys, streams: Streams) -> None:
        self._exchange = exchange
        self._keys = keys
        self._listen_keys = listen_keys
        self._streams = streams
        self._weights = Weights()
        self._routes = self._public() | self._private(Trading(exchange)) | self._spot()

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request."""
        route = self._routes.get((request.method, request.path.rstrip("/")))
        if route is None:
            return web.Response(status=404, body=NOT_FOUND, content_type="application/json")
        headers = self._weights.headers(time.monotonic_ns(), route)
        body = (await request.read()).decode("utf-8", "replace")
        try:
            account, given = self.admit(request, body, route.access)
            answer = route.answer(account, Parameters(given, self._exchange))
        except RefusedError as refused:
            error = {"code": refused.refusal.code, "msg": refused.refusal.message}
            return _json(error, headers, status=refused.status)
        self.tell(self._exchange.drain())
        return _json(answer, headers)

    def tell(self, events: list[Event]) -> None:
        """Publish what a request caused."""
        if events:
            self._streams.publish(events)

    def admit(self, request: web.Request, body: str, access: str) -> tuple[str, Mapping[str, str]]:
        """Return the account that may ask and what it sent; RefusedError when it may not."""
        query = request.rel_url.raw_query_string
        given = dict(parse_qsl(f"{query}&{body}", keep_blank_values=True))
        if access == OPEN:
            return "", given
        key = identify(self._keys, request.headers.get("X-MBX-APIKEY"))
        if isinstance(key, Refusal):
            assert key in (KEY_MALFORMED, KEY_UNKNOWN), "identify refuses for one of two reasons"
            raise RefusedError(key, status=401)
        if access == SIGNED:
            _check_signature(key, query, body, given)
        return key.account, given

    def _public(self) -> dict[tuple[str, str], Route]:
        exchange, quote = self._exchange, quotations

        def each(written: Callable[..., Any]) -> Callable[[str, Parameters], Any]:
            def answer(_: str, parameters: Parameters) -> Any:
                rows = [written(exchange, listing) for listing in parameters.listings()]
                return rows[0] if "symbol" in parameters else rows

            return answer

        paths: dict[str, tuple[Callable[[str, Parameters], Any], int]] = {
            "v1/ping": (lambda _, __: {}, 1),
            "v1/time": (lambda _, __: {"serverTime": _wall_ms()}, 1),
            "v1/exchangeInfo": (lambda _, __: quote.exchange_info(exchange, _wall_ms()), 1),
            "v1/klines": (lambda _, given: quote.klines(exchange, given), 5),
            "v1/depth": (self._depth, 5),
            "v1/trades": (lambda _, given: quote.trades(exchange, given), 5),
            "v1/aggTrades": (lambda _, given: quote.aggregate_trades(exchange, given), 20),
            "v1/ticker/24hr": (each(quote.day_statistics), 1),
            "v1/ticker/price": (each(quote.price), 1),
            "v2/ticker/price": (each(quote.price), 1),
            "v1/ticker/bookTicker": (each(quote.book_ticker), 2),
            "v1/premiumIndex": (each(quote.premium_index), 1),
            "v1/fundingRate": (lambda _, __: [], 1),
            "v1/fundingInfo": (lambda _, __: [], 1),
        }
        return {("GET", f"/fapi/{path}"): Route(answer, OPEN, weight) for path, (answer, weight) in paths.items()}

    def _private(self, trading: Trading) -> dict[tuple[str, str], Route]:
        one_way = {"dualSidePosition": False}
        rate = {"makerCommissionRate": "0.000200", "takerCommissionRate": "0.000500", "rpiCommissionRate": "0"}
        routes: dict[tuple[str, str], Route] = {
            ("GET", "v1/order"): Route(trading.query),
            ("POST", "v1/order"): Route(trading.place, is_order=True),
            ("DELETE", "v1/order"): Route(trading.cancel),
            ("GET", "v1/openOrder"): Route(trading.query_open),
            ("GET", "v1/openOrders"): Route(trading.open_orders),
            ("GET", "v1/allOrders"): Route(trading.all_orders, weight=5),
            ("DELETE", "v1/allOpenOrders"): Route(trading.cancel_all),
            ("GET", "v1/algoOrder"): Route(trading.query_algo),
            ("POST", "v1/algoOrder"): Route(trading.place_algo, is_order=True),
            ("DELETE", "v1/algoOrder"): Route(trading.cancel_algo),
            ("GET", "v1/openAlgoOrders"): Route(trading.open_algo_orders),
            ("GET", "v1/allAlgoOrders"): Route(trading.all_algo_orders, weight=5),
            ("DELETE", "v1/algoOpenOrders"): Route(trading.cancel_all_algo),
            ("GET", "v1/userTrades"): Route(trading.user_trades, weight=5),
            ("GET", "v1/income"): Route(trading.income, weight=30),
            ("GET", "v2/balance"): Route(trading.balance, weight=5),
            ("GET", "v3/balance"): Route(trading.balance, weight=5),
            ("GET", "v2/account"): Route(trading.account, weight=5),
            ("GET", "v3/account"): Route(trading.account_held, weight=5),
            ("GET", "v2/positionRisk"): Route(trading.positions, weight=5),
            ("GET", "v3/positionRisk"): Route(trading.positions_held, weight=5),
            ("POST", "v1/leverage"): Route(trading.set_leverage),
            ("POST", "v1/marginType"): Route(trading.set_margin_type),
            ("GET", "v1/leverageBracket"): Route(trading.brackets),
            ("GET", "v1/symbolConfig"): Route(trading.symbol_configuration, weight=5),
            ("GET", "v1/positionSide/dual"): Route(lambda _, __: one_way, weight=30),
            ("POST", "v1/positionSide/dual"): Route(trading.set_position_side),
            ("GET", "v1/multiAssetsMargin"): Route(lambda _, __: {"multiAssetsMargin": False}, weight=30),
            ("GET", "v1/commissionRate"): Route(lambda _, given: {"symbol": given.listing().id} | rate, weight=20),
            ("POST", "v1/listenKey"): Route(self._open_listen_key, KEYED),
            ("PUT", "v1/listenKey"): Route(self._prolong_listen_key, KEYED),
            ("DELETE", "v1/listenKey"): Route(self._close_listen_key, KEYED),
        }
        return {(method, f"/fapi/{path}"): route for (method, path), route in routes.items()}

    def _spot(self) -> dict[tuple[str, str], Route]:
        # What clients of futures ask of the spot hosts while they load markets.
        return {
            ("GET", "/api/v3/ping"): Route(lambda _, __: {}, OPEN),
            ("GET", "/api/v3/time"): Route(lambda _, __: {"serverTime": _wall_ms()}, OPEN),
            ("GET", "/sapi/v1/capital/config/getall"): Route(lambda _, __: []),
            ("GET", "/sapi/v1/margin/allPairs"): Route(lambda _, __: [], KEYED),
            ("GET", "/sapi/v1/margin/isolated/allPairs"): Route(lambda _, __: [], KEYED),
        }

    def _depth(self, _: str, parameters: Parameters) -> Any:
        listing, limit = parameters.listing(), parameters.limit(500, 1000)
        update_id, bids, asks = self._streams.snapshot(listing.id)
        at_ms = self._exchange.now_ns // 1_000_000
        return {"lastUpdateId": update_id, "E": at_ms, "T": at_ms, "bids": bids[:limit], "asks": asks[:limit]}

    def _open_listen_key(self, account: str, _: Parameters) -> Any:
        return {"listenKey": self._listen_keys.open(account, time.monotonic_ns())}

    def _prolong_listen_key(self, account: str, _: Parameters) -> Any:
        key = self._listen_keys.prolong(account, time.monotonic_ns())
        if key is None:
            raise RefusedError(LISTEN_KEY_ABSENT)
        return {"listenKey": key}

    def _close_listen_key(self, account: str, _: Parameters) -> Any:
        self._listen_keys.close(account)
        return {}


def _check_signature(key: Key, query: str, body: str, given: Mapping[str, str]) -> None:
    signature = given.get("signature")
    if not signature:
        raise refuse(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    if not signature_is_right(key, query, body, signature):
        raise RefusedError(SIGNATURE_WRONG)
    if objection := objection_to_time(given, _wall_ms()):
        raise RefusedError(objection)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _json(answer: Any, headers: Mapping[str, str], *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(answer), headers=headers, content_type="application/json")
