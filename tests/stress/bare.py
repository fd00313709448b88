"""Unprotected time after one fault: ``python -m tests.stress.bare``.

A strategy buys, one thing goes wrong, and the time is measured, in the exchange's own clock, during which lots are held
that no stop at the exchange covers.  For the way out: from the kill switch's FLATTEN, one thing going wrong with the
exit, until flat.  The engine's account is the real one with the settings that are in force; disk, sockets and clock are
those of schedule.py; a request without an answer is given up after ``answer_timeout_ms``.
"""

import sys
from dataclasses import dataclass

from engine import account as accounts
from engine.account import Account, Plan
from engine.messages import Target
from engine.order import Intent
from engine.settings import EngineSettings
from engine.venue.base import Acknowledged
from shm.records import Purpose, Unit
from tests.stress.schedule import RULE, SYMBOL, Bystander, Notebook, Schedule
from tests.stress.tally import Tally
from tests.stress.virtual import MS, Killed, Loop
from tests.stress.wire import Fault, Wire

LOTS = 3
RESTART_MS = 600  # docs/performance.md: a killed engine whose standby waits is back and reconciled, p99
PROBE_MS = 2  # the resolution of what is printed
FLATTEN_MS, END_MS = 500, 15_000
REQUESTS = tuple(Fault)[:9]


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong, once."""

    words: str
    struck: Purpose  # the first order of this purpose
    fault: Fault | None = None
    retry_after_ms: int = 0

    @property
    def leaves(self) -> bool:
        """The way out is measured."""
        return self.struck is Purpose.FLATTEN


CASES = (
    Case("nothing goes wrong", Purpose.STOP),
    *(Case(f"entry: {fault.value}", Purpose.ENTRY, fault) for fault in (Fault.ANSWER_LOST, Fault.ERROR_DONE)),
    Case("at the fill: news lost", Purpose.ENTRY, Fault.NEWS_LOST),
    Case("at the fill: stream cut for 300 ms", Purpose.ENTRY, Fault.STREAM_CUT),
    Case("at the fill: process stopped for 500 ms", Purpose.ENTRY, Fault.STOPPED),
    Case("at the fill: killed", Purpose.ENTRY, Fault.KILLED_WRITTEN),
    *(Case(f"stop: {fault.value}", Purpose.STOP, fault) for fault in (*REQUESTS[:8], Fault.ANSWER_SLOW)),
    Case("stop: 429, Retry-After 5 s", Purpose.STOP, Fault.RATE_LIMITED, 5_000),
    Case("stop: killed while it is on its way", Purpose.STOP, Fault.KILLED_WRITTEN),
    Case("out: nothing goes wrong", Purpose.FLATTEN),
    *(Case(f"out: {fault.value}", Purpose.FLATTEN, fault) for fault in REQUESTS),
    Case("out: 429, Retry-After 5 s", Purpose.FLATTEN, Fault.RATE_LIMITED, 5_000),
    Case("out: killed while it is on its way", Purpose.FLATTEN, Fault.KILLED_WRITTEN),
)


class Struck(Wire):
    """A wire on which one order meets one fault."""

    stage: "Stage"
    timeout_ms = EngineSettings().executor.answer_timeout_ms

    async def _send(self, intent: Intent) -> Acknowledged:
        stage, case, fault = self.stage, self.stage.case, None
        if intent.purpose is case.struck and not stage.is_struck:
            stage.is_struck, fault, self.retry_after_ms = True, case.fault, case.retry_after_ms
        world, refuses = self._world, fault is Fault.REFUSED
        match fault:
            case Fault.KILLED_WRITTEN:
                world.later(7 * MS, stage.die)
            case Fault.STREAM_CUT:
                world.later(0, self.cut, 300 * MS)
            case Fault.NEWS_LOST:
                self._is_up = False
                world.later(50 * MS, setattr, self, "_is_up", True)
            case Fault.STOPPED:
                world.later(4 * MS, world.leap, 500 * MS)
        fault = fault if fault in REQUESTS else None
        seen = await self._request(lambda: self._bourse.accept(intent, refuses=refuses), fault)
        return Acknowledged(
            venue_order_id=seen.venue_order_id, event=seen.event, lots_filled=seen.lots_filled, sent_ns=1, market_ns=0
        )


class Stage(Schedule):
    """One strategy, one position, one fault."""

    duty_s = 0.005

    def __init__(self, case: Case, settings: EngineSettings | None = None) -> None:
        """Nothing has happened yet."""
        super().__init__(1, 0, Tally())
        self.case, self.strategies, self.settings = case, ("a",), settings or EngineSettings()
        self.is_struck = False
        self.bare_ns = self.open_ns = 0  # held without a stop; held since FLATTEN
        self._seen_ns = self._begun_ns = self.world.now_ns
        self._bare = self._open = False

    @property
    def result_ms(self) -> int:
        """Held without a stop, or until out."""
        return (self.open_ns if self.case.leaves else self.bare_ns) // MS

    def play(self) -> None:
        """Buy, be struck, and look for a minute."""
        world, price = self.world, self.bourse.price
        target = Target(
            instrument=SYMBOL, strategy="a", unit=Unit.LOTS, target_id=1, amount=LOTS, stop_ticks=price - 5_000,
            reference_ticks=price, valid_until_ns=world.now_ns + END_MS * MS, open_ns=world.now_ns,
        )  # fmt: skip
        self.rings.append(target)
        world.later(0, self._probe)
        if self.case.leaves:
            world.later(FLATTEN_MS * MS, self._flatten)
        while not self._lives():
            world.leap(RESTART_MS * MS)

    def die(self) -> None:
        """The process ends at its next step."""
        self.world.kill_at = self.world.steps + 1

    def make_wire(self) -> Wire:
        """The wire that strikes."""
        wire = Struck(self.world, self.bourse, self.weather)
        wire.stage = self
        return wire

    def _lives(self) -> bool:
        """One life; whether it saw the end."""
        world, self.loop, wire = self.world, Loop(self.world), self.make_wire()
        plan = Plan(run_id="r0", folder=self.folder, settings=self.settings, instruments=(RULE,), strategies=("a",))
        self.account = Account(plan, wire, Bystander(), self._moment)
        self.wire, end_ns = wire, self._begun_ns + END_MS * MS
        try:
            opening = self.loop.create_task(self.account.open(str))
            world.run(self.loop, opening.done, END_MS * MS)
            opening.result()
            self._duty()
            world.run(self.loop, lambda: world.now_ns >= end_ns, END_MS * MS)
        except Killed:
            world.kill_at = -1
            self.disk.die(self.random, is_written=True)
            return False
        finally:
            wire.is_dead = True
            self.loop.die()
        return True

    def _probe(self) -> None:
        """Count the time since the last look by what was true then."""
        world, bourse = self.world, self.bourse
        self.bare_ns += (world.now_ns - self._seen_ns) * self._bare
        self.open_ns += (world.now_ns - self._seen_ns) * self._open
        covered = sum(
            seen.lots - seen.lots_filled
            for seen in bourse.resting()
            if seen.stop_ticks and seen.reduce_only and seen.side * bourse.lots < 0
        )
        self._seen_ns, self._bare = world.now_ns, abs(bourse.lots) > covered
        self._open = bool(bourse.lots) and world.now_ns >= self._begun_ns + FLATTEN_MS * MS
        world.later(PROBE_MS * MS, self._probe)


def measured(case: Case, settings: EngineSettings | None = None) -> Stage:
    """``case`` played to its end."""
    real, accounts.Journal = accounts.Journal, Notebook  # type: ignore[misc, assignment]
    try:
        stage = Stage(case, settings)
        stage.play()
    finally:
        accounts.Journal = real  # type: ignore[misc]
    return stage


def main() -> int:
    """Print the table."""
    sys.stdout.write("| one fault | ms | orders |\n|---|---|---|\n")
    for case in CASES:
        stage = measured(case)
        sys.stdout.write(f"| {case.words} | {stage.result_ms:,} | {len(stage.bourse.arrivals)} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
