"""Faults on what comes in, by REST or by the websocket API: requests and answers that are lost, late or wrong.

request --> closed? banned? --> fault? --lost-------------------> the connection breaks
                                  |    --refused----------------> code
                                  |    --landed, then trouble --> served; 503, -1007 or the connection breaks
                                  |    --late ------------------> trouble now, served later
                                  +--none-----------------------> served
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from engine.venue.embedded.faults.kinds import SPOT_ORDER, SPOT_REFUSALS, Place
from engine.venue.embedded.faults.ledger import Injected
from engine.venue.embedded.faults.points import Asked, Route
from engine.venue.embedded.faults.scene import Scene
from engine.venue.embedded.faults.schedule import Fault
from engine.venue.embedded.faults.wires import Wires

MINUTE_MS = 60_000
VERBS = {"GET": "asked", "POST": "SENT AGAIN", "PUT": "changed", "DELETE": "cancelled"}
NAMES = ("newClientOrderId", "clientAlgoId", "origClientOrderId", "orderId", "algoId")
UNAVAILABLE = (503, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes.")
STATUS_UNKNOWN = (
    408,
    -1007,
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
)


@dataclass(slots=True)
class Door:
    """What stands before REST and the streams' handshakes."""

    scene: Scene
    wires: Wires
    _closed_until_ns: int = 0
    _banned_until_ns: int = 0
    _ban: Injected | None = None
    _blind_until_ns: int = 0
    _orders: dict[str, Injected] = field(default_factory=dict)  # client id -> the fault that struck its request
    _later: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _gone: dict[str, None] = field(default_factory=dict)  # symbols that were delisted
    _ticks: dict[str, str] = field(default_factory=dict)  # of symbols that have another one now

    async def serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Answer ``request``, by ``route`` or otherwise."""
        now_ns = time.monotonic_ns()
        if now_ns < self._closed_until_ns:
            return answer(503, -1008, "System maintenance.")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            self.wires.connected()
            return await route(request)
        if self._ban is not None and now_ns < self._banned_until_ns:
            self.scene.ledger.became(self._ban, "asked again during the ban")
            return self._ban_answer(now_ns)
        given = dict(
            parse_qsl(f"{request.rel_url.raw_query_string}&{(await request.read()).decode('utf-8', 'replace')}")
        )
        endpoint = f"{request.method} {request.path.rstrip('/')}"
        return await self._answer(Asked(endpoint, given, lambda: route(request), request.transport))

    async def converse(self, asked: Asked) -> web.StreamResponse:
        """Answer a request of the websocket API as REST would."""
        now_ns = time.monotonic_ns()
        if now_ns < self._closed_until_ns:
            return answer(503, -1008, "System maintenance.")
        if self._ban is not None and now_ns < self._banned_until_ns:
            self.scene.ledger.became(self._ban, "asked again during the ban")
            return self._ban_answer(now_ns)
        return await self._answer(asked)

    async def _answer(self, asked: Asked) -> web.StreamResponse:
        endpoint, given = asked.endpoint, asked.given
        is_blind = time.monotonic_ns() < self._blind_until_ns
        if is_blind and endpoint.startswith("GET ") and endpoint.endswith(("order", "algoOrder")):
            return answer(400, -2013, "Order does not exist.")
        if asked.symbol in self._gone and endpoint in ("POST /fapi/v1/order", "POST /fapi/v1/algoOrder"):
            return answer(400, -4140, "Invalid symbol status for opening position.")
        reduces = given.get("reduceOnly") == "true"
        fault = self.scene.strike(Place.REQUEST, asked.symbol, endpoint, reduces=reduces)
        if fault is not None:
            return await self._spoil(fault, asked)
        served = await asked.serve()
        if endpoint == "GET /fapi/v1/exchangeInfo" and (self._gone or self._ticks):
            return self._rules(served)
        self._watch(endpoint, given, served)
        return served

    def close_for(self, seconds: float) -> None:
        """Answer everything with 503 for so long."""
        self._closed_until_ns = time.monotonic_ns() + int(seconds * 1e9)

    def delist(self, symbol: str) -> None:
        """Take no more orders of ``symbol``."""
        self._gone[symbol] = None

    def rescale(self, symbol: str, tick_e8: int, factor: str) -> str:
        """Name another tick of ``symbol``: ``factor`` times ``tick_e8``."""
        self._ticks[symbol] = format((Decimal(tick_e8).scaleb(-8) * Decimal(factor)).normalize(), "f")
        return self._ticks[symbol]

    def _rules(self, served: web.StreamResponse) -> web.StreamResponse:
        """The contracts' rules with what has become of them."""
        told = _said(served)
        for contract in told.get("symbols", ()):
            name = contract["symbol"]
            if name in self._gone:
                contract["status"] = "SETTLING"
            for one in contract["filters"]:
                if one["filterType"] == "PRICE_FILTER" and name in self._ticks:
                    one["tickSize"] = self._ticks[name]
        return web.Response(status=served.status, body=orjson.dumps(told), content_type="application/json")

    async def finish(self) -> None:
        """Drop what would still have been served later."""
        for task in self._later.values():
            task.cancel()
        await asyncio.gather(*self._later.values(), return_exceptions=True)

    async def _spoil(self, fault: Fault, asked: Asked) -> web.StreamResponse:
        name = name_of(asked.given)
        row = self.scene.write(fault.kind, f"{asked.endpoint} {asked.symbol}".strip(), name)
        if name:
            self._orders[name] = row
        lands = fault.kind in ("response_lost", "server_error", "status_unknown") and fault.chosen != "lost"
        if lands:
            self._note(row, await asked.serve())
        match fault.kind:
            case "request_lost" | "response_lost" | "landed_late":
                if fault.kind == "landed_late":
                    task = asyncio.create_task(self._serve_later(fault, row, asked))
                    self._later[row.id] = task
                elif not lands:
                    self.scene.ledger.became(row, "the exchange never saw it")
                await asyncio.sleep(fault.lasts_s if fault.kind != "landed_late" else 0.0)
                return _broken(asked)
            case "server_error" | "status_unknown":
                if not lands:
                    self.scene.ledger.became(row, "the exchange never saw it")
                return answer(*(UNAVAILABLE if fault.kind == "server_error" else STATUS_UNKNOWN))
            case "fill_beats_cancel":
                await asyncio.sleep(fault.lasts_s)
                served = await asked.serve()
                self._note(row, served)
                return served
        return self._refuse(fault, row, asked.endpoint)

    def _refuse(self, fault: Fault, row: Injected, endpoint: str) -> web.StreamResponse:
        assert fault.about.refusal is not None, "what is neither lost nor served is refused"
        at_spot = endpoint == SPOT_ORDER and fault.kind in SPOT_REFUSALS
        status, code, text = SPOT_REFUSALS[fault.kind] if at_spot else fault.about.refusal
        now_ns, lasts_ns = time.monotonic_ns(), int(fault.lasts_s * 1e9)
        self.scene.ledger.became(row, f"refused with {code}")
        match fault.kind:
            case "banned":
                self._ban, self._banned_until_ns = row, now_ns + lasts_ns
                return self._ban_answer(now_ns)
            case "not_found":
                self._blind_until_ns = now_ns + lasts_ns
            case "too_many":
                return answer(status, code, text, retry_after=fault.chosen)
            case "filter" if not at_spot:
                code = int(float(fault.chosen))
        return answer(status, code, text)

    def _ban_answer(self, now_ns: int) -> web.Response:
        seconds = max(1, -(-(self._banned_until_ns - now_ns) // 1_000_000_000))
        return answer(418, -1003, f"Way too many requests; IP banned for {seconds} s.", retry_after=str(seconds))

    async def _serve_later(self, fault: Fault, row: Injected, asked: Asked) -> None:
        await asyncio.sleep(fault.lasts_s)
        self._note(row, await asked.serve(), "late: ")

    def _note(self, row: Injected, served: web.StreamResponse, prefix: str = "") -> None:
        """What the exchange answered, though nobody heard it."""
        said = _said(served)
        state = said.get("status") or said.get("algoStatus") or said.get("code", "")
        self.scene.ledger.became(row, f"{prefix}{state} {said.get('orderId') or said.get('algoId') or ''}".strip())

    def _watch(self, endpoint: str, given: Mapping[str, str], served: web.StreamResponse) -> None:
        """See whether somebody comes back to what a fault has struck."""
        if endpoint.endswith("/klines"):
            start, length = int(given.get("startTime") or 0), int(given.get("limit") or 500)
            self.wires.asked(given.get("symbol", ""), start, start + length * MINUTE_MS if start else 1 << 62)
            return
        row = self._orders.get(name_of(given))
        if row is not None:
            said = _said(served)
            state = said.get("status") or said.get("algoStatus") or said.get("code", "")
            verb = VERBS.get(endpoint.partition(" ")[0], "asked")
            self.scene.ledger.became(row, f"{verb}: {state}")


def name_of(given: Mapping[str, str]) -> str:
    """The order that a request is about, by the client's name where there is one."""
    return next((given[name] for name in NAMES if given.get(name)), "")


def answer(status: int, code: int, message: str, *, retry_after: str = "") -> web.Response:
    """An error as the exchange writes it."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    body = orjson.dumps({"code": code, "msg": message})
    return web.Response(status=status, body=body, headers=headers, content_type="application/json")


def _broken(asked: Asked) -> web.Response:
    if asked.transport is not None:
        asked.transport.abort()
    return web.Response()


def _said(served: web.StreamResponse) -> dict[str, Any]:
    body = served.body if isinstance(served, web.Response) else None
    if not isinstance(body, bytes):
        return {}
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
