"""The websocket API: requests and answers on one connection, in the words of REST.

{"id", "method", "params"} --> logged on, or key and signature --> Rest's route --> {"id", "status", "result"}

A signature covers the parameters in alphabetical order.  ``session.logon`` (Ed25519
only, as on the exchange) makes key and signature unnecessary until ``session.logout``.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from engine.venue.embedded import messages
from engine.venue.embedded.clients import ClientRules
from engine.venue.embedded.faults.points import Asked, Points
from engine.venue.embedded.limits import LimitedError
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import RefusedError, refuse, words
from engine.venue.embedded.rest import Access, Rest, wall_ms
from engine.venue.embedded.signing import SIGNATURE_WRONG, Key, identify, objection_to_time, payload_is_signed

PATH = "/ws-fapi/v1"
NEEDS_NOTHING, NEEDS_KEY, NEEDS_SIGNATURE = "nothing", "key", "signature"
METHODS: Mapping[str, tuple[str, str, str]] = {
    "ping": ("GET", "v1/ping", NEEDS_NOTHING),
    "time": ("GET", "v1/time", NEEDS_NOTHING),
    "depth": ("GET", "v1/depth", NEEDS_NOTHING),
    "ticker.price": ("GET", "v2/ticker/price", NEEDS_NOTHING),
    "ticker.book": ("GET", "v1/ticker/bookTicker", NEEDS_NOTHING),
    "order.place": ("POST", "v1/order", NEEDS_SIGNATURE),
    "order.test": ("POST", "v1/order/test", NEEDS_SIGNATURE),
    "order.modify": ("PUT", "v1/order", NEEDS_SIGNATURE),
    "order.cancel": ("DELETE", "v1/order", NEEDS_SIGNATURE),
    "order.status": ("GET", "v1/order", NEEDS_SIGNATURE),
    "algoOrder.place": ("POST", "v1/algoOrder", NEEDS_SIGNATURE),
    "algoOrder.cancel": ("DELETE", "v1/algoOrder", NEEDS_SIGNATURE),
    "account.balance": ("GET", "v2/balance", NEEDS_SIGNATURE),
    "v2/account.balance": ("GET", "v3/balance", NEEDS_SIGNATURE),
    "account.status": ("GET", "v2/account", NEEDS_SIGNATURE),
    "v2/account.status": ("GET", "v3/account", NEEDS_SIGNATURE),
    "account.position": ("GET", "v2/positionRisk", NEEDS_SIGNATURE),
    "v2/account.position": ("GET", "v3/positionRisk", NEEDS_SIGNATURE),
    "userDataStream.start": ("POST", "v1/listenKey", NEEDS_KEY),
    "userDataStream.ping": ("PUT", "v1/listenKey", NEEDS_KEY),
    "userDataStream.stop": ("DELETE", "v1/listenKey", NEEDS_KEY),
}
SESSIONS = ("session.logon", "session.status", "session.logout")
MALFORMED = Refusal(-1135, "Invalid JSON Request")
LOGON_UNSUPPORTED = Refusal(-4056, "HMAC_SHA256 API key is not supported.")


@dataclass(slots=True)
class Session:
    """One connection: who logged on, and since when."""

    address: str
    key: Key | None = None
    api_key: str | None = None
    since_ms: int = 0
    connected_ms: int = 0
    shows_limits: bool = True


class Dialogue:
    """The websocket API of the futures exchange."""

    def __init__(self, rest: Rest, access: Access, rules: ClientRules) -> None:
        self._rest = rest
        self._access = access
        self._rules = rules
        self._sockets: dict[web.WebSocketResponse, None] = {}
        self.faults: Points = Points()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection to its end."""
        socket = web.WebSocketResponse(
            heartbeat=self._rules.ping_s, max_msg_size=self._rules.request_bytes_max, compress=False
        )
        await socket.prepare(request)
        session = Session(request.remote or "", connected_ms=wall_ms())
        session.shows_limits = request.query.get("returnRateLimits", "true") != "false"
        self._sockets[socket] = None
        ending = asyncio.create_task(_end(socket, self._rules.lifetime_s))
        try:
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                answer = await self._reply(session, message.data, request.transport)
                if answer is None:
                    break
                await socket.send_str(orjson.dumps(answer).decode())
                self._rest.settle()
        except ConnectionError:
            # The client is gone; what it asked for was done.
            self._rest.settle()
        finally:
            ending.cancel()
            self._sockets.pop(socket, None)
        return socket

    async def _reply(
        self, session: Session, text: str | bytes, transport: asyncio.Transport | None
    ) -> dict[str, Any] | None:
        """The answer to one frame, or what a fault makes of it; None when the connection has broken."""
        found = _endpoint(text) if self.faults.is_armed else None
        if found is None:
            return self.answer(session, text)
        endpoint, number, given = found

        async def serve() -> web.StreamResponse:
            said = self.answer(session, text)
            self._rest.settle()
            return web.Response(status=said["status"], body=orjson.dumps(said.get("result", said.get("error"))))

        served = await self.faults.converse(Asked(endpoint, given, serve, transport))
        if transport is None or transport.is_closing():
            return None
        assert isinstance(served, web.Response), "what is asked in a frame is answered whole"
        body = orjson.loads(served.body if isinstance(served.body, bytes) else b"null")
        if served.status != HTTPStatus.OK and (wait := served.headers.get("Retry-After")):
            body["data"] = {"serverTime": wall_ms(), "retryAfter": wall_ms() + int(wait) * 1000}
        name = "result" if served.status == HTTPStatus.OK else "error"
        return {"id": number, "status": served.status, name: body} | self._limits(session)

    async def announce_end(self) -> None:
        """Tell every connection that it is about to end."""
        text = orjson.dumps({"event": messages.server_shutdown(wall_ms())}).decode()
        # Who is gone already need not be told.
        await asyncio.gather(*(socket.send_str(text) for socket in list(self._sockets)), return_exceptions=True)

    async def close(self) -> None:
        """Say good-bye on every connection."""
        for socket in list(self._sockets):
            await socket.close(code=1001, message=b"exchange closes")

    def answer(self, session: Session, text: str | bytes) -> dict[str, Any]:
        """What the exchange says to one frame."""
        number: Any = None
        try:
            request = _read(text)
            number = request.get("id")
            result = self._result(session, request)
        except RefusedError as refused:
            error: dict[str, Any] = {"code": refused.refusal.code, "msg": refused.refusal.message}
            if isinstance(refused, LimitedError):
                error["data"] = {"serverTime": wall_ms(), "retryAfter": wall_ms() + refused.retry_seconds * 1000}
            return {"id": number, "status": refused.status, "error": error} | self._limits(session)
        return {"id": number, "status": 200, "result": result} | self._limits(session)

    def _limits(self, session: Session) -> dict[str, Any]:
        if not session.shows_limits:
            return {}
        account = session.key.account if session.key else ""
        return {"rateLimits": list(self._access.meter.counts(session.address, account, time.time_ns()))[:1]}

    def _result(self, session: Session, request: dict[str, Any]) -> Any:
        method, params = request["method"], {name: words(value) for name, value in request["params"].items()}
        if method in SESSIONS:
            self._access.meter.charge(session.address, 2, time.time_ns())
            return self._session(session, method, params)
        if method not in METHODS:
            raise refuse(-1000, f"Unknown method: {method[:60]}")
        verb, path, needs = METHODS[method]
        self._access.meter.charge(session.address, self._rest.weight(verb, f"/fapi/{path}"), time.time_ns())
        account = ""
        if needs == NEEDS_KEY:
            account = self._key(session, params).account
        elif needs == NEEDS_SIGNATURE:
            account = self._signer(session, params).account
        return self._rest.answer(verb, f"/fapi/{path}", account, params)

    def _key(self, session: Session, params: Mapping[str, str]) -> Key:
        if session.key is not None and "apiKey" not in params:
            return session.key
        key = identify(self._access.keys, params.get("apiKey"))
        if isinstance(key, Refusal):
            raise RefusedError(key, status=401)
        return key

    def _signer(self, session: Session, params: Mapping[str, str]) -> Key:
        key = self._key(session, params)
        if "apiKey" in params or session.key is None:
            _check(key, params)
        elif objection := objection_to_time(params, wall_ms()):
            raise RefusedError(objection)
        return key

    def _session(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        if method == "session.logon":
            key = identify(self._access.keys, params.get("apiKey"))
            if isinstance(key, Refusal):
                raise RefusedError(key, status=401)
            if not key.is_public:
                raise RefusedError(LOGON_UNSUPPORTED)
            _check(key, params)
            session.key, session.api_key, session.since_ms = key, params["apiKey"], wall_ms()
        elif method == "session.logout":
            session.key = session.api_key = None
        return {
            "apiKey": session.api_key,
            "authorizedSince": session.since_ms if session.key else None,
            "connectedSince": session.connected_ms,
            "returnRateLimits": session.shows_limits,
            "serverTime": wall_ms(),
        }


async def _end(socket: web.WebSocketResponse, after_s: float) -> None:
    """A connection is good for a day."""
    await asyncio.sleep(after_s)
    await socket.close(code=WSCloseCode.GOING_AWAY, message=b"connection is 24 hours old")


def _endpoint(text: str | bytes) -> tuple[str, Any, dict[str, str]] | None:
    """The path of REST that a frame asks, its number and its parameters; None where it asks no path."""
    try:
        request = _read(text)
    except RefusedError:
        return None
    if request["method"] not in METHODS:
        return None
    verb, path, _ = METHODS[request["method"]]
    return f"{verb} /fapi/{path}", request.get("id"), {name: words(one) for name, one in request["params"].items()}


def _read(text: str | bytes) -> dict[str, Any]:
    """The request of a frame: an object with a method, and parameters where there are any."""
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        raise RefusedError(MALFORMED)
    params = request.get("params")
    if not isinstance(params, dict | None) or not isinstance(request.get("id"), str | int | None):
        raise RefusedError(MALFORMED)
    return request | {"params": params or {}}


def _check(key: Key, params: Mapping[str, str]) -> None:
    signature = params.get("signature", "")
    if not signature:
        raise refuse(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    signed = sorted((name, value) for name, value in params.items() if name != "signature")
    plain = "&".join(f"{name}={value}" for name, value in signed)
    # Some clients escape what they sign, some do not; they differ only where a value needs it.
    if not payload_is_signed(key, plain, signature) and not payload_is_signed(key, urlencode(signed), signature):
        raise RefusedError(SIGNATURE_WRONG)
    if objection := objection_to_time(params, wall_ms()):
        raise RefusedError(objection)
