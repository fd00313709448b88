"""Facts about exchanges, against ccxt's own requests and against recorded answers."""

import json

import ccxt
import ccxt.async_support as clients
import pytest

from engine import errors
from engine.order import CLIENT_ID_LENGTH_MAX, Event, client_id_of
from engine.venue.binance import ORDER_EVENTS
from engine.venue.facts import FACTS, VENUES, asset_of, bybit_instrument, facts_of, kraken_instrument, state, venue_of
from engine.venue.failures import translated
from tests import recordings

DATA = recordings.DATA / "account_events" / "nautilus"
RECORDED = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded answers are not here")
OURS = client_id_of("ab12cd34ef5678", 10**9)
MARKETS = {"bybit": ("BTC/USDT:USDT", "BTCUSDT"), "krakenfutures": ("BTC/USD:USD", "PF_XBTUSD")}


@pytest.fixture(params=["bybit", "krakenfutures"])
async def client(request):
    """ccxt's client with one market, not connected to anything."""
    symbol, id_ = MARKETS[request.param]
    quote = symbol.split(":")[1]
    made = getattr(clients, request.param)({"apiKey": "k", "secret": "c2VjcmV0"})
    market = dict.fromkeys(("spot", "future", "option", "inverse"), False)
    market |= {"id": id_, "symbol": symbol, "base": "BTC", "quote": quote, "settle": quote, "type": "swap"}
    market |= {"swap": True, "contract": True, "linear": True, "active": True, "contractSize": 1, "info": {}}
    market |= {"precision": {"price": 0.1, "amount": 0.001}, "limits": {"amount": {}, "price": {}, "cost": {}}}
    made.set_markets([market])
    yield made
    await made.close()


def test_our_ids_fit_every_exchange():
    """The longest that we make, in letters that all of them take."""
    assert len(OURS) <= CLIENT_ID_LENGTH_MAX <= min(facts.client_id_length_max for facts in FACTS.values())
    assert OURS.replace("-", "").isalnum()


@pytest.mark.parametrize(
    ("price", "params", "fields"),
    [
        (None, {"reduceOnly": True}, {"reduceOnly": True}),
        ("50000.1", {"postOnly": True}, {}),
        (None, {"stopLossPrice": "49000.5", "reduceOnly": True}, {"reduceOnly": True}),
    ],
)
async def test_an_order_is_named_and_reduces_on_the_wire(client, price, params, fields):
    """Our id stands in the field that the table names, the quantity as we wrote it, reduce-only where asked."""
    symbol = MARKETS[client.id][0]
    kind = "limit" if price else "market"
    sent = client.create_order_request(symbol, kind, "sell", "0.005", price, params | {"clientOrderId": OURS})
    assert sent[FACTS[client.id].client_id] == OURS
    assert sent.get("qty", sent.get("size")) == "0.005"
    assert fields.items() <= sent.items()
    if "stopLossPrice" in params:
        assert sent.get("triggerPrice", sent.get("stopPrice")) == "49000.5"
        # What makes the stop watch the last price: by default on one, by a field of ours on the other.
        name, value = FACTS[client.id].trigger_by_last
        assert sent.get(name, value) == value


async def test_a_stop_can_be_made_to_watch_the_last_price(client):
    """The field of the table goes through ccxt to the wire."""
    name, value = FACTS[client.id].trigger_by_last
    params = {"stopLossPrice": "49000", "reduceOnly": True, name: value}
    assert client.create_order_request(MARKETS[client.id][0], "market", "sell", "0.005", None, params)[name] == value


@pytest.mark.parametrize(
    ("exchange", "word"), [(name, word) for name in ("bybit", "krakenfutures") for word in FACTS[name].meanings]
)
def test_each_meaning_overrules_ccxts_class(exchange, word):
    """Whatever class ccxt picked, what we may do next is what the table says."""
    body = f'{{"retCode":{word},"retMsg":"x"}}' if exchange == "bybit" else f'{{"result":"error","error":"{word}"}}'
    for made in (ccxt.InvalidOrder, ccxt.ExchangeError, ccxt.AuthenticationError):
        assert type(translated(made(f"{exchange} {body}"))) is FACTS[exchange].meanings[word]


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (ccxt.DuplicateOrderId("krakenfutures: createOrder failed due to clientOrderIdAlreadyExist"), errors.Unknown),
        (
            ccxt.ExchangeError("krakenfutures: createOrder failed due to wouldNotReducePosition"),
            errors.ReduceOnlyRejected,
        ),
        (ccxt.OrderImmediatelyFillable("krakenfutures: createOrder failed due to postWouldExecute"), errors.WouldTake),
        (ccxt.InvalidOrder('bybit {"retCode":110072,"retMsg":"OrderLinkedID is duplicate"}'), errors.Unknown),
        (ccxt.ExchangeError('bybit {"retCode":999999,"retMsg":"news"}'), errors.Unknown),
    ],
)
def test_traps_of_ccxts_classes(error, place):
    """A duplicate has landed; post-only would have taken, not triggered; what nobody knows may have happened."""
    assert type(translated(error)) is place


def test_binances_states_are_the_ones_in_use():
    """The table and the reader agree."""
    assert FACTS["binanceusdm"].states == ORDER_EVENTS


def test_a_rejected_order_that_has_traded_is_over_and_was_there():
    """Bybit's word for the rest of a partly filled order; and words that nobody knows."""
    assert state("bybit", "Rejected", 0) is Event.REJECT
    assert state("bybit", "Rejected", 5) is Event.EXPIRE
    assert state("krakenfutures", "something new", 0) is Event.ACK


def recorded(name):
    """A recorded answer of Bybit."""
    return json.loads((DATA / "rs_bybit" / name).read_text())


@RECORDED
def test_every_recorded_state_of_bybit_is_in_the_table():
    """REST and stream, stops and limits."""
    words = set()
    for path in sorted((DATA / "rs_bybit").glob("*order*.json")):
        answer = json.loads(path.read_text())
        rows = answer.get("data") or (answer.get("result") or {}).get("list") or []
        words |= {row["orderStatus"] for row in rows if isinstance(row, dict) and "orderStatus" in row}
    assert len(words) >= 5
    assert words <= set(FACTS["bybit"].states)


@RECORDED
def test_rules_of_bybit_are_exact():
    """Half a dollar a tick, a thousandth a lot, as recorded."""
    row = recorded("http_get_instruments_linear.json")["result"]["list"][0]
    one = bybit_instrument(row, 0, ("BTC/USDT:USDT", "bybit", "main"))
    assert (one.tick_e8, one.lot_e8, one.lots_min, one.market_lots_max) == (5 * 10**7, 10**5, 1, 50_000)
    assert (one.notional_min, one.status) == (5 * 10**8, 1)


@RECORDED
def test_a_deleveraging_of_bybit_names_itself_and_no_order_of_ours():
    """Its kind stands in the execution, its client id is empty: it is a stranger's trade."""
    (row,) = recorded("ws_account_execution_adl.json")["data"]
    assert (row["execType"], row["orderLinkId"]) == ("AdlTrade", "")


def test_rules_of_kraken_are_powers_of_ten():
    """A precision of four is a lot of 0.0001."""
    row = {"symbol": "PF_XBTUSD", "tickSize": 0.5, "contractValueTradePrecision": 4, "tradeable": True}
    one = kraken_instrument(row, 0, ("BTC/USD:USD", "krakenfutures", "main"))
    assert (one.tick_e8, one.lot_e8, one.status) == (5 * 10**7, 10**4, 1)
    for change in ({"tradeable": False}, {"postOnly": True}):
        assert kraken_instrument(row | change, 0, ("BTC/USD:USD", "krakenfutures", "main")).status == 0


@pytest.mark.parametrize("exchange", FACTS)
def test_a_journals_venue_leads_to_its_exchange(exchange):
    """Also that of practice, which is another; records hold sixteen letters of it."""
    real, demo = (venue_of(exchange, is_demo=is_demo) for is_demo in (False, True))
    assert facts_of(real) is facts_of(demo) is FACTS[exchange]
    assert (len(demo) <= 16, real != demo, VENUES[demo]) == (True, True, exchange)
    assert asset_of(demo) == asset_of(exchange)


def test_what_is_played_has_no_facts_and_play_money():
    """Its cash is Binance's."""
    assert facts_of("paper") is None
    assert asset_of("paper") == "USDT"
