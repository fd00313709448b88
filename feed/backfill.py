"""History by REST: what somebody waits for at the start, the rest soon after, each timeframe again as it closes.

A series that cannot be had is nobody else's harm: the others are loaded and kept up, and it is asked for again,
less and less often.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from feed.candle import Candle
from feed.continuity import is_well_formed
from feed.source import SourceError
from shm.topology import TIMEFRAMES_S

NAMES = {60: "1m", 300: "5m", 900: "15m", 3600: "1h", 14400: "4h", 86400: "1d"}

REST_NS, REST_NS_MAX = 250_000_000, 60_000_000_000  # of a series that failed; doubles

Fetch = Callable[[int, str, int | None, int], Awaitable[list[Candle]]]  # row, timeframe, from open_ns, count_max


def closed(found: Iterable[Candle], timeframe_s: int, now_ns: int) -> list[Candle]:
    """The candles that are over by market time ``now_ns``: well formed, on the grid, each once, in order."""
    step_ns = timeframe_s * 1_000_000_000
    good = {
        candle.open_ns: candle
        for candle in found
        if is_well_formed(candle) and candle.open_ns % step_ns == 0 and candle.open_ns + step_ns <= now_ns
    }
    return [good[open_ns] for open_ns in sorted(good)]


async def hydrate(
    series: Sequence[tuple[int, int]], now_ns: int, fetch: Fetch, *, count_max: int, at_once_max: int
) -> tuple[dict[tuple[int, int], list[Candle]], dict[tuple[int, int], SourceError]]:
    """The newest closed candles of each instrument row and timeframe number, and what failed; so many at once."""
    turnstile = asyncio.Semaphore(at_once_max)
    failed: dict[tuple[int, int], SourceError] = {}

    async def load(row: int, timeframe: int) -> list[Candle]:
        timeframe_s = TIMEFRAMES_S[timeframe]
        async with turnstile:
            try:
                found = await fetch(row, NAMES[timeframe_s], None, count_max)
            except SourceError as error:
                failed[row, timeframe] = error
                return []
        return closed(found, timeframe_s, now_ns)

    async with asyncio.TaskGroup() as group:
        tasks = {(row, timeframe): group.create_task(load(row, timeframe)) for row, timeframe in series}
    return {key: task.result() for key, task in tasks.items() if key not in failed}, failed


class Refresher:
    """Knows which higher timeframes have closed since they were last fetched."""

    def __init__(self, timeframes: Sequence[int] = tuple(range(len(TIMEFRAMES_S)))) -> None:
        """Look after these timeframes, by number."""
        self._timeframes = timeframes
        self._due: dict[tuple[int, int], int] = {}
        self._newest: dict[tuple[int, int], int] = {}
        self._failed: dict[int, int] = {}  # by instrument, how often one after the other
        self._rests_until_ns: dict[int, int] = {}  # monotonic

    def minute(self, row: int, open_ns: int) -> None:
        """A minute of ``row`` is over; note the higher timeframes that ended with it."""
        end_ns = open_ns + TIMEFRAMES_S[0] * 1_000_000_000
        for timeframe in self._timeframes:
            if timeframe and end_ns % (TIMEFRAMES_S[timeframe] * 1_000_000_000) == 0:
                self._due[row, timeframe] = end_ns

    def want(self, row: int, timeframe: int, now_ns: int) -> None:
        """Nothing of it is in HISTORY yet; fetch what closed by ``now_ns``."""
        self._due[row, timeframe] = now_ns

    def kept(self, row: int, timeframe: int, open_ns: int) -> None:
        """The candle of ``open_ns`` is in HISTORY; the next question starts after it."""
        self._newest[row, timeframe] = max(open_ns, self._newest.get((row, timeframe), 0))

    def has_work(self, now_ns: int) -> bool:
        """Is any due, and not resting after a failure, at this monotonic time?"""
        return any(now_ns >= self._rests_until_ns.get(row, 0) for row, _ in self._due)

    async def refresh(self, fetch: Fetch, keep: Callable[[int, int, Candle], None], now_ns: int) -> list[SourceError]:
        """Fetch what closed; an instrument that could not be asked is due again after a rest, and the others go on."""
        errors = []
        # Who failed before comes last: what hangs holds up nobody.
        for (row, timeframe), end_ns in sorted(
            self._due.items(), key=lambda one: (self._failed.get(one[0][0], 0), one)
        ):
            if now_ns < self._rests_until_ns.get(row, 0):
                continue
            key, timeframe_s = (row, timeframe), TIMEFRAMES_S[timeframe]
            try:
                found = await fetch(row, NAMES[timeframe_s], self._newest.get(key), 1000)
            except SourceError as error:
                self._failed[row] = self._failed.get(row, 0) + 1
                self._rests_until_ns[row] = now_ns + min(REST_NS_MAX, REST_NS << min(self._failed[row] - 1, 16))
                errors.append(error)
                continue
            self._failed.pop(row, None)
            for candle in closed(found, timeframe_s, end_ns):
                if candle.open_ns <= self._newest.get(key, -1):
                    continue  # it is there, and since when is on its record
                keep(row, timeframe, candle)
                self.kept(row, timeframe, candle.open_ns)
            # Another may have closed while we asked.
            if self._due[key] == end_ns:
                del self._due[key]
        return errors
