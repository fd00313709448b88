"""When to ask about an order again, and when its absence is proved: by the machine's monotonic time alone.

    known ----------- horizon -----------> absence is proof
      |  ask  ask    ask        ask ...    (less and less often)
      +--> not found once: what only reduces may be placed anew meanwhile,
           each time after a longer look, so that stops and exits do not pile up

A wall clock that is set forward proves nothing, so a new life of the process waits anew.
"""

from collections.abc import Iterable

from engine.order import CONDITIONAL, Intent, Order
from engine.settings import ExecutorSettings
from shm.records import OrderState

NS_OF_MS = 1_000_000


class Questions:
    """What is asked about; orders by the number of their intent."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self._settings = settings
        self._asked: dict[int, tuple[int, int]] = {}  # how often, monotonic time of the next
        self._known_ns: dict[int, int] = {}
        self._missed: dict[int, str] = {}  # their instruments

    @property
    def missed(self) -> frozenset[int]:
        """Orders that the venue did not find when it was asked."""
        return frozenset(self._missed)

    def begin(self, intent_id: int, now_ns: int) -> None:
        """From now on, in this life, the order may be at the venue."""
        self._known_ns[intent_id] = now_ns

    def miss(self, intent: Intent, asked_ns: int) -> bool:
        """Asked then, the venue knew no such order; whether that proves that it never will.

        The answer may have waited for us, on the wire or while the process was stopped: the question's time counts.
        """
        self._missed[intent.intent_id] = intent.instrument
        known_ns = self._known_ns.setdefault(intent.intent_id, asked_ns)
        return asked_ns - known_ns >= self._settings.unknown_horizon_ms * NS_OF_MS

    def doubt(self, intent_id: int) -> None:
        """The order is in doubt: the next question does not wait for an answer that will not come any more."""
        self._asked.pop(intent_id, None)

    def is_due(self, order: Order, now_ns: int) -> bool:
        """Whether to ask about ``order`` now, which ought to have moved on."""
        intent_id, settings = order.intent.intent_id, self._settings
        if order.state == OrderState.OPEN and order.intent.type in CONDITIONAL:
            self._asked.pop(intent_id, None)
            return False
        known = self._asked.get(intent_id)
        asked, next_ns = known or (0, now_ns + self._first_ms(order) * NS_OF_MS)
        is_due = now_ns >= next_ns
        if is_due:
            asked += 1
            next_ns = now_ns + min(settings.ask_first_ms << min(asked, 16), settings.ask_last_ms) * NS_OF_MS
        self._asked[intent_id] = (asked, next_ns)
        return is_due

    def _first_ms(self, order: Order) -> int:
        """How long the first question waits: the longer, the more orders there the venue did not find."""
        settings, symbol = self._settings, order.intent.instrument
        first_ms = settings.unanswered_ms if order.state == OrderState.NEW else settings.ask_first_ms
        doubts = sum(name == symbol for name in self._missed.values())
        return max(first_ms, min(first_ms << min(doubts, 16), settings.ask_last_ms))

    def forget(self, settled: Iterable[int]) -> None:
        """These orders are settled."""
        for intent_id in settled:
            for kept in (self._asked, self._known_ns, self._missed):
                kept.pop(intent_id, None)

    @property
    def open(self) -> tuple[int, ...]:
        """Every order that anything is remembered of."""
        return tuple({**self._asked, **self._known_ns, **self._missed})
