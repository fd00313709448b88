"""Positions and what protects them, kept in step: stops and targets are placed, replaced and taken away.

closed candle --> trips step --> stop moved, goal trimmed, goal given up
filled --at once, or while more fills come within cover_ms--> stop for exactly the lots held
a stop that cannot rest --> the goal is given up, what it holds is closed
"""

from engine import exits, planner
from engine import trip as trips
from engine.agenda import NS_OF_MS, Agenda, Kind
from engine.books import Books
from engine.draft import Draft
from engine.events import Filled, Observed, Spent, Stepped, Trimmed
from engine.messages import Cancel, Candle, Compare, Moment
from engine.netting import Proposal
from engine.order import Event, Intent, Order
from engine.questions import Questions
from engine.reply import Reply
from engine.risk import Refused
from engine.scrutiny import Scrutiny
from engine.settings import EngineSettings
from shm.records import Purpose


class Protection:
    """One account's stops and targets."""

    def __init__(
        self,
        books: Books,
        draft: Draft,
        desk: tuple[Reply, Scrutiny],
        waits: tuple[Questions, Agenda],
        settings: EngineSettings,
    ) -> None:
        """An order that fills longer than ``executor.cover_ms`` is covered by a stop meanwhile."""
        self._books, self._draft = books, draft
        self._reply, self._scrutiny = desk
        self._questions, self._agenda = waits
        self._settings = settings.exits
        self._cover_ns = settings.executor.cover_ms * NS_OF_MS
        self._part_seen_ns: dict[int, int] = {}
        self._bare: dict[tuple[str, str], int] = {}  # lots without a stop that a comparison was asked for

    def covers_soon(self, symbol: str, now: Moment) -> bool:
        """A market order is filling: wait a moment for its end, so that one stop covers all of it."""
        for order in self._books.working_of(symbol):
            if order.intent.purpose == Purpose.STOP or not order.lots_filled:
                continue
            seen_ns = self._part_seen_ns.setdefault(order.intent.intent_id, now.monotonic_ns)
            if now.monotonic_ns < seen_ns + self._cover_ns:
                self._agenda.look_at(symbol, seen_ns + self._cover_ns)
                return True
        return False

    def protect(self, symbol: str, at: planner.Circumstances, now: Moment) -> None:
        """Do what every strategy's position of ``symbol`` needs."""
        for strategy in self._books.strategies_of(symbol):
            for stop in exits.plan(self._books, symbol, strategy, self._conduct(symbol)):
                self._do(symbol, stop, at, now)
        if planner.is_busy(self._books, symbol) or self._agenda.waits_ns(Kind.TARGET, symbol, now.monotonic_ns):
            return  # what is on its way may change how much there is to take
        for strategy in self._books.strategies_of(symbol):
            for target in exits.targets(self._books, symbol, strategy, self._conduct(symbol)):
                self._do(symbol, target, at, now)

    def gives_up(self, stop: Intent) -> bool:
        """The order is a stop, and nothing is wanted any more of what it was to protect."""
        goal = self._books.goals.get((stop.instrument, stop.allocation[0][0]))
        return stop.purpose == Purpose.STOP and goal is not None and goal.spent

    def step(self, candle: Candle, now: Moment) -> None:
        """Let every trip see a closed candle; a goal that it ends is given up."""
        symbol = candle.instrument
        for strategy in self._books.strategies_of(symbol):
            trip, goal = self._books.trips.get((symbol, strategy)), self._books.goals.get((symbol, strategy))
            if goal is None or goal.spent:
                continue
            why = self._stopped(candle, strategy)
            if trip and self._settings.are_on and trips.counts(trip, candle):
                after = trips.step(trip, candle, self._settings, goal.trail_ticks)
                self._reply.record(
                    Stepped(
                        instrument=symbol,
                        strategy=strategy,
                        open_ns=after.open_ns,
                        peak_ticks=after.peak_ticks,
                        stop_ticks=after.stop_ticks,
                        against=after.against,
                    )
                )
                why = why or self._passed(candle, strategy) or trips.leaves(after, self._settings)
            if why:
                self.spend(symbol, strategy, goal.target_id, now, why)

    def fill(self, fill: Filled, now: Moment) -> None:
        """Book a trade; where it is a stop's, a newer goal that was sized before it buys nothing back."""
        order = self._books.orders.get(fill.intent_id)
        stop = order.intent if order and order.intent.purpose == Purpose.STOP else None
        name = (fill.instrument, stop.allocation[0][0]) if stop else ("", "")
        is_present = stop is not None and self._books.trips.is_guarded(name, stop.intent_id)
        self._reply.record(fill)
        goal = self._books.goals.get(name)
        if not is_present or goal is None or goal.spent or goal.lots * fill.side >= 0:
            return
        left = self._books.position(*name).lots
        if left * goal.lots <= 0:
            self.spend(*name, goal.target_id, now, "stopped out while an older target's stop still rested")
        elif abs(left) < abs(goal.lots):
            self._trim((*name, goal.target_id), left, now)

    def cancel(self, order: Order, now: Moment) -> None:
        """Ask for the end of ``order``."""
        self._reply.record(Observed(intent_id=order.intent.intent_id, event=Event.CANCEL, wall_ns=now.wall_ns))
        self._reply.act(Cancel(order.intent, order.venue_order_id))

    def spend(self, symbol: str, strategy: str, target_id: int, now: Moment, why: str = "") -> None:
        """Give a goal up, so that what it holds is closed."""
        spent = Spent(instrument=symbol, strategy=strategy, target_id=target_id, market_ns=now.market_ns, text=why)
        self._reply.record(spent)
        self._agenda.look_at(symbol, now.monotonic_ns)

    def _conduct(self, symbol: str) -> exits.Conduct:
        return exits.Conduct(
            settings=self._settings,
            lots_min=self._scrutiny.limits[symbol].lots_min,
            missed=self._questions.missed,
        )

    def _do(
        self, symbol: str, action: exits.StopAction | exits.TargetAction, at: planner.Circumstances, now: Moment
    ) -> None:
        match action:
            case exits.PlaceStop():
                self._place(self._draft.stop(symbol, action, at), at, now)
            case exits.CancelStop(order):
                self.cancel(order, now)
            case exits.Bare(strategy, lots):
                self._close_bare(symbol, strategy, lots, now)
            case exits.Trim(strategy, target_id, lots):
                self._trim((symbol, strategy, target_id), lots, now)

    def _trim(self, goal: tuple[str, str, int], lots: int, now: Moment) -> None:
        """The goal (symbol, strategy, target) wants no more than ``lots``."""
        symbol, strategy, target_id = goal
        self._reply.record(
            Trimmed(instrument=symbol, strategy=strategy, target_id=target_id, lots=lots, market_ns=now.market_ns)
        )
        self._agenda.look_at(symbol, now.monotonic_ns)

    def _stopped(self, candle: Candle, strategy: str) -> str:
        """A strategy against the account's net position cannot rest a reduce-only stop: its stop is ours to keep."""
        symbol = candle.instrument
        held = self._books.position(symbol, strategy)
        stop = exits.stop_ticks_of(self._books, symbol, strategy, self._conduct(symbol))
        if not stop or candle.close_ns <= held.opened_ns or exits.rests_at_venue(self._books, symbol, strategy):
            return ""
        worst = candle.low_ticks if held.side > 0 else candle.high_ticks
        return "its stop was reached" if held.side * (worst - stop) <= 0 else ""

    def _passed(self, candle: Candle, strategy: str) -> str:
        """A stop that has just moved to where the price already is would be refused by the venue."""
        symbol = candle.instrument
        held, resting = self._books.position(symbol, strategy), self._books.resting_stop_ticks(symbol, strategy)
        stop = exits.stop_ticks_of(self._books, symbol, strategy, self._conduct(symbol))
        worst = candle.low_ticks if held.side > 0 else candle.high_ticks
        # The old one has been reached: its trades will come.
        is_filling = resting and held.side * (worst - resting) <= 0
        if not stop or stop == resting or is_filling or held.side * (candle.close_ticks - stop) > 0:
            return ""
        return "its stop has moved to where the price already is"

    def _place(self, intent: Intent, at: planner.Circumstances, now: Moment) -> None:
        proposal = Proposal(side=intent.side, lots=intent.lots, allocation=intent.allocation, crosses=())
        answer = self._scrutiny.review(intent, proposal, at)
        if not isinstance(answer, Refused):
            self._scrutiny.send(answer, now)
            return
        self._scrutiny.announce(answer)
        if intent.purpose == Purpose.STOP:
            self.spend(intent.instrument, intent.allocation[0][0], intent.target_id, now)

    def _close_bare(self, symbol: str, strategy: str, lots: int, now: Moment) -> None:
        """No stop is known for lots that we hold: they go at the market; a stranger's are told once."""
        goal = self._books.goals.get((symbol, strategy))
        if goal is not None:
            self.spend(symbol, strategy, goal.target_id, now)
        elif self._bare.get((symbol, strategy)) != lots:
            self._bare[symbol, strategy] = lots
            self._reply.act(Compare(f"{strategy} holds {lots} lots of {symbol} without a stop"))
