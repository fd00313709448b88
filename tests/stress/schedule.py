"""One seeded course of things: the engine's own account against a model exchange, from an empty journal to agreement.

The engine's account, core, dispatch, desk, books and order life are the real ones; only the disk, the sockets and the
clock are models.  A schedule is up to a dozen deeds of a market, a brain and a kill switch, under some of the 18
faults of wire.py, with up to two deaths at any callback; then the faults end, and everything has to agree.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from engine import errors
from engine.account import Account, Plan
from engine.books import Books
from engine.doubts import doubled
from engine.events import BookEvent, Deposited, Intended, Observed, Sized, Started, decode, encode
from engine.messages import Candle, KillRaised, Message, Moment, Target, Tick
from engine.order import Event, Fact, Intent, OrderType, client_id_of, intent_of
from engine.settings import EngineSettings, ExecutorSettings, ExitSettings
from shm.instruments import Instrument
from shm.records import Kill, Purpose, Unit
from tests.stress.bourse import Bourse, overdone
from tests.stress.policies import Hasty, Policy
from tests.stress.tally import Tally
from tests.stress.virtual import MS, Handle, Killed, Loop, World
from tests.stress.wire import Fault, Weather, Wire

SYMBOL = "BTC/USDT:USDT"
RULE = Instrument(row=0, symbol=SYMBOL, venue="model", account="main", tick_e8=10**7, lot_e8=10**5, lots_max=10**6)
EXECUTOR = ExecutorSettings(
    answer_timeout_ms=200, unanswered_ms=60, ask_first_ms=50, ask_last_ms=400, retry_ms=100, send_age_ms=300,
    cover_ms=60, unknown_horizon_ms=1_000,
)  # fmt: skip
SETTINGS = EngineSettings(executor=EXECUTOR)
PATIENT = replace(EXECUTOR, entry_style="limit", chase_interval_s=1, chase_move_ticks=20, chases_max=2, patience_s=1)
LADDER = ExitSettings(
    tp_r_multiples=(Decimal("0.5"), Decimal(1)), tp_splits=(Decimal("0.4"), Decimal("0.3")), break_even_after=1,
    trail="r", trail_after_r=Decimal("0.5"),
)  # fmt: skip
MANNERS = (
    SETTINGS,
    SETTINGS,
    EngineSettings(executor=PATIENT),
    EngineSettings(executor=EXECUTOR, exits=LADDER),
    EngineSettings(executor=PATIENT, exits=LADDER),
)
DAWN_NS = 1_700_000_000 * 10**9
CASH = 10_000 * 10**8
DUTY_S = 0.05
ROUGH_MS = 400  # faults strike until then
FLATTEN_SHARE = 0.2  # of schedules: the kill switch is thrown, and taken back when the faults end
LIVES_MAX = 40
ENDS = (Event.ABSENT, Event.REJECT, Event.CANCEL_CONFIRMED, Event.EXPIRE)  # of the orders of an earlier life


class Disk:
    """What is durable, and what is on its way there."""

    def __init__(self) -> None:
        """Empty."""
        self.written: list[bytes] = []
        self.intents: dict[str, bool] = {}  # client ids whose intent is durable
        self.pending: list[Sequence[BookEvent]] = []

    def commit(self, events: Sequence[BookEvent]) -> None:
        """Make ``events`` durable."""
        for event in events:
            self.written.append(encode(event))
            if isinstance(event, Intended):
                self.intents[event.intent.client_id] = True

    def die(self, random: Random, *, is_written: bool) -> None:
        """The process is gone: of what was on its way a part, from the front, may be there."""
        for events in self.pending if is_written else ():
            if random.random() < 0.3:
                break
            self.commit(events)
        self.pending.clear()


class Notebook:
    """A journal whose disk is ``Schedule.now.disk``."""

    def __init__(self, folder: Path, monotonic_ns: Any) -> None:
        """Replay."""
        schedule = Schedule.now
        self._schedule, self._free_ns = schedule, 0
        self.failure = ""
        self.books = Books()
        for payload in schedule.disk.written:
            self.books.apply(decode(payload))
        schedule.weather.books = self.books

    def append(self, events: Sequence[BookEvent]) -> Any:
        """Durable after a while, in order."""
        schedule, world = self._schedule, self._schedule.world
        is_slow = schedule.weather.strikes((Fault.DISK_SLOW,))
        wait_ms = schedule.random.randrange(20, 500) if is_slow else 1
        self._free_ns = max(self._free_ns, world.now_ns + wait_ms * MS)
        future = schedule.loop.create_future()
        schedule.disk.pending.append(events)
        world.put(self._free_ns - world.now_ns, schedule.loop, Handle(self._commit, (future,)))
        return future

    def close(self) -> None:
        """Nothing is queued that matters."""

    def _commit(self, future: Any) -> None:
        disk = self._schedule.disk
        disk.commit(disk.pending.pop(0))
        future.set_result(self._schedule.world.now_ns)


class Bystander:
    """A witness that looks away."""

    def __getattr__(self, name: str) -> Any:
        return _ignored


class Schedule:
    """One seeded course of things, from an empty journal to the last comparison."""

    now: "Schedule"
    folder = Path()  # of its journal, where that is a file
    duty_s = DUTY_S

    def __init__(self, seed: int, number: int, tally: Tally, policy: str = Policy.OURS) -> None:
        """Everything that will happen follows from ``seed`` and ``number``."""
        self.random = random = Random(seed << 40 | number)
        self.tally, self.policy = tally, policy
        self.world = World(DAWN_NS)
        self.bourse = Bourse(self.world, random, SYMBOL, RULE.unit, CASH)
        self.weather = Weather(random, tally.met)
        self.weather.storm = self._storm
        self.disk = Disk()
        self.bourse.is_durable = self.disk.intents.__contains__
        self.rings: list[Message] = []  # what market and brain have told and no engine has read
        self.targets: dict[str, Target] = {}
        self.strategies = ("a", "b") if random.random() < 0.25 else ("a",)
        self.settings = random.choice(MANNERS)
        self.run_number, self.target_id = 0, 1  # the first is the inherited order's
        self.is_calm, self.kill = False, Kill.NORMAL
        self._known = Moment(market_ns=0, wall_ns=0, monotonic_ns=0)
        self.loop: Loop
        self.account: Account
        Schedule.now = self

    def play(self) -> None:
        """Live until everything is quiet, then check; every death is followed by another life."""
        random, world = self.random, self.world
        faults = [fault for fault in Fault if random.random() < (0.5 if fault is Fault.REFUSED else 0.25)]
        if self.policy != Policy.OURS:
            faults = [Fault.ANSWER_LOST, Fault.LANDS_LATE, Fault.ERROR_DONE]
        self.weather.rough, self.weather.share = tuple(faults), random.choice((0.05, 0.1, 0.25))
        for _ in range(min(12, int(random.paretovariate(0.9)))):
            world.later(random.randrange(5, ROUGH_MS) * MS, self._deed)
        if random.random() < FLATTEN_SHARE:
            world.later(random.randrange(20, ROUGH_MS) * MS, self._flatten)
        world.later(random.randrange(1, 20) * MS, self._decide, self.strategies[0])
        if random.random() < 0.1:
            self._inherit()
        world.later(ROUGH_MS * MS, self._calm)
        deaths = [fault for fault in (Fault.KILLED, Fault.KILLED_WRITTEN) if fault in faults]
        for life in range(LIVES_MAX):
            if deaths and life < 2 and not self.is_calm:
                world.kill_at = world.steps + int(random.paretovariate(0.8) * 25)
            else:
                world.kill_at = -1
            if self._live(deaths):
                break
        self.tally.lives += life + 1
        self._check()

    def _live(self, deaths: list[Fault]) -> bool:
        """One life of the engine; whether it saw the end."""
        world, self.loop = self.world, Loop(self.world)
        wire = self.make_wire()
        plan = Plan(
            run_id=f"r{self.run_number}", folder=self.folder, settings=self.settings, instruments=(RULE,),
            strategies=self.strategies,
        )  # fmt: skip
        self.account = Account(plan, wire, Bystander(), self._moment)
        self.wire = wire
        try:
            opening = self.loop.create_task(self.account.open(_ignored))
            world.run(self.loop, opening.done, 10_000 * MS)
            opening.result()
            self._duty()
            world.run(self.loop, lambda: self.is_calm, 60_000 * MS)
            world.kill_at = -1  # from here on nobody dies
            world.run(self.loop, self._is_quiet, 20_000 * MS)
            if self._agrees() and self.random.random() < 0.75:
                return True  # what is still to be asked for was learnt without
            self.account.want_recovery("the end")
            return world.run(self.loop, self._is_quiet, 20_000 * MS)
        except Killed:
            fault = self.weather.meet(self.random.choice(deaths))
            self.disk.die(self.random, is_written=fault is Fault.KILLED_WRITTEN)
        except errors.VenueError:
            self.disk.die(self.random, is_written=True)  # it could not open, and ends in order
            world.leap(self.random.randrange(50, 400) * MS)
        finally:
            wire.is_dead = True
            self.loop.die()
        world.leap(self.random.randrange(1, 60) * MS)
        if self.random.random() < 0.2:  # another session: its brain is cold
            self.run_number += 1
            self.targets.clear()
            self.rings.clear()
        return False

    def make_wire(self) -> Wire:
        """The next life's way to the exchange."""
        if self.policy == Policy.OURS:
            return Wire(self.world, self.bourse, self.weather)
        wire = Hasty(self.world, self.bourse, self.weather)
        wire.policy = self.policy
        return wire

    def _moment(self) -> Moment:
        now_ns = self.world.now_ns
        if self._known.monotonic_ns != now_ns:
            self._known = Moment(market_ns=now_ns, wall_ns=now_ns, monotonic_ns=now_ns)
        return self._known

    def _is_quiet(self) -> bool:
        return not self.rings and not self.world.outside and self.account.is_quiet

    def _duty(self) -> None:
        """One turn of the engine's duty cycle."""
        self.account.keep()
        messages, self.rings = self.rings, []
        self.account.tell(KillRaised(self.kill))
        for message in messages:
            self.account.tell(message)
        self.account.tell(Tick())
        self.loop.call_later(self.duty_s, self._duty)

    def _deed(self) -> None:
        """Something happens in the market, or to the machine."""
        random, chance = self.random, self.random.random()
        if chance < 0.4:
            self._decide(random.choice(self.strategies))
        elif chance < 0.8:
            self._move(self.bourse.price + random.randrange(-250, 251))
        else:
            self._storm()

    def _flatten(self) -> None:
        self.kill = Kill.FLATTEN

    def _storm(self) -> None:
        """The stream breaks, or the process is stopped for a while, where this schedule has that."""
        rough, random = self.weather.rough, self.random
        is_cut = random.random() < 0.5 if Fault.STOPPED in rough else True
        if is_cut and Fault.STREAM_CUT in rough:
            self.weather.meet(Fault.STREAM_CUT)
            self.wire.cut(random.randrange(5, 300) * MS)
        elif Fault.STOPPED in rough:
            self.weather.meet(Fault.STOPPED)
            self.world.leap(random.randrange(50, 700) * MS)

    def _move(self, ticks: int) -> None:
        before, now_ns = self.bourse.price, self.world.now_ns
        self.bourse.move(ticks)
        candle = Candle(
            instrument=SYMBOL, open_ns=now_ns, close_ns=now_ns, high_ticks=max(before, ticks),
            low_ticks=min(before, ticks), close_ticks=ticks,
        )  # fmt: skip
        self.rings += [candle, *self.targets.values()]

    def _decide(self, strategy: str) -> None:
        lots, price = self.random.randrange(-5, 6), self.bourse.price
        side = 1 if lots > 0 else -1
        self.target_id += 1
        self.targets[strategy] = Target(
            instrument=SYMBOL, strategy=strategy, unit=Unit.LOTS, target_id=self.target_id, amount=lots,
            stop_ticks=price - side * self.random.randrange(40, 300), reference_ticks=price,
            valid_until_ns=self.world.now_ns + 10_000 * MS, open_ns=self.world.now_ns,
        )  # fmt: skip
        self.rings.append(self.targets[strategy])

    def _inherit(self) -> None:
        """A journal that an earlier life left: an order was sent, and perhaps arrived; older ones have ended."""
        started = Started(run="r0", account="main", venue="model", wall_ns=DAWN_NS)
        opening = Deposited(account="main", venue="model", amount=CASH, reference="opening", wall_ns=DAWN_NS)
        goal = Sized(
            run="r0", instrument=SYMBOL, strategy="a", target_id=1, lots=2, stop_ticks=299_000,
            valid_until_ns=DAWN_NS, reference_ticks=300_000, open_ns=DAWN_NS,
        )  # fmt: skip
        last = _ancestor(1, target_id=1)
        self.disk.commit([started, opening, goal, Intended(intent=last)])
        for number, end in enumerate(ENDS, 2):
            intent = _ancestor(number, target_id=0)
            self.disk.commit([Intended(intent=intent), Observed(intent_id=number, event=end)])
            if end in (Event.CANCEL_CONFIRMED, Event.EXPIRE):
                self.bourse.remember(intent, end)
        if self.random.random() < 0.5:
            self.world.later(2 * MS, self.bourse.accept, last)

    def _calm(self) -> None:
        self.weather.rough, self.weather.share, self.is_calm = (), 0.0, True
        self.kill = Kill.NORMAL
        self.rings += list(self.targets.values())

    def _check(self) -> None:
        """Everything agrees, or the tally says what does not."""
        books, bourse, tally = self.account.books, self.bourse, self.tally
        tally.schedules += 1
        tally.orders += len(books.orders)
        tally.fills += len(bourse.trades)
        sent = max(bourse.arrivals.values(), default=0)
        duplicates = int(sent > 1) + len(bourse.doubles) + doubled(books)
        if len(self.strategies) == 1:  # with two, the order of one may close what the other holds
            duplicates += overdone(bourse)
        orphans = [
            name
            for name in bourse.orders
            if (order := books.orders.get(intent_of(name))) is None or order.facts & (Fact.REJECTED | Fact.ABSENT)
        ]
        there, here = self._trades()
        lost = sum(trade_id not in here for trade_id in there)
        differs = self._differences(books, sum(there.values()))
        tally.duplicates += duplicates
        tally.orphans += len(orphans)
        tally.lost_fills += lost
        tally.differences += bool(differs) or here != there
        if duplicates or orphans or lost or differs:
            words = f"{duplicates} duplicates, {len(orphans)} orphans, {lost} lost fills; {differs}"
            tally.failures.append(words)

    def _trades(self) -> tuple[dict[int, int], dict[int, int]]:
        """Signed lots of every trade, by its id: the exchange's and ours."""
        there = {trade.trade_id: trade.side * trade.lots for _, trade in self.bourse.trades}
        return there, {key[2]: fill.side * fill.lots for key, fill in self.account.books.ledger.trades.items()}

    def _agrees(self) -> bool:
        there, here = self._trades()
        return here == there and not self._differences(self.account.books, sum(there.values()))

    def _differences(self, books: Books, lots: int) -> str:
        bourse = self.bourse
        held = books.position(SYMBOL)
        working = {order.intent.client_id for order in books.working_of(SYMBOL)}
        resting = {seen.client_id for seen in bourse.resting()}
        stops = [
            seen
            for seen in bourse.resting()
            if seen.side == -held.side and bourse.orders[seen.client_id].intent.purpose is Purpose.STOP
        ]
        found = {
            "position": (held.lots, bourse.lots, lots) if not held.lots == bourse.lots == lots else (),
            "cash": () if books.ledger.wallet("main", "model") == bourse.cash else ("differs",),
            "open orders": working ^ resting,
            "not quiet": () if self._is_quiet() else [str(order.state) for order in books.working_of(SYMBOL)] or "yes",
            "unplanned": bourse.unplanned,
            "no entries": self.account.core.differs,
            "stops": ()
            if len(self.strategies) > 1 or sum(seen.lots for seen in stops) == abs(held.lots)
            else (held.lots, [seen.lots for seen in stops]),
        }
        return ", ".join(f"{name} {what}" for name, what in found.items() if what)


def _ancestor(number: int, target_id: int) -> Intent:
    """An entry of an earlier life."""
    return Intent(
        intent_id=number, client_id=client_id_of("r0", number), account="main", venue="model", instrument=SYMBOL,
        allocation=(("a", 2),), purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1, lots=2, target_id=target_id,
        reference_ticks=300_000, created_market_ns=DAWN_NS, created_wall_ns=DAWN_NS,
    )  # fmt: skip


def _ignored(*_: Any) -> None:
    """Nobody looks."""
