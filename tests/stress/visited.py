"""The same schedules on an account that people use as well: ``python -m tests.stress.visited --seed 1 --count 5000``.

Beside market, brain and faults a person trades by hand at the exchange, and asks the engine by hand: close, pause,
resume, move-stop, cancel, adopt, ignore.  Petitions are heard as the engine's process hears them: again in each life
until the journal has them.  Beside what schedule.py holds to be true at the end:

* no strategy holds more than the largest target that it ever had, and what it adopted, at any duty cycle;
* no entry leaves while a stranger's lots or trades forbid it;
* what is held is what is wanted, and one stop rests for it, at the price that was wanted;
* what a person has closed stays closed until a newer target.
"""

import argparse
import sys
from random import Random
from typing import Any

from engine import account as accounts
from engine import exits, planner
from engine.books import NOBODY, Books
from engine.events import EXTERNAL
from engine.messages import Recorded
from engine.order import Event, Intent, OrderType
from engine.petition import Deed, Denied, Market, Petition, judge
from engine.risk import Approved
from engine.venue.base import Acknowledged, OrderSeen, unopposed
from shm.records import Purpose
from tests.stress.bourse import Bourse, Resting
from tests.stress.schedule import DAWN_NS, ROUGH_MS, RULE, SYMBOL, Notebook, Schedule
from tests.stress.tally import Tally
from tests.stress.virtual import MS
from tests.stress.wire import Wire

LOTS_MAX = 5  # of a target
DEEDS = (Deed.CLOSE, Deed.PAUSE, Deed.RESUME, Deed.RESUME, Deed.MOVE_STOP, Deed.CANCEL, Deed.ADOPT, Deed.IGNORE)


class Square(Bourse):
    """An exchange at which strangers trade on our account."""

    others: list[Resting]

    def stranger(self, side: int, lots: int) -> None:
        """Somebody buys or sells at the market."""
        number = self._number()
        intent = Intent(
            intent_id=number, client_id=f"web{number}", account="main", venue="model", instrument=SYMBOL,
            allocation=(("me", lots),), purpose=Purpose.ENTRY, type=OrderType.MARKET, side=side, lots=lots,
            created_market_ns=DAWN_NS, created_wall_ns=DAWN_NS,
        )  # fmt: skip
        order = Resting(intent, number, self.world.now_ns)
        self.others.append(order)
        self._trade(order, lots)
        self._end(order, Event.FILL_ALL)

    def look_by_number(self, number: str, lag_ns: int) -> OrderSeen | None:
        """Strangers' orders have numbers, too."""
        for order in self.others:
            if order.number == int(number) and order.accepted_ns <= self.world.now_ns - lag_ns:
                return self.seen(order)
        return super().look_by_number(number, lag_ns)


class Watched(Wire):
    """A wire at which somebody looks at what leaves."""

    stage: "Visited"

    @staticmethod
    def foreign(books: Books) -> int:
        """Lots beside which nothing may be entered."""
        return books.foreign_lots(SYMBOL)

    async def place(self, approved: Approved, objection: Any = unopposed) -> Acknowledged:
        """An entry that leaves while it should not is a failure."""
        stage, intent = self.stage, approved.intent

        def objects() -> str:
            words: str = objection()
            foreign = type(self).foreign(stage.account.books)
            leaves = planner.leaves(stage.account.books, SYMBOL, intent.side, intent.allocation)
            if not words and not leaves and not intent.reduce_only and foreign:
                stage.wrong.append(f"order {intent.intent_id} adds beside {foreign} lots of others")
            return words

        return await super().place(approved, objects)


class Visited(Schedule):
    """A schedule with a person in it."""

    def __init__(self, seed: int, number: int, tally: Tally) -> None:
        """Another random is the person's, so that the rest is the schedule of the same number."""
        super().__init__(seed, number, tally)
        self.person = Random(f"person {seed} {number}")
        self.bourse = Square(self.world, self.random, SYMBOL, RULE.unit, self.bourse.cash)
        self.bourse.others = []
        self.bourse.is_durable = self.disk.intents.__contains__
        self.asked: list[Petition] = []  # not answered yet
        self.closed: dict[str, int] = {}  # by strategy: the target that was closed
        self.adopted = 0
        self.wrong: list[str] = []

    def play(self) -> None:
        """A few visits, while faults strike and after."""
        for _ in range(self.person.randrange(1, 6)):
            self.world.later(self.person.randrange(5, ROUGH_MS + 100) * MS, self._visit)
        super().play()

    def make_wire(self) -> Wire:
        """The wire that is looked at."""
        wire = Watched(self.world, self.bourse, self.weather)
        wire.stage = self
        return wire

    def _visit(self) -> None:
        person = self.person
        if not any(b'"reference":"opening"' in payload for payload in self.disk.written):
            self.world.later(20 * MS, self._visit)  # what is traded before the books are opened is in their opening
            return
        if person.random() < 0.5:
            self.bourse.stranger(person.choice((1, -1)), person.randrange(1, 6))
            return
        deed = person.choice(DEEDS)
        price = self.bourse.price - person.choice((1, -1)) * person.randrange(20, 400)
        orders = [order.intent for order in self.account.books.working_of(SYMBOL)] if hasattr(self, "account") else []
        subject = person.choice(orders).client_id if deed is Deed.CANCEL and orders else "BTC"
        self.asked.append(
            Petition(
                petition_id=f"p{self.world.now_ns}-{len(self.asked)}", deed=deed, subject=subject,
                price=str(RULE.price(price)) if deed in (Deed.MOVE_STOP, Deed.ADOPT) else "",
                strategy="a" if deed is Deed.ADOPT else "", who="ann", why="seen", wall_ns=self.world.now_ns,
            )
        )  # fmt: skip

    def _duty(self) -> None:
        for petition in list(self.asked):
            self._hear(petition)
        super()._duty()
        books = self.account.books
        for name in self.strategies:
            lots = books.position(SYMBOL, name).lots
            if abs(lots) > LOTS_MAX + self.adopted:
                self.wrong.append(f"{name} holds {lots}")

    def _hear(self, petition: Petition) -> None:
        books = self.account.books
        market = Market(
            instruments={SYMBOL: RULE}, strategies=self.strategies, marks={SYMBOL: self.bourse.price},
            cash_unexplained=self.account.agreement.cash_unexplained,
        )  # fmt: skip
        verdict = judge(petition, books, market)
        if isinstance(verdict, Denied):
            self.asked.remove(petition)
            self.closed = {} if petition.deed is Deed.CLOSE else self.closed  # an earlier life's journal lacks it
            return
        if not verdict.events:
            if any(petition.petition_id.encode() in payload for payload in self.disk.written):
                self.asked.remove(petition)
            return
        if petition.deed is Deed.ADOPT:
            self.adopted += abs(books.position(SYMBOL, EXTERNAL).lots)
        if petition.deed is Deed.CLOSE:
            goals = {name: books.goals.get((SYMBOL, name)) for name in self.strategies}
            self.closed = {name: goal.target_id if goal and not goal.stale else 0 for name, goal in goals.items()}
        elif petition.deed in (Deed.ADOPT, Deed.MOVE_STOP):
            self.closed = {}
        for event in verdict.events:
            self.account.tell(Recorded(event))

    def _check(self) -> None:
        """What is true beside the rest."""
        books, at = self.account.books, self.account.core.circumstances(self._moment())
        proposal = planner.propose(books, SYMBOL, at)
        # What waits for a price, or for a difference that is over, goes on with the market's next word; there is none.
        waits = books.foreign_lots(SYMBOL) or planner.posts(books, SYMBOL) or books.found_count or not at.marks
        if (proposal.lots or proposal.crosses) and not waits:
            self.wrong.append(f"wants {proposal}")
        for name, target_id in self.closed.items():
            goal = books.goals.get((SYMBOL, name))
            lots = books.position(SYMBOL, name).lots
            if lots and goal and goal.target_id <= target_id and not goal.stale:
                self.wrong.append(f"{name} holds {lots} that were closed")
        known = len(self.tally.failures)
        super()._check()
        if self.wrong:
            self.tally.failures[known:] = ["; ".join([*dict.fromkeys(self.wrong), *self.tally.failures[known:]])]

    def overdone(self) -> int:
        """Beside a stranger's lots a way out is an order that could add: what is held is looked at all the time."""
        return 0

    def uncovered(self, books: Books) -> tuple[Any, ...]:
        """Each strategy on the side of the account has one stop, for its lots, where it wants it."""
        found = []
        for name in books.strategies_of(SYMBOL):
            held = books.position(SYMBOL, name)
            resting = [
                (order.intent.lots - order.lots_filled, order.intent.stop_ticks)
                for order in books.stops_of(SYMBOL, name)
            ]
            if name in NOBODY or not exits.rests_at_venue(books, SYMBOL, name):
                wanted = []
            else:
                conduct = exits.Conduct(settings=self.settings.exits)
                ticks = exits.stop_ticks_of(books, SYMBOL, name, conduct)
                wanted = [(abs(held.lots), ticks or (resting[0][1] if resting else 0))]
            goal = books.goals.get((SYMBOL, name))
            is_leaving = goal is not None and goal.lots * held.lots <= 0  # and cannot, beside a stranger's lots
            if resting != wanted and not (is_leaving and books.foreign_lots(SYMBOL)):
                found.append((name, held.lots, resting, wanted))
        return tuple(found)


def campaign(seed: int, first: int, count: int) -> Tally:
    """Play ``count`` schedules of ``seed``; the tally names those that failed."""
    tally = Tally()
    real, accounts.Journal = accounts.Journal, Notebook  # type: ignore[misc, assignment]
    try:
        for number in range(first, first + count):
            known = len(tally.failures)
            try:
                Visited(seed, number, tally).play()
            except Exception as error:
                raise AssertionError(f"seed {seed}, schedule {number}") from error
            tally.failures[known:] = [f"schedule {number}: {words}" for words in tally.failures[known:]]
    finally:
        accounts.Journal = real  # type: ignore[misc]
    return tally


def main() -> int:
    """Play a campaign and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=2_000)
    typed = parser.parse_args()
    tally = campaign(typed.seed, typed.first, typed.count)
    print("\n".join([f"seed {typed.seed} from {typed.first}: {tally.words}", *tally.failures[:40]]))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
