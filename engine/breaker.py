"""The venue's circuit breaker: asked before every order, told what became of each.

    CLOSED --failures_max in a row--> OPEN --after open_s--> HALF_OPEN: one probe
      ^                                 ^                        |
      |                                 +----it failed, longer---+
      +---------------------------------------it was answered----+

A failure is an order that the venue did not answer: unreachable, unknown, too many requests.  A refusal is an
answer.  Entries wait while it is open; what only reduces is let through, and counts as a probe of its own.
"""

from enum import Enum, auto

from engine.order import Event
from engine.settings import BreakerSettings

NS = 1_000_000_000
UNANSWERED = ("Unreachable", "Unknown", "RateLimited")  # names of classes in engine/errors.py
SILENCE = (Event.DOUBT, Event.CANCEL, Event.ABSENT)  # everything else is a word of the venue's


class State(Enum):
    """How the venue is doing."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()


class Breaker:
    """One venue's breaker; machine time, monotonic."""

    def __init__(self, settings: BreakerSettings) -> None:
        """The venue is taken to be well."""
        self._settings = settings
        self._failures = 0
        self._rounds = 0  # times in a row that it opened
        self._until_ns = 0
        self._probe = 0  # the intent whose answer decides
        self.state = State.CLOSED

    def objection(self, now_ns: int) -> str:
        """Why no entry should go to the venue now; empty: one may."""
        if self.state is State.OPEN and now_ns >= self._until_ns:
            self.state, self._probe = State.HALF_OPEN, 0
        if self.state is State.OPEN:
            left_s = -(-(self._until_ns - now_ns) // NS)
            return f"the venue has not answered {self._failures} orders in a row; the next is tried in {left_s} s"
        if self.state is State.HALF_OPEN and self._probe:
            return f"the venue is being tried with order {self._probe}"
        return ""

    def sent(self, intent_id: int) -> None:
        """An order goes out: while half open it is the probe."""
        if self.state is State.HALF_OPEN and not self._probe:
            self._probe = intent_id

    def told(self, intent_id: int, event: Event, refusal: str, now_ns: int) -> None:
        """What became of an order; while the venue is tried only the probe's answer closes."""
        if event not in SILENCE and (self.state is State.CLOSED or intent_id == self._probe):
            self._failures = self._rounds = self._probe = 0
            self.state = State.CLOSED
        elif event in SILENCE and refusal in UNANSWERED:
            self._failures += 1
            if self.state is State.HALF_OPEN or self._failures >= self._settings.failures_max:
                self._open(now_ns)
        elif event == Event.ABSENT and intent_id == self._probe:
            self._probe = 0  # it never went out and told nothing: the next order is the trial

    def _open(self, now_ns: int) -> None:
        if self.state is State.OPEN:
            return
        self._probe = 0
        pause_s = min(self._settings.open_s << min(self._rounds, 16), self._settings.open_s_max)
        self.state, self._until_ns, self._rounds = State.OPEN, now_ns + pause_s * NS, self._rounds + 1
