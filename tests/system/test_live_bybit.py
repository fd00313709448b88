"""``--live --exchange bybit`` as a whole: its real host names over TLS, led to a Bybit of our own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.journal import read_books
from tests.engine.venue.bybit_door import KEY, SECRET
from tests.system.bybit_market import Bybit

ROOT = Path(__file__).resolve().parent.parent.parent
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
STEADFAST = Path(__file__).with_name("steadfast.py")
pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


@pytest.fixture
def bybit(tmp_path: Path) -> Iterator[Bybit]:
    """An exchange whose market runs."""
    made = Bybit(tmp_path)
    yield made
    made.close()


def lived(bybit: Bybit, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a live session of some seconds."""
    told = os.environ | {
        "RINGMASTER_LOOPBACK": f"{bybit.port}:{bybit.certificate}",
        "RINGMASTER_KEY": KEY,
        "RINGMASTER_SECRET": SECRET,
    }
    command = [sys.executable, str(ROOT / "run.py"), "--live", "--exchange", "bybit", "--state", str(state)]
    more = ["--speed", "60", "--set", "supervisor.stop_within_s=40", "--json", str(state) + ".json"]
    more += ["--symbols", f"{BTC},{ETH}", "--strategy", str(STEADFAST)]
    return subprocess.run([*command, *more, *words], env=told, capture_output=True, text=True, timeout=300, check=False)


def test_two_live_sessions_on_an_account_with_a_past(bybit: Bybit, tmp_path: Path):
    """Entered once with one stop, nobody's lots left alone, the second session finds both and sends nothing more."""
    bybit.by_hand("BTCUSDT", "0.003")
    state = tmp_path / "state"
    done = lived(bybit, state, "--yes", "--seconds", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT THE REAL EXCHANGE" in done.stdout
    assert "bybit was never traded on for real" in done.stdout
    assert "difference to the exchange 0" in done.stdout
    summary = json.loads((tmp_path / "state.json").read_text())
    assert summary["candles"] > 0
    books = read_books(state / "accounts" / "bybit-main")
    assert books.position(BTC, "external").lots == 3
    held = {symbol: books.position(symbol, "steadfast").lots for symbol in (BTC, ETH)}
    assert held[ETH] == int(bybit.floor.held["ETHUSDT"].size * 100) > 0
    assert held[BTC] + 3 == int(bybit.floor.held["BTCUSDT"].size * 1000)
    stops = [order for order in bybit.floor.orders.values() if order["orderStatus"] == "Untriggered"]
    assert len(stops) == sum(1 for lots in held.values() if lots)
    sent = len(bybit.door.sent("/v5/order/create"))
    done = lived(bybit, state, "--observe", "--seconds", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OBSERVING, nothing is sent" in done.stdout
    assert json.loads((tmp_path / "state.json").read_text())["decisions"] > 0
    assert len(bybit.door.sent("/v5/order/create")) == sent
    for path in [path for path in state.rglob("*") if path.is_file()]:
        assert SECRET.encode() not in path.read_bytes(), path
