"""Which instruments the venue is asked about: few each time, of hundreds those that stir and some others in turn.

    up to EACH_MAX   every one, each time
    more             those that stir  +  the next TURN of the quiet ones  (all are seen every so many rounds)
                     all of them, where something does not add up

A venue counts requests, and one that is asked about hundreds of instruments at once answers none in time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

EACH_MAX = 16
TURN = 16
AT_ONCE_MAX = 8  # questions under way


class Rota:
    """Whose turn it is."""

    def __init__(self, symbols: Sequence[str]) -> None:
        """Begin with the first of ``symbols``."""
        self._symbols = tuple(symbols)
        self._turns = deque(symbols)

    @property
    def is_long(self) -> bool:
        """Whether there are too many to ask about each, each time."""
        return len(self._symbols) > EACH_MAX

    def due(self, stirring: Iterable[str]) -> list[str]:
        """Those that stir, and whose turn it is, in their order."""
        if not self.is_long:
            return list(self._symbols)
        turn = [self._turns[place] for place in range(TURN)]
        self._turns.rotate(-TURN)
        asked = dict.fromkeys([*stirring, *turn])
        return [symbol for symbol in self._symbols if symbol in asked]


async def few_at_once(symbols: Iterable[str], ask: Callable[[str], Awaitable[None]]) -> None:
    """Ask about each of ``symbols``, ``AT_ONCE_MAX`` at a time; the first failure ends all of it."""
    turnstile = asyncio.Semaphore(AT_ONCE_MAX)

    async def one(symbol: str) -> None:
        async with turnstile:
            await ask(symbol)

    tasks = [asyncio.ensure_future(one(symbol)) for symbol in symbols]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
