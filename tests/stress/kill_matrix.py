"""SIGKILL at every journal and send step: ``python -m tests.stress.kill_matrix``; writes docs/recovery.md.

    child 1   the engine's account, its journal on a file, the embedded exchange in process; SIGKILL at point n
    child 2   replays the exchange's log, opens what the journal holds, goes on with the script, compares everything

What the exchange is asked is logged before it is done, so its ledger outlives the engine; every point of every script
is tried, and at every 25th the second life is killed too, at a point of its own, and a third has to put it right.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine import account as accounts
from engine import errors
from engine.messages import Candle, Target
from engine.order import Intent, OrderType, client_id_of
from engine.settings import EngineSettings, ExitSettings
from engine.venue.embedded.exchange import Exchange, Settings
from shm.records import Purpose, Unit
from tests.engine.venue.embedded.conftest import Played
from tests.stress.hall import ACCOUNT, Hall
from tests.stress.points import Disk, FirstOrder, Points, Steps
from tests.stress.schedule import CASH, DAWN_NS, EXECUTOR, PATIENT, RULE, SETTINGS, SYMBOL, Schedule
from tests.stress.tally import Tally
from tests.stress.virtual import MS, World
from tests.stress.wire import Fault

REPORT = Path(__file__).parents[2] / "docs" / "recovery.md"
FLAT, UP = (1_000_000, 1_000_000, 1_000_000, 1_000_000), (1_000_000, 1_004_000, 1_000_000, 1_000_000)
MARKET = [FLAT, FLAT, FLAT, UP, FLAT, FLAT, FLAT]
OUT_AND_BACK: tuple[tuple[int, int] | None, ...] = (
    (3, 990_000),
    None,
    (5, 991_000),
    (-4, 1_003_000),
    None,
    None,
    (2, 995_000),
    None,
    (0, 0),
)  # fmt: skip - (lots, stop), or a minute of the market
THERE_AND_BACK = ((3, 990_000), None, (0, 0))
UP_THE_LADDER = ((5, 990_000), None, None, None, None, (0, 0), None)
POSTED = (None, (3, 990_000), None, None, (-4, 1_003_000), (2, 995_000), None)
RUNGS = ExitSettings(
    tp_r_multiples=(Decimal("0.2"), Decimal("0.35")), tp_splits=(Decimal("0.4"), Decimal("0.2")), break_even_after=1
)
LADDER, LIMIT = EngineSettings(executor=EXECUTOR, exits=RUNGS), EngineSettings(executor=PATIENT)


class Course(NamedTuple):
    """What is done, minute by minute, what strikes the first order, and how the engine is set."""

    deeds: tuple[tuple[int, int] | None, ...]
    fault: Fault | None = None
    settings: EngineSettings = SETTINGS


SCRIPTS = {
    "enter, add, turn, stopped out, enter, leave": Course(OUT_AND_BACK),
    "the first answer is lost": Course(OUT_AND_BACK, Fault.ANSWER_LOST),
    "the first request is lost": Course(THERE_AND_BACK, Fault.REQUEST_LOST),
    "the first order lands late": Course(THERE_AND_BACK, Fault.LANDS_LATE),
    "the first order is refused": Course(OUT_AND_BACK, Fault.REFUSED),
    "the first order lands late, and more": Course(OUT_AND_BACK, Fault.LANDS_LATE),
    "targets rest, one is reached": Course(UP_THE_LADDER, settings=LADDER),
    "limit entries, filled and withdrawn": Course(POSTED, settings=LIMIT),
}
SECOND_KILLS = 25  # every so many points


class Logged(Hall):
    """A hall that writes down what it is asked before it does it."""

    log: Path

    def note(self, *line: Any) -> None:
        """Write a line that outlives the process."""
        with self.log.open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(line) + b"\n")

    def accept(self, intent: Intent, *, refuses: bool = False) -> Any:
        """Note and do."""
        if not self.is_durable(intent.client_id):
            self.note("unplanned", intent.client_id)
        self.note("accept", intent)
        return super().accept(intent, refuses=refuses)

    def cancel(self, intent: Intent) -> None:
        """Note and do."""
        self.note("cancel", intent)
        super().cancel(intent)

    def advance(self) -> None:
        """Note and do."""
        self.note("advance")
        super().advance()

    def replay(self) -> list[list[Any]]:
        """Do again what is written down; the lines."""
        lines: list[list[Any]] = [msgspec.json.decode(line) for line in self.log.read_bytes().splitlines()]
        for line in lines:
            try:
                match line:
                    case ["accept", intent]:
                        Hall.accept(self, msgspec.convert(intent, Intent))
                    case ["cancel", intent]:
                        Hall.cancel(self, msgspec.convert(intent, Intent))
                    case ["advance"]:
                        Hall.advance(self)
            except errors.VenueError:
                continue  # as it was the first time
        return lines


class Steady:
    """Chance that always says the same."""

    def random(self) -> float:
        """The least."""
        return 0.0

    def randrange(self, start: int, stop: int = 0) -> int:
        """The first."""
        return start if stop else 0


class Script(Schedule):
    """One life of a script: what was done before is replayed, the rest is done now."""

    def __init__(self, folder: Path, name: str, kill_at: int) -> None:
        """Find out how far the lives before this one came."""
        super().__init__(0, 0, Tally())
        self.folder, self.points, self.strategies = folder, Points(kill_at), ("a",)
        self.world = World(DAWN_NS)
        exchange = Exchange(Played(MARKET), Settings())
        exchange.deposit(ACCOUNT, CASH)
        exchange.drain()
        hall = Logged(exchange, RULE)
        hall.log, hall.is_durable = folder / "exchange.log", lambda _: True
        hall.log.touch()
        lines = hall.replay()
        hall.is_durable = self.disk.intents.__contains__
        hall.unplanned = sum(line[0] == "unplanned" for line in lines)
        self.bourse = hall  # type: ignore[assignment]
        self.random = Steady()  # type: ignore[assignment]
        self.weather = FirstOrder(self.random, self.tally.met)  # type: ignore[arg-type]
        deeds, fault, self.settings = SCRIPTS[name]
        done = sum(line[0] in ("advance", "target") for line in lines)
        self.weather.fault = fault if not lines else None
        self.world.now_ns += 3_600 * 10**9 * len(list(folder.glob("life*")))
        (folder / f"life{len(list(folder.glob('life*')))}").touch()
        for line in lines:
            if line[0] == "target":
                self._want(line[1], line[2], line[3])
        self._deeds = deeds[done:]

    def play(self) -> None:
        """The rest of the script, the end, the comparison."""
        for number, deed in enumerate(self._deeds):
            self.world.later((30 + 60 * number) * MS, self._do, deed)
        self.world.later((30 + 60 * len(self._deeds)) * MS, self._calm)
        self.tally.lives += 1
        while not self._live([]):
            pass
        self._check()

    def make_wire(self) -> Steps:
        """A wire that passes points."""
        wire = Steps(self.world, self.bourse, self.weather)
        wire.points = self.points
        return wire

    def _do(self, deed: tuple[int, int] | None) -> None:
        hall = self.bourse
        if deed is None:
            hall.advance()  # type: ignore[attr-defined]
            now_ns, price = self.world.now_ns, hall.price
            candle = Candle(
                instrument=SYMBOL, open_ns=now_ns, close_ns=now_ns, high_ticks=price, low_ticks=price, close_ticks=price
            )
            self.rings += [candle, *self.targets.values()]
        else:
            self.target_id += 1
            hall.note("target", self.target_id, *deed)  # type: ignore[attr-defined]
            self._want(self.target_id, *deed)

    def _want(self, target_id: int, lots: int, stop_ticks: int) -> None:
        self.target_id = target_id
        self.targets["a"] = Target(
            instrument=SYMBOL, strategy="a", unit=Unit.LOTS, target_id=target_id, amount=lots, stop_ticks=stop_ticks,
            reference_ticks=self.bourse.price, valid_until_ns=DAWN_NS + 10**15, open_ns=self.world.now_ns,
        )  # fmt: skip
        self.rings = [self.targets["a"]]


def live(folder: Path, name: str, kill_at: int) -> None:
    """A life; its verdict and its points are left in ``folder``, unless it is killed."""
    script = Script(folder, name, kill_at)
    Disk.points = script.points
    accounts.Journal = Disk  # type: ignore[misc, assignment]
    script.play()
    (folder / "verdict").write_text("; ".join(script.tally.failures))
    (folder / "points").write_text("\n".join(script.points.passed))


def forked(act: Callable[[], None]) -> int:
    """Do it in a child; how that ended, as ``waitpid`` says."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def warm(around: Path) -> None:
    """Compile what the exchange runs once, before anything is forked."""
    folder = Path(tempfile.mkdtemp(dir=around))
    hall = Script(folder, next(iter(SCRIPTS)), 0).bourse
    entry = {"type": OrderType.MARKET, "side": 1, "purpose": Purpose.ENTRY}
    stop = {"type": OrderType.STOP_MARKET, "side": -1, "stop_ticks": 999_000, "reduce_only": True}
    for number, more in enumerate((entry, stop | {"purpose": Purpose.STOP}), 1):
        hall.accept(
            Intent(
                intent_id=number, client_id=client_id_of("warm", number), account="main", venue="model",
                instrument=SYMBOL, allocation=(("a", 1),), lots=1, created_market_ns=1, created_wall_ns=1, **more,
            )
        )  # fmt: skip
    for _ in MARKET:
        hall.advance()  # type: ignore[attr-defined]


def points_of(name: str, around: Path) -> list[str]:
    """Every point of a script that nobody disturbs."""
    folder = Path(tempfile.mkdtemp(dir=around))
    assert forked(lambda: live(folder, name, 0)) == 0, name
    assert (folder / "verdict").read_text() == "", (folder / "verdict").read_text()
    return (folder / "points").read_text().splitlines()


def survived(name: str, kills: list[int], around: Path) -> str:
    """What is wrong after lives that end at ``kills`` and one that does not; empty: nothing."""
    folder = Path(tempfile.mkdtemp(dir=around))
    try:
        for kill_at in kills:
            ended = forked(lambda at=kill_at: live(folder, name, at))  # type: ignore[misc]
            if ended == 0:
                break  # it was over before
            if ended != -signal.SIGKILL:
                return f"it ended with {ended}"
        else:
            if forked(lambda: live(folder, name, 0)) != 0:
                return "the next life did not come to its end"
        return (folder / "verdict").read_text()
    finally:
        shutil.rmtree(folder)


def matrix(around: Path, every: int = 1) -> tuple[Counter[tuple[str, str]], int, list[str]]:
    """Kill at every ``every``-th point: how many points of each name in each script, pairs of kills, what failed."""
    counts: Counter[tuple[str, str]] = Counter()
    pairs, failures = 0, []
    warm(around)
    for name in SCRIPTS:
        points = points_of(name, around)
        for number in range(1, len(points) + 1, every):
            tries = [[number]]
            if number // every % SECOND_KILLS == 0:
                tries.append([number, 1 + number % 60])
                pairs += 1
            failures += [
                f"{name}, killed at {kills} ({points[number - 1]}): {words}"
                for kills in tries
                if (words := survived(name, kills, around))
            ]
            counts[points[number - 1], name] += 1
    return counts, pairs, failures


def report(counts: Counter[tuple[str, str]], pairs: int, failures: list[str], seconds: float) -> str:
    """The published page."""
    names = sorted({point for point, _ in counts})
    rows = [f"| {point} | " + " | ".join(str(counts[point, name]) for name in SCRIPTS) + " |" for point in names]
    total = sum(counts.values())
    heads = "| killed at | " + " | ".join(SCRIPTS) + " |"
    return "\n".join(
        [
            "# Recovery",
            "",
            "The engine is killed with SIGKILL at every statement of its journal and at every step of every request,",
            "in a process of its own against the embedded exchange, with a real journal on a file. The next life opens",
            "what is there, asks the exchange for everything and goes on. It passes when orders, trades, position and",
            "wallet agree with the exchange's own ledger to the last unit, no intent was sent twice or before it was",
            "durable, and exactly one stop covers what is held. Made by `python -m tests.stress.kill_matrix`.",
            "",
            f"**{total:,} points, {pairs} of them with a second kill during recovery: {len(failures)} failures**",
            f"({seconds:.0f} s).",
            "",
            heads,
            "|---" * (len(SCRIPTS) + 1) + "|",
            *rows,
            "",
            "A number is how many points of that name were struck in that script; all of them were recovered from",
            "unless a failure is listed below." if not failures else "Failures:",
            *(f"* {words}" for words in failures),
            "",
        ]
    )


def main() -> int:
    """Run the whole matrix and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1)
    typed = parser.parse_args()
    around = Path(tempfile.mkdtemp(prefix="ringmaster-kills-", dir="/dev/shm"))
    began_s = time.monotonic()
    try:
        counts, pairs, failures = matrix(around, typed.every)
    finally:
        shutil.rmtree(around)
    text = report(counts, pairs, failures, time.monotonic() - began_s)
    if typed.every == 1:
        REPORT.write_text(text)
    print(text)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
