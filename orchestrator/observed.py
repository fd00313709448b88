r"""Spots that strategies look at: who does, whether there are candles of all of them, and what the feed is told.

    strategy with SPOT --> session.watches_spots --> twice the rows of minutes, a second source, a row for each spot
                      \--> a contract without candles of its spot: refused by its name, before anything runs

A recording has them where a file of theirs was given (BTCUSDT-spot-1m.parquet); the made-up market and a real one have
a spot floor beside the contracts.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.session import Session
from orchestrator.settings import MIRRORED, BadInputError, Settings

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from engine.venue.embedded.market import Market
    from feed.company import CompanyPlan

FILE = "no candles of it were given; name a file like BTCUSDT-spot-1m.parquet"
TRADES = "recorded trades are the contract's alone; play candles, with a file like BTCUSDT-spot-1m.parquet"


def lookers(settings: Settings) -> list[str]:
    """Return the names of the strategies that look at spots."""
    from brain.strategies.loader import StrategyError, looks_at_spot

    try:
        return [Path(which).stem for which in settings.brain.strategies if looks_at_spot(which)]
    except StrategyError as error:
        raise BadInputError(f"--strategy {error}") from None


def rows_of(session: Session) -> int:
    """Return how many rows of minutes the session's memory has: the contracts', and their spots'."""
    return len(session.instruments) * (2 if session.watches_spots else 1)


def refuse_without(who: Sequence[str], symbols: Sequence[str], without: Mapping[str, str]) -> None:
    """Refuse the first of ``symbols`` that is ``without`` a spot: the strategies ``who`` would never decide on it."""
    for symbol in symbols:
        if who and symbol in without:
            raise BadInputError(f"--strategy {who[0]} looks at spots, and {symbol} has none: {without[symbol]}")


def refuse_recording(who: Sequence[str], market: "Market") -> None:
    """Refuse a recording that lacks the candles of a spot; one of trades has none."""
    there = getattr(market, "spots", None)
    why = TRADES if there is None else FILE
    refuse_without(
        who,
        [one.symbol for one in market.listings],
        {one.symbol: why for one in market.listings if one.id not in (there or {})},
    )


def refuse_exchange(who: Sequence[str], exchange: str) -> None:
    """Refuse an exchange whose spots are not listened to."""
    if who and exchange != MIRRORED:
        raise BadInputError(
            f"--strategy {who[0]} looks at spots: those of {exchange} are not listened to, {MIRRORED}'s are"
        )


def plan_of(session: Session, dial: "Callable[[], ClientSession]") -> "CompanyPlan | None":
    """Return what the feed listens to beside its contracts, if anything."""
    if not session.watches_spots:
        return None
    from feed.company import CompanyPlan
    from feed.dialect import Where

    spots = [session.spots[one.symbol] for one in session.instruments]
    return CompanyPlan(
        spots=[(one.symbol, float(one.factor)) for one in spots],
        dial=dial,
        where=Where(session.exchange, session.is_demo),
        limits_rate=session.mode != "paper" or session.settings.market.is_mirror,
    )
