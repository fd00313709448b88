"""The journal's tables for people say what the books say."""

import sqlite3
import time

from engine.events import EXTERNAL, Filled, Intended, Intervened, Listed, Opened, Started
from engine.journal import NAME, Journal
from engine.order import Intent, OrderType
from shm.records import Purpose

SYMBOL = "BTC/USDT:USDT"


def test_tables_follow_the_events(tmp_path):
    """Order, fill and position rows agree with the books; the postings sum to zero."""
    intent = Intent(
        intent_id=1, client_id="rm", account="main", venue="paper", instrument=SYMBOL, allocation=(("trend", 3),),
        purpose=Purpose.ENTRY, type=OrderType.MARKET, side=1, lots=3, created_market_ns=1, created_wall_ns=1,
    )  # fmt: skip
    fill = Filled(
        account="main", venue="paper", instrument=SYMBOL, trade_id=1, intent_id=1, venue_order_id="v", side=1, lots=3,
        price_ticks=100, fee=7, is_maker=False, market_ns=1, wall_ns=1,
    )  # fmt: skip
    listed = Listed(instrument=SYMBOL, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000)
    journal = Journal(tmp_path, time.monotonic_ns)
    started = Started(run="r", account="main", venue="paper", wall_ns=1)
    journal.write([started, listed, Intended(intent=intent), fill, fill]).result()
    journal.close()
    connection = sqlite3.connect(tmp_path / NAME)
    assert connection.execute("SELECT state, lots_filled FROM orders").fetchall() == [("FILLED", 3)]
    assert connection.execute("SELECT strategy, lots, cost, fees FROM positions ORDER BY strategy").fetchall() == [
        ("", 3, 3_000_000, 7),
        ("trend", 3, 3_000_000, 7),
    ]
    assert connection.execute("SELECT SUM(amount), COUNT(*) FROM postings").fetchone() == (0, 8)
    assert connection.execute("SELECT COUNT(*) FROM fills").fetchone() == (1,)
    connection.close()


def test_lots_that_a_person_adopts_change_hands_in_the_table(tmp_path):
    """What was nobody's is the strategy's row; a pause is of no instrument and writes none."""
    opened = Opened(
        account="main", venue="paper", instrument=SYMBOL, lots=4, price_ticks=100, trade_id_next=1, market_ns=1
    )
    adopted = Intervened(
        petition_id="p1", deed="adopt", subject="BTC", instrument=SYMBOL, strategy="trend", stop_ticks=90, lots=4
    )
    paused = Intervened(petition_id="p2", deed="pause", subject="trend", instrument="trend")
    listed = Listed(instrument=SYMBOL, venue="paper", tick_e8=10**7, lot_e8=10**5, unit=10_000)
    journal = Journal(tmp_path, time.monotonic_ns)
    started = Started(run="r", account="main", venue="paper", wall_ns=1)
    journal.write([started, listed, opened, adopted, paused]).result()
    journal.close()
    connection = sqlite3.connect(tmp_path / NAME)
    rows = connection.execute("SELECT instrument, strategy, lots FROM positions ORDER BY strategy").fetchall()
    assert rows == [(SYMBOL, "", 4), (SYMBOL, EXTERNAL, 0), (SYMBOL, "trend", 4)]
    connection.close()
