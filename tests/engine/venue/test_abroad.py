"""Bybit and Kraken Futures over a scripted HTTP side: our client, ccxt's requests, signing and reading of answers."""

from random import Random

import aiohttp
import pytest

from engine import errors
from engine.order import client_id_of
from engine.venue.client import OBJECTION, Login, Surroundings, asked, watching
from engine.venue.facts import FACTS
from shm.clock import SystemClock
from tests.engine.venue.standin import Exchange
from tests.engine.venue.test_client import Deaf

OURS = client_id_of("ab12cd34ef5678", 10**9)
BYBIT, KRAKEN = "bybit", "krakenfutures"
MARKETS = {BYBIT: ("BTC/USDT:USDT", "BTCUSDT"), KRAKEN: ("BTC/USD:USD", "PF_XBTUSD")}
PLACES = {BYBIT: "/v5/order/create", KRAKEN: "/derivatives/api/v3/sendorder"}
TAKEN = {
    BYBIT: {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"orderId": "77", "orderLinkId": OURS},
        "retExtInfo": {},
        "time": 1,
    },
    KRAKEN: {
        "result": "success",
        "serverTime": "2026-03-02T06:10:31.955Z",
        "sendStatus": {
            "status": "placed",
            "order_id": "77",
            "cliOrdId": OURS,
            "receivedTime": "2026-03-02T06:10:31.954Z",
            "orderEvents": [
                {
                    "type": "EXECUTION",
                    "executionId": "403bf49f-dbbe-448b-8de7-fd3cf38cc5dd",
                    "price": 66596.0,
                    "amount": 0.005,
                    "orderPriorEdit": None,
                    "orderPriorExecution": {
                        "orderId": "77",
                        "cliOrdId": OURS,
                        "type": "ioc",
                        "symbol": "PF_XBTUSD",
                        "side": "sell",
                        "quantity": 0.005,
                        "filled": 0,
                        "limitPrice": 66000.0,
                        "reduceOnly": True,
                        "timestamp": "2026-03-02T06:10:31.954Z",
                        "lastUpdateTimestamp": "2026-03-02T06:10:31.954Z",
                    },
                    "takerReducedQuantity": None,
                }
            ],
        },
    },
}


class Abroad:
    """An exchange that answers as scripted, and our client of it."""

    def __init__(self, name):
        """One market, no question of ccxt's own."""
        self.name, self.there = name, Exchange()
        around = Surroundings(dial=self.there.dial, clock=SystemClock(), generator=Random(1), limits_rate=False)
        login = Login(exchange=name, key="k", secret="c2VjcmV0")
        self.client = watching(login, around, self.there, Deaf())
        symbol, id_ = MARKETS[name]
        market = dict.fromkeys(("spot", "future", "option", "inverse"), False)
        market |= {"id": id_, "symbol": symbol, "base": "BTC", "quote": symbol.split(":")[1]}
        market |= {"settle": symbol.split(":")[1], "type": "swap", "swap": True, "contract": True, "linear": True}
        market |= {"active": True, "contractSize": 1, "info": {}, "precision": {"price": 0.1, "amount": 0.001}}
        self.client.set_markets([market | {"limits": {"amount": {}, "price": {}, "cost": {}}}])
        self.client.options["enableUnifiedAccount"] = True  # else Bybit is asked first which kind of account it is
        self.client.options["enableUnifiedMargin"] = False
        self.there.script("POST", PLACES[name], TAKEN[name])

    def answers(self, *what):
        """To the next orders."""
        self.there.script("POST", PLACES[self.name], *what)

    async def place(self, **params):
        """Send one, as the adapter does."""
        symbol = MARKETS[self.name][0]
        sent = {"clientOrderId": OURS, "reduceOnly": True} | params
        return await asked(self.client.create_order(symbol, "market", "sell", "0.005", None, sent))

    @property
    def sent(self):
        """Orders that reached the exchange."""
        return self.there.sent("POST", PLACES[self.name])


@pytest.fixture(params=[BYBIT, KRAKEN])
async def abroad(request):
    """Each exchange in turn."""
    made = Abroad(request.param)
    yield made
    await made.client.close()


@pytest.fixture
async def bybit():
    """Bybit."""
    made = Abroad(BYBIT)
    yield made
    await made.client.close()


@pytest.fixture
async def kraken():
    """Kraken Futures."""
    made = Abroad(KRAKEN)
    yield made
    await made.client.close()


async def test_an_order_leaves_once_and_by_its_name(abroad):
    """Exact quantity, our id in the exchange's own field, reduce-only; the exchange's number comes back."""
    order = await abroad.place()
    (sent,) = abroad.sent
    facts = FACTS[abroad.name]
    assert (sent[facts.client_id], str(sent.get("qty", sent.get("size")))) == (OURS, "0.005")
    assert str(sent["reduceOnly"]).lower() == "true"
    assert order["id"] == "77"


async def test_a_stop_watches_the_last_price_on_the_wire(abroad):
    """The trigger's text as we wrote it, and the table's field beside it."""
    name, value = FACTS[abroad.name].trigger_by_last
    await abroad.place(stopLossPrice="49000.5", **{name: value})
    (sent,) = abroad.sent
    assert sent.get("triggerPrice", sent.get("stopPrice")) == "49000.5"
    assert sent[name] == value


async def test_an_objection_keeps_an_order_at_home(abroad):
    """The last look is the client's, whatever the exchange."""
    token = OBJECTION.set(lambda: "the kill switch stands at HALT")
    try:
        with pytest.raises(errors.NotSent, match="HALT"):
            await abroad.place()
    finally:
        OBJECTION.reset(token)
    assert abroad.sent == []


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ((503, "busy", {}), errors.Unknown),
        ((500, '{"retCode":110017,"retMsg":"x","result":"error","error":"notFound"}', {}), errors.Unknown),
        ((429, "slow down", {}), errors.RateLimited),
        (aiohttp.ServerDisconnectedError(), errors.Unknown),
        (TimeoutError(), errors.Unknown),
        ((200, "<html>maintenance</html>", {}), errors.Unknown),
    ],
)
async def test_what_may_have_landed_is_in_doubt(abroad, answer, place):
    """A 5xx is unknown whatever its body says; a broken connection, a timeout and a page of words as well."""
    abroad.answers(answer)
    with pytest.raises(errors.VenueError) as caught:
        await abroad.place()
    assert type(caught.value) is place
    assert len(abroad.sent) == 1


@pytest.mark.parametrize(
    ("code", "place"),
    [
        (10002, errors.NotSent),
        (10003, errors.NotPermitted),
        (10006, errors.RateLimited),
        (10007, errors.Unknown),
        (10016, errors.Unknown),
        (110007, errors.InsufficientFunds),
        (110017, errors.ReduceOnlyRejected),
        (110072, errors.Unknown),
        (110092, errors.WouldTrigger),
        (110093, errors.WouldTrigger),
        (987654, errors.Unknown),
    ],
)
async def test_codes_of_bybit(bybit, code, place):
    """HTTP says 200, the body says no: what we may do next is what our table says."""
    bybit.answers({"retCode": code, "retMsg": "words", "result": {}, "retExtInfo": {}, "time": 1})
    with pytest.raises(errors.VenueError) as caught:
        await bybit.place()
    assert type(caught.value) is place


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("clientOrderIdAlreadyExist", errors.Unknown),
        ("wouldNotReducePosition", errors.ReduceOnlyRejected),
        ("insufficientAvailableFunds", errors.InsufficientFunds),
        ("postWouldExecute", errors.WouldTake),
        ("invalidSize", errors.InvalidOrder),
        ("marketSuspended", errors.Rejected),
    ],
)
async def test_words_of_kraken_in_the_status_of_a_success(kraken, word, place):
    """HTTP says 200, the result says success, the order was refused."""
    kraken.answers({"result": "success", "sendStatus": {"status": word}, "serverTime": "2026-03-02T06:10:31.955Z"})
    with pytest.raises(errors.VenueError) as caught:
        await kraken.place()
    assert type(caught.value) is place


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("apiLimitExceeded", errors.RateLimited),
        ("nonceBelowThreshold", errors.NotSent),
        ("Server Error", errors.Unknown),
        ("nobody knows this", errors.Unknown),
    ],
)
async def test_words_of_kraken_in_an_error(kraken, word, place):
    """The whole request was refused, or nobody knows."""
    kraken.answers({"result": "error", "error": word, "serverTime": "2026-03-02T06:10:31.955Z"})
    with pytest.raises(errors.VenueError) as caught:
        await kraken.place()
    assert type(caught.value) is place


@pytest.mark.parametrize(
    ("status", "place"),
    [
        ({"status": "tooManyRequests"}, errors.RateLimited),
        ({"status": "reduceOnlyWouldIncreasePosition"}, errors.ReduceOnlyRejected),
        ({"status": "maxPositionViolation"}, errors.Rejected),
        ({"status": "outsidePriceCollar", "order_id": "77"}, errors.InvalidOrder),
        ({"status": "a word of tomorrow", "order_id": "77"}, errors.Unknown),
        ({"status": "placed"}, errors.Unknown),
        ({}, errors.Unknown),
    ],
)
async def test_a_status_of_kraken_that_ccxt_takes_for_an_order(kraken, status, place):
    """The status is read before it counts: what is refused, what nobody knows, and what has no number is no order."""
    kraken.answers({"result": "success", "sendStatus": status, "serverTime": "x"})
    with pytest.raises(errors.VenueError) as caught:
        await kraken.place()
    assert type(caught.value) is place


async def test_a_cancel_names_our_order(bybit):
    """By our own id: the exchange's number is not needed, nor known, when an answer was lost."""
    bybit.there.script("POST", "/v5/order/cancel", TAKEN[BYBIT])
    await asked(bybit.client.cancel_order("", MARKETS[BYBIT][0], {"orderLinkId": OURS}))
    (sent,) = bybit.there.sent("POST", "/v5/order/cancel")
    assert (sent["symbol"], sent["orderLinkId"]) == ("BTCUSDT", OURS)
