"""From the settings to the symbols of a session: named ones, else what the rules leave of what the market lists.

    market.symbols ------------------------------------------------> symbols
    market.universe --> markets of both floors --rules--> choice --> symbols, each with its spot

    synthetic, files    what they would list           the exchange that plays them does not run yet
    binanceusdm, live   asked of the exchange, once    through ccxt, without keys

The markets are asked for only where somebody wants to know: there are rules, a limit on the basis, or a strategy that
looks at spots.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from feed.market import SPOT, Market
from orchestrator import observed, wiring
from orchestrator.settings import MIRRORED, BadInputError, Settings
from orchestrator.spots import Pairing, Spot, paired
from orchestrator.universe import Choice, Circumstances, Left, Taken, UniverseError, choose, described

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from engine.venue.embedded.listing import Listing
    from engine.venue.embedded.market import Market as Played
    from orchestrator.dialling import Endpoint

    Dial = Callable[[], ClientSession]

MINUTES_A_DAY = 1440
NAME = "universe.json"  # in the session's folder
NAMED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where markets are looked for: among those of the settings, or at an exchange that is reached through ``dial``."""

    start_ns: int
    seed: int = 0
    exchange: str = ""  # live; empty: the market of the settings
    dial: "Dial | None" = None
    is_demo: bool = False
    held: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a session trades, and why; ``choice`` is None where the symbols were named."""

    settings: Settings
    spots: dict[str, Spot]
    choice: Choice | None = None
    pairing: Pairing | None = None
    watches_spots: bool = False  # a strategy looks at their candles

    def lines(self) -> list[str]:
        """What a person should know before it starts."""
        if self.choice is None:
            market = self.settings.market
            return ["symbols are named: market.universe is not asked"] if market.universe and market.symbols else []
        count, left = len(self.choice.taken), len(self.choice.left)
        removed = ", ".join(f"{rule} {len(symbols)}" for rule, symbols in self.choice.removed().items())
        of = f"of {count + left} markets" + (f" (left out: {removed})" if left else "")
        return [f"universe: {count} {of}; {len(self.spots)} with a spot", *self.choice.notes]

    def save(self, folder: Path) -> None:
        """Keep in the session's folder what was chosen, and what was not and why."""
        if self.choice is not None and self.pairing is not None:
            told = orjson.dumps(plain(self.choice, self.pairing), option=orjson.OPT_INDENT_2)
            (folder / NAME).write_bytes(told + b"\n")


def discovered(settings: Settings, place: Place) -> Discovered:
    """The settings with the symbols that are traded; every complaint is one line."""
    market = settings.market
    is_ruled = market.universe is not None and not market.symbols
    who = observed.lookers(settings)
    if not is_ruled and not settings.engine.risk.basis_ppm_max and not who:
        return Discovered(settings, {})
    there = markets_of(settings, place)
    try:
        pairing = paired(there, market.spots)
        if not is_ruled:
            names = market.symbols or tuple(one.symbol for one in there if one.kind != SPOT)
            _refuse_silent(who, settings, place, names, pairing)
            spots = {name: pairing.spots[name] for name in names if name in pairing.spots}
            return Discovered(settings, spots, watches_spots=bool(who))
        choice = chosen(settings, there, pairing, place)
    except UniverseError as error:
        raise BadInputError(str(error)) from None
    if not choice.taken:
        raise BadInputError(described(choice, where_of(settings, place)))
    found = replace(settings, market=replace(market, symbols=choice.symbols))
    _refuse_silent(who, found, place, choice.symbols, pairing)
    spots = {name: pairing.spots[name] for name in choice.symbols if name in pairing.spots}
    return Discovered(found, spots, choice, pairing, bool(who))


def _refuse_silent(
    who: Sequence[str], settings: Settings, place: Place, names: Sequence[str], pairing: Pairing
) -> None:
    """Refuse a contract whose spot has no candles, if a strategy looks at them."""
    market = settings.market
    if who and not (place.exchange or market.is_mirror or market.is_synthetic):
        observed.refuse_recording(who, wiring.market_of(market, place.seed, place.start_ns))
    else:
        observed.refuse_without(who, names, pairing.without)


def chosen(settings: Settings, there: Sequence[Market], pairing: Pairing, place: Place) -> Choice:
    """The choice among ``there``; a universe of spots is traded on the contract of each."""
    rules = settings.market.universe
    assert rules is not None, "somebody looked before"
    at = Circumstances(
        now_ms=place.start_ns // 1_000_000,
        asset=wiring.ASSET,
        spots={name: spot.symbol for name, spot in pairing.spots.items()},
        held=place.held,
    )
    choice = choose(there, rules, at)
    return on_contracts(choice, there, pairing) if rules.kind == SPOT else choice


def on_contracts(choice: Choice, there: Sequence[Market], pairing: Pairing) -> Choice:
    """The contracts on which the spots of ``choice`` are traded, in their order; a spot without one is left out."""
    known = {one.symbol: one for one in there}
    taken: dict[str, Taken] = {}
    left = {one.symbol: one for one in choice.left}
    for one in choice.taken:
        if one.market.kind != SPOT:
            taken.setdefault(one.market.symbol, one)
            continue
        contracts = [known[name] for name in pairing.contracts.get(one.market.symbol, ())]
        usable = [each for each in contracts if each.is_trading and each.settle == wiring.ASSET]
        if usable:
            taken.setdefault(usable[0].symbol, Taken(usable[0], one.rank))
            continue
        words = pairing.spot_without.get(one.market.symbol, "")
        if contracts:
            words = f"no contract settled in {wiring.ASSET} trades: {contracts[0].symbol} {contracts[0].status}"
        left[one.market.symbol] = Left(one.market.symbol, "contract", words)
    rest = tuple(left[symbol] for symbol in sorted(left) if symbol not in taken)
    return Choice(tuple(taken.values()), rest, choice.notes)


def where_of(settings: Settings, place: Place) -> str:
    """What the markets are those of, in words."""
    return place.exchange or " ".join(Path(name).name for name in settings.market.source)


def markets_of(settings: Settings, place: Place) -> list[Market]:
    """Everything that is listed, on both floors."""
    market = settings.market
    if place.exchange:
        return asked(place, settings)
    if market.is_mirror:
        from orchestrator import mirroring

        return asked(replace(place, exchange=MIRRORED, dial=dial_to(mirroring.endpoint_of(market))), settings)
    if market.is_synthetic and not market.symbols and not market.symbols_count:
        from engine.venue.embedded.listing import PUBLISHED

        market = replace(market, symbols=tuple(PUBLISHED))
    played = wiring.market_of(market, place.seed, place.start_ns)
    volume_of = usual_day if market.is_synthetic else recorded_day
    return [one for listing in played.listings for one in own(listing, *volume_of(played, listing))]


def dial_to(endpoint: "Endpoint | None") -> "Dial":
    """What opens connections to ``endpoint``; None is the world."""
    from orchestrator import dialling

    return lambda: dialling.session(endpoint)


def asked(place: Place, settings: Settings) -> list[Market]:
    """What a real exchange lists, on both floors, by its public answers."""
    from orchestrator.narrowing import narrow

    narrow()
    from feed.registry import listed
    from feed.source import SourceError

    assert place.dial is not None, "an exchange is reached somehow"
    try:
        return asyncio.run(listed(place.exchange, place.dial, settings.feed, is_demo=place.is_demo))
    except SourceError as error:
        raise BadInputError(f"market.universe: the markets of {place.exchange} cannot be listed ({error})") from None


def own(listing: "Listing", last: Decimal | None, volume: Decimal | None) -> tuple[Market, Market]:
    """A contract of the embedded exchange, and the spot of the same name beside it."""
    e8 = Decimal(10**8)
    lot = Decimal(listing.lot_e8) / e8
    contract = Market(
        symbol=listing.symbol,
        id=listing.id,
        base=listing.base,
        quote=listing.quote,
        settle=listing.quote,
        last=last,
        volume=volume,
        tick=Decimal(listing.tick_e8) / e8,
        lot=lot,
        quantity_min=lot * listing.lots_min,
        notional_min=Decimal(listing.notional_min) / e8,
    )
    return contract, replace(contract, symbol=f"{listing.base}/{listing.quote}", settle="", kind=SPOT)


def usual_day(_: "Played", listing: "Listing") -> tuple[Decimal, Decimal]:
    """Price and 24 h volume that a made-up market usually has: it is not made yet."""
    from engine.venue.embedded.synthetic import CHARACTERS, OTHER

    one = CHARACTERS.get(listing.base, OTHER)
    return Decimal(str(one.price)), Decimal(str(one.price)) * Decimal(str(one.volume)) * MINUTES_A_DAY


def recorded_day(played: "Played", listing: "Listing") -> tuple[Decimal | None, Decimal | None]:
    """Last price and volume of the day before a recording's start."""
    minutes = played.minutes(listing.row, played.start_ns)[-MINUTES_A_DAY:]
    if not len(minutes):
        return None, None
    last = Decimal(int(minutes["close"][-1])) * listing.tick_e8 / 10**8
    return last, Decimal(int(minutes["quote_e4"].sum())) / 10**4


def plain(choice: Choice, pairing: Pairing) -> dict[str, Any]:
    """``choice`` as plain values, for JSON; numbers that are exact are text."""
    return {
        "taken": [row(one, pairing) for one in choice.taken],
        "left_out": [msgspec.to_builtins(one) for one in choice.left],
        "removed": {rule: len(symbols) for rule, symbols in choice.removed().items()},
        "notes": list(choice.notes),
    }


def row(one: Taken, pairing: Pairing) -> dict[str, Any]:
    """A market that is traded, with its spot, or why it has none."""
    market, spot = one.market, pairing.spots.get(one.market.symbol)
    return {
        "symbol": market.symbol,
        "rank": one.rank,
        "volume": None if market.volume is None else f"{market.volume:f}",
        "last": None if market.last is None else f"{market.last:f}",
        "listed_ms": market.listed_ms,
        "spot": spot.symbol if spot else None,
        "factor": f"{spot.factor:f}" if spot else None,
        "no_spot": pairing.without.get(market.symbol, ""),
    }
