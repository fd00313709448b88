"""What happens to one order of a list because of another."""

import random

import pytest

from engine.venue.embedded.orders import Refusal
from engine.venue.embedded.spot.orders import Execution, ListUpdate, OrderList, PlaceSpot

E8 = 10**8
FALLS = (1_000_000, 1_000_000, 999_800, 999_800)
RISES = (1_000_000, 1_000_200, 1_000_000, 1_000_200)


def leg(side: int, kind: str, **given: object) -> PlaceSpot:
    """An order of a list, of 0.1 BTC."""
    timed = {"time_in_force": "GTC"} if kind.endswith("LIMIT") else {}
    return PlaceSpot(**({"symbol": "BTCUSDT", "side": side, "type": kind, "quantity": "0.1"} | timed | given))


def sell_oco() -> tuple[PlaceSpot, PlaceSpot]:
    """A limit ten dollars above the market and a stop ten below."""
    above = leg(-1, "LIMIT_MAKER", price="100010", client_id="above")
    return above, leg(-1, "STOP_LOSS_LIMIT", price="99980", stop_price="99990", client_id="below")


def status(spot) -> dict[str, str]:
    """Every order's status by its client id."""
    return {order.client_id: order.status for order in spot.all_orders("me", "BTCUSDT")}


def begun(spot, contingency: str, *legs: PlaceSpot) -> OrderList:
    """Place a list that must be accepted."""
    done = spot.place_list("me", contingency, "mine", *legs)
    assert not isinstance(done, Refusal), done
    return done[0]


@pytest.mark.parametrize(("candle", "filled"), [(RISES, "above"), (FALLS, "below")])
def test_of_an_oco_one_trades_and_the_other_expires(opened, candle, filled):
    """The base is locked once, and all of it is spent."""
    spot = opened(candle)
    one = begun(spot, "OCO", *sell_oco())
    assert spot.balances("me")["BTC"] == (10 * E8 - E8 // 10, E8 // 10)
    spot.market.advance()
    other = {"above": "below", "below": "above"}[filled]
    assert status(spot) == {filled: "FILLED", other: "EXPIRED"}
    assert spot.balances("me")["BTC"] == (10 * E8 - E8 // 10, 0)
    told = [event for event in spot.drain() if isinstance(event, ListUpdate)]
    assert [(event.kind, event.list.list_id) for event in told] == [
        ("EXEC_STARTED", one.list_id),
        ("ALL_DONE", one.list_id),
    ]


def test_a_buy_oco_locks_what_its_dearer_order_may_cost(opened):
    """The stop limit at 100100 for both; the rest is free again when the cheaper one has traded."""
    spot = opened(FALLS)
    above = leg(1, "STOP_LOSS_LIMIT", price="100100", stop_price="100050")
    begun(spot, "OCO", above, leg(1, "LIMIT_MAKER", price="99990"))
    assert spot.balances("me")["USDT"][1] == 10_010 * E8
    spot.market.advance()
    assert spot.balances("me")["USDT"] == (1_000_000 * E8 - 9_999 * E8, 0)


def test_cancelling_one_of_a_list_cancels_all(opened):
    """Also what waits."""
    spot = opened()
    begun(spot, "OCO", *sell_oco())
    spot.cancel("me", "BTCUSDT", 0, "below")
    assert set(status(spot).values()) == {"CANCELED"}
    begun(spot, "OTO", leg(1, "LIMIT", price="99000"), leg(-1, "MARKET", client_id="later"))
    spot.cancel("me", "BTCUSDT", 0, "later")
    assert set(status(spot).values()) == {"CANCELED"}
    assert spot.balances("me") == {"BTC": (10 * E8, 0), "USDT": (1_000_000 * E8, 0)}


def test_what_waits_goes_to_work_where_the_first_is_filled(opened):
    """A buy at 99995 fills a tick below; the market order behind it sells there, not at the candle's end."""
    spot = opened(FALLS)
    working = leg(1, "LIMIT", price="99995", client_id="first")
    begun(spot, "OTO", working, leg(-1, "MARKET", client_id="second"))
    assert status(spot) == {"first": "NEW", "second": "PENDING_NEW"}
    assert spot.balances("me")["BTC"][1] == 0, "what waits binds nothing"
    spot.market.advance()
    assert status(spot) == {"first": "FILLED", "second": "FILLED"}
    assert [fill.price_ticks for fill in spot.fills("me", "BTCUSDT")] == [999_950, 999_949]


def test_a_list_whose_first_order_takes_shows_the_others_as_they_were(opened):
    """FILLED and PENDING_NEW in the answer; afterwards the pair rests, locked once."""
    spot = opened()
    pair = leg(-1, "LIMIT_MAKER", price="101000"), leg(-1, "STOP_LOSS", stop_price="99000")
    done = spot.place_list("me", "OTO", "", leg(1, "LIMIT", price="100001"), *pair)
    assert [order.status for order in done[1]] == ["FILLED", "PENDING_NEW", "PENDING_NEW"]
    assert [order.status for order in spot.all_orders("me", "BTCUSDT")] == ["FILLED", "NEW", "NEW"]
    assert spot.balances("me")["BTC"][1] == E8 // 10


def test_what_cannot_work_when_its_turn_comes_expires(opened):
    """Too dear for the account; its partner goes with it."""
    spot = opened()
    pair = (
        leg(-1, "LIMIT_MAKER", price="101000", quantity="50"),
        leg(-1, "STOP_LOSS", stop_price="99000", quantity="50"),
    )
    begun(spot, "OTO", leg(1, "LIMIT", price="100001"), *pair)
    assert [order.status for order in spot.all_orders("me", "BTCUSDT")] == ["FILLED", "EXPIRED", "EXPIRED"]
    assert spot.lists("me")[0].is_done


def test_a_trailing_stop_sells_when_the_price_has_turned(opened, placed):
    """Up to 100020, then down: 0.1 % under the best is 99919.98, the tick below it."""
    spot = opened(RISES, (1_000_200, 1_000_200, 998_000, 998_000))
    placed(spot, -1, "STOP_LOSS", quantity="0.1", trailing=10)
    spot.market.advance()
    assert not spot.fills("me", "BTCUSDT")
    spot.market.advance()
    assert spot.fills("me", "BTCUSDT")[0].price_ticks == 999_199


def test_a_smaller_order_keeps_its_place_and_frees_the_rest(opened, placed):
    """Of an OCO both shrink; REPLACED is told, and the order's new name."""
    spot = opened()
    order = placed(spot, 1, "LIMIT", quantity="0.1", price="90000", time_in_force="GTC")
    done = spot.amend("me", order.order_id, "BTCUSDT", "0.04", "smaller")
    assert (done.lots, done.client_id, spot.balances("me")["USDT"][1]) == (40, "smaller", 3_600 * E8)
    told = [event for event in spot.drain() if isinstance(event, Execution)][-1]
    assert (told.kind, told.cancel_id) == ("REPLACED", order.client_id)
    assert isinstance(spot.amend("me", order.order_id, "BTCUSDT", "0.04", ""), Refusal)
    one = begun(spot, "OCO", *sell_oco())
    spot.amend("me", one.order_ids[0], "BTCUSDT", "0.05", "above")
    assert [each.lots for each in spot.orders_of("me", one)] == [50, 50]
    assert spot.balances("me")["BTC"][1] == E8 // 20


@pytest.mark.parametrize(
    ("legs", "code"),
    [
        (("LIMIT_MAKER", "LIMIT_MAKER"), -1168),
        (("STOP_LOSS", "LIMIT_MAKER"), -1197),
        (("STOP_LOSS", "STOP_LOSS"), -1158),
        (("LIMIT_MAKER", "TAKE_PROFIT"), -1199),
        (("LIMIT", "STOP_LOSS"), -1158),
    ],
)
def test_a_pair_that_does_not_fit_is_refused(opened, legs, code):
    """Each with its own code."""
    spot = opened()
    given = {"LIMIT": {"price": "100010"}, "LIMIT_MAKER": {"price": "100010"}}
    above, below = (
        leg(-1, kind, **given.get(kind, {"stop_price": price}))
        for kind, price in zip(legs, ("100010" if legs[0] != "STOP_LOSS" else "99990", "99990"), strict=True)
    )
    if legs[1] == "TAKE_PROFIT":
        below = leg(-1, "TAKE_PROFIT", stop_price="100020")
    refusal = spot.place_list("me", "OCO", "", above, below)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert spot.lists("me") == []


def test_prices_on_the_wrong_side_are_refused(opened):
    """A stop above the market on the side of the falls."""
    refusal = opened().place_list("me", "OCO", "", leg(-1, "LIMIT_MAKER", price="99990"), sell_oco()[1])
    assert (refusal.code, refusal.message) == (
        -2010,
        "The relationship of the prices for the orders is not correct.",
    )


def test_any_lists_on_any_path_keep_the_balances(opened):
    """Two hundred seeded lists, cancels and amendments: what is locked is what open orders bind, and all ends done."""
    chance = random.Random(11)
    candles, at = [], 1_000_000
    for _ in range(200):
        path = [at + chance.randrange(-300, 301) for _ in range(3)]
        candles.append((at, max(at, *path), min(at, *path), path[-1]))
        at = path[-1]
    spot = opened(*candles)
    for _ in range(200):
        last, side = spot.market.last_ticks("BTCUSDT"), chance.choice((1, -1))
        far, near = ((last + side * chance.randrange(5, 200)) / 10, (last - side * chance.randrange(5, 200)) / 10)
        stop = leg(side, "STOP_LOSS", stop_price=f"{far:.1f}", trailing=chance.choice((0, 0, 15)))
        limit = leg(side, "LIMIT_MAKER", price=f"{near:.1f}")
        pair = (stop, limit) if side > 0 else (limit, stop)
        first = leg(-side, "LIMIT", price=f"{(last + side * chance.randrange(-10, 60)) / 10:.1f}")
        spot.place_list("me", *chance.choice((("OCO", "", *pair), ("OTO", "", first, *pair), ("OTO", "", first, stop))))
        spot.market.advance()
        open_orders = spot.open_orders("me")
        if open_orders and chance.random() < 0.3:
            spot.cancel("me", "BTCUSDT", chance.choice(open_orders).order_id)
        elif open_orders and chance.random() < 0.3:
            spot.amend("me", chance.choice(open_orders).order_id, "BTCUSDT", "0.05", "")
    for order in spot.open_orders("me"):
        spot.cancel("me", "BTCUSDT", order.order_id)
    assert len(spot.lists("me")) > 30
    assert all(one.is_done for one in spot.lists("me"))
    assert all(locked == 0 for _, locked in spot.balances("me").values())
    kinds = {order.status for order in spot.all_orders("me", "BTCUSDT")}
    assert kinds == {"FILLED", "CANCELED", "EXPIRED"}
