"""What a session came to, from what is durable: the tapes, the journal and the exchange's own books.

tapes    candles, decisions, targets        counters restart with nothing, tapes do not
journal  intents, orders, fills, money
exchange grid of candles, ledger            play money only
counters records lost, gaps, latency
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from engine.books import Books
from engine.doubts import doubled
from engine.events import Funded
from engine.journal import JournalReader
from engine.ledger import NET
from orchestrator.attendance import attendance
from orchestrator.session import Session
from orchestrator.tape import read_folder
from orchestrator.why import stamp
from shm.instruments import amount
from shm.records import DECISION, MARKET, TARGET, MarketKind, OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the journal says."""

    books: Books
    funding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What only lived in memory."""

    seconds: float
    restarts: Mapping[str, int]
    counters: Mapping[str, int]
    latency: Mapping[str, Any]
    difference: str
    grid: Mapping[str, Any] = field(default_factory=dict)
    ledger: Mapping[str, Any] = field(default_factory=dict)


def conclude(session: Session, measured: Measured) -> dict[str, Any]:
    """Return the session's summary, ready for JSON."""
    tapes, account = _tapes(session), read_account(session)
    return {
        "session": session.folder,
        "ended": session.ended,
        "seed": session.seed,
        "seconds": round(measured.seconds, 3),
        **tapes,
        **_orders(account.books),
        "gaps_found": measured.counters.get("candle_gaps_found", 0),
        "gaps_filled": measured.counters.get("candle_gaps_filled", 0),
        "records_lost": measured.counters.get("records_lost", 0),
        "restarts": dict(measured.restarts),
        "reconciliations": measured.counters.get("reconciliations", 0),
        "mismatches": measured.counters.get("mismatches", 0),
        **_money(session, account, _closes(session)),
        "difference": measured.difference,
        "exchange": _exchange(measured),
        "attendance": _attendance(session, measured),
        "counters": dict(measured.counters),
        "latency": dict(measured.latency),
    }


def read_account(session: Session) -> Account:
    """Return the books and the funding that the account's journal gives."""
    reader = JournalReader(session.account_path)
    # A journal that is there and cannot be read is no empty one: nothing may be concluded from it.
    events = reader.refresh() if reader.path.exists() else []
    return Account(books=reader.books, funding=sum(event.amount for event in events if isinstance(event, Funded)))


def _tapes(session: Session) -> dict[str, Any]:
    candles = _candles(session)
    decisions = read_folder(session.path / "decisions", DECISION)["record"]
    targets = read_folder(session.path / "targets", TARGET)["record"]
    return {
        "candles": len(np.unique(candles[["instrument", "open_ns"]])),
        "decisions": int(np.count_nonzero(decisions["kind"])),
        "targets": len(np.unique(targets[targets["kind"] != 0][["instrument", "strategy", "target_id"]])),
        "last_candle": stamp(int(candles["open_ns"].max())) if len(candles) else "",
    }


def _candles(session: Session) -> np.ndarray:
    records: np.ndarray = read_folder(session.path / "market", MARKET)["record"]
    minutes = (records["kind"] == MarketKind.CANDLE) & (records["timeframe_s"] == 60)
    candles: np.ndarray = records[minutes & (records["instrument"] < len(session.instruments))]  # behind them: spots
    return candles


def _closes(session: Session) -> dict[str, float]:
    candles = _candles(session)
    closes = {}
    for instrument in session.instruments:
        ours = candles[candles["instrument"] == instrument.row]
        if len(ours):
            closes[instrument.symbol] = float(ours["close"][-1])
    return closes


def _orders(books: Books) -> dict[str, int]:
    orders = books.orders.values()
    reached = [order for order in orders if order.state not in (OrderState.NEW, OrderState.NOT_SENT)]
    return {
        "intents": len(orders),
        "orders": sum(order.state is not OrderState.REJECTED for order in reached),
        "fills": len(books.ledger.trades),
        "rejects": sum(order.state is OrderState.REJECTED for order in orders),
        "orders_doubled": doubled(books),
        "unknown_orders": sum(order.state is OrderState.IN_DOUBT for order in orders),
    }


def _money(session: Session, account: Account, closes: Mapping[str, float]) -> dict[str, Any]:
    books, ledger = account.books, account.books.ledger
    net = {key: position for key, position in ledger.positions.items() if key.strategy == NET}
    start = session.opening if session.mode == "live" else int(session.settings.market.deposit * 10**8)
    realised = sum(position.realised for position in net.values())
    fees = sum(position.fees for position in net.values())
    wallet = ledger.wallet(books.account, books.venue)
    by_symbol = {instrument.symbol: instrument for instrument in session.instruments}
    unrealised = sum(
        position.unrealised(by_symbol[key.instrument].ticks(closes[key.instrument]), ledger.units[key.instrument])
        for key, position in net.items()
        if position.lots and key.instrument in closes
    )
    remains = []
    for key, position in net.items():
        if position.lots:
            one = by_symbol[key.instrument]
            entry = one.price(position.entry_ticks(ledger.units[key.instrument]))
            remains.append(f"{one.symbol} {one.quantity(position.lots)} @ {entry}")
    for order in (order for orders in books.working.values() for order in orders.values()):
        one = by_symbol[order.intent.instrument]
        remains.append(f"{one.symbol} {order.intent.purpose.name.lower()} {one.price(order.intent.stop_ticks)}")
    return {
        "equity_start": text(start),
        "equity_end": text((wallet or start) + unrealised),
        "realised": text(realised),
        "unrealised": text(unrealised),
        "fees": text(fees),
        "funding": text(account.funding),
        "remains": remains,
    }


def _exchange(measured: Measured) -> dict[str, Any]:
    """The exchange's own account of the same session."""
    if not measured.grid:
        return {}
    symbols = measured.grid.get("symbols", [])
    ledger = measured.ledger
    return {
        "candles": sum(grid["candles_count"] for grid in symbols),
        "gaps": sum(len(grid["gaps_ns"]) for grid in symbols),
        "fills": len(ledger.get("fills", [])),
        "wallet": text(int(ledger.get("wallet", 0))),
        "realised": text(int(ledger.get("realised", 0))),
        "fees": text(int(ledger.get("fees", 0))),
        "funding": text(int(ledger.get("funding", 0))),
    }


def _attendance(session: Session, measured: Measured) -> dict[str, Any]:
    """Decisions against the exchange's own minutes."""
    if not measured.grid.get("symbols"):
        return {}
    return attendance(session, measured.grid["symbols"], read_folder(session.path / "decisions", DECISION)["record"])


def text(minor: int) -> str:
    """Return money as decimal text."""
    return f"{Decimal(amount(minor)):.8f}"
