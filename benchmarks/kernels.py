"""Eleven indicators against TA-Lib and ta-lib-takt: the answers are compared, then everything is timed in one run.

live       one call by address a candle, state in one record, as the brain's loop calls a strategy
array      the one loop of brain/indicators/loops.py over all candles, settled blocks in stages
alone      that loop with one indicator
limits     live at most 0.6 and array at most 0.35 of the sum of TA-Lib's times, alone at most 1.2 of TA-Lib's

Rounds are interleaved and the median of their ratios counts.  ta-lib-takt offers the same module name,
so it lives in a folder of its own (pip install --no-deps --target DIR ta-lib-takt) and a process of its own.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LIVE_MAX, ARRAY_MAX, ALONE_MAX = 0.6, 0.35, 1.2
SEED = 11
TOLERANCE = 1e-9  # of the price
Columns = dict[str, Any]


def market(count: int) -> Columns:
    """Return a seeded walk: open, high, low, close, volume."""
    generator = np.random.default_rng(SEED)
    close = np.round(50_000.0 * np.exp(np.cumsum(generator.normal(0.0, 0.0006, count))), 2)
    before = np.concatenate([close[:1], close[:-1]])
    wicks = np.round(close * 0.0003 * generator.random((2, count)), 2)
    return {
        "open": before,
        "high": np.maximum(before, close) + wicks[0],
        "low": np.minimum(before, close) - wicks[1],
        "close": close,
        "volume": np.round(generator.random(count) * 10.0 + 0.001, 3),
    }


def theirs(columns: Columns) -> dict[str, Callable[[], Any]]:
    """Return the calls of TA-Lib (whichever of the two this process sees)."""
    import talib  # noqa: PLC0415 - two packages answer to this name

    high, low, close, volume = (columns[name] for name in ("high", "low", "close", "volume"))
    return {
        "sma": lambda: talib.SMA(close, 20),
        "ema": lambda: talib.EMA(close, 20),
        "rsi": lambda: talib.RSI(close, 14),
        "macd": lambda: talib.MACD(close, 12, 26, 9),
        "atr": lambda: talib.ATR(high, low, close, 14),
        "bollinger": lambda: talib.BBANDS(close, 20, 2.0, 2.0),
        "vwap": lambda: talib.VWMA(talib.TYPPRICE(high, low, close), volume, 20),
        "adx": lambda: talib.ADX(high, low, close, 14),
        "stochastic": lambda: talib.STOCH(high, low, close, 14, 3, 0, 3, 0),
        "obv": lambda: talib.OBV(close, volume),
        "supertrend": lambda: talib.SUPERTREND(high, low, close, 10, 3.0),
    }  # fmt: skip


def clock(call: Callable[[], Any], count: int) -> float:
    """Return nanoseconds a candle of one call, of this thread: what others took would fall on one of the calls."""
    start = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - start) / count


def serve(count: int) -> int:
    """Time a round of TA-Lib for each line on stdin: how a process of another TA-Lib is driven."""
    calls = theirs(market(count))
    for _ in sys.stdin:
        print(json.dumps({name: clock(call, count) for name, call in calls.items()}), flush=True)
    return 0


class Ours:
    """Our three forms over the same candles."""

    def __init__(self, columns: Columns) -> None:
        import eleven  # noqa: PLC0415 - the process that times the other TA-Lib needs none of this

        from brain.indicators.indicator import array_form, catalogue, columns_of, record_of  # noqa: PLC0415
        from shm.jit import address_of, compiled  # noqa: PLC0415
        from shm.records import MARKET, POSITION  # noqa: PLC0415

        self.eleven, self.address_of = eleven, address_of
        self.count = len(columns["close"])
        self.candles = np.zeros(self.count, MARKET)
        for name, column in columns.items():
            self.candles[name] = column
        self.columns = columns_of(self.candles)
        self.settings = np.array([eleven.USUAL], eleven.SETTINGS)
        self.position = np.zeros(1, POSITION)
        self.out = np.zeros(self.count, eleven.OUT)
        self.fused_lines = np.zeros((len(eleven.FUSION.outputs), self.count))
        self.settled = np.zeros(self.count, np.bool_)
        self.decide = compiled(eleven.decide, eleven.STATE, eleven.SETTINGS, MARKET, POSITION, eleven.OUT)
        self.fused = array_form(eleven.FUSION)
        self.loops: dict[str, Callable[[], Any]] = {}
        self.lines: dict[str, dict[str, Any]] = {}
        for name in eleven.NAMES:
            one = catalogue()[name]
            chosen = record_of(one.parameters)
            lines = np.zeros((len(one.outputs), self.count))
            self.lines[name] = dict(zip(one.outputs, lines, strict=True))
            self.loops[name] = self._alone(array_form(one), one.state, chosen, lines)

    def _alone(self, loop: Any, state: Any, chosen: Any, out: Any) -> Callable[[], Any]:
        return lambda: loop(np.zeros(1, state), chosen, self.columns, out, self.settled)

    def array(self) -> None:
        """All eleven, in the one loop."""
        self.fused(np.zeros(1, self.eleven.STATE), self.settings, self.columns, self.fused_lines, self.settled)

    def live(self) -> None:
        """All eleven, called by address once a candle."""
        state = np.zeros(1, self.eleven.STATE)
        places = [self.address_of(each) for each in (state, self.settings, self.candles, self.position, self.out)]
        self.eleven.drive(self.decide, *places, self.count)


def check(ours: Ours, expected: dict[str, Any]) -> list[str]:
    """Return what differs from TA-Lib by more than 1e-9 of the price, once settled, in any of the forms."""
    price = float(ours.candles["close"].mean())
    found = []
    ours.live()
    ours.array()
    for output, line in zip(ours.eleven.FUSION.outputs, ours.fused_lines, strict=True):
        if ours.out[output].tobytes() != line.tobytes():
            found.append(f"{output} is not the same bits live and in the array form")
    for name in ours.eleven.NAMES:
        ours.loops[name]()
        first = int(np.flatnonzero(ours.settled)[0])
        columns = expected[name] if isinstance(expected[name], tuple) else (expected[name],)
        for (output, alone), column in zip(ours.lines[name].items(), columns, strict=False):
            for form, mine in (("live", ours.out[f"{name}_{output}"]), ("alone", alone)):
                worst = np.abs(mine - column)[first:].max()
                if not worst <= TOLERANCE * price:
                    found.append(f"{name}.{output} differs from TA-Lib by {worst:g} ({form})")
    return found


def measure(ours: Ours, columns: Columns, takt: str, rounds: int) -> dict[str, Any]:
    """Return nanoseconds a candle of every form, each round in turn."""
    calls, count = theirs(columns), ours.count
    taken: dict[str, list[Any]] = {name: [] for name in ("live", "array", "alone", "talib", "takt")}
    other = None
    if takt:
        command = [sys.executable, __file__, "--serve", "--candles", str(count)]
        environment = {**os.environ, "PYTHONPATH": takt}
        other = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment)
    for _ in range(rounds):
        taken["talib"].append({name: clock(call, count) for name, call in calls.items()})
        taken["live"].append(clock(ours.live, count))
        taken["array"].append(clock(ours.array, count))
        taken["alone"].append({name: clock(call, count) for name, call in ours.loops.items()})
        if other is not None and other.stdin is not None and other.stdout is not None:
            print(file=other.stdin, flush=True)
            taken["takt"].append(json.loads(other.stdout.readline()))
    if other is not None and other.stdin is not None:
        other.stdin.close()
        other.wait()
    return taken


def report(taken: dict[str, Any]) -> bool:
    """Print medians and their ratios; True when all are within their limits."""
    sums = [sum(each.values()) for each in taken["talib"]]
    good = True
    print(f"{'':12}{'TA-Lib ns':>10}{'takt ns':>10}{'ours ns':>10}{'ours/TA-Lib':>13}{'ours/takt':>11}  limit")
    for name in taken["talib"][0]:
        row = [[each[name] for each in taken[who]] for who in ("talib", "takt", "alone")]
        good &= line(name, row, ALONE_MAX)
    takt = [sum(each.values()) for each in taken["takt"]]
    good &= line("live", [sums, takt, taken["live"]], LIVE_MAX)
    good &= line("array", [sums, takt, taken["array"]], ARRAY_MAX)
    return good


def line(name: str, row: Sequence[Sequence[float]], limit: float) -> bool:
    """Print one row; True when its ratio is within ``limit``."""
    talib, takt, ours = row
    ratio = float(np.median(np.divide(ours, talib)))
    other = f"{np.median(takt):10.2f}" if takt else f"{'-':>10}"
    against = f"{np.median(np.divide(ours, takt)):11.2f}" if takt else f"{'-':>11}"
    print(f"{name:12}{np.median(talib):10.2f}{other}{np.median(ours):10.2f}{ratio:13.2f}{against}  {limit:.2f}")
    return ratio <= limit


def compile_times() -> None:
    """Print how long a process takes to the first value of all indicators: nothing compiled before, then cached."""
    program = (
        "import time; start = time.perf_counter()\n"
        "import numpy as np\nfrom brain.indicators.indicator import catalogue, over\nfrom shm.records import MARKET\n"
        "candles = np.zeros(9, MARKET); loaded = time.perf_counter()\n"
        "for one in catalogue().values(): over(one, candles, {})\n"
        "print(f'{loaded - start:.2f} {time.perf_counter() - loaded:.2f} {len(catalogue())}')"
    )
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "RINGMASTER_CACHE": cache, "PYTHONPATH": str(ROOT)}
        for kind in ("cold", "cached"):
            command = [sys.executable, "-c", program]
            said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
            print(f"compile, {kind}: imports {said[0]} s, the first value of all {said[2]} indicators {said[1]} s")


def main(argv: Sequence[str]) -> int:
    """Check, then time; exit 1 when an answer or a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candles", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--takt", default="", metavar="DIR", help="where ta-lib-takt is installed")
    parser.add_argument("--compile", action="store_true", help="time compiling, cold and cached, and nothing else")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    typed = parser.parse_args(argv)
    if typed.serve:
        return serve(typed.candles)
    if typed.compile:
        compile_times()
        return 0
    columns = market(typed.candles)
    try:
        talib = version("TA-Lib")
    except PackageNotFoundError:
        print("kernels.py: TA-Lib is not installed; pip install -e '.[test]'", file=sys.stderr)
        return 2
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__},")
    print(f"numba {version('numba')}, TA-Lib {talib}, {typed.candles:,} candles, {typed.rounds} rounds, seed {SEED}")
    ours = Ours(columns)
    if found := check(ours, {name: call() for name, call in theirs(columns).items()}):
        print("\n".join(found), file=sys.stderr)
        return 1
    print("answers: within 1e-9 of the price of TA-Lib's, in every form")
    return 0 if report(measure(ours, columns, typed.takt, typed.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
