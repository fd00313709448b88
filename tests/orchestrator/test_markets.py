"""``markets``: what would be traded and why not the others, of a session, an exchange or a recorded answer."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from orchestrator import cli, live
from tests.orchestrator.test_discovery import real
from tests.recordings import DATA

__all__ = ["real"]

METADATA = DATA / "market_metadata"
CONTRACT = {
    "pair": "BTCUSDT", "contractType": "PERPETUAL", "onboardDate": 1_569_398_400_000, "status": "TRADING",
    "quoteAsset": "USDT", "marginAsset": "USDT", "underlyingType": "COIN", "deliveryDate": 4_133_404_800_000,
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.1", "minPrice": "0.1", "maxPrice": "1000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ],
}  # fmt: skip


def info(tmp_path: Path, *bases: str, **changes: object) -> Path:
    """A recorded exchangeInfo of contracts, served 1000 days after they were listed."""
    rows = [CONTRACT | {"symbol": f"{base}USDT", "baseAsset": base} | changes for base in bases]
    served_ms = CONTRACT["onboardDate"] + 1000 * 86_400_000
    path = tmp_path / "info.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"serverTime": served_ms, "symbols": rows}).encode()))
    return path


def test_a_synthetic_market_is_shown_as_a_table(capsys: pytest.CaptureFixture[str]):
    """Rank, volume, age and spot of what is traded; what is left out by which rule."""
    assert cli.main(["markets", "--set", "market.universe.rank_max=2"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "2 of 22 markets of synthetic"
    assert told[1].split() == ["rank", "symbol", "24", "h", "volume", "days", "spot"]
    assert told[2].split() == ["1", "BTC/USDT:USDT", "8,208,000,000", "-", "BTC/USDT"]
    assert told[4].startswith("left out by kind: 11, e.g. ADA/USDT spot, not perpetual; BNB/USDT")
    assert told[5].startswith("left out by rank_max: 9, e.g. ADA/USDT:USDT rank 4; ")
    assert told[6] == "11 of 11 contracts have a spot"


def test_all_has_a_line_for_every_market(capsys: pytest.CaptureFixture[str]):
    """With the one rule that left it out."""
    assert cli.main(["markets", "--all", "--set", "market.universe.rank_max=2"]) == 0
    told = capsys.readouterr().out
    assert "out    SOL/USDT:USDT           rank_max: rank 3" in told
    assert told.count("\nout ") == 20


def test_a_recorded_answer_is_read_at_the_time_it_was_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Ages are of then; what has no spot market beside it says so; --json holds everything."""
    place = tmp_path / "out.json"
    words = ["markets", "--file", str(info(tmp_path, "BTC", "1000SHIB")), "--json", str(place)]
    assert cli.main(words) == 0
    assert "1000   none: no spot market is told" in capsys.readouterr().out
    told = json.loads(place.read_text())
    assert [one["symbol"] for one in told["taken"]] == ["1000SHIB/USDT:USDT", "BTC/USDT:USDT"]
    assert (told["of"], told["markets"], told["mapping"]) == ("info.json.gz", 2, {})
    assert told["unmapped"] == dict.fromkeys(("1000SHIB/USDT:USDT", "BTC/USDT:USDT"), "no spot market is told")
    assert "nothing is ranked" in told["notes"][0]


def test_nothing_to_trade_is_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The table still says why."""
    assert cli.main(["markets", "--file", str(info(tmp_path, "BTC", status="SETTLING"))]) == 1
    assert "left out by status: 1, e.g. BTC/USDT:USDT SETTLING, not TRADING" in capsys.readouterr().out


def test_json_on_standard_output_is_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Nothing else is printed."""
    assert cli.main(["markets", "--file", str(info(tmp_path, "BTC")), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["taken"][0]["symbol"] == "BTC/USDT:USDT"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--file", "nowhere.json"], "--file nowhere.json: no such file"),
        (["--file", "{tmp}/words"], "words: not JSON, plain or gzip"),
        (["--file", "{tmp}/list"], "list: not an exchangeInfo: a list"),
        (["--file", "{tmp}/object"], "object: no exchangeInfo"),
        (["--file", "{tmp}/cut"], "cut: not JSON, plain or gzip"),
        (["--file", "a", "--market", "synthetic"], "give one of them"),
        (["--exchange", "nowhere"], "--exchange nowhere: unknown"),
        (["--exchange", "kraken"], "not for live trading"),
        (["--set", "market.universe.rnk_max=5"], "did you mean rank_max?"),
        (["--set", "market.universe.quotes=['EUR']"], "no perpetual market is quoted in it"),
        (["--market", "nowhere.csv"], "no such file"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    words: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Exit 2, and nothing on standard output."""
    (tmp_path / "words").write_text("no")
    (tmp_path / "list").write_text("[]")
    (tmp_path / "object").write_text('{"symbols": [{"symbol": "BTCUSDT"}]}')
    (tmp_path / "cut").write_bytes(gzip.compress(b"{}" * 999)[:20])
    assert cli.main(["markets", *(word.replace("{tmp}", str(tmp_path)) for word in words)]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert complaint in told.err


async def test_an_exchange_is_asked_without_keys(
    real: tuple[int, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """As --live would: the real names, here led to a port of this machine."""
    monkeypatch.setenv(live.LOOPBACK, f"{real[0]}:{real[1]}")
    assert await asyncio.to_thread(cli.main, ["markets", "--exchange", "binanceusdm", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["of"] == "binanceusdm"
    assert told["taken"][0]["symbol"] == "BTC/USDT:USDT"
    assert told["mapping"]["1000PEPE/USDT:USDT"] == {"spot": "1000PEPE/USDT", "factor": "1"}
    assert told["spots_listed"] == 3


def test_the_recorded_markets_of_2021_on_both_floors(capsys: pytest.CaptureFixture[str]):
    """115 contracts would be traded, of 1817 markets; 120 of 122 contracts have a spot."""
    names = ("binance_usdm_exchangeInfo_2021-07-21.json.gz", "binance_spot_exchangeInfo_2021-10-12.json.gz")
    files = [METADATA / name for name in names]
    if not all(path.exists() for path in files):
        pytest.skip(f"no recorded exchangeInfo under {METADATA}")
    assert cli.main(["markets", "--json", "-", "--file", *map(str, files)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["markets"], len(told["taken"]), len(told["mapping"])) == (1817, 115, 120)
    assert told["removed"] == {"kind": 1697, "quotes": 2, "underlyings": 2, "status": 1}
    assert told["mapping"]["1000SHIB/USDT:USDT"] == {"spot": "SHIB/USDT", "factor": "1000"}
    spot = cli.main(["markets", "--json", "-", "--set", "market.universe.kind=spot", "--file", *map(str, files)])
    assert spot == 0
    told = json.loads(capsys.readouterr().out)
    assert "1000SHIB/USDT:USDT" in [one["symbol"] for one in told["taken"]]
    assert told["removed"]["leveraged"] > 0
    assert all(one["symbol"].endswith(":USDT") for one in told["taken"])
