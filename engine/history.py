"""What an account has traded: each strategy's trades from flat to flat, and each change of what it held.

    journal events --followed--> Books --positions before and after--> Change   one step of a position
                                                                 \\--> Trade    from flat to flat

Both are read off the ledger's own positions, so whatever changes one is in them: fills, lots that pass between
strategies, dust, trades made by hand. The profits of a strategy's trades add up to what its positions realised.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from engine.books import Books
from engine.events import BookEvent, Crossed, Filled, Intervened, Opened
from engine.ledger import Key, Position
from shm.records import Purpose

BY_HAND = "not ours"  # a person's, another program's, the exchange's own order
NETTED = "netted"  # passed to, or came from, another strategy inside the books


@dataclass(slots=True)
class Trade:
    """From flat to flat; sides and lots are those of the entry, values minor units."""

    instrument: str
    strategy: str
    side: int
    entry_ns: int  # market
    lots: int = 0  # entered in all
    entry_value: int = 0
    closed: int = 0  # lots
    exit_value: int = 0
    exit_ns: int = 0  # market; 0: it is still open
    fees: int = 0
    funding: int = 0
    reason: str = ""  # of what closed the last lot

    @property
    def profit(self) -> int:
        """Minor units, after fees and funding, of a trade that is over."""
        return self.side * (self.exit_value - self.entry_value) - self.fees + self.funding

    def enter(self, lots: int, value: int, fee: int) -> None:
        """Count lots that opened."""
        self.lots += lots
        self.entry_value += value
        self.fees += fee

    def leave(self, lots: int, value: int, fee: int) -> bool:
        """Count lots that closed; whether they were the last."""
        self.closed += lots
        self.exit_value += value
        self.fees += fee
        return self.closed == self.lots


class Change(NamedTuple):
    """One step of a position."""

    at_ns: int  # market
    instrument: str
    strategy: str
    lots_before: int  # signed
    lots: int  # signed
    value: int  # of what was traded, minor units
    realised: int  # minor units
    fee: int
    cause: str


class History:
    """Trades and changes of an account, by the events of its journal."""

    def __init__(self) -> None:
        """Begin with empty books."""
        self.books = Books()
        self.trades: list[Trade] = []  # that are over, in the order of their ends
        self.running: dict[Key, Trade] = {}
        self.changes: list[Change] = []
        self._begun: dict[Key, list[Trade]] = {}  # by position, over or not, in the order of their beginnings

    def follow(self, events: Iterable[BookEvent]) -> "History":
        """Apply ``events`` and note what they did to positions."""
        for event in events:
            name = getattr(event, "instrument", "")
            before = self._positions(name)
            self.books.apply(event)
            for key, after in self._positions(name).items():
                if after != (held := before.get(key, Position())):
                    self._moved(key, (held, after), event)
        return self

    def _positions(self, instrument: str) -> dict[Key, Position]:
        if not instrument:
            return {}
        whole = self.books.key(instrument)
        return {key: self.books.ledger.positions[key] for key in self.books.ledger.strategies_of(whole)}

    def _moved(self, key: Key, step: tuple[Position, Position], event: BookEvent) -> None:
        before, after = step
        traded = after.lots - before.lots
        if not traded:
            self._paid(key, after.funding - before.funding, getattr(event, "market_ns", 0))
            return
        closing = min(abs(before.lots), abs(traded)) if before.lots * traded < 0 else 0
        opening = abs(traded) - closing
        fee, realised = after.fees - before.fees, after.realised - before.realised
        fee_closing = fee * closing // (closing + opening)
        share = before.cost if opening else before.cost - after.cost  # what the lots that closed had cost
        left = before.side * realised + share if closing else 0
        entered = after.cost if closing else after.cost - before.cost
        at_ns, cause = getattr(event, "market_ns", 0) or after.opened_ns, self._cause(event)
        value = left + (entered if opening else 0)
        self.changes.append(
            Change(at_ns, key.instrument, key.strategy, before.lots, after.lots, value, realised, fee, cause)
        )
        if closing and self.running[key].leave(closing, left, fee_closing):
            done = self.running.pop(key)
            done.exit_ns, done.reason = at_ns, cause
            self.trades.append(done)
        if opening:
            trade = self.running.get(key)
            if trade is None:
                trade = self.running[key] = Trade(key.instrument, key.strategy, after.side, at_ns)
                self._begun.setdefault(key, []).append(trade)
            trade.enter(opening, entered, fee - fee_closing)

    def _paid(self, key: Key, amount: int, at_ns: int) -> None:
        """Funding belongs to the trade that was open when it was due, which may be over when it is told."""
        for trade in reversed(self._begun.get(key, [])):
            if trade.entry_ns <= at_ns:
                trade.funding += amount
                return

    def _cause(self, event: BookEvent) -> str:
        match event:
            case Filled(intent_id=intent_id):
                order = self.books.orders.get(intent_id)
                return Purpose(order.intent.purpose).name.lower() if order else BY_HAND
            case Crossed():
                return NETTED
            case Intervened(deed=deed):
                return deed
            case Opened():
                return "held before"
        raise AssertionError(f"{type(event).__name__} moves no position")
