"""Every windowed and every summing indicator after many millions of candles, against sums that round once.

    python -m tests.brain.indicators.drift --candles 10000000

The candles are a seeded walk that does not repeat.  Ten times on the way, the last at the end, the newest values are
compared with the slow oracle's (math.fsum, or fractions where everything since the start is summed); printed is the
worst difference as a share of the output's largest value, or of 1 where that is smaller.
"""

import argparse
import math
import sys
from fractions import Fraction

import numpy as np

from brain.indicators.indicator import columns_of, record_of
from tests.brain.indicators.oracles.volume import delta, leaning
from tests.brain.indicators.sweep import ALL, TOLERANCE, expected, flowing, looped, size
from tests.brain.market import MINUTE_NS, walk

CHUNK, TAIL, NEWEST, LOOKS = 100_000, 700, 50, 10
SUMMING = ("obv", "accumulation", "cumulative_delta")
WINDOWED = [name for name, one in ALL.items() if not one.accumulates and one.settled is not None]


def chunks(count):
    """Yield ``count`` times CHUNK candles, each going on where the one before ended."""
    price = 50_000.0
    for number in range(count):
        # back to where it began, slowly: a walk of ten million minutes would end at nothing or at everything
        candles = flowing(walk(CHUNK, seed=1_000 + number, price=price), seed=number)
        candles["open_ns"] += MINUTE_NS * CHUNK * number
        price = 50_000.0 * (float(candles["close"][-1]) / 50_000.0) ** 0.5
        yield candles


class Windowed:
    """An indicator that forgets, from chunk to chunk."""

    def __init__(self, name):
        """Begin with the first candle."""
        self.one, self.worst = ALL[name], 0.0
        self.state, self.settings = np.zeros(1, self.one.state), record_of(self.one.parameters)
        self.out = np.zeros((len(self.one.outputs), CHUNK))
        self.settled = np.zeros(CHUNK, np.bool_)
        self.loop = looped(self.one)

    def go_on(self, candles):
        """Take a chunk."""
        self.loop(self.state, self.settings, columns_of(candles), self.out, self.settled)

    def look(self, candles):
        """Compare the newest values with those of an oracle that has seen the last TAIL candles."""
        columns = expected(self.one.name, candles[-TAIL:], dict(self.one.parameters))
        for line, column in zip(self.out, columns, strict=True):
            differs = np.abs(line[-NEWEST:] - column[-NEWEST:]).max()
            self.worst = max(self.worst, float(differs) / size(column))


class Summing(Windowed):
    """An indicator whose level counts from the first candle, beside the exact sum."""

    def __init__(self, name):
        """Begin with the first candle."""
        super().__init__(name)
        self.exact, self.sizes, self.close = Fraction(0), 0.0, math.nan

    def go_on(self, candles):
        """Take a chunk, exactly too."""
        super().go_on(candles)
        steps = self.steps(candles)
        # each part of a thousand is exact in fsum's own precision, and their sum is a fraction
        for start in range(0, len(steps), 1000):
            self.exact += sum(map(Fraction, steps[start : start + 1000]), Fraction(0))
        self.sizes += math.fsum(map(abs, steps))
        self.close = float(candles["close"][-1])

    def steps(self, candles):
        """Return what is added with each candle."""
        if self.one.name == "accumulation":
            return leaning(candles)
        if self.one.name == "cumulative_delta":
            return delta(candles)
        close, volume = candles["close"], candles["volume"].tolist()
        signs = np.sign(np.diff(close, prepend=self.close))
        signs[0] = 1.0 if math.isnan(self.close) else signs[0]
        return [sign * each for sign, each in zip(signs.tolist(), volume, strict=True)]

    def look(self, candles):
        """Compare the newest value with the sum of all."""
        value = self.out[self.one.outputs.index("value"), -1]
        self.worst = max(self.worst, abs(float(Fraction(float(value)) - self.exact)) / max(1.0, abs(float(self.exact))))


def measured(names, count):
    """Return the worst difference of each of ``names`` after ``count`` candles."""
    runs = [Summing(name) if name in SUMMING else Windowed(name) for name in names]
    number_of_chunks = count // CHUNK
    looks = {number_of_chunks * (n + 1) // LOOKS - 1 for n in range(LOOKS)}
    for number, candles in enumerate(chunks(number_of_chunks)):
        for run in runs:
            run.go_on(candles)
            if number in looks:
                run.look(candles)
        if number in looks:
            print(f"\r{(number + 1) * CHUNK:,} candles", end="", file=sys.stderr, flush=True)
    return {run.one.name: run.worst for run in runs}


def main():
    """Print the table; 1 when one is beyond the promise."""
    typed = argparse.ArgumentParser(description=__doc__)
    typed.add_argument("--candles", type=int, default=10_000_000)
    typed.add_argument("names", nargs="*", default=[*WINDOWED, *SUMMING])
    chosen = typed.parse_args()
    worst = measured(chosen.names, chosen.candles)
    print(file=sys.stderr)
    for name, value in sorted(worst.items(), key=lambda item: -item[1]):
        print(f"{name:18} {value:.1e}")
    return int(max(worst.values()) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
