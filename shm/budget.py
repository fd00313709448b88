"""One rate budget for every process on the address: orders before data, and the last of it for what ends an order.

    weight of a minute  |------- data -------|-- orders --|- cancels -|
                        0                   60 %         90 %       100 %
    feed, engine, reconciler --take--> word RATE_BUDGET <--heard-- "used" in every answer of the exchange

An estimate is enough: each answer says what the exchange has counted, and the larger number stands.
"""

from collections.abc import Callable
from enum import IntEnum

from shm.words import Words

MINUTE_NS = 60 * 1_000_000_000
NS_OF_MS = 1_000_000


class Claim(IntEnum):
    """What a request is for; its share of the whole in per cent."""

    DATA = 60
    ORDER = 90
    CANCEL = 100


class Budget:
    """The request weight of one address at one exchange, minute by minute of wall time."""

    def __init__(self, words: Words, weight_max: int, wall_ns: Callable[[], int]) -> None:
        self._words, self._weight_max, self._wall_ns = words, weight_max, wall_ns

    def take(self, claim: Claim, weight: int) -> int:
        """Take ``weight``; how many ms to wait before asking again, 0: it is granted."""
        now_ns = self._wall_ns()
        share = self._weight_max * int(claim) // 100
        if self._words.spend_weight(min(weight, share), share, now_ns // MINUTE_NS):
            return 0
        return (MINUTE_NS - now_ns % MINUTE_NS) // NS_OF_MS + 1

    def heard(self, used: str | None) -> None:
        """The exchange says what it has counted for this minute."""
        if used and used.isdecimal():
            self._words.learn_weight(int(used), self._wall_ns() // MINUTE_NS)

    def spent(self) -> int:
        """What is gone of this minute."""
        return self._words.weight_spent(self._wall_ns() // MINUTE_NS)
