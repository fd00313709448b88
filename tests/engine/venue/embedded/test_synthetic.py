"""The synthetic market passes for a market and is the same every time."""

import numpy as np
import pytest

from engine.venue.embedded.market import MINUTE_NS
from engine.venue.embedded.synthetic import HOURS, NEVER_ENDS, SyntheticMarket

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


@pytest.mark.parametrize("row", [0, 1, 2])
def test_it_has_the_habits_of_a_market(market: SyntheticMarket, row: int) -> None:
    """Volatility clusters, tails are fat, volume follows volatility, returns themselves are not predictable."""
    change = returns(market, row)
    size = np.abs(change)
    volume = market.minutes(row, market.start_ns + SPAN * MINUTE_NS)["volume_e8"][1:]
    deviation = change - change.mean()
    assert (deviation**4).mean() / change.var() ** 2 > 4.0
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.1
    assert np.corrcoef(size[20:], size[:-20])[0, 1] > 0.05
    assert abs(np.corrcoef(change[1:], change[:-1])[0, 1]) < 0.05
    assert np.corrcoef(volume, size)[0, 1] > 0.4
    assert 0.0003 < change.std() < 0.003


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
        assert (parts.minutes(row, until) == expected[row]).all()
    assert (other.minutes(0, until)["close"] != expected[0]["close"]).mean() > 0.99


def test_an_unknown_symbol_gets_a_contract_of_its_own() -> None:
    """Any pair can be played, whatever the exchange publishes."""
    market = SyntheticMarket(1, START_NS, ["FOO/USDT:USDT"])
    assert market.listings[0].id == "FOOUSDT"
    assert len(market.minutes(0, START_NS))
