"""Settings: profile, file, --set and options; every mistake is one line that names the thing."""

from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator import settings
from orchestrator.settings import BadInputError, assemble
from orchestrator.universe import UniverseSettings


def refused(*sets: str, config: Path | None = None) -> str:
    """Return the one line with which the settings are refused."""
    with pytest.raises(BadInputError) as caught:
        settings.assemble("paper", config, sets, {})
    assert "\n" not in str(caught.value), "one line"
    return str(caught.value)


def test_the_paper_profile_is_sound():
    """The profile that ships is a synthetic market at speed 60."""
    told = settings.assemble("paper", None, [], {})
    assert told.market.is_synthetic
    assert told.market.speed == "60"


def test_the_mirror_profile_is_sound():
    """It mirrors binanceusdm at its own speed, and knows no queues."""
    told = settings.assemble("mirror", None, [], {})
    assert told.market.is_mirror
    assert told.market.speed == "1"
    with pytest.raises(BadInputError, match="a mirrored market has none"):
        settings.assemble("mirror", None, ["market.fills=queue"], {})
    with pytest.raises(BadInputError, match="cannot be played ahead of the real one"):
        settings.assemble("mirror", None, ["exchange.order_jitter_ms=5"], {})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("market.symbols_count=1001", "symbols_count 1001 is not between 0 and 1000"),
        ("engine.executor.retry_s=1", "engine.executor.retry_s is not a setting; did you mean retry_ms?"),
        ("engin.account=me", "engin is not a setting; did you mean engine?"),
        ("engine.executor.retry_ms=abc", "engine.executor.retry_ms: Expected int, got str"),
        ("engine.executor.retry_ms=50", "engine.executor: retry_ms below 100"),
        ("engine=3", "engine is a table of settings, not 3"),
        ("market.speed=fast", "speed 'fast' is neither a number nor max nor step"),
        ("market.speed=-1", "speed -1 is not between 0.001 and"),
        ("market.stand_in=1:x", "stand_in plays a real exchange; the market is synthetic"),
        ('market.source=["binanceusdm"]', "is mirrored as it comes; its speed is 1"),
        ("exchange.order_latency_ms=-1", "order_latency_ms -1 is not between 0 and 10000"),
        ("exchange.feed_jitter_ms=10001", "feed_jitter_ms 10001 is not between 0 and 10000"),
        ("market.deposit=0", "deposit must be a number above 0"),
        ("engine.sizing.capitals.trnd=500", "engine.sizing.capitals.trnd: no such strategy here; there are trend"),
        ("supervisor.stuck_after_s=0.1", "would kill healthy processes"),
        ("nonsense", "expected KEY=VALUE"),
    ],
)
def test_a_mistake_is_refused_by_its_full_name(text: str, line: str):
    """The line names the setting, what is wrong with it, and what was probably meant."""
    assert line in refused(text)


def test_what_was_set_goes_over_the_file_and_the_file_over_the_profile(tmp_path: Path):
    """--set wins over --config, which wins over the profile."""
    file = tmp_path / "mine.toml"
    file.write_text("[engine.sizing]\ncapital = 5000\nrisk_share = 0.02\n")
    told = settings.assemble("paper", file, ["engine.sizing.risk_share=0.03"], {"market.speed": "step"})
    assert told.engine.sizing.capital == Decimal(5000)
    assert told.engine.sizing.risk_share == Decimal("0.03")
    assert told.market.speed == "step"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "no such file"),
        (b"[engine\n", "not TOML"),
        (b"\xff\xfe", "cannot be read"),
        (b"[feed]\nband = 1\n", "feed.band is not a setting"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes | None, line: str):
    """The complaint carries the file's name."""
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    complaint = refused(config=file)
    assert str(file) in complaint
    assert line in complaint


def test_settings_survive_the_way_to_the_children():
    """What session.json holds builds the same settings again."""
    told = settings.assemble("paper", None, ["engine.sizing.risk_share=0.01", "brain.strategy.trend.fast_period=9"], {})
    assert settings.build(settings.plain(told)) == told


def test_symbols_are_named_or_counted():
    """Not both, and only a synthetic market makes some up."""
    assert assemble("paper", None, ["market.symbols_count=300"], {}).market.symbols_count == 300
    assert "whose symbols are not named" in refused("market.symbols_count=3", 'market.symbols=["BTC/USDT:USDT"]')
    assert "whose symbols are not named" in refused("market.symbols_count=3", 'market.source=["candles"]')


def test_a_universe_is_a_table_that_is_there_or_not():
    """None without one; any of its settings, or an empty table, is one; its names are checked like all."""
    assert assemble("paper", None, [], {}).market.universe is None
    assert assemble("paper", None, ["market.universe={}"], {}).market.universe == UniverseSettings()
    found = assemble("paper", None, ["market.universe.rank_max=7", "market.universe.volume_min='1e6'"], {})
    assert found.market.universe == UniverseSettings(rank_max=7, volume_min=Decimal(10**6))
    with pytest.raises(BadInputError, match=r"market.universe.rnk_max is not a setting; did you mean rank_max"):
        assemble("paper", None, ["market.universe.rnk_max=7"], {})
    with pytest.raises(BadInputError, match=r"market.universe is a table of settings, not 5"):
        assemble("paper", None, ["market.universe=5"], {})
    with pytest.raises(BadInputError, match=r"market.universe: quotes names no asset"):
        assemble("paper", None, ["market.universe.quotes=[]"], {})


def test_symbols_are_a_list_or_a_table(tmp_path: Path):
    """In a table each one is traded or not, or has its spot; what stands under market.spots wins."""
    config = tmp_path / "mine.toml"
    config.write_text(
        '[market.symbols]\n"BTC/USDT:USDT" = true\n"ETH/USDT:USDT" = false\n"1000PEPE/USDT:USDT" = "PEPE/USDT*1000"\n'
    )
    market = assemble("live", config, [], {}).market
    assert market.symbols == ("BTC/USDT:USDT", "1000PEPE/USDT:USDT")
    assert market.spots == {"1000PEPE/USDT:USDT": "PEPE/USDT*1000"}
    market = assemble("live", config, ["market.spots.1000PEPE/USDT:USDT=PEPE/USDC"], {}).market
    assert market.spots == {"1000PEPE/USDT:USDT": "PEPE/USDC"}
    market = assemble("live", config, [], {"market.symbols": ["SOL/USDT:USDT"]}).market
    assert (market.symbols, market.spots) == (("SOL/USDT:USDT",), {})
    with pytest.raises(BadInputError, match=r"market.symbols BTC/USDT:USDT: true, false, or the spot"):
        assemble("live", None, ['market.symbols={"BTC/USDT:USDT"=5}'], {})


def test_a_symbol_without_data_is_left_out_or_refuses_the_start():
    """Nothing else."""
    assert assemble("paper", None, ["market.without_data=refuse"], {}).market.without_data == "refuse"
    with pytest.raises(BadInputError, match="neither leave_out nor refuse"):
        assemble("paper", None, ["market.without_data=maybe"], {})
