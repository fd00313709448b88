"""History by REST: what somebody waits for at the start, the rest soon after, each timeframe again as it closes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from feed.candle import Candle
from feed.continuity import is_well_formed
from shm.topology import TIMEFRAMES_S

NAMES = {60: "1m", 300: "5m", 900: "15m", 3600: "1h", 14400: "4h", 86400: "1d"}

Fetch = Callable[[int, str, int | None, int], Awaitable[list[Candle]]]  # row, timeframe, from open_ns, count_max


Keep = Callable[[int, int, list[Candle]], None]  # row, timeframe number, closed candles


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
    series: Sequence[tuple[int, int]], now_ns: int, reach: tuple[Fetch, Keep], *, count_max: int, at_once_max: int
) -> None:
    """Keep the newest closed candles of each instrument row and timeframe number, so many requests at once.

    Each series is kept as it comes: hundreds of them would not fit into the memory that one takes.
    """
    fetch, keep = reach
    turnstile = asyncio.Semaphore(at_once_max)

    async def load(row: int, timeframe: int) -> None:
        timeframe_s = TIMEFRAMES_S[timeframe]
        async with turnstile:
            found = await fetch(row, NAMES[timeframe_s], None, count_max)
            keep(row, timeframe, closed(found, timeframe_s, now_ns))

    async with asyncio.TaskGroup() as group:
        for row, timeframe in series:
            group.create_task(load(row, timeframe))


class Refresher:
    """Knows which higher timeframes have closed since they were last fetched."""

    def __init__(self, timeframes: Sequence[int] = tuple(range(len(TIMEFRAMES_S)))) -> None:
        """Look after these timeframes, by number."""
        self._timeframes = timeframes
        self._due: dict[tuple[int, int], int] = {}
        self._newest: dict[tuple[int, int], int] = {}

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

    @property
    def has_work(self) -> bool:
        """Has any closed since?"""
        return bool(self._due)

    async def refresh(self, fetch: Fetch, keep: Keep) -> None:
        """Fetch what closed; what could not be asked is due again."""
        for (row, timeframe), end_ns in sorted(self._due.items()):
            timeframe_s = TIMEFRAMES_S[timeframe]
            since_ns = self._newest.get((row, timeframe))
            found = closed(await fetch(row, NAMES[timeframe_s], since_ns, 1000), timeframe_s, end_ns)
            keep(row, timeframe, found)
            for candle in found[-1:]:
                self.kept(row, timeframe, candle.open_ns)
            # Another may have closed while we asked.
            if self._due[row, timeframe] == end_ns:
                del self._due[row, timeframe]
