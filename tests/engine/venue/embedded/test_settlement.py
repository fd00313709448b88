"""Funding and liquidation, as an account lives through them."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.venue.embedded.events import AccountUpdate, OrderUpdate
from engine.venue.embedded.exchange import Exchange, Settings
from engine.venue.embedded.funding import EIGHT_HOURS_NS
from engine.venue.embedded.orders import LIMIT, MARKET, Order, PlaceOrder, Refusal
from engine.venue.embedded.synthetic import SyntheticMarket

Opened = Callable[..., Exchange]
MONEY = 10_000 * 10**8
FALL = (1_000_000, 1_000_000, 930_000, 930_000)  # 100,000.0 to 93,000.0
CRASH = (1_000_000, 1_000_000, 850_000, 850_000)


def buy(exchange: Exchange, quantity: str, account: str = "me") -> None:
    """Buy at the market."""
    answer = exchange.place(account, PlaceOrder(symbol="BTCUSDT", side=1, type=MARKET, quantity=quantity))
    assert isinstance(answer, Order), answer


def test_a_cross_account_short_of_margin_is_closed(opened: Opened) -> None:
    """Orders cancelled, the position sold as autoclose-..., told as CALCULATED, and the wallet not below zero."""
    exchange = opened(FALL, FALL)
    buy(exchange, "1.5")  # 150,000 of notional on 10,000: a fall of 7 % loses 10,500
    resting = PlaceOrder(symbol="BTCUSDT", side=1, type=LIMIT, quantity="0.01", price="80000.0")
    assert isinstance(exchange.place("me", resting), Order)
    events = exchange.advance()
    told = [one for one in events if isinstance(one, OrderUpdate) and one.execution == "CALCULATED"]
    assert told
    assert all(one.order.client_id.startswith("autoclose-") for one in told)
    state = exchange.account("me")
    assert state.positions[0].lots == 0
    assert exchange.open_orders("me") == []
    assert state.wallet == 0
    assert state.insurance > 0
    assert state.wallet == MONEY + state.realised - state.fees + state.insurance
    assert [one.kind for one in exchange.payments("me")] == ["TRANSFER", "INSURANCE_CLEAR"]


def test_an_account_with_margin_is_left_alone(opened: Opened) -> None:
    """The same fall with a third of the position: 3,500 lost of 10,000, 250 of maintenance."""
    exchange = opened(FALL)
    buy(exchange, "0.5")
    exchange.advance()
    state = exchange.account("me")
    assert state.positions[0].lots == 500
    assert state.positions[0].maintenance == (46_500 * 40 // 10_000) * 10**8  # 0.4 % of 46,500
    assert state.insurance == 0


def test_an_isolated_position_loses_its_own_margin_and_no_more(opened: Opened) -> None:
    """At 20x a fall of 15 % takes 5 % of the notional; the rest of the wallet is untouched."""
    exchange = opened(CRASH)
    assert exchange.set_isolated("me", "BTCUSDT", True) is None
    buy(exchange, "0.5")
    before = exchange.account("me")
    assert before.positions[0].isolated == pytest.approx(2_500 * 10**8, rel=1e-4)
    free = before.wallet - before.positions[0].isolated
    exchange.advance()
    state = exchange.account("me")
    assert state.positions[0].lots == 0
    assert state.wallet == free
    assert state.insurance > 0


def test_isolated_margin_follows_the_position(opened: Opened) -> None:
    """Half of the position closed gives half of its margin back; the mode stays while anything is held or open."""
    exchange = opened()
    exchange.set_isolated("me", "BTCUSDT", True)
    buy(exchange, "0.4")
    whole = exchange.account("me").positions[0].isolated
    sell = PlaceOrder(symbol="BTCUSDT", side=-1, type=MARKET, quantity="0.2", reduce_only=True)
    exchange.place("me", sell)
    assert exchange.account("me").positions[0].isolated == whole // 2
    refused = exchange.set_isolated("me", "BTCUSDT", False)
    assert isinstance(refused, Refusal)
    assert refused.code == -4048
    exchange.place("me", sell)
    assert exchange.account("me").positions[0].isolated == 0
    assert exchange.set_isolated("me", "BTCUSDT", False) is None


@pytest.mark.parametrize("points", [1, 3])
def test_funding_is_paid_every_eight_hours(points: int) -> None:
    """What longs pay, shorts get; the wallet is the sum of its parts, and nobody without a position pays."""
    market = SyntheticMarket(3, EIGHT_HOURS_NS * 60_000 - 5 * 60 * 10**9)
    exchange = Exchange(market, Settings(pays_funding=True, mark_minutes=3, points_per_candle=points))
    for name in ("long", "short", "idle"):
        exchange.deposit(name, MONEY)
    for name, side in (("long", 1), ("short", -1)):
        exchange.place(name, PlaceOrder(symbol="BTCUSDT", side=side, type=MARKET, quantity="0.1"))
    events = [event for _ in range(490 * points) for event in exchange.advance()]
    told = [one for one in events if isinstance(one, AccountUpdate) and one.reason == "FUNDING_FEE"]
    assert sorted({one.at_ns for one in told}) == [EIGHT_HOURS_NS * 60_000, EIGHT_HOURS_NS * 60_001]
    assert len(told) == 4
    assert exchange.account("long").funding == -exchange.account("short").funding != 0
    assert exchange.account("idle").wallet == MONEY
    for name in ("long", "short"):
        state = exchange.account(name)
        assert state.wallet == MONEY + state.realised - state.fees + state.funding
        assert sum(one.amount for one in exchange.payments(name) if one.kind == "FUNDING_FEE") == state.funding
    assert exchange.funding_rates("BTCUSDT")[0].rate_e8 != 0


def test_a_smoothed_mark_lags_the_last_price(opened: Opened) -> None:
    """After a fall the mark lies between where the price was and where it is, and a spike does not liquidate."""
    exchange = Exchange(SyntheticMarket(3, 0), Settings(mark_minutes=30))
    marks, lasts = [], []
    for _ in range(200):
        exchange.advance()
        marks.append(exchange.mark_ticks("BTCUSDT"))
        lasts.append(exchange.last_ticks("BTCUSDT"))
    assert np.abs(np.diff(marks)).mean() < np.abs(np.diff(lasts)).mean() / 2
    assert abs(np.mean(marks) / np.mean(lasts) - 1) < 0.01
    assert opened().mark_ticks("BTCUSDT") == 1_000_000


def test_accounts_do_not_touch_one_another(opened: Opened) -> None:
    """One is liquidated; the other, in the same contract at the same time, keeps position, order and wallet."""
    exchange = opened(FALL)
    exchange.deposit("other", MONEY)
    buy(exchange, "1.5")
    buy(exchange, "0.1", "other")
    resting = PlaceOrder(symbol="BTCUSDT", side=1, type=LIMIT, quantity="0.01", price="80000.0", client_id="mine")
    exchange.place("other", resting)
    exchange.advance()
    assert exchange.account("me").positions[0].lots == 0
    assert exchange.account("other").positions[0].lots == 100
    assert [one.client_id for one in exchange.open_orders("other")] == ["mine"]
    assert isinstance(exchange.order("me", "BTCUSDT", client_id="mine"), Refusal)
