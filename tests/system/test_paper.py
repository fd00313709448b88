"""Whole sessions of real processes: what they trade, and what they leave behind."""

import os
import signal
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

from tests import recordings
from tests.system import kills, oracle, stage

pytestmark = pytest.mark.system

SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")


def write_market(folder: Path, symbols: tuple[str, ...], minutes: int) -> None:
    """Recorded candles for a bare clone: two random walks, as files."""
    generator = np.random.default_rng(11)
    for symbol in symbols:
        start, tick = (64_000.0, 0.1) if symbol.startswith("BTC") else (3_000.0, 0.01)
        volatility = np.repeat(generator.uniform(2e-4, 1.2e-3, minutes // 60 + 1), 60)[:minutes]
        closes = np.round(start * np.exp(np.cumsum(generator.normal(0, 1, minutes) * volatility)) / tick) * tick
        opens = np.concatenate(([start], closes[:-1]))
        reach = np.abs(generator.normal(0, 1, (2, minutes))) * volatility * start
        high = np.round((np.maximum(opens, closes) + reach[0]) / tick) * tick
        low = np.round((np.minimum(opens, closes) - reach[1]) / tick) * tick
        lines = ["open_time,open,high,low,close,volume"]
        lines += [
            f"{1_741_219_200_000 + 60_000 * n},{opens[n]:.2f},{high[n]:.2f},{low[n]:.2f},{closes[n]:.2f},"
            f"{generator.uniform(5, 300):.3f}"
            for n in range(minutes)
        ]
        (folder / f"{symbol.split('/')[0]}USDT-1m.csv").write_text("\n".join(lines) + "\n")


def write_spots(folder: Path) -> None:
    """Beside every contract of ``folder`` the candles of a spot from which it strays, to and fro."""
    generator = np.random.default_rng(12)
    for path in sorted(folder.glob("*USDT-1m.csv")):
        header, *rows = path.read_text().splitlines()
        lines = [header]
        for n, row in enumerate(rows):
            time_ms, *prices, volume = row.split(",")
            basis = 4e-4 * np.sin(n / 11.0) + generator.normal(0.0, 1e-4)
            worth = [f"{float(price) / (1.0 + basis):.2f}" for price in prices]
            lines.append(",".join([time_ms, *worth, volume]))
        path.with_name(path.name.replace("-1m", "-spot-1m")).write_text("\n".join(lines) + "\n")


def minutes_of(path: Path) -> list[oracle.Minute]:
    """Every candle of a file."""
    if path.suffix == ".parquet":
        table = parquet.read_table(path).to_pydict()
        times = [round(time.timestamp() * 1000) for time in table["open_time"]]
        columns = [table[name] for name in ("open", "high", "low", "close", "volume")]
        rows = zip(times, *columns, strict=True)
    else:
        rows = (tuple(float(cell) for cell in line.split(",")) for line in path.read_text().splitlines()[1:])
    return [oracle.Minute(int(row[0]) * 1_000_000, *row[1:]) for row in rows]


def compare_with_the_oracle(state: Path, files: dict[str, Path], summary: dict[str, object]) -> None:
    """Fail unless the session's trades are the oracle's, one by one."""
    session = stage.session_of(state)
    tapes = [parquet.read_table(path) for path in sorted(state.glob("sessions/*/market/*.parquet"))]
    risk = session["settings"]["engine"]["risk"]
    rules = oracle.Rules(
        notional_max=int(Decimal(str(risk["position_notional_max"])) * 10**8),
        spread_ppm=max(0, session["settings"]["market"]["spread_ppm"]),
    )
    traded = 0
    for instrument in session["instruments"]:
        opens = [
            row["open_ns"]
            for tape in tapes
            for row in tape.to_pylist()
            if row["kind"] == 1 and row["instrument"] == instrument["row"]
        ]
        minutes = minutes_of(files[instrument["symbol"]])
        start = next(n for n, minute in enumerate(minutes) if minute.open_ns == min(opens))
        contract = oracle.Contract(instrument["symbol"], instrument["tick_e8"], instrument["lot_e8"])
        course = oracle.play(contract, minutes, start, len(set(opens)), rules)
        ours = stage.journal(
            state,
            "SELECT side, price_ticks, lots, fee FROM fills "
            f"WHERE instrument = '{instrument['symbol']}' ORDER BY market_ns, trade_id",
        )
        expected = [(trade.side, trade.ticks, trade.lots, trade.fee) for trade in course.trades]
        assert [tuple(row) for row in ours] == expected
        traded += len(expected)
    assert traded == summary["fills"] > 0


def compare_with_a_backtest(state: Path, market: Path, summary: dict[str, object], *options: str) -> None:
    """Fail unless replay and backtest decide hash for hash, and trade to the last unit, what the session did."""
    again = stage.replayed(state)
    assert again["differences"] == 0, again["first_difference"]
    limits = ("--symbols", ",".join(SYMBOLS), "--max-candles", str(summary["candles"]))
    looped = stage.answer("backtest", "--data", str(market), *limits, *options)
    assert looped["decision_hash"] == again["decision_hash"]
    assert looped["difference"] == "0.00000000"
    for name in ("candles", "decisions", "fills", "equity_end", "unrealised", "funding"):
        assert looped[name] == summary[name], name


def test_a_stepped_session_trades_what_the_slow_oracle_trades(tmp_path: Path):
    """Trade for trade, lot for lot, fee for fee, over candles that no clone lacks, with a spread that widens."""
    market, state = tmp_path / "market", tmp_path / "state"
    market.mkdir()
    write_market(market, SYMBOLS, 1_500)
    options = ("--market", str(market), "--symbols", ",".join(SYMBOLS), "--speed", "step", "--max-candles", "600")
    spread = ("--set", "market.spread_ppm=50000")
    summary = stage.start(state, *options, *spread).finish()
    stage.check(summary)
    assert Decimal(summary["funding"]) != 0
    files = {symbol: market / f"{symbol.split('/')[0]}USDT-1m.csv" for symbol in SYMBOLS}
    compare_with_the_oracle(state, files, summary)
    assert stage.traces(state) == []
    compare_with_a_backtest(state, market, summary, *spread)


@pytest.mark.skipif(not recordings.DATA.exists(), reason="no recorded market data beside the checkout")
def test_recorded_candles_trade_what_the_slow_oracle_trades(tmp_path: Path):
    """The same on Binance's own candles."""
    folder = recordings.DATA / "candles" / "binance_usdm"
    options = ("--market", str(folder), "--symbols", ",".join(SYMBOLS), "--speed", "step", "--max-candles", "600")
    summary = stage.start(tmp_path, *options).finish()
    stage.check(summary)
    files = {symbol: folder / f"{symbol.split('/')[0]}USDT-1m.parquet" for symbol in SYMBOLS}
    compare_with_the_oracle(tmp_path, files, summary)
    compare_with_a_backtest(tmp_path, folder, summary)


def test_control_c_ends_a_session_in_order(tmp_path: Path):
    """Exit 0, a summary, stops kept, no process and no shared memory left."""
    running = stage.start(tmp_path, "--seed", "5", "--speed", "300")
    running.ready()
    stage.time.sleep(6)
    os.kill(running.process.pid, signal.SIGINT)
    summary = running.finish()
    stage.check(summary)
    assert summary["fills"] > 0
    assert stage.traces(tmp_path) == []


def test_flatten_leaves_nothing_at_the_exchange(tmp_path: Path):
    """stop --flatten closes every position and cancels every stop."""
    running = stage.start(tmp_path, "--seed", "5", "--speed", "300")
    running.ready()
    stage.time.sleep(6)
    stage.subprocess.run(
        [stage.sys.executable, str(stage.ROOT / "run.py"), "stop", "--flatten", "--state", str(tmp_path)], check=True
    )
    summary = running.finish()
    stage.check(summary)
    assert summary["remains"] == []


def test_every_process_may_be_killed_twice(tmp_path: Path):
    """No order twice, no order or fill lost, books equal to the exchange's at the end."""
    kills.check(tmp_path, kills.live(tmp_path, 9))


@pytest.mark.stress
def test_the_exchange_may_be_killed_and_keeps_its_books(tmp_path: Path):
    """SIGKILL of the exchange, twice: orders, ids, money and the market go on, and the books agree at the end."""
    running = stage.start(tmp_path, "--seed", "9", "--speed", "300", "--seconds", "45")
    running.ready()
    for pause_s in (6.0, 14.0):
        stage.time.sleep(pause_s)
        assert running.kill("exchange"), "the exchange was not there"
    summary = running.finish()
    assert summary["restarts"]["exchange"] == 2
    # While it is away the journal may lag behind it for longer than a comparison waits; the last one counts.
    stage.check(summary | {"mismatches": 0})
    assert summary["difference"] == "difference to the exchange 0"
    assert summary["fills"] > 0
    doubled = stage.journal(
        tmp_path, "SELECT venue_order_id FROM orders WHERE venue_order_id != '' GROUP BY 1 HAVING count(*) > 1"
    )
    assert doubled == []
    assert stage.traces(tmp_path) == []
