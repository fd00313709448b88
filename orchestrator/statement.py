"""The statement of an account's day, from its journal: every line that changed the wallet, between two balances."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.journal import NAME, JournalError, JournalReader
from engine.statement import DAY_NS, Kind, Line, Statement, lines_of, statement_of
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
            lines = lines_of(reader.refresh())
        except JournalError as error:
            raise BadInputError(str(error)) from None
        ledger = reader.books.ledger
        assert sum(line.amount for line in lines) == ledger.wallet(reader.books.account, reader.books.venue), (
            "the lines of all days are the wallet"
        )
        number = number_of(day) if day is not None else last_day(lines)
        pages.append((folder.name, statement_of(lines, number)))
    if result.write({"accounts": [told(name, of) for name, of in pages]}, place):
        for name, of in pages:
            print("\n".join([f"account {name}", *page(of)]))
    return 0


def told(account: str, of: Statement) -> dict[str, Any]:
    """The statement for programs; amounts as decimal text in the quote asset."""
    return {
        "account": account,
        "day": (EPOCH + timedelta(days=of.day)).isoformat(),
        "opening": format(amount(of.opening), "f"),
        "lines": [
            {
                "time": stamp(line.at_ns),
                "kind": line.kind.value,
                "instrument": line.instrument,
                "reference": line.reference,
                "amount": format(amount(line.amount), "f"),
            }
            for line in of.lines
        ],
        "sums": {kind.value: format(amount(total), "f") for kind, total in of.sums.items()},
        "closing": format(amount(of.closing), "f"),
    }


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
    trading = [line.at_ns for line in lines if line.kind is not Kind.TRANSFER]
    return max(trading or [line.at_ns for line in lines], default=0) // DAY_NS


def page(of: Statement) -> list[str]:
    """The statement as people read it; amounts in the quote asset, to the last unit."""
    day = EPOCH + timedelta(days=of.day)
    rows = [
        f"{stamp(line.at_ns)}  {line.kind:<13}{line.instrument:<18}{line.reference:<24}{amount(line.amount):>22}"
        for line in of.lines
    ]
    sums = [f"{kind:<39}{'':<24}{amount(total):>22}" for kind, total in of.sums.items() if total]
    return [
        f"statement of {day.isoformat()} (UTC, market time)",
        f"{'opening balance':<63}{amount(of.opening):>22}",
        *rows,
        f"{len(rows)} lines",
        *sums,
        f"{'closing balance':<63}{amount(of.closing):>22}",
    ]


def stamp(at_ns: int) -> str:
    """The time of day."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1000)).strftime("%H:%M:%S")
