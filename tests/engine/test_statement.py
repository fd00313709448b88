"""The statement against the exchange's own income and trades."""

from engine.events import Deposited, Filled, Funded, Listed, Opened
from engine.journal import JournalReader
from engine.statement import DAY_NS, Kind, Line, differences, lines_of, statement_of
from engine.venue.embedded import statements
from shm.instruments import minor
from tests.stress import kill_matrix, points
from tests.stress.schedule import SYMBOL


def a_session(folder, monkeypatch):
    """The exchange after a whole script of entries, a turn, a stop and a leaving; the journal is in ``folder``."""
    monkeypatch.setattr(kill_matrix.accounts, "Journal", points.Disk)
    monkeypatch.setattr(points.journal, "sqlite3", points.journal.sqlite3)
    script = kill_matrix.Script(folder, next(iter(kill_matrix.SCRIPTS)), 0)
    points.Disk.points = script.points
    script.play()
    assert script.tally.failures == []
    return script.bourse._exchange


def income_of(exchange):
    """What GET income lists, as lines."""
    listing = exchange.by_id["BTCUSDT"]
    rows = [
        row for fill in exchange.user_trades("paper", "BTCUSDT", 0, 1000) for row in statements.income(listing, fill)
    ]
    return [
        Line(row["time"] * 1_000_000, SYMBOL, row["tradeId"], Kind(row["incomeType"]), minor(row["income"]))
        for row in rows
    ]


def test_every_line_is_the_exchanges_and_every_line_of_the_exchange_is_there(tmp_path, monkeypatch):
    """I14, I17: trades and income reconcile line by line, to a difference of zero, and the balance is the wallet."""
    exchange = a_session(tmp_path, monkeypatch)
    lines = lines_of(JournalReader(tmp_path).refresh())
    ours = [line for line in lines if line.kind != Kind.TRANSFER]
    theirs = income_of(exchange)
    assert len(theirs) >= 9
    assert differences(ours, theirs) == ([], [])
    assert sum(line.amount for line in lines) == exchange.account("paper").wallet
    lie = [theirs[0], *theirs[2:]]
    assert differences(ours, lie) == ([theirs[1]], [])
    (first, *rest) = ours
    assert differences(rest, theirs) == ([], [first])


def test_days_follow_one_another():
    """A day opens with what the one before it closed with; money told twice counts once."""
    deposit = Deposited(account="main", venue="v", amount=1_000, reference="opening", wall_ns=5)
    paid = [
        Funded(account="main", venue="v", instrument=SYMBOL, amount=-3, reference=f"f{day}", market_ns=day * DAY_NS)
        for day in (1, 2)
    ]
    lines = lines_of([deposit, *paid, *paid, deposit])
    assert [statement_of(lines, day).opening for day in range(4)] == [0, 1_000, 997, 994]
    assert [statement_of(lines, day).closing for day in range(4)] == [1_000, 997, 994, 994]
    assert statement_of(lines, 2).sums[Kind.FUNDING] == -3
    assert len(lines) == 3


def test_what_was_held_before_the_books_has_its_cost():
    """Lots of the opening at 100, sold at 110: ten ticks a lot are realised, not a short position opened."""
    opened = {"account": "main", "venue": "v", "instrument": SYMBOL, "lots": 5, "price_ticks": 100, "market_ns": 1}
    sold = Filled(
        account="main", venue="v", instrument=SYMBOL, trade_id=7, intent_id=0, venue_order_id="w", side=-1, lots=2,
        price_ticks=110, fee=0, is_maker=False, market_ns=2, wall_ns=2,
    )  # fmt: skip
    listed = Listed(instrument=SYMBOL, venue="v", tick_e8=10**7, lot_e8=10**5, unit=10_000)
    (line,) = lines_of([listed, Opened(**opened, trade_id_next=7), sold])
    assert (line.kind, line.amount) == (Kind.REALISED, 2 * 10 * 10_000)
