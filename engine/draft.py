"""Intents as they are written down: numbered, named, attributed; whether they are sent is for risk to say."""

from engine import planner
from engine.books import Books
from engine.events import Crossed
from engine.exits import PlaceStop
from engine.netting import Proposal
from engine.order import Intent, OrderType, client_id_of
from shm.records import Purpose


class Draft:
    """Draws up the next intent of an account; the number is taken only when it enters the books."""

    def __init__(self, books: Books, *, run: str, account: str, venue: str) -> None:
        """Number on from the last intent of ``books``."""
        self._books = books
        self._run = run
        self._account = account
        self._venue = venue

    def order(
        self,
        symbol: str,
        proposal: Proposal,
        at: planner.Circumstances,
        trace: tuple[int, int] = (0, 0),
        price_ticks: int = 0,
    ) -> Intent:
        """A market order, or one that rests at ``price_ticks``; ``trace``: when its cause was received and decided."""
        names = [strategy for strategy, _ in proposal.allocation]
        goals = [self._books.goals[symbol, name] for name in names if (symbol, name) in self._books.goals]
        reduces = planner.reduces(self._books, symbol, proposal)
        leaving = Purpose.FLATTEN if at.closes_all else Purpose.EXIT
        intent_id = self._books.intent_id_last + 1
        return Intent(
            intent_id=intent_id,
            client_id=client_id_of(self._run, intent_id),
            account=self._account,
            venue=self._venue,
            instrument=symbol,
            allocation=proposal.allocation,
            purpose=leaving if reduces else Purpose.ENTRY,
            type=OrderType.POST_ONLY if price_ticks else OrderType.MARKET,
            side=proposal.side,
            lots=proposal.lots,
            price_ticks=price_ticks,
            reduce_only=reduces,
            target_id=max((goal.target_id for goal in goals if not goal.stale), default=0),
            reference_ticks=planner.reference_ticks(self._books, symbol, names, at),
            created_market_ns=at.market_ns,
            created_wall_ns=at.wall_ns,
            received_ns=trace[0],
            decided_ns=trace[1],
        )

    def cross(self, symbol: str, cross: tuple[str, str, int], at: planner.Circumstances) -> Crossed:
        """Lots that one strategy sells to another inside our books: (buyer, seller, lots)."""
        buyer, seller, lots = cross
        return Crossed(
            cross_id=self._books.cross_id_last + 1,
            account=self._account,
            venue=self._venue,
            instrument=symbol,
            buyer=buyer,
            seller=seller,
            lots=lots,
            price_ticks=planner.reference_ticks(self._books, symbol, (buyer, seller), at),
            market_ns=at.market_ns,
        )

    def stop(self, symbol: str, stop: PlaceStop, at: planner.Circumstances) -> Intent:
        """A protective stop or a target, reduce-only."""
        intent_id = self._books.intent_id_last + 1
        return Intent(
            intent_id=intent_id,
            client_id=client_id_of(self._run, intent_id),
            account=self._account,
            venue=self._venue,
            instrument=symbol,
            allocation=((stop.strategy, stop.lots),),
            purpose=stop.purpose,
            type=OrderType.STOP_MARKET if stop.purpose == Purpose.STOP else OrderType.TAKE_PROFIT_MARKET,
            side=stop.side,
            lots=stop.lots,
            stop_ticks=stop.stop_ticks,
            reduce_only=True,
            target_id=stop.target_id,
            reference_ticks=at.marks.get(symbol, 0),
            created_market_ns=at.market_ns,
            created_wall_ns=at.wall_ns,
        )
