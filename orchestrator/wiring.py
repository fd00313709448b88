"""Who is built from what: the only place where paper and, later, live and replay differ.

session.json --> exchange   Exchange(market) behind a server on loopback      paper only
                 feed       ccxt, dialled to the exchange's port; to the real one where its market is mirrored
                 brain      strategies
                 engine     ccxt with keys, dialled to the same port; the account's journal
                 reconciler ccxt with keys, a connection of its own
                 recorder   tapes in the session's folder
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from engine.venue.facts import FACTS
from orchestrator import keys, observed
from orchestrator.session import Session
from orchestrator.settings import BadInputError, ExchangeSettings, MarketSettings
from shm.agent import AsyncAgent, Body
from shm.budget import Budget
from shm.clock import SystemClock
from shm.instruments import Instrument, minor
from shm.memory import Memory
from shm.records import POSITION, PULSE
from shm.topology import position_row, role_row

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from engine.venue.client import Login
    from engine.venue.embedded.exchange import Exchange
    from engine.venue.embedded.exchange import Settings as Play
    from engine.venue.embedded.faults.schedule import Schedule
    from engine.venue.embedded.market import Market
    from engine.venue.embedded.pace import Speed
    from engine.venue.embedded.relay import Relay
    from engine.venue.live import LiveVenue
    from orchestrator.mirroring import Catalogue

ASSET = "USDT"
NEAR = ExchangeSettings()
WEIGHT_PER_MINUTE = 2_400  # what Binance gives an address on USDT-M
SCHEDULE, FAULTS = "schedule.json", "faults.jsonl"  # in the session: what shall go wrong, and what did


def market_of(settings: MarketSettings, seed: int, start_ns: int) -> "Market":
    """Return the market that ``settings`` name; every complaint is one line."""
    from engine.venue.embedded.synthetic import SYMBOLS, SyntheticMarket, symbols_of

    try:
        if settings.is_synthetic:
            wanted = settings.symbols or symbols_of(settings.symbols_count or len(SYMBOLS))
            return SyntheticMarket(seed, start_ns, wanted)
        from orchestrator.recordings import opened

        market = opened([Path(place) for place in settings.source], settings.symbols)
    except ValueError as error:
        raise BadInputError(f"--symbols: {error}") from None
    for one in market.listings:
        if one.quote != ASSET:
            raise BadInputError(f"--market: {one.symbol} is quoted in {one.quote}; the paper account holds {ASSET}")
    return market


def play_of(
    settings: MarketSettings, speed: "Speed", distance: ExchangeSettings = NEAR, symbols_count: int = 1
) -> "Play":
    """Return how the embedded exchange plays its market: prices, fills, what holding costs, and how late it is."""
    from engine.venue.embedded.exchange import Settings as Play
    from engine.venue.embedded.synthetic import SPREAD_PPM

    usual_ppm = SPREAD_PPM if settings.is_synthetic else 0
    return Play(
        points_per_candle=speed.points_per_candle(symbols_count),
        spread_ticks=settings.spread_ticks,
        spread_ppm=usual_ppm if settings.spread_ppm < 0 else settings.spread_ppm,
        depth_ppm=settings.depth_ppm,
        mark_minutes=settings.mark_minutes,
        pays_funding=settings.funding,
        fills=settings.fills,
        order_latency_ms=distance.order_latency_ms,
        order_jitter_ms=distance.order_jitter_ms,
        feed_latency_ms=distance.feed_latency_ms,
        feed_jitter_ms=distance.feed_jitter_ms,
        latency_seed=distance.latency_seed,
    )


def defects_of(market: "Market | Catalogue") -> list[str]:
    """Return one line for each candle file with rows that are not used."""
    rejected = getattr(market, "rejected", {})
    return [f"{name}: {found.count} rows left out: {found.words}" for name, found in rejected.items() if found.count]


def listed(settings: MarketSettings, seed: int, start_ns: int) -> "Market | Catalogue":
    """Return what a paper session trades on: a market of our own, or the contracts of the one that is mirrored."""
    if not settings.is_mirror:
        return market_of(settings, seed, start_ns)
    from orchestrator import mirroring

    return mirroring.catalogue(settings)


def instruments_of(market: "Market | Catalogue", venue: str, account: str) -> tuple[Instrument, ...]:
    """Return the rows of INSTRUMENTS for the contracts of ``market``."""
    names = ("tick_e8", "lot_e8", "lots_min", "lots_max", "market_lots_max", "notional_min", "leverage_max")
    return tuple(
        Instrument(
            row=row,
            symbol=one.symbol,
            venue=venue,
            account=account,
            **{name: getattr(one, name) for name in names},
        )
        for row, one in enumerate(market.listings)
    )


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def make_keys(session: Session) -> None:
    """Write the paper exchange's random keys, for the processes that trade."""
    from engine.venue.embedded.signing import fresh_key

    key, secret = fresh_key()
    path = session.path / "keys.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"key": key, "secret": secret}, file)


def exchange(body: Body, session: Session) -> AsyncAgent:
    """Return the embedded exchange."""
    from engine.venue.embedded.agent import ExchangeAgent, Office
    from engine.venue.embedded.certificate import kept
    from engine.venue.embedded.chronicle import Chronicle
    from engine.venue.embedded.faults.injector import Faults
    from engine.venue.embedded.pace import Speed
    from engine.venue.embedded.server import Plan
    from engine.venue.embedded.signing import Key
    from engine.venue.embedded.spot.exchange import SpotExchange

    settings = session.settings.market
    key = keys.of(session)
    speed = Speed.parse(str(settings.speed))
    played, relay_of = _mirroring(body, session) if settings.is_mirror else _playing(session, speed)
    chronicle = Chronicle(session.path / "exchange", played.character(session.seed))
    is_new = chronicle.is_new
    spot = SpotExchange(played)
    chronicle.play(played, spot)
    if is_new:
        played.deposit(session.account, minor(settings.deposit))
    pulses, pulse = body.memory.table_reader("PULSES"), np.zeros(1, PULSE)

    def settled_ns() -> int:
        return int(pulse["settled_ns"][0]) if pulses.read(role_row("engine"), pulse) else 0

    rows = {one.symbol: position_row(one.row, 0) for one in session.instruments}
    symbols = {one.id: one.symbol for one in played.listings}
    positions, position = body.memory.table_reader("POSITIONS"), np.zeros(1, POSITION)

    def is_booked() -> bool:
        there = played.account(session.account).positions
        return all(
            positions.read(rows[symbols[one.symbol]], position) and int(position["net_lots"][0]) == one.lots
            for one in there
            if one.symbol in symbols
        )

    plan = Plan(
        keys={key.key: Key(secret=key.secret, account=session.account)},
        speed=speed,
        spot=spot,
        tls_port=session.port,
        settled_ns=settled_ns,
        is_booked=is_booked,
        certificate=kept(session.path, SystemClock().wall_ns()),
        faults=Faults(scheduled(session.path / SCHEDULE, session.seed), session.path / FAULTS),
        relay=relay_of(),
    )
    return ExchangeAgent(played, plan, Office(body.memory, body.pulse))


def _playing(session: Session, speed: "Speed") -> "tuple[Exchange, Callable[[], None]]":
    """Return an exchange with a market of its own."""
    from engine.venue.embedded.exchange import Exchange

    settings = session.settings.market
    market = market_of(settings, session.seed, session.market_start_ns)
    play = play_of(settings, speed, session.settings.exchange, len(market.listings))
    return Exchange(market, play), lambda: None


def _mirroring(body: Body, session: Session) -> "tuple[Exchange, Callable[[], Relay]]":
    """Return an exchange whose market the feed hears, and, once it knows what it knew, what tells it."""
    from engine.venue.embedded.mirror import MirrorExchange
    from engine.venue.embedded.pace import MAX, Speed
    from engine.venue.embedded.relay import Relay
    from orchestrator import mirroring

    memory = body.memory
    market = mirroring.market_of(memory, session, session.path / "exchange")
    # One point a minute, as at full speed: the market says when.
    played = MirrorExchange(market, play_of(session.settings.market, Speed(MAX), session.settings.exchange))
    return played, lambda: Relay(played, memory.ring_reader("MARKET"), memory.ring_reader("TICKS"), memory.bell)


def market_dialler(session: Session, memory: Memory) -> "Callable[[], ClientSession]":
    """Return what opens the feed's connections: to the session's exchange, or to the one that it mirrors."""
    from orchestrator import dialling, mirroring

    settings = session.settings.market
    if not settings.is_mirror:
        return dialler(session, budget(session, memory))
    endpoint = mirroring.endpoint_of(settings)
    traces = [dialling.counting(Budget(memory.words, WEIGHT_PER_MINUTE, SystemClock().wall_ns))]
    return lambda: dialling.session(endpoint, traces)


def spot_dialler(session: Session) -> "Callable[[], ClientSession]":
    """Return what opens connections to the spots of the feed's market: their weight is in no budget of contracts."""
    from orchestrator import dialling, mirroring

    settings = session.settings.market
    if not settings.is_mirror:
        return dialler(session)
    endpoint = mirroring.endpoint_of(settings)
    return lambda: dialling.session(endpoint)


def budget(session: Session, memory: Memory) -> Budget | None:
    """Return the rate budget of the address; on paper, where a minute is no minute, nobody counts."""
    if session.mode == "paper":
        return None
    return Budget(memory.words, FACTS[session.exchange].weight_per_minute, SystemClock().wall_ns)


def dialler(session: Session, counted: Budget | None = None) -> "Callable[[], ClientSession]":
    """Return what opens connections: on paper to the embedded exchange and nowhere else, live to the network."""
    from engine.venue.embedded.certificate import PUBLIC_NAME
    from orchestrator import dialling

    traces = [] if counted is None else [dialling.counting(counted)]
    if session.mode == "live" and not session.loopback:
        return lambda: dialling.session(None, traces)
    certificate = Path(session.loopback) if session.loopback else session.path / PUBLIC_NAME
    facts = FACTS[session.exchange]
    hosts = frozenset(facts.demo_hosts if session.is_demo else facts.hosts)
    endpoint = dialling.Endpoint(port=session.port, certificate_pem=certificate.read_text(), hosts=hosts)
    return lambda: dialling.session(endpoint, traces)


def feed(body: Body, session: Session) -> AsyncAgent:
    """Return the feed."""
    from engine.venue.embedded.pace import Speed
    from feed.agent import FeedAgent, MarketPlan
    from feed.dialect import Where
    from feed.spots import SpotPlan

    known = {one.row: spot for one in session.instruments if (spot := session.spots.get(one.symbol))}
    spots = SpotPlan(
        spots={row: (spot.id, float(spot.factor)) for row, spot in known.items()},
        dial=spot_dialler(session),
        is_demo=session.is_demo,
    )
    speed = Speed.parse(str(session.settings.market.speed)).factor
    plan = MarketPlan(
        instruments=session.instruments,
        dial=market_dialler(session, body.memory),
        speed=speed,
        timeframes_s=session.timeframes_s,
        where=Where(session.exchange, session.is_demo),
        limits_rate=session.mode != "paper" or session.settings.market.is_mirror,
        spots=spots if session.settings.engine.risk.basis_ppm_max else None,
        company=observed.plan_of(session, spot_dialler(session)),
    )
    return FeedAgent(body, plan, session.settings.feed)


def login(session: Session, found: keys.Keys) -> "Login":
    """Return the account that ``session`` trades, and the keys to it."""
    from engine.venue.client import Login

    return Login(
        exchange=session.exchange,
        account=session.account,
        key=found.key,
        secret=found.secret,
        is_demo=session.is_demo,
    )


def venue(session: Session, memory: Memory) -> "LiveVenue":
    """Return the account's venue, not yet connected."""
    from engine.venue.client import Surroundings
    from engine.venue.live import LiveVenue

    around = Surroundings(
        dial=dialler(session),
        clock=SystemClock(),
        generator=Random(),  # noqa: S311 - jitter, not secrets
        answer_timeout_ms=session.settings.engine.executor.answer_timeout_ms,
        budget=budget(session, memory),
        limits_rate=session.mode != "paper",
    )
    return LiveVenue(login(session, keys.of(session)), around)


def engine(body: Body, session: Session) -> AsyncAgent:
    """Return the engine."""
    from engine.account import Plan
    from engine.agent import EngineAgent
    from engine.switch import NAME as SWITCH

    plan = Plan(
        run_id=session.run_id,
        folder=session.account_path,
        settings=session.settings.engine,
        instruments=session.instruments,
        strategies=session.strategies,
        asset=ASSET,
        is_shared=session.mode == "live",
        observes=session.observes,
        kill_file=Path(session.state) / SWITCH,
    )
    return EngineAgent(plan, body, venue(session, body.memory), SystemClock())


def reconciler(body: Body, session: Session) -> AsyncAgent:
    """Return the reconciler, with a connection of its own."""
    from orchestrator.reconciler import Office, Reconciler

    return Reconciler(Office(body, venue(session, body.memory), SystemClock(), ASSET), session)


async def drive(build: Callable[[Body, Session], AsyncAgent], body: Body, session: Session) -> int:
    """Build an agent on the running loop and live its life."""
    from shm.agent import run_async

    return await run_async(build(body, session), body)


def run_on_loop(build: Callable[[Body, Session], AsyncAgent], body: Body, session: Session) -> int:
    """Live an agent's life on an event loop of its own."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(drive(build, body, session))


def scheduled(path: Path | None, seed: int) -> "Schedule":
    """Return the faults that ``path`` schedules, none without it; a file that names no seed gets ``seed``."""
    from engine.venue.embedded.faults.schedule import Schedule, ScheduleError, read

    if path is None or (path.name == SCHEDULE and not path.exists()):
        return Schedule(seed=seed)
    try:
        found = read(path)
    except ScheduleError as error:
        raise BadInputError(f"--faults {error}") from None
    return replace(found, seed=found.seed or seed)
