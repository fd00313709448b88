"""The points at which the exchange asks whether something shall go wrong; here nothing ever does.

streams --frames, private--> text on the wire        server --serve, converse--> answer
pace ----minute-----------> (people act)             control --report, add
"""

# ruff: noqa: ARG002 - every point has the shape of the one that injects

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

FAR_NS = 1 << 62  # later than anything

Message = dict[str, Any]
Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, however it came: what it is about, how it is served, and what it came through."""

    endpoint: str  # POST /fapi/v1/order
    given: Mapping[str, str]
    serve: Callable[[], Awaitable[web.StreamResponse]]
    transport: asyncio.Transport | None

    @property
    def symbol(self) -> str:
        """The contract that it names, if it does."""
        return self.given.get("symbol", "")


class Points:
    """An exchange without faults."""

    def attach(self, exchange: Any, streams: Any) -> None:
        """Know the exchange and its streams."""

    def frames(self, name: str, message: Any, floor: str = "") -> Sequence[str]:
        """What the listeners of stream ``name`` of a floor (spot, or none) are sent instead of ``message``."""
        return (orjson.dumps(message).decode(),)

    def private(self, account: str, message: Message, floor: str = "") -> Sequence[str]:
        """What ``account`` is sent by a floor instead of ``message``."""
        return (orjson.dumps(message).decode(),)

    async def serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Answer ``request``, by ``route`` or otherwise."""
        return await route(request)

    @property
    def is_armed(self) -> bool:
        """Whether anything may go wrong."""
        return False

    async def converse(self, asked: Asked) -> web.StreamResponse:
        """Answer a request of the websocket API, by ``asked.serve`` or otherwise."""
        return await asked.serve()

    def minute(self) -> None:
        """A minute of the market is over."""

    def report(self) -> dict[str, Any]:
        """What is scheduled and what was injected."""
        return {"scheduled": [], "injected": []}

    def add(self, given: object) -> int:
        """Schedule more; how many.  Raises ScheduleError."""
        raise NotImplementedError("this exchange was started without faults")

    async def close(self) -> None:
        """Conclude the ledger."""
