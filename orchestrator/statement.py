"""The statement of an account's day, from its journal: every line that changed the wallet, between two balances."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.journal import NAME, JournalError, JournalReader
from engine.statement import (
    DAY_NS,
    Kind,
    Line,
    Statement,
    Unexplained,
    lines_of,
    statement_of,
    unexplained_of,
)
from orchestrator import result
from orchestrator.settings import BadInputError
from shm.instruments import amount

EPOCH = date(1970, 1, 1)


def show(state: Path, day: str | None, account: str | None, place: str | None = None) -> int:
    """Print the statement of ``day``, or write it to ``place``; the last day on which anything happened without one."""
    pages = []
    for folder in folders(state, account):
        reader = JournalReader(folder)
        try:
            events = list(reader.refresh())
            lines = lines_of(events)
        except JournalError as error:
            raise BadInputError(str(error)) from None
        ledger = reader.books.ledger
        assert sum(line.amount for line in lines) == ledger.wallet(reader.books.account, reader.books.venue), (
            "the lines of all days are the wallet"
        )
        number = number_of(day) if day is not None else last_day(lines)
        pages.append((folder.name, statement_of(lines, number), unexplained_of(events)))
    if result.write({"accounts": [told(*one) for one in pages]}, place):
        for name, of, left in pages:
            print("\n".join([f"account {name}", *page(of), *([words_of(left)] if left else [])]))
    return 0


def told(account: str, of: Statement, left: Unexplained | None) -> dict[str, Any]:
    """The statement for programs; amounts as decimal text in the quote asset."""
    return {
        "account": account,
        "day": day_of(of.day * DAY_NS),
        "opening": format(amount(of.opening), "f"),
        "lines": [
            {
                "time": stamp(line.at_ns),
                "kind": str(line.kind),
                "instrument": line.instrument,
                "reference": line.reference,
                "amount": format(amount(line.amount), "f"),
            }
            for line in of.lines
        ],
        "sums": {kind: format(amount(total), "f") for kind, total in of.sums.items()},
        "closing": format(amount(of.closing), "f"),
        "unexplained": format(amount(left.found - left.expected if left else 0), "f"),
    }


def words_of(left: Unexplained) -> str:
    """What no line explains, and what a person can do about it."""
    apart = f"{amount(abs(left.found - left.expected))} {'more' if left.found > left.expected else 'less'}"
    return (
        f"NOT EXPLAINED: on {day_of(left.at_ns)} at {stamp(left.at_ns)} the exchange held {amount(left.found)}, "
        f"{apart} than these lines come to: entries wait; once you know what it was: run.py adopt CASH --why TEXT"
    )


def folders(state: Path, account: str | None) -> list[Path]:
    """The accounts that have a journal; those of one name where it is given."""
    found = sorted(path.parent for path in state.glob(f"accounts/{account or '*'}/{NAME}"))
    if not found:
        raise BadInputError(f"{state} has no journal of {account or 'any account'}; it is begun by: run.py --paper")
    return found


def number_of(day: str) -> int:
    """Days since 1970 from ISO text."""
    try:
        return (date.fromisoformat(day) - EPOCH).days
    except ValueError:
        raise BadInputError(f"{day} is no day; write it like 2025-11-20") from None


def last_day(lines: Sequence[Line]) -> int:
    """The newest day that has a line of a market; without one, that has any."""
    trading = [line.at_ns for line in lines if line.kind != Kind.TRANSFER]
    return max(trading or [line.at_ns for line in lines], default=0) // DAY_NS


def page(of: Statement) -> list[str]:
    """The statement as people read it; amounts in the quote asset, to the last unit."""
    rows = [
        f"{stamp(line.at_ns)}  {line.kind:<12} {line.instrument:<18}{line.reference:<24}{amount(line.amount):>22f}"
        for line in of.lines
    ]
    sums = [f"{kind:<39}{'':<24}{amount(total):>22f}" for kind, total in of.sums.items() if total]
    return [
        f"statement of {day_of(of.day * DAY_NS)} (UTC, market time)",
        f"{'opening balance':<63}{amount(of.opening):>22f}",
        *rows,
        f"{len(rows)} lines",
        *sums,
        f"{'closing balance':<63}{amount(of.closing):>22f}",
    ]


def day_of(at_ns: int) -> str:
    """The day in ISO text."""
    return (EPOCH + timedelta(days=at_ns // DAY_NS)).isoformat()


def stamp(at_ns: int) -> str:
    """The time of day."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1000)).strftime("%H:%M:%S")
