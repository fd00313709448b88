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

        there.trade(SYMBOL, "sell", "0.001")
        wait_for("what was sold by hand is not ours any more", lambda: held(state, "steadfast") == 3)
        assert there.stops(SYMBOL) == [lower]
        assert typed(state, "resume", "steadfast", "--why", "seen")[0] == 0
        assert typed(state, "kill-switch", "flatten")[0] == 0
        wait_for("the rest is closed at the market", lambda: there.held(SYMBOL) == 0.0)
        wait_for("and its stop is taken away", lambda: not there.stops(SYMBOL))
        shown = json.loads(typed(state, "status", "--json", "-")[1])
        assert (shown["kill"], shown["kill_file"]) == ("flatten", "flatten")
        code, words = typed(state, "stop", "--flatten")
        assert code == 0, words
        summary = running.finish()
    finally:
        running.process.kill()
    stage.check(summary)
    assert summary["remains"] == []
    assert "!! orders at the exchange that our books lack" in "".join(running.told)
    deeds = [json.loads(row[0]) for row in stage.journal(state, "SELECT payload FROM events WHERE kind = 'Intervened'")]
    assert [deed["deed"] for deed in deeds] == ["move-stop", "ignore", "close", "pause", "adopt", "resume", "stop"]
    assert all(deed["who"] for deed in deeds)
    assert [deed["why"] for deed in deeds if deed["deed"] in ("move-stop", "close")] == ["wider", "news"]
    assert stage.traces(state) == []


def counted(state: Path, name: str) -> int:
    """A counter of the session."""
    return int(json.loads(typed(state, "status", "--json", "-")[1])["counters"][name])


def rising_market(folder: Path) -> Path:
    """Candles of which each opens above the last one's close: a bid that was posted is never reached."""
    folder.mkdir()
    lines = ["open_time,open,high,low,close,volume"]
    for minute in range(1_200):
        opens = 60_000 + 2 * minute
        lines.append(f"{1_741_219_200_000 + 60_000 * minute},{opens}.0,{opens + 1}.0,{opens}.0,{opens + 1}.0,100.000")
    (folder / "BTCUSDT-1m.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_an_entry_that_rests_is_cancelled_by_hand_and_not_posted_anew(tmp_path: Path):
    """By its client id; the strategy repeats its target for as long as it likes."""
    state, market = tmp_path / "state", rising_market(tmp_path / "market")
    patient = [f"engine.executor.{name}=100000" for name in ("chase_interval_s", "chase_move_ticks", "patience_s")]
    sets = [word for text in ('engine.executor.entry_style="limit"', *patient) for word in ("--set", text)]
    running = stage.start(state, *CHOSEN, "--market", str(market), *sets)
    try:
        running.ready(within_s=200.0)
        asked = "SELECT client_id, state FROM orders JOIN intents USING (intent_id)"
        wait_for("an entry rests", lambda: [row[1] for row in stage.journal(state, asked)] == ["OPEN"])
        ((number, _),) = stage.journal(state, asked)
        assert typed(state, "cancel", str(number))[0] == 0
        wait_for("it is gone", lambda: [row[1] for row in stage.journal(state, asked)] == ["CANCELLED"])
        before = counted(state, "decisions")
        wait_for("the target is repeated", lambda: counted(state, "decisions") > before + 3)
        assert [row[1] for row in stage.journal(state, asked)] == ["CANCELLED"]
        assert typed(state, "stop")[0] == 0
        summary = running.finish()
    finally:
        running.process.kill()
    assert (summary["fills"], summary["remains"]) == (0, [])


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
