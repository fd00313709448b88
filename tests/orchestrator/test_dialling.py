"""Where host names lead."""

import asyncio
import socket

import numpy as np
import pytest
from aiohttp import web

from engine.venue.embedded import certificate
from orchestrator import dialling
from shm.budget import MINUTE_NS, Budget
from shm.words import WORDS_BYTES, Words


async def test_names_of_the_exchange_lead_to_loopback():
    """
    Each name becomes 127.0.0.1 and the port, whatever port was asked for; any other raises.
    """
    resolver = dialling.LoopbackResolver(4711)
    for host in dialling.HOSTS:
        (found,) = await resolver.resolve(host, 443)
        assert (found["host"], found["port"]) == ("127.0.0.1", 4711)
    for host in ("dapi.binance.com", "localhost", "fapi.binance.com.example.org", *dialling.DEMO_HOSTS):
        with pytest.raises(dialling.HostRefusedError, match="no other host"):
            await resolver.resolve(host, 443)


async def test_a_demo_knows_no_real_name():
    """The names of the demo lead to the port, those of the real exchange nowhere."""
    resolver = dialling.LoopbackResolver(4711, dialling.DEMO_HOSTS)
    (found,) = await resolver.resolve("demo-fapi.binance.com", 443)
    assert (found["host"], found["port"]) == ("127.0.0.1", 4711)
    with pytest.raises(dialling.HostRefusedError, match="no other host"):
        await resolver.resolve("fapi.binance.com", 443)


def test_a_socket_leads_to_loopback_only():
    """
    A numeric address that needs no resolver is refused where the socket is made.
    """
    with pytest.raises(dialling.HostRefusedError, match=r"1\.1\.1\.1"):
        dialling.loopback_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 443)))
    dialling.loopback_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))).close()


async def test_a_session_trusts_one_certificate_and_has_timeouts():
    """
    The certificate names every host that the session reaches; connecting and reading are bounded.
    """
    assert set(certificate.HOSTS) == dialling.HOSTS | dialling.DEMO_HOSTS
    issued = certificate.issue(1_800_000_000 * 10**9)
    for endpoint in (None, dialling.Endpoint(port=1, certificate_pem=issued.pem)):
        async with dialling.session(endpoint) as session:
            assert session.timeout.sock_connect == dialling.CONNECT_SECONDS
            assert session.timeout.sock_read == dialling.READ_SECONDS


async def test_market_data_waits_for_its_share_and_hears_what_was_counted(aiohttp_server_port: int):
    """The request leaves when there is room; the answer's count becomes ours."""
    area = np.zeros(WORDS_BYTES // 8, np.int64)
    minute = [7 * MINUTE_NS]
    budget = Budget(Words(area.ctypes.data, retain=area), 100, lambda: minute[0])
    budget.heard("60")
    async with dialling.session(None, [dialling.counting(budget)]) as session:
        asking = asyncio.create_task(session.get(f"http://127.0.0.1:{aiohttp_server_port}/"))
        await asyncio.sleep(0.3)
        assert not asking.done()
        minute[0] += MINUTE_NS
        async with asyncio.timeout(5):
            (await asking).close()
    assert budget.spent() == 41


@pytest.fixture
async def aiohttp_server_port():
    """A server that counts to 41."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(headers={dialling.USED: "41"})

    runner = web.AppRunner(application := web.Application())
    application.router.add_get("/", answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()
