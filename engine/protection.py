"""Positions and what protects them, kept in step: stops are placed, replaced and taken away as the books ask.

filled --at once, or while more fills come within cover_ms--> stop for exactly the lots held
a stop that cannot rest --> the goal is given up, what it holds is closed
"""

from collections.abc import Callable

from engine import exits, planner
from engine.agenda import NS_OF_MS, Agenda
from engine.books import Books
from engine.draft import Draft
from engine.events import Observed, Spent
from engine.messages import Cancel, Compare, Moment
from engine.netting import Proposal
from engine.order import Event, Intent, Order
from engine.questions import Questions
from engine.reply import Reply
from engine.risk import Refused
from engine.scrutiny import Scrutiny
from shm.records import Purpose

Look = Callable[[Moment], planner.Circumstances]


class Protection:
    """One account's stops."""

    def __init__(
        self, books: Books, draft: Draft, desk: tuple[Reply, Scrutiny], waits: tuple[Questions, Agenda], cover_ms: int
    ) -> None:
        """``cover_ms``: a market order that fills longer is covered by a stop meanwhile."""
        self._books, self._draft = books, draft
        self._reply, self._scrutiny = desk
        self._questions, self._agenda = waits
        self._cover_ns = cover_ms * NS_OF_MS
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
            for action in exits.plan(self._books, symbol, strategy, self._questions.missed):
                match action:
                    case exits.PlaceStop():
                        self._place(self._draft.stop(symbol, action, at), at, now)
                    case exits.CancelStop(order):
                        self.cancel(order, now)
                    case exits.Bare(name, lots):
                        self._close_bare(symbol, name, lots, now)

    def cancel(self, order: Order, now: Moment) -> None:
        """Ask for the end of ``order``."""
        self._reply.record(Observed(intent_id=order.intent.intent_id, event=Event.CANCEL, wall_ns=now.wall_ns))
        self._reply.act(Cancel(order.intent, order.venue_order_id))

    def spend(self, symbol: str, strategy: str, target_id: int, now: Moment) -> None:
        """Give a goal up, so that what it holds is closed."""
        self._reply.record(Spent(instrument=symbol, strategy=strategy, target_id=target_id, market_ns=now.market_ns))
        self._agenda.look_at(symbol, now.monotonic_ns)

    def _place(self, intent: Intent, at: planner.Circumstances, now: Moment) -> None:
        proposal = Proposal(side=intent.side, lots=intent.lots, allocation=intent.allocation, crosses=())
        answer = self._scrutiny.review(intent, proposal, at)
        if isinstance(answer, Refused):
            self._scrutiny.announce(answer)
            self.spend(intent.instrument, intent.allocation[0][0], intent.target_id, now)
        else:
            self._scrutiny.send(answer, now)

    def _close_bare(self, symbol: str, strategy: str, lots: int, now: Moment) -> None:
        """No stop is known for lots that we hold: they go at the market; a stranger's are told once."""
        goal = self._books.goals.get((symbol, strategy))
        if goal is not None:
            self.spend(symbol, strategy, goal.target_id, now)
        elif self._bare.get((symbol, strategy)) != lots:
            self._bare[symbol, strategy] = lots
            self._reply.act(Compare(f"{strategy} holds {lots} lots of {symbol} without a stop"))
