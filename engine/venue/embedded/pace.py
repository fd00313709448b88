"""Drives the market: how fast ``Exchange.advance`` is called, and when not at all.

frozen --run--> running --drain--> frozen for good (orders are still accepted)
                   |
  speed X   a minute of the market every 60/X seconds
  max       at once, as long as the clients keep up
  step      the next minute when the engine has settled the last; a minute's candle is told
            when the engine has booked the fills of its path, so that whoever decides on
            the candle sees the position that it left
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, CandleUpdate, OrderUpdate
from engine.venue.embedded.exchange import POINTS_MAX, Exchange
from engine.venue.embedded.faults.points import Points
from engine.venue.embedded.streams import Streams

POINTS_PER_SECOND_MAX = 20
SYMBOL_POINTS_PER_SECOND_MAX = 400  # of all symbols together: each is told of in three to six messages
BACKLOG_MAX = 2_000  # messages; the market waits for its slowest client, within reason
PATIENCE_LOOK_S = 0.001
PATIENCE_LOOKS = 5_000  # five seconds or so, then whoever still lags is cut
STEP_LOOK_S = 0.0005
BOOKED_LOOKS = 2_000  # a second or so; an engine that is gone longer recovers by asking
LATE_S_MAX = 1.0
BURST_MAX = 64  # minutes at `max` between two breaths

MAX, STEP = "max", "step"


@dataclass(frozen=True, slots=True)
class Speed:
    """Real time times ``factor``, or ``max``, or ``step``."""

    mode: str  # "real", "max", "step"
    factor: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Speed":
        """Return the speed of ``60``, ``max`` or ``step``."""
        if text in (MAX, STEP):
            return cls(text)
        try:
            factor = float(text)
        except ValueError:
            factor = 0.0
        if not 0.001 <= factor <= 1e6:
            raise ValueError(f"speed {text!r}: a number from 0.001 to 1000000, max or step")
        return cls("real", factor)

    def points_per_candle(self, symbols_count: int = 1) -> int:
        """Points of a minute's path: about twenty a second of machine time, fewer where many symbols share them."""
        if self.mode != "real":
            return 1
        per_second = min(POINTS_PER_SECOND_MAX, SYMBOL_POINTS_PER_SECOND_MAX / max(1, symbols_count))
        return max(1, min(POINTS_MAX, int(per_second * 60 / self.factor)))


class Pace:
    """The market's clockwork; ``drive`` it as a task."""

    def __init__(
        self,
        exchange: Exchange,
        streams: Streams,
        speed: Speed,
        settled_ns: Callable[[], int],
        is_booked: Callable[[], bool] = lambda: True,
    ) -> None:
        self._exchange = exchange
        self._streams = streams
        self._speed = speed
        self._settled_ns = settled_ns
        self._is_booked = is_booked
        self._started = asyncio.Event()
        # Nobody settles before the first candle; an exchange that resumes waits for its last one.
        self._awaited_ns = exchange.now_ns if exchange.advances else 0
        self.is_drained = False
        self.candles_count = 0
        self.faults: Points = Points()

    @property
    def is_running(self) -> bool:
        """Whether the market moves."""
        return self._started.is_set() and not self.is_drained and not self._exchange.is_over

    def run(self) -> None:
        """Let the market move."""
        self._started.set()

    def drain(self) -> None:
        """Freeze it for good."""
        self.is_drained = True

    def catch_up(self) -> None:
        """Before a request: know what the market has done.  One that only moves when it is told to has done nothing."""

    def step(self, minutes: int) -> int:
        """Move by whole minutes now, whatever the pace; return how many were there."""
        for done in range(minutes):
            if self._exchange.is_over:
                return done
            for _ in range(self._exchange.closes_in):
                self._advance()
        return minutes

    async def drive(self) -> None:
        """Move the market until it is drained or over."""
        await self._started.wait()
        match self._speed.mode:
            case "real":
                await self._drive_timed()
            case "step":
                await self._drive_stepwise()
            case _:
                await self._drive_flat_out()

    def _advance(self) -> None:
        closes = self._exchange.closes_in == 1
        self._streams.publish(self._exchange.advance())
        self._count(closes)

    async def _advance_unhurried(self) -> None:
        """The same, while requests are answered: what hundreds of symbols do is told in portions."""
        closes = self._exchange.closes_in == 1
        await self._streams.publish_in_portions(self._exchange.advance())
        self._count(closes)

    def _count(self, closes: bool) -> None:
        if closes:
            self.candles_count += 1
            self._awaited_ns = self._exchange.now_ns
            self.faults.minute()

    async def _drive_timed(self) -> None:
        interval_s = 60.0 / self._speed.factor / self._exchange.settings.points_per_candle
        # The first minute is nearly over when it begins: nobody waits for the first candle.
        for _ in range(self._exchange.closes_in - 1 if not self._exchange.advances else 0):
            await self._advance_unhurried()
        due_s = time.monotonic() + interval_s
        while self.is_running:
            # Late by a little is caught up; late by much (a suspended machine) is not.
            due_s = max(due_s, time.monotonic() - LATE_S_MAX)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if self.is_running:
                await self._advance_unhurried()
            due_s += interval_s

    async def _drive_stepwise(self) -> None:
        while self.is_running:
            if self._settled_ns() < self._awaited_ns:
                await asyncio.sleep(STEP_LOOK_S)
                continue
            events = self._exchange.advance()
            private = [event for event in events if isinstance(event, OrderUpdate | AlgoUpdate | AccountUpdate)]
            self._streams.publish(private)
            for _ in range(BOOKED_LOOKS if private else 0):
                await asyncio.sleep(STEP_LOOK_S)
                if self._is_booked():
                    break
            self._streams.publish(
                [event for event in events if not isinstance(event, OrderUpdate | AlgoUpdate | AccountUpdate)]
            )
            self.candles_count += 1
            if any(isinstance(event, CandleUpdate) and event.closed for event in events):
                # A minute without a candle leaves nothing to settle.
                self._awaited_ns = self._exchange.now_ns
            await asyncio.sleep(0)

    async def _drive_flat_out(self) -> None:
        while self.is_running:
            for _ in range(BURST_MAX):
                if self.is_running and self._streams.backlog_count < BACKLOG_MAX:
                    self._advance()
            await asyncio.sleep(0)
            await self._let_clients_catch_up()

    async def _let_clients_catch_up(self) -> None:
        for _ in range(PATIENCE_LOOKS):
            if self._streams.backlog_count < BACKLOG_MAX:
                return
            await asyncio.sleep(PATIENCE_LOOK_S)
        self._streams.cut_slowest(BACKLOG_MAX)
