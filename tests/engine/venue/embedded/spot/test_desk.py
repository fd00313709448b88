"""Orders on arrival: what they take, what they lock, what stops them."""

from engine.venue.embedded.spot.orders import Execution, PlaceSpot

E8 = 10**8


def test_a_market_buy_walks_the_book_and_pays_its_fee_in_what_it_gets(opened, placed):
    """10 BTC a level: 0.1 at the best ask, 0.1 % of it is the fee."""
    spot = opened()
    order = placed(spot, 1, "MARKET", quantity="0.100")
    (fill,) = spot.fills("me", "BTCUSDT")
    assert (order.status, fill.price_ticks, fill.fee, fill.fee_asset) == ("FILLED", 1_000_001, 10_000, "BTC")
    assert spot.balances("me")["BTC"] == (10 * E8 + 9_990_000, 0)
    assert spot.balances("me")["USDT"] == (1_000_000 * E8 - 1_000_001 * 100 * E8 // 10_000, 0)


def test_a_market_sell_pays_its_fee_in_quote(opened, placed):
    """0.1 BTC at 100000.0 are 10000 USDT less 10."""
    spot = opened()
    placed(spot, -1, "MARKET", quantity="0.100")
    assert spot.balances("me")["USDT"] == (1_009_990 * E8, 0)


def test_quote_order_quantity_buys_as_many_lots_as_it_pays_for(opened, placed):
    """1000 USDT at 100000.1 are nine lots of 0.001 and some change."""
    order = placed(opened(), 1, "MARKET", quote_quantity="1000")
    assert (order.lots, order.lots_filled, order.status, order.quote_wanted) == (9, 9, "FILLED", 1000 * E8)


def test_a_resting_order_locks_what_it_may_cost_and_a_cancel_frees_it(opened, placed):
    """Buys lock quote, sells base."""
    spot = opened()
    buy = placed(spot, 1, "LIMIT", quantity="0.100", price="90000.0", time_in_force="GTC")
    sell = placed(spot, -1, "LIMIT_MAKER", quantity="1.000", price="110000.0")
    assert (spot.balances("me")["USDT"][1], spot.balances("me")["BTC"][1]) == (9_000 * E8, E8)
    assert [one.order_id for one in spot.open_orders("me")] == [buy.order_id, sell.order_id]
    for order in (buy, sell):
        assert spot.cancel("me", "BTCUSDT", order.order_id).status == "CANCELED"
    assert spot.balances("me") == {"BTC": (10 * E8, 0), "USDT": (1_000_000 * E8, 0)}


def test_refusals_of_the_matching_engine(opened, placed, refused):
    """-2010 says which: money, maker only, stop already beyond, the same client id twice."""
    spot = opened()
    limit = {"quantity": "0.100", "price": "90000.0", "time_in_force": "GTC"}
    assert refused(spot, 1, "LIMIT", **limit | {"quantity": "12.000"})[1].startswith("Account has insufficient")
    assert refused(spot, 1, "LIMIT_MAKER", quantity="0.1", price="100000.1")[1].endswith("match and take.")
    assert refused(spot, -1, "STOP_LOSS", quantity="0.1", stop_price="100000.0")[1].endswith("trigger immediately.")
    placed(spot, 1, "LIMIT", **limit, client_id="mine")
    assert refused(spot, 1, "LIMIT", **limit, client_id="mine") == (-2010, "Duplicate order sent.")


def test_fill_or_kill_and_immediate_or_cancel_expire(opened, placed):
    """IOC keeps what it got, FOK all or nothing; 10 BTC rest at the best bid."""
    spot = opened()
    spot.deposit("me", "BTC", 10 * E8)
    killed = placed(spot, -1, "LIMIT", quantity="10.001", price="100000.0", time_in_force="FOK")
    taken = placed(spot, -1, "LIMIT", quantity="10.001", price="100000.0", time_in_force="IOC")
    assert (killed.status, killed.lots_filled) == ("EXPIRED", 0)
    assert (taken.status, taken.lots_filled) == ("EXPIRED", 10_000)
    assert spot.balances("me")["BTC"][1] == 0


def test_self_trade_prevention_expires_whom_the_mode_says(opened, placed):
    """A buy that reaches our own sell: the maker goes, the taker goes, or both."""
    rest = {"quantity": "0.100", "price": "100000.5", "time_in_force": "GTC"}
    for mode, maker, taker in (
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "NEW", "NEW"),
    ):
        spot = opened()
        spot.deposit("me", "USDT", 20_000_000 * E8)
        mine = placed(spot, -1, "LIMIT", **rest)
        other = placed(spot, 1, "LIMIT", **rest | {"quantity": "60.000"}, self_trade=mode)
        done = other.status if other.lots_filled < other.lots and other.status != "PARTIALLY_FILLED" else "NEW"
        assert (spot.order("me", "BTCUSDT", mine.order_id).status, done) == (maker, taker), mode


def test_trying_an_order_changes_nothing(opened):
    """order/test checks and forgets."""
    spot = opened()
    request = PlaceSpot(symbol="BTCUSDT", side=1, type="MARKET", quantity="0.1")
    assert spot.objection("me", request) is None
    assert spot.drain() == []


def test_every_change_is_told_with_the_balances_after_it(opened, placed):
    """NEW, then TRADE, each followed by the account's position."""
    spot = opened()
    placed(spot, 1, "MARKET", quantity="0.100")
    events = spot.drain()
    assert [one.kind for one in events if isinstance(one, Execution)] == ["NEW", "TRADE"]
    assert events[-1].assets["BTC"] == (10 * E8 + 9_990_000, 0)
