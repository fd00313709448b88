"""What an exchange lists, asked through ccxt: the markets of spot and futures and their 24 h tickers.

exchangeInfo, 24 h tickers --ccxt--> Market, Market, ...       over the network: ``listed``
a recorded exchangeInfo ----ccxt--> the same, without prices   from a file:      ``recorded``
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from random import Random
from typing import Any

import aiohttp

from feed.market import Market, UnreadableMarketError, read
from feed.settings import FeedSettings
from feed.source import FOREIGN_TYPES, SourceRefusedError, SourceUnreachableError, plain_client, translate
from shm.wait import backoff

CLIENTS = {"binanceusdm": "binance"}  # ccxt's class for both floors of an exchange
FLOORS = ("spot", "linear")
TICKERS: tuple[Mapping[str, str], ...] = ({"type": "spot"}, {"type": "swap", "subType": "linear"})
# protocol: what ccxt looks up while it parses, and asks the exchange for only with keys
OPTIONS = {
    "fetchCurrencies": False,
    "fetchMargins": False,
    "fetchMarkets": {"types": list(FLOORS)},
    "crossMarginPairsData": [],
    "isolatedMarginPairsData": [],
}
ATTEMPTS = 3
UNREADABLE: tuple[type[BaseException], ...] = (*FOREIGN_TYPES, KeyError, TypeError, AttributeError)


async def listed(
    exchange: str, dial: Callable[[], aiohttp.ClientSession], settings: FeedSettings, *, is_demo: bool = False
) -> list[Market]:
    """Every market of both floors with what its ticker says, by symbol; asked again when it was the network."""
    session = dial()
    options = {"session": session, "timeout": settings.read_timeout_ms, "options": OPTIONS}
    client = plain_client(CLIENTS[exchange], options)
    if is_demo:
        client.enable_demo_trading(True)
    within_s = (settings.connect_timeout_ms + settings.read_timeout_ms) / 1e3
    try:
        markets = await _asked(client.load_markets, within_s)
        tickers: dict[str, Any] = {}
        for floor in TICKERS:
            tickers |= await _asked(partial(client.fetch_tickers, None, dict(floor)), within_s)
    finally:
        try:
            await client.close()
        finally:
            await session.close()
    return facts(markets.values(), tickers)


async def _asked(question: Callable[[], Any], within_s: float) -> Any:
    """The answer; a network that fails is tried a few times."""
    chance = Random()  # noqa: S311 - spreads the tries, guards nothing
    for attempt in range(ATTEMPTS):
        try:
            async with asyncio.timeout(within_s):
                return await question()
        except FOREIGN_TYPES as error:
            own = translate(error)
            if attempt == ATTEMPTS - 1 or not isinstance(own, SourceUnreachableError):
                raise own from error
        await asyncio.sleep(backoff(attempt, chance))
    raise AssertionError("the last attempt answers or raises")


def recorded(info: Any, exchange: str = "binanceusdm") -> list[Market]:
    """The markets of an ``exchangeInfo`` as it was recorded, of whichever floor; or of ccxt's own ``markets``."""
    client = plain_client(CLIENTS[exchange], {"options": OPTIONS})
    try:
        if "symbols" in info:
            return facts([client.parse_market(one) for one in info["symbols"]])
        return facts([client.parse_market(one["info"]) for one in info.values()])
    except UNREADABLE as error:
        raise SourceRefusedError(f"no exchangeInfo: {type(error).__name__}: {error}") from None


def facts(markets: Iterable[Mapping[str, Any]], tickers: Mapping[str, Mapping[str, Any]] | None = None) -> list[Market]:
    """ccxt's markets as facts, each symbol once, in order of symbols."""
    found: dict[str, Market] = {}
    try:
        for one in markets:
            market = read(one, (tickers or {}).get(one["symbol"]))
            # ccxt names two contracts alike when one replaces the other: the one that trades counts.
            if market.symbol not in found or market.is_trading:
                found[market.symbol] = market
    except UnreadableMarketError as error:
        raise SourceRefusedError(str(error)) from None
    return [found[symbol] for symbol in sorted(found)]
