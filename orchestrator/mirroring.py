"""A paper session on the public market of a real exchange: what is listed there, who dials whom, and its past.

    supervisor --exchangeInfo--> real exchange        once, before anything is made: contracts and their rules
    feed ======ws and rest=====> real exchange        the only one that dials it from then on
    exchange <==MARKET, TICKS, HISTORY== feed         paper orders meet what the feed heard

Nothing here has a key.  For tests ``market.stand_in`` names somebody on loopback who plays the real exchange;
the session says so in its first lines.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import orjson

from engine.venue.embedded.listing import Listing
from engine.venue.embedded.market import CANDLE
from engine.venue.embedded.mirror import MirrorMarket, listing_of
from engine.venue.embedded.relay import candles_of
from engine.venue.embedded.synthetic import SYMBOLS
from orchestrator import dialling
from orchestrator.session import Session
from orchestrator.settings import MIRRORED, BadInputError, MarketSettings
from shm import topology
from shm.instruments import Instrument, InstrumentError
from shm.memory import Memory
from shm.records import MARKET, Provenance

ADDRESS = "https://fapi.binance.com/fapi/v1/exchangeInfo"
ANSWER_WITHIN_S = 20.0
PAST_NAME = "past.npz"
NAMED_MAX = 5
ASSET = "USDT"
# What a contract's public rules do not say: its brackets are shown to account holders only.
LEVERAGE_MAX = 125


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is mirrored: the contracts, by row."""

    listings: tuple[Listing, ...]


def endpoint_of(settings: MarketSettings) -> dialling.Endpoint | None:
    """Where the real exchange's names lead: None is the world, else who stands in for it."""
    if not settings.stand_in:
        return None
    port, _, place = settings.stand_in.partition(":")
    try:
        return dialling.Endpoint(port=int(port), certificate_pem=Path(place).read_text())
    except (ValueError, OSError) as error:
        raise BadInputError(f"market.stand_in {settings.stand_in}: expected PORT:CERTIFICATE ({error})") from None


def catalogue(settings: MarketSettings) -> Catalogue:
    """Ask the real exchange for its contracts; one line when it cannot be asked or lacks one."""
    endpoint = endpoint_of(settings)
    try:
        answer = asyncio.run(_ask(endpoint))
    except (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError, orjson.JSONDecodeError) as error:
        why = str(error) or type(error).__name__
        raise BadInputError(f"--market {MIRRORED}: its public market cannot be reached ({why})") from None
    return Catalogue(listings_of(answer, settings.symbols or SYMBOLS))


async def _ask(endpoint: dialling.Endpoint | None) -> Any:
    async with (
        asyncio.timeout(ANSWER_WITHIN_S),
        dialling.session(endpoint) as session,
        session.get(ADDRESS) as answer,
    ):
        if answer.status != 200:
            raise aiohttp.ClientError(f"{ADDRESS} answers {answer.status}")
        return orjson.loads(await answer.read())


def listings_of(answer: Any, symbols: Sequence[str]) -> tuple[Listing, ...]:
    """The contracts ``symbols`` of an exchangeInfo, by row."""
    try:
        there = {_symbol(one): one for one in answer["symbols"] if one["contractType"] == "PERPETUAL"}
        for symbol in symbols:
            if symbol not in there:
                named = ", ".join([*sorted(there)[:NAMED_MAX], "..."][: NAMED_MAX + (len(there) > NAMED_MAX)])
                raise BadInputError(f"--symbols {symbol}: not listed at {MIRRORED}; there are {named}")
            if there[symbol]["marginAsset"] != ASSET:
                raise BadInputError(f"--symbols {symbol}: the paper account holds {ASSET}")
            if there[symbol]["status"] != "TRADING":
                raise BadInputError(f"--symbols {symbol}: {there[symbol]['status']} at {MIRRORED}, not TRADING")
        return tuple(listing_of(_instrument(row, symbol, there[symbol])) for row, symbol in enumerate(symbols))
    except (KeyError, TypeError, ArithmeticError) as error:
        raise BadInputError(f"--market {MIRRORED}: its list of contracts is unreadable ({error!r})") from None
    except InstrumentError as error:
        raise BadInputError(f"--symbols {error}") from None


def _symbol(one: Any) -> str:
    return f"{one['baseAsset']}/{one['quoteAsset']}:{one['marginAsset']}"


def _instrument(row: int, symbol: str, one: Any) -> Instrument:
    filters = {each["filterType"]: each for each in one["filters"]}
    lot = filters["LOT_SIZE"]
    return Instrument.from_filters(
        row,
        (symbol, "paper", "paper"),
        tick=Decimal(filters["PRICE_FILTER"]["tickSize"]),
        lot=Decimal(lot["stepSize"]),
        quantity_min=Decimal(lot["minQty"]),
        quantity_max=Decimal(lot["maxQty"]),
        market_quantity_max=Decimal(filters["MARKET_LOT_SIZE"]["maxQty"]),
        notional_min=Decimal(filters["MIN_NOTIONAL"]["notional"]),
        leverage_max=LEVERAGE_MAX,
    )


def market_of(memory: Memory, session: Session, folder: Path) -> MirrorMarket:
    """The market from here on, after the past that it had when the session began."""
    listings = [listing_of(instrument) for instrument in session.instruments]
    kept = folder / PAST_NAME
    if not kept.exists():
        past = [past_of(memory, listing) for listing in listings]
        if not any(len(candles) for candles in past):
            raise BadInputError(f"{MIRRORED}: the feed has no candle of {listings[0].symbol} or any other symbol yet")
        folder.mkdir(parents=True, exist_ok=True)
        with (fresh := folder / "fresh.npz").open("wb") as file:
            np.savez(file, *past)
        fresh.replace(kept)
    with np.load(kept, allow_pickle=False) as saved:
        return MirrorMarket(listings, [saved[f"arr_{row}"] for row in range(len(listings))])


def past_of(memory: Memory, contract: Listing) -> np.ndarray:
    """The closed 1m candles that the feed holds of ``contract``, oldest first; none of one that has not answered."""
    reader, record = memory.table_reader("HISTORY"), np.zeros(1, MARKET)
    first = topology.history_row(contract.row, 0, 0)
    found = [
        record.copy()
        for place in range(first, first + topology.HISTORY_DEPTH)
        if reader.read(place, record) and record["provenance"][0] != Provenance.MISSING
    ]
    if not found:
        return np.zeros(0, CANDLE)
    return candles_of(np.sort(np.concatenate(found), order="open_ns"), contract)
