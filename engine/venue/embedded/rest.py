"""REST: a request is weighed, admitted, answered, and what it caused is told.

request --> route --> weight --> key known? signature? timestamp? orders? --> answer --> JSON
              |         |                       |
          404 JSON   429, 418              {code, msg}
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from engine.venue.embedded import directory
from engine.venue.embedded.amendments import Countdowns
from engine.venue.embedded.directory import KEYED, OPEN, SIGNED, Directory, Route, Sources
from engine.venue.embedded.events import Event
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.limits import LimitedError, Meter
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
    wall_ms,
)
from engine.venue.embedded.streams import Streams
from engine.venue.embedded.trading import Trading

FIELDS_MAX = 200
NOT_FOUND = orjson.dumps({"code": -5000, "msg": "Path not found, method is invalid."})
TOO_MANY_FIELDS = Refusal(-1101, "Too many parameters sent for this endpoint.")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask, and how much."""

    keys: Keys
    listen_keys: ListenKeys
    meter: Meter


class Rest:
    """The REST half of the server."""

    def __init__(self, exchange: Exchange, access: Access, streams: Streams) -> None:
        self._exchange = exchange
        self._access = access
        self._streams = streams
        self.catch_up: Callable[[], None] = lambda: None  # before each answer: the market may have moved by itself
        self.countdowns = Countdowns(exchange, self.tell)
        sources = Sources(exchange, Trading(exchange), self.countdowns, access.meter.limits, self.depth, wall_ms)
        self._routes: Directory = (
            directory.public(sources)
            | directory.private(sources)
            | directory.elsewhere(wall_ms)
            | {
                ("POST", "/fapi/v1/listenKey"): Route(self.open_listen_key, KEYED),
                ("PUT", "/fapi/v1/listenKey"): Route(self.prolong_listen_key, KEYED),
                ("DELETE", "/fapi/v1/listenKey"): Route(self.close_listen_key, KEYED),
            }
        )

    def join(self, routes: Directory) -> None:
        """Serve more paths."""
        self._routes |= routes

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request."""
        route = self._routes.get((request.method, request.path.rstrip("/")))
        body = (await request.read()).decode("utf-8", "replace")
        headers: dict[str, str] = {}
        try:
            headers = self._access.meter.charge(request.remote or "", route.weight if route else 1, time.time_ns())
            if route is None:
                return web.Response(status=404, body=NOT_FOUND, headers=headers, content_type="application/json")
            account, given = self.admit(request, body, route.access)
            if route.orders:
                headers |= self._access.meter.charge_orders(account, route.orders, time.time_ns())
            self.catch_up()
            answer = route.answer(account, Parameters(given, self._exchange))
        except RefusedError as refused:
            self.settle()
            if isinstance(refused, LimitedError):
                headers |= {"Retry-After": str(refused.retry_seconds)}
            return _json(refused.answer(), headers, status=refused.status)
        self.settle()
        return _json(answer, headers)

    def answer(self, method: str, path: str, account: str, given: Mapping[str, str]) -> Any:
        """What the route answers to an account that was admitted already; RefusedError when it does not."""
        route = self._routes[method, path]
        if route.orders:
            self._access.meter.charge_orders(account, route.orders, time.time_ns())
        self.catch_up()
        return route.answer(account, Parameters(given, self._exchange))

    def weight(self, method: str, path: str) -> int:
        """What a route weighs."""
        return self._routes[method, path].weight

    def settle(self) -> None:
        """Publish what is waiting to be told."""
        self.tell(self._exchange.drain())

    def tell(self, events: list[Event]) -> None:
        """Publish what a request caused."""
        if events:
            self._streams.publish(events)

    def admit(self, request: web.Request, body: str, access: str) -> tuple[str, Mapping[str, str]]:
        """Return the account that may ask and what it sent; RefusedError when it may not."""
        query = request.rel_url.raw_query_string
        try:
            # A name that is sent twice counts as it stands in the query.
            given = dict(parse_qsl(f"{body}&{query}", keep_blank_values=True, max_num_fields=FIELDS_MAX))
        except ValueError:
            raise RefusedError(TOO_MANY_FIELDS) from None
        if access == OPEN:
            return "", given
        key = identify(self._access.keys, request.headers.get("X-MBX-APIKEY"))
        if isinstance(key, Refusal):
            assert key in (KEY_MALFORMED, KEY_UNKNOWN), "identify refuses for one of two reasons"
            raise RefusedError(key, status=401)
        if access == SIGNED:
            _check_signature(key, query, body, given)
        return key.account, given

    def depth(self, _: str, parameters: Parameters) -> Any:
        """GET depth: a snapshot that the difference streams continue."""
        listing, limit = parameters.listing(), parameters.limit(500, 1000)
        update_id, bids, asks = self._streams.snapshot(listing.id)
        at_ms = self._exchange.now_ns // 1_000_000
        return {"lastUpdateId": update_id, "E": at_ms, "T": at_ms, "bids": bids[:limit], "asks": asks[:limit]}

    def open_listen_key(self, account: str, _: Parameters) -> Any:
        """POST listenKey."""
        return {"listenKey": self._access.listen_keys.open(account, time.monotonic_ns())}

    def prolong_listen_key(self, account: str, _: Parameters) -> Any:
        """PUT listenKey."""
        key = self._access.listen_keys.prolong(account, time.monotonic_ns())
        if key is None:
            raise RefusedError(LISTEN_KEY_ABSENT)
        return {"listenKey": key}

    def close_listen_key(self, account: str, _: Parameters) -> Any:
        """DELETE listenKey."""
        self._access.listen_keys.close(account)
        return {}


def _check_signature(key: Key, query: str, body: str, given: Mapping[str, str]) -> None:
    signature = given.get("signature")
    if not signature:
        raise refuse(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    if not signature_is_right(key, query, body, signature):
        raise RefusedError(SIGNATURE_WRONG)
    if objection := objection_to_time(given, wall_ms()):
        raise RefusedError(objection)


def _json(answer: Any, headers: Mapping[str, str], *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(answer), headers=headers, content_type="application/json")
