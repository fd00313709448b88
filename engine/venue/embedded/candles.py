"""Recorded candles as a market: Parquet and CSV files (plain or gzip) of 1m candles, read, checked, never repaired.

    BTCUSDT-1m.parquet, XRP_ETH-1m.parquet, btc-perp-..._1m.csv.gz      the name says symbol and timeframe
    BTCUSDT-spot-1m.parquet                                             the spot of BTCUSDT: looked at beside it

A row that is not a candle (NaN, no positive price, high below low, ...), a duplicate or one
out of order is left out and counted by kind; a minute that the file lacks stays absent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.venue.embedded.listing import E8, PUBLISHED, Filters, Listing, listing, split_name
from engine.venue.embedded.market import CANDLE, MINUTE_NS

if TYPE_CHECKING:
    import pyarrow as pa

HISTORY_MINUTES = 1024  # left before the market's start: what a brain needs to be warm
DAY_NS = 1440 * MINUTE_NS
NAME = re.compile(r"^(?P<name>.+?)[-_](?:\d{8}-\d{8}[-_])?(?P<timeframe>\d+[mhdw])\b.*\.(?:parquet|csv|csv\.gz)$")
SPOT = re.compile(r"[-_]spot$", re.IGNORECASE)
TIME_COLUMNS = ("open_time", "timestamp", "date", "time")
PRICES = ("open", "high", "low", "close")
DECIMALS_MAX = 8


class CandleFileError(Exception):
    """One clear line on a candle file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows of one file that are not used, by kind."""

    malformed: int = 0  # NaN, infinite, not positive, high or low that are not, negative volume
    duplicate: int = 0
    unordered: int = 0
    off_grid: int = 0  # not on a whole minute
    first_rows: tuple[tuple[str, int], ...] = ()  # of each kind there is, the first row of data (the first one is 1)

    @property
    def count(self) -> int:
        """All of them."""
        return self.malformed + self.duplicate + self.unordered + self.off_grid

    @property
    def words(self) -> str:
        """Every kind that there is, how often and where first; empty for a clean file."""
        kinds = (f"{getattr(self, kind)} {kind.replace('_', ' ')} (first: row {row})" for kind, row in self.first_rows)
        return ", ".join(kinds)


@dataclass(frozen=True, slots=True)
class Recording:
    """One file's usable candles."""

    listing: Listing
    minutes: np.ndarray
    rejected: Rejected


class RecordedMarket:
    """The Market of one or more recordings, played over the time that they have in common."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        *,
        spots: Sequence[Recording] = (),
        start_ns: int | None = None,
        rebase_to_ns: int = 0,
    ) -> None:
        """``spots``: recorded beside them, of the same names; of those that are not played nothing is kept."""
        if not recordings:
            raise CandleFileError("no candle files to play")
        played = [one.listing.id for one in recordings]
        self.spots: Mapping[str, Recording] = {one.listing.id: one for one in spots if one.listing.id in played}
        self.listings = tuple(replace(one.listing, row=row) for row, one in enumerate(recordings))
        self.rejected = {one.listing.id: one.rejected for one in recordings}
        self.rejected |= {f"{name} spot": one.rejected for name, one in self.spots.items()}
        self._minutes = [one.minutes for one in recordings]
        self.start_ns = max(_start(minutes) for minutes in self._minutes) if start_ns is None else start_ns
        self.end_ns = max(int(minutes["open_ns"][-1]) for minutes in self._minutes) + MINUTE_NS
        if any(int(minutes["open_ns"][-1]) < self.start_ns for minutes in self._minutes):
            raise CandleFileError("the candle files have no time in common after the market's start")
        if rebase_to_ns:
            self._shift((rebase_to_ns - self.end_ns) // DAY_NS * DAY_NS)

    def _shift(self, by_ns: int) -> None:
        """Move all times by whole days, so that the last candle is not later than now and days stay days."""
        self.start_ns += by_ns
        self.end_ns += by_ns
        self._minutes = [minutes.copy() for minutes in self._minutes]
        for minutes in self._minutes:
            minutes["open_ns"] += by_ns
        self.spots = {name: replace(one, minutes=one.minutes.copy()) for name, one in self.spots.items()}
        for one in self.spots.values():
            one.minutes["open_ns"] += by_ns

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Every 1m candle before ``until_ns``."""
        minutes = self._minutes[row]
        return minutes[: np.searchsorted(minutes["open_ns"], until_ns)]

    def past(self, row: int) -> np.ndarray:
        """Nothing: a recording begins where it begins."""
        return self._minutes[row][:0]


def _start(minutes: np.ndarray) -> int:
    return int(minutes["open_ns"][min(HISTORY_MINUTES, len(minutes) // 4)])


def open_market(place: Path, symbols: Sequence[str] = (), *, rebase_to_ns: int = 0) -> RecordedMarket:
    """The market of a file, or of a folder's 1m files: all, or those of ``symbols`` (BTC/USDT:USDT) in order."""
    files, spots = _files(place)
    wanted = [_id(symbol) for symbol in symbols] or sorted(files)
    missing = [name for name in wanted if name not in files]
    if missing:
        raise CandleFileError(f"{place}: no 1m candles of {', '.join(missing)}; there are {', '.join(sorted(files))}")
    return RecordedMarket(
        [read_recording(files[name]) for name in wanted],
        spots=[read_recording(spots[name]) for name in wanted if name in spots],
        rebase_to_ns=rebase_to_ns,
    )


def _id(symbol: str) -> str:
    return symbol.split(":", maxsplit=1)[0].replace("/", "").upper()


def _files(place: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """1m candle files by exchange id: of contracts, and of their spots."""
    if not place.exists():
        raise CandleFileError(f"{place}: no such file or folder")
    found: dict[str, Path] = {}
    spots: dict[str, Path] = {}
    for path in sorted(place.iterdir()) if place.is_dir() else [place]:
        match, pair = NAME.match(path.name), _pair(path)
        if match and pair and match["timeframe"] == "1m":
            (spots if is_spot(path) else found).setdefault("".join(pair), path)
    if not found:
        raise CandleFileError(f"{place}: no 1m candle files (named like BTCUSDT-1m.parquet)")
    return found, spots


def is_spot(path: Path) -> bool:
    """Whether the name says that these are the candles of a spot."""
    match = NAME.match(path.name)
    return bool(match and SPOT.search(_named(match["name"])))


def _named(text: str) -> str:
    return re.split(r"[-_]\d{6,}", text)[0]


def _pair(path: Path) -> tuple[str, str] | None:
    match = NAME.match(path.name)
    return split_name(SPOT.sub("", _named(match["name"]))) if match else None


def read_recording(path: Path) -> Recording:
    """One file, checked."""
    pair = _pair(path)
    if pair is None:
        raise CandleFileError(f"{path}: the name does not say symbol and timeframe (like BTCUSDT-1m.parquet)")
    columns = _columns(path)
    keep, rejected = _judge(columns)
    if not keep.any():
        raise CandleFileError(f"{path}: no usable candle in {len(keep)} rows")
    columns = {name: values[keep] for name, values in columns.items()}
    contract = contract_of(*pair, columns)
    return Recording(contract, _minutes(columns, contract), rejected)


def _columns(path: Path) -> dict[str, np.ndarray]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        read = pyarrow.parquet.read_table if path.name.endswith(".parquet") else pyarrow.csv.read_csv
        table = read(path)
    except (OSError, pa.ArrowException) as error:
        raise CandleFileError(f"{path}: unreadable: {str(error).splitlines()[0]}") from error
    time = next((name for name in TIME_COLUMNS if name in table.column_names), None)
    lacking = [name for name in (*PRICES, "volume") if name not in table.column_names]
    if time is None or lacking:
        raise CandleFileError(f"{path}: no column {', '.join(lacking or TIME_COLUMNS[:1])}")
    try:
        columns = {name: table[name].cast(pa.float64()).to_numpy() for name in (*PRICES, "volume")}
        columns["open_ns"] = times_ns(table[time])
    except pa.ArrowException as error:
        raise CandleFileError(f"{path}: a column is not a number: {str(error).splitlines()[0]}") from error
    return columns


def times_ns(column: "pa.ChunkedArray") -> np.ndarray:
    """Times in nanoseconds: of whole milliseconds, microseconds or nanoseconds, of timestamps, of text."""
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        times = np.asarray(column.to_numpy(), np.int64)
        # Seconds since 1970 have 10 digits until 2286, milliseconds 13, microseconds 16.
        size = abs(int(times[0])) if len(times) else 0
        scale = next((scale for bound, scale in ((10**11, 10**9), (10**14, 10**6), (10**17, 1000)) if size < bound), 1)
        return np.multiply(times, scale)
    if pa.types.is_string(column.type):
        column = column.cast(pa.timestamp("ns"))
    return np.asarray(column.cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy(), np.int64)


def _judge(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, Rejected]:
    """Which rows are candles, and how many are not for which reason."""
    opens, low, high, volume = (columns[name] for name in ("open_ns", "low", "high", "volume"))
    body_low, body_high = (pick(columns["open"], columns["close"]) for pick in (np.minimum, np.maximum))
    # A comparison with NaN is false, so NaN fails here without being named.
    formed = (low > 0) & (low <= body_low) & (body_high <= high) & (high < np.inf) & (volume >= 0) & (volume < np.inf)
    on_grid = opens % MINUTE_NS == 0
    usable = formed & on_grid
    newest = np.maximum.accumulate(np.where(usable, opens, np.iinfo(np.int64).min))
    before = np.concatenate(([np.iinfo(np.int64).min], newest[:-1]))
    duplicate, unordered = usable & (opens == before), usable & (opens < before)
    kinds = {"malformed": ~formed, "duplicate": duplicate, "unordered": unordered, "off_grid": formed & ~on_grid}
    return usable & ~duplicate & ~unordered, Rejected(
        **{kind: int(rows.sum()) for kind, rows in kinds.items()},
        first_rows=tuple((kind, int(rows.argmax()) + 1) for kind, rows in kinds.items() if rows.any()),
    )


def contract_of(base: str, quote: str, columns: dict[str, np.ndarray]) -> Listing:
    """The published contract when the file's prices lie on its ticks, else one that they lie on."""
    prices = np.concatenate([columns[name] for name in PRICES])
    published = PUBLISHED.get(base + quote)
    if published and _on_grid(prices, -int(Decimal(published.tick).as_tuple().exponent)):
        return listing(0, base, quote, published)
    digits = next((digits for digits in range(DECIMALS_MAX + 1) if _on_grid(prices, digits)), DECIMALS_MAX)
    volumes = columns["volume"]
    lot_digits = next((digits for digits in range(DECIMALS_MAX - digits) if _on_grid(volumes, digits)), 0)
    lot = Decimal(1).scaleb(-lot_digits)
    many = lot * 10**9
    return listing(0, base, quote, Filters(str(Decimal(1).scaleb(-digits)), str(lot), str(many), str(many), "0"))


def _on_grid(values: np.ndarray, digits: int) -> bool:
    scaled = values * 10.0**digits
    return bool((np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.maximum(1.0, np.abs(scaled))).all())


def _minutes(columns: dict[str, np.ndarray], contract: Listing) -> np.ndarray:
    out = np.zeros(len(columns["open_ns"]), CANDLE)
    out["open_ns"] = columns["open_ns"]
    for name in PRICES:
        out[name] = np.rint(columns[name] * E8 / contract.tick_e8)
    out["volume_e8"] = np.rint(columns["volume"] * E8)
    complete(out, contract)
    return out


def complete(candles: np.ndarray, contract: Listing) -> None:
    """Estimate what open, high, low, close and volume do not say: quote volume, taker side, number of trades."""
    middle = (candles["open"] + candles["high"] + candles["low"] + candles["close"]) / 4.0 * contract.tick_e8 / E8
    volume = candles["volume_e8"]
    reach = np.maximum(1, candles["high"] - candles["low"])
    # Takers buy a rising minute and sell a falling one: half of the volume, and up to a fifth more or less.
    share = 0.5 + 0.2 * (candles["close"] - candles["open"]) / reach
    candles["quote_e4"] = np.rint(volume / E8 * middle * 1e4)
    candles["taker_volume_e8"] = np.rint(volume * share)
    candles["taker_quote_e4"] = np.rint(candles["quote_e4"] * share)
    lots = volume // contract.lot_e8
    candles["trades"] = np.where(volume > 0, np.minimum(np.maximum(lots, 1), 4 + lots // 64), 0)
