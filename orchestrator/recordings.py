"""Files that a market is played from: recorded trades, or candles of contracts and of their spots."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.venue.embedded.candles import CandleFileError, RecordedMarket, is_spot, open_market, read_recording
from engine.venue.embedded.ticks import open_ticks, tick_files
from engine.venue.facts import FACTS
from orchestrator.settings import MIRRORED, BadInputError

if TYPE_CHECKING:
    from engine.venue.embedded.market import Market

REAL = ("binance", *FACTS)  # names that are no files
PLAYED = "synthetic, candle files, recorded trades"


def opened(places: list[Path], symbols: tuple[str, ...]) -> "Market":
    """Return the market of ``places``; every complaint is one line."""
    if named := [place.name for place in places if place.name in REAL and not place.exists()]:
        raise BadInputError(
            f"--market {named[0]}: only {MIRRORED} can be mirrored, by a paper session; played here are: {PLAYED}"
        )
    if any(place.name == "synthetic" and not place.exists() for place in places):
        raise BadInputError("--market synthetic: it is played alone, not together with files")
    try:
        if all(place.exists() for place in places) and (taped := tick_files(places)):
            return open_ticks(taped, symbols)
        if len(places) == 1:
            return open_market(places[0], symbols)
        return _together(places, symbols)
    except CandleFileError as error:
        raise BadInputError(f"--market {error}") from None


def _together(places: list[Path], symbols: tuple[str, ...]) -> RecordedMarket:
    recordings = [read_recording(place) for place in places if not is_spot(place)]
    there = [one.listing.symbol for one in recordings]
    if unknown := [symbol for symbol in symbols if symbol not in there]:
        raise BadInputError(f"--symbols {unknown[0]}: not among the candle files; there are {', '.join(there)}")
    wanted = symbols or tuple(there)
    spots = [read_recording(place) for place in places if is_spot(place)]
    return RecordedMarket([recordings[there.index(symbol)] for symbol in wanted], spots=spots)
