"""A market made up from a seed that behaves like one; it never ends and never repeats.

    common shock --\
    own shock ------+--> return = drift(regime) + volatility * shock   (now and then three times as large: fat tails)
    volatility <----+    variance = floor + 0.08 * shock^2 + 0.88 * before: it comes in clusters
    floor     <-- mood^2: calm, ordinary, lively or stormy, the same for all symbols, for eight hours or so
    drift     <-- regime: up, down or sideways, each symbol's own, for four hours or so
    volume    <-- volatility * activity of its own, slow;   some minutes nobody trades

    hours (coarse past, 1000 days) | minutes (12 days) | start | minutes, made block by block as they are asked for
                                   ^ the hours are scaled to end where the minutes begin

Every block has its own random stream, named by (seed, block), and the state walks on from
block to block, so what comes does not depend on how it is asked for.  Only + - * / and
square roots make a price.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from engine.venue.embedded.candles import DAY_NS, complete
from engine.venue.embedded.listing import E8, PUBLISHED, Filters, Listing, listing, split_name
from engine.venue.embedded.market import CANDLE, MINUTE_NS
from shm.jit import kernel

SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
BLOCK = 4096  # minutes, a little under three days
PAST_BLOCKS = 5  # 14.2 days of minutes, of which whole days are kept
HOUR_NS = 60 * MINUTE_NS
HOURS = 24_000  # 1000 days
COMMON_SHARE = 0.6  # of a shock's variance that all symbols share
STEPS = 8  # prices within a candle, of which open, high, low and close are seen
NEVER_ENDS = 1 << 62
OWNER, EVERYBODY, COARSE = 1 << 40, 1 << 20, 1 << 39  # whose random stream, and which: a block or the coarse past
SHARED_KEPT = 8  # blocks whose shared draws are remembered: every symbol asks for the same ones in turn
PASTS_KEPT = 8  # symbols whose coarse past is remembered: 2 MB each, and asked for once
DRAWS = 7  # uniform numbers per candle, of each symbol its own
MOODS = 2  # and of all together
MOOD_CANDLES = 480  # a mood lasts, on average
HOUR_WILDNESS = 7.7  # an hour's deviation against a minute's: about the root of 60


@dataclass(frozen=True, slots=True)
class Character:
    """What one symbol is like."""

    price: float  # near the start
    volume: float  # base asset in an ordinary minute
    calm: float  # usual deviation of a minute's return
    quiet_share: float  # of minutes in which nobody trades, when calm


CHARACTERS = {
    "BTC": Character(95_000.0, 60.0, 0.00060, 0.002),
    "ETH": Character(3_300.0, 900.0, 0.00080, 0.003),
    "SOL": Character(180.0, 6_000.0, 0.00100, 0.005),
}
OTHER = Character(10.0, 50_000.0, 0.00110, 0.01)
SPREAD_PPM = 20_000  # of the last candle's range: how much wider its quotes stand, unless told otherwise
OTHER_FILTERS = Filters("0.001", "0.1", "1000000", "100000", "5")

STATE = np.dtype(
    [("price", "<f8"), ("variance", "<f8"), ("drift", "<f8"), ("lasts", "<f8"), ("activity", "<f8"), ("mood", "<f8")],
    align=True,
)


@kernel
def _turn(state, draw, length, calm):
    """Another regime: up, down or sideways, for a random while."""
    state.lasts = length * (0.25 + 1.5 * draw[0])
    strength = calm * (0.02 + 0.08 * draw[1])
    if draw[2] < 0.35:
        state.drift = strength
    elif draw[2] < 0.70:
        state.drift = -strength
    else:
        state.drift = 0.0


@kernel
def _mood(draw):
    """How wild the whole market is from now on: calm, ordinary, lively, stormy."""
    if draw < 0.35:
        return 0.6
    if draw < 0.80:
        return 1.0
    return 1.7 if draw < 0.95 else 2.8


@kernel
def _candle(state, shocks, wild, calm, out):
    """One candle of STEPS prices: open, high, low, close into ``out``; the size of its move in units of calm."""
    deviation = wild * np.sqrt(state.variance)
    opened = state.price * (1.0 + 0.05 * deviation * shocks[STEPS])
    price = high = low = opened
    for step in range(STEPS):
        move = deviation * 0.3535533905932738 * shocks[step]  # 1 / sqrt(8): the steps add up to one minute
        price *= 1.0 + min(max(move + state.drift / STEPS, -0.03), 0.03)
        high, low = max(high, price), min(low, price)
    out[0], out[1], out[2], out[3] = opened, high, low, price
    change = (price - opened) / opened - state.drift
    floor = 0.027 * calm * calm * state.mood * state.mood
    variance = floor + 0.08 * change * change + 0.88 * state.variance
    state.variance = min(max(variance, 0.05 * calm * calm), 60.0 * calm * calm)
    state.price = price
    return (high - low) / (opened * calm)


@kernel
def _walk(state, shocks, draws, traits, prices, volumes):
    """Fill ``prices`` and ``volumes``, candle by candle; a volume of 0 is a minute without a trade."""
    calm, usual, quiet_share, length = traits[0], traits[1], traits[2], traits[3]
    for row in range(len(prices)):
        draw = draws[row]
        if draw[DRAWS] * MOOD_CANDLES < 1.0:
            state.mood = _mood(draw[DRAWS + 1])
        state.lasts -= 1.0
        if state.lasts < 0.0:
            _turn(state, draw, length, calm)
        state.activity += 0.02 * (1.0 - state.activity) + 0.08 * (draw[3] - 0.5)
        state.activity = min(max(state.activity, 0.3), 3.0)
        quiet = quiet_share * calm * calm / state.variance
        if draw[4] < min(quiet, 0.2):
            for column in range(4):
                prices[row, column] = state.price
            volumes[row] = 0.0
            continue
        # 0.08 * (1 + 0.02 * 8) + 0.88 stays below 1: wild candles are remembered but die out.
        wild = 3.0 if draw[5] < 0.02 else 1.0
        reach = _candle(state, shocks[row], wild, calm, prices[row])
        volumes[row] = usual * state.activity * (0.15 + 0.5 * reach) * (0.4 + 1.2 * draw[6])


class _Shared:
    """What all symbols draw together, block by block: made once, not once for each symbol."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.draws = lru_cache(SHARED_KEPT)(self._draws)

    def _draws(self, stream: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The shared part of ``count`` shocks, and the moods."""
        chance = generator(self._seed, EVERYBODY, stream)
        shocks = np.sqrt(COMMON_SHARE) * chance.standard_normal((count, STEPS + 1))
        return shocks, chance.random((count, MOODS))


class _Stream:
    """The candles of one symbol: a state that walks on, block by block."""

    def __init__(self, seed: int, contract: Listing, shared: _Shared) -> None:
        self.character = CHARACTERS.get(contract.base, OTHER)
        self.contract = contract
        self.blocks = 0
        self.rows = np.zeros(0, CANDLE)
        self._seed, self._shared = seed, shared
        self._state = self._fresh(self.character.calm)

    def hours(self) -> tuple[np.ndarray, np.ndarray]:
        """Prices (open, high, low, close) and volumes of the coarse past, on no particular level."""
        one = self.character
        calm = one.calm * HOUR_WILDNESS
        return self._walk(COARSE, HOURS, np.array([calm, 60.0 * one.volume, 0.0, 40.0]), self._fresh(calm))

    def grow(self, first_ns: int, blocks: int = 1) -> None:
        """Make the next blocks; the very first minute opens at ``first_ns``."""
        one = self.character
        traits = np.array([one.calm, one.volume, one.quiet_share, 240.0])
        made = [self.rows]
        for _ in range(blocks):
            prices, volumes = self._walk(self.blocks, BLOCK, traits, self._state)
            open_ns = first_ns + self.blocks * BLOCK * MINUTE_NS
            made.append(shaped(prices, volumes, self.contract, open_ns, MINUTE_NS))
            self.blocks += 1
        self.rows = np.concatenate(made)

    def _fresh(self, calm: float) -> np.ndarray:
        state = np.zeros(1, STATE)
        state["price"], state["variance"], state["activity"] = self.character.price, calm**2, 1.0
        state["mood"] = 1.0
        return state

    def _walk(self, stream: int, count: int, traits: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = generator(self._seed, self.contract.row, stream)
        common, moods = self._shared.draws(stream, count)
        shocks = own.standard_normal((count, STEPS + 1))
        shocks *= np.sqrt(1.0 - COMMON_SHARE)
        shocks += common
        prices, volumes = np.empty((count, 4)), np.empty(count)
        draws = np.hstack((own.random((count, DRAWS)), moods))
        _walk(state[0], shocks, draws, traits, prices, volumes)
        return prices, volumes


def generator(seed: int, owner: int, stream: int) -> np.random.Generator:
    """The random numbers of a symbol, or of everybody, for a block."""
    return np.random.Generator(np.random.Philox(key=[seed, owner * OWNER + stream]))


def shaped(prices: np.ndarray, volumes: np.ndarray, contract: Listing, open_ns: int, step_ns: int) -> np.ndarray:
    """CANDLEs on the contract's ticks and lots."""
    out = np.zeros(len(prices), CANDLE)
    out["open_ns"] = open_ns + np.arange(len(prices)) * step_ns
    ticks = np.maximum(1, np.rint(prices * (E8 / contract.tick_e8))).astype(np.int64)
    for column, name in enumerate(("open", "high", "low", "close")):
        out[name] = ticks[:, column]
    lots = np.maximum(1, np.rint(volumes * (E8 / contract.lot_e8))).astype(np.int64)
    out["volume_e8"] = np.where(volumes > 0.0, lots * contract.lot_e8, 0)
    complete(out, contract)
    return out


class SyntheticMarket:
    """The Market that a seed makes; ``start_ns`` is rounded up to a minute."""

    def __init__(self, seed: int, start_ns: int, symbols: Sequence[str] = SYMBOLS) -> None:
        self.seed, self.end_ns = seed, NEVER_ENDS
        self.start_ns = -(-start_ns // MINUTE_NS) * MINUTE_NS
        self.listings = tuple(_contract(row, symbol) for row, symbol in enumerate(symbols))
        self._first_ns = self.start_ns - PAST_BLOCKS * BLOCK * MINUTE_NS
        # Whole days only, so that no hour, four hours or day is half coarse and half fine.
        kept_ns = -(-self._first_ns // DAY_NS) * DAY_NS
        self._skipped = (kept_ns - self._first_ns) // MINUTE_NS
        self._kept_ns = kept_ns

    @cached_property
    def _streams(self) -> list[_Stream]:
        # When candles are first asked for: who only wants the listings need not load the kernels.
        shared = _Shared(self.seed)
        return [_Stream(self.seed, contract, shared) for contract in self.listings]

    @cached_property
    def past(self) -> Callable[[int], np.ndarray]:
        """The coarse past of a row, made when it is asked for: hours that end where the kept minutes begin."""
        return lru_cache(PASTS_KEPT)(self._coarse)

    def _coarse(self, row: int) -> np.ndarray:
        """Hours that meet the kept minutes in time and in price."""
        stream = self._streams[row]
        prices, volumes = stream.hours()
        opened = int(self.minutes(row, self._kept_ns + MINUTE_NS)["open"][0])
        level = opened * stream.contract.tick_e8 / E8 / prices[-1, 3]
        return shaped(prices * level, volumes, stream.contract, self._kept_ns - HOURS * HOUR_NS, HOUR_NS)

    def minutes(self, row: int, until_ns: int) -> np.ndarray:
        """Every 1m candle before ``until_ns``, made now if need be."""
        stream = self._streams[row]
        if not stream.blocks:
            stream.grow(self._first_ns, PAST_BLOCKS)
        count = len(stream.rows) if until_ns >= NEVER_ENDS else (until_ns - self._first_ns) // MINUTE_NS
        while len(stream.rows) < count:
            stream.grow(self._first_ns)
        return stream.rows[self._skipped : max(self._skipped, count)]


def symbols_of(count: int) -> tuple[str, ...]:
    """So many symbols, the usual ones first; the others are called X003, X004 and so on, for they are nobody's."""
    return tuple(SYMBOLS[row] if row < len(SYMBOLS) else f"X{row:03d}/USDT:USDT" for row in range(count))


def _contract(row: int, symbol: str) -> Listing:
    pair = split_name(symbol.split(":", maxsplit=1)[0].replace("/", ""))
    if pair is None:
        raise ValueError(f"{symbol}: not a symbol like BTC/USDT:USDT")
    return listing(row, *pair, PUBLISHED.get("".join(pair), OTHER_FILTERS))
