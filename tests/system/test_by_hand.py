"""People beside a running session: by its commands, at the exchange itself, and with ``rm``."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system import stage
from tests.system.terminal import Terminal

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

SYMBOL = "BTC/USDT:USDT"
STEADFAST = Path(__file__).with_name("steadfast.py")
CHOSEN = ("--symbols", SYMBOL, "--strategy", str(STEADFAST), "--seed", "5", "--speed", "60", "--seconds", "400")


def typed(state: Path, *words: str) -> tuple[int, str]:
    """Run a command; its exit code and what it says."""
    command = [sys.executable, str(stage.ROOT / "run.py"), *words, "--state", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    return done.returncode, (done.stdout + done.stderr).strip()


def wait_for(what: str, question: Callable[[], Any], within_s: float = 30.0) -> float:
    """Ask until the answer is yes; the seconds that it took."""
    begun = time.monotonic()
    while not question():
        assert time.monotonic() - begun < within_s, f"not within {within_s} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - begun


def terminal_of(state: Path) -> Terminal:
    """The session's own account at its embedded exchange."""
    session, (folder,) = stage.session_of(state), state.glob("sessions/*")
    keys = json.loads((folder / "keys.json").read_text())
    (certificate,) = folder.glob("*.pem")
    return Terminal(port=session["port"], certificate_pem=certificate.read_text(), **keys)


def held(state: Path, strategy: str) -> int:
    """Lots of ``strategy``, as its journal's table has them."""
    rows = stage.journal(state, f"SELECT lots FROM positions WHERE strategy = '{strategy}'")
    return int(rows[0][0]) if rows else 0


def test_people_and_the_engine_trade_on_one_account(tmp_path: Path):
    """Each petition does what it says at the exchange, none is undone; a stranger's trade is seen and respected."""
    state = tmp_path / "state"
    running = stage.start(state, *CHOSEN)
    try:
        running.ready(within_s=200.0)
        there = terminal_of(state)
        wait_for("a stop rests", lambda: there.stops(SYMBOL))
        (stop,), lots = there.stops(SYMBOL), held(state, "steadfast")
        assert lots > 0

        lower = round(stop - 100, 1)
        assert typed(state, "move-stop", "BTC", str(lower), "--why", "wider")[0] == 0
        wait_for("the stop has moved", lambda: there.stops(SYMBOL) == [lower])
        code, words = typed(state, "move-stop", "BTC", str(round(there.price(SYMBOL) * 1.1, 1)))
        assert (code, "would trigger at once" in words) == (2, True)
        ((number,),) = stage.journal(
            state, "SELECT client_id FROM intents WHERE purpose = 'STOP' ORDER BY 1 DESC LIMIT 1"
        )
        code, words = typed(state, "cancel", str(number))
        assert (code, "is the stop of an open position" in words) == (2, True)

        there.trade(SYMBOL, "buy", "0.004")
        noticed_s = wait_for("the stranger's lots are marked", lambda: held(state, "external") == 4)
        assert noticed_s < 10.0
        assert typed(state, "ignore", "BTC")[0] == 0
        assert typed(state, "close", "BTC", "--why", "news")[0] == 0
        wait_for("ours is closed and theirs is not", lambda: there.held(SYMBOL) == 0.004)
        wait_for("our stop is taken away", lambda: not there.stops(SYMBOL))
        assert held(state, "steadfast") == 0
        assert typed(state, "pause", "NOPE")[0] == 2
        assert typed(state, "pause", "steadfast")[0] == 0
        lower = round(there.price(SYMBOL) * 0.97, 1)
        assert typed(state, "adopt", "BTC", "--stop", str(lower))[0] == 0
        wait_for("what was adopted has its stop", lambda: there.stops(SYMBOL) == [lower])
        assert (held(state, "steadfast"), held(state, "external")) == (4, 0)

        there.trade(SYMBOL, "sell", "0.004")
        wait_for("what was sold by hand is not ours any more", lambda: held(state, "steadfast") == 0)
        wait_for("nor is its stop", lambda: not there.stops(SYMBOL))
        code, words = typed(state, "stop", "--flatten")
        assert code == 0, words
        summary = running.finish()
    finally:
        running.process.kill()
    stage.check(summary)
    assert summary["remains"] == []
    assert "!! orders at the exchange that our books lack" in "".join(running.told)
    deeds = [json.loads(row[0]) for row in stage.journal(state, "SELECT payload FROM events WHERE kind = 'Intervened'")]
    assert [deed["deed"] for deed in deeds] == ["move-stop", "ignore", "close", "pause", "adopt", "stop"]
    assert all(deed["who"] for deed in deeds)
    assert [deed["why"] for deed in deeds if deed["deed"] in ("move-stop", "close")] == ["wider", "news"]
    assert stage.traces(state) == []


def test_a_state_that_is_deleted_under_a_session_is_noticed(tmp_path: Path):
    """An alarm within seconds, no entries any more, an end with exit 1, and nothing left behind."""
    state = tmp_path / "state"
    running = stage.start(state, *CHOSEN)
    try:
        running.ready(within_s=200.0)
        wait_for("the strategy trades", lambda: held(state, "steadfast"))
        run_id = stage.session_of(state)["run_id"]
        shutil.rmtree(state)
        begun = time.monotonic()
        assert running.process.stderr is not None
        for line in running.process.stderr:
            running.told.append(line)
            if line.startswith("!!") and "is gone" in line:
                break
        assert time.monotonic() - begun < 10.0
        running.process.terminate()
        _, words = running.process.communicate(timeout=90)
    finally:
        running.process.kill()
    assert running.process.returncode == 1, words
    assert "no summary" in words
    assert not [path for path in stage.SHARED_MEMORY.iterdir() if run_id in path.name]
