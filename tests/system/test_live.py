"""``--live`` as a whole: the real host names over TLS, led to the embedded exchange by our own dialling."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.events import encode
from engine.journal import JournalReader, read_books
from tests.system import stage
from tests.system.terminal import Terminal
from tests.system.test_by_hand import rising_market, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
SYMBOL, OTHER = "BTC/USDT:USDT", "ETH/USDT:USDT"
STEADFAST = Path(__file__).with_name("steadfast.py")
pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


class Stranger:
    """The exchange of the test, which knows nothing of sessions."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.certificate = folder / "cert.pem"
        words = ["exchange", "--port", "0", "--speed", "60", "--certificate", str(self.certificate), *more]
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "https://127.0.0.1:" in line and not hasattr(self, "port"):
                self.port = int(line.split("https://127.0.0.1:")[1].split()[0])
            if line.startswith("key "):
                _, self.key, _, self.secret = line.split()[:4]
                break

    @property
    def terminal(self) -> Terminal:
        """A person's own way in, before, beside and after the session."""
        pem = self.certificate.read_text()
        return Terminal(port=self.port, certificate_pem=pem, key=self.key, secret=self.secret)

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.communicate(timeout=20)


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    """An exchange that trades already."""
    made = Stranger(tmp_path, "--seed", "7")
    yield made
    made.close()


def command_of(stranger: Stranger, state: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    """How a live session is started there, and its environment."""
    told = os.environ | {
        "RINGMASTER_LOOPBACK": f"{stranger.port}:{stranger.certificate}",
        "RINGMASTER_KEY": stranger.key,
        "RINGMASTER_SECRET": stranger.secret,
    }
    command = [sys.executable, str(ROOT / "run.py"), "--live", "--exchange", "binanceusdm", "--state", str(state)]
    more = ["--speed", "60", "--set", "supervisor.stop_within_s=40", "--json", str(state) + ".json"]
    return [*command, "--set", "engine.risk.leverage_max=20", *more, *words], told


def lived(stranger: Stranger, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a live session of some seconds."""
    command, told = command_of(stranger, state, "--seconds", "12", *words)
    return subprocess.run(command, env=told, capture_output=True, text=True, timeout=300, check=False)


def killed(stranger: Stranger, state: Path, when: Callable[[], object], *words: str) -> None:
    """Run a live session, and SIGKILL all of it at once as soon as ``when`` says so."""
    command, told = command_of(stranger, state, "--yes", "--symbols", SYMBOL, "--seconds", "200", *words)
    with (state.parent / "killed.log").open("a") as log:
        process = subprocess.Popen(command, env=told, stdout=log, stderr=log)
    try:
        wait_for("the time has come", when, 200.0)
    finally:
        process.kill()
        process.wait()


def test_a_live_session_on_an_account_with_a_past(stranger: Stranger, tmp_path: Path):
    """Old trades stay history, what they left is not ours; we trade beside it; no file has the secret."""
    there = stranger.terminal
    there.trade(SYMBOL, "buy", "0.010")
    there.trade(SYMBOL, "sell", "0.006")
    state = tmp_path / "state"
    done = lived(stranger, state, "--yes", "--symbols", f"{SYMBOL},{OTHER}", "--strategy", str(STEADFAST))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT THE REAL EXCHANGE" in done.stdout
    assert "difference to the exchange 0" in done.stdout
    summary = json.loads((tmp_path / "state.json").read_text())
    assert summary["candles"] > 0
    books = read_books(state / "accounts" / "binanceusdm-main")
    assert {symbol for _, symbol, _ in books.ledger.trades} == {OTHER}
    assert books.position(SYMBOL, "external").lots == 4
    assert books.position(SYMBOL, "steadfast").lots == 0
    assert there.held(SYMBOL) == 0.004
    assert there.held(OTHER) * 1000 == pytest.approx(books.position(OTHER, "steadfast").lots)
    assert there.held(OTHER) > 0
    assert len(there.stops(OTHER)) == 1
    for path in [path for path in state.rglob("*") if path.is_file()]:
        assert stranger.secret.encode() not in path.read_bytes(), path


def test_a_demo_reaches_the_hosts_of_the_demo_alone_and_keeps_books_of_its_own(stranger: Stranger, tmp_path: Path):
    """It trades without a typed word, since the money is play money; the real names are refused on the way."""
    state = tmp_path / "state"
    done = lived(stranger, state, "--demo", "--symbols", OTHER, "--strategy", str(STEADFAST))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DEMO, play money on binanceusdm-demo" in done.stdout
    assert "difference to the exchange 0" in done.stdout
    assert [path.name for path in (state / "accounts").iterdir()] == ["binanceusdm-demo-main"]
    books = read_books(state / "accounts" / "binanceusdm-demo-main")
    assert stranger.terminal.held(OTHER) * 1000 == pytest.approx(books.position(OTHER, "steadfast").lots)
    assert books.position(OTHER, "steadfast").lots > 0


def test_observing_sends_nothing(stranger: Stranger, tmp_path: Path):
    """Decisions are made and recorded; not one order reaches the exchange; no confirmation is asked for."""
    state = tmp_path / "state"
    done = lived(stranger, state, "--observe")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OBSERVING, nothing is sent" in done.stdout
    summary = json.loads((tmp_path / "state.json").read_text())
    assert summary["decisions"] > 0
    assert summary["orders"] == summary["fills"] == 0


def test_a_live_session_finds_its_symbols_by_rules(stranger: Stranger, tmp_path: Path):
    """Two of the exchange's three, by volume, each with its spot; entries pass a limit on the basis by its price."""
    state = tmp_path / "state"
    rules = ("market.universe.rank_max=3", "market.universe.deny=['SOL*']", "engine.risk.basis_ppm_max=50000")
    words = [word for rule in rules for word in ("--set", rule)]
    done = lived(stranger, state, "--yes", "--strategy", str(STEADFAST), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "universe: 2 of 6 markets (left out: deny 2, kind 2); 2 with a spot" in done.stdout
    (folder,) = (state / "sessions").iterdir()
    session = json.loads((folder / "session.json").read_text())
    assert session["settings"]["market"]["symbols"] == [one["symbol"] for one in session["instruments"]]
    assert sorted(session["settings"]["market"]["symbols"]) == [SYMBOL, OTHER]
    assert session["spots"][OTHER] == {"symbol": "ETH/USDT", "id": "ETHUSDT", "factor": "1"}
    assert [one["symbol"] for one in json.loads((folder / "universe.json").read_text())["taken"]] == session[
        "settings"
    ]["market"]["symbols"]
    books = read_books(state / "accounts" / "binanceusdm-main")
    assert len(books.ledger.trades) > 0


DEAD_MAN_S = 5
PATIENT = ("chase_interval_s", "chase_move_ticks", "patience_s")


def test_a_dead_engine_leaves_no_entry_to_be_filled_and_keeps_its_stop(tmp_path: Path):
    """The exchange takes back the entries of a session that was killed; the stop of a position it never takes.

    The session after that has the position of the one before, and its strategy leaves it.
    """
    state, mine = tmp_path / "state", tmp_path / "mine.py"
    mine.write_text(STEADFAST.read_text())
    stranger = Stranger(tmp_path, "--data", str(rising_market(tmp_path / "market")))
    try:
        there = stranger.terminal
        large = [f"engine.{name}=20000" for name in ("sizing.capital", "risk.position_notional_max")]
        sets = [*large, "engine.risk.order_notional_max=20000", f"engine.executor.dead_man_ms={DEAD_MAN_S * 1000}"]
        armed = ("--strategy", str(mine), *[word for text in sets for word in ("--set", text)])
        rests = [word for name in PATIENT for word in ("--set", f"engine.executor.{name}=100000")]
        waits = ("--set", 'engine.executor.entry_style="limit"', *rests)
        killed(stranger, state, lambda: rests_at(state, "ENTRY"), *armed, *waits)
        assert there.entries(SYMBOL)
        wait_for("the exchange takes the entry back", lambda: not there.entries(SYMBOL), 12.0 * DEAD_MAN_S)
        assert there.held(SYMBOL) == 0.0

        killed(stranger, state, lambda: rests_at(state, "STOP"), *armed)
        (stop,), lots = there.stops(SYMBOL), there.held(SYMBOL)
        time.sleep(2.0 * DEAD_MAN_S)
        assert (there.stops(SYMBOL), there.held(SYMBOL)) == ([stop], lots)
        assert lots > 0.0

        leaving = STEADFAST.read_text().replace("return HELD", "return go_flat(target)")
        mine.write_text(leaving.replace("HELD,", "go_flat,"))
        done = lived(stranger, state, "--yes", "--symbols", SYMBOL, *armed)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "difference to the exchange 0" in done.stdout
        first, *_ = read_events(state, "Sized")[2:]
        assert (first["strategy"], first["lots"]) == ("mine", 0)
    finally:
        stranger.close()


def rests_at(state: Path, purpose: str) -> bool:
    """Whether an order of that purpose rests, by the journal; there may be none yet."""
    asked = f"SELECT 1 FROM orders JOIN intents USING (intent_id) WHERE state = 'OPEN' AND purpose = '{purpose}'"
    try:
        return bool(list(state.glob("accounts/*/journal.db")) and stage.journal(state, asked))
    except sqlite3.OperationalError:
        return False  # its tables are being made


def read_events(state: Path, kind: str) -> list[dict[str, object]]:
    """The journal's events of that kind, oldest first."""
    reader = JournalReader(state / "accounts" / "binanceusdm-main")
    told = [json.loads(encode(event)) for event in reader.refresh()]
    return [event for event in told if event["type"] == kind]
