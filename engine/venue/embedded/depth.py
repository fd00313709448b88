"""Depth differences: what changed in a symbol's ladder, chained by update ids as on the exchange.

snapshot  lastUpdateId L          diff  U <= L <= u   then every pu == u of the one before
"""

from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.listing import Listing

LEVELS = 20
STEP = 10  # update ids that one difference covers

Side = dict[int, int]


class Ladder:
    """The ladder of one symbol as its subscribers know it."""

    def __init__(self, exchange: Exchange, listing: Listing) -> None:
        self._exchange = exchange
        self._listing = listing
        self._bids: Side = {}
        self._asks: Side = {}
        self.update_id = STEP

    def levels(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Bids and asks as text, best first."""
        bids, asks = self._exchange.depth(self._listing.id, LEVELS)
        return self._text(bids), self._text(asks)

    def difference(self) -> tuple[tuple[int, int, int], list[tuple[str, str]], list[tuple[str, str]]] | None:
        """First, last and previous update id with the changed levels; None when nothing changed."""
        bids, asks = (dict(side) for side in self._exchange.depth(self._listing.id, LEVELS))
        bid_changes, ask_changes = _changes(self._bids, bids), _changes(self._asks, asks)
        if not bid_changes and not ask_changes:
            return None
        previous = self.update_id
        self._bids, self._asks, self.update_id = bids, asks, previous + STEP
        return (previous + 1, self.update_id, previous), self._text(bid_changes), self._text(ask_changes)

    def _text(self, levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
        listing = self._listing
        return [(listing.price_text(ticks), listing.quantity_text(lots)) for ticks, lots in levels]


def _changes(before: Side, after: Side) -> list[tuple[int, int]]:
    gone = [(ticks, 0) for ticks in before if ticks not in after]
    return gone + [(ticks, lots) for ticks, lots in after.items() if before.get(ticks) != lots]
