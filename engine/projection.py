"""Tables beside the journal's events, for people and other programs; always derived, never the truth."""

import sqlite3

from engine.books import Books
from engine.events import BookEvent, Crossed, Filled, Funded, Intended, Intervened, Observed, Opened
from engine.ledger import NET, Key, Posting

SCHEMA = (
    """CREATE TABLE events (
        sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload BLOB NOT NULL, hash BLOB NOT NULL) STRICT""",
    "CREATE TABLE head (sequence INTEGER NOT NULL, hash BLOB NOT NULL) STRICT",
    """CREATE TABLE intents (
        intent_id INTEGER PRIMARY KEY, client_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, venue TEXT NOT NULL,
        instrument TEXT NOT NULL, leg INTEGER NOT NULL, purpose TEXT NOT NULL, type TEXT NOT NULL,
        side INTEGER NOT NULL, lots INTEGER NOT NULL, price_ticks INTEGER NOT NULL, stop_ticks INTEGER NOT NULL,
        reduce_only INTEGER NOT NULL, target_id INTEGER NOT NULL, created_market_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE allocations (
        intent_id INTEGER NOT NULL, strategy TEXT NOT NULL, lots INTEGER NOT NULL,
        PRIMARY KEY (intent_id, strategy)) STRICT""",
    """CREATE TABLE orders (
        intent_id INTEGER PRIMARY KEY, state TEXT NOT NULL, venue_order_id TEXT NOT NULL,
        lots_filled INTEGER NOT NULL, lots_reported INTEGER NOT NULL, refusal TEXT NOT NULL) STRICT""",
    """CREATE TABLE fills (
        venue TEXT NOT NULL, instrument TEXT NOT NULL, trade_id INTEGER NOT NULL, account TEXT NOT NULL,
        leg INTEGER NOT NULL, intent_id INTEGER NOT NULL, venue_order_id TEXT NOT NULL, side INTEGER NOT NULL,
        lots INTEGER NOT NULL, price_ticks INTEGER NOT NULL, fee INTEGER NOT NULL, is_maker INTEGER NOT NULL,
        market_ns INTEGER NOT NULL, PRIMARY KEY (venue, instrument, trade_id)) STRICT""",
    """CREATE TABLE postings (
        sequence INTEGER NOT NULL, account TEXT NOT NULL, venue TEXT NOT NULL, instrument TEXT NOT NULL,
        leg INTEGER NOT NULL, strategy TEXT NOT NULL, title TEXT NOT NULL, amount INTEGER NOT NULL) STRICT""",
    """CREATE TABLE positions (
        account TEXT NOT NULL, venue TEXT NOT NULL, instrument TEXT NOT NULL, leg INTEGER NOT NULL,
        strategy TEXT NOT NULL, lots INTEGER NOT NULL, cost INTEGER NOT NULL, realised INTEGER NOT NULL,
        fees INTEGER NOT NULL, funding INTEGER NOT NULL,
        PRIMARY KEY (account, venue, instrument, leg, strategy)) STRICT""",
)


def project(
    connection: sqlite3.Connection, sequence: int, event: BookEvent, books: Books, postings: list[Posting]
) -> None:
    """Bring the tables up to ``event``, which ``books`` has just applied; inside the caller's transaction."""
    match event:
        case Intended():
            _write_intent(connection, event)
            _write_order(connection, books, event.intent.intent_id)
        case Observed():
            _write_order(connection, books, event.intent_id)
        case Filled():
            _write_fill(connection, event)
            if event.intent_id in books.orders:
                _write_order(connection, books, event.intent_id)
            _write_positions(connection, books, books.key(event.instrument))
        case Crossed() | Funded() | Opened() | Intervened(deed="adopt"):
            _write_positions(connection, books, books.key(event.instrument))
    connection.executemany(
        "INSERT INTO postings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(sequence, *key[:3], int(key.leg), key.strategy, title, amount) for key, title, amount in postings],
    )


def _write_intent(connection: sqlite3.Connection, event: Intended) -> None:
    it = event.intent
    row = (
        it.intent_id, it.client_id, it.account, it.venue, it.instrument, int(it.leg), it.purpose.name, it.type.name,
        it.side, it.lots, it.price_ticks, it.stop_ticks, it.reduce_only, it.target_id, it.created_market_ns,
    )  # fmt: skip
    connection.execute(f"INSERT OR IGNORE INTO intents VALUES ({_marks(row)})", row)  # noqa: S608 - question marks
    connection.executemany(
        "INSERT OR IGNORE INTO allocations VALUES (?, ?, ?)",
        [(it.intent_id, strategy, lots) for strategy, lots in it.allocation],
    )


def _write_order(connection: sqlite3.Connection, books: Books, intent_id: int) -> None:
    order = books.orders[intent_id]
    row = (intent_id, order.state.name, order.venue_order_id, order.lots_filled, order.lots_reported, order.refusal)
    connection.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?)", row)


def _write_fill(connection: sqlite3.Connection, fill: Filled) -> None:
    row = (
        fill.venue, fill.instrument, fill.trade_id, fill.account, int(fill.leg), fill.intent_id, fill.venue_order_id,
        fill.side, fill.lots, fill.price_ticks, fill.fee, fill.is_maker, fill.market_ns,
    )  # fmt: skip
    connection.execute(f"INSERT OR IGNORE INTO fills VALUES ({_marks(row)})", row)  # noqa: S608 - question marks


def _write_positions(connection: sqlite3.Connection, books: Books, net: Key) -> None:
    for key in (net._replace(strategy=NET), *books.ledger.strategies_of(net)):
        held = books.ledger.position(key)
        row = (*key[:3], int(key.leg), key.strategy, held.lots, held.cost, held.realised, held.fees, held.funding)
        connection.execute(f"INSERT OR REPLACE INTO positions VALUES ({_marks(row)})", row)  # noqa: S608 - as above


def _marks(row: tuple[object, ...]) -> str:
    return ", ".join("?" * len(row))
