"""The life of a session, from the first process to the last: prepare, run, drain, stop.

    compile --> PREPARE: exchange, feed, brain, engine READY --> RUN --> (operator, limit, failure)
                                                                  |
    summary <-- STOP <-- reconciler's last look <-- engine DRAIN <-- brain and engine caught up <-- exchange DRAIN

The exchange's market freezes first, so what is left to do is finite; orders are still accepted until
the engine has settled.
"""

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from orchestrator.commentary import Commentary
from orchestrator.crew import Crew, Happening
from orchestrator.policy import OBSERVERS, UP
from orchestrator.rollcall import some
from orchestrator.screen import Screen
from orchestrator.settings import SupervisorSettings
from shm.records import Life, Order

OBSERVED_AFTER_S = 2.0  # at the latest
HEARD_WITHIN_S = 3.0  # an injected fault may keep a candle from the feed for good
CHECKS = {
    "exchange": "the embedded exchange listens on loopback",
    "feed": "history loaded, streams open",
    "brain": "strategies loaded",
    "engine": "journal, books and exchange agree",
}


class Wish:
    """What the operator asked for by signal: leave (stops stay), flatten (positions close), or at once."""

    def __init__(self) -> None:
        self.is_asked = False
        self.flatten = False
        self.at_once = False
        self.also: Callable[[], object] = int  # what a wish ends at once; nothing yet

    def listen(self) -> None:
        """Take Ctrl-C, SIGTERM and SIGUSR1 from now on."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._told)

    def _told(self, number: int, _: FrameType | None) -> None:
        self.at_once = self.is_asked and number == signal.SIGINT
        self.is_asked = True
        self.flatten = self.flatten or number == signal.SIGUSR1
        self.also()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a session ends by itself."""

    seconds: float | None = None
    candles: int | None = None


class Gauges(Protocol):
    """What the supervisor reads of the running session."""

    def candles(self) -> int:
        """Candles published so far."""
        ...

    def decision_latency_ns(self) -> tuple[int, int]:
        """p50 and p99 of the brain's hop."""
        ...

    def lost_and_doubled(self) -> tuple[int, int | None]:
        """Records lost, and intents that the exchange carried out more than once, if the journal can say."""
        ...

    def protection(self) -> str:
        """Whether every open position has its stop, in words."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What a supervisor works with."""

    crew: Crew
    commentary: Commentary
    gauges: Gauges
    screen: Screen
    wish: Wish
    settings: SupervisorSettings
    deposit: int  # minor units
    beat: Callable[[Life], None]  # writes the supervisor's own pulse
    stop_trading: Callable[[], object]  # raises the kill word
    traders: Sequence[str]  # nothing moves before these are READY
    alarms: Callable[[int], Iterable[str]]  # lines for the operator, at monotonic time
    keep_past: Callable[[], object]  # records what the brain warms up with, before anything moves
    silent: Callable[[], Sequence[str]]  # symbols without a first record, once the traders are ready
    refuses_silent: bool = False  # does not trade without them


class Supervisor:
    """Drives one session through its life."""

    def __init__(self, equipment: Equipment, limits: Limits, drained: Callable[[], None]) -> None:
        """``drained`` is called once everything stands still and the exchange can still be asked."""
        self._tools = equipment
        self._crew = equipment.crew
        self._screen = equipment.screen
        self._wish = equipment.wish
        self._limits = limits
        self._checked: set[str] = set()
        self._drained = drained
        self._ran_ns = self._ended_ns = 0
        self.restarts: dict[str, int] = {}
        self._hinted = self._told_flatten = False
        self.difference = ""  # the reconciler's last word

    def run(self) -> str:
        """Live through the session; returns how it ended: finished, interrupted, or what failed."""
        try:
            if not self._prepare():
                return self._ending("interrupted while starting")
            self._tools.keep_past()
            self._crew.command_all(Order.RUN)
            self._ran_ns = time.monotonic_ns()
            self._trade()
            self._observe()
            self._drain()
        finally:
            self._stop()
        return self._ending("interrupted" if self._wish.is_asked else "finished")

    def seconds(self) -> float:
        """Return for how long the session has been running."""
        return ((self._ended_ns or time.monotonic_ns()) - self._ran_ns) / 1e9 if self._ran_ns else 0.0

    def _ending(self, otherwise: str) -> str:
        return f"failed: {self._crew.failure}" if self._crew.failure else otherwise

    def _prepare(self) -> bool:
        """Start the traders; whether all became ready."""
        traders = self._tools.traders
        self._crew.start(traders)
        while not self._is_over():
            self._turn(Life.STARTING)
            for role in traders:
                if role not in self._checked and self._crew.life(role) in UP:
                    self._checked.add(role)
                    self._screen.check(role, self._detail(role) or CHECKS[role])
            if self._checked >= set(traders) and all(self._crew.life(role) in UP for role in traders):
                self._screen.line(f"processes green: {self._pids()}")
                return self._call_roll()
        return False

    def _call_roll(self) -> bool:
        """Whether trading may start: every symbol has its first record, or is left out until it has."""
        if not (silent := self._tools.silent()):
            return True
        if self._tools.refuses_silent:
            self._crew.failure = f"no data of {some(silent)}, and market.without_data is refuse"
            return False
        self._screen.line(f"!! no data of {some(silent)}: left out until it comes")
        return True

    def _trade(self) -> None:
        """Run until somebody or something says enough."""
        while not self._is_over():
            self._turn(Life.RUNNING)
            for line in self._tools.commentary.lines():
                self._screen.line(line)
            self._hint()
            if "decision" in self._tools.commentary.has_told or self.seconds() > OBSERVED_AFTER_S:
                self._observe()
            latency = self._tools.gauges.decision_latency_ns()
            self._screen.live(self._tools.commentary.live_line(self._tools.deposit, latency))

    def _observe(self) -> None:
        """Start who only looks on, once: two cores are busy enough until the first decision."""
        self._crew.start([role for role in OBSERVERS if role not in self._crew.members])

    def _hint(self) -> None:
        brain = self._crew.members["brain"].child
        if not self._hinted and brain is not None and "fill" in self._tools.commentary.has_told:
            self._hinted = True
            self._screen.line(f"try: kill -9 {brain.pid}   (the brain; watch what happens)")

    def _is_over(self) -> bool:
        limits = self._limits
        return (
            self._wish.is_asked
            or bool(self._crew.failure)
            or (limits.seconds is not None and self.seconds() >= limits.seconds)
            or (limits.candles is not None and self._tools.gauges.candles() >= limits.candles)
            or self._crew.life("exchange") == Life.DRAINED
        )

    def _drain(self) -> None:
        """Freeze the market, let everyone catch up, settle, compare once more."""
        self._ended_ns = time.monotonic_ns()
        self._screen.settle()
        deadline = time.monotonic() + self._tools.settings.drain_within_s
        if self._crew.failure:
            self._tools.stop_trading()
        elif "exchange" in self._crew.members:  # a real one does not freeze for us
            self._await(["exchange"], deadline)
            heard_until = min(deadline, time.monotonic() + HEARD_WITHIN_S)
            self._until(self._has_heard_all, heard_until, "the feed has not published every candle that closed")
            self._until(self._have_caught_up, deadline, "brain and engine did not catch up with the feed")
        self._crew.command(["brain", "feed"], Order.DRAIN)
        self._drain_engine(deadline)
        self._await(["reconciler"], max(deadline, time.monotonic() + self._tools.settings.stop_within_s))
        self.difference = self._detail("reconciler")
        self._drained()
        for line in self._tools.commentary.lines():
            self._screen.line(line)

    def _drain_engine(self, deadline: float) -> None:
        """Entries cancelled, stops kept; positions closed as well if that is, or becomes, the wish."""
        self._leave_or_flatten(deadline, flatten=self._wish.flatten)
        if self._wish.flatten and not self._told_flatten:
            self._leave_or_flatten(deadline, flatten=True)

    def _leave_or_flatten(self, deadline: float, *, flatten: bool) -> None:
        crew, wish = self._crew, self._wish
        self._told_flatten = flatten
        crew.command(["engine"], Order.DRAIN, flatten=flatten)

        def is_over() -> bool:
            is_done = crew.life("engine") == Life.DRAINED and crew.has_obeyed("engine")
            return is_done or wish.flatten is not flatten

        self._until(is_over, deadline, "engine did not drain")

    def _await(self, roles: Sequence[str], deadline: float) -> None:
        """Tell ``roles`` to drain and wait until they have."""
        self._crew.command(roles, Order.DRAIN)
        self._until(
            lambda: all(self._crew.life(role) == Life.DRAINED for role in roles),
            deadline,
            f"{' and '.join(roles)} did not drain",
        )

    def _until(self, condition: Callable[[], bool], deadline: float, complaint: str) -> None:
        while not condition():
            if self._wish.at_once or time.monotonic() > deadline:
                self._screen.line(f"not waited for: {complaint}")
                return
            self._turn(Life.DRAINED)

    def _has_heard_all(self) -> bool:
        """Whether the feed published as many candles as the exchange closed: the last may be on its way still."""
        closed = self._crew.pulse("exchange")
        return closed is not None and self._tools.gauges.candles() >= int(closed["market_seq"][0])

    def _have_caught_up(self) -> bool:
        pulses = {role: self._crew.pulse(role) for role in ("feed", "brain", "engine")}
        seqs = {int(pulse["market_seq"][0]) for pulse in pulses.values() if pulse is not None}
        return len(seqs) == 1 and all(pulse is not None for pulse in pulses.values())

    def _stop(self) -> None:
        # Writers first, then who records them, then the exchange that all of them talk to.
        self._screen.settle()
        self.restarts = {role: member.restarts for role, member in self._crew.members.items()}
        self._crew.end(["brain", "feed", "engine", "reconciler"])
        self._crew.end(["recorder"])
        self._crew.end(list(self._crew.members))

    def _turn(self, life: Life) -> None:
        for happening in self._crew.turn():
            self._screen.line(self._words(happening))
        self._screen.lines(self._tools.alarms(time.monotonic_ns()))
        self._tools.beat(life)

    def _words(self, happening: Happening) -> str:
        if happening.text != "back":
            which = f" (pid {happening.pid})" if happening.pid else ""
            return f"{happening.role}{which} {happening.text}"
        lost, doubled = self._tools.gauges.lost_and_doubled()
        back = f"{happening.role} back in {happening.took_ns / 1e9:.1f} s (pid {happening.pid})"
        return f"{back}, {lost} lost, {'?' if doubled is None else doubled} doubled, {self._tools.gauges.protection()}"

    def _detail(self, role: str) -> str:
        pulse = self._crew.pulse(role)
        return "" if pulse is None else bytes(pulse["detail"][0]).decode(errors="replace")

    def _pids(self) -> str:
        members = self._crew.members.values()
        return "  ".join(f"{member.role} {member.child.pid}" for member in members if member.child is not None)
