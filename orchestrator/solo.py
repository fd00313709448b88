"""The embedded exchange alone: any of its markets, for any client, its books kept where a folder is named.

    DIR/exchange/  identity.json   which market, since when, and the one key: 0600
                   commands.jsonl  advances.bin    what it was told (engine/venue/embedded/chronicle.py)
                   certificate.pem ...             what its clients trust

Started again on the same folder it is the same exchange: key, orders, money and the market's time go on.
"""

import asyncio
import fcntl
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.venue.embedded import clients, limits
from engine.venue.embedded.agent import ExchangeAgent
from engine.venue.embedded.certificate import Certificate, kept
from engine.venue.embedded.chronicle import Chronicle, ChronicleError
from engine.venue.embedded.exchange import Exchange
from engine.venue.embedded.faults.injector import Faults
from engine.venue.embedded.faults.schedule import Schedule
from engine.venue.embedded.market import Market
from engine.venue.embedded.pace import Speed
from engine.venue.embedded.server import Plan, Ports, PortTakenError
from engine.venue.embedded.signing import Key, fresh_key
from engine.venue.embedded.spot.exchange import SpotExchange
from orchestrator import addresses, wiring
from orchestrator.compiling import compile_exchange
from orchestrator.settings import BadInputError, ExchangeSettings, MarketSettings, build
from shm.clock import SystemClock
from shm.instruments import minor

ACCOUNT = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Solo:
    """How the embedded exchange is run alone."""

    port: int
    data: Sequence[str] = ("synthetic",)
    speed: str = "1"
    seed: int = 1
    has_published_limits: bool = False
    certificate: Path | None = None  # where its certificate is written
    faults: Path | None = None  # what shall go wrong
    distance: ExchangeSettings = wiring.NEAR  # its latency
    state: Path | None = None  # where it is kept; None: it is forgotten when it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What an exchange keeps over a restart beside what it was told."""

    source: tuple[str, ...]
    seed: int
    start_ns: int
    key: str
    secret: str


def serve_exchange(solo: Solo) -> int:
    """Run the embedded exchange alone until told to stop."""
    if not 0 <= solo.port <= 65535:
        raise BadInputError(f"--port {solo.port}: between 0 and 65535")
    if solo.speed == "step":
        raise BadInputError("--speed step: there is no engine to wait for; only a session has one")
    schedule = wiring.scheduled(solo.faults, solo.seed)
    data = [str(Path(text).resolve()) if Path(text).exists() else text for text in solo.data]
    settings = build({"market": {"source": data, "speed": solo.speed}}).market
    try:
        with _folder(solo.state) as folder:
            identity = _identity(folder, settings, solo.seed)
            market = wiring.market_of(settings, identity.seed, identity.start_ns)
            # Here and not at the first order, whose recvWindow would pass meanwhile.
            compile_exchange(lambda *_: None, 0)
            asyncio.run(_serve(market, (settings, identity, folder), (solo, schedule)))
    except BadInputError as error:
        raise BadInputError(str(error).replace("--market", "--data", 1)) from None
    except PortTakenError as error:
        raise BadInputError(f"--port: {error}") from None
    return 0


@contextmanager
def _folder(state: Path | None) -> Iterator[Path | None]:
    """The exchange's own folder, for one process at a time."""
    if state is None:
        yield None
        return
    folder = state.resolve() / "exchange"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadInputError(f"--state {state}: {error.strerror}") from None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except BlockingIOError:
        raise BadInputError(f"--state {state}: another exchange runs there") from None
    finally:
        os.close(number)


def _identity(folder: Path | None, settings: MarketSettings, seed: int) -> Identity:
    """Who this exchange is: as the folder says, else new."""

    key, secret = fresh_key()
    fresh = Identity(source=settings.source, seed=seed, start_ns=SystemClock().wall_ns(), key=key, secret=secret)
    path = folder / "identity.json" if folder else None
    if path is None:
        return fresh
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(fresh), file)
        return fresh
    try:
        known = Identity(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise BadInputError(f"{path}: unreadable ({error}); remove the folder to begin anew") from None
    known = replace(known, source=tuple(known.source))
    if (known.source, known.seed) != (fresh.source, fresh.seed):
        there = f"--data {' '.join(known.source)} --seed {known.seed}"
        raise BadInputError(f"--state {folder}: kept for {there}; give these, or another folder")
    return known


def _opened(exchange: Exchange, folder: Path | None, seed: int, deposit: int) -> SpotExchange:
    """Let ``exchange`` go on from what it was told, or begin with one funded account; its spot floor."""

    spot = SpotExchange(exchange)
    if folder is not None:
        try:
            chronicle = Chronicle(folder, exchange.character(seed))
            chronicle.play(exchange, spot)
        except ChronicleError as error:
            raise BadInputError(str(error)) from None
    if not exchange.accounts:
        exchange.deposit(ACCOUNT, deposit)
    return spot


def _certificate(folder: Path | None) -> Certificate | None:

    return kept(folder, SystemClock().wall_ns()) if folder else None


async def _serve(
    market: Market, ours: tuple[MarketSettings, Identity, Path | None], told: tuple[Solo, Schedule]
) -> None:
    """Serve a market on the plain port (and TLS on any) with one account."""

    (settings, identity, folder), (solo, schedule) = ours, told
    speed = Speed.parse(str(settings.speed))
    played = Exchange(market, wiring.play_of(settings, speed, solo.distance, len(market.listings)))
    spot = _opened(played, folder, identity.seed, minor(settings.deposit))
    agent = ExchangeAgent(played, replace(_plan(solo, identity, (speed, schedule, folder)), spot=spot))
    await agent.start()
    if solo.certificate:
        solo.certificate.write_text(agent.certificate.pem, encoding="ascii")
    _tell(agent.ports, tuple(one.symbol for one in market.listings))
    print(f"\nkey {identity.key}   secret {identity.secret}   ({settings.deposit} USDT of play money)", flush=True)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    agent.run()
    try:
        while not stopping.is_set():
            await agent.work()
    finally:
        await agent.close()


def _plan(solo: Solo, identity: Identity, more: tuple[Speed, Schedule, Path | None]) -> Plan:

    speed, schedule, folder = more
    return Plan(
        keys={identity.key: Key(secret=identity.secret, account=ACCOUNT)},
        speed=speed,
        plain_port=solo.port,
        faults=Faults(schedule),
        limits=limits.PUBLISHED if solo.has_published_limits else limits.GENEROUS,
        rules=clients.PUBLISHED if solo.has_published_limits else clients.PATIENT,
        certificate=_certificate(folder),
    )


def _tell(ports: Ports | None, symbols: tuple[str, ...]) -> None:
    assert ports is not None, "it listens"
    for line in addresses.lines(ports.plain, ports.tls, symbols):
        print(line, flush=True)
    for line in addresses.spot_lines(ports.spot_plain, ports.spot_tls):
        print(line, flush=True)
