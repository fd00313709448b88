"""Frames as exchanges really sent them, read into integers."""

import json

import pytest

from engine.order import Event
from engine.venue import binance
from engine.venue.base import OrderSeen, PositionSeen, TradeSeen, WalletSeen
from shm.instruments import Instrument
from tests.recordings import DATA

FRAMES = DATA / "account_events/nautilus/rs_binance/futures/user_data_json"
RULES = {
    "BTCUSDT": Instrument(row=0, symbol="BTC", venue="b", account="main", tick_e8=10**6, lot_e8=10**5),
    "BNBUSDT": Instrument(row=1, symbol="BNB", venue="b", account="main", tick_e8=10**6, lot_e8=10**6),
}


def told(name):
    """What a recorded frame tells."""
    if not FRAMES.exists():
        pytest.skip(f"no recorded frames at {FRAMES.name}")
    return list(binance.news_of(json.loads((FRAMES / f"{name}.json").read_text()), RULES.get))


def test_a_recorded_trade_is_a_trade_and_then_a_state():
    """Money in minor units, price in ticks, the exchange's cumulative count."""
    trade, state = told("order_update_trade_partial")
    assert isinstance(trade, TradeSeen)
    assert (trade.trade_id, trade.lots, trade.price_ticks, trade.fee) == (12345678, 1, 710_050, 1_000_000)
    assert isinstance(state, OrderSeen)
    assert (state.event, state.lots, state.lots_filled) == (Event.FILL_SOME, 2, 1)


def test_a_recorded_order_without_a_trade_is_a_state_alone():
    """Trade id 0 is no trade."""
    (state,) = told("order_update_new")
    assert (state.event, state.stop_ticks) == (Event.ACK, 710_304)


@pytest.mark.parametrize(
    ("name", "event"), [("algo_update_new", Event.ACK), ("algo_update_canceled", Event.CANCEL_CONFIRMED)]
)
def test_a_recorded_algo_update_is_a_conditional_order(name, event):
    """The number that it rests under, no child while it has none."""
    (state,) = told(name)
    assert (state.event, state.venue_order_id, state.child_order_id) == (event, "2148719", "")
    assert (state.is_conditional, state.stop_ticks, state.lots) == (True, 75_000, 1)


def test_a_recorded_account_update_is_cash_and_one_way_positions():
    """Hedge-mode legs are not taken for the net position."""
    wallet, position = told("account_update")
    assert isinstance(wallet, WalletSeen)
    assert (wallet.wallet, wallet.reason, wallet.change) == (12_262_412_345_678, "ORDER", 5_012_345_678)
    assert position == PositionSeen(symbol="BTC", lots=0)


@pytest.mark.parametrize(
    ("status", "filled", "event"),
    [
        ("FINISHED", "0.01", Event.FILL_ALL),
        ("FINISHED", "0.00", Event.EXPIRE),
        ("TRIGGERED", "0", Event.ACK),
        ("REJECTED", "0", Event.EXPIRE),
        ("A NEW WORD", "0", Event.ACK),
    ],
)
def test_an_algo_order_is_over_when_what_it_became_is_over(status, filled, event):
    """FINISHED alone does not say filled; a word that we do not know ends nothing."""
    row = {
        "clientAlgoId": "c", "algoId": 1, "algoStatus": status, "side": "SELL", "quantity": "0.01",
        "actualQty": filled, "triggerPrice": "750", "reduceOnly": True, "actualOrderId": "9",
    }  # fmt: skip
    seen = binance.algo_row(row, RULES["BNBUSDT"])
    assert (seen.event, seen.child_order_id) == (event, "9")


def test_what_is_not_followed_is_not_told():
    """An order of another symbol, a lite trade and a margin call are no news of ours."""
    assert list(binance.news_of({"e": "ORDER_TRADE_UPDATE", "E": 1, "o": {"s": "XUSDT"}}, RULES.get)) == []
    assert list(binance.news_of({"e": "TRADE_LITE", "E": 1}, RULES.get)) == []


def test_a_position_has_cost_what_its_average_price_says_and_not_the_nearest_tick():
    """Three thousandths short at 60 000.123456 are 180.000370368 USDT; the price in ticks is for eyes."""
    row = {"symbol": "BTCUSDT", "positionAmt": "-0.003", "entryPrice": "60000.123456", "positionSide": "BOTH"}
    (seen,) = binance.position_rows([row], RULES.get)
    assert (seen.lots, seen.entry_ticks, seen.cost) == (-3, 6_000_012, 18_000_037_037)
