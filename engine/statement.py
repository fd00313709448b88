"""A day's statement: every change of the wallet as the venue's own income and trades list it, line by line.

    journal events --lines_of--> REALIZED_PNL COMMISSION FUNDING_FEE TRANSFER --on a day--> Statement
                                              |
    the venue's income ----------differences--+--> what one side has and the other has not

Trades are taken in the order of their ids, as the venue books them, whatever order they were told in.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.events import BookEvent, Deposited, Filled, Funded, Listed, Opened
from engine.ledger import Position, trade

DAY_NS = 86_400 * 10**9


class Kind(StrEnum):
    """Why the wallet changed, in Binance's words."""

    REALISED = "REALIZED_PNL"
    FEE = "COMMISSION"
    FUNDING = "FUNDING_FEE"
    TRANSFER = "TRANSFER"


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One change of the wallet."""

    at_ns: int  # market; of a transfer the wall's, since it belongs to no market
    instrument: str  # empty: of none
    reference: str  # the trade's id, or what names the payment
    kind: Kind
    amount: int  # minor units


@dataclass(frozen=True, slots=True)
class Statement:
    """The lines of a day between two balances."""

    day: int  # since 1970, UTC
    opening: int
    lines: tuple[Line, ...]

    @property
    def closing(self) -> int:
        """The balance at the day's end."""
        return self.opening + sum(line.amount for line in self.lines)

    @property
    def sums(self) -> dict[Kind, int]:
        """What each kind came to."""
        return {kind: sum(line.amount for line in self.lines if line.kind is kind) for kind in Kind}


def lines_of(events: Iterable[BookEvent]) -> list[Line]:
    """Every change of the account's wallet, oldest first; what was told twice counts once."""
    units: dict[str, int] = {}
    fills: dict[tuple[str, int], Filled] = {}
    lines: dict[tuple[str, str, str], Line] = {}
    held: dict[str, Position] = {}
    for event in events:
        match event:
            case Listed():
                units[event.instrument] = event.unit
            case Opened():
                cost = abs(event.lots) * event.price_ticks * units[event.instrument]
                held[event.instrument] = Position(lots=event.lots, cost=cost)
            case Filled():
                fills.setdefault((event.instrument, event.trade_id), event)
            case Funded():
                line = Line(event.market_ns, event.instrument, event.reference, Kind.FUNDING, event.amount)
                lines.setdefault((Kind.FUNDING, event.venue, event.reference), line)
            case Deposited() if event.amount:  # nothing where an opening had it already
                line = Line(event.wall_ns, "", event.reference, Kind.TRANSFER, event.amount)
                lines.setdefault((Kind.TRANSFER, event.venue, event.reference), line)
    return sorted([*lines.values(), *_of_trades([fills[name] for name in sorted(fills)], held, units)])


def _of_trades(fills: Sequence[Filled], held: dict[str, Position], units: dict[str, int]) -> Iterable[Line]:
    """What trades did to ``held``; ``fills`` in order of instrument and id."""
    for fill in fills:
        name, reference = fill.instrument, str(fill.trade_id)
        done = trade(held.get(name, Position()), fill.side * fill.lots, fill.price_ticks, units[name], fill.market_ns)
        held[name] = done.position
        for kind, amount in ((Kind.REALISED, done.realised), (Kind.FEE, -fill.fee)):
            if amount:
                yield Line(fill.market_ns, name, reference, kind, amount)


def statement_of(lines: Sequence[Line], day: int) -> Statement:
    """The statement of a day: what happened before it is its opening balance."""
    opening = sum(line.amount for line in lines if line.at_ns < day * DAY_NS)
    return Statement(day, opening, tuple(line for line in lines if line.at_ns // DAY_NS == day))


def differences(ours: Sequence[Line], theirs: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Lines that only we have, and lines that only the venue has; both empty when they reconcile."""
    left, right = Counter(ours), Counter(theirs)
    return sorted((left - right).elements()), sorted((right - left).elements())
