"""The reconciler: holds the exchange against the journal, over a connection of its own, and says what differs.

    exchange --orders, trades, positions, wallet--> look --+
    journal  --books, read after the exchange answered-----+--> compare --> differences
                                                                   seen twice, unchanged? --> CORRECTIONS
                                                                   still there after them? --> mismatch

The engine is at work meanwhile, so a difference seen once is a race until a second look shows the
same one; what moved between two looks was not one.  While the engine is away, nobody books what the
exchange does: then nothing is concluded, and looked at again when it is back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.comparison import Difference, Resolution, compare
from engine.errors import VenueError
from engine.journal import JournalError, JournalReader
from engine.venue.base import Venue
from orchestrator.inventory import Inventory
from orchestrator.session import Session
from shm.agent import Body, read_command
from shm.clock import Clock
from shm.counters import Counter, Hop
from shm.instruments import minor
from shm.numbering import order_number
from shm.records import CORRECTION, ORDER_EVENT, PULSE, Finding, Life, Order, OrderEventKind
from shm.topology import role_row
from shm.wait import LoopWait

DUTY_S = 0.1
SECOND_LOOK_S = 0.75  # longer than a journal's commit and a REST answer together
CORRECTION_PAUSES = 3
AFTER_FILL_NS = 1_000_000_000
AGAIN_NS = 1_000_000_000  # when the exchange or the engine could not be asked
STUCK_NS = 2_000_000_000  # an engine without a beat for so long is away
LOOKS_MAX = 8  # of the last comparison, while the engine still books what it was told
SECOND_NS = 1_000_000_000
AGREES = "difference to the exchange 0"  # the last comparison, in words


@dataclass(frozen=True, slots=True)
class Office:
    """What a reconciler works with."""

    body: Body
    venue: Venue
    clock: Clock
    asset: str


class Reconciler:
    """The agent of role ``reconciler``."""

    def __init__(self, office: Office, session: Session) -> None:
        self._office = office
        self._session = session
        self._settings = session.settings.engine.reconcile
        self._tolerance = minor(self._settings.wallet_tolerance)
        memory = office.body.memory
        self._counters = memory.counters
        self._events = memory.ring_reader("ORDER_EVENTS")
        self._corrections = memory.ring_writer("CORRECTIONS")
        self._wait = LoopWait([self._events], memory.bell)
        self._batch = np.zeros(256, ORDER_EVENT)
        self._journal = JournalReader(session.account_path)
        self._symbols = [instrument.symbol for instrument in session.instruments]
        self._rows = {instrument.symbol: instrument.row for instrument in session.instruments}
        self._trades_from = dict.fromkeys(self._symbols, 0)
        self._pulses, self._engine = memory.table_reader("PULSES"), np.zeros(1, PULSE)
        self._inventory = Inventory(office.venue, self._symbols, office.asset, office.body.pulse.beat)
        self._is_suspicious = True  # the trades of every symbol are asked for: at first, and where something differs
        self._is_last = False
        self._due_ns = 0
        self._round = 0

    async def start(self) -> None:
        """Connect; compare for the first time."""
        venue = self._office.venue
        await venue.open()
        venue.follow(self._session.instruments)
        if self._journal.path.exists():
            self._journal.refresh()
        self._trades_from |= self._journal.books.trades_from
        self._events.seek_newest()
        self._office.body.pulse.tell(life=Life.READY)

    async def work(self) -> int:
        """Obey, and compare when it is time."""
        pulse, command = self._office.body.pulse, read_command(self._office.body.memory)
        now_ns = self._office.clock.monotonic_ns()
        if command.order is Order.STOP:
            self._office.body.stopping.tell()
        elif command.order is Order.DRAIN and pulse.life is not Life.DRAINED:
            await self._compare_last()
        elif command.order is Order.RUN:
            if pulse.life is Life.READY:
                pulse.tell(life=Life.RUNNING, obeyed=command.version)
            if self._read_fills():
                self._due_ns = min(self._due_ns, now_ns + AFTER_FILL_NS)
            if now_ns >= self._due_ns:
                differences = await self._compare()
                self._due_ns = now_ns + (AGAIN_NS if differences is None else self._settings.interval_s * SECOND_NS)
                return 1
        await self._wait.wait(DUTY_S)
        return 0

    async def close(self) -> None:
        """Close every socket."""
        self._wait.close()
        await self._office.venue.close()

    async def _compare(self) -> tuple[Difference, ...] | None:
        """Look, look again at what differs, and tell what stays; None when nothing can be concluded."""
        engine = self._engine_at_work()
        try:
            first = await self._look()
            if not first:
                return self._conclude(())
            await self._pause()
            second = {standing(difference) for difference in await self._look()}
            found = tuple(difference for difference in first if standing(difference) in second)
            if found and engine and self._engine_at_work() == engine:
                self._propose(found)
                # The engine asks the exchange when it is told; what it then books was late, not wrong.
                for _ in range(CORRECTION_PAUSES):
                    await self._pause()
                third = {standing(difference) for difference in await self._look()}
                found = tuple(difference for difference in found if standing(difference) in third)
        except (VenueError, JournalError) as error:
            self._counters.add(Counter.REQUESTS_FAILED)
            self._office.body.log.error("comparison", error=str(error))  # noqa: TRY400 - an answer, not a crash
            return None
        if not engine or self._engine_at_work() != engine:
            return None
        return self._conclude(found)

    def _engine_at_work(self) -> int:
        """Return which of the engine's lives is booking now; 0 when none is."""
        if not self._pulses.read(role_row("engine"), self._engine):
            return 0
        quiet_ns = self._office.clock.monotonic_ns() - int(self._engine["beat_ns"][0])
        works = int(self._engine["life"][0]) in (Life.RUNNING, Life.DRAINED) and quiet_ns < STUCK_NS
        return int(self._engine["epoch"][0]) if works else 0

    async def _compare_last(self) -> None:
        """The comparison that the session ends with: as many looks as it takes the books to come to rest."""
        differences: tuple[Difference, ...] | None = None
        self._is_last = self._is_suspicious = True
        for _ in range(LOOKS_MAX):
            differences = await self._compare()
            if differences == ():
                break
        self._office.body.pulse.tell(life=Life.DRAINED, detail=verdict(differences))

    async def _pause(self) -> None:
        # In short steps: a process that waits still lives.
        for _ in range(10):
            await asyncio.sleep(SECOND_LOOK_S / 10)
            self._office.body.pulse.beat()

    async def _look(self) -> tuple[Difference, ...]:
        """Ask the exchange, then read the journal, and compare."""
        begun_ns = self._office.clock.monotonic_ns()
        body = self._office.body
        self._journal.refresh()
        there = await self._inventory.take(self._journal.books, self._trades_from, whole=self._is_suspicious)
        self._journal.refresh()
        differences = compare(self._journal.books, there, self._tolerance)
        self._counters.record(Hop.COMPARISON, self._office.clock.monotonic_ns() - begun_ns)
        body.pulse.beat()
        found = tuple(one for one in differences if one.finding is not Finding.MATCH)
        self._is_suspicious = bool(found) or self._is_last
        if not found:
            for trade in there.trades:
                self._trades_from[trade.instrument] = max(self._trades_from[trade.instrument], trade.trade_id)
        # A stranger's order is told, and is none of our business.
        return tuple(one for one in found if one.resolution is not Resolution.NOTHING)

    def _conclude(self, differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
        self._round += 1
        self._counters.add(Counter.RECONCILIATIONS)
        for difference in differences:
            self._counters.add(Counter.MISMATCHES)
            self._office.body.log.error("mismatch", round=self._round, difference=str(difference))
        return differences

    def _propose(self, differences: tuple[Difference, ...]) -> None:
        for difference in differences:
            self._counters.add(Counter.CORRECTIONS)
            self._corrections.publish(self._correction(difference))

    def _correction(self, difference: Difference) -> np.ndarray:
        record = np.zeros(1, CORRECTION)
        record["kind"], record["severity"] = difference.finding, difference.resolution
        record["instrument"] = self._rows.get(difference.instrument, 0)
        record["round"], record["intent_id"] = self._round, difference.intent_id
        record["venue_order_id"] = order_number(difference.venue_order_id)
        record["trade_id"], record["client_id"] = difference.trade_id, difference.client_id.encode()
        record["expected"], record["found"] = difference.expected, difference.found
        record["observed_ns"] = self._office.clock.wall_ns()
        return record

    def _read_fills(self) -> int:
        fills = 0
        while count := self._events.read_into(self._batch):
            fills += int(np.count_nonzero(self._batch["kind"][:count] == OrderEventKind.FILL))
        return fills


def standing(difference: Difference) -> tuple[object, ...]:
    """Return what two looks must agree on: a race moves the amounts, a real difference keeps their distance."""
    moved = difference.found - difference.expected
    return difference.finding, difference.instrument, difference.intent_id, difference.trade_id, moved


def verdict(differences: Sequence[Difference] | None) -> str:
    """Return the last comparison in words, short enough for a pulse."""
    if differences is None:
        return "the exchange could not be asked at the end"
    if not differences:
        return AGREES
    one = differences[0]
    where = one.instrument.partition("/")[0]
    return f"difference to the exchange: {one.finding.name} {where} {one.found - one.expected}"
