"""Where host names lead."""

import socket

import pytest

from engine.venue.embedded import certificate
from orchestrator import dialling


async def test_names_of_the_exchange_lead_to_loopback():
    """
    Each name becomes 127.0.0.1 and the port, whatever port was asked for; any other raises.
    """
    resolver = dialling.LoopbackResolver(4711)
    for host in dialling.HOSTS:
        (found,) = await resolver.resolve(host, 443)
        assert (found["host"], found["port"]) == ("127.0.0.1", 4711)
    for host in ("dapi.binance.com", "localhost", "fapi.binance.com.example.org"):
        with pytest.raises(dialling.HostRefusedError, match="no other host"):
            await resolver.resolve(host, 443)


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
    assert set(certificate.HOSTS) == dialling.HOSTS
    issued = certificate.issue(1_800_000_000 * 10**9)
    for endpoint in (None, dialling.Endpoint(port=1, certificate_pem=issued.pem)):
        async with dialling.session(endpoint) as session:
            assert session.timeout.sock_connect == dialling.CONNECT_SECONDS
            assert session.timeout.sock_read == dialling.READ_SECONDS
