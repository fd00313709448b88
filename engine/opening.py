"""What an account was before its books were opened, and how it is set up now: asked, judged by name, never traded on.

first start   newest trade, positions, newest trade again --the same?--> Opened: history stays history
every look    Modes --unsupported--> "hedge mode: ..." and no entries
"""

from collections.abc import Mapping, Sequence

from engine import errors
from engine.books import NOBODY, Books
from engine.events import Opened
from engine.settings import RiskSettings
from engine.venue.base import Modes, Venue
from shm.instruments import Instrument

LOOKS_MAX = 5


async def survey(venue: Venue, instruments: Sequence[Instrument], market_ns: int) -> tuple[Opened, ...]:
    """A snapshot to begin the books with: positions, and the trade after which ours begin."""
    symbols = [instrument.symbol for instrument in instruments]
    newest = await _newest(venue, symbols)
    for _ in range(LOOKS_MAX):
        positions = {seen.symbol: seen for seen in await venue.positions()}
        # A trade between the questions would be in one answer and not in the other: then both are asked again.
        before, newest = newest, await _newest(venue, symbols)
        if before == newest:
            break
    else:
        raise errors.Unknown(f"the account trades all the time: no snapshot in {LOOKS_MAX} looks")
    return tuple(
        Opened(
            account=one.account,
            venue=one.venue,
            instrument=one.symbol,
            lots=positions[one.symbol].lots if one.symbol in positions else 0,
            price_ticks=max(1, positions[one.symbol].entry_ticks) if one.symbol in positions else 1,
            trade_id_next=newest[one.symbol] + 1,
            market_ns=market_ns,
            cost=positions[one.symbol].cost if one.symbol in positions else 0,
        )
        for one in instruments
    )


def unopened(books: Books, instruments: Sequence[Instrument]) -> list[Instrument]:
    """Instruments of which what was traded until now is cash: never looked at, or left out for a while.

    Not where something of ours is held or under way: that is looked after, and its trades are booked.
    """
    return [one for one in instruments if _is_past(books, one.symbol)]


def _is_past(books: Books, symbol: str) -> bool:
    if symbol not in books.lapsed:
        return symbol not in books.trades_from
    ours = [name for name in books.strategies_of(symbol) if name not in NOBODY]
    return not (books.working_of(symbol) or any(books.position(symbol, name).lots for name in ours))


async def is_current(venue: Venue, found: Sequence[Opened]) -> bool:
    """Nothing was traded since the snapshot."""
    newest = await _newest(venue, [one.instrument for one in found])
    return all(newest[one.instrument] + 1 == one.trade_id_next for one in found)


def unsupported(modes: Modes, settings: RiskSettings) -> str:
    """What of the account's modes we do not trade with, by name; empty: all is well."""
    found = []
    if modes.is_hedged:
        found.append("position mode is hedge: set it to one-way")
    if modes.is_multi_asset:
        found.append("margin mode is multi-asset: set it to single-asset")
    if not modes.may_trade:
        found.append("the exchange does not let this account trade")
    found += [
        f"leverage of {symbol} is {leverage}: above engine.risk.leverage_max {settings.leverage_max}"
        for symbol, _, leverage in modes.margins
        if leverage > settings.leverage_max
    ]
    found += [
        f"margin type of {symbol} is {margin}: not one of {', '.join(settings.margin_types)}"
        for symbol, margin, _ in modes.margins
        if margin not in settings.margin_types
    ]
    return "; ".join(found)


async def _newest(venue: Venue, symbols: Sequence[str]) -> Mapping[str, int]:
    return {symbol: await venue.newest_trade(symbol) for symbol in symbols}
