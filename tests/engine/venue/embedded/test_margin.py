"""What positions and orders bind."""

from collections.abc import Callable

from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.margin import account_state, concerned
from engine.venue.embedded.orders import PlaceOrder, Refusal


def rest(exchange: Exchange, side: int, quantity: str, price: str) -> None:
    """A limit order that rests."""
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=side, type="LIMIT", quantity=quantity, price=price))


def test_orders_bind_what_they_could_add(opened: Callable[..., Exchange]) -> None:
    """The worse side counts, at the mark, over the leverage; the other side is covered by it."""
    exchange = opened()
    rest(exchange, 1, "0.200", "99000")
    assert exchange.account("me").order_margin == 200 * 1_000_000 * 10_000 // 20
    rest(exchange, -1, "0.100", "101000")
    assert exchange.account("me").order_margin == 200 * 1_000_000 * 10_000 // 20
    rest(exchange, -1, "0.200", "101000")
    assert exchange.account("me").order_margin == 300 * 1_000_000 * 10_000 // 20


def test_what_closes_a_position_binds_nothing(opened: Callable[..., Exchange]) -> None:
    """A sell of what is held adds no exposure."""
    exchange = opened()
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.100"))
    rest(exchange, -1, "0.100", "101000")
    state = exchange.account("me")
    assert state.order_margin == 0
    assert state.available == state.wallet + state.unrealised - state.position_margin


def leverage_refused(exchange: Exchange, leverage: int) -> int:
    """Code with which a change to ``leverage`` is refused, changing nothing."""
    before = exchange.leverage("me", "BTCUSDT")
    answer = exchange.set_leverage("me", "BTCUSDT", leverage)
    assert isinstance(answer, Refusal), answer
    assert exchange.leverage("me", "BTCUSDT") == before
    return answer.code


def test_leverage_does_not_rise_over_what_is_held_or_could_be(opened: Callable[..., Exchange]) -> None:
    """125x allows 50,000 USDT: not with 30,000 held and an order that makes it 60,000; without the order it does."""
    exchange = opened()
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.300"))
    rest(exchange, 1, "0.300", "99000")
    assert leverage_refused(exchange, 125) == -2027
    exchange.cancel("me", "BTCUSDT", exchange.open_orders("me")[0].order_id)
    assert exchange.set_leverage("me", "BTCUSDT", 125) == 125


def test_leverage_does_not_fall_under_what_the_margin_bears(opened: Callable[..., Exchange]) -> None:
    """100,000 USDT held on 10,000: 20x binds half of it, 9x would bind more than there is."""
    exchange = opened()
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="1.000"))
    assert leverage_refused(exchange, 9) == -2028
    assert exchange.set_leverage("me", "BTCUSDT", 11) == 11


def test_leverage_of_an_isolated_position_does_not_fall(opened: Callable[..., Exchange]) -> None:
    """Its margin was set apart at the old leverage; without a position the leverage may fall."""
    exchange = opened()
    exchange.set_isolated("me", "BTCUSDT", isolates=True)
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.100"))
    assert leverage_refused(exchange, 10) == -4161
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="MARKET", quantity="0.100"))
    assert exchange.set_leverage("me", "BTCUSDT", 10) == 10


def test_the_largest_position_counts_the_orders_that_are_open(opened: Callable[..., Exchange]) -> None:
    """At 125x two bids of 30,000 USDT are 60,000: the second is refused, an offer that the first covers is not."""
    exchange = opened()
    exchange.set_leverage("me", "BTCUSDT", 125)
    rest(exchange, 1, "0.300", "99000")
    more = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="LIMIT", quantity="0.300", price="98000"))
    assert isinstance(more, Refusal)
    assert more.code == -2027
    rest(exchange, -1, "0.300", "101000")
    assert [order.side for order in exchange.open_orders("me")] == [1, -1]


def test_only_what_is_held_or_waits_is_weighed(make_exchange: Callable[..., Exchange]) -> None:
    """Of two contracts the one without position and order is left out, and nothing is missing from the sums."""
    exchange = make_exchange()
    account, pits = exchange._accounts["paper"], exchange._pits
    assert dict(concerned(account, pits)) == {}
    exchange.place("paper", PlaceOrder(symbol="ETHUSDT", side=1, type="MARKET", quantity="0.100"))
    assert list(concerned(account, pits)) == ["ETHUSDT"]
    assert account_state(account, concerned(account, pits)).available == account_state(account, pits).available
