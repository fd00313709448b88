"""Where an engine may be killed: every statement of its journal, and every step of every request, numbered and named.

A life counts the points that it passes; the one whose number it was given is where SIGKILL strikes.
"""

import asyncio
import os
import re
import signal
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine import errors, journal
from engine.events import BookEvent, Intended
from engine.order import Intent
from engine.venue.base import Acknowledged
from tests.stress.schedule import Schedule
from tests.stress.virtual import MS, Handle
from tests.stress.wire import ON_REQUESTS, TIMEOUT_MS, Fault, Weather, Wire


class Points:
    """The points of one life."""

    def __init__(self, kill_at: int) -> None:
        """Strike at the point of that number; 0: at none."""
        self.kill_at = kill_at
        self.passed: list[str] = []

    def at(self, name: str) -> None:
        """One more."""
        self.passed.append(name)
        if len(self.passed) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Connection:
    """SQLite, with a point before and after each statement."""

    def __init__(self, real: sqlite3.Connection, points: Points) -> None:
        """Pass everything on."""
        self._real, self._points = real, points

    def execute(self, statement: str, *more: Any) -> Any:
        """One statement."""
        return self._between(statement, lambda: self._real.execute(statement, *more))

    def executemany(self, statement: str, rows: Sequence[Any]) -> Any:
        """One statement for each row."""
        return self._between(statement, lambda: self._real.executemany(statement, rows)) if rows else None

    def close(self) -> None:
        """Close."""
        self._real.close()

    def _between(self, statement: str, act: Callable[[], Any]) -> Any:
        name = re.split(r"\(| VALUES| SET", " ".join(statement.split()))[0].strip()
        if name.startswith(("SELECT", "PRAGMA")):
            return act()
        self._points.at(f"journal: before {name}")
        done = act()
        self._points.at(f"journal: after {name}")
        return done


class Disk:
    """The real journal on a real file, waited for before time goes on."""

    points: Points

    def __init__(self, folder: Path, monotonic_ns: Callable[[], int]) -> None:
        """Open it under ``points``."""
        real = sqlite3.connect
        journal.sqlite3 = SimpleNamespace(  # type: ignore[attr-defined]
            connect=lambda *a, **k: Connection(real(*a, **k), self.points), Error=sqlite3.Error
        )
        self._schedule = Schedule.now
        self._journal = journal.Journal(folder, monotonic_ns)
        self.books = self._journal.books
        self.failure = ""
        for order in self.books.orders.values():
            self._schedule.disk.intents[order.intent.client_id] = True

    def append(self, events: Sequence[BookEvent]) -> "asyncio.Future[int]":
        """Durable before anything else happens, told a moment later."""
        schedule = self._schedule
        durable_ns = self._journal.write(events).result(60)
        for event in events:
            if isinstance(event, Intended):
                schedule.disk.intents[event.intent.client_id] = True
        future: asyncio.Future[int] = schedule.loop.create_future()
        schedule.world.put(MS, schedule.loop, Handle(_resolve, (future, durable_ns)))
        return future


class Steps(Wire):
    """A wire that delivers at once and passes points; a fault strikes the first order."""

    points: Points

    async def _send(self, intent: Intent) -> Acknowledged:
        self.points.at("send: the request has not left")
        acknowledged = await super()._send(intent)
        self.points.at("send: the answer was heard")
        return acknowledged

    async def _request(self, act: Callable[[], Any], fault: Fault | None) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        timeout = errors.Unknown("timeout")
        if fault in (Fault.REQUEST_LOST, Fault.LANDS_LATE):
            if fault is Fault.LANDS_LATE:
                self._world.later((TIMEOUT_MS + 100) * MS, _quietly, act)
            self._world.later(TIMEOUT_MS * MS, _fail, answer, timeout)
        else:
            result, error = None, None
            try:
                result = act()
            except errors.VenueError as refusal:
                error = refusal
            if fault is Fault.ANSWER_LOST:
                self._world.later(TIMEOUT_MS * MS, _fail, answer, timeout)
            elif error is not None:
                self._world.later(2 * MS, _fail, answer, error)
            else:
                self._world.later(2 * MS, _resolve, answer, result)
        self.points.at("request: it was handed over, no answer yet")
        return await answer

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end."""
        self.points.at("cancel: the request has not left")
        await super().cancel(intent)
        self.points.at("cancel: the answer was heard")


class FirstOrder(Weather):
    """One fault, of the first order that is placed."""

    fault: Fault | None = None

    def strikes(self, among: Sequence[Fault]) -> Fault | None:
        """The fault, once."""
        if among is not ON_REQUESTS:
            return None
        fault, self.fault = self.fault, None
        return fault


def _resolve(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _quietly(act: Callable[[], Any]) -> None:
    try:
        act()
    except errors.VenueError:
        return
