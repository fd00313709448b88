"""The websocket API of spot: requests, answers and the account's own events on one connection.

{"id", "method", "params"} --> logged on, or key and signature --> the route of REST --> {"id", "status", "result"}
userDataStream.subscribe   --> {"subscriptionId", "event": {...}} from then on, until unsubscribed

A signature covers the parameters in alphabetical order.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from engine.venue.embedded.clients import Client
from engine.venue.embedded.directory import Directory
from engine.venue.embedded.envelope import UNAUTHORIZED, Logon, Methods, converse, enquiry_of, opened
from engine.venue.embedded.faults.points import Points
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import Parameters, RefusedError, refuse, words
from engine.venue.embedded.signing import Key, Keys, wall_ms
from engine.venue.embedded.spot import messages
from engine.venue.embedded.spot.exchange import SpotExchange
from engine.venue.embedded.spot.quotations import RATE_LIMITS

PATH = "/ws-api/v3"
PREFIX = "/api/v3/"
FREE, KEYED, SIGNED = "free", "keyed", "signed"
METHODS: Methods = {
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
NOT_LOGGED_ON = Refusal(-2015, "Invalid API-key, IP, or permissions for action.")
SUBSCRIBED_ALREADY = Refusal(-2035, "User Data Stream subscription already active.")
NOT_SUBSCRIBED = Refusal(-2036, "User Data Stream subscription not active.")


@dataclass(eq=False, slots=True)
class Session:
    """One connection: who logged on, and which accounts it listens to."""

    client: Client
    logon: Logon
    subscriptions: dict[int, str] = field(default_factory=dict)  # number -> account
    subscribed: int = 0  # numbers given


class SpotDialogue:
    """Every connection to the websocket API."""

    def __init__(self, spot: SpotExchange, keys: Keys, table: Directory) -> None:
        self._spot, self._keys, self._table = spot, keys, table
        self._sessions: dict[Session, None] = {}
        self.faults: Points = Points()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection to its end."""
        client = Client(combined=False)
        await client.open(request)
        session = Session(client, Logon(wall_ms()))
        self._sessions[session] = None
        try:
            async for message in client.socket:
                text = await client.hear(message)
                if text is None:
                    continue
                said = await self._reply(session, text, request.transport)
                if said is None:
                    break
                client.push(orjson.dumps(said).decode())
        finally:
            self._sessions.pop(session, None)
            await client.close()
        return client.socket

    async def _reply(
        self, session: Session, text: str | bytes, transport: asyncio.Transport | None
    ) -> dict[str, Any] | None:
        asked = enquiry_of(text, METHODS, PREFIX) if self.faults.is_armed else None
        if asked is None:
            return self.answer(session, text)
        said = await converse(self.faults, asked, lambda: self.answer(session, text), transport)
        return said and said | _limits(asked.given)

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
        params: dict[str, str] = {}
        try:
            request = opened(text)
            number = request.get("id")
            params = {name: words(value) for name, value in request["params"].items()}
            result = self._result(session, request["method"], params)
        except RefusedError as refused:
            return {"id": number, "status": refused.status, "error": refused.answer()} | _limits(params)
        return {"id": number, "status": 200, "result": result} | _limits(params)

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
            account = session.logon.key_of(self._keys, params).account
        elif needs == SIGNED:
            account = session.logon.signer(self._keys, params).account
        return self._table[verb, PREFIX + path].answer(account, Parameters(params, self._spot.market))

    def _session(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        if method == "session.subscriptions":
            return [{"subscriptionId": number} for number in session.subscriptions]
        told = session.logon.turn(method, self._keys, params)
        return told | {"userDataStream": bool(session.subscriptions)}

    def _subscribe(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        if method.endswith(".signature"):
            key: Key | None = session.logon.signer(self._keys, params)
        else:
            key = session.logon.key
        if key is None:
            raise RefusedError(NOT_LOGGED_ON, status=UNAUTHORIZED)
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
            event = messages.stream_terminated(wall_ms())
            session.client.push(orjson.dumps({"subscriptionId": number, "event": event}).decode())
        if not session.subscriptions:
            session.client.account = None


def _limits(params: Mapping[str, str]) -> dict[str, Any]:
    return {} if params.get("returnRateLimits") == "false" else {"rateLimits": [RATE_LIMITS[0] | {"count": 2}]}
