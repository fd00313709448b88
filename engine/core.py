"""The pure heart of the engine: told, and answering; no socket, no disk, no clock.

    Target  --sized once--> goal --+
    FillTold, Outcome --> books ---+--> plan(instrument): one order, or stops, or nothing
    KillRaised, Draining, Tick ----+

Planning looks at levels, never at edges: what is to be done follows from the books alone, so a
restart, a lost message or a repeated one leads to the same place.
"""

import sys
from collections.abc import Mapping

from engine import executor, planner, sizing
from engine.agenda import Agenda, Kind, kind_of
from engine.books import Books
from engine.breaker import Breaker
from engine.doubts import doubts
from engine.draft import Draft
from engine.events import DayBegan, Filled, Intervened, Listed, Observed, Sized, Started
from engine.messages import (
    Answer,
    Ask,
    Cancel,
    Candle,
    Compare,
    Draining,
    FillTold,
    KillRaised,
    Message,
    Moment,
    Outcome,
    Recorded,
    Target,
    Tick,
)
from engine.netting import Proposal, clipped
from engine.order import Event, Order
from engine.protection import Protection
from engine.questions import NS_OF_MS, Questions
from engine.reply import Reply
from engine.risk import Approved, Refused
from engine.scrutiny import Scrutiny
from engine.settings import EngineSettings
from engine.tally import day_of, zone_of
from shm.records import Kill, OrderState

TICK_NS = 20 * NS_OF_MS  # machine time between two looks at what waits


class Core:
    """One account at one venue; ``books`` are those that the journal gave."""

    def __init__(
        self,
        books: Books,
        settings: EngineSettings,
        *,
        run: str,
        venue: str,
        instruments: Mapping[str, planner.Filters],
    ) -> None:
        """Take over the books; ``restarted`` comes before anything is told."""
        self.books = books
        self.kill, self.differs = Kill.NORMAL, ""  # differs: from the venue, beyond doubt; forbids entries
        self._settings = settings
        self._run = run
        self._venue = venue
        self._instruments = instruments
        margin_ppm, risk = settings.sizing.margin_ppm, settings.risk
        self._limits = {name: planner.limits_of(filters, risk, margin_ppm) for name, filters in instruments.items()}
        self._lots_min = {name: limits.lots_min for name, limits in self._limits.items()}
        self._draft = Draft(books, run=run, account=settings.account, venue=venue)
        self._draining: Draining | None = None
        self._marks: dict[str, int] = {}
        self._closes_ns: dict[str, int] = {}
        self._zone = zone_of(settings.risk.risk_day_zone)
        self.quotes: Mapping[str, executor.Quote] = {}  # as heard last; where there is none, the last close has to do
        self.bases: Mapping[str, int] = {}  # how far each contract is from its spot, ppm, where that is known
        self.clock_drift_ms = 0  # of our clock from the venue's
        self.isolated: Mapping[str, int] = {}  # leverage, of instruments whose margin is isolated
        self._breaker = Breaker(settings.breaker)
        self._valid: dict[tuple[str, str], int] = {}
        self._traces: dict[tuple[str, str], tuple[int, int]] = {}
        self._reply = Reply(books)
        self._questions = Questions(settings.executor)
        self._agenda = Agenda(settings.executor)
        self._scrutiny = Scrutiny(books, self._reply, (self._questions, self._breaker), self._limits)
        self._protection = Protection(
            books,
            self._draft,
            (self._reply, self._scrutiny),
            (self._questions, self._agenda),
            settings,
        )
        self._tick_ns = 0

    @property
    def is_settled(self) -> bool:
        """Nothing is in flight, every fill is booked, every stop is acknowledged, nothing waits for its time."""
        return self._agenda.is_empty and all(
            order.rests for orders in self.books.working.values() for order in orders.values()
        )

    def stepped_ns(self, symbol: str) -> int:
        """The open time of the last candle that no open trade of ``symbol`` has to see any more; market."""
        trips = [trip for (name, _), trip in self.books.trips.items() if name == symbol]
        if not trips or not self._settings.exits.are_on:
            return sys.maxsize
        return min(max(trip.open_ns, trip.opened_ns - planner.MINUTE_NS) for trip in trips)

    def restarted(self, now: Moment) -> Answer:
        """Open the books of this run: what was under way is in doubt and asked about, everything is compared."""
        account = self._settings.account
        self._reply.record(Started(run=self._run, account=account, venue=self._venue, wall_ns=now.wall_ns))
        for name, filters in self._instruments.items():
            listed = Listed(
                instrument=name, venue=self._venue, tick_e8=filters.tick_e8, lot_e8=filters.lot_e8, unit=filters.unit
            )
            if self.books.listings.get(name) != listed:
                self._reply.record(listed)
            self._agenda.look_at(name, now.monotonic_ns)
        for doubt in doubts(self.books, now.wall_ns):
            self._reply.record(doubt)
        for orders in self.books.working.values():
            self._reply.act(*(Ask(order.intent, order.venue_order_id) for order in orders.values()))
            for intent_id in orders:
                self._questions.begin(intent_id, now.monotonic_ns)
        self._reply.act(Compare("start"))
        return self._reply.take()

    def tell(self, message: Message, now: Moment) -> Answer:
        """Digest ``message``: the books change at once, the world only by the answer."""
        match message:
            case Target():
                self._target(message, now)
            case Candle():
                self._candle(message, now)
            case Outcome():
                self._outcome(message, now)
            case FillTold(fill):
                self._fill(fill, now)
            case Recorded(event):
                self._reply.record(event)
                if isinstance(event, Intervened | Observed):
                    self._agenda.free()
                    self._plan_all(now)
            case KillRaised(level):
                if level != self.kill:
                    self.kill = level
                    self._agenda.free()
                    self._plan_all(now)
            case Draining():
                self._draining = message
                self._agenda.free()
                self._plan_all(now)
            case Tick():
                self._tick(now)
        return self._reply.take()

    def _target(self, target: Target, now: Moment) -> None:
        name = (target.instrument, target.strategy)
        goal = self.books.goals.get(name)
        known = goal if goal and not goal.stale else None
        if known and target.target_id < known.target_id:
            return
        self._valid[name] = target.valid_until_ns
        if known and target.target_id == known.target_id:
            lots = known.lots
            if known.spent or known.by_hand or target.stop_ticks in (0, known.stop_ticks):
                self._plan(target.instrument, now)
                return
        else:
            profit = self.books.profit_of(target.strategy)
            stake = sizing.stake_of(self._settings.sizing, target.strategy, profit)
            lots = sizing.lots_of(target, stake, self._limits[target.instrument])
            self._traces[name] = (target.received_ns, target.decided_ns)
        self._reply.record(
            Sized(
                run=self._run,
                instrument=target.instrument,
                strategy=target.strategy,
                target_id=target.target_id,
                lots=lots,
                stop_ticks=target.stop_ticks,
                valid_until_ns=target.valid_until_ns,
                reference_ticks=target.reference_ticks,
                open_ns=target.open_ns,
                trail_ticks=target.trail_ticks,
            )
        )
        self._plan(target.instrument, now)

    def _candle(self, candle: Candle, now: Moment) -> None:
        self._marks[candle.instrument] = candle.close_ticks
        self._closes_ns[candle.instrument] = candle.close_ns
        day = day_of(candle.close_ns, self._zone)
        is_new = self.books.tally.day is None or day > self.books.tally.day.number
        # After a restart prices come one by one: a day begins with what all that is held is worth.
        if is_new and not planner.unmarked(self.books, self._marks, self._limits):
            profit = planner.profit(self.books, self._marks)
            self._reply.record(DayBegan(day=day, profit=profit, market_ns=candle.close_ns))
        self._protection.step(candle, now)
        self._plan(candle.instrument, now)

    def _outcome(self, outcome: Outcome, now: Moment) -> None:
        order = self.books.orders.get(outcome.intent_id)
        if order is None:
            self._reply.act(Compare(f"news of order {outcome.intent_id}, which is not in the journal"))
            return
        event, symbol = outcome.event, order.intent.instrument
        self._breaker.told(outcome.intent_id, event, outcome.refusal, now.monotonic_ns)
        is_missing = event == Event.ABSENT and not outcome.refusal
        if is_missing:
            is_proof = self._questions.miss(order.intent, outcome.asked_ns or now.monotonic_ns)
            # Not found so soon, or while the request is still under way, is no proof of absence.
            event = Event.ABSENT if is_proof and not outcome.is_under_way else Event.DOUBT
        if event in (Event.ABSENT, Event.REJECT):
            held = self._instruments if outcome.refusal == "RateLimited" else [symbol]  # it limits the account
            failed = symbol, kind_of(order.intent)
            self._agenda.fail(failed, held, now.monotonic_ns, outcome.retry_after_ms, outcome.refusal)
        if event == Event.REJECT and outcome.refusal == "ReduceOnlyRejected":
            self._reply.act(Compare("the venue has nothing to reduce"))
        after = order.told(event, lots_reported=outcome.lots_filled)
        named = outcome.venue_order_id not in ("", order.venue_order_id)
        if (after.facts, after.lots_reported) == (order.facts, order.lots_reported) and not named:
            if is_missing:
                self._plan(symbol, now)  # a position must not wait for the proof
            return
        if event in (Event.ACK, Event.FILL_SOME, Event.FILL_ALL):
            self._agenda.succeed(symbol)
        if event == Event.DOUBT:
            self._questions.doubt(outcome.intent_id)
        self._reply.record(
            Observed(
                intent_id=outcome.intent_id,
                event=event,
                venue_order_id=outcome.venue_order_id,
                lots_filled=outcome.lots_filled,
                refusal=outcome.refusal,
                text=outcome.text,
                market_ns=now.market_ns,
                wall_ns=now.wall_ns,
            )
        )
        if event == Event.REJECT and self._protection.gives_up(order.intent):
            self._agenda.free(symbol)  # what a refused stop leaves bare is closed at once
        self._plan(symbol, now)

    def _fill(self, fill: Filled, now: Moment) -> None:
        if (fill.venue, fill.instrument, fill.trade_id) not in self.books.ledger.trades:
            self._protection.fill(fill, now)
            self._plan(fill.instrument, now)

    def _tick(self, now: Moment) -> None:
        if now.monotonic_ns < self._tick_ns:
            return
        self._tick_ns = now.monotonic_ns + TICK_NS
        for orders in list(self.books.working.values()):
            for order in list(orders.values()):
                self._attend(order, now)
        self._questions.forget([name for name in self._questions.open if self.books.orders[name].is_settled])
        for symbol in self._instruments:
            if self.books.working.get(symbol):
                self._pursue(symbol, now)
        for symbol in self._agenda.due(now.monotonic_ns):
            self._plan(symbol, now)

    def _attend(self, order: Order, now: Moment) -> None:
        """Ask about an order that ought to have moved on."""
        if not self._questions.is_due(order, now.monotonic_ns):
            return
        intent = order.intent
        if order.state == OrderState.NEW:
            self._reply.record(
                Observed(intent_id=intent.intent_id, event=Event.DOUBT, text="no answer in time", wall_ns=now.wall_ns)
            )
        again = Cancel if order.state == OrderState.CANCELLING else Ask
        self._reply.act(again(intent, order.venue_order_id))

    def _plan_all(self, now: Moment) -> None:
        for symbol in self._instruments:
            self._plan(symbol, now)

    def _plan(self, symbol: str, now: Moment) -> None:
        """Do what the books ask for now; whatever changes them plans again."""
        if not self._agenda.begin(symbol, now.monotonic_ns):
            return
        if symbol not in self._instruments or self.kill >= Kill.HALT:
            return
        self._pursue(symbol, now)
        if not planner.is_busy(self.books, symbol):
            self._net(symbol, now)
        elif planner.is_adrift(self.books, symbol, self._questions.missed):
            self._leave(symbol, now)
        elif self._protection.covers_soon(symbol, now):
            return
        self._protection.protect(symbol, self.circumstances(now), now)

    def _net(self, symbol: str, now: Moment) -> None:
        at = self.circumstances(now)
        for cross in planner.dusty(self.books, symbol, at):
            self._cross(symbol, cross, at)
        proposal = planner.propose(self.books, symbol, at)
        for cross in proposal.crosses:
            self._cross(symbol, cross, at)
        if not proposal.lots:
            self._scrutiny.forget(symbol)
            return
        limits, price = self._limits[symbol], 0
        reduction = planner.propose_reduction(self.books, symbol, at)
        waits = bool(self._agenda.waits_ns(Kind.ENTRY, symbol, now.monotonic_ns))
        if (waits or self._settings.executor.entry_style == "limit") and reduction.lots >= limits.lots_min:
            proposal = reduction  # an exit waits neither for its price nor for an entry's next try
        if planner.reduces(self.books, symbol, proposal):
            if proposal.lots < limits.lots_min:  # too little for an order: stays, or is dust at the next look
                if proposal.crosses:
                    self._agenda.look_at(symbol, now.monotonic_ns)
                return
            proposal = clipped(proposal, planner.portion(proposal.lots, limits))
        elif waits:
            return
        else:
            price = self._price(symbol, proposal, at)
        answer = self._reviewed(symbol, proposal, at, price)
        if isinstance(answer, Refused) and not answer.intent.reduce_only:
            self._scrutiny.announce(answer)
            if reduction.lots < limits.lots_min:
                return
            answer = self._reviewed(symbol, clipped(reduction, planner.portion(reduction.lots, limits)), at)
        if isinstance(answer, Refused):
            if answer.intent.reduce_only:  # a position that must go and cannot: again and again, and said each time
                self._scrutiny.forget(symbol)
                self._agenda.look_at(symbol, now.monotonic_ns + self._settings.executor.ask_last_ms * NS_OF_MS)
            self._scrutiny.announce(answer)
        else:
            self._scrutiny.send(answer, now)

    def _leave(self, symbol: str, now: Moment) -> None:
        """What is to go goes, though an order that the venue does not find may yet come.

        An entry is closed when it does; an exit finds nothing to reduce, or leaves less to this one.
        """
        at, limits = self.circumstances(now), self._limits[symbol]
        reduction = planner.propose_reduction(self.books, symbol, at)
        if reduction.lots >= limits.lots_min and planner.may_leave_again(self.books, symbol, reduction):
            answer = self._reviewed(symbol, clipped(reduction, planner.portion(reduction.lots, limits)), at)
            if isinstance(answer, Approved):
                self._scrutiny.send(answer, now)

    def _cross(self, symbol: str, cross: tuple[str, str, int], at: planner.Circumstances) -> None:
        crossed = self._draft.cross(symbol, cross, at)
        if crossed.price_ticks > 0:  # else at the next candle, which has one
            self._reply.record(crossed)

    def _price(self, symbol: str, proposal: Proposal, at: planner.Circumstances) -> int:
        """Where an entry is posted; 0: it takes what the book has."""
        goals = [self.books.goals.get((symbol, strategy)) for strategy, _ in proposal.allocation]
        target_id = max((goal.target_id for goal in goals if goal and not goal.stale), default=0)
        pursuit = self.books.pursuits.get(symbol)
        pursuit = pursuit if pursuit and pursuit.target_id == target_id else None
        quote = planner.quote(symbol, at)
        return executor.opening(pursuit, proposal.side, quote, at.market_ns, self._settings.executor)

    def _pursue(self, symbol: str, now: Moment) -> None:
        """Withdraw an entry that rests where it should not; what is left is planned once that is confirmed."""
        for order in planner.posts(self.books, symbol):
            at, pursuit = self.circumstances(now), self.books.pursuits[symbol]
            is_current = pursuit.target_id == order.intent.target_id and planner.is_wanted(self.books, order, at)
            quote, side = planner.quote(symbol, at), order.intent.side
            if not is_current or executor.withdrawal(pursuit, side, quote, at.market_ns, self._settings.executor):
                self._protection.cancel(order, now)

    def _reviewed(
        self, symbol: str, proposal: Proposal, at: planner.Circumstances, price_ticks: int = 0
    ) -> Approved | Refused:
        names = [strategy for strategy, _ in proposal.allocation]
        trace = max((self._traces.get((symbol, name), (0, 0)) for name in names), default=(0, 0))
        return self._scrutiny.review(self._draft.order(symbol, proposal, at, trace, price_ticks), proposal, at)

    def circumstances(self, now: Moment) -> planner.Circumstances:
        """What beside the books decides at ``now`` whether an entry may be made."""
        return planner.Circumstances(
            market_ns=now.market_ns,
            wall_ns=now.wall_ns,
            kill=self.kill,
            drained=self._draining is not None or bool(self.differs),
            flatten=self._draining is not None and self._draining.flatten,
            valid_until_ns=self._valid,
            marks=self._marks,
            closes_ns=self._closes_ns,
            quotes=self.quotes,
            bases=self.bases,
            breaker=self._breaker.objection(now.monotonic_ns),
            clock_drift_ms=self.clock_drift_ms,
            isolated=self.isolated,
            lots_min=self._lots_min,
        )
