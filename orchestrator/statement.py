"""The statement of an account's day, from its journal: every line that changed the wallet, between two balances."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from engine.journal import NAME, JournalError, JournalReader
from engine.statement import DAY_NS, Kind, Line, Statement, lines_of, statement_of, unexplained_of
from orchestrator.settings import BadInputError
from shm.instruments import amount

EPOCH = date(1970, 1, 1)


def show(state: Path, day: str | None, account: str | None) -> int:
    """Print the statement of ``day``; the last one on which anything happened when it is left out."""
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
        print("\n".join([f"account {folder.name}", *page(statement_of(lines, number))]))
        if (left := unexplained_of(events)) is not None:
            more = "more" if left.found > left.expected else "less"
            apart = f"{amount(abs(left.found - left.expected))} {more} than these lines come to"
            print(
                f"NOT EXPLAINED: on {day_of(left.at_ns)} at {stamp(left.at_ns)} the exchange held "
                f"{amount(left.found)}, {apart}: entries wait; once you know what it was: run.py adopt CASH --why TEXT"
            )
    return 0


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
        f"{stamp(line.at_ns)}  {line.kind:<12} {line.instrument:<18}{line.reference:<24}{amount(line.amount):>22}"
        for line in of.lines
    ]
    sums = [f"{kind:<39}{'':<24}{amount(total):>22}" for kind, total in of.sums.items() if total]
    return [
        f"statement of {day_of(of.day * DAY_NS)} (UTC, market time)",
        f"{'opening balance':<63}{amount(of.opening):>22}",
        *rows,
        f"{len(rows)} lines",
        *sums,
        f"{'closing balance':<63}{amount(of.closing):>22}",
    ]


def day_of(at_ns: int) -> str:
    """The day in ISO text."""
    return (EPOCH + timedelta(days=at_ns // DAY_NS)).isoformat()


def stamp(at_ns: int) -> str:
    """The time of day."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1000)).strftime("%H:%M:%S")
