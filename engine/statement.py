"""A day's statement: every change of the wallet as the venue's own income and trades list it, line by line.

    journal events --lines_of--> REALIZED_PNL COMMISSION FUNDING_FEE TRANSFER ... --on a day--> Statement
                                              |
    the venue's income ----------differences--+--> what one side has and the other has not
    the venue's cash ------unexplained_of--------> what no line explains, as it was found last

Trades are taken in the order of their ids, as the venue books them, whatever order they were told in, each in the
ticks and lots of its own time.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.events import BookEvent, Deposited, Filled, Found, Funded, Listed, Opened
from engine.ledger import Position, trade
from shm.records import Finding

DAY_NS = 86_400 * 10**9


class Kind(StrEnum):
    """Why the wallet changed, in Binance's words; other words of theirs stand as they are."""

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
    kind: str  # a Kind, or another word of the venue's
    amount: int  # minor units


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Cash that the venue has, or lacks, and no line explains; entries wait for it."""

    at_ns: int  # wall
    expected: int  # of ours, minor units
    found: int  # of the venue's


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
    def sums(self) -> dict[str, int]:
        """What each kind came to."""
        kinds = dict.fromkeys([*Kind, *(line.kind for line in self.lines)])
        return {str(kind): sum(line.amount for line in self.lines if line.kind == kind) for kind in kinds}


def lines_of(events: Iterable[BookEvent]) -> list[Line]:
    """Every change of the account's wallet, oldest first; what was told twice counts once."""
    units: dict[str, int] = {}
    fills: dict[tuple[str, int], tuple[Filled, int]] = {}
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
                fills.setdefault((event.instrument, event.trade_id), (event, units[event.instrument]))
            case Funded():
                line = Line(event.market_ns, event.instrument, event.reference, Kind.FUNDING, event.amount)
                lines.setdefault((Kind.FUNDING, event.venue, event.reference), line)
            case Deposited() if event.amount:  # nothing where an opening had it already
                line = Line(event.wall_ns, "", event.reference, event.kind, event.amount)
                lines.setdefault((Kind.TRANSFER, event.venue, event.reference), line)
    return sorted([*lines.values(), *_of_trades([fills[name] for name in sorted(fills)], held)])


def unexplained_of(events: Iterable[BookEvent]) -> Unexplained | None:
    """The newest difference of cash that still stood when it was looked at last."""
    found = None
    for event in events:
        if isinstance(event, Found) and event.finding == Finding.CASH_DIFFERS:
            found = Unexplained(event.wall_ns, event.expected, event.found)
        elif isinstance(event, Found) and event.finding == Finding.MATCH:
            found = None
    return found


def _of_trades(fills: Sequence[tuple[Filled, int]], held: dict[str, Position]) -> Iterable[Line]:
    """What trades, each with its unit, did to ``held``; in order of instrument and id."""
    for fill, unit in fills:
        name, reference = fill.instrument, str(fill.trade_id)
        done = trade(held.get(name, Position()), fill.side * fill.lots, fill.price_ticks, unit, fill.market_ns)
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
