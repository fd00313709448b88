"""The start's history, round by round: who answers is loaded, who does not is asked again, and named in the end.

    round 1   BTC x   ETH x   SOL .   XYZ -      x  candles     .  the network failed     -  refused, or nothing there
    round 2                   SOL x
    -> loaded BTC ETH SOL; without a history: XYZ, and why

A start waits for the slowest of those that answer, and a while longer for those that do not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from feed.backfill import Fetch, hydrate
from feed.candle import Candle
from feed.settings import FeedSettings
from feed.source import SourceError, SourceUnreachableError
from shm.counters import Counter, Counters

ROUNDS = 5
PAUSE_S = 0.02  # before the second round; doubles

Key = tuple[int, int]  # row, timeframe number


@dataclass(slots=True)
class Loaded:
    """What a start has of the past; ``failed``: series that could not be had."""

    candles: dict[Key, list[Candle]] = field(default_factory=dict)
    failed: dict[Key, SourceError] = field(default_factory=dict)

    def silent(self) -> dict[int, str]:
        """Rows without a closed minute, and why."""
        found = {
            row: "no closed candle" for (row, timeframe), candles in self.candles.items() if not (timeframe or candles)
        }
        found |= {row: str(error) for (row, timeframe), error in self.failed.items() if not timeframe}
        return dict(sorted(found.items()))


async def load(
    series: Sequence[Key], now_ns: int, fetch: Fetch, settings: FeedSettings, monotonic_ns: Callable[[], int]
) -> Loaded:
    """Ask for ``series``; those that the network kept back again, for as long as the settings are patient.

    Raises the first error where nothing at all was loaded: then it is the exchange that cannot be asked.
    """
    loaded, wanted, until_ns = Loaded(), list(series), 0
    for attempt in range(ROUNDS):
        found, failed = await hydrate(
            wanted, now_ns, fetch, count_max=settings.hydration_count_max, at_once_max=settings.requests_at_once_max
        )
        loaded.candles |= found
        for key in found:
            loaded.failed.pop(key, None)
        loaded.failed |= failed
        wanted = [key for key, error in failed.items() if isinstance(error, SourceUnreachableError)]
        until_ns = until_ns or monotonic_ns() + settings.hydration_wait_ms * 1_000_000
        if not wanted or (loaded.candles and monotonic_ns() >= until_ns):
            break
        if attempt < ROUNDS - 1:
            await asyncio.sleep(PAUSE_S * 2**attempt)
    if loaded.failed and not loaded.candles:
        raise next(iter(loaded.failed.values()))
    return loaded


async def market_ns(ask: Callable[[], Awaitable[int]], counters: Counters) -> int:
    """The market's time, asked for a few times: a start should not fail by one answer."""
    for attempt in range(ROUNDS - 1):
        try:
            return await ask()
        except SourceError:
            counters.add(Counter.REQUESTS_FAILED)
        await asyncio.sleep(PAUSE_S * 2**attempt)
    return await ask()
