"""Differences of a ladder."""

from engine.venue.embedded.depth import STEP, Ladder


def test_differences_rebuild_the_ladder(make_exchange):
    """
    Whoever applies every difference to an empty book holds the book of the market.
    """
    exchange = make_exchange()
    listing = exchange.by_id["BTCUSDT"]
    ladder = Ladder(exchange, listing)
    bids, asks, previous = {}, {}, ladder.update_id
    for _ in range(30):
        exchange.advance()
        if (found := ladder.difference()) is None:
            continue
        (first, last, before), *sides = found
        assert (first, last, before) == (previous + 1, previous + STEP, previous)
        previous = last
        for book, changes in zip((bids, asks), sides, strict=True):
            book.update(changes)
            for price in [price for price, quantity in book.items() if float(quantity) == 0]:
                del book[price]
    assert [bids, asks] == [dict(side) for side in ladder.levels()]
    assert ladder.difference() is None
