"""The exchange as a whole: orders in, market moves, events and books out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, CandleUpdate, Event, OrderUpdate, Trade
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.ledger import fee_of
from engine.venue.embedded.listing import PUBLISHED, listing
from engine.venue.embedded.market import CANDLE, INTERVALS_NS, MINUTE_NS
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder, Refusal
from engine.venue.embedded.synthetic import SyntheticMarket

FIRST_NS = 1_700_000_040 * 10**9  # a whole minute
DEPTH_LOTS = 100
VOLUME_E8 = 50 * DEPTH_LOTS * 100_000  # at 2 % a level: DEPTH_LOTS of 0.001


class Played:
    """A market of given candles (open, high, low, close in ticks; None: no candle), one of them history."""

    def __init__(self, candles: list[tuple[int, int, int, int] | None], volume_e8: int = VOLUME_E8) -> None:
        self.listings = (listing(0, "BTC", "USDT", PUBLISHED["BTCUSDT"]),)
        self.start_ns = FIRST_NS + MINUTE_NS
        self.end_ns = FIRST_NS + len(candles) * MINUTE_NS
        rows = [(FIRST_NS + n * MINUTE_NS, *one) for n, one in enumerate(candles) if one]
        self._all = np.zeros(len(rows), CANDLE)
        for name, values in zip(("open_ns", "open", "high", "low", "close"), np.array(rows).T, strict=True):
            self._all[name] = values
        self._all["volume_e8"] = volume_e8

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Candles before ``until_ns``."""
        return self._all[self._all["open_ns"] < until_ns]

    def past(self, row: int) -> np.ndarray:
        """None."""
        return self._all[:0]


FLAT = (1_000_000, 1_000_000, 1_000_000, 1_000_000)


def opened(*candles: tuple[int, int, int, int] | None, **changes: int) -> Exchange:
    """An exchange with one account of 10,000 USDT, at the close of a flat candle at 100,000.0."""
    exchange = Exchange(Played([FLAT, *candles]), Settings(**changes))
    exchange.deposit("me", 10_000 * 10**8)
    exchange.drain()
    return exchange


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


def test_a_market_order_walks_the_book_in_parts() -> None:
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
def test_a_refusal_has_the_code_of_the_real_exchange_and_changes_nothing(order_request: PlaceOrder, code: int) -> None:
    """No order, no event, no money."""
    exchange = opened()
    before = exchange.account("me")
    answer = exchange.place("me", order_request)
    assert isinstance(answer, Refusal)
    assert answer.code == code
    assert exchange.drain() == []
    assert exchange.account("me") == before


def test_time_in_force_says_what_becomes_of_the_rest() -> None:
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


def test_a_limit_is_touched_then_traded_through() -> None:
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


def test_a_stop_becomes_a_market_order_of_its_own() -> None:
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


def test_a_stop_jumped_over_sells_at_the_open() -> None:
    """The gap between two candles is the slippage."""
    exchange = opened((990_000, 990_500, 989_000, 990_000))
    placed(exchange, ask(1, "MARKET"))
    waiting(exchange, ask(-1, "STOP_MARKET", trigger_price="99950", reduce_only=True))
    exchange.advance()
    assert exchange.user_trades("me", "BTCUSDT")[-1].price_ticks == 990_000


def test_an_orphaned_stop_expires_when_it_triggers() -> None:
    """Nothing to reduce: no order is born, and the reason is told."""
    exchange = opened((1_000_000, 1_000_000, 999_000, 999_000))
    waiting(exchange, ask(-1, "STOP_MARKET", trigger_price="99950", reduce_only=True, client_id="s"))
    exchange.drain()
    events = exchange.advance()
    assert (algo_statuses(events), executions(events)) == (["EXPIRED"], [])
    stop = exchange.algo_order("me", client_id="s")
    assert isinstance(stop, AlgoOrder)
    assert stop.reason == "Reduce Only reject"


def test_closing_the_position_takes_all_of_it() -> None:
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


def test_a_client_id_is_free_again_once_its_order_is_closed() -> None:
    """-4116 while open; accepted afterwards: it is no idempotency key."""
    exchange = opened()
    request = ask(1, "LIMIT", price="99000", client_id="a")
    first = placed(exchange, request)
    again = exchange.place("me", request)
    assert isinstance(again, Refusal)
    assert again.code == -4116
    exchange.cancel("me", "BTCUSDT", client_id="a")
    assert placed(exchange, request).order_id > first.order_id


def test_cancelling_works_once() -> None:
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


def test_an_order_reduces_no_more_than_is_held() -> None:
    """A reduce-only order for 80 of 50 lots becomes one for 50."""
    exchange = opened()
    placed(exchange, ask(-1, "MARKET"))
    order = placed(exchange, ask(1, "MARKET", "0.080", reduce_only=True))
    assert (order.lots, order.status, held(exchange)) == (50, "FILLED", 0)


def test_closing_is_allowed_without_margin_left() -> None:
    """An account that cannot open one more lot can still close."""
    exchange = opened((1_000_000, 1_000_000, 960_000, 960_000))
    placed(exchange, ask(1, "MARKET", "1.900"))
    exchange.advance()
    assert exchange.account("me").available < 0
    more = exchange.place("me", ask(1, "MARKET"))
    assert isinstance(more, Refusal)
    assert more.code == -2019
    assert placed(exchange, ask(-1, "MARKET", "1.900")).status == "FILLED"


def test_leverage_changes_what_is_bound() -> None:
    """At 10 twice the margin of 20; beyond the contract's most it is refused."""
    exchange = opened()
    placed(exchange, ask(1, "MARKET"))
    margin = exchange.account("me").position_margin
    assert exchange.set_leverage("me", "BTCUSDT", 10) == 10
    assert exchange.account("me").position_margin == 2 * margin
    refusal = exchange.set_leverage("me", "BTCUSDT", 126)
    assert isinstance(refusal, Refusal)
    assert refusal.code == -4028


def test_a_missing_minute_has_no_candle_and_stands_in_the_grid() -> None:
    """Time passes, nothing trades, the gap is itemised; then the market is over."""
    exchange = opened(FLAT, None, FLAT)
    closed = [event for _ in range(4) for event in exchange.advance() if isinstance(event, CandleUpdate)]
    assert [event.candle.open_ns for event in closed] == [FIRST_NS + MINUTE_NS, FIRST_NS + 3 * MINUTE_NS]
    grid = exchange.grid()[0]
    assert (grid.candles_count, grid.gaps_ns) == (2, (FIRST_NS + 2 * MINUTE_NS,))
    assert exchange.is_over
    assert exchange.now_ns == FIRST_NS + 4 * MINUTE_NS


@pytest.mark.parametrize("points", [1, 2, 3, 7, 8])
def test_candles_close_on_the_minute_exactly_as_they_are(points: int) -> None:
    """Stream, klines and the tape all give the source's candle back, for every number of points."""
    market = SyntheticMarket(5, FIRST_NS)
    exchange = Exchange(market, Settings(points_per_candle=points))
    events = [event for _ in range(30 * points) for event in exchange.advance()]
    expected = market.minutes(1, exchange.now_ns)[-30:]
    closed = [
        event for event in events if isinstance(event, CandleUpdate) and event.closed and event.symbol == "ETHUSDT"
    ]
    assert [event.candle for event in closed] == [tuple(one.item()) for one in expected]
    assert [event.at_ns for event in closed] == [int(one["open_ns"]) + MINUTE_NS for one in expected]
    assert (exchange.klines("ETHUSDT", "1m", None, None, 30) == expected).all()
    trades = [event for event in events if isinstance(event, Trade) and event.symbol == "ETHUSDT"]
    for candle in expected[expected["volume_e8"] > 0]:
        inside = [one for one in trades if candle["open_ns"] <= one.at_ns < candle["open_ns"] + MINUTE_NS]
        prices = [one.price_ticks for one in inside]
        assert (prices[0], max(prices), min(prices), prices[-1]) == candle[["open", "high", "low", "close"]].item()
        assert sum(one.volume_e8 for one in inside) == candle["volume_e8"]
    ids = [one.trade_id for one in trades]
    assert ids == sorted(set(ids))


def test_what_is_forming_grows_to_what_closes() -> None:
    """Between points the 1m and the 5m candle hold what was traded so far and nothing more."""
    exchange = Exchange(SyntheticMarket(5, FIRST_NS), Settings(points_per_candle=4))
    volume = 0
    for _ in range(4):
        updates = [event for event in exchange.advance() if isinstance(event, CandleUpdate)]
        assert updates[0].candle.volume_e8 > volume
        assert updates[0].candle.low <= updates[0].candle.close <= updates[0].candle.high
        volume = updates[0].candle.volume_e8
    five = exchange.forming("BTCUSDT", "5m")
    assert five is not None
    assert five.volume_e8 >= volume
    assert five.open_ns == FIRST_NS // INTERVALS_NS["5m"] * INTERVALS_NS["5m"]


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h", "4h", "1d"])
def test_a_thousand_candles_of_every_interval_are_there_at_once(interval: str) -> None:
    """What a brain asks for at its start, newest last, without a hole, from a start or up to now."""
    exchange = Exchange(SyntheticMarket(5, FIRST_NS), Settings())
    candles = exchange.klines("BTCUSDT", interval, None, None, 1000)
    step = INTERVALS_NS[interval]
    assert len(candles) == 1000
    assert (np.diff(candles["open_ns"]) == step).all()
    assert candles["open_ns"][-1] == (exchange.now_ns - 1) // step * step
    again = exchange.klines("BTCUSDT", interval, int(candles["open_ns"][10]), int(candles["open_ns"][19]), 1000)
    assert (again == candles[10:20]).all()


REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 12),  # minute before which it is sent
        st.sampled_from(["MARKET", "LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET"]),
        st.sampled_from([1, -1]),
        st.integers(1, 400),  # lots
        st.integers(-300, 300),  # ticks from the last price
        st.booleans(),
        st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
    ),
    max_size=25,
)


def session(seed: int, requests: list[tuple[int, str, int, int, int, bool, str]], points: int) -> Exchange:
    """Thirteen minutes of a synthetic market with ``requests`` sent between the minutes."""
    exchange = Exchange(SyntheticMarket(seed, FIRST_NS), Settings(points_per_candle=points, tells_ticks=False))
    exchange.deposit("me", 10_000 * 10**8)
    contract = exchange.by_id["BTCUSDT"]
    for minute in range(13):
        for when, kind, side, lots, away, reduces, force in requests:
            if when == minute:
                price = contract.price_text(exchange.last_ticks("BTCUSDT") + away)
                request = ask(side, kind, contract.quantity_text(lots), price=price, trigger_price=price)
                request = PlaceOrder(
                    symbol="BTCUSDT",
                    side=side,
                    type=kind,
                    quantity=request.quantity,
                    price=price,
                    trigger_price=price,
                    reduce_only=reduces,
                    time_in_force=force,
                )
                exchange.place("me", request)
        for _ in range(points):
            exchange.advance()
    return exchange


@settings(max_examples=40, deadline=None)
@given(requests=REQUESTS, seed=st.integers(0, 3), points=st.integers(2, 8))
def test_fills_do_not_depend_on_how_the_market_is_paced(
    requests: list[tuple[int, str, int, int, int, bool, str]], seed: int, points: int
) -> None:
    """The same orders at the same minutes: the same fills, ids, prices, times and money, whatever K."""
    one, many = session(seed, requests, 1), session(seed, requests, points)
    assert many.user_trades("me", "BTCUSDT") == one.user_trades("me", "BTCUSDT")
    assert many.all_orders("me", "BTCUSDT") == one.all_orders("me", "BTCUSDT")
    assert many.all_algo_orders("me", "BTCUSDT") == one.all_algo_orders("me", "BTCUSDT")
    assert many.account("me") == one.account("me")


@settings(max_examples=40, deadline=None)
@given(requests=REQUESTS, seed=st.integers(0, 3))
def test_every_unit_is_accounted_for(requests: list[tuple[int, str, int, int, int, bool, str]], seed: int) -> None:
    """Wallet = deposit + realised - fees, recomputed from the fills alone; no order fills more than it asked for."""
    exchange = session(seed, requests, 1)
    state = exchange.account("me")
    fills = exchange.user_trades("me", "BTCUSDT", limit=10_000)
    assert state.wallet == state.deposit + sum(one.realised for one in fills) - sum(one.fee for one in fills)
    assert state.positions[0].lots == sum(one.side * one.lots for one in fills)
    for order in exchange.all_orders("me", "BTCUSDT", limit=10_000):
        mine = [one for one in fills if one.order_id == order.order_id]
        assert order.lots_filled == sum(one.lots for one in mine) <= order.lots
        assert order.cost == sum(one.lots * one.price_ticks for one in mine)
        assert (order.status == "FILLED") == (order.lots_left == 0)
        assert all(order.created_ns <= one.at_ns <= order.updated_ns for one in mine)
