"""Patience with a venue: a first question asked again, and no question at all while it wants to be left alone."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from engine import errors

ATTEMPTS_MAX = 6  # with pauses up to 0.2, 0.4 ... 3.2 s: less than the supervisor's patience with a start
PAUSE_S = 0.1


async def asked_again(ask: Callable[[], Awaitable[object]], chance: Callable[[], float]) -> object:
    """Ask until there is an answer; a venue in maintenance at our start is no reason to die."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            return await ask()
        except (errors.NotSent, errors.Unknown):
            if attempt == ATTEMPTS_MAX:
                raise
        await asyncio.sleep((0.5 + chance() / 2) * PAUSE_S * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


class Ban:
    """How long the venue wants no request of ours, whatever it is about."""

    def __init__(self) -> None:
        self._until_ns = 0

    def hear(self, headers: Mapping[str, str] | None, now_ns: int, usual_ms: int = 0) -> int:
        """The venue said so in ``Retry-After``, or it is its way; in milliseconds."""
        text = str((headers or {}).get("Retry-After", ""))
        wait_ms = int(text) * 1_000 if text.isdigit() else usual_ms
        self._until_ns = max(self._until_ns, now_ns + wait_ms * 1_000_000)
        return wait_ms

    def left_ms(self, now_ns: int) -> int:
        """What is left of it; 0: ask."""
        return max(0, -(-(self._until_ns - now_ns) // 1_000_000))
