"""Hedge mode: LONG and SHORT of one contract, held, margined and liquidated each by itself."""

from collections.abc import Callable

import pytest

from engine.venue.embedded.events import AccountUpdate, AlgoUpdate, OrderUpdate, PositionState
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.orders import AlgoOrder, Order, PlaceOrder, Refusal
from engine.venue.embedded.parameters import Parameters
from engine.venue.embedded.trading import Trading
from tests.engine.venue.embedded.conftest import FLAT, Played

Opened = Callable[..., Exchange]


@pytest.fixture
def hedged(opened: Opened) -> Opened:
    """Open an exchange whose account is hedged."""

    def build(*candles: tuple[int, int, int, int] | None) -> Exchange:
        exchange = opened(*candles)
        assert exchange.set_hedged("me", True) is None
        return exchange

    return build


def trade(exchange: Exchange, side: int, leg: str, quantity: str = "0.100", **terms: object) -> Order | AlgoOrder:
    """Place an order; it must be taken."""
    given = {"type": "MARKET", "quantity": quantity} | terms
    answer = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=side, leg=leg, **given))  # type: ignore[arg-type]
    assert not isinstance(answer, Refusal), answer
    return answer


def held(exchange: Exchange) -> dict[str, int]:
    """Lots by leg."""
    return {row.leg: row.lots for row in exchange.account("me").positions}


def state(exchange: Exchange, leg: str) -> PositionState:
    """One leg."""
    return next(row for row in exchange.account("me").positions if row.leg == leg)


def test_long_and_short_are_held_at_once(hedged: Opened) -> None:
    """A buy LONG and a sell SHORT do not touch one another; each closes by itself and realises its own profit."""
    exchange = hedged((1_000_000, 1_001_000, 1_000_000, 1_001_000))
    trade(exchange, 1, "LONG")
    trade(exchange, -1, "SHORT", "0.050")
    assert held(exchange) == {"BOTH": 0, "LONG": 100, "SHORT": -50}
    exchange.advance()
    trade(exchange, -1, "LONG")
    assert held(exchange) == {"BOTH": 0, "LONG": 0, "SHORT": -50}
    fill = exchange.user_trades("me", "BTCUSDT")[-1]
    assert (fill.leg, fill.realised) == ("LONG", 100 * (1_001_000 - 1_000_001) * 10_000)


def test_a_close_is_cut_to_its_leg_and_never_turns_it(hedged: Opened) -> None:
    """Selling 0.3 LONG of 0.1 sells 0.1; with nothing held it is refused with -2022."""
    exchange = hedged()
    trade(exchange, 1, "LONG")
    order = trade(exchange, -1, "LONG", "0.300")
    assert (order.lots, order.reduce_only, order.status) == (100, True, "FILLED")
    refused = exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="MARKET", quantity="0.1", leg="LONG"))
    assert isinstance(refused, Refusal)
    assert refused.code == -2022


@pytest.mark.parametrize(("is_hedged", "leg"), [(True, "BOTH"), (False, "LONG"), (False, "SHORT")])
def test_an_order_names_the_accounts_kind_of_position(opened: Opened, is_hedged: bool, leg: str) -> None:
    """-4061, for ordinary and for conditional orders."""
    exchange = opened()
    if is_hedged:
        exchange.set_hedged("me", True)
    for terms in ({"type": "MARKET"}, {"type": "STOP_MARKET", "trigger_price": "110000"}):
        request = PlaceOrder(symbol="BTCUSDT", side=1, quantity="0.1", leg=leg, **terms)
        answer = exchange.place("me", request)
        assert isinstance(answer, Refusal)
        assert answer.code == -4061


def test_reduce_only_is_not_for_the_hedged(hedged: Opened) -> None:
    """The leg says it already: -1106."""
    request = PlaceOrder(symbol="BTCUSDT", side=-1, type="MARKET", quantity="0.1", leg="LONG", reduce_only=True)
    answer = hedged().place("me", request)
    assert isinstance(answer, Refusal)
    assert answer.code == -1106


def test_the_mode_changes_only_on_an_empty_account(opened: Opened) -> None:
    """-4059 for no change, -4067 with an order open, -4068 with a position held; flat again, it changes."""
    exchange = opened()

    def code(hedges: bool) -> int:
        refusal = exchange.set_hedged("me", hedges)
        return refusal.code if refusal else 0

    assert code(False) == -4059
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="LIMIT", quantity="0.1", price="99000"))
    assert code(True) == -4067
    exchange.cancel_all("me", "BTCUSDT")
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.1"))
    assert code(True) == -4068
    exchange.place("me", PlaceOrder(symbol="BTCUSDT", side=-1, type="MARKET", quantity="0.1"))
    assert code(True) == 0
    assert code(True) == -4059
    assert code(False) == 0


def test_stops_of_both_legs_close_each_its_own(hedged: Opened) -> None:
    """On a fall the long's stop and the short's take-profit trigger; closePosition closes the whole of its leg."""
    exchange = hedged((1_000_000, 1_000_000, 989_000, 989_000))
    trade(exchange, 1, "LONG", "0.080")
    trade(exchange, -1, "SHORT", "0.060")
    stop = {"type": "STOP_MARKET", "trigger_price": "99500", "close_position": True, "quantity": None}
    take = {"type": "TAKE_PROFIT_MARKET", "trigger_price": "99000"}
    trade(exchange, -1, "LONG", **stop)
    trade(exchange, 1, "SHORT", "0.040", **take)
    exchange.drain()
    events = exchange.advance()
    assert held(exchange) == {"BOTH": 0, "LONG": 0, "SHORT": -20}
    legs = [event.order.leg for event in events if isinstance(event, OrderUpdate | AlgoUpdate)]
    assert {*legs} == {"LONG", "SHORT"}
    told = [event.position for event in events if isinstance(event, AccountUpdate) and event.position]
    assert [(row.leg, row.lots) for row in told] == [("LONG", 0), ("SHORT", -20)]


def test_margin_counts_both_legs(hedged: Opened) -> None:
    """Long 0.1 and short 0.1 bind twice a tenth; an order to open binds more, one that closes a leg nothing."""
    exchange = hedged()
    trade(exchange, 1, "LONG")
    trade(exchange, -1, "SHORT")
    tenth = 100 * 1_000_000 * 10_000 // 20
    assert exchange.account("me").position_margin == 2 * tenth
    trade(exchange, -1, "LONG", type="LIMIT", price="101000")
    assert exchange.account("me").order_margin == 0
    trade(exchange, -1, "SHORT", type="LIMIT", price="101000")
    assert exchange.account("me").order_margin == tenth


def test_a_hedged_account_is_liquidated_leg_by_leg() -> None:
    """Isolated, the long dies of the fall by its own margin and the short lives on."""
    exchange = Exchange(Played([FLAT, (1_000_000, 1_000_000, 900_000, 900_000), FLAT]), Settings())
    exchange.deposit("me", 10_000 * 10**8)
    assert exchange.set_hedged("me", True) is None
    assert exchange.set_isolated("me", "BTCUSDT", True) is None
    trade(exchange, 1, "LONG")
    trade(exchange, -1, "SHORT")
    assert state(exchange, "LONG").isolated == 100 * 1_000_001 * 10_000 // 20
    assert state(exchange, "SHORT").isolated == 100 * 1_000_000 * 10_000 // 20
    events = exchange.advance()
    assert held(exchange) == {"BOTH": 0, "LONG": 0, "SHORT": -100}
    closing = [event.order for event in events if isinstance(event, OrderUpdate) and event.execution == "CALCULATED"]
    assert {(order.leg, order.client_id.startswith("autoclose-")) for order in closing} == {("LONG", True)}


def test_a_cross_liquidation_closes_every_leg() -> None:
    """Both legs of a ruined account end, under two names, and nobody owes anything."""
    fall = (1_000_000, 1_000_000, 880_000, 880_000)
    exchange = Exchange(Played([FLAT, fall, FLAT]), Settings(depth_ppm=100_000))
    exchange.deposit("me", 10_000 * 10**8)
    exchange.set_hedged("me", True)
    trade(exchange, 1, "LONG", "1.000")
    trade(exchange, -1, "SHORT", "0.050")
    exchange.advance()
    assert held(exchange) == {"BOTH": 0, "LONG": 0, "SHORT": 0}
    names = {order.client_id for order in exchange.all_orders("me", "BTCUSDT") if "autoclose" in order.client_id}
    assert len(names) == 2
    assert exchange.account("me").wallet >= 0


def test_the_wire_shows_the_legs(hedged: Opened) -> None:
    """REST lists BOTH, LONG and SHORT; the newer versions only what is held; dual says so."""
    exchange = hedged()
    trading = Trading(exchange)

    def ask(name: str, **given: str) -> object:
        return getattr(trading, name)("me", Parameters(given, exchange))

    placed = ask("place", symbol="BTCUSDT", side="SELL", positionSide="SHORT", type="MARKET", quantity="0.1")
    assert isinstance(placed, dict)
    assert (placed["positionSide"], placed["status"]) == ("SHORT", "FILLED")
    rows = ask("positions", symbol="BTCUSDT")
    assert isinstance(rows, list)
    assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [
        ("BOTH", "0.000"),
        ("LONG", "0.000"),
        ("SHORT", "-0.100"),
    ]
    (only,) = ask("positions_held")  # type: ignore[misc]
    assert only["positionSide"] == "SHORT"
    assert ask("position_side") == {"dualSidePosition": True}
    assert ask("configuration")["dualSidePosition"] is True  # type: ignore[index]
    (traded,) = ask("user_trades", symbol="BTCUSDT")  # type: ignore[misc]
    assert traded["positionSide"] == "SHORT"
