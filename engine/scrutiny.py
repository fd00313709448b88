"""Every order's way through risk: the account at its worst, the answer, and who is told of a refusal.

Intent --book of the moment--> review --Approved--> into the books, then sent
                                  |
                                  +----Refused----> announced, once for each target
"""

from collections import deque
from collections.abc import Mapping

from engine import planner
from engine.books import Books
from engine.breaker import Breaker
from engine.events import Intended
from engine.messages import Announce, Moment, Send
from engine.netting import Proposal
from engine.order import Intent
from engine.questions import Questions
from engine.reply import Reply
from engine.risk import Approved, Book, Limits, Refusal, Refused, objection, review


class Scrutiny:
    """Risk's desk: what was sent lately, and what was refused last."""

    def __init__(
        self, books: Books, reply: Reply, told: tuple[Questions, Breaker], limits: Mapping[str, Limits]
    ) -> None:
        """Count the entries that the books remember; ``told`` hear of everything that is sent."""
        self._books, self._reply, self.limits = books, reply, limits
        self._questions, self._breaker = told
        self._announced: dict[str, tuple[Refusal, int]] = {}
        self._entries = deque(
            sorted(order.intent.created_market_ns for order in books.orders.values() if _adds(order.intent))
        )

    def review(self, intent: Intent, proposal: Proposal, at: planner.Circumstances) -> Approved | Refused:
        """Ask risk about ``intent``, the account being what it is now."""
        return review(intent, self._book(intent, proposal, at), self.limits[intent.instrument])

    def objection(self, intent: Intent, proposal: Proposal, at: planner.Circumstances) -> Refused | None:
        """Why the lots of ``intent`` must not be entered now, be they only passed on inside the books."""
        return objection(intent, self._book(intent, proposal, at), self.limits[intent.instrument])

    def send(self, approved: Approved, now: Moment) -> None:
        """Write the intent down and have it sent."""
        intent = approved.intent
        self._announced.pop(intent.instrument, None)
        self._reply.record(Intended(intent=intent))
        self._questions.begin(intent.intent_id, now.monotonic_ns)
        self._breaker.sent(intent.intent_id)
        self._reply.act(Send(approved))
        if _adds(intent):
            self._entries.append(intent.created_market_ns)

    def announce(self, refused: Refused) -> None:
        """Tell of a refusal; the same one again is no news."""
        symbol, name = refused.intent.instrument, (refused.refusal, refused.intent.target_id)
        if self._announced.get(symbol) != name:
            self._announced[symbol] = name
            self._reply.act(Announce(refused))

    def _book(self, intent: Intent, proposal: Proposal, at: planner.Circumstances) -> Book:
        while self._entries and self._entries[0] <= at.market_ns - planner.MINUTE_NS:
            self._entries.popleft()
        return planner.risk_book(self._books, intent.instrument, proposal, at, len(self._entries))

    def forget(self, symbol: str) -> None:
        """The next refusal for ``symbol`` is news again."""
        self._announced.pop(symbol, None)


def _adds(intent: Intent) -> bool:
    return not intent.reduce_only
