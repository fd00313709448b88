"""The websocket API: requests and answers on one connection, in the words of REST.

{"id", "method", "params"} --> logged on, or key and signature --> Rest's route --> {"id", "status", "result"}

A signature covers the parameters in alphabetical order.  ``session.logon`` (Ed25519
only, as on the exchange) makes key and signature unnecessary until ``session.logout``.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from engine.venue.embedded import messages
from engine.venue.embedded.clients import ClientRules
from engine.venue.embedded.envelope import Logon, Methods, converse, enquiry_of, named, opened
from engine.venue.embedded.faults.points import Points
from engine.venue.embedded.limits import LimitedError
from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.parameters import RefusedError, refuse, words
from engine.venue.embedded.rest import Access, Rest
from engine.venue.embedded.signing import wall_ms

PATH = "/ws-fapi/v1"
PREFIX = "/fapi/"
NEEDS_NOTHING, NEEDS_KEY, NEEDS_SIGNATURE = "nothing", "key", "signature"
METHODS: Methods = {
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
LOGON_UNSUPPORTED = Refusal(-4056, "HMAC_SHA256 API key is not supported.")


@dataclass(slots=True)
class Session:
    """One connection: who logged on, and since when."""

    address: str
    logon: Logon
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
        session = Session(request.remote or "", Logon(wall_ms()))
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
        asked = enquiry_of(text, METHODS, PREFIX) if self.faults.is_armed else None
        if asked is None:
            return self.answer(session, text)

        def serve() -> dict[str, Any]:
            said = self.answer(session, text)
            self._rest.settle()
            return said

        said = await converse(self.faults, asked, serve, transport)
        return said and said | self._limits(session)

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
            request = opened(text)
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
        account = session.logon.key.account if session.logon.key else ""
        return {"rateLimits": list(self._access.meter.counts(session.address, account, time.time_ns()))[:1]}

    def _result(self, session: Session, request: dict[str, Any]) -> Any:
        method, params = request["method"], {name: words(value) for name, value in request["params"].items()}
        if method in SESSIONS:
            self._access.meter.charge(session.address, 2, time.time_ns())
            return self._session(session, method, params)
        if method not in METHODS:
            raise refuse(-1000, f"Unknown method: {method[:60]}")
        verb, path, needs = METHODS[method]
        self._access.meter.charge(session.address, self._rest.weight(verb, f"{PREFIX}{path}"), time.time_ns())
        account = ""
        if needs == NEEDS_KEY:
            account = session.logon.key_of(self._access.keys, params).account
        elif needs == NEEDS_SIGNATURE:
            account = session.logon.signer(self._access.keys, params).account
        return self._rest.answer(verb, f"{PREFIX}{path}", account, params)

    def _session(self, session: Session, method: str, params: Mapping[str, str]) -> Any:
        if method == "session.logon" and not named(self._access.keys, params).is_public:
            raise RefusedError(LOGON_UNSUPPORTED)
        told = session.logon.turn(method, self._access.keys, params)
        return told | {"returnRateLimits": session.shows_limits}


async def _end(socket: web.WebSocketResponse, after_s: float) -> None:
    """A connection is good for a day."""
    await asyncio.sleep(after_s)
    await socket.close(code=WSCloseCode.GOING_AWAY, message=b"connection is 24 hours old")
