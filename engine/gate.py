"""The last look before an order leaves: what was approved a moment ago may be wrong by now.

    approved --disk, lane, rate limit, a process that was stopped--> Gate --objection--> NotSent: planned anew
                                                                      |
                                                                      +--none--> the bytes leave

Asked by the venue when the request is signed and about to be handed to the socket.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine import errors
from engine.order import Intent
from engine.risk import Approved
from engine.venue.base import Acknowledged
from shm.records import Kill

NS_OF_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """What is true of the session at this instant: read when asked, never remembered."""

    kill: Kill = Kill.NORMAL
    may_enter: bool = True  # the session runs: it neither starts nor drains
    is_current: bool = True  # no later engine has begun


def objection(intent: Intent, age_ns: int, age_ns_max: int, stance: Stance) -> str:
    """Why ``intent``, approved ``age_ns`` ago, must not leave any more; empty: it may."""
    if not stance.is_current:
        return "another engine has begun"
    if age_ns > age_ns_max:
        return f"approved {age_ns // NS_OF_MS} ms ago: too old to be sent"
    if stance.kill >= Kill.HALT:
        return "the kill switch stands at HALT"
    if intent.reduce_only:
        return ""
    if stance.kill >= Kill.NO_ENTRIES:
        return f"the kill switch stands at {stance.kill.name}: no entries"
    return "" if stance.may_enter else "the session is not running: no entries"


class Door(Protocol):
    """The part of a venue through which orders leave."""

    async def place(self, approved: Approved, objection: Callable[[], str]) -> Acknowledged:
        """Send once; ``objection`` is asked last of all."""
        ...

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end."""
        ...


class Shut:
    """The door of a session that only observes: nothing leaves, whatever was approved."""

    async def place(self, approved: Approved, objection: Callable[[], str]) -> Acknowledged:  # noqa: ARG002
        """Send nothing."""
        raise errors.NotSent(f"this session only observes: {approved.intent.client_id} stays here")

    async def cancel(self, intent: Intent) -> None:
        """Send nothing."""
        raise errors.NotSent(f"this session only observes: {intent.client_id} rests on")


class Gate:
    """A venue whose orders are looked at once more; ``objects`` says why one must not leave."""

    def __init__(self, venue: Door, objects: Callable[[Intent], str]) -> None:
        self._venue, self._objects = venue, objects

    async def place(self, approved: Approved) -> Acknowledged:
        """Send once, unless there is an objection at the last moment: then ``NotSent``."""
        return await self._venue.place(approved, lambda: self._objects(approved.intent))

    async def cancel(self, intent: Intent) -> None:
        """Ask for the order's end; nothing speaks against that."""
        await self._venue.cancel(intent)
