"""The market's path through resting orders and stops."""

E8 = 10**8


def test_a_resting_order_fills_at_its_own_price_when_traded_through(opened, placed):
    """A buy at 99999.0 and a path down to 99990.0: whole, as maker."""
    spot = opened((1_000_000, 1_000_000, 999_900, 999_900))
    order = placed(spot, 1, "LIMIT", quantity="0.100", price="99999.0", time_in_force="GTC")
    spot.market.advance()
    (fill,) = spot.fills("me", "BTCUSDT")
    assert (fill.price_ticks, fill.lots, fill.maker) == (999_990, 100, True)
    assert spot.order("me", "BTCUSDT", order.order_id).status == "FILLED"
    assert spot.balances("me")["USDT"][1] == 0


def test_a_stop_loss_works_as_a_market_order_where_it_triggers(opened, placed):
    """A sell stop at 99995.0 sells at 99995.0 on a continuous path."""
    spot = opened((1_000_000, 1_000_000, 999_900, 999_900))
    order = placed(spot, -1, "STOP_LOSS", quantity="0.100", stop_price="99995.0")
    assert not order.is_working
    spot.market.advance()
    assert [fill.price_ticks for fill in spot.fills("me", "BTCUSDT")] == [999_950]
    assert spot.order("me", "BTCUSDT", order.order_id).is_working


def test_a_stop_limit_rests_where_it_cannot_take(opened, placed):
    """Triggered at 99995.0 with a limit of 99997.0 above the book, it waits for the price to come back."""
    spot = opened((1_000_000, 1_000_000, 999_900, 999_900), (999_900, 1_000_000, 999_900, 1_000_000))
    order = placed(
        spot, -1, "STOP_LOSS_LIMIT", quantity="0.1", price="99997.0", stop_price="99995.0", time_in_force="GTC"
    )
    spot.market.advance()
    now = spot.order("me", "BTCUSDT", order.order_id)
    assert (now.status, now.is_working, spot.balances("me")["BTC"][1]) == ("NEW", True, E8 // 10)
    spot.market.advance()
    assert spot.fills("me", "BTCUSDT")[0].price_ticks == 999_970


def test_a_take_profit_buys_below(opened, placed):
    """A buy take-profit triggers when the price falls to it, and frees what it did not need."""
    spot = opened((1_000_000, 1_000_000, 999_900, 999_900))
    placed(spot, 1, "TAKE_PROFIT", quantity="0.100", stop_price="99995.0")
    spot.market.advance()
    assert spot.fills("me", "BTCUSDT")[0].price_ticks == 999_951
    assert spot.balances("me")["USDT"][1] == 0


def test_a_jump_fills_at_where_it_lands(opened, placed):
    """A gap over a buy stop slips to the open, and the free balance pays the rest."""
    spot = opened((1_000_500, 1_000_500, 1_000_500, 1_000_500))
    placed(spot, 1, "STOP_LOSS", quantity="0.100", stop_price="100010.0")
    spot.market.advance()
    assert spot.fills("me", "BTCUSDT")[0].price_ticks == 1_000_501


def test_a_stop_that_slipped_beyond_the_balance_expires(opened, placed):
    """Nobody owes a spot asset: the order ends instead."""
    spot = opened((1_100_000, 1_100_000, 1_100_000, 1_100_000))
    order = placed(spot, 1, "STOP_LOSS", quantity="9.990", stop_price="100010.0")
    spot.market.advance()
    assert spot.order("me", "BTCUSDT", order.order_id).status == "EXPIRED"
    assert spot.balances("me")["USDT"] == (1_000_000 * E8, 0)
