"""What books are unsure of, and what must never have happened: what a restart asks about, and orders done twice."""

from engine.books import Books
from engine.events import Observed
from engine.order import Event
from shm.records import OrderState


def doubled(books: Books) -> int:
    """Intents that the venue carried out more than once, or after we had called them never sent; must be 0."""
    lots: dict[int, int] = {}
    numbers: dict[int, dict[str, bool]] = {}
    for fill in books.ledger.trades.values():
        lots[fill.intent_id] = lots.get(fill.intent_id, 0) + fill.lots
        numbers.setdefault(fill.intent_id, {})[fill.venue_order_id] = True
    twice = [
        intent_id
        for intent_id, order in books.orders.items()
        if lots.get(intent_id, 0) > order.intent.lots or len(numbers.get(intent_id, {})) > 1
    ]
    return len(twice) + books.late_adoptions


def doubts(books: Books, wall_ns: int) -> list[Observed]:
    """After a restart, an order that was intended may have happened: each is in doubt."""
    return [
        Observed(intent_id=order.intent.intent_id, event=Event.DOUBT, text="restarted", wall_ns=wall_ns)
        for orders in books.working.values()
        for order in orders.values()
        if order.state == OrderState.NEW
    ]
