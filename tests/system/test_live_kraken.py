"""``--live --exchange krakenfutures`` as a whole: its real host names over TLS, led to a Kraken of our own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.journal import read_books
from tests.engine.venue.kraken_door import KEY, SECRET
from tests.system.kraken_market import Kraken

ROOT = Path(__file__).resolve().parent.parent.parent
BTC, ETH = "BTC/USD:USD", "ETH/USD:USD"
STEADFAST = Path(__file__).with_name("steadfast.py")
pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


@pytest.fixture
def kraken(tmp_path: Path) -> Iterator[Kraken]:
    """An exchange whose market runs."""
    made = Kraken(tmp_path)
    yield made
    made.close()


def lived(kraken: Kraken, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a live session of some seconds."""
    told = os.environ | {
        "RINGMASTER_LOOPBACK": f"{kraken.port}:{kraken.certificate}",
        "RINGMASTER_KEY": KEY,
        "RINGMASTER_SECRET": SECRET,
    }
    command = [sys.executable, str(ROOT / "run.py"), "--live", "--exchange", "kraken", "--state", str(state)]
    more = ["--speed", "60", "--set", "supervisor.stop_within_s=40", "--json", str(state) + ".json"]
    more += ["--symbols", f"{BTC},{ETH}", "--strategy", str(STEADFAST)]
    return subprocess.run([*command, *more, *words], env=told, capture_output=True, text=True, timeout=300, check=False)


def test_two_live_sessions_on_an_account_with_a_past(kraken: Kraken, tmp_path: Path):
    """Entered once with one stop, nobody's lots left alone, the second session finds both and sends nothing more."""
    kraken.by_hand("PF_XBTUSD", "0.0003")
    state = tmp_path / "state"
    done = lived(kraken, state, "--yes", "--seconds", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT THE REAL EXCHANGE" in done.stdout
    assert "krakenfutures was never traded on for real" in done.stdout
    assert "difference to the exchange 0" in done.stdout
    summary = json.loads((tmp_path / "state.json").read_text())
    assert summary["candles"] > 0
    books = read_books(state / "accounts" / "krakenfutures-main")
    assert books.position(BTC, "external").lots == 3
    held = {symbol: books.position(symbol, "steadfast").lots for symbol in (BTC, ETH)}
    assert held[ETH] == int(kraken.floor.held["PF_ETHUSD"].size * 1000) > 0
    assert held[BTC] + 3 == int(kraken.floor.held["PF_XBTUSD"].size * 10000)
    stops = [order for order in kraken.floor.orders.values() if order.status == "TRIGGER_PLACED"]
    assert len(stops) == sum(1 for lots in held.values() if lots)
    sent = len(kraken.door.sent("sendorder"))
    done = lived(kraken, state, "--observe", "--seconds", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OBSERVING, nothing is sent" in done.stdout
    assert json.loads((tmp_path / "state.json").read_text())["decisions"] > 0
    assert len(kraken.door.sent("sendorder")) == sent
    for path in [path for path in state.rglob("*") if path.is_file()]:
        assert SECRET.encode() not in path.read_bytes(), path
