"""One contract's market while a minute is played."""

from collections.abc import Callable

from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.pit import ID_STRIDE, Pit, Rules

MINUTE_NS = 60_000_000_000
RISES = (1_000_000, 1_000_300, 999_900, 1_000_200)  # 100 down, 400 up, 100 down: 600 ticks


def pit_of(exchange: Exchange) -> Pit:
    """A pit of its own on the same market."""
    return Pit(exchange.market, 0, Rules(spread_ticks=2))


def test_a_position_is_a_time_within_the_minute(opened: Callable[..., Exchange]) -> None:
    """A quarter of the path is a quarter of the minute, and its end is still inside it."""
    pit = pit_of(opened(RISES))
    assert pit.begin() == (1_000_000, 1_000_000)
    assert pit.length == 600
    assert [pit.at_ns(position) - pit.open_ns for position in (0, 150, 600)] == [0, 15_000 * 10**6, 59_999 * 10**6]


def test_what_forms_has_seen_only_what_was_walked(opened: Callable[..., Exchange]) -> None:
    """Half way: the low is known, the high is where the price is."""
    pit = pit_of(opened(RISES))
    pit.begin()
    assert list(pit.walk(300)) == [(0, 1_000_000, 999_900), (100, 999_900, 1_000_100)]
    forming = pit.forming()[0]
    assert forming[["open", "high", "low", "close"]].item() == (1_000_000, 1_000_100, 999_900, 1_000_100)
    assert abs(int(forming["volume_e8"]) * 2 - 500_000_000) < 2_000_000
    assert list(pit.walk(600)) == [(300, 1_000_100, 1_000_300), (500, 1_000_300, 1_000_200)]
    closed = pit.close()
    assert closed is not None
    assert (closed.high, closed.close, pit.candles_count) == (1_000_300, 1_000_200, 1)


def test_the_shown_book_has_the_spread_and_ten_levels(opened: Callable[..., Exchange]) -> None:
    """Spread 2 around 100,000.0: 99,999.9 and 100,000.1, each level with a fiftieth of the last volume."""
    bids, asks = pit_of(opened(RISES)).depth(100)
    assert (bids[0], asks[0]) == ((999_999, 100), (1_000_001, 100))
    assert (len(bids), bids[-1][0], asks[-1][0]) == (10, 999_990, 1_000_010)


def test_the_spread_widens_by_the_range_of_the_last_candle(opened: Callable[..., Exchange]) -> None:
    """2 % of the 400 ticks between the last candle's low and high are 8 ticks more than the 2 of a calm market."""
    pit = Pit(opened(RISES, (1_000_200,) * 4).market, 0, Rules(spread_ticks=2, spread_ppm=20_000))
    spreads = []
    for _ in range(2):
        pit.begin()
        list(pit.walk(pit.length))
        pit.close()
        (bid, _), (ask, _) = (side[0] for side in pit.depth(1))
        spreads.append(ask - bid)
    assert spreads == [10, 2]


def test_a_minute_without_volume_visits_nothing(opened: Callable[..., Exchange]) -> None:
    """It has a candle and no path."""
    exchange = opened(RISES)
    exchange.market._all["volume_e8"][1:] = 0
    pit = pit_of(exchange)
    assert pit.begin() is None
    assert (pit.playing, pit.length) == (True, 0)
    assert pit.close() is not None


def test_ids_of_two_contracts_never_meet(opened: Callable[..., Exchange]) -> None:
    """They count in steps of their own."""
    pit = pit_of(opened(RISES))
    first, second = pit.next_order_id(), pit.next_order_id()
    assert second - first == ID_STRIDE
    assert pit.next_fill_id() not in (first, second)
