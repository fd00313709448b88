r"""Recorded trades and quotes as a market: what was traded is traded again, trade by trade, at its own time.

    <time> {"stream":"btcusdt@trade","data":{...}}    frames as captured (gzip): trade, aggTrade, bookTicker
    timestamp,...,side|buyer_maker,price,amount       tables of trades (CSV, plain or gzip, or Parquet)

    trades --minute by minute--> candles (exact)    a minute's path visits the price of every trade, in order
    quotes --newest so far-----> bookTicker         their spread at a minute's end is the book's for the next

A row that is no trade, one out of order or one that is there twice is left out and counted.
"""

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from engine.venue.embedded.candles import (
    NAME,
    PRICES,
    CandleFileError,
    RecordedMarket,
    Recording,
    Rejected,
    contract_of,
    times_ns,
)
from engine.venue.embedded.listing import E8, Listing, split_name
from engine.venue.embedded.market import CANDLE, MINUTE_NS

if TYPE_CHECKING:
    import pyarrow as pa

TRADE = np.dtype([("at_ns", "<i8"), ("id", "<i8"), ("price", "<f8"), ("quantity", "<f8"), ("side", "<i8")])
QUOTE = np.dtype([("at_ns", "<i8"), ("bid", "<f8"), ("bid_quantity", "<f8"), ("ask", "<f8"), ("ask_quantity", "<f8")])
FRAME = re.compile(rb"^\d+ \{")
SYMBOL = re.compile(r"[A-Za-z]{5,}")
TIMES, QUANTITIES, SIDES, IDS = (
    ("timestamp", "time", "TransactionTime"),
    ("amount", "quantity", "qty", "size", "Quantity"),
    ("side", "buyer_maker", "isBuyerMaker", "IsBuyerMarketMaker"),
    ("id", "trade_id", "TradeId"),
)
BUYER_TOOK = ("buy", "false", "0")  # a taker's side, or that the buyer was not the maker
NS_OF_MS = 1_000_000
HOLE_NS_MAX = 1440 * MINUTE_NS


@dataclass(frozen=True, slots=True)
class Tape:
    """One contract's recorded trades and quotes, in order of time."""

    trades: np.ndarray
    quotes: np.ndarray


class TickMarket(RecordedMarket):
    """The Market of recorded tapes; its candles are made of the trades and of nothing else."""

    def __init__(self, tapes: dict[str, Tape], rejected: dict[str, Rejected]) -> None:
        recordings, self._tapes = [], list(tapes.values())
        for name, tape in tapes.items():
            pair = split_name(name)
            assert pair is not None, "a tape is filed under a name that says base and quote"
            prices, volume = tape.trades["price"], tape.trades["quantity"]
            contract = contract_of(*pair, dict.fromkeys(PRICES, prices) | {"volume": volume})
            recordings.append(Recording(contract, candles_of(tape.trades, contract), rejected[name]))
        super().__init__(recordings)

    def tape(self, row: int) -> Tape:
        """What was recorded of one contract."""
        return self._tapes[row]


def candles_of(trades: np.ndarray, contract: Listing) -> np.ndarray:
    """The 1m CANDLEs of ``trades``; a minute without a trade has none."""
    minute = trades["at_ns"] // MINUTE_NS
    begins = np.flatnonzero(np.concatenate(([True], minute[1:] != minute[:-1])))
    ticks, volume_e8 = in_ticks(trades["price"], contract), np.rint(trades["quantity"] * E8).astype(np.int64)
    quote_e4 = np.rint(trades["price"] * trades["quantity"] * 1e4).astype(np.int64)
    bought = trades["side"] > 0
    out = np.zeros(len(begins), CANDLE)
    out["open_ns"] = minute[begins] * MINUTE_NS
    out["open"], out["close"] = ticks[begins], ticks[np.append(begins[1:], len(trades)) - 1]
    out["high"], out["low"] = np.maximum.reduceat(ticks, begins), np.minimum.reduceat(ticks, begins)
    sums = {"volume_e8": volume_e8, "quote_e4": quote_e4, "trades": np.ones(len(trades), np.int64)}
    sums |= {"taker_volume_e8": volume_e8 * bought, "taker_quote_e4": quote_e4 * bought}
    for name, values in sums.items():
        out[name] = np.add.reduceat(values, begins)
    return out


def in_ticks(prices: np.ndarray, contract: Listing) -> np.ndarray:
    """Prices as whole ticks."""
    ticks: np.ndarray = np.rint(prices * E8 / contract.tick_e8).astype(np.int64)
    return ticks


def tick_files(places: Sequence[Path]) -> list[Path]:
    """The files with recorded trades among ``places``, or in the folder that they name."""
    paths = sorted(path for place in places for path in (place.iterdir() if place.is_dir() else [place]))
    files = [path for path in paths if path.is_file()]
    # A folder with candles is a folder of candles: they cover more time.
    return [] if any(NAME.match(path.name) for path in files) else [path for path in files if _is_known(path)]


def _is_known(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet

    if path.name.endswith(".parquet"):
        try:
            return _has_trades(pyarrow.parquet.read_schema(path).names)
        except (OSError, pa.ArrowException):
            return False
    if not path.name.endswith((".gz", ".csv")):
        return False
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            head = file.readline(4096)
    except (OSError, EOFError):
        return False
    return bool(FRAME.match(head)) or _has_trades(head.decode("utf-8", "replace").strip().split(","))


def _has_trades(names: Sequence[str]) -> bool:
    lowered = {name.lower() for name in names}
    quantities = {name.lower() for name in QUANTITIES}
    return "price" in lowered and bool(lowered & quantities) and "open" not in lowered


def open_ticks(paths: Sequence[Path], symbols: Sequence[str] = ()) -> TickMarket:
    """The market of recorded files: all contracts in them, or those of ``symbols`` (BTC/USDT:USDT) in order."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for path in paths:
        for name, trades, quotes in _read(path):
            found.setdefault(name, []).append((trades, quotes))
    there = {name: parts for name, parts in sorted(found.items()) if sum(len(trades) for trades, _ in parts)}
    wanted = [symbol.split(":", maxsplit=1)[0].replace("/", "").upper() for symbol in symbols] or list(there)
    if missing := [name for name in wanted if name not in there]:
        raise CandleFileError(f"{paths[0]}: no trades of {', '.join(missing)}; there are {', '.join(there) or 'none'}")
    if not wanted:
        raise CandleFileError(f"{paths[0]}: no trades in it")
    tapes, rejected = {}, {}
    for name in wanted:
        trades, rejected[name] = _judged(np.concatenate([trades for trades, _ in there[name]]))
        if not len(trades):
            raise CandleFileError(f"{paths[0]}: no usable trade of {name}")
        if (np.diff(trades["at_ns"]) > HOLE_NS_MAX).any():
            raise CandleFileError(f"{paths[0]}: more than a day without a trade of {name}; give files of one recording")
        quotes = np.concatenate([quotes for _, quotes in there[name]])
        usable = (quotes["bid"] > 0) & (quotes["ask"] > quotes["bid"])
        tapes[name] = Tape(trades, np.sort(quotes[usable], order="at_ns", kind="stable"))
    return TickMarket(tapes, rejected)


def _judged(trades: np.ndarray) -> tuple[np.ndarray, Rejected]:
    """Which rows are trades in their place, and how many are not for which reason."""
    with np.errstate(invalid="ignore"):
        formed = (trades["price"] > 0) & (trades["price"] < np.inf) & (trades["quantity"] > 0)
        formed &= trades["quantity"] < np.inf
    newest = np.maximum.accumulate(np.where(formed, trades["at_ns"], np.iinfo(np.int64).min))
    unordered = formed & (trades["at_ns"] < newest)
    first_of = np.zeros(len(trades), bool)
    first_of[np.unique(trades["id"], return_index=True)[1]] = True
    duplicate = formed & ~unordered & ~first_of & (trades["id"] > 0)
    kinds = {"malformed": ~formed, "duplicate": duplicate, "unordered": unordered}
    first_rows = tuple((kind, int(rows.argmax()) + 1) for kind, rows in kinds.items() if rows.any())
    counts = {kind: int(rows.sum()) for kind, rows in kinds.items()}
    return trades[formed & ~unordered & ~duplicate], Rejected(**counts, first_rows=first_rows)


def _read(path: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Per contract in a file: its name, trades and quotes."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if not path.name.endswith(".parquet"):
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            if FRAME.match(file.readline(4096)):
                file.seek(0)
                yield from _frames(file)
                return
    try:
        table = pyarrow.parquet.read_table(path) if path.name.endswith(".parquet") else pyarrow.csv.read_csv(path)
        yield _name(path, table), _table(table), np.zeros(0, QUOTE)
    except (OSError, pa.ArrowException, StopIteration) as error:
        raise CandleFileError(f"{path}: not a table of trades: {str(error).splitlines()[0]}") from error


def _frames(lines: Any) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    trades: dict[str, list[tuple[Any, ...]]] = {}
    quotes: dict[str, list[tuple[Any, ...]]] = {}
    received_ns = 0
    for line in lines:
        stamp, _, text = line.partition(b" ")
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue  # a capture may end in mid-frame
        kind, body = str(frame.get("stream", "")).partition("@")[2], frame.get("data", {})
        received_ns = int(stamp) * 1000 ** ((19 - len(stamp)) // 3)
        if kind in ("trade", "aggTrade"):
            row = (body["T"] * NS_OF_MS, body.get("t", body.get("a", 0)), body["p"], body["q"], -1 if body["m"] else 1)
            trades.setdefault(body["s"], []).append(row)
        elif kind == "bookTicker":
            at_ns = body["T"] * NS_OF_MS if "T" in body else received_ns
            quotes.setdefault(body["s"], []).append((at_ns, body["b"], body["B"], body["a"], body["A"]))
    for name, rows in trades.items():
        yield name, np.array(rows, TRADE), np.array(quotes.get(name, []), QUOTE)


def _name(path: Path, table: "pa.Table") -> str:
    """The contract of a table: its column ``symbol``, else what the file's name begins with."""
    said = next((name for name in table.column_names if name.lower() == "symbol"), "")
    text = str(table[said][0].as_py()).replace("/", "") if said else re.split(r"[-.]", path.name)[0]
    pair = split_name(text.split(":")[0])
    if pair is None:
        found = (split_name(word) for word in SYMBOL.findall(path.name))
        pair = next((one for one in found if one), None)
    if pair is None:
        raise CandleFileError(f"{path}: neither a column symbol nor the name says what was traded (like BTCUSDT.csv)")
    return "".join(pair)


def _table(table: "pa.Table") -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute

    def column(names: Sequence[str]) -> "pa.ChunkedArray | None":
        return next((table[name] for name in names if name in table.column_names), None)

    price, quantity, at = column(("price", "Price")), column(QUANTITIES), column(TIMES)
    if price is None or quantity is None or at is None:
        raise CandleFileError(f"trades need the columns price, {QUANTITIES[0]} and {TIMES[0]}")
    out = np.zeros(table.num_rows, TRADE)
    out["at_ns"] = times_ns(at)
    out["price"], out["quantity"] = (one.cast(pa.float64()).to_numpy() for one in (price, quantity))
    side, number = column(SIDES), column(IDS)
    bought = [str(one).lower() in BUYER_TOOK for one in side.to_pylist()] if side is not None else True
    out["side"] = np.where(bought, 1, -1)
    if number is not None and pa.types.is_integer(number.type):
        out["id"] = number.to_numpy()
    return out
