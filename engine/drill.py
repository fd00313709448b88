"""The kill switch tried at every start: each path and each level against dry orders, none of which can leave.

    level --file, read back--> KillFile     level --word, read back--> Words
    level --> risk review ---> approved? \\
    level --> gate's last look --> bytes? -+--> exactly what the ladder allows, else the engine does not start

              NORMAL  NO_ENTRIES  EXITS_ONLY  FLATTEN  HALT
    entry     leaves  -           -           -        -
    exit      leaves  leaves      leaves      leaves   -
    stop      leaves  leaves      leaves      leaves   -
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine import errors
from engine.gate import Gate, Stance
from engine.gate import objection as standing_objection
from engine.order import Event, Intent, OrderType
from engine.risk import Approved, Book, Limits, review
from engine.switch import KillFile
from engine.venue.base import Acknowledged
from shm.records import Kill, Purpose
from shm.words import WORDS_BYTES, Words

DRY = "kill-switch.drill"
_AGE_NS_MAX = 10**9
_LIMITS = Limits(
    unit=1,
    lots_min=1,
    lots_max=10,
    market_lots_max=10,
    notional_min=1,
    trading=True,
    position_lots_max=10,
    position_notional_max=10**6,
    order_notional_max=10**6,
    gross_notional_max=10**6,
    orders_per_minute_max=10,
)


class DrillError(Exception):
    """The switch does not do what it is for: nothing may be traded behind it."""


@dataclass(frozen=True, slots=True)
class Drilled:
    """What was tried, and how long it took."""

    orders: int
    took_ns: int


class DryVenue:
    """Takes orders as a venue does, the last question included, and drops them."""

    def __init__(self) -> None:
        self.left = 0

    async def place(self, approved: Approved, objection: Callable[[], str]) -> Acknowledged:
        """Count what would have left."""
        if words := objection():
            raise errors.NotSent(words)
        self.left += 1
        return Acknowledged(
            venue_order_id=approved.intent.client_id, event=Event.ACK, lots_filled=0, sent_ns=0, market_ns=0
        )

    async def cancel(self, intent: Intent) -> None:
        """Nothing rests here."""


async def drill(folder: Path, monotonic_ns: Callable[[], int]) -> Drilled:
    """Try every level by every path; ``DrillError`` names the first thing that is not as it must be."""
    begun_ns, orders = monotonic_ns(), 0
    area = np.zeros(WORDS_BYTES // 8, np.int64)
    for level in Kill:
        # A word of its own, since the session's may only rise.
        area[:] = 0
        words = Words(area.ctypes.data, retain=area)
        words.raise_kill(level)
        for path, found in (("file", _through_file(folder / DRY, level)), ("word", words.kill_level())):
            if found is not level:
                raise DrillError(f"kill switch drill: the {path} says {found.name} where {level.name} was written")
        for purpose in (Purpose.ENTRY, Purpose.EXIT, Purpose.STOP):
            await _try(level, purpose)
            orders += 1
    return Drilled(orders, monotonic_ns() - begun_ns)


def allowed(level: Kill, purpose: Purpose) -> bool:
    """What the ladder lets through: entries only at NORMAL, what reduces below HALT."""
    return level is Kill.NORMAL if purpose is Purpose.ENTRY else level < Kill.HALT


def _through_file(path: Path, level: Kill) -> Kill:
    try:
        path.write_text(f"{level.name}\n", encoding="ascii")
        found = KillFile(path).level()
        path.unlink()
    except OSError as error:
        raise DrillError(f"kill switch drill: {path}: {error.strerror}") from error
    return found


async def _try(level: Kill, purpose: Purpose) -> None:
    intent = _dry(purpose)
    if isinstance(review(intent, _book(level, purpose), _LIMITS), Approved) is not allowed(level, purpose):
        raise DrillError(f"kill switch drill: risk is wrong about {purpose.name} at {level.name}")
    # The gate is asked about an order that risk had let through before the level rose.
    approved = review(intent, _book(Kill.NORMAL, purpose), _LIMITS)
    if not isinstance(approved, Approved):
        raise DrillError(f"kill switch drill: {purpose.name} is refused at NORMAL: {approved.words}")
    venue = DryVenue()
    gate = Gate(venue, lambda one: standing_objection(one, 0, _AGE_NS_MAX, Stance(kill=level)))
    with suppress(errors.NotSent):
        await gate.place(approved)
    if bool(venue.left) is not allowed(level, purpose):
        raise DrillError(f"kill switch drill: {purpose.name} at {level.name}: {venue.left} left")


def _dry(purpose: Purpose) -> Intent:
    is_stop = purpose is Purpose.STOP
    return Intent(
        intent_id=1,
        client_id="dry",
        account="dry",
        venue="dry",
        instrument="DRY",
        allocation=(("dry", 1),),
        purpose=purpose,
        type=OrderType.STOP_MARKET if is_stop else OrderType.MARKET,
        side=1 if purpose is Purpose.ENTRY else -1,
        lots=1,
        stop_ticks=90 if is_stop else 0,
        reduce_only=purpose is not Purpose.ENTRY,
        target_id=1,
        reference_ticks=100,
        created_market_ns=0,
        created_wall_ns=0,
    )


def _book(level: Kill, purpose: Purpose) -> Book:
    return Book(
        market_ns=0,
        kill=level,
        drained=False,
        valid_until_ns=1,
        position_lots=0 if purpose is Purpose.ENTRY else 1,
        open_lots=0,
        other_notional=0,
        orders_last_minute=0,
        in_doubt=0,
        foreign_lots=0,
    )
