"""Kraken's messages as values: shapes as the exchange documents them and as ccxt has recorded them."""

import pytest

from engine.order import Event, OrderType
from engine.venue import kraken
from engine.venue.base import OrderSeen
from engine.venue.facts import FACTS, kraken_instrument
from shm.instruments import minor
from shm.numbering import time_ms
from tests.engine.venue.kraken_floor import rules
from tests.engine.venue.kraken_hall import BTC, approved

AT = 1_795_000_000_000
RULE = kraken_instrument(rules("PF_XBTUSD", 0.5, 4), 0, (BTC, "krakenfutures", "main"))
NAME = "a111f276-95fd-47fc-b77b-709c5ab2e9e1"
BODY = {"instrument": "PF_XBTUSD", "time": AT, "last_update_time": AT, "qty": 0.0004, "filled": 0.0006}
BODY |= {"limit_price": 40000.0, "stop_price": 0.0, "type": "limit", "order_id": NAME, "direction": 1}
BODY |= {"reduce_only": True, "cli_ord_id": "ours"}
PLACED = {"uid": NAME, "tradeable": "PF_XBTUSD", "direction": "Buy", "quantity": "0", "filled": "0.0010"}
PLACED |= {"timestamp": str(AT), "limitPrice": "69.2200000000", "orderType": "IoC", "clientId": "ours"}
PLACED |= {"reduceOnly": False, "lastUpdateTimestamp": str(AT)}
STATUS = {
    "type": "ORDER",
    "orderId": NAME,
    "cliOrdId": "ours",
    "symbol": "PF_XBTUSD",
    "side": "buy",
    "quantity": 0.0006,
}
STATUS |= {"filled": 0.0004, "limitPrice": 40000, "reduceOnly": False, "timestamp": "2026-02-13T12:09:03.738Z"}
ENTRY = {
    "id": 16,
    "date": "2026-09-17T12:00:00.000Z",
    "asset": "usd",
    "contract": "pf_xbtusd",
    "margin_account": "flex",
}
ENTRY |= {"info": "futures trade", "execution": "e", "fee": 0.5, "realized_pnl": 2.0, "realized_funding": None}
ENTRY |= {"old_balance": 100.0, "new_balance": 101.5}


def find(name):
    """The one contract that we follow."""
    return RULE if name.upper() == "PF_XBTUSD" else None


def known(**more):
    """What was known of the order."""
    plain = {"symbol": BTC, "client_id": "ours", "venue_order_id": NAME, "child_order_id": "", "is_conditional": False}
    plain |= {"event": Event.ACK, "side": 1, "lots": 10, "lots_filled": 0, "price_ticks": 80_000, "stop_ticks": 0}
    return OrderSeen(**plain | {"reduce_only": False, "market_ns": 0} | more)


def test_quantities_of_an_order_are_what_is_left_of_it():
    """Four are left, six have traded: it was ten; sold, and only reducing."""
    seen = kraken.order_told({"order": BODY, "is_cancel": False, "reason": "partial_fill"}, RULE, None)
    assert (seen.lots, seen.lots_filled, seen.event, seen.side) == (10, 6, Event.FILL_SOME, -1)
    assert (seen.client_id, seen.price_ticks, seen.reduce_only, seen.is_conditional) == ("ours", 80_000, True, False)


@pytest.mark.parametrize(
    ("reason", "filled", "event", "refusal"),
    [
        ("full_fill", 0, Event.FILL_ALL, ""),
        ("cancelled_by_user", 4, Event.CANCEL_CONFIRMED, ""),
        ("dead_man_switch", 0, Event.CANCEL_CONFIRMED, ""),
        ("a reason of tomorrow", 0, Event.CANCEL_CONFIRMED, ""),
        ("stop_order_triggered", 0, Event.ACK, ""),
        ("ioc_order_failed_because_it_would_not_be_executed", 4, Event.EXPIRE, ""),
        ("post_order_failed_because_it_would_filled", 0, Event.REJECT, "WouldTake"),
        ("post_order_failed_because_it_would_be_filled", 0, Event.REJECT, "WouldTake"),
    ],
)
def test_an_end_that_names_the_order_alone_is_told_by_what_was_known(reason, filled, event, refusal):
    """Why it left the book says which end it was; a trigger is none."""
    frame = {"feed": "open_orders", "order_id": NAME, "is_cancel": True, "reason": reason}
    seen = kraken.order_told(frame, RULE, known(lots_filled=filled))
    assert (seen.event, seen.refusal, seen.lots) == (event, refusal, 10)
    assert seen.lots_filled == (10 if event is Event.FILL_ALL else filled)
    assert kraken.order_told(frame, RULE, None) is None


@pytest.mark.parametrize(("filled", "event"), [(0, Event.ACK), (4, Event.FILL_SOME), (10, Event.FILL_ALL)])
def test_an_order_that_only_reduced_may_be_full_with_less_than_was_asked_for(filled, event):
    """The exchange may clip it to what was held: more lots than traded would be waited for for ever."""
    frame = {"feed": "open_orders", "order_id": NAME, "is_cancel": True, "reason": "full_fill"}
    seen = kraken.order_told(frame, RULE, known(lots_filled=filled, reduce_only=True))
    assert (seen.event, seen.lots_filled, seen.lots) == (event, filled, 10)


def test_an_answer_says_what_traded_at_once():
    """Nothing, a part, or all of it; an answer about another order is none."""
    intent = approved(1, OrderType.MARKET).intent
    answer = {"order_id": NAME, "status": "placed", "cliOrdId": intent.client_id, "orderEvents": []}
    for amounts, event in (((), Event.ACK), ((0.0004,), Event.FILL_SOME), ((0.0004, 0.0006), Event.FILL_ALL)):
        happened = [{"type": "EXECUTION", "amount": amount, "price": 1.0} for amount in amounts]
        seen = kraken.placed(answer | {"orderEvents": [{"type": "PLACE"}, *happened]}, intent, RULE)
        assert (seen.event, seen.lots_filled) == (event, round(sum(amounts) * 10_000))
    with pytest.raises(ValueError, match="another"):
        kraken.placed(answer | {"cliOrdId": "another"}, intent, RULE)


@pytest.mark.parametrize(
    ("change", "status", "reason", "event"),
    [
        ({}, "ENTERED_BOOK", None, Event.FILL_SOME),
        ({"filled": 0}, "ENTERED_BOOK", None, Event.ACK),
        ({"quantity": 0, "filled": 0.001}, "FULLY_EXECUTED", "FULL_FILL", Event.FILL_ALL),
        ({}, "CANCELLED", "PARTIAL_FILL", Event.CANCEL_CONFIRMED),
        ({}, "CANCELLED", "CANCELLED_BY_USER", Event.CANCEL_CONFIRMED),
        ({"type": "TRIGGER_ORDER", "filled": 0}, "CANCELLED", "STOP_ORDER_TRIGGERED", Event.ACK),
        ({"type": "TRIGGER_ORDER", "filled": 0}, "TRIGGER_PLACED", None, Event.ACK),
        ({"type": "TRIGGER_ORDER"}, "TRIGGER_ACTIVATION_FAILURE", None, Event.EXPIRE),
        ({"filled": 0}, "REJECTED", None, Event.REJECT),
        ({}, "REJECTED", None, Event.EXPIRE),
        ({"filled": 0}, "a word of tomorrow", None, Event.ACK),
        ({"filled": 0, "quantity": 0}, "ENTERED_BOOK", None, Event.ACK),
    ],
)
def test_a_status_says_what_became_of_an_order(change, status, reason, event):
    """What traded stands, a stop that triggered has not ended, a word that nobody knows says that it is there."""
    seen = kraken.status_row({"order": STATUS | change, "status": status, "updateReason": reason, "error": None}, RULE)
    assert seen.event is event
    assert seen.is_conditional is (change.get("type") == "TRIGGER_ORDER")
    assert (seen.client_id, seen.venue_order_id) == ("ours", NAME)


@pytest.mark.parametrize(
    ("kind", "change", "event"),
    [
        ("OrderPlaced", {}, Event.FILL_ALL),  # as recorded: it took at once, nothing is left
        ("OrderPlaced", {"quantity": "0.0004", "filled": "0.0006"}, Event.EXPIRE),  # what may only take does not stay
        ("OrderPlaced", {"quantity": "0.0010", "filled": "0", "orderType": "Limit"}, Event.ACK),
        ("OrderUpdated", {"quantity": "0.0004", "filled": "0.0006", "orderType": "Post"}, Event.FILL_SOME),
        ("OrderUpdated", {"orderType": "Post"}, Event.FILL_ALL),
        ("OrderCancelled", {"quantity": "0.0010", "filled": "0"}, Event.CANCEL_CONFIRMED),
        ("OrderRejected", {"quantity": "0.0010", "filled": "0"}, Event.REJECT),
        ("OrderRejected", {"quantity": "0.0004", "filled": "0.0006"}, Event.EXPIRE),
        ("OrderTriggerPlaced", {"quantity": "0.0010", "filled": "0"}, Event.ACK),
        ("OrderTriggerActivated", {"quantity": "0.0010", "filled": "0"}, Event.ACK),
        ("OrderTriggerCancelled", {"quantity": "0.0010", "filled": "0"}, Event.CANCEL_CONFIRMED),
    ],
)
def test_a_history_says_what_became_of_an_order(kind, change, event):
    """By its last event; a trigger's is its own."""
    inner = "newOrder" if kind == "OrderUpdated" else "order"
    element = {"uid": "u", "timestamp": str(AT), "event": {kind: {inner: PLACED | change, "reason": "new_user_order"}}}
    seen = kraken.history_order(element, find)
    assert (seen.event, seen.lots, seen.client_id) == (event, 10, "ours")
    assert seen.is_conditional is kind.startswith("OrderTrigger")
    element["event"][kind][inner] = PLACED | {"tradeable": "PF_DOGEUSD"}
    assert kraken.history_order(element, find) is None
    assert kraken.history_order(element | {"event": {"OrderEditRejected": {}}}, find) is None


def test_a_stop_that_is_open_may_not_say_how_much():
    """Then what was known of it says so, else nobody does."""
    row = {"order_id": NAME, "symbol": "PF_XBTUSD", "side": "sell", "orderType": "stp", "stopPrice": 40000.5}
    row |= {"receivedTime": "2023-04-07T15:14:25.995Z", "status": "untouched", "filledSize": 0.0, "reduceOnly": True}
    row |= {"lastUpdateTime": "2023-04-07T15:14:25.995Z", "triggerSignal": "last", "cliOrdId": "ours"}
    assert kraken.open_row(row, RULE, known(lots=7)).lots == 7
    seen = kraken.open_row(row, RULE)
    assert (seen.lots, seen.is_conditional, seen.stop_ticks, seen.client_id) == (0, True, 80_001, "ours")


def test_a_fill_is_the_same_trade_by_stream_and_by_list():
    """Number, side, lots, price and owner; the list does not say what it cost."""
    told = {"instrument": "PF_XBTUSD", "time": AT + 7, "price": 3162.0, "seq": 1, "buy": True, "qty": 0.001}
    told |= {"order_id": NAME, "cli_ord_id": "ours", "fill_id": "f", "fill_type": "taker", "fee_paid": 0.001581}
    row = {"fillTime": "2026-11-18T11:06:40.007Z", "order_id": NAME, "cliOrdId": "ours", "symbol": "pf_xbtusd"}
    row |= {"fill_id": "f", "side": "buy", "size": 0.001, "price": 3162, "fillType": "taker"}
    heard = kraken.trade_told(told | {"fee_currency": "USD"}, RULE)
    assert (heard.fee, heard.lots, time_ms(heard.trade_id)) == (minor("0.001581"), 10, AT + 7)
    assert kraken.trade_row(row, RULE, heard.fee) == heard


@pytest.mark.parametrize("kind", ["liquidation", "partialLiquidation", "assignor", "unwindBankrupt"])
def test_what_the_exchange_does_itself_is_named(kind):
    """Unless the order has a name; a position that was taken over from another is a stranger's trade."""
    row = {"fillTime": "2026-11-18T11:06:40.007Z", "order_id": NAME, "fill_id": "f", "side": "sell", "size": 0.001}
    row |= {"price": 3162, "symbol": "PF_XBTUSD"}
    assert kraken.trade_row(row | {"fillType": kind}, RULE, 0).client_id == "autoclose-"
    assert kraken.trade_row(row | {"fillType": kind, "cliOrdId": "ours"}, RULE, 0).client_id == "ours"
    assert kraken.trade_row(row | {"fillType": "unwindCounterparty"}, RULE, 0).client_id == "adl_autoclose"
    assert kraken.trade_row(row | {"fillType": "assignee"}, RULE, 0).client_id == ""


def test_an_entry_of_a_trade_parts_funding_from_profit():
    """The cash moved by 1.5: a quarter of it is funding; the numbers are the balances', whatever rounds them."""
    (one,) = kraken.payments(ENTRY, find)
    assert (one.kind, one.amount, one.symbol, one.reference) == ("REALIZED_PNL", minor("1.5"), BTC, "income 16")
    funding, trade = kraken.payments(ENTRY | {"realized_funding": 0.25}, find)
    assert (funding.kind, funding.amount, funding.reference) == ("FUNDING_FEE", minor("0.25"), "income 16 funding")
    assert (trade.kind, trade.amount) == ("REALIZED_PNL", minor("1.25"))
    (paid,) = kraken.payments(ENTRY | {"info": "funding rate change", "realized_funding": 1.5}, find)
    assert (paid.kind, paid.amount, paid.trade_id) == ("FUNDING_FEE", minor("1.5"), 0)
    (other,) = kraken.payments(ENTRY | {"contract": "pf_dogeusd"}, find)
    assert other.symbol == "PF_DOGEUSD"
    (converted,) = kraken.payments(ENTRY | {"info": "conversion", "contract": None}, find)
    assert (converted.kind, converted.symbol) == ("CONVERSION", "")


@pytest.mark.parametrize(
    ("change", "is_cash"),
    [({}, True), ({"asset": "pf_xbtusd"}, False), ({"asset": "xbt"}, False), ({"margin_account": "cash"}, False)],
)
def test_only_dollars_of_the_one_wallet_are_cash(change, is_cash):
    """A trade has a second entry, about the position; other wallets and currencies are not kept."""
    assert kraken.is_cash(ENTRY | change) is is_cash


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"type": "futures_inverse", "symbol": "PI_XBTUSD"}, "only perpetuals"),
        ({"symbol": "FF_XBTUSD_301227", "lastTradingTime": "2030-12-27T08:00:00.000Z"}, "only perpetuals"),
        ({"type": "futures_vanilla", "symbol": "PV_XRPXBT"}, "only perpetuals"),
        ({"contractSize": 10}, "contracts of 10"),
    ],
)
def test_markets_that_are_not_traded_say_why(change, words):
    """Settled in coins, on a date, or of another size."""
    found = kraken.unsuited(rules("PF_XBTUSD", 0.5, 4) | change)
    assert words in found
    assert bool(words) is bool(found)


def test_every_word_that_is_read_has_a_meaning():
    """States of a status, and refusals that come later."""
    facts = FACTS[kraken.NAME]
    assert {"ENTERED_BOOK", "FULLY_EXECUTED", "REJECTED", "CANCELLED", "TRIGGER_PLACED"} <= set(facts.states)
    assert set(facts.reasons) & set(kraken.ENDS) == set()


def test_a_position_has_cost_what_its_average_price_says_and_not_the_nearest_tick():
    """Three thousandths short at an average between two ticks; what we do not follow is not ours to count."""
    row = {"side": "short", "symbol": "PF_XBTUSD", "price": 60000.123456, "size": 0.003}
    (seen,) = kraken.position_rows([row, row | {"symbol": "PF_DOGEUSD"}], find)
    assert (seen.lots, seen.entry_ticks, seen.cost) == (-RULE.lots("0.003"), 120_000, 18_000_037_037)
