"""The exchange's life as a process."""

import socket
import time

import aiohttp
import numpy as np
import pytest

from engine.venue.embedded import certificate
from engine.venue.embedded.agent import ExchangeAgent, Office
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan
from orchestrator import dialling
from shm.records import COMMAND, Life, Order
from shm.topology import role_row


class Table:
    """One row of COMMANDS, as a supervisor would have written it."""

    def __init__(self) -> None:
        self.order, self.version, self.role = Order.PREPARE, 1, "exchange"

    def table_reader(self, name: str) -> "Table":
        """It is the reader too."""
        assert name == "COMMANDS"
        return self

    def read(self, row: int, out: np.ndarray) -> bool:
        """Copy the row."""
        assert row == role_row("exchange")
        out["order"], out["version"] = self.order, self.version
        return True


class Lives:
    """A pulse that remembers."""

    def __init__(self) -> None:
        self.lives: list[tuple[Life, int]] = []
        self.closed = 0

    def tell(self, *, life: Life, obeyed: int, market_seq: int, detail: str) -> None:
        """Remember what was told."""
        assert len(detail) < 56
        self.closed = market_seq
        self.lives.append((life, obeyed))


async def test_commands_lead_through_its_lives(make_exchange):
    """
    READY until RUN, RUNNING until DRAIN, then DRAINED, each told once with the command it obeyed.
    """
    table, lives = Table(), Lives()
    assert COMMAND.itemsize == 120
    agent = ExchangeAgent(make_exchange(), Plan(keys={}, speed=Speed.parse("max")), Office(table, lives))
    await agent.start()
    await agent.work()
    assert agent.candles_count == 0
    table.order, table.version = Order.RUN, 2
    await agent.work()
    moved = await agent.work()
    table.order, table.version = Order.DRAIN, 3
    await agent.work()
    still = agent.candles_count
    assert await agent.work() == 0
    assert agent.candles_count == still >= moved > 0
    assert lives.closed == still * len(make_exchange().listings)
    await agent.close()
    assert lives.lives == [(Life.READY, 1), (Life.RUNNING, 2), (Life.DRAINED, 3)]


async def test_close_closes_every_socket(make_exchange):
    """
    After close its ports refuse, and a client's websocket has ended.
    """
    agent = ExchangeAgent(make_exchange(), Plan(keys={}, speed=Speed.parse("max")))
    await agent.start()
    async with aiohttp.ClientSession() as plain:
        stream = await plain.ws_connect(f"http://127.0.0.1:{agent.ports.plain}/market/ws/btcusdt@kline_1m")
        agent.run()
        assert (await stream.receive_json(timeout=30))["k"]["x"] is True
        agent.drain()
        await agent.close()
        while (await stream.receive(timeout=30)).type != aiohttp.WSMsgType.CLOSE:
            pass
    for port in (agent.ports.plain, agent.ports.tls):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)


async def test_what_breaks_the_market_breaks_the_agent(make_exchange):
    """
    An exception in the market's clockwork comes out of work, so that the process ends and is seen to.
    """
    exchange = make_exchange()
    agent = ExchangeAgent(exchange, Plan(keys={}, speed=Speed.parse("max")))
    await agent.start()
    exchange.advance = lambda: 1 // 0
    agent.run()
    with pytest.raises(ZeroDivisionError):
        await agent.work()
    await agent.close()


async def test_a_restart_on_the_same_port_is_the_same_exchange_to_its_clients(make_exchange, tmp_path):
    """
    With a kept certificate and port a session of before the restart is served again, over TLS.
    """
    exchange, trusted = make_exchange(), certificate.kept(tmp_path, time.time_ns())
    first = ExchangeAgent(exchange, Plan(keys={}, speed=Speed.parse("step"), certificate=trusted))
    await first.start()
    port = first.ports.tls
    async with dialling.session(dialling.Endpoint(port=port, certificate_pem=trusted.pem)) as session:
        assert (await session.get("https://fapi.binance.com/fapi/v1/ping")).status == 200
        await first.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get("https://fapi.binance.com/fapi/v1/ping")
        again = certificate.kept(tmp_path, time.time_ns())
        second = ExchangeAgent(exchange, Plan(keys={}, speed=Speed.parse("step"), tls_port=port, certificate=again))
        await second.start()
        assert (await session.get("https://fapi.binance.com/fapi/v1/ping")).status == 200
        await second.close()


async def test_another_certificate_is_not_trusted(make_exchange):
    """
    A session trusts the certificate that it was given and no other.
    """
    agent = ExchangeAgent(make_exchange(), Plan(keys={}, speed=Speed.parse("step")))
    await agent.start()
    other = certificate.issue(time.time_ns())
    async with dialling.session(dialling.Endpoint(port=agent.ports.tls, certificate_pem=other.pem)) as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get("https://fapi.binance.com/fapi/v1/ping")
    await agent.close()
