"""The websocket API of spot: requests, answers and the account's own events on one connection.

{"id", "method", "params"} --> logged on, or key and signature --> the route of REST --> {"id", "status", "result"}
userDataStream.subscribe   --> {"subscriptionId", "event": {...}} from then on, until unsubscribed

A signature covers the parameters in alphabetical order.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from engine.venue.embedded.clients import Client
from engine.venue.embedded.directory import Directory
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import Parameters, RefusedError, refuse, words
from engine.venue.embedded.signing import SIGNATURE_WRONG, Key, Keys, identify, objection_to_time, payload_is_signed
from engine.venue.embedded.spot import messages
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.quotations import RATE_LIMITS

PATH = "/ws-api/v3"
PREFIX = "/api/v3/"
FREE, KEYED, SIGNED = "free", "keyed", "signed"
METHODS: Mapping[str, tuple[str, str, str]] = {
    "ping": ("GET", "ping", FREE),
    "time": ("GET", "time", FREE),
    "exchangeInfo": ("GET", "exchangeInfo", FREE),
    "depth": ("GET", "depth", FREE),
    "klines": ("GET", "klines", FREE),
    "uiKlines": ("GET", "uiKlines", FREE),
    "avgPrice": ("GET", "avgPrice", FREE),
    "trades.recent": ("GET", "trades", FREE),
    "trades.historical": ("GET", "historicalTrades", FREE),
    "trades.aggregate": ("GET", "aggTrades", FREE),
    "ticker": ("GET", "ticker", FREE),
    "ticker.24hr": ("GET", "ticker/24hr", FREE),
    "ticker.price": ("GET", "ticker/price", FREE),
    "ticker.book": ("GET", "ticker/bookTicker", FREE),
    "ticker.tradingDay": ("GET", "ticker/tradingDay", FREE),
    "order.place": ("POST", "order", SIGNED),
    "order.test": ("POST", "order/test", SIGNED),
    "order.status": ("GET", "order", SIGNED),
    "order.cancel": ("DELETE", "order", SIGNED),
    "order.cancelReplace": ("POST", "order/cancelReplace", SIGNED),
    "order.amend.keepPriority": ("PUT", "order/amend/keepPriority", SIGNED),
    "order.amendments": ("GET", "order/amendments", SIGNED),
    "orderList.place": ("POST", "order/oco", SIGNED),
    "orderList.place.oco": ("POST", "orderList/oco", SIGNED),
    "orderList.place.oto": ("POST", "orderList/oto", SIGNED),
    "orderList.place.otoco": ("POST", "orderList/otoco", SIGNED),
    "orderList.status": ("GET", "orderList", SIGNED),
    "orderList.cancel": ("DELETE", "orderList", SIGNED),
    "openOrderLists.status": ("GET", "openOrderList", SIGNED),
    "allOrderLists": ("GET", "allOrderList", SIGNED),
    "myPreventedMatches": ("GET", "myPreventedMatches", SIGNED),
    "openOrders.status": ("GET", "openOrders", SIGNED),
    "openOrders.cancelAll": ("DELETE", "openOrders", SIGNED),
    "allOrders": ("GET", "allOrders", SIGNED),
    "myTrades": ("GET", "myTrades", SIGNED),
    "account.status": ("GET", "account", SIGNED),
    "account.commission": ("GET", "account/commission", SIGNED),
    "account.rateLimits.orders": ("GET", "rateLimit/order", SIGNED),
    "userDataStream.start": ("POST", "userDataStream", KEYED),
    "userDataStream.ping": ("PUT", "userDataStream", KEYED),
    "userDataStream.stop": ("DELETE", "userDataStream", KEYED),
}
MALFORMED = Refusal(-1135, "Invalid JSON Request")
NOT_LOGGED_ON = Refusal(-2015, "Invalid API-key, IP, or permissions for action.")
SUBSCRIBED_ALREADY = Refusal(-2035, "User Data Stream subscription already active.")
NOT_SUBSCRIBED = Refusal(-2036, "User Data Stream subscription not active.")
FORBIDDEN = 401


@dataclass(eq=False, slots=True)
class Session:
    """One connection: who logged on, and which accounts it listens to."""

    client: Client
    connected_ms: int
    key: Key | None = None
    api_key: str | None = None
    since_ms: int = 0
    subscriptions: dict[int, str] = field(default_factory=dict)  # number -> account
    subscribed: int = 0  # numbers given


class SpotDialogue:
    """Every connection to the websocket API."""

    def __init__(self, spot: SpotExchange, keys: Keys, table: Directory) -> None:
        self._spot, self._keys, self._table = spot, keys, table
        self._sessions: dict[Session, None] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection to its end."""
        client = Client(combined=False)
        await client.open(request)
        session = Session(client, _wall_ms())
        self._sessions[session] = None
        try:
            async for message in client.socket:
                text = await client.hear(message)
                if text is not None:
                    client.push(orjson.dumps(self.answer(session, text)).decode())
        finally:
            self._sessions.pop(session, None)
            await client.close()
        return client.socket

    async def close(self) -> None:
        """Say good-bye on every connection."""
        for session in list(self._sessions):
            self._end(session, list(session.subscriptions))
            await session.client.close(reason=b"exchange closes")

    @property
    def clients(self) -> tuple[Client, ...]:
        """Who is connected now."""
        return tuple(session.client for session in self._sessions)

    def end_subscriptions(self) -> None:
        """Let nobody hear of his account any more, and say so."""
        for session in self._sessions:
            self._end(session, list(session.subscriptions))

    def tell(self, account: str, plain: str) -> None:
        """Tell whoever subscribed to ``account``."""
        for session in self._sessions:
            for number, listens in session.subscriptions.items():
                if listens == account:
                    session.client.push(f'{{"subscriptionId":{number},"event":{plain}}}')

    def answer(self, session: Session, text: str | bytes) -> dict[str, Any]:
        """What the exchange says to one frame."""
        number: Any = None
        limits: dict[str, Any] = {"rateLimits": [RATE_LIMITS[0] | {"count": 2}]}
        try:
            request = _read(text)
            number = request.get("id")
            params = {name: words(value) for name, value in request["params"].items()}
            if params.get("returnRateLimits") == "false":
                limits = {}
            result = self._result(session, request["method"], params)
        except RefusedError as refused:
            return {"id": number, "status": refused.status, "error": refused.answer()} | limits
        return {"id": number, "status": 200, "result": result} | limits

    def _result(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        if method.startswith("session."):
            return self._session(session, method, params)
        if method in ("userDataStream.subscribe", "userDataStream.subscribe.signature"):
            return self._subscribe(session, method, params)
        if method == "userDataStream.unsubscribe":
            return self._unsubscribe(session, params)
        if method not in METHODS:
            raise refuse(-1000, f"Unknown method: {method[:60]}")
        verb, path, needs = METHODS[method]
        account = ""
        if needs == KEYED:
            account = self._key(session, params).account
        elif needs == SIGNED:
            account = self._signer(session, params).account
        return self._table[verb, PREFIX + path].answer(account, Parameters(params, self._spot.market))

    def _key(self, session: Session, params: Mapping[str, str]) -> Key:
        if session.key is not None and "apiKey" not in params:
            return session.key
        key = identify(self._keys, params.get("apiKey"))
        if isinstance(key, Refusal):
            raise RefusedError(key, status=FORBIDDEN)
        return key

    def _signer(self, session: Session, params: Mapping[str, str]) -> Key:
        key = self._key(session, params)
        if "apiKey" in params or session.key is None:
            check_signature(key, params)
        elif objection := objection_to_time(params, _wall_ms()):
            raise RefusedError(objection)
        return key

    def _session(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        if method == "session.logon":
            key = identify(self._keys, params.get("apiKey"))
            if isinstance(key, Refusal):
                raise RefusedError(key, status=FORBIDDEN)
            check_signature(key, params)
            session.key, session.api_key, session.since_ms = key, params["apiKey"], _wall_ms()
        elif method == "session.logout":
            session.key = session.api_key = None
        elif method == "session.subscriptions":
            return [{"subscriptionId": number} for number in session.subscriptions]
        return {
            "apiKey": session.api_key,
            "authorizedSince": session.since_ms if session.key else None,
            "connectedSince": session.connected_ms,
            "returnRateLimits": True,
            "serverTime": _wall_ms(),
            "userDataStream": bool(session.subscriptions),
        }

    def _subscribe(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        if method.endswith(".signature"):
            key: Key | None = self._signer(session, params)
        else:
            key = session.key
        if key is None:
            raise RefusedError(NOT_LOGGED_ON, status=FORBIDDEN)
        if key.account in session.subscriptions.values():
            raise RefusedError(SUBSCRIBED_ALREADY)
        number = session.subscribed
        session.subscribed += 1
        session.subscriptions[number] = session.client.account = key.account
        return {"subscriptionId": number}

    def _unsubscribe(self, session: Session, params: Mapping[str, str]) -> Any:
        numbers = (
            [Parameters(params, self._spot.market).integer("subscriptionId")] if "subscriptionId" in params else []
        )
        if any(number not in session.subscriptions for number in numbers):
            raise RefusedError(NOT_SUBSCRIBED)
        self._end(session, numbers or list(session.subscriptions))
        return {}

    def _end(self, session: Session, numbers: list[int]) -> None:
        for number in numbers:
            del session.subscriptions[number]
            event = messages.stream_terminated(_wall_ms())
            session.client.push(orjson.dumps({"subscriptionId": number, "event": event}).decode())
        if not session.subscriptions:
            session.client.account = None


def check_signature(key: Key, params: Mapping[str, str]) -> None:
    """Refuse parameters that ``key`` has not signed, or signed too long ago."""
    signature = params.get("signature", "")
    if not signature:
        raise refuse(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    signed = sorted((name, value) for name, value in params.items() if name != "signature")
    plain = "&".join(f"{name}={value}" for name, value in signed)
    # Some clients escape what they sign, some do not; they differ only where a value needs it.
    if not any(payload_is_signed(key, payload, signature) for payload in (plain, urlencode(signed))):
        raise RefusedError(SIGNATURE_WRONG)
    if objection := objection_to_time(params, _wall_ms()):
        raise RefusedError(objection)


def _read(text: str | bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        raise RefusedError(MALFORMED)
    if not isinstance(request.get("params"), dict | None) or not isinstance(request.get("id"), str | int | None):
        raise RefusedError(MALFORMED)
    return request | {"params": request.get("params") or {}}


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
