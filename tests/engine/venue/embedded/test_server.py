"""The embedded exchange over real sockets, asked by a ccxt that knows nothing of it."""

import asyncio
import socket
import time
from dataclasses import dataclass

import aiohttp
import aiohttp.web
import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
import pytest_asyncio

from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, PortTakenError, Server
from engine.venue.embedded.signing import Key, fresh_key, sign
from orchestrator import dialling

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYMBOL = "BTC/USDT:USDT"


@dataclass
class Hall:
    """A running exchange and an unmodified client of it."""

    exchange: Exchange
    server: Server
    endpoint: dialling.Endpoint
    plain_port: int
    api_key: str
    secret: str
    client: ccxt.pro.binanceusdm
    session: aiohttp.ClientSession

    def move(self, minutes: int = 1) -> None:
        """Let the market play ``minutes``."""
        self.server.pace.step(minutes)


def connect(hall_session: aiohttp.ClientSession, api_key: str, secret: str) -> ccxt.pro.binanceusdm:
    """Return ccxt as it comes, with a session and keys."""
    return ccxt.pro.binanceusdm(
        {
            "apiKey": api_key,
            "secret": secret,
            "session": hall_session,
            "enableRateLimit": False,
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall(make_exchange):
    """One exchange and one client for the whole file: importing and loading ccxt costs seconds."""
    api_key, secret = fresh_key()
    exchange = make_exchange()
    server = Server(exchange, Plan(keys={api_key: Key(secret, "paper")}, speed=Speed.parse("step")))
    ports = await server.start()
    endpoint = dialling.Endpoint(port=ports.tls, certificate_pem=server.certificate.pem)
    session = dialling.session(endpoint)
    client = connect(session, api_key, secret)
    await client.load_markets()
    server.pace.step(5)
    yield Hall(exchange, server, endpoint, ports.plain, api_key, secret, client, session)
    await client.close()
    await session.close()
    await server.close()


async def within(awaitable, seconds=30.0):
    """Return what ``awaitable`` gives, but not later than that."""
    return await asyncio.wait_for(awaitable, seconds)


async def watched(watch, move, seconds=30.0):
    """Return what ``watch`` sees after ``move``, which happens once the subscription has settled."""
    task = asyncio.create_task(watch)
    await asyncio.sleep(0.25)
    moved = move()
    if asyncio.iscoroutine(moved):
        await moved
    return await asyncio.wait_for(task, seconds)


async def flatten(hall: Hall) -> None:
    """Cancel what rests and close what is held."""
    client = hall.client
    await client.cancel_all_orders(SYMBOL)
    await client.cancel_all_orders(SYMBOL, {"trigger": True})
    for position in await client.fetch_positions([SYMBOL]):
        side = "sell" if position["side"] == "long" else "buy"
        await client.create_order(SYMBOL, "market", side, position["contracts"], None, {"reduceOnly": True})


async def test_markets_load_with_their_filters(hall):
    """
    ccxt finds both contracts, with tick, lot and smallest notional.
    """
    market = hall.client.market(SYMBOL)
    assert sorted(hall.client.symbols) == [SYMBOL, "ETH/USDT:USDT"]
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.001, 0.1)
    assert market["limits"]["cost"]["min"] == 100.0


async def test_candles_by_rest_are_the_markets(hall):
    """
    The newest closed candle is the wave's, to the tick, and a page can start anywhere.
    """
    rows = await hall.client.fetch_ohlcv(SYMBOL, "1m", limit=10)
    since = rows[0][0]
    again = await hall.client.fetch_ohlcv(SYMBOL, "1m", since=since, limit=3)
    assert again == rows[:3]
    assert rows[1][0] - rows[0][0] == 60_000
    assert rows[-1][5] == 100.0
    hours = await hall.client.fetch_ohlcv(SYMBOL, "1h", limit=4)
    assert hours[1][0] - hours[0][0] == 3_600_000


async def test_candles_by_stream_close_once(hall):
    """
    A closed minute reaches the websocket with the market's prices.
    """
    rows = await watched(hall.client.watch_ohlcv(SYMBOL, "1m"), hall.move)
    (last,) = await hall.client.fetch_ohlcv(SYMBOL, "1m", limit=1)
    assert rows[-1] == last


async def test_a_market_order_fills_and_the_account_hears_of_it(hall):
    """
    One order, filled at once; watch_orders and watch_my_trades tell the same.
    """
    client = hall.client
    orders = asyncio.create_task(client.watch_orders(SYMBOL))
    trades = asyncio.create_task(client.watch_my_trades(SYMBOL))
    await asyncio.sleep(0.4)
    placed = await client.create_order(SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": "wave-1"})
    assert (placed["status"], placed["filled"], placed["clientOrderId"]) == ("closed", 0.01, "wave-1")
    seen = (await within(orders))[-1]
    assert (seen["id"], seen["clientOrderId"]) == (placed["id"], "wave-1")
    trade = (await within(trades))[-1]
    assert (trade["order"], trade["amount"], trade["fee"]["currency"]) == (placed["id"], 0.01, "USDT")
    booked = await client.fetch_my_trades(SYMBOL, limit=1)
    assert (booked[0]["id"], booked[0]["fee"]["cost"]) == (trade["id"], trade["fee"]["cost"])
    (position,) = await client.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"]) == ("long", 0.01)
    await flatten(hall)
    assert await client.fetch_positions([SYMBOL]) == []


async def test_a_limit_order_rests_and_cancels(hall):
    """
    A bid far below rests, is found by its client id, cancels once, and then is unknown.
    """
    client = hall.client
    placed = await client.create_order(SYMBOL, "limit", "buy", 0.01, 29_000.0, {"clientOrderId": "rest-1"})
    assert placed["status"] == "open"
    assert [order["id"] for order in await client.fetch_open_orders(SYMBOL)] == [placed["id"]]
    found = await client.fetch_order(None, SYMBOL, {"origClientOrderId": "rest-1"})
    assert (found["id"], found["price"]) == (placed["id"], 29_000.0)
    assert (await client.cancel_order(placed["id"], SYMBOL))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        await client.cancel_order(placed["id"], SYMBOL)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        await client.fetch_order("1", SYMBOL)


async def test_a_stop_rests_as_an_algo_order_and_closes_the_position(hall):
    """
    stopLossPrice with reduceOnly goes to algoOrder; when the path reaches it the position is gone.
    """
    client = hall.client
    await client.create_order(SYMBOL, "market", "buy", 0.01)
    last = hall.exchange.last_ticks("BTCUSDT")
    stop = await client.create_order(
        SYMBOL,
        "market",
        "sell",
        0.01,
        None,
        {"stopLossPrice": (last - 150) / 10, "reduceOnly": True, "clientOrderId": "stop-1"},
    )
    (resting,) = await client.fetch_open_orders(SYMBOL, params={"trigger": True})
    assert (resting["id"], resting["clientOrderId"], resting["reduceOnly"]) == (stop["id"], "stop-1", True)
    hall.move(25)
    assert await client.fetch_positions([SYMBOL]) == []
    assert await client.fetch_open_orders(SYMBOL, params={"trigger": True}) == []
    found = await client.fetch_order(stop["id"], SYMBOL, {"trigger": True})
    assert found["status"] == "closed"
    assert found["info"]["algoStatus"] == "FINISHED"


async def test_a_trigger_price_is_a_stop_that_cancels(hall):
    """
    triggerPrice makes the same order, and it cancels by its client id.
    """
    client = hall.client
    await client.create_order(SYMBOL, "market", "buy", 0.01)
    await client.create_order(
        SYMBOL, "market", "sell", 0.01, None, {"triggerPrice": 25_000.0, "reduceOnly": True, "clientOrderId": "far-1"}
    )
    await client.cancel_order(None, SYMBOL, {"trigger": True, "clientAlgoId": "far-1"})
    assert await client.fetch_open_orders(SYMBOL, params={"trigger": True}) == []
    await flatten(hall)


@pytest.mark.parametrize(
    ("kind", "amount", "price", "options", "error", "code"),
    [
        ("market", 100, None, {}, ccxt.InsufficientFunds, "-2019"),
        ("limit", 0.001, 1000.0, {}, ccxt.InvalidOrder, "-4164"),
        ("market", 0.01, None, {"reduceOnly": True}, ccxt.InvalidOrder, "-2022"),
        ("market", 0.01, None, {"stopLossPrice": 20_000.0}, ccxt.OrderImmediatelyFillable, "-2021"),
        ("limit", 0.01, 30_900.0, {"postOnly": True}, ccxt.InvalidOrder, "-5022"),
    ],
)
async def test_refusals_keep_their_class(hall, kind, amount, price, options, error, code):
    """
    Because the address is the exchange's own name, ccxt maps each code to its class.
    """
    with pytest.raises(error, match=code):
        await hall.client.create_order(SYMBOL, kind, "buy", amount, price, options)


async def test_a_wrong_secret_is_an_authentication_error(hall):
    """
    A wrong secret is -1022, an unknown key -2015, and neither reaches the books.
    """
    for api_key, secret, code in ((hall.api_key, "wrong", "-1022"), ("k" * 64, hall.secret, "-2015")):
        stranger = connect(hall.session, api_key, secret)
        stranger.set_markets(hall.client.markets)
        with pytest.raises(ccxt.AuthenticationError, match=code):
            await stranger.create_order(SYMBOL, "market", "buy", 0.01)
        await stranger.close()


async def test_an_old_timestamp_is_refused_by_the_machines_clock(hall):
    """
    The market's time is years ago, and still a signature of now passes and one of a minute ago does not.
    """
    late = connect(hall.session, hall.api_key, hall.secret)
    late.set_markets(hall.client.markets)
    late.nonce = lambda: time.time_ns() // 10**6 - 60_000
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        await late.fetch_balance()
    await late.close()


async def test_every_other_host_is_refused(hall):
    """
    The session leads nowhere else, neither by name nor by number.
    """
    for address in ("https://dapi.binance.com/dapi/v1/ping", "https://example.com/", "https://1.1.1.1/"):
        with pytest.raises(aiohttp.ClientConnectionError):
            await hall.session.get(address)


async def test_balance_and_account_agree_with_the_books(hall):
    """
    What ccxt calls the balance is the wallet of the ledger, read over the control path.
    """
    headers = {"X-MBX-APIKEY": hall.api_key}
    base = f"http://127.0.0.1:{hall.plain_port}"
    async with aiohttp.ClientSession(headers=headers) as plain:
        assert (await plain.get(f"{base}/ringmaster/ledger")).status == 400
        query = f"timestamp={time.time_ns() // 10**6}"
        signed = f"{query}&signature={sign(hall.secret, query)}"
        ledger = await (await plain.get(f"{base}/ringmaster/ledger?{signed}")).json()
        grid = await (await plain.get(f"{base}/ringmaster/grid")).json()
        step = await (await plain.post(f"{base}/ringmaster/step", json={"candles": 2})).json()
    async with aiohttp.ClientSession() as nobody:
        assert (await nobody.get(f"{base}/ringmaster/ledger")).status == 401
    balance = await hall.client.fetch_balance()
    assert round(balance["USDT"]["total"] * 10**8) == ledger["equity"]
    assert ledger["wallet"] == ledger["deposit"] + ledger["realised"] - ledger["fees"]
    assert sum(fill["fee"] for fill in ledger["fills"]) == ledger["fees"]
    assert grid["symbols"][0]["gaps_ns"] == []
    assert step["now_ns"] == grid["now_ns"] + 2 * MINUTE_NS


async def test_the_book_and_trades_stream(hall):
    """
    Order book with its chain of update ids, best bid and ask, and trades reach ccxt.pro.
    """
    client = hall.client
    book = await watched(client.watch_order_book(SYMBOL), lambda: hall.move(1))
    assert book["bids"][0][0] < book["asks"][0][0]
    again = await watched(client.watch_order_book(SYMBOL), lambda: hall.move(1))
    assert len(again["bids"]) == len(book["bids"])
    quotes = await watched(client.watch_bids_asks([SYMBOL]), lambda: hall.move(1))
    assert quotes[SYMBOL]["bid"] < quotes[SYMBOL]["ask"]
    trades = await watched(client.watch_trades(SYMBOL), lambda: hall.move(1))
    assert trades[0]["symbol"] == SYMBOL


async def test_an_unknown_path_is_a_plain_404(hall):
    """
    A path that nobody serves answers JSON, and a bad interval its code.
    """
    base = f"http://127.0.0.1:{hall.plain_port}/fapi/v1"
    async with aiohttp.ClientSession() as plain:
        absent = await plain.get(f"{base}/nothing")
        assert (absent.status, (await absent.json())["code"]) == (404, -5000)
        bad = await plain.get(f"{base}/klines", params={"symbol": "BTCUSDT", "interval": "7m"})
        assert (bad.status, (await bad.json())["code"]) == (400, -1120)
        assert int(bad.headers["X-MBX-USED-WEIGHT-1M"]) > 0


@pytest.mark.parametrize("path", ["/ws/btcusdt@aggTrade", "/ws-fapi/v1", "/ws-api/v3"])
async def test_a_client_that_left_during_its_handshake_is_no_error(hall, caplog, monkeypatch, path):
    """Whoever dials and is killed at once leaves no trace in the session's errors; the next one is served."""

    async def gone(self, request):
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    with monkeypatch.context() as patched:
        patched.setattr(aiohttp.web.WebSocketResponse, "prepare", gone)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await hall.session.ws_connect(f"http://127.0.0.1:{hall.plain_port}{path}")
    assert not caplog.records
    async with hall.session.ws_connect(f"http://127.0.0.1:{hall.plain_port}/ws/btcusdt@aggTrade") as socket:
        assert not socket.closed


async def test_a_taken_port_is_one_clear_line(make_exchange):
    """
    The server names the port that is not free.
    """
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    exchange = make_exchange()
    with pytest.raises(PortTakenError, match=f"port {port} on 127.0.0.1 is not free"):
        await Server(exchange, Plan(keys={}, speed=Speed.parse("max"), tls_port=port)).start()
    taken.close()


async def test_balance_and_positions_stream(hall):
    """
    watch_balance and watch_positions hear a fill, and agree with what REST says after it.
    """
    client = hall.client
    await watched(client.watch_balance(), lambda: client.create_order(SYMBOL, "market", "buy", 0.01))
    positions = await watched(
        client.watch_positions([SYMBOL]), lambda: client.create_order(SYMBOL, "market", "buy", 0.01)
    )
    (held,) = await client.fetch_positions([SYMBOL])
    assert positions[-1]["contracts"] == held["contracts"] == 0.02
    assert positions[-1]["entryPrice"] == held["entryPrice"]
    await flatten(hall)


async def test_the_plain_client_asks_the_same(hall):
    """
    ccxt without streams, built like the live one but for its session, trades and reads its own history.
    """
    client = ccxt.async_support.binanceusdm(
        {"apiKey": hall.api_key, "secret": hall.secret, "session": hall.session, "enableRateLimit": False}
    )
    await client.load_markets()
    assert abs(await client.fetch_time() - time.time_ns() // 10**6) < 5_000
    assert await client.set_leverage(10, SYMBOL)
    placed = await client.create_order(SYMBOL, "market", "sell", 0.01)
    history = await client.fetch_orders(SYMBOL, limit=5)
    assert history[-1]["id"] == placed["id"]
    assert (await client.fetch_ticker(SYMBOL))["last"] == hall.exchange.last_ticks("BTCUSDT") / 10
    fee = await client.fetch_trading_fee(SYMBOL)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)
    await client.create_order(SYMBOL, "market", "buy", 0.01, None, {"reduceOnly": True})
    assert await client.fetch_positions() == []
    await client.close()
