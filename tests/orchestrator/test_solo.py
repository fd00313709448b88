"""The embedded exchange alone, as a process that may be killed."""

import http.client
import json
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.venue.embedded.signing import sign
from orchestrator import cli, solo
from orchestrator.session import ROOT
from orchestrator.settings import ExchangeSettings


class Alone:
    """A process of ``run.py exchange`` that is ready, and what it printed."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, str(ROOT / "run.py"), "exchange", "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.told = ""
        for line in self.process.stdout:
            self.told += line
            if line.startswith("key "):
                break
        if not self.told.rpartition("\n")[0].rpartition("\n")[2].startswith("key "):
            pytest.fail(f"it ended at once: {self.told}{self.process.communicate(timeout=20)[1]}")
        self.key, self.secret = re.search(r"key (\w+)   secret (\w+)", self.told).groups()
        self.port = int(re.search(r"http://127.0.0.1:(\d+)", self.told)[1])
        self.spot_port = int(re.search(r"spot +http://127.0.0.1:(\d+)", self.told)[1])

    def ask(self, method: str, path: str, *, port: int = 0, api: str = "fapi", **given: str) -> dict:
        """A signed request's answer."""
        query = "&".join(f"{name}={value}" for name, value in given.items())
        # The first request may have to wait for kernels to be compiled.
        query += f"&recvWindow=60000&timestamp={time.time_ns() // 10**6}"
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        address = f"/{api}/{path}?{query}&signature={sign(self.secret, query)}"
        connection.request(method, address, headers={"X-MBX-APIKEY": self.key})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert "code" not in answer, answer  # a refusal is no empty list
        return answer

    def end(self, how: signal.Signals) -> int:
        """Send ``how`` and wait; the exit code."""
        self.process.send_signal(how)
        self.process.communicate(timeout=20)
        return self.process.returncode


def test_its_books_survive_sigkill(tmp_path: Path):
    """Position, open order, coins, fee and key are those of before; the market goes on where it stood, not before."""
    options = ("--state", str(tmp_path), "--speed", "300", "--seed", "3")
    first = Alone(*options)
    first.ask("POST", "v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.05")
    resting = first.ask(
        "POST", "v1/order", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="0.05", price="90000",
        timeInForce="GTC",
    )  # fmt: skip
    fills = first.ask("GET", "v1/userTrades", symbol="BTCUSDT")
    newest = first.ask("GET", "v1/klines", symbol="BTCUSDT", interval="1m", limit="2")[0]
    assert fills
    spot = {"api": "api", "symbol": "BTCUSDT"}
    first.ask("POST", "v3/order", port=first.spot_port, **spot, side="BUY", type="MARKET", quantity="0.05")
    bought = first.ask("GET", "v3/myTrades", port=first.spot_port, **spot)
    assert bought
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    assert stat.S_IMODE((tmp_path / "exchange" / "identity.json").stat().st_mode) == 0o600
    second = Alone(*options)
    try:
        assert (second.key, second.secret) == (first.key, first.secret)
        (held,) = second.ask("GET", "v3/positionRisk", symbol="BTCUSDT")
        assert held["positionAmt"] == "0.050"
        assert second.ask("GET", "v1/userTrades", symbol="BTCUSDT")[: len(fills)] == fills
        assert second.ask("GET", "v1/openOrders", symbol="BTCUSDT")[0]["orderId"] == resting["orderId"]
        candles = second.ask("GET", "v1/klines", symbol="BTCUSDT", interval="1m", limit="20")
        assert newest in candles
        assert second.ask("GET", "v3/myTrades", port=second.spot_port, **spot) == bought
    finally:
        assert second.end(signal.SIGTERM) == 0


def test_a_folder_belongs_to_one_market_and_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Another seed, or a second exchange there, is refused in one line."""
    running = Alone("--state", str(tmp_path), "--speed", "60", "--seed", "3")
    try:
        assert cli.main(["exchange", "--port", "0", "--state", str(tmp_path), "--seed", "3"]) == 2
        assert "another exchange runs there" in capsys.readouterr().err
    finally:
        running.end(signal.SIGTERM)
    assert cli.main(["exchange", "--port", "0", "--state", str(tmp_path), "--seed", "4"]) == 2
    assert "kept for --data synthetic --seed 3; give these, or another folder" in capsys.readouterr().err
    assert cli.main(["exchange", "--port", "0", "--state", str(tmp_path), "--seed", "3", "--speed", "max"]) == 2
    assert "belongs to another market or other settings" in capsys.readouterr().err


def test_what_an_order_needs_is_compiled_before_it_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Otherwise the first order waits for the compiler for seconds, and its recvWindow passes."""
    steps: list[str] = []

    async def served(*_: object) -> None:
        steps.append("listens")

    monkeypatch.setattr(solo, "compile_exchange", lambda *_: steps.append("compiled"))
    monkeypatch.setattr(solo, "_serve", served)
    assert solo.serve_exchange(solo.Solo(port=0, state=tmp_path)) == 0
    assert steps == ["compiled", "listens"]


def test_its_latency_has_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Each of the four reaches the setting of its name, the seed draws the jitter, and eleven seconds are refused."""
    asked: list[solo.Solo] = []
    monkeypatch.setattr(solo, "serve_exchange", lambda one: asked.append(one) or 0)
    words = ["exchange", "--port", "0", "--seed", "9", "--order-latency", "1", "--order-jitter", "2"]
    assert cli.main([*words, "--feed-latency", "3", "--feed-jitter", "4"]) == 0
    expected = ExchangeSettings(
        order_latency_ms=1, order_jitter_ms=2, feed_latency_ms=3, feed_jitter_ms=4, latency_seed=9
    )
    assert asked[0].distance == expected
    assert cli.main([*words, "--feed-latency", "11000"]) == 2
    assert "feed_latency_ms 11000 is not between 0 and 10000" in capsys.readouterr().err
