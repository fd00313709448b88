"""What becomes of a request: refused, taken, resting, waiting, triggered, cancelled."""

from collections.abc import Callable

import pytest

from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, Event, OrderUpdate
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.ledger import fee_of
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder, Refusal

FIRST_NS = 1_700_000_040 * 10**9
Opened = Callable[..., Exchange]


def ask(side: int, kind: str, quantity: str | None = "0.050", **more: object) -> PlaceOrder:
    """A request on BTCUSDT."""
    return PlaceOrder(symbol="BTCUSDT", side=side, type=kind, quantity=quantity, **more)  # type: ignore[arg-type]


def placed(exchange: Exchange, request: PlaceOrder) -> Order:
    """The ordinary order that the request became."""
    order = exchange.place("me", request)
    assert isinstance(order, Order), order
    return order


def waiting(exchange: Exchange, request: PlaceOrder) -> AlgoOrder:
    """The algo order that the request became."""
    order = exchange.place("me", request)
    assert isinstance(order, AlgoOrder), order
    return order


def held(exchange: Exchange) -> int:
    """Lots of the position."""
    return exchange.account("me").positions[0].lots


def executions(events: list[Event]) -> list[tuple[str, str]]:
    """Execution type and status of each order update."""
    return [(event.execution, event.order.status) for event in events if isinstance(event, OrderUpdate)]


def algo_statuses(events: list[Event]) -> list[str]:
    """Status of each algo update."""
    return [event.order.status for event in events if isinstance(event, AlgoUpdate)]


def test_a_market_order_walks_the_book_in_parts(opened: Opened) -> None:
    """250 lots take three levels of 100: three fills, each told with the account before it."""
    exchange = opened()
    order = placed(exchange, ask(1, "MARKET", "0.250"))
    assert (order.status, order.lots_filled) == ("FILLED", 250)
    fills = exchange.user_trades("me", "BTCUSDT")
    assert [(one.price_ticks, one.lots) for one in fills] == [(1_000_001, 100), (1_000_002, 100), (1_000_003, 50)]
    events = exchange.drain()
    assert executions(events) == [
        ("NEW", "NEW"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "PARTIALLY_FILLED"),
        ("TRADE", "FILLED"),
    ]
    assert [type(event) for event in events[1:3]] == [AccountUpdate, OrderUpdate]
    assert exchange.account("me").fees == sum(fee_of(one.notional, 500) for one in fills)


@pytest.mark.parametrize(
    ("order_request", "code"),
    [
        (ask(1, "LIMIT", price="100000.05"), -4014),
        (ask(1, "LIMIT", price="-1"), -4001),
        (ask(1, "LIMIT", price="abc"), -1100),
        (ask(1, "LIMIT"), -1102),
        (ask(1, "MARKET", "0.0505"), -1111),
        (ask(1, "MARKET", "0"), -4003),
        (ask(1, "MARKET", None), -1102),
        (ask(1, "MARKET", "NaN"), -1100),
        (ask(1, "MARKET", "121"), -4005),
        (ask(1, "MARKET", "0.0009990"), -1111),
        (ask(1, "LIMIT", "0.001", price="90000"), -4164),
        (ask(1, "MARKET", "100"), -2019),
        (ask(1, "MARKET", reduce_only=True), -2022),
        (ask(1, "LIMIT", price="100000.1", time_in_force="GTX"), -5022),
        (ask(1, "LIMIT", "0.150", price="100000.1", time_in_force="FOK"), -5021),
        (ask(1, "STOP_MARKET", trigger_price="100000"), -2021),
        (ask(-1, "TAKE_PROFIT_MARKET", trigger_price="99999"), -2021),
        (ask(1, "STOP_LIMIT"), -1116),
        (ask(1, "LIMIT", price="1", time_in_force="DAY"), -1115),
        (ask(1, "MARKET", client_id="no spaces"), -4015),
        (ask(1, "STOP_MARKET", trigger_price="110000", close_position=True), -4137),
        (PlaceOrder(symbol="NOPE", side=1, type="MARKET", quantity="1"), -1121),
    ],
)
def test_a_refusal_has_the_code_of_the_real_exchange_and_changes_nothing(
    opened: Opened, order_request: PlaceOrder, code: int
) -> None:
    """No order, no event, no money."""
    exchange = opened()
    before = exchange.account("me")
    answer = exchange.place("me", order_request)
    assert isinstance(answer, Refusal)
    assert answer.code == code
    assert exchange.drain() == []
    assert exchange.account("me") == before


def test_time_in_force_says_what_becomes_of_the_rest(opened: Opened) -> None:
    """The ask shows 100 lots: GTC rests 50, IOC expires 50, FOK fills when all of it can."""
    gtc = opened()
    order = placed(gtc, ask(1, "LIMIT", "0.150", price="100000.1"))
    assert (order.status, order.lots_left) == ("PARTIALLY_FILLED", 50)
    assert gtc.open_orders("me") == [order]
    ioc = opened()
    order = placed(ioc, ask(1, "LIMIT", "0.150", price="100000.1", time_in_force="IOC"))
    assert (order.status, order.lots_filled, ioc.open_orders("me")) == ("EXPIRED", 100, [])
    fok = opened()
    assert placed(fok, ask(1, "LIMIT", "0.150", price="100000.2", time_in_force="FOK")).status == "FILLED"
    post = opened()
    assert placed(post, ask(1, "LIMIT", price="100000.0", time_in_force="GTX")).status == "NEW"


def test_a_limit_is_touched_then_traded_through(opened: Opened) -> None:
    """250 lots at 99,990: a candle that touches gives 100, the next one that goes through the rest, as maker."""
    exchange = opened((1_000_000, 1_000_000, 999_900, 1_000_000), (1_000_000, 1_000_000, 999_899, 1_000_000))
    placed(exchange, ask(1, "LIMIT", "0.250", price="99990"))
    exchange.advance()
    assert held(exchange) == 100
    exchange.advance()
    fills = exchange.user_trades("me", "BTCUSDT")
    assert [(one.lots, one.price_ticks, one.maker) for one in fills] == [(100, 999_900, True)] * 2 + [
        (50, 999_900, True)
    ]
    assert exchange.open_orders("me") == []


def test_a_stop_becomes_a_market_order_of_its_own(opened: Opened) -> None:
    """Triggering, a new order, its fills, finished; the order carries the algo order's client id."""
    exchange = opened((1_000_000, 1_000_100, 999_000, 999_500))
    placed(exchange, ask(1, "MARKET"))
    stop = waiting(exchange, ask(-1, "STOP_MARKET", trigger_price="99950", reduce_only=True, client_id="stop-1"))
    assert exchange.open_algo_orders("me") == [stop]
    exchange.drain()
    events = exchange.advance()
    assert algo_statuses(events) == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    assert executions(events) == [("NEW", "NEW"), ("TRADE", "FILLED")]
    done = exchange.algo_order("me", client_id="stop-1")
    assert isinstance(done, AlgoOrder)
    born = exchange.order("me", "BTCUSDT", done.order_id)
    assert isinstance(born, Order)
    assert (born.type, born.client_id, born.cost) == ("MARKET", "stop-1", 50 * 999_500)
    assert (held(exchange), exchange.open_algo_orders("me")) == (0, [])
    assert FIRST_NS + MINUTE_NS < done.triggered_ns < FIRST_NS + 2 * MINUTE_NS


def test_a_stop_jumped_over_sells_at_the_open(opened: Opened) -> None:
    """The gap between two candles is the slippage."""
    exchange = opened((990_000, 990_500, 989_000, 990_000))
    placed(exchange, ask(1, "MARKET"))
    waiting(exchange, ask(-1, "STOP_MARKET", trigger_price="99950", reduce_only=True))
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT")[-1].price_ticks == 990_000


def test_an_orphaned_stop_expires_when_it_triggers(opened: Opened) -> None:
    """Nothing to reduce: no order is born, and the reason is told."""
    exchange = opened((1_000_000, 1_000_000, 999_000, 999_000))
    waiting(exchange, ask(-1, "STOP_MARKET", trigger_price="99950", reduce_only=True, client_id="s"))
    exchange.drain()
    events = exchange.advance()
    assert (algo_statuses(events), executions(events)) == (["EXPIRED"], [])
    stop = exchange.algo_order("me", client_id="s")
    assert isinstance(stop, AlgoOrder)
    assert stop.reason == "Reduce Only reject"


def test_closing_the_position_takes_all_of_it(opened: Opened) -> None:
    """closePosition needs no quantity; a second one in the direction is refused."""
    exchange = opened((1_000_000, 1_010_000, 1_000_000, 1_010_000))
    placed(exchange, ask(1, "MARKET", "0.070"))
    request = ask(-1, "TAKE_PROFIT_MARKET", None, trigger_price="100500", close_position=True)
    waiting(exchange, request)
    again = exchange.place("me", request)
    assert isinstance(again, Refusal)
    assert again.code == -4130
    exchange.advance()
    assert held(exchange) == 0
    assert exchange.account("me").realised == 70 * (1_005_000 - 1_000_001) * 10_000


def test_a_client_id_is_free_again_once_its_order_is_closed(opened: Opened) -> None:
    """-4116 while open; accepted afterwards: it is no idempotency key."""
    exchange = opened()
    request = ask(1, "LIMIT", price="99000", client_id="a")
    first = placed(exchange, request)
    again = exchange.place("me", request)
    assert isinstance(again, Refusal)
    assert again.code == -4116
    exchange.cancel("me", "BTCUSDT", client_id="a")
    assert placed(exchange, request).order_id > first.order_id


def test_cancelling_works_once(opened: Opened) -> None:
    """CANCELED and told; then -2011, and -2013 for an order that never was."""
    exchange = opened()
    order = placed(exchange, ask(1, "LIMIT", price="99000"))
    stop = waiting(exchange, ask(1, "STOP_MARKET", trigger_price="101000"))
    exchange.drain()
    assert [one.status for one in exchange.cancel_all("me", "BTCUSDT")] == ["CANCELED"]
    assert [one.status for one in exchange.cancel_all_algo("me", "BTCUSDT")] == ["CANCELED"]
    assert [type(event) for event in exchange.drain()] == [OrderUpdate, AlgoUpdate]
    codes = [
        exchange.cancel("me", "BTCUSDT", order.order_id),
        exchange.cancel_algo("me", stop.algo_id),
        exchange.order("me", "BTCUSDT", 1),
        exchange.algo_order("me", 1),
    ]
    assert [one.code for one in codes if isinstance(one, Refusal)] == [-2011, -2011, -2013, -2013]
    assert exchange.all_orders("me", "BTCUSDT")[0].status == "CANCELED"


def test_an_order_reduces_no_more_than_is_held(opened: Opened) -> None:
    """A reduce-only order for 80 of 50 lots becomes one for 50."""
    exchange = opened()
    placed(exchange, ask(-1, "MARKET"))
    order = placed(exchange, ask(1, "MARKET", "0.080", reduce_only=True))
    assert (order.lots, order.status, held(exchange)) == (50, "FILLED", 0)


def test_closing_is_allowed_without_margin_left(opened: Opened) -> None:
    """An account that cannot open one more lot can still close."""
    exchange = opened((1_000_000, 1_000_000, 960_000, 960_000))
    placed(exchange, ask(1, "MARKET", "1.900"))
    exchange.advance()
    assert exchange.account("me").available < 0
    more = exchange.place("me", ask(1, "MARKET"))
    assert isinstance(more, Refusal)
    assert more.code == -2019
    assert placed(exchange, ask(-1, "MARKET", "1.900")).status == "FILLED"


def test_leverage_changes_what_is_bound(opened: Opened) -> None:
    """At 10 twice the margin of 20; beyond the contract's most it is refused."""
    exchange = opened()
    placed(exchange, ask(1, "MARKET"))
    margin = exchange.account("me").position_margin
    assert exchange.set_leverage("me", "BTCUSDT", 10) == 10
    assert exchange.account("me").position_margin == 2 * margin
    refusal = exchange.set_leverage("me", "BTCUSDT", 126)
    assert isinstance(refusal, Refusal)
    assert refusal.code == -4028
