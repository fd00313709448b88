"""What would be traded, before anything is: the universe of the settings, as a table or as JSON.

    rank  symbol              24 h volume   days   spot                 what is traded, in order
       1  BTC/USDT:USDT     8,208,000,000   2247   BTC/USDT
       2  1000PEPE/USDT:U...  312,000,000    940   1000 x PEPE/USDT
    left out, 590: rank_max 480 (e.g. ...), status 91 (...), ...        and why not the others
    no spot, 1: ...

Asked of the market of a session, of an exchange, or of a recorded exchangeInfo.
"""

import argparse
import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from feed.market import SPOT, Market
from orchestrator import discovery
from orchestrator import settings as settings_of
from orchestrator.dialling import Endpoint
from orchestrator.discovery import Place
from orchestrator.live import exchange_named, loopback_of
from orchestrator.paper import options_of
from orchestrator.settings import MIRRORED, BadInputError, Settings
from orchestrator.spots import Pairing, paired
from orchestrator.universe import DAY_MS, Choice, UniverseError, UniverseSettings
from shm.clock import SystemClock

EXAMPLES_MAX = 3
DAY_NS = DAY_MS * 1_000_000


def show(typed: argparse.Namespace, environment: dict[str, str]) -> int:
    """Print what would be traded; 1 when that is nothing."""
    settings = settings_for(typed)
    place, there, where = looked_at(typed, settings, environment)
    try:
        pairing = paired(there, settings.market.spots)
        choice = discovery.chosen(settings, there, pairing, place)
    except UniverseError as error:
        raise BadInputError(str(error)) from None
    told = report(choice, pairing, there) | {"of": where, "markets": len(there)}
    if typed.json == "-":
        print(json.dumps(told, indent=2))
        return 0 if choice.taken else 1
    if typed.json:
        Path(typed.json).write_text(json.dumps(told, indent=2) + "\n")
    for line in page(choice, pairing, where, place.start_ns, shows_all=typed.all):
        print(line)
    return 0 if choice.taken else 1


def settings_for(typed: argparse.Namespace) -> Settings:
    """The settings of the session that is meant, with rules: the defaults where none are set; named symbols aside."""
    given = [bool(typed.market), bool(typed.of), bool(typed.file)]
    if sum(given) > 1:
        raise BadInputError("markets: --market, --exchange and --file are three places; give one of them")
    profile = "live" if typed.of else "mirror" if typed.market == [MIRRORED] else "paper"
    options = options_of(argparse.Namespace(market=typed.market, symbols=None, speed=None, strategy=None))
    settings = settings_of.assemble(profile, typed.config, typed.set, options)
    market = settings.market
    return replace(settings, market=replace(market, symbols=(), universe=market.universe or UniverseSettings()))


def looked_at(
    typed: argparse.Namespace, settings: Settings, environment: dict[str, str]
) -> tuple[Place, list[Market], str]:
    """Where the markets are looked for, what they are, and its name."""
    now_ns = SystemClock().wall_ns()
    if typed.file:
        infos = [read_info(path) for path in typed.file]
        served_ms = max((int(info.get("serverTime", 0)) for info in infos), default=0)
        place = Place(start_ns=served_ms * 1_000_000 or now_ns)
        return place, recorded(infos, typed.file), ", ".join(path.name for path in typed.file)
    place = Place(start_ns=now_ns, seed=1)
    if typed.of:
        port, certificate = loopback_of(environment)
        endpoint = Endpoint(port=port, certificate_pem=Path(certificate).read_text()) if certificate else None
        place = replace(place, exchange=exchange_named(typed.of), dial=discovery.dial_to(endpoint))
    return place, discovery.markets_of(settings, place), discovery.where_of(settings, place)


def read_info(path: Path) -> dict[str, Any]:
    """What a recorded exchangeInfo says."""
    try:
        raw = path.read_bytes()
        info = orjson.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    except FileNotFoundError:
        raise BadInputError(f"--file {path}: no such file") from None
    except (OSError, EOFError, ValueError) as error:
        raise BadInputError(f"--file {path}: not JSON, plain or gzip ({error})") from None
    if not isinstance(info, dict):
        raise BadInputError(f"--file {path}: not an exchangeInfo: a list, where an object is expected")
    return info


def recorded(infos: Sequence[dict[str, Any]], names: Sequence[Path]) -> list[Market]:
    """The markets of recorded answers; of a symbol that stands in two of them, the last."""
    from orchestrator.narrowing import narrow

    narrow()
    from feed.registry import recorded as read
    from feed.source import SourceError

    found: dict[str, Market] = {}
    for info, name in zip(infos, names, strict=True):
        try:
            found |= {one.symbol: one for one in read(info)}
        except SourceError as error:
            raise BadInputError(f"--file {name}: {error}") from None
    return list(found.values())


def report(choice: Choice, pairing: Pairing, there: Sequence[Market]) -> dict[str, Any]:
    """Everything, for JSON: what is traded, what is not, and the spot of every contract."""
    spots = {name: {"spot": one.symbol, "factor": f"{one.factor:f}"} for name, one in pairing.spots.items()}
    return discovery.plain(choice, pairing) | {
        "mapping": spots,
        "unmapped": dict(pairing.without),
        "contracts": {name: list(symbols) for name, symbols in pairing.contracts.items()},
        "spots_without_contract": dict(pairing.spot_without),
        "spots_listed": sum(one.kind == SPOT for one in there),
    }


def page(choice: Choice, pairing: Pairing, where: str, now_ns: int, *, shows_all: bool) -> list[str]:
    """The same for people."""
    count = len(choice.taken) + len(choice.left)
    lines = [f"{len(choice.taken)} of {count} markets of {where}"]
    if choice.taken:
        lines.append(f"{'rank':>5}  {'symbol':<24}{'24 h volume':>20}{'days':>7}   spot")
    for one in choice.taken:
        market, spot = one.market, pairing.spots.get(one.market.symbol)
        volume = "-" if market.volume is None else f"{market.volume:,.0f}"
        days = "-" if market.listed_ms is None else str((now_ns - market.listed_ms * 1_000_000) // DAY_NS)
        times = f"{spot.factor:,f} x " if spot and spot.factor != Decimal(1) else ""
        paired_with = f"{times}{spot.symbol}" if spot else f"none: {pairing.without.get(market.symbol, '')}"
        lines.append(f"{one.rank or '-':>5}  {market.symbol:<24}{volume:>20}{days:>7}   {paired_with}")
    lines += left_lines(choice, shows_all=shows_all)
    lines.append(f"{len(pairing.spots)} of {len(pairing.spots) + len(pairing.without)} contracts have a spot")
    return [*lines, *choice.notes]


def left_lines(choice: Choice, *, shows_all: bool) -> list[str]:
    """What is left out: a line for each rule with some of its symbols, or one for each symbol."""
    if shows_all:
        return [f"out    {one.symbol:<24}{one.rule}: {one.words}" for one in choice.left]
    words = {one.symbol: one.words for one in choice.left}
    lines = []
    for rule, symbols in choice.removed().items():
        some = "; ".join(f"{symbol} {words[symbol]}" for symbol in symbols[:EXAMPLES_MAX])
        lines.append(f"left out by {rule}: {len(symbols)}, e.g. {some}")
    return lines
