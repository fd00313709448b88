"""How orders end and where their prices come from: GTD, IOC, FOK, GTX, priceMatch and self-trade prevention."""

from collections.abc import Callable

import pytest

from engine.venue.embedded import messages
from engine.venue.embedded.events import AlgoUpdate, OrderUpdate
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder, Refusal
from tests.engine.venue.embedded.conftest import DEPTH_LOTS, FLAT, Played

Opened = Callable[..., Exchange]
FALL = (1_000_000, 1_000_000, 994_000, 994_000)  # 6,000 ticks down in 60,000 ms


def place(exchange: Exchange, side: int, quantity: str, price: str | None = None, **terms: object) -> Order:
    """A limit order (without a price, a market order); it must be taken."""
    kind = "LIMIT" if price or "price_match" in terms else "MARKET"
    given = {"type": kind} | terms
    answer = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=side, quantity=quantity, price=price, **given))  # type: ignore[arg-type]
    assert isinstance(answer, Order), answer
    return answer


def code(answer: object) -> int:
    """The code of a refusal."""
    assert isinstance(answer, Refusal), answer
    return answer.code


def newest(exchange: Exchange, order: Order) -> Order:
    """The order as it is now."""
    found = exchange.order("me", "BTCUSDT", order.order_id)
    assert isinstance(found, Order)
    return found


@pytest.mark.parametrize("points", [1, 3, 8])
@pytest.mark.parametrize(("second", "status"), [(30, "EXPIRED"), (31, "FILLED")])
def test_gtd_trades_until_its_second_and_not_after(points: int, second: int, status: str) -> None:
    """The price goes through 99,700.0 at 30.010 s: an order good till 30 s has expired, one till 31 s is filled."""
    still = (1_000_000,) * 4
    exchange = Exchange(Played([FLAT, *[still] * 11, FALL, still]), Settings(points_per_candle=points))
    exchange.deposit("me", 10**12)
    till_ms = (exchange.now_ns + 11 * MINUTE_NS) // 1_000_000 + second * 1000 + 999  # the exchange keeps seconds
    order = place(exchange, 1, "1.0", "99700", time_in_force="GTD", good_till_ms=till_ms)
    assert order.good_till_ms == till_ms - 999
    for _ in range(13 * points):
        exchange.advance()
    done = newest(exchange, order)
    # Touched at 30.000 s sharp: 100 lots in the same instant are the earlier order's no more.
    assert (done.status, done.lots_filled) == (status, {"EXPIRED": 0, "FILLED": 1000}[status])
    assert exchange.open_orders("me") == []


def test_a_conditional_order_is_good_till_its_date_too() -> None:
    """A stop that never triggers expires, and its owner is told."""
    exchange = Exchange(Played([FLAT] * 15), Settings())
    exchange.deposit("me", 10**12)
    till_ms = (exchange.now_ns + 11 * MINUTE_NS) // 1_000_000
    request = PlaceOrder(
        symbol="BTCUSDT", side=1, type="STOP", quantity="0.1", price="101000", trigger_price="101000",
        time_in_force="GTD", good_till_ms=till_ms,
    )  # fmt: skip
    stop = exchange.place("me", request)
    assert isinstance(stop, AlgoOrder)
    told = [event for _ in range(12) for event in exchange.advance() if isinstance(event, AlgoUpdate)]
    assert [(one.order.status, one.at_ns // 1_000_000) for one in told if one.order.status != "NEW"] == [
        ("EXPIRED", till_ms)
    ]


@pytest.mark.parametrize("seconds", [0, 600, 2**40])
def test_gtd_lives_more_than_ten_minutes(opened: Opened, seconds: int) -> None:
    """Ten minutes sharp are too few, the year 36,800 too far: -5040."""
    exchange = opened()
    till_ms = exchange.now_ns // 1_000_000 + seconds * 1000
    request = PlaceOrder(
        symbol="BTCUSDT", side=1, type="LIMIT", quantity="0.1", price="99000", time_in_force="GTD", good_till_ms=till_ms
    )
    assert code(exchange.place("me", request)) == -5040


@pytest.mark.parametrize(
    ("side", "match", "ticks"),
    [
        (1, "OPPONENT", 1_000_001),
        (1, "OPPONENT_5", 1_000_005),
        (1, "QUEUE", 1_000_000),
        (1, "QUEUE_10", 999_991),
        (-1, "OPPONENT", 1_000_000),
        (-1, "OPPONENT_10", 999_991),
        (-1, "QUEUE", 1_000_001),
        (-1, "QUEUE_5", 1_000_005),
    ],
)
def test_the_book_names_the_price(opened: Opened, side: int, match: str, ticks: int) -> None:
    """Bid 1,000,000, ask 1,000,001: the n-th level of either side."""
    order = place(opened(), side, "0.010", price_match=match)
    assert (order.price_ticks, order.price_match) == (ticks, match)
    assert (order.status == "FILLED") == match.startswith("OPPONENT")


def test_an_order_is_moved_to_where_the_book_says(opened: Opened) -> None:
    """From far below to the best bid; told as an amendment with its priceMatch."""
    exchange = opened()
    order = place(exchange, 1, "0.010", "99000")
    exchange.drain()
    moved = exchange.amend("me", order, "0.020", None, "QUEUE")
    assert isinstance(moved, Order)
    assert (moved.price_ticks, moved.lots, moved.price_match) == (1_000_000, 20, "QUEUE")
    (event,) = [one for one in exchange.drain() if isinstance(one, OrderUpdate)]
    written = messages.order_update(exchange.by_id["BTCUSDT"], event)["o"]
    assert (written["x"], written["pm"]) == ("AMENDMENT", "QUEUE")


def test_a_stop_finds_its_price_when_it_triggers(opened: Opened) -> None:
    """A buy at 100,050.0 with QUEUE rests at the bid of that moment."""
    exchange = opened((1_000_000, 1_000_700, 1_000_000, 1_000_700))
    request = PlaceOrder(
        symbol="BTCUSDT", side=1, type="STOP", quantity="0.1", trigger_price="100050", price_match="QUEUE"
    )
    assert isinstance(exchange.place("me", request), AlgoOrder)
    exchange.advance()
    (order,) = exchange.all_orders("me", "BTCUSDT")
    assert (order.type, order.price_ticks, order.status) == ("LIMIT", 1_000_500, "NEW")


@pytest.mark.parametrize(
    ("lifetime", "quantity", "outcome"),
    [
        ("IOC", "0.100", ("FILLED", 100)),
        ("IOC", "0.101", ("EXPIRED", 100)),
        ("FOK", "0.100", ("FILLED", 100)),
        ("FOK", "0.101", -5021),
        ("GTX", "0.001", -5022),
        ("GTC", "0.101", ("PARTIALLY_FILLED", 100)),
    ],
)
def test_lifetimes_at_the_edge_of_what_is_offered(
    opened: Opened, lifetime: str, quantity: str, outcome: object
) -> None:
    """100 lots are offered at the ask: one more is what IOC drops, FOK refuses and GTC waits for."""
    exchange = opened()
    request = PlaceOrder(
        symbol="BTCUSDT", side=1, type="LIMIT", quantity=quantity, price="100000.1", time_in_force=lifetime
    )
    answer = exchange.place("me", request)
    assert DEPTH_LOTS == 100
    if isinstance(outcome, int):
        assert code(answer) == outcome
        assert exchange.all_orders("me", "BTCUSDT") == []
        assert exchange.user_trades("me", "BTCUSDT") == []
    else:
        assert isinstance(answer, Order)
        assert (answer.status, answer.lots_filled) == outcome


def test_gtx_one_tick_away_rests(opened: Opened) -> None:
    """At the bid it is maker: accepted, and filled as maker when the price goes through it."""
    exchange = opened(FALL)
    order = place(exchange, 1, "0.010", "100000", time_in_force="GTX")
    assert order.status == "NEW"
    exchange.advance()
    assert [fill.maker for fill in exchange.user_trades("me", "BTCUSDT")] == [True]


def crossing(exchange: Exchange, mode: str) -> tuple[Order, Order]:
    """A bid of 50 at 99,999.9 behind others, and a market sell of 250 that reaches it."""
    bid = place(exchange, 1, "0.050", "99999.9")
    exchange.drain()
    sale = place(exchange, -1, "0.250", prevention=mode)
    return newest(exchange, bid), sale


@pytest.mark.parametrize(
    ("mode", "bid", "sale"),
    [
        ("EXPIRE_MAKER", ("EXPIRED_IN_MATCH", 0), ("FILLED", 250)),
        ("EXPIRE_TAKER", ("NEW", 0), ("EXPIRED_IN_MATCH", 200)),
        ("EXPIRE_BOTH", ("EXPIRED_IN_MATCH", 0), ("EXPIRED_IN_MATCH", 200)),
        ("NONE", ("FILLED", 50), ("FILLED", 250)),
    ],
)
def test_who_would_trade_with_himself_does_as_he_said(
    opened: Opened, mode: str, bid: tuple[str, int], sale: tuple[str, int]
) -> None:
    """Two levels of 100 stand before our own bid; then the mode of the taker decides."""
    exchange = opened()
    resting, taking = crossing(exchange, mode)
    assert (resting.status, resting.lots_filled) == bid
    assert (taking.status, taking.lots_filled) == sale
    assert taking.prevention == mode
    ended = [one for one in exchange.drain() if isinstance(one, OrderUpdate) and one.order.expiry]
    listing = exchange.by_id["BTCUSDT"]
    for event in ended:
        written = messages.order_update(listing, event)["o"]
        assert (written["x"], written["X"], written["er"]) == ("EXPIRED", "EXPIRED_IN_MATCH", "1")
    assert len(ended) == [bid[0], sale[0]].count("EXPIRED_IN_MATCH")
    assert exchange.account("me").positions[0].lots == -taking.lots_filled + resting.lots_filled


def test_fill_or_kill_that_meets_us_is_refused_and_changes_nothing(opened: Opened) -> None:
    """With EXPIRE_BOTH it would not be filled: -5021, and the bid is still there."""
    exchange = opened()
    bid = place(exchange, 1, "0.050", "99999.9")
    request = PlaceOrder(
        symbol="BTCUSDT", side=-1, type="LIMIT", quantity="0.250", price="99999.8", time_in_force="FOK",
        prevention="EXPIRE_BOTH",
    )  # fmt: skip
    assert code(exchange.place("me", request)) == -5021
    assert newest(exchange, bid).status == "NEW"


def test_a_triggered_stop_may_end_in_a_match_with_us(opened: Opened) -> None:
    """A stop with EXPIRE_TAKER sells 200 to others, ends at our bid, and its algo order is finished."""
    exchange = opened((1_000_000, 1_000_000, 999_000, 999_000))
    place(exchange, 1, "0.300")
    place(exchange, 1, "0.050", "99949.9")
    request = PlaceOrder(
        symbol="BTCUSDT",
        side=-1,
        type="STOP_MARKET",
        quantity="0.250",
        trigger_price="99950",
        prevention="EXPIRE_TAKER",
    )
    stop = exchange.place("me", request)
    assert isinstance(stop, AlgoOrder)
    exchange.advance()
    sold = exchange.order("me", "BTCUSDT", client_id=stop.client_id)
    assert isinstance(sold, Order)
    assert (sold.status, sold.lots_filled) == ("EXPIRED_IN_MATCH", 200)
    algo = exchange.algo_order("me", stop.algo_id)
    assert isinstance(algo, AlgoOrder)
    assert (algo.status, algo.lots_filled) == ("FINISHED", 200)


@pytest.mark.parametrize("kind", ["STOP_MARKET", "TAKE_PROFIT_MARKET"])
def test_stops_and_takes_trigger_on_the_mark_too(kind: str) -> None:
    """The mark follows slowly: the last price is beyond the trigger at once, the mark minutes later."""
    fallen = (994_000,) * 4
    candles = [FLAT, FALL, *[fallen] * 12]
    told = {}
    for by_mark in (False, True):
        exchange = Exchange(Played(candles), Settings(mark_minutes=10))
        exchange.deposit("me", 10**12)
        side = -1 if kind == "STOP_MARKET" else 1
        request = PlaceOrder(
            symbol="BTCUSDT", side=side, type=kind, quantity="0.1", trigger_price="99600", by_mark=by_mark
        )
        assert isinstance(exchange.place("me", request), AlgoOrder)
        minutes = 0
        while not exchange.user_trades("me", "BTCUSDT"):
            exchange.advance()
            minutes += 1
        told[by_mark] = minutes
    assert told[False] == 1
    assert told[True] > 2
