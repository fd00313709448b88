"""What the engine warns of reaches the screen, once."""

from pathlib import Path

from orchestrator.bulletin import AGAIN_NS, INTERVAL_NS, Bulletin
from shm.log import log


def test_a_warning_of_the_engine_is_told_once_a_minute(tmp_path: Path):
    """Its words follow the symbol; what others say, and what is no warning, is not told."""
    path = tmp_path / "log.jsonl"
    bulletin, engine = Bulletin(path), log("engine", path)
    assert list(bulletin.lines(0)) == []
    engine.warning("BTC/USDT:USDT", text="was liquidated by the exchange (autoclose-1)")
    engine.info("by hand", text="closing")
    log("feed", path).warning("late", text="a candle")
    engine.warning("differs from the exchange: no entries", text="CASH_DIFFERS  -5")
    assert list(bulletin.lines(1)) == []  # not yet time to look
    assert list(bulletin.lines(INTERVAL_NS)) == [
        "!! BTC/USDT:USDT was liquidated by the exchange (autoclose-1)",
        "!! differs from the exchange: no entries: CASH_DIFFERS  -5",
    ]
    engine.warning("differs from the exchange: no entries", text="CASH_DIFFERS  -5")
    assert list(bulletin.lines(2 * INTERVAL_NS)) == []
    engine.warning("differs from the exchange: no entries", text="CASH_DIFFERS  -5")
    assert len(list(bulletin.lines(2 * AGAIN_NS))) == 1


def test_a_limit_that_refuses_again_and_again_is_told_once_a_minute(tmp_path: Path):
    """The figure differs each time; another limit, and another symbol, are news."""
    path = tmp_path / "log.jsonl"
    bulletin, engine = Bulletin(path), log("engine", path)
    for symbol, what, words in (
        ("BTC", "DAILY_LOSS", "7 lost"),
        ("BTC", "DAILY_LOSS", "8 lost"),
        ("ETH", "BASIS", "5"),
    ):
        engine.warning(f"refused on {symbol}: {what}", text=words)
    assert list(bulletin.lines(0)) == ["!! refused on BTC: DAILY_LOSS: 7 lost", "!! refused on ETH: BASIS: 5"]


def test_half_a_line_waits_and_what_is_no_json_is_passed_over(tmp_path: Path):
    """The log is written by processes that may be killed at any byte."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'nonsense\n["list"]\n{"role": "engine", "level": "warning", "event": "ha')
    bulletin = Bulletin(path)
    assert list(bulletin.lines(0)) == []
    with path.open("ab") as file:
        file.write(b'lf"}\n')
    assert list(bulletin.lines(INTERVAL_NS)) == ["!! half"]
