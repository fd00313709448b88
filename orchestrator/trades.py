"""What an account has traded, from its journal: trades from flat to flat, or every step of its positions.

accounts/NAME/journal.db --> engine/history.py --> a line for each trade, and what they came to
                                                   --positions: a line for each step
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from engine.history import Change, History, Trade
from engine.journal import JournalError, JournalReader
from orchestrator import result
from orchestrator.settings import BadInputError
from orchestrator.statement import folders
from orchestrator.why import stamp
from shm.instruments import amount


class Rules(Protocol):
    """What turns ticks and lots into decimals."""

    @property
    def tick_e8(self) -> int: ...  # noqa: D102
    @property
    def lot_e8(self) -> int: ...  # noqa: D102
    @property
    def unit(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines; empty: all."""

    account: str | None = None
    symbol: str | None = None
    strategy: str | None = None
    has_positions: bool = False


def show(state: Path, wanted: Wanted, place: str | None) -> int:
    """Print, or write to ``place``, what the accounts under ``state`` have traded."""
    pages = [_page(folder, wanted) for folder in folders(state, wanted.account)]
    if not result.write({"accounts": pages}, place):
        return 0
    for page in pages:
        print(f"account {page['account']}")
        rows = page["positions"] if wanted.has_positions else page["trades"] + page["open"]
        print("\n".join(_lines(rows)) if rows else "nothing was traded")
        if not wanted.has_positions:
            print(f"{len(page['trades'])} trades are over, {len(page['open'])} open, profit {page['profit']}")
    return 0


def _page(folder: Path, wanted: Wanted) -> dict[str, Any]:
    history = History()
    try:
        history.follow(JournalReader(folder).refresh())
    except JournalError as error:
        raise BadInputError(str(error)) from None
    known = {trade.instrument for trade in (*history.trades, *history.running.values())}
    if wanted.symbol and wanted.symbol not in known:
        raise BadInputError(
            f"--symbol {wanted.symbol}: {folder.name} has traded {', '.join(sorted(known)) or 'nothing'}"
        )
    rules = history.books.listings
    done = [trade for trade in history.trades if _fits(trade, wanted)]
    still = [trade for trade in history.running.values() if _fits(trade, wanted)]
    return {
        "account": folder.name,
        "trades": [told(trade, rules[trade.instrument]) for trade in done],
        "open": [told(trade, rules[trade.instrument]) for trade in still],
        "positions": [step(change, rules[change.instrument]) for change in history.changes if _fits(change, wanted)],
        "profit": text_of(sum(trade.profit for trade in done)),
    }


def _fits(row: Trade | Change, wanted: Wanted) -> bool:
    return wanted.symbol in (None, row.instrument) and wanted.strategy in (None, row.strategy)


def told(trade: Trade, rules: Rules) -> dict[str, str]:
    """A trade as people read it; of one that is open, what is known."""
    return {
        "symbol": trade.instrument,
        "strategy": trade.strategy,
        "side": "long" if trade.side > 0 else "short",
        "quantity": quantity_of(trade.lots, rules),
        "entry_time": stamp(trade.entry_ns),
        "entry_price": price_of(trade.entry_value, trade.lots, rules),
        "exit_time": stamp(trade.exit_ns) if trade.exit_ns else "",
        "exit_price": price_of(trade.exit_value, trade.closed, rules),
        "fees": text_of(trade.fees),
        "funding": text_of(trade.funding),
        "profit": text_of(trade.profit) if trade.exit_ns else "",
        "exit_reason": trade.reason,
    }


def step(change: Change, rules: Rules) -> dict[str, str]:
    """One step of a position as people read it."""
    return {
        "time": stamp(change.at_ns),
        "symbol": change.instrument,
        "strategy": change.strategy,
        "before": quantity_of(change.lots_before, rules),
        "after": quantity_of(change.lots, rules),
        "price": price_of(change.value, abs(change.lots - change.lots_before), rules),
        "realised": text_of(change.realised),
        "fee": text_of(change.fee),
        "cause": change.cause,
    }


def quantity_of(lots: int, rules: Rules) -> str:
    """Lots as a quantity, exact."""
    return format(amount(lots * rules.lot_e8).normalize(), "f")


def price_of(value: int, lots: int, rules: Rules) -> str:
    """The average price of ``lots`` that were worth ``value`` minor units, to eight places; empty of no lots."""
    if not lots:
        return ""
    return format((Decimal(value) / (lots * rules.unit) * amount(rules.tick_e8)).quantize(Decimal("1e-8")), "f")


def text_of(minor_units: int) -> str:
    """An amount, exact."""
    return format(amount(minor_units), "f")


def _lines(rows: Sequence[dict[str, str]]) -> list[str]:
    names = list(rows[0])
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    head = "  ".join(f"{name.replace('_', ' '):<{widths[name]}}" for name in names)
    return [head, *("  ".join(f"{row[name]:<{widths[name]}}" for name in names) for row in rows)]
