"""The engine as a process: rings in, orders out, and never a thing sent that is not on the disk.

start   kill switch drilled, journal -> books -> venue -> everything that rests or traded there -> READY
work    commands, kill word, candles, targets --> core --> journal --> venue
drain   entries cancelled; stops kept, or positions closed --> DRAINED
close   what is under way is abandoned: the journal says what to ask about
"""

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from engine.account import Account, Plan
from engine.books import NOBODY
from engine.drill import drill
from engine.events import BookEvent, Intervened, Observed, Sized
from engine.gate import Stance
from engine.inbox import Inbox
from engine.journal import NAME as JOURNAL
from engine.messages import Answer, Candle, Draining, FillTold, KillRaised, Moment, Recorded, Target, Tick
from engine.order import Event, Intent
from engine.outbox import Outbox
from engine.petition import Denied, Market, judge
from engine.planner import RESTS
from engine.quotes import Quotes
from engine.risk import Refused
from engine.settling import Settling
from engine.spool import Answer as Reply
from engine.spool import Spool
from engine.switch import NAME as SWITCH
from engine.switch import Ground, KillFile
from engine.venue.base import Acknowledged, Venue
from shm import records
from shm.agent import Body, read_command
from shm.budget import MINUTE_NS
from shm.clock import Clock, MarketClock
from shm.counters import Counter, Gauge
from shm.records import Kill, Life, Order
from shm.topology import role_row
from shm.wait import LoopWait

BREATHS = 6  # turns of the loop in which frames that have arrived are told
IDLE_S, BRAIN_S = 0.05, 0.0005  # at most this long between duty cycles; while the brain is deciding
GAUGE_NS = 250_000_000
USUAL = ("WouldTake", "ReduceOnlyRejected")  # refusals that a post and an exit meet every day
PATIENCE_NS = 1_000_000_000  # with an instrument that shows no candle while others do


class EngineAgent:
    """What the process ``engine`` runs."""

    def __init__(self, plan: Plan, body: Body, venue: Venue, clock: Clock) -> None:
        """Map the rings; open nothing yet."""
        self._plan, self._body, self._clock = plan, body, clock
        memory = body.memory
        self._counters = memory.counters
        self._market_clock = MarketClock(memory.table_reader("CLOCK"), clock)
        self._rings = [memory.ring_reader(name) for name in ("MARKET", "TARGETS", "CORRECTIONS")]
        self._wait = LoopWait(self._rings, memory.bell)
        self._names = (plan.instruments, plan.strategies)
        self._inbox = Inbox(self._rings[0], self._rings[1], self._names)
        self._account = Account(plan, venue, self, self._moment)
        self._account.stance = self._stance
        self._outbox: Outbox | None = None
        self._settling = Settling(len(plan.instruments), PATIENCE_NS)
        self._quotes = Quotes(memory.table_reader("QUOTES"), plan.instruments)
        self._pulses = memory.table_reader("PULSES")
        self._brain: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.PULSE)
        self._corrections: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(64, records.CORRECTION)
        self._marks: dict[str, int] = {}
        self._switch = plan.kill_file or plan.folder / SWITCH
        self._kill_file = KillFile(self._switch)
        self._ground = Ground()
        self._spool = Spool(plan.folder)
        self._granted: dict[str, str] = {}  # what to say once it is durable
        self._kill, self._order, self._obeyed = Kill.NORMAL, Order.PREPARE, -1
        self._flatten = False
        self._is_fresh = True  # nothing was read since the start
        self._lost = self._strangers = self._gauged_ns = self._based_ns = 0

    async def start(self) -> None:
        """Replay, connect, ask for everything; then READY."""
        pulse, plan = self._body.pulse, self._plan
        plan.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        drilled = await drill(plan.folder, self._clock.monotonic_ns)
        await self._account.open(lambda text: pulse.tell(detail=text))
        self._ground = Ground(self._switch.parent, plan.folder / JOURNAL)
        self._show().publish(self._marks)
        for ring in self._rings:
            ring.seek_oldest()
        pulse.tell(life=Life.READY, detail=f"reconciled; kill switch drilled with {drilled.orders} dry orders")

    async def work(self) -> int:
        """One duty cycle."""
        self._account.keep()
        self._obey()
        brain_seq = self._brain_seq()
        messages: list[Candle | Target] = []
        if self._order is not Order.PREPARE:
            self._hear_people()
            messages = await self._read()
        self._look_at_bases()
        for message in messages:
            self._tell(message)
        if self._plan.settings.executor.entry_style == "limit":
            self._account.core.quotes = self._quotes.read(self._market_clock.now_ns())
        self._account.tell(Tick())
        if self._account.dispatch.is_durable:
            self._show().publish(self._marks)
        self._settle(brain_seq)
        self._gauge()
        is_behind = self._inbox.market_seq > brain_seq
        await self._wait.wait(BRAIN_S if is_behind else IDLE_S)
        return len(messages)

    async def close(self) -> None:
        """Close everything, on every way out."""
        try:
            await self._account.close()
        finally:
            self._wait.close()

    def told_again(self, _: FillTold) -> None:
        """A trade was told that is booked already."""
        self._counters.add(Counter.FILLS_DUPLICATE)

    def answered(self, answer: Answer, now: Moment) -> None:
        """The core answered: not durable yet."""
        self._show().intended(answer.events, now.monotonic_ns)

    def durable(self, events: Sequence[BookEvent], durable_ns: int) -> None:
        """These events are on disk."""
        self._show().durable(events, durable_ns)
        for event in events:
            if isinstance(event, Intervened):
                words = self._granted.pop(event.petition_id, "done")
                self._spool.answer(event.petition_id, Reply(granted=True, words=words))
            elif isinstance(event, Sized) and event.stop_ticks and not event.lots:
                self.warned(
                    f"{event.strategy} wants {event.instrument} and gets nothing",
                    f"target {event.target_id}: what it may risk to the stop at {event.stop_ticks} ticks, or its "
                    "capital, buys less than the smallest order; raise engine.sizing.capital or risk_share",
                )
            elif isinstance(event, Observed) and event.event is Event.REJECT and event.refusal not in USUAL:
                symbol = self._account.books.orders[event.intent_id].intent.instrument
                self.warned(f"refused on {symbol} by the exchange: {event.refusal}", event.text)
        self._wait.wake()

    def sent(self, intent: Intent, acknowledged: Acknowledged, durable_ns: int) -> None:
        """A request left and was answered."""
        self._show().sent(intent, acknowledged, durable_ns, self._clock.monotonic_ns())
        self._wait.wake()

    def refused(self, refused: Refused) -> None:
        """Risk said no: which limit, the figure, and the nearest legal value."""
        self._show().refused(refused)
        self._body.log.warning(f"refused on {refused.intent.instrument}: {refused.refusal.name}", text=refused.words)

    def rested(self) -> None:
        """Nothing is under way any more: look whether the candle is settled."""
        self._wait.wake()

    def warned(self, event: str, text: str) -> None:
        """Something that people should know."""
        self._body.log.warning(event, text=text)
        self._wait.wake()

    def _show(self) -> Outbox:
        if self._outbox is None:
            memory = self._body.memory
            rings = memory.ring_writer("ORDER_EVENTS"), memory.table_writer("POSITIONS")
            self._outbox = Outbox(self._account.books, self._names, rings, memory.counters)
        return self._outbox

    def _moment(self) -> Moment:
        return Moment(
            market_ns=self._market_clock.now_ns(),
            wall_ns=self._clock.wall_ns(),
            monotonic_ns=self._clock.monotonic_ns(),
        )

    def _stance(self) -> Stance:
        """What the shared words say now: this process may have been stopped since it looked last."""
        memory, pulse = self._body.memory, self._body.pulse
        row: np.ndarray[tuple[int], np.dtype[np.void]] = np.zeros(1, records.PULSE)
        is_current = not self._pulses.read(role_row("engine"), row) or int(row["epoch"][0]) == pulse.epoch
        may_enter = read_command(memory).order is Order.RUN
        kill = max(memory.words.kill_level(), self._kill_file.level())
        return Stance(kill=kill, may_enter=may_enter, is_current=is_current)

    def _look_at_bases(self) -> None:
        """Measure how far the contracts are from their spots, now and then: there may be hundreds."""
        now_ns = self._clock.monotonic_ns()
        if self._plan.settings.risk.basis_ppm_max and now_ns - self._based_ns >= GAUGE_NS:
            self._based_ns = now_ns
            self._account.core.bases = self._quotes.bases(self._market_clock.now_ns(), now_ns)

    def _tell(self, message: Candle | Target) -> None:
        if isinstance(message, Candle):
            self._marks[message.instrument] = message.close_ticks
        elif message.valid_until_ns < self._market_clock.now_ns():
            self._counters.add(Counter.TARGETS_STALE)
        self._account.tell(message)

    async def _read(self) -> list[Candle | Target]:
        if self._rings[0].has_news() or self._rings[1].has_news():
            # A fill that the exchange told before this candle is in our socket already: hear it first.
            for _ in range(BREATHS):
                await asyncio.sleep(0)
        if self._rings[2].read_into(self._corrections):
            self._account.want_recovery("the reconciler found a difference")
        messages = self._inbox.read()
        lost = sum(ring.lost for ring in self._rings)
        if lost > self._lost:
            self._counters.add(Counter.RECORDS_LOST, lost - self._lost)
            self._lost = lost
        strangers = self._account.strangers_count
        if strangers > self._strangers:
            self._counters.add(Counter.ORDERS_UNKNOWN, strangers - self._strangers)
            self._strangers = strangers
        if self._is_fresh and messages:
            self._is_fresh = False
            return newest_of(messages, self._account.core.stepped_ns)
        return messages

    def _obey(self) -> None:
        """The kill word and the supervisor's command; levels, told when they change."""
        level = self._kill_level()
        if level is not self._kill:
            self._kill = level
            self._account.tell(KillRaised(level))
        command = read_command(self._body.memory)
        if command.version == self._obeyed and command.order is self._order:
            return
        self._obeyed, self._order, self._flatten = command.version, command.order, command.flatten
        if command.order is Order.RUN:
            self._body.pulse.tell(life=Life.RUNNING)
        elif command.order is Order.DRAIN:
            self._account.tell(Draining(command.flatten))
            self._body.pulse.tell(life=Life.RUNNING)  # also when it was DRAINED: now more is asked
        elif command.order is Order.STOP:
            self._body.stopping.tell()
        self._body.pulse.tell(obeyed=command.version)

    def _kill_level(self) -> Kill:
        """The kill word, raised first by what the disk says: the file, or ground that is no longer ours."""
        words, wanted, why = self._body.memory.words, self._kill_file.level(), f"{self._switch} says so"
        if wanted < Kill.NO_ENTRIES and (gone := self._ground.gone()):
            wanted, why = Kill.NO_ENTRIES, gone
        if wanted > words.kill_level():
            self._counters.add(Counter.KILLS_RAISED)
            self.warned(f"kill switch raised to {wanted.name}", why)
            self._body.pulse.tell(detail=f"{wanted.name}: {why}")
        return words.raise_kill(wanted)

    def _hear_people(self) -> None:
        """Do what people have asked for since the last duty cycle; who asked and why goes to the journal with it."""
        plan = self._plan
        for petition in self._spool.take():
            instruments = {instrument.symbol: instrument for instrument in plan.instruments}
            market = Market(
                instruments=instruments,
                strategies=plan.strategies,
                marks=self._marks,
                silence=self._silence(),
                cash_unexplained=self._account.agreement.cash_unexplained,
            )
            verdict = judge(petition, self._account.books, market)
            self._body.log.info("by hand", petition=str(petition), verdict=verdict.words)
            if isinstance(verdict, Denied) or not verdict.events:
                reply = Reply(granted=not isinstance(verdict, Denied), words=verdict.words)
                self._spool.answer(petition.petition_id, reply)
                continue
            self._granted[petition.petition_id] = verdict.words
            for event in verdict.events:
                self._account.tell(Recorded(event))

    def _silence(self) -> str:
        if self._plan.observes:
            return "this session only observes and sends nothing"
        return "the kill switch stands at HALT and nothing is sent" if self._kill >= Kill.HALT else ""

    def _gauge(self) -> None:
        """What is measured rather than counted, four times a second."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._gauged_ns < GAUGE_NS:
            return
        self._gauged_ns = now_ns
        self._counters.set(Gauge.STREAM_AGE_S, self._account.stream_age_s())
        window = self._clock.wall_ns() // MINUTE_NS
        self._counters.set(Gauge.WEIGHT_USED, self._body.memory.words.weight_spent(window))

    def _brain_seq(self) -> int:
        # Read before the rings: the targets of everything before it are published by now.
        if not self._pulses.read(role_row("brain"), self._brain):
            return 0
        return int(self._brain["market_seq"][0])

    def _settle(self, brain_seq: int) -> None:
        now_ns, pulse = self._clock.monotonic_ns(), self._body.pulse
        before_ns = self._settling.settled_ns
        self._settling.decided(self._inbox.closes, brain_seq, now_ns)
        is_quiet = self._account.is_quiet
        settled_ns = self._settling.settle(is_quiet, now_ns)
        if settled_ns > before_ns:
            pulse.tell(settled_ns=settled_ns, market_seq=min(brain_seq, self._inbox.market_seq))
        if self._order is Order.DRAIN and pulse.life is not Life.DRAINED and is_quiet and self._is_drained():
            pulse.tell(life=Life.DRAINED)

    def _is_drained(self) -> bool:
        """Nothing but stops rests; with ``flatten`` nothing rests and nothing is held."""
        books = self._account.books
        symbols = [instrument.symbol for instrument in self._plan.instruments]
        working = [order for symbol in symbols for order in books.working_of(symbol)]
        if self._flatten:
            ours = [(s, name) for s in symbols for name in books.strategies_of(s) if name not in NOBODY]
            return not working and not any(books.position(*name).lots for name in ours)
        return all(order.intent.purpose in RESTS for order in working)


def newest_of(messages: Sequence[Candle | Target], stepped_ns: Callable[[str], int]) -> list[Candle | Target]:
    """Of all that stood on the rings before a start, what still counts: the newest of each, candles first.

    And every candle that the exits of an open trade have not seen: ``stepped_ns`` is the last that they have.
    """
    candles: dict[str, Candle] = {}
    missed: list[Candle] = []
    targets: dict[tuple[str, str], Target] = {}
    for message in messages:
        if isinstance(message, Candle):
            older, candles[message.instrument] = candles.get(message.instrument), message
            if older is not None and older.open_ns > stepped_ns(older.instrument):
                missed.append(older)
        else:
            targets[message.instrument, message.strategy] = message
    return [*missed, *candles.values(), *targets.values()]
