"""Where an exchange's host names lead: on paper to a loopback port and nowhere else.

    ccxt --session--> Dialler --fapi.binance.com--> 127.0.0.1:port   one certificate trusted
                              --any other host----> refused

Handing this session to the client is all that tells paper from live.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.venue.facts import FACTS
from shm.budget import Budget, Claim

HOSTS = frozenset(FACTS["binanceusdm"].hosts)
DEMO_HOSTS = frozenset(FACTS["binanceusdm"].demo_hosts)  # where it lets people practise
CONNECT_SECONDS = 10.0
LOOK_MS, DATA_WEIGHT, USED = (
    250,
    2,
    "X-MBX-USED-WEIGHT-1M",
)  # a question for market data; what was counted
READ_SECONDS = 30.0


class HostRefusedError(OSError):
    """A paper session wanted to leave the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The embedded exchange: its TLS port on loopback and the certificate to trust."""

    port: int
    certificate_pem: str
    hosts: frozenset[str] = HOSTS  # the names that lead there


class LoopbackResolver(AbstractResolver):
    """Leads the exchange's names to one loopback port; every other host raises HostRefusedError."""

    def __init__(self, port: int, hosts: frozenset[str] = HOSTS) -> None:
        self._port = port
        self._hosts = hosts

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - loopback is IPv4
    ) -> list[ResolveResult]:
        """Return the loopback address for a name of the exchange."""
        if host not in self._hosts:
            raise HostRefusedError(f"paper trading reaches no other host: {host}:{port} refused")
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self._port,
                family=socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


def loopback_socket(address: AddrInfoType) -> socket.socket:
    """Return a socket for a loopback address; a numeric foreign one, which no resolver ever sees, raises."""
    family, kind, protocol, _, destination = address
    if destination[0] != "127.0.0.1":
        raise HostRefusedError(f"paper trading reaches no other host: {destination[0]} refused")
    return socket.socket(family, kind, protocol)


def counting(budget: Budget) -> aiohttp.TraceConfig:
    """Have every request of a session wait for its turn in ``budget``, as data, and hear what was counted."""
    trace = aiohttp.TraceConfig()

    async def begins(_: aiohttp.ClientSession, __: object, ___: aiohttp.TraceRequestStartParams) -> None:
        wait_ms = budget.take(Claim.DATA, DATA_WEIGHT)
        while wait_ms:
            await asyncio.sleep(min(wait_ms, LOOK_MS) / 1000)
            wait_ms = budget.take(Claim.DATA, DATA_WEIGHT)

    async def ended(_: aiohttp.ClientSession, __: object, answer: aiohttp.TraceRequestEndParams) -> None:
        budget.heard(answer.response.headers.get(USED))

    trace.on_request_start.append(begins)
    trace.on_request_end.append(ended)
    return trace


def session(endpoint: Endpoint | None, traces: Sequence[aiohttp.TraceConfig] = ()) -> aiohttp.ClientSession:
    """Return a session that reaches ``endpoint`` and nothing else, or, with None, the real network."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
    if endpoint is None:
        return aiohttp.ClientSession(timeout=timeout, trace_configs=list(traces))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=endpoint.certificate_pem)
    connector = aiohttp.TCPConnector(
        resolver=LoopbackResolver(endpoint.port, endpoint.hosts),
        ssl=context,
        use_dns_cache=False,
        socket_factory=loopback_socket,
    )
    return aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False, trace_configs=list(traces))
