"""Faults while they happen: the points of an exchange, asked for real.

schedule --> Triggers --+--> Wires   frames, private events, connections
                        +--> Door    requests
                        +--> Acts    accounts           every one of them --> FaultLedger
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from engine.venue.embedded.faults.acts import Acts
from engine.venue.embedded.faults.door import Door
from engine.venue.embedded.faults.kinds import LIFE, PEOPLE
from engine.venue.embedded.faults.ledger import FaultLedger
from engine.venue.embedded.faults.points import FAR_NS, Asked, Message, Points, Route
from engine.venue.embedded.faults.scene import Scene
from engine.venue.embedded.faults.schedule import Fault, Schedule, parse
from engine.venue.embedded.faults.triggers import Triggers
from engine.venue.embedded.faults.wires import Wires


class Faults(Points):
    """An exchange where things go wrong as scheduled."""

    def __init__(self, schedule: Schedule, path: Path | None = None) -> None:
        """Write what strikes to ``path``, if there is one."""
        self._scene = Scene(Triggers(schedule), FaultLedger(path))
        self._wires = Wires(self._scene)
        self._door = Door(self._scene, self._wires)
        self._acts: Acts | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @property
    def is_armed(self) -> bool:
        """Whether anything was ever scheduled."""
        return bool(self._scene.triggers.all)

    def attach(self, exchange: Any, streams: Any) -> None:
        """Know the exchange and its streams."""
        self._scene.exchange, self._scene.streams = exchange, streams
        self._acts = Acts(exchange)

    def frames(self, name: str, message: Any, floor: str = "") -> Sequence[str]:
        """What the listeners of stream ``name`` of a floor are sent instead of ``message``."""
        return self._wires.frames(name, message, floor) if self.is_armed else (orjson.dumps(message).decode(),)

    def private(self, account: str, message: Message, floor: str = "") -> Sequence[str]:
        """What ``account`` is sent by a floor instead of ``message``."""
        return self._wires.private(account, message, floor) if self.is_armed else (orjson.dumps(message).decode(),)

    async def serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Answer ``request``, by ``route`` or otherwise; the control paths are never spoiled."""
        if not self.is_armed or request.path.startswith("/ringmaster/"):
            return await route(request)
        return await self._door.serve(request, route)

    async def converse(self, asked: Asked) -> web.StreamResponse:
        """Answer a request of the websocket API, by ``asked.serve`` or otherwise."""
        return await self._door.converse(asked) if self.is_armed else await asked.serve()

    def minute(self) -> None:
        """A minute of the market is over: what is due happens."""
        if self.is_armed:
            for fault in self._scene.triggers.due(self._scene.minute):
                self._happen(fault)

    def report(self) -> dict[str, Any]:
        """What is scheduled and what was injected."""
        scheduled = [asdict(one.fault) | {"hits": one.hits} for one in self._scene.triggers.all]
        return {"scheduled": scheduled, "injected": [asdict(row) for row in self._scene.ledger.rows]}

    def add(self, given: object) -> int:
        """Schedule more; how many.  Raises ScheduleError."""
        return self._scene.triggers.add(parse(given).faults)

    async def close(self) -> None:
        """Drop what would still have happened, and conclude the ledger."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._door.finish()
        self._scene.ledger.close()

    def _happen(self, fault: Fault) -> None:
        wires, scene = self._wires, self._scene
        match fault.kind:
            case "silent":
                wires.hush(fault)
            case "half_open":
                wires.freeze(fault)
            case "reconnect_storm" | "user_stream_lost":
                row_id = len(scene.ledger.rows)
                storm = self._storm if fault.kind == "reconnect_storm" else self._deafen
                self._tasks[row_id] = asyncio.create_task(storm(fault))
            case "maintenance":
                row = scene.write(fault.kind, "everything", f"closed for {fault.lasts_s} s")
                self._door.close_for(fault.lasts_s)
                for private in (False, True):
                    wires.cut(row, private=private)
            case "listen_key_expired":
                row = scene.write(fault.kind, "private connections", "every listen key")
                for floor in (scene.streams, *scene.streams.followers):
                    floor.expire_listen_keys(FAR_NS, scene.exchange.now_ns // 1_000_000)
                wires.await_connection(row)
            case "tick_change":
                symbol = fault.symbol or scene.exchange.listings[0].id
                tick = self._door.rescale(symbol, scene.exchange.by_id[symbol].tick_e8, fault.chosen)
                scene.ledger.became(scene.write(fault.kind, symbol, f"tick {tick}"), "told by exchangeInfo")
            case kind if kind in (*PEOPLE, *LIFE):
                self._act(fault)

    def _act(self, fault: Fault) -> None:
        assert self._acts is not None, "attached before the market moves"
        exchange = self._scene.exchange
        symbol = fault.symbol or exchange.listings[0].id
        for account in exchange.accounts:
            if fault.kind == "delisting":
                self._door.delist(symbol)
            done, came = self._acts.perform(fault.kind, account, symbol, fault.chosen)
            self._scene.ledger.became(self._scene.write(fault.kind, f"{account} {symbol}", done), came)
        self._scene.streams.publish(exchange.drain())

    async def _storm(self, fault: Fault) -> None:
        row = self._scene.write(fault.kind, "market connections", f"for {fault.lasts_s} s")
        pause_s, cut = max(0.05, float(fault.chosen)), 0
        for _ in range(max(1, round(fault.lasts_s / pause_s))):
            cut += self._wires.cut(row, private=False)
            await asyncio.sleep(pause_s)
        self._scene.ledger.became(row, f"over; {cut} connections were cut")

    async def _deafen(self, fault: Fault) -> None:
        lasting = self._wires.deafen(fault)
        await asyncio.sleep(fault.lasts_s)
        cut = self._wires.cut(lasting.row, private=True)
        self._scene.ledger.became(lasting.row, f"over; {lasting.dropped} events were not told, {cut} connections cut")
