"""One account at one venue, open for business: journal, core, dispatch and desk joined.

    message --> Core --Answer--> Dispatch --durable, then--> Venue
                 ^                                             |
                 +------------- Desk <---- news, answers ------+

``open`` and ``recover`` are the same at the first start, after a reconnect and after a kill.
Dropping the object at any await loses nothing: what was on the way is in the journal.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine import errors, planner
from engine.agreement import Agreement
from engine.books import Books
from engine.comparison import held
from engine.core import Core
from engine.deadman import dead_man_of
from engine.desk import OPENING, ROUTINE, Desk
from engine.dispatch import Dispatch
from engine.events import BookEvent, Deposited, Opened
from engine.gate import NS_OF_MS, Gate, Shut, Stance, objection
from engine.instrument_life import Change, changed, pause
from engine.journal import Journal
from engine.messages import Answer, FillTold, Message, Moment, Recorded, Send
from engine.opening import LOOKS_MAX, is_current, survey, unopened, unsupported
from engine.order import Intent
from engine.risk import Refused
from engine.settings import EngineSettings
from engine.venue.base import Acknowledged, Venue
from shm.instruments import Instrument
from shm.records import Kill

CONNECT_S_MAX = 30.0
UNHEARD_MAX = 3  # answers in a row with trades that the private stream has not told
RETRY_NS = 1_000_000_000  # after a recovery that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is traded, for whom, and where the journal is."""

    run_id: str
    folder: Path
    settings: EngineSettings
    instruments: tuple[Instrument, ...]
    strategies: tuple[str, ...]  # by row, as in records
    asset: str = "USDT"
    is_shared: bool = False  # others trade on it as well: it has a past, and modes that anybody may change
    observes: bool = False  # sends nothing
    kill_file: Path | None = None  # of the state directory; None: beside the journal


class Witness(Protocol):
    """Who is told what happens; durable things only, but for ``answered``."""

    def answered(self, answer: Answer, now: Moment) -> None:
        """The core answered."""
        ...

    def told_again(self, message: FillTold) -> None:
        """A trade was told that is booked already."""
        ...

    def durable(self, events: Sequence[BookEvent], durable_ns: int) -> None:
        """These events are on disk."""
        ...

    def sent(self, intent: Intent, acknowledged: Acknowledged, durable_ns: int) -> None:
        """A request left and was answered."""
        ...

    def refused(self, refused: Refused) -> None:
        """Risk said no."""
        ...

    def rested(self) -> None:
        """Nothing is under way any more."""
        ...

    def warned(self, event: str, text: str) -> None:
        """Something that people should know."""
        ...


class Account:
    """Open it, tell it, keep it, close it."""

    def __init__(self, plan: Plan, venue: Venue, witness: Witness, moment: Callable[[], Moment]) -> None:
        """Open nothing yet."""
        self._plan, self._venue, self._witness, self._moment = plan, venue, witness, moment
        self.stance: Callable[[], Stance] = Stance  # of the session, for the gate
        self._approved_ns: dict[int, int] = {}  # intents of this life, by number
        self._journal: Journal | None = None
        self._listening: asyncio.Task[None] | None = None
        self._recovering: asyncio.Task[None] | None = None
        self._recovered_ns = self._failed_ns = 0
        self.agreement = Agreement()
        self._heeded: dict[str, bool] = {}
        self._rules, self._rules_ns = plan.instruments, 0
        self._changes: dict[str, Change] = {}  # of instruments, as told last
        self._arming: asyncio.Task[None] | None = None
        self._dead_man = dead_man_of(plan.instruments, plan.settings.executor.dead_man_ms)
        self._unsupported = ""  # why entries wait, in words

    async def open(self, say: Callable[[str], None]) -> None:
        """Replay, connect, and ask the venue for everything."""
        plan = self._plan
        say("opening the journal")
        journal = await asyncio.to_thread(Journal, plan.folder, lambda: self._moment().monotonic_ns)
        self._journal = journal
        self.core = Core(
            journal.books,
            plan.settings,
            run=plan.run_id,
            venue=plan.instruments[0].venue,
            instruments={rule.symbol: rule for rule in plan.instruments},
        )
        gate = Gate(Shut() if plan.observes else self._venue, self._objection)
        self.dispatch = Dispatch(journal, gate, self._witness, self.tell, self._ask)
        self._desk = Desk(self._venue, self, plan.instruments, is_shared=plan.is_shared)
        self._desk.is_open = False  # what is told before it is known from when on trades are ours is asked for later
        say("connecting")
        await self._venue.open()
        self._venue.follow(plan.instruments)
        self._listening = asyncio.create_task(self._venue.listen(self._desk.news))
        await self._connected()
        self._dead_man.inherit(self.books.pursuits)
        say("reconciling")
        await self._begin()
        await self._recover()

    async def close(self) -> None:
        """Abandon what is under way, close every socket, give the journal up."""
        tasks = [task for task in (self._listening, self._recovering, self._arming) if task is not None]
        try:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._journal is not None:
                await self.dispatch.close()
        finally:
            try:
                await self._venue.close()
            finally:
                if self._journal is not None:
                    await asyncio.to_thread(self._journal.close)

    @property
    def books(self) -> Books:
        """Orders, goals and money."""
        return self.core.books

    @property
    def is_quiet(self) -> bool:
        """Nothing waits for disk, venue or recovery, and the core wants nothing more."""
        is_recovering = self._recovering is not None and not self._recovering.done()
        return (
            self.dispatch.is_idle
            and not is_recovering
            and not self._desk.recovery_wanted
            and not self.dispatch.comparison_wanted
            and self.core.is_settled  # last, for it looks at every order
        )

    @property
    def strangers_count(self) -> int:
        """Orders seen at the venue that no intent of ours explains: a human's, or another program's."""
        return len(self._desk.strangers)

    def want_recovery(self, reason: str) -> None:
        """Ask the venue for everything, soon."""
        self._desk.recovery_wanted = self._desk.recovery_wanted or reason

    def tell(self, message: Message) -> None:
        """Tell the core, and have done what it answers."""
        now = self._moment()
        answer = self.core.tell(message, now)
        if isinstance(message, FillTold) and not answer.events:
            self._witness.told_again(message)
        self._done(answer, now)

    def moment(self) -> Moment:
        """The three clocks, for the desk."""
        return self._moment()

    def keep(self) -> None:
        """One duty cycle: raise what broke, and ask for everything when it is wanted or time."""
        self.dispatch.check()
        for task in (self._listening, self._recovering):
            if task is not None and task.done() and not task.cancelled() and (error := task.exception()):
                raise error
        now_ns = self._moment().monotonic_ns
        interval_ns = self._plan.settings.reconcile.interval_s * 1_000_000_000
        if self._recovering is not None and not self._recovering.done():
            return
        if now_ns - self._recovered_ns > interval_ns:
            self.want_recovery(ROUTINE)
        if self._desk.connected.is_set():
            self._watch_stream()
        if self.dispatch.comparison_wanted:
            self.want_recovery(self.dispatch.comparison_wanted)
            self.dispatch.comparison_wanted = ""
        self._heed_venue()
        if self._desk.recovery_wanted and self._desk.connected.is_set() and now_ns - self._failed_ns > RETRY_NS:
            self._recovering = asyncio.create_task(self._recover_or_wait())

    def stream_age_s(self) -> float:
        """Machine time since the private stream showed life."""
        return self._venue.stream_age_ns() / 1e9

    def _heed_venue(self) -> None:
        """What the venue did to our positions, in which coin it takes its fees, and its dead-man timer."""
        for asset in self._desk.fee_assets:
            if not self._heeded.setdefault(f"fees in {asset}", False):
                self._heeded[f"fees in {asset}"] = True
                self._witness.warned(f"fees are paid in {asset}", "profit in these books is before them: turn it off")
        for number, change in self._desk.forced.items():
            if number not in self._heeded:
                self._heeded[number] = True
                self._pause(change)
        if not (self._plan.is_shared and self._plan.settings.executor.dead_man_ms) or self._plan.observes:
            return
        if self._arming is not None and not self._arming.done():
            return
        due = self._dead_man.due(self.books, self._moment().monotonic_ns)
        if self.core.kill >= Kill.HALT:
            # Not told again, it takes back the entries that rest; disarmed, it leaves the stops.
            due = [(symbol, timeout_ms) for symbol, timeout_ms in due if not timeout_ms]
        if due:
            self._arming = asyncio.create_task(self._arm(due))

    async def _arm(self, due: Sequence[tuple[str, int]]) -> None:
        for symbol, timeout_ms in due:
            if timeout_ms and not self._dead_man.is_wanted(self.books, symbol):
                continue  # while another was told it was filled: disarmed at the next look
            try:
                await self._venue.arm(symbol, timeout_ms)
            except errors.VenueError as error:
                self._dead_man.failed(symbol, timeout_ms, self._moment().monotonic_ns)
                self._witness.warned(f"the dead-man timer of {symbol} was not set", error.text)

    def _pause(self, change: Change) -> None:
        self._witness.warned(change.instrument, change.words)
        if change.pauses:
            self.tell(Recorded(pause(change, self._moment().wall_ns)))

    async def _read_rules(self) -> None:
        """Whether the instruments are still what they were."""
        now_ns, rules_s = self._moment().monotonic_ns, self._plan.settings.reconcile.rules_s
        # Play money's rules were read a moment ago, when its market was made.
        self._rules_ns = self._rules_ns or (1 if self._plan.is_shared else now_ns)
        if now_ns - self._rules_ns < rules_s * 1_000_000_000:
            return
        self._rules_ns = now_ns
        symbols = [one.symbol for one in self._rules]
        found = await self._venue.rules(symbols)
        for before, after in zip(self._rules, found, strict=True):
            change = changed(before, after)
            if change is not None and self._changes.get(before.symbol) != change:
                self._changes[before.symbol] = change
                self._pause(change)

    def _watch_stream(self) -> None:
        """Hang up on a private stream that shows no life, or whose trades only questions bring."""
        silent_ns = self._plan.settings.reconcile.stream_silent_s * 1_000_000_000
        if self._venue.stream_age_ns() > silent_ns:
            self._desk.connected.clear()
            self._venue.hang_up("the private stream is silent")
        elif self._desk.unheard >= UNHEARD_MAX:
            self._desk.unheard = 0
            self._venue.hang_up("the private stream tells no trades")

    def _done(self, answer: Answer, now: Moment) -> None:
        if answer.events or answer.actions:
            self._witness.answered(answer, now)
            for action in answer.actions:
                if isinstance(action, Send):
                    self._approved_ns[action.intent.intent_id] = now.monotonic_ns
            self.dispatch.do(answer)

    def _objection(self, intent: Intent) -> str:
        """Why an approved intent must not leave now."""
        now, executor = self._moment(), self._plan.settings.executor
        age_ns = now.monotonic_ns - self._approved_ns[intent.intent_id]
        if not intent.reduce_only and (changed := self._desk.modes_changed):
            return f"the account's modes were changed and not read again yet: {changed}"
        words = objection(intent, age_ns, executor.send_age_ms * NS_OF_MS, self.stance())
        return words or planner.expiry(self.books, intent, self.core.circumstances(now))

    async def _begin(self) -> None:
        """What has to be in the books first: who we are, what is listed, what is in doubt, what we own."""
        plan, now = self._plan, self._moment()
        self._done(self.core.restarted(now), now)
        account, venue = self.books.account, self.books.venue
        # Asked of the ledger, since the first life may have ended before it knew what we own.
        if not self.books.ledger.has_deposit(venue, OPENING):
            cash = await (self._snapshot(now) if plan.is_shared else self._desk.cash.opening(plan.asset))
            opening = Deposited(account=account, venue=venue, amount=cash, reference=OPENING, wall_ns=now.wall_ns)
            self.tell(Recorded(opening))
        elif plan.is_shared and (fresh := unopened(self.books, plan.instruments)):
            # Such a symbol has a past as well: what that brought is in the list of income.
            self._open(await survey(self._venue, fresh, now.market_ns or now.wall_ns))
        self._desk.is_open = True

    async def _snapshot(self, now: Moment) -> int:
        """Book what was held before us, and answer the cash of the same moment: no trade came between."""
        for _ in range(LOOKS_MAX):
            found = await survey(self._venue, self._plan.instruments, now.market_ns or now.wall_ns)
            cash = await self._desk.cash.opening(self._plan.asset)
            if await is_current(self._venue, found):
                break
        else:
            raise errors.Unknown(f"the account trades all the time: no snapshot in {LOOKS_MAX} looks")
        self._open(found)
        return cash

    def _open(self, found: Sequence[Opened]) -> None:
        for opened in found:
            self.tell(Recorded(opened))
            self._desk.begin_trades(opened.instrument, opened.trade_id_next)

    async def _connected(self) -> None:
        assert self._listening is not None, "listening begins before it is waited for"
        connected = asyncio.ensure_future(self._desk.connected.wait())
        try:
            await asyncio.wait({connected, self._listening}, timeout=CONNECT_S_MAX, return_when=asyncio.FIRST_COMPLETED)
        finally:
            connected.cancel()
        if self._listening.done():
            self._listening.result()
        if not self._desk.connected.is_set():
            raise errors.Unreachable(f"the private stream did not open within {CONNECT_S_MAX:.0f} s")

    async def _recover(self) -> None:
        await self._desk.recover()
        await self._set_watch()
        await self._read_modes()
        await self._read_rules()
        await self._compare()
        self._recovered_ns = self._moment().monotonic_ns

    async def _set_watch(self) -> None:
        """How far our clock is from the venue's, for sure: what the way there and back may explain does not count."""
        before_ns = self._moment().wall_ns
        server_ns = await self._venue.server_ns()
        after_ns = self._moment().wall_ns
        drift_ns, doubt_ns = (before_ns + after_ns) // 2 - server_ns, abs(after_ns - before_ns) // 2
        sure_ms = max(0, abs(drift_ns) - doubt_ns) // NS_OF_MS
        self.core.clock_drift_ms = sure_ms if drift_ns > 0 else -sure_ms

    async def _read_modes(self) -> None:
        """How the account is set up: what we do not support forbids entries, by name."""
        if not self._plan.is_shared:
            return
        changed = self._desk.modes_changed
        modes = await self._venue.modes([instrument.symbol for instrument in self._plan.instruments])
        words = unsupported(modes, self._plan.settings.risk)
        if words and words != self._unsupported:
            self._witness.warned("the account is set up in a way we do not trade with: no entries", words)
        self._unsupported = words
        self.core.isolated = {symbol: leverage for symbol, margin, leverage in modes.margins if margin == "isolated"}
        if self._desk.modes_changed == changed:
            self._desk.modes_changed = ""

    async def _compare(self) -> None:
        """Positions and cash: entries wait while they differ, at the start at once, later when a second look agrees."""
        positions = {seen.symbol: seen.lots for seen in await self._venue.positions()}
        wallet = (await self._venue.wallet(self._plan.asset)).wallet
        now, before = self._moment(), self.agreement.words
        if self.agreement.look(held(self.books, positions, wallet), is_first=not self._recovered_ns):
            self._failed_ns = now.monotonic_ns  # not at once
            self.want_recovery("a difference to the exchange")
        words = self.agreement.words
        if words and words != before:
            self._witness.warned("differs from the exchange: no entries", words)
        for found in self.agreement.findings(before, now.wall_ns):
            self.tell(Recorded(found))
        self.core.differs = "; ".join(filter(None, (words, self._unsupported)))

    async def _recover_or_wait(self) -> None:
        reason = self._desk.recovery_wanted
        try:
            await self._recover()
            if self._desk.unproved:
                self._failed_ns = self._moment().monotonic_ns  # not at once
                self.want_recovery("whose a trade is, the venue does not show yet")
        except errors.VenueError as error:
            self._failed_ns = self._moment().monotonic_ns
            self._desk.recovery_wanted = reason
            self._witness.warned("recovery failed", error.text)
        finally:
            asyncio.get_running_loop().call_soon(self._witness.rested)

    async def _ask(self, intent: Intent) -> None:
        await self._desk.ask(intent)
