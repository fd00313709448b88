"""The way of one instrument's candles to the ring: judged, in order, holes filled or named.

offer --> Series.judge --NEXT--> ring
              |
              +-- GAP ABSURD MALFORMED --> repair: what REST has  --> BACKFILLED
              |        (meanwhile others wait)    what nobody has --> MISSING, one record each
              +-- the rest: counted

Where a strategy looks at spots, a contract's minute follows its spot's, unless that one is too late (feed/company.py).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from feed.candle import Candle
from feed.continuity import Series, Verdict
from feed.horizon import Horizon
from feed.outlet import MINUTE_NS, Outlet
from feed.settings import FeedSettings
from feed.source import SourceRefusedError, SourceUnreachableError
from shm.clock import Clock
from shm.counters import Counter, Counters
from shm.records import Provenance

WAITING_MAX = 4096  # candles that may queue up behind a repair; more are fetched again
ASK_AGAIN_S = 0.1
MATE_LOOK_S = 0.005
FETCH_MAX = 1000

COUNTED: dict[Verdict, Counter] = {
    Verdict.DUPLICATE: Counter.CANDLES_DUPLICATE,
    Verdict.LATE: Counter.CANDLES_LATE,
    Verdict.CORRECTED: Counter.CANDLES_CORRECTED,
    Verdict.GAP: Counter.CANDLE_GAPS_FOUND,
    Verdict.MALFORMED: Counter.CANDLES_MALFORMED,
    Verdict.ABSURD: Counter.CANDLES_ABSURD,
    Verdict.OFF_GRID: Counter.CANDLES_OFF_GRID,
    Verdict.UNCLOSED: Counter.CANDLES_UNCLOSED,
    Verdict.FUTURE: Counter.CANDLES_FUTURE,
}


class Arrival(NamedTuple):
    """A closed candle as the stream brought it."""

    candle: Candle
    event_ns: int  # market
    received_ns: int  # monotonic


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every track needs of its agent."""

    outlet: Outlet
    counters: Counters
    horizon: Horizon
    clock: Clock
    settings: FeedSettings
    fetch: Callable[[int, int, int], Awaitable[list[Candle]]]  # row, from open_ns, count_max
    report: Callable[[int, str, int], None]  # row, what happened, open_ns


class Track:
    """The minutes of instrument ``row``."""

    def __init__(self, row: int, around: Surroundings, counted: Counter = Counter.CANDLES_PUBLISHED) -> None:
        """``counted``: where its minutes are counted."""
        self.row = row
        self.series = Series(MINUTE_NS, around.settings.band_share)
        self.published: Callable[[int, int], None] | None = None  # told row and open_ns after each minute
        self._around = around
        self._waiting: dict[int, Arrival] = {}
        self._repair: asyncio.Task[None] | None = None
        self._missing = 0  # MISSING records right before the next candle
        self._due_since_ns: int | None = None
        self._counted = counted
        self._mate: Track | None = None
        self._behind_ns = (0, 0)
        self._held = (0, 0)  # the minute that waits for the mate's, and since when

    def follow(self, mate: "Track", behind_ns: tuple[int, int]) -> None:
        """Publish no minute while what ``mate`` has due is so far behind it, least and most; not for ever."""
        self._mate, self._behind_ns = mate, behind_ns

    @property
    def is_repairing(self) -> bool:
        """Is REST being asked?"""
        return self._repair is not None and not self._repair.done()

    @property
    def is_pending(self) -> bool:
        """Is there a minute that is known and not told yet, or may be?"""
        return self.is_repairing or (self._mate is not None and bool(self._waiting))

    def offer(self, candle: Candle, event_ns: int, received_ns: int) -> None:
        """Take a closed candle from the stream."""
        arrival = Arrival(candle, event_ns, received_ns)
        is_queue = self._mate is not None and bool(self._waiting)
        if self._is_ahead(arrival) and (self.is_repairing or is_queue or self._waits(candle.open_ns)):
            self._await(arrival)
        else:
            self._take(arrival)

    def go_on(self) -> None:
        """Take what waited for the mate's minute, and need not any more."""
        while self._waiting and not self.is_repairing:
            open_ns = min(self._waiting)
            if self._waits(open_ns):
                return
            self._take(self._waiting.pop(open_ns))

    def suspect(self) -> None:
        """Something says that a closed candle did not come: ask REST for all that should be there."""
        if not self.is_repairing and self.series.open_ns_next is not None:
            self._repair = asyncio.create_task(self._fill(), name=f"repair {self.row}")

    def check_lateness(self, speed: float) -> None:
        """Suspect when a candle is overdue: by other streams' time, and for a while of the machine's."""
        if self._mate is not None:
            self.go_on()
        settings, due_ns = self._around.settings, self.series.open_ns_next
        if due_ns is None or self.is_repairing or self._around.horizon.market_ns < due_ns + MINUTE_NS:
            self._due_since_ns = None
            return
        now_ns = self._around.clock.monotonic_ns()
        if self._due_since_ns is None:
            self._due_since_ns = now_ns
        patience_ms = max(settings.late_ms_max / speed if speed else 0.0, settings.late_machine_ms_max)
        if now_ns - self._due_since_ns >= patience_ms * 1e6:
            self.suspect()

    async def close(self) -> None:
        """Stop asking."""
        if self._repair is not None:
            self._repair.cancel()
            await asyncio.gather(self._repair, return_exceptions=True)

    def failure(self) -> BaseException | None:
        """What broke a repair, if anything did."""
        if self._repair is None or not self._repair.done() or self._repair.cancelled():
            return None
        return self._repair.exception()

    def _waits(self, open_ns: int) -> bool:
        """Should this minute wait for the mate's?"""
        due_ns = None if self._mate is None else self._mate.series.open_ns_next
        least_ns, most_ns = self._behind_ns
        if due_ns is None or not least_ns <= open_ns - due_ns <= most_ns:
            return False
        now_ns = self._around.clock.monotonic_ns()
        if self._held[0] != open_ns:
            self._held = (open_ns, now_ns)
        return now_ns - self._held[1] < self._around.settings.spot_wait_ms * 1_000_000

    async def _mates_minute(self, open_ns: int) -> None:
        while self._waits(open_ns):  # noqa: ASYNC110 - it ends by the clock as well
            await asyncio.sleep(MATE_LOOK_S)

    def _is_ahead(self, arrival: Arrival) -> bool:
        last = self.series.open_ns_last
        return last is None or arrival.candle.open_ns > last

    def _await(self, arrival: Arrival) -> None:
        if len(self._waiting) < WAITING_MAX:
            self._waiting.setdefault(arrival.candle.open_ns, arrival)

    def _take(self, arrival: Arrival) -> bool:
        """Judge what the stream brought, and do what the verdict says; was it published?"""
        verdict = self.series.judge(arrival.candle, arrival.event_ns)
        if verdict is Verdict.NEXT:
            self._publish(arrival.candle, Provenance.OBSERVED, arrival.received_ns)
            return True
        self._count(verdict, arrival.candle.open_ns)
        if verdict is Verdict.CORRECTED:
            self._revise(arrival)
        elif verdict is Verdict.GAP:
            self._await(arrival)
            self.suspect()
        elif verdict in (Verdict.ABSURD, Verdict.MALFORMED):
            self.suspect()
        return False

    def _count(self, verdict: Verdict, open_ns: int) -> None:
        self._around.counters.add(COUNTED[verdict])
        self._around.report(self.row, verdict.name, open_ns)

    def _publish(self, candle: Candle, provenance: Provenance, received_ns: int = 0) -> None:
        if candle.trades == 0 and candle.volume == 0.0:
            provenance = Provenance.QUIET
            self._around.counters.add(Counter.CANDLES_QUIET)
        elif provenance is Provenance.BACKFILLED:
            self._around.counters.add(Counter.CANDLES_BACKFILLED)
        sequence = self._around.outlet.publish(
            self.row, candle, provenance, missing=self._missing, received_ns=received_ns
        )
        self._missing = 0
        self.series.admit(candle, sequence)
        self._around.counters.add(self._counted)
        self._tell(candle.open_ns)

    def _tell(self, open_ns: int) -> None:
        if self._mate is not None:
            asyncio.get_running_loop().call_soon(self._mate.go_on)
        if self.published is not None:
            self.published(self.row, open_ns)

    def _revise(self, arrival: Arrival) -> None:
        revised = self.series.sequence_of(arrival.candle.open_ns)
        sequence = self._around.outlet.publish(
            self.row, arrival.candle, Provenance.CORRECTED, revises=revised, received_ns=arrival.received_ns
        )
        self.series.admit(arrival.candle, sequence)

    async def _fill(self) -> None:
        """Bring the series up to the market's time, whatever the stream withheld."""
        absent, deadline_ns = 0, 0
        while (due_ns := self.series.open_ns_next) is not None:
            if due_ns in self._waiting:
                await self._mates_minute(due_ns)
                if self._take_waiting(due_ns):
                    absent, deadline_ns = 0, 0
                    continue
            elif due_ns + MINUTE_NS > self._horizon_ns():
                break
            deadline_ns = deadline_ns or self._deadline_ns()
            found = await self._fetch(due_ns, deadline_ns)
            if found is not None and await self._take_fetched(found):
                absent, deadline_ns = 0, 0
                continue
            absent += found is not None
            if absent >= self._around.settings.absent_answers_count or found is None:
                self._give_up(due_ns, found or [])
                absent, deadline_ns = 0, 0
            else:
                await asyncio.sleep(ASK_AGAIN_S)
        self._waiting.clear()

    def _take_waiting(self, open_ns: int) -> bool:
        """Publish what the stream brought for ``open_ns``, if it stands the judgement."""
        arrival = self._waiting.pop(open_ns)
        verdict = self.series.judge(arrival.candle, arrival.event_ns)
        if verdict is Verdict.NEXT:
            self._publish(arrival.candle, Provenance.OBSERVED, arrival.received_ns)
            return True
        self._count(verdict, open_ns)
        return False

    def _horizon_ns(self) -> int:
        return self._around.horizon.market_ns

    def _deadline_ns(self) -> int:
        return self._around.clock.monotonic_ns() + self._around.settings.missing_after_ms * 1_000_000

    async def _fetch(self, due_ns: int, deadline_ns: int) -> list[Candle] | None:
        """What REST has from ``due_ns`` on; None when it could not be asked until the deadline."""
        while True:
            try:
                return await self._around.fetch(self.row, due_ns, FETCH_MAX)
            except (SourceUnreachableError, SourceRefusedError) as error:
                self._around.counters.add(Counter.REQUESTS_FAILED)
                self._around.report(self.row, f"REST: {error}", due_ns)
            if self._around.clock.monotonic_ns() >= deadline_ns:
                return None
            await asyncio.sleep(ASK_AGAIN_S)

    async def _take_fetched(self, found: list[Candle]) -> int:
        """Publish the unbroken run that REST gave; how many."""
        count = 0
        for candle in found:
            due_ns = self.series.open_ns_next
            if due_ns is None or candle.open_ns < due_ns:
                continue
            if candle.open_ns > due_ns or candle.open_ns + MINUTE_NS > self._horizon_ns():
                break
            if due_ns in self._waiting:  # the stream's own word comes first
                break
            await self._mates_minute(due_ns)
            verdict = self.series.judge(candle, self._horizon_ns(), confirmed=True)
            if verdict is not Verdict.NEXT:
                self._count(verdict, candle.open_ns)
                break
            self._publish(candle, Provenance.BACKFILLED)
            count += 1
        if count:
            self._around.counters.add(Counter.CANDLE_GAPS_FILLED)
        return count

    def _give_up(self, due_ns: int, found: list[Candle]) -> None:
        """Name every candle from ``due_ns`` to the next one that exists, or to now, MISSING."""
        known = [open_ns for open_ns in (*(each.open_ns for each in found), *self._waiting) if open_ns > due_ns]
        end_ns = min([*known, (self._horizon_ns() // MINUTE_NS) * MINUTE_NS])
        end_ns = max(end_ns, due_ns + MINUTE_NS)
        count = (end_ns - due_ns) // MINUTE_NS
        untold = max(0, count - self._around.settings.gap_candles_max)
        self._missing += untold
        for open_ns in range(due_ns + untold * MINUTE_NS, end_ns, MINUTE_NS):
            sequence = self._around.outlet.publish_missing(self.row, open_ns, missing=self._missing)
            self.series.admit_missing(open_ns, sequence)
            self._missing += 1
            self._tell(open_ns)
        self._around.counters.add(Counter.CANDLES_MISSING, count)
        self._around.report(self.row, f"{count} MISSING", due_ns)
