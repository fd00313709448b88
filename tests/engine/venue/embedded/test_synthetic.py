"""The synthetic market passes for a market and is the same every time."""

import subprocess
import sys

import numpy as np
import pytest

from engine.venue.embedded import funding
from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.pit import Pit, Rules
from engine.venue.embedded.synthetic import HOURS, NEVER_ENDS, PAST_BLOCKS, SYMBOLS, SyntheticMarket, symbols_of

START_NS = 1_763_720_000 * 10**9
SPAN = 40_000


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    """Forty thousand minutes of three symbols."""
    made = SyntheticMarket(7, START_NS)
    made.minutes(0, made.start_ns + SPAN * MINUTE_NS)
    return made


def returns(market: SyntheticMarket, row: int) -> np.ndarray:
    """Relative change from close to close."""
    close = market.minutes(row, market.start_ns + SPAN * MINUTE_NS)["close"].astype(float)
    return np.diff(close) / close[:-1]


def correlation_after(values: np.ndarray, minutes: int) -> float:
    """How ``values`` correlate with themselves some minutes later."""
    return float(np.corrcoef(values[minutes:], values[:-minutes])[0, 1])


@pytest.mark.parametrize("row", [0, 1, 2])
def test_its_tails_are_fat(market: SyntheticMarket, row: int) -> None:
    """Kurtosis of the minutes' returns is above 8, where a normal distribution has 3."""
    change = returns(market, row)
    assert ((change - change.mean()) ** 4).mean() / change.var() ** 2 > 8.0
    assert 0.0003 < change.std() < 0.003


@pytest.mark.parametrize("row", [0, 1, 2])
def test_volatility_clusters_and_returns_do_not(market: SyntheticMarket, row: int) -> None:
    """Sizes of returns correlate by 0.2 after a minute, 0.1 after an hour; returns themselves by less than 0.05."""
    change = returns(market, row)
    size = np.abs(change)
    assert correlation_after(size, 1) > 0.2
    assert correlation_after(size, 20) > 0.15
    assert correlation_after(size, 60) > 0.1
    assert abs(correlation_after(change, 1)) < 0.05


@pytest.mark.parametrize("row", [0, 1, 2])
def test_volume_follows_volatility(market: SyntheticMarket, row: int) -> None:
    """A minute's volume correlates with the size of its return by more than 0.5."""
    volume = market.minutes(row, market.start_ns + SPAN * MINUTE_NS)["volume_e8"][1:]
    assert np.corrcoef(volume, np.abs(returns(market, row)))[0, 1] > 0.5


def test_its_mood_changes_for_all_symbols_at_once(market: SyntheticMarket) -> None:
    """The wildest hours of a symbol are four times its calmest, and they are the same hours for another symbol."""
    hours = [np.abs(returns(market, row))[: SPAN // 60 * 60].reshape(-1, 60).mean(axis=1) for row in (0, 1)]
    for deviation in hours:
        assert np.quantile(deviation, 0.95) > 4.0 * np.quantile(deviation, 0.05)
    assert np.corrcoef(np.log(hours[0]), np.log(hours[1]))[0, 1] > 0.6


@pytest.mark.parametrize("row", [0, 1])
def test_the_quoted_spread_widens_before_a_wild_minute(market: SyntheticMarket, row: int) -> None:
    """The spread shown after each of 20,000 minutes correlates by 0.2 with the size of the return that follows it."""
    pit = Pit(market, row, Rules(spread_ticks=1, spread_ppm=20_000))
    spreads, sizes = [], []
    for _ in range(20_000):
        before = pit.last_ticks
        spreads.append(int(pit.book["spread_ticks"][0]))
        pit.begin()
        list(pit.walk(pit.length))
        pit.close()
        sizes.append(abs(pit.last_ticks - before) / before)
    assert min(spreads) >= 1
    assert max(spreads) > 5 * np.median(spreads)
    assert np.corrcoef(spreads, sizes)[0, 1] > 0.2


def test_trends_move_the_funding_rate(market: SyntheticMarket) -> None:
    """Over 83 times of payment the rate is mostly the interest of 0.01 %, at times above it and at times below 0."""
    candles = market.minutes(0, market.start_ns + SPAN * MINUTE_NS)
    index, rates = funding.Index(int(candles["open"][0])), []
    for candle in candles:
        index.close(int(candle["close"]))
        if funding.is_due(int(candle["open_ns"]) + MINUTE_NS):
            rates.append(index.settle())
    assert len(rates) > 80
    assert 0.3 < rates.count(funding.INTEREST_E8) / len(rates) < 0.99
    assert min(rates) < 0
    assert max(rates) > funding.INTEREST_E8


def test_its_symbols_move_together_and_not_alike(market: SyntheticMarket) -> None:
    """Returns of two symbols correlate, far from one."""
    together = np.corrcoef(returns(market, 0), returns(market, 1))[0, 1]
    assert 0.3 < together < 0.8


@pytest.mark.parametrize("row", [0, 1, 2])
def test_some_minutes_nobody_trades(market: SyntheticMarket, row: int) -> None:
    """A minute without volume is flat at the last close; most minutes are not."""
    minutes = market.minutes(row, market.start_ns + SPAN * MINUTE_NS)
    quiet = np.flatnonzero(minutes["volume_e8"] == 0)
    assert 0 < len(quiet) < len(minutes) // 20
    for index in quiet[quiet > 0]:
        assert minutes[index][["open", "high", "low", "close"]].item() == (minutes["close"][index - 1],) * 4
        assert minutes["trades"][index] == 0


@pytest.mark.parametrize("row", [0, 1, 2])
def test_every_candle_is_well_formed_and_in_its_minute(market: SyntheticMarket, row: int) -> None:
    """Low <= open, close <= high, positive, one a minute without a hole."""
    for candles, step in ((market.minutes(row, NEVER_ENDS), MINUTE_NS), (market.past(row), 60 * MINUTE_NS)):
        assert (np.diff(candles["open_ns"]) == step).all()
        assert (candles["low"] <= np.minimum(candles["open"], candles["close"])).all()
        assert (candles["high"] >= np.maximum(candles["open"], candles["close"])).all()
        assert (candles["low"] > 0).all()
        assert (candles["taker_volume_e8"] <= candles["volume_e8"]).all()


def test_the_past_reaches_back_and_meets_the_minutes(market: SyntheticMarket) -> None:
    """A thousand days of hours end where at least ten days of minutes begin, without a jump."""
    hours, minutes = market.past(0), market.minutes(0, market.start_ns)
    assert len(hours) == HOURS
    assert hours["open_ns"][-1] + 60 * MINUTE_NS == minutes["open_ns"][0]
    assert minutes["open_ns"][0] % (1440 * MINUTE_NS) == 0
    assert abs(int(hours["close"][-1]) - int(minutes["open"][0])) <= minutes["open"][0] // 100
    assert len(minutes) >= 10 * 1440


def test_a_seed_is_a_market_however_it_is_asked_for() -> None:
    """Minute by minute or all at once, in any order of symbols: the same candles; another seed: others."""
    until = START_NS + 9_000 * MINUTE_NS
    whole, parts, other = (SyntheticMarket(seed, START_NS) for seed in (3, 3, 4))
    expected = [whole.minutes(row, until) for row in range(3)]
    for step in range(1, 9_000, 1_111):
        parts.minutes(step % 3, START_NS + step * MINUTE_NS)
    for row in (2, 0, 1):
        assert parts.minutes(row, until).tobytes() == expected[row].tobytes()
    assert (other.minutes(0, until)["close"] != expected[0]["close"]).mean() > 0.99


def test_an_unknown_symbol_gets_a_contract_of_its_own() -> None:
    """Any pair can be played, whatever the exchange publishes."""
    market = SyntheticMarket(1, START_NS, ["FOO/USDT:USDT"])
    assert market.listings[0].id == "FOOUSDT"
    assert len(market.minutes(0, START_NS))


def test_a_made_up_market_does_not_load_what_reads_files():
    """
    The exchange is waited for at every start: pyarrow would cost it a third of a second.
    """
    program = (
        "import sys, engine.venue.embedded.agent, engine.venue.embedded.synthetic; print('pyarrow' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


def test_it_has_as_many_symbols_as_are_wanted():
    """The usual ones first; the others have names that nobody takes for a real contract's."""
    assert symbols_of(2) == SYMBOLS[:2]
    many = symbols_of(300)
    assert (many[:4], many[-1]) == ((*SYMBOLS, "X003/USDT:USDT"), "X299/USDT:USDT")
    assert len({listing.id for listing in SyntheticMarket(1, START_NS, many).listings}) == 300


def test_the_past_does_not_depend_on_when_it_is_asked_for():
    """Hours made before the minutes, or after many, are the same, and so are the minutes."""
    early, late = SyntheticMarket(3, START_NS), SyntheticMarket(3, START_NS)
    first = early.past(1).copy()
    minutes = late.minutes(1, late.start_ns + 5_000 * MINUTE_NS).copy()
    assert first.tobytes() == late.past(1).tobytes()
    assert minutes.tobytes() == early.minutes(1, early.start_ns + 5_000 * MINUTE_NS).tobytes()


def test_what_symbols_share_is_drawn_once():
    """A hundred symbols ask for the shared shocks of a block; they are made for the first of them only."""
    market = SyntheticMarket(3, START_NS, symbols_of(4))
    for row in range(4):
        market.minutes(row, market.start_ns)
    shared = market._streams[0]._shared.draws.cache_info()
    assert (shared.misses, shared.hits) == (PAST_BLOCKS, 3 * PAST_BLOCKS)
