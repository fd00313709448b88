"""From wishes to orders: what strategies want of one instrument, netted, crossed, priced, reviewed and sent.

wishes --dust, crosses--> inside the books
       --the rest-------> out of what is held first (reduce-only), then in, at the market or posted
refused?  what only reduces the account goes all the same, else what only takes from the strategies behind it
"""

from engine import executor, planner
from engine.agenda import NS_OF_MS, Agenda, Kind
from engine.books import Books
from engine.draft import Draft
from engine.messages import Moment
from engine.netting import Proposal, clipped
from engine.protection import Protection
from engine.reply import Reply
from engine.risk import Approved, Refused
from engine.scrutiny import Scrutiny
from engine.settings import ExecutorSettings


class Dealer:
    """One account's orders that are no stops or targets."""

    def __init__(
        self,
        books: Books,
        draft: Draft,
        desk: tuple[Reply, Scrutiny],
        keeps: tuple[Agenda, Protection],
        settings: ExecutorSettings,
    ) -> None:
        """Nothing was wished for yet."""
        self._books, self._draft, self._settings = books, draft, settings
        self._reply, self._scrutiny = desk
        self._agenda, self._protection = keeps
        # When a wish was received and decided (ns), by instrument and strategy, until its order is sent.
        self.traces: dict[tuple[str, str], tuple[int, int]] = {}

    def deal(self, symbol: str, at: planner.Circumstances, now: Moment) -> None:
        """Bring every strategy nearer to what it wants of ``symbol``, by one order at most."""
        for cross in planner.dusty(self._books, symbol, at):
            self._cross(symbol, cross, at)
        proposal = planner.propose(self._books, symbol, at)
        kept_out = [cross for cross in proposal.crosses if not self._may_cross(symbol, cross, at)]
        for cross in proposal.crosses:
            if cross not in kept_out:
                self._cross(symbol, cross, at)
        if kept_out and (second := self._second_best(symbol, at)).lots:
            self._done(self._reviewed(symbol, second, at), now)  # who would have left by them must leave all the same
            return
        if not proposal.lots:
            self._scrutiny.forget(symbol)
            return
        limits = self._scrutiny.limits[symbol]
        reduction = planner.propose_reduction(self._books, symbol, at)
        waits = bool(self._agenda.waits_ns(Kind.ENTRY, symbol, now.monotonic_ns))
        is_part = reduction.side == proposal.side and not planner.reduces(self._books, symbol, proposal)
        if is_part and reduction.lots >= limits.lots_min:
            # Out first, clipped by the venue: a stop or target that fills meanwhile makes no turn larger than wanted.
            proposal = reduction
        price = 0
        if planner.reduces(self._books, symbol, proposal):
            if proposal.lots < limits.lots_min:  # too little for an order: stays, or is dust at the next look
                if proposal.crosses:
                    self._agenda.look_at(symbol, now.monotonic_ns)
                return
            proposal = clipped(proposal, planner.portion(proposal.lots, limits))
        elif waits:
            return
        else:
            proposal, price = self._priced(symbol, proposal, at)
        answer = self._reviewed(symbol, proposal, at, price)
        if isinstance(answer, Refused) and not answer.intent.reduce_only:
            self._scrutiny.announce(answer)
            second = self._second_best(symbol, at)
            if not second.lots:
                return
            answer = self._reviewed(symbol, second, at)
        self._done(answer, now)

    def leave(self, symbol: str, at: planner.Circumstances, now: Moment) -> None:
        """What is to go goes, though an order that the venue does not find may yet come.

        An entry is closed when it does; an exit finds nothing to reduce, or leaves less to this one.
        """
        limits = self._scrutiny.limits[symbol]
        reduction = planner.propose_reduction(self._books, symbol, at)
        if reduction.lots >= limits.lots_min and planner.may_leave_again(self._books, symbol, reduction):
            answer = self._reviewed(symbol, clipped(reduction, planner.portion(reduction.lots, limits)), at)
            if isinstance(answer, Approved):
                self._send(answer, now)

    def pursue(self, symbol: str, at: planner.Circumstances, now: Moment) -> None:
        """Withdraw an entry that rests where it should not; what is left is planned once that is confirmed."""
        for order in planner.posts(self._books, symbol):
            pursuit, side = self._books.pursuits[symbol], order.intent.side
            is_current = pursuit.target_id == order.intent.target_id and planner.is_wanted(self._books, order, at)
            quote = planner.quote(symbol, at)
            if not is_current or executor.withdrawal(pursuit, side, quote, at.market_ns, self._settings):
                self._protection.cancel(order, now)

    def _second_best(self, symbol: str, at: planner.Circumstances) -> Proposal:
        """What may go out where the whole was refused; no lots: nothing."""
        limits = self._scrutiny.limits[symbol]
        for proposal in (
            planner.propose_reduction(self._books, symbol, at),
            planner.propose_leaving(self._books, symbol, at),
        ):
            if proposal.lots >= limits.lots_min:
                return clipped(proposal, planner.portion(proposal.lots, limits))
        return clipped(proposal, 0)

    def _done(self, answer: Approved | Refused, now: Moment) -> None:
        if isinstance(answer, Approved):
            self._send(answer, now)
            return
        symbol = answer.intent.instrument
        if answer.intent.reduce_only:  # a position that must go and cannot: again and again, and said each time
            self._scrutiny.forget(symbol)
            self._agenda.look_at(symbol, now.monotonic_ns + self._settings.ask_last_ms * NS_OF_MS)
        self._scrutiny.announce(answer)

    def _send(self, answer: Approved, now: Moment) -> None:
        intent = answer.intent
        for strategy, _ in intent.allocation:
            self.traces.pop((intent.instrument, strategy), None)
        self._scrutiny.send(answer, now)

    def _cross(self, symbol: str, cross: tuple[str, str, int], at: planner.Circumstances) -> None:
        crossed = self._draft.cross(symbol, cross, at)
        if crossed.price_ticks > 0:  # else at the next candle, which has one
            self._reply.record(crossed)

    def _may_cross(self, symbol: str, cross: tuple[str, str, int], at: planner.Circumstances) -> bool:
        """Lots that a strategy enters by come inside the books as they would from the venue: when entries may."""
        buyer, seller, lots = cross
        for side, strategy in ((1, buyer), (-1, seller)):
            if planner.adds(self._books, symbol, strategy, side * lots):
                part = Proposal(side=side, lots=lots, allocation=((strategy, lots),), crosses=())
                refused = self._scrutiny.objection(self._draft.order(symbol, part, at), part, at)
                if refused is not None:
                    self._scrutiny.announce(refused)
                    return False
        return True

    def _priced(self, symbol: str, proposal: Proposal, at: planner.Circumstances) -> tuple[Proposal, int]:
        """An order that is no reduction, and where it is posted; who leaves waits for no price, so he goes first."""
        price = self._price(symbol, proposal, at)
        leaving = planner.propose_leaving(self._books, symbol, at) if price else clipped(proposal, 0)
        goes_first = leaving.side == proposal.side and leaving.lots >= self._scrutiny.limits[symbol].lots_min
        return (leaving, 0) if goes_first else (proposal, price)

    def _price(self, symbol: str, proposal: Proposal, at: planner.Circumstances) -> int:
        """Where an entry is posted; 0: it takes what the book has."""
        goals = [self._books.goals.get((symbol, strategy)) for strategy, _ in proposal.allocation]
        target_id = max((goal.target_id for goal in goals if goal and not goal.stale), default=0)
        pursuit = self._books.pursuits.get(symbol)
        pursuit = pursuit if pursuit and pursuit.target_id == target_id else None
        quote = planner.quote(symbol, at)
        return executor.opening(pursuit, proposal.side, quote, at.market_ns, self._settings)

    def _reviewed(
        self, symbol: str, proposal: Proposal, at: planner.Circumstances, price_ticks: int = 0
    ) -> Approved | Refused:
        names = [strategy for strategy, _ in proposal.allocation]
        trace = max((self.traces.get((symbol, name), (0, 0)) for name in names), default=(0, 0))
        return self._scrutiny.review(self._draft.order(symbol, proposal, at, trace, price_ticks), proposal, at)
