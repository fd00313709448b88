"""Bybit's rows as our values, from recorded answers and frames."""

import json
from decimal import Decimal

import pytest

from engine.instrument_life import forced
from engine.ledger import fee_of
from engine.order import Event
from engine.venue import bybit
from engine.venue.facts import bybit_instrument, fee_ppm
from shm.instruments import minor, minor_rounded
from tests import recordings
from tests.engine.venue.bybit_floor import rules

DATA = recordings.DATA / "account_events" / "nautilus" / "rs_bybit"
RECORDED = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded answers are not here")
BTC = bybit_instrument(rules("BTCUSDT", "0.10", "0.001"), 0, ("BTC/USDT:USDT", "bybit", "main"))
ETH = bybit_instrument(rules("ETHUSDT", "0.01", "0.01"), 1, ("ETH/USDT:USDT", "bybit", "main"))
FIND = {"BTCUSDT": BTC, "ETHUSDT": ETH}.get


def rows(name):
    """The rows of a recorded frame or answer."""
    found = json.loads((DATA / name).read_text())
    return found["data"] if "data" in found else found["result"]["list"]


@RECORDED
@pytest.mark.parametrize(
    ("name", "event", "is_conditional"),
    [
        ("ws_account_order_stop_market.json", Event.ACK, True),
        ("ws_account_order_filled.json", Event.FILL_ALL, False),
        ("ws_account_order.json", Event.CANCEL_CONFIRMED, False),
        ("http_get_orders_realtime.json", Event.ACK, False),
        ("http_get_orders_history.json", Event.CANCEL_CONFIRMED, False),
    ],
)
def test_orders_by_stream_and_by_question_are_read_alike(name, event, is_conditional):
    """One reader for both; a stop is the order it becomes."""
    seen = bybit.order_row(rows(name)[0], BTC)
    assert (seen.event, seen.is_conditional, seen.refusal) == (event, is_conditional, "")
    assert seen.child_order_id == (seen.venue_order_id if is_conditional else "")
    assert seen.lots > 0


@RECORDED
@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*order_*.json")) or ["none"])
def test_every_recorded_order_of_a_contract_can_be_read(name):
    """Stops, take-profits and touched ones: nothing that was recorded makes the stream hang up."""
    found = rows(name) if "response" not in name else []
    for row in found:
        seen = bybit.order_row(row, BTC)
        assert seen.side in (1, -1)
        assert seen.venue_order_id == row["orderId"]


@RECORDED
def test_a_rejection_after_a_part_was_traded_is_an_end_and_no_refusal():
    """What traded stands."""
    seen = bybit.order_row(rows("http_get_order_partially_filled_rejected.json")[0], BTC)
    assert (seen.event, seen.lots, seen.lots_filled) == (Event.EXPIRE, 10, 5)


@RECORDED
def test_an_execution_is_a_trade_with_a_number_of_its_time():
    """Price, quantity, fee to the last digit, our id; a deleveraging carries the name that the engine knows."""
    (row,) = rows("ws_account_execution.json")
    trade = bybit.trade_row(row, BTC)
    assert (trade.side, trade.lots, trade.price_ticks) == (-1, 500, 959_001)
    assert (trade.fee, trade.client_id, trade.is_maker) == (minor("26.3725275"), "test-order-link-001", False)
    assert trade.trade_id == bybit.trade_row(dict(row), BTC).trade_id
    (row,) = rows("ws_account_execution_adl.json")
    change = forced(BTC.symbol, bybit.trade_row(row, BTC).client_id)
    assert change is not None
    assert "auto-deleveraged" in change.words


@pytest.mark.parametrize(
    ("kind", "quantity", "trades"), [("Trade", "1", True), ("Funding", "1", False), ("Trade", "0", False)]
)
def test_only_what_changes_a_position_is_a_trade(kind, quantity, trades):
    """Funding is listed as an execution of the whole position."""
    assert bybit.is_trade({"execType": kind, "execQty": quantity}) is trades


@RECORDED
def test_positions_are_signed_and_empty_ones_are_flat():
    """Half a bitcoin long, five ether short."""
    found = list(bybit.position_rows(rows("http_get_positions.json"), FIND))
    assert [(one.symbol, one.lots) for one in found] == [("BTC/USDT:USDT", 500), ("ETH/USDT:USDT", -500)]
    assert found[0].entry_ticks == 500_000


@RECORDED
def test_cash_is_the_coins_own_balance():
    """Not the account's, which counts every coin in dollars; nothing where the coin is not listed."""
    coins = rows("http_get_wallet_balance.json")[0]["coin"]
    assert bybit.wallet_row(coins, "USDT").wallet == minor("1000.5")
    assert bybit.wallet_row(coins, "USDC").wallet == 0


@RECORDED
def test_modes_of_a_recorded_account():
    """Cross and one-way; coins without equity do not count as margin; a classic account is named."""
    account = json.loads((DATA / "http_get_account_info.json").read_text())["result"]
    coins = rows("http_get_wallet_balance.json")[0]["coin"]
    held = rows("http_get_positions.json")[:2]
    found = bybit.modes(account, held, coins, FIND)
    assert (found.is_hedged, found.is_multi_asset) == (False, False)
    assert found.margins == (("BTC/USDT:USDT", "cross", 10), ("ETH/USDT:USDT", "cross", 5))
    found = bybit.modes(account | {"unifiedMarginStatus": 1}, held, coins, FIND)
    assert "classic account" in found.margins[0][1]


@RECORDED
def test_permissions_of_recorded_keys():
    """Keys that only read may not trade; bound to three addresses; no day is named for bound ones."""
    row = json.loads((DATA / "http_get_user_query_api.json").read_text())["result"]
    may = bybit.permissions(row)
    assert (may.may_trade, may.may_withdraw, may.is_bound_to_address, may.days_left) == (False, False, True, None)
    assert bybit.permissions(row | {"readOnly": 0}).may_trade
    assert bybit.permissions(row | {"permissions": {"Wallet": ["Withdraw"]}}).may_withdraw


def test_amounts_finer_than_ours_are_rounded_as_our_own_fees_are():
    """A tick of 0.1 times a lot of 0.001 at 0.055 % is five and a half units: a half is seen every other time."""
    for ticks in range(500_000, 500_010):
        fee = Decimal(ticks) / 10 * Decimal("0.001") * Decimal("0.00055")
        assert minor_rounded(str(fee)) == fee_of(ticks * BTC.unit, fee_ppm("bybit", is_maker=False))


def test_the_exchanges_own_orders_carry_the_names_that_the_engine_knows():
    """A liquidation has no name of its own; without one it would be a stranger's."""
    row = {"orderStatus": "Filled", "orderId": "x", "cumExecQty": "1", "qty": "1", "side": "Sell", "orderLinkId": ""}
    for made in bybit.FORCED_ORDERS:
        assert forced(BTC.symbol, bybit.order_row(row | {"createType": made}, BTC).client_id) is not None
    assert bybit.order_row(row | {"createType": "CreateByUser"}, BTC).client_id == ""


@pytest.mark.parametrize(("size", "average", "cost"), [("0.003", "60000.123456", 18_000_037_037), ("0", "", 0)])
def test_a_position_has_cost_what_its_average_price_says_and_not_the_nearest_tick(size, average, cost):
    """Also where nothing is held and no price is written."""
    row = {"symbol": "BTCUSDT", "positionIdx": 0, "side": "Sell" if cost else "", "size": size, "avgPrice": average}
    (seen,) = bybit.position_rows([row], FIND)
    assert (abs(seen.lots), seen.cost) == (3 if cost else 0, cost)
