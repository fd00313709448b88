"""The account at the exchange, asked for in few questions."""

from types import SimpleNamespace

from engine.books import Books
from engine.events import Listed, Started
from engine.venue.base import PositionSeen
from orchestrator.inventory import Inventory


class Counted:
    """A venue that counts its questions; every symbol in ``held`` has ten lots there."""

    def __init__(self, held=()):
        """Nobody has asked."""
        self.held, self.asked = held, []

    async def positions(self):
        """What is held."""
        self.asked.append("positions")
        return tuple(PositionSeen(symbol=symbol, lots=10) for symbol in self.held)

    async def wallet(self, asset):
        """Cash."""
        self.asked.append(asset)
        return SimpleNamespace(wallet=5)

    async def open_orders(self, symbol=""):
        """None rest."""
        self.asked.append(f"orders {symbol}")
        return ()

    async def trades_since(self, symbol, trade_id):
        """None since then."""
        self.asked.append(f"trades {symbol} {trade_id}")
        return ()


def symbols(count):
    """So many of them."""
    return [f"X{number:03d}/USDT:USDT" for number in range(count)]


def books_of(names):
    """Books that list them and hold nothing."""
    books = Books()
    books.apply(Started(run="r", account="main", venue="fake", wall_ns=0))
    for name in names:
        books.apply(Listed(instrument=name, venue="fake", tick_e8=10**6, lot_e8=10**5, unit=1000))
    return books


async def taken(venue, names, *, whole):
    """The inventory of ``names`` and how often the process showed life meanwhile."""
    beats = []
    inventory = Inventory(venue, names, "USDT", lambda: beats.append(1))
    return await inventory.take(books_of(names), dict.fromkeys(names, 7), whole=whole), len(beats)


async def test_three_hundred_symbols_are_nineteen_questions():
    """Positions, cash and orders of all in three; trades of sixteen whose turn it is; of the rest nothing is said."""
    venue, names = Counted(), symbols(300)
    there, beats = await taken(venue, names, whole=False)
    assert (len(venue.asked), beats) == (3 + 16, 16)
    assert there.instruments == tuple(names)
    assert there.trades_complete_from == tuple((name, 7) for name in names[:16])


async def test_what_differs_is_asked_about_at_once():
    """A position that is not ours has trades that we do not know."""
    venue, names = Counted(held=("X200/USDT:USDT",)), symbols(300)
    there, _ = await taken(venue, names, whole=False)
    assert "trades X200/USDT:USDT 7" in venue.asked
    assert there.positions == (("X200/USDT:USDT", 10),)


async def test_the_whole_is_every_trade():
    """Where something does not add up, and at the end of a session."""
    venue, names = Counted(), symbols(300)
    there, beats = await taken(venue, names, whole=True)
    assert (len(venue.asked), beats) == (3 + 300, 300)
    assert len(there.trades_complete_from) == 300


async def test_a_few_symbols_are_asked_one_by_one():
    """Orders of one symbol weigh one, of all together forty."""
    venue, names = Counted(), symbols(2)
    await taken(venue, names, whole=False)
    orders = [question for question in venue.asked if question.startswith("orders")]
    assert sorted(orders) == [f"orders {name}" for name in names]
    assert len(venue.asked) == 2 + 2 * 2
