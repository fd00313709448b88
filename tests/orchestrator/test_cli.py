"""The command line as a shell sees it: exit codes, one line on stderr, nothing left behind."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import cli
from orchestrator.session import ROOT, Holder, StateLock


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run run.py as a user does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--paper", "--set", "engine.executor.retry_s=1"], "did you mean retry_ms?"),
        (["--paper", "--set", "engine.executor.retry_ms=abc"], "engine.executor.retry_ms: Expected int"),
        (["--paper", "--config", "nowhere.toml"], "nowhere.toml: no such file"),
        (["--paper", "--market", "nowhere"], "nowhere: no such file or folder"),
        (["--paper", "--market", "{garbage}"], "unreadable"),
        (["--paper", "--symbols", "FOO"], "FOO: not a symbol"),
        (["--paper", "--speed", "fast"], "neither a number nor max nor step"),
        (["--paper", "--seconds", "-3"], "no duration"),
        (["--paper", "--nonsense"], "--nonsense"),
        (["--live"], "--live needs --exchange NAME; there are binanceusdm"),
        (["--live", "--exchange", "mtgox"], "--exchange mtgox: unknown"),
        (["--live", "--exchange", "kraken"], "not for live trading"),
        (["--live", "--exchange", "bybit"], "no keys: give --keys FILE"),
        (["--live", "--paper"], "two commands"),
        (["--paper", "--observe"], "--observe belongs to --live"),
        (["--live", "--exchange", "binanceusdm"], "no keys: give --keys FILE"),
        (["optimise"], "not in this version"),
        (["staus"], "did you mean status?"),
        (["status"], "no session runs"),
        (["stop"], "no session runs"),
        (["why", "BTC/USDT:USDT", "noon"], "no session yet"),
        (["exchange", "--port", "70000"], "between 0 and 65535"),
        (["exchange", "--port", "x"], "--port: x is not a whole number"),
        (["exchange", "--port", "0", "--data", "nowhere"], "--data nowhere: no such file or folder"),
        (["--paper", "--seconds", "abc"], "abc is no duration"),
        (["--paper", "--max-candles", "0"], "0 is not a whole number of 1 or more"),
        (["--paper", "--seed", "x"], "x is not a whole number"),
        (["--paper", "--seed", "-1"], "-1 is not between 0 and 9223372036854775807"),
        (["--paper", "--seed", "9223372036854775808"], "is not between 0 and 9223372036854775807"),
        (["--paper", "--symbols", ","], "--symbols: ',' names nothing"),
        (["--paper", "--strategy", ""], "--strategy: '' names nothing"),
        (["--paper", "--market", "synthetic", "{garbage}"], "--market synthetic: it is played alone"),
        (["--paper", "--faults", "{faults}"], "'nope' is no kind of fault; docs/faults.md lists them"),
        (["exchange", "--port", "0", "--speed", "step"], "--speed step: there is no engine to wait for"),
        (["exchange", "--port", "0", "--seed", "-1"], "-1 is not between 0"),
        (["exchange", "--port", "0", "--certificate", "/nowhere/it.pem"], "there is no folder /nowhere"),
        (["why", "BTC/USDT:USDT", "noon", "--session", "{garbage}"], "no session.json in it"),
        (["replay", "{garbage}"], "no session.json in it"),
        (["kill-switch", "on", "--state", "{garbage}"], "not a writable folder"),
        (["indicator", "rsi", "--data", "/nowhere", "--out", "-"], "--data /nowhere: no such file"),
        (["--paper", "--set", "engine"], "expected KEY=VALUE"),
        (["--paper", "--set", "engine=1"], "engine is a table of settings"),
        (["--paper", "--set", "market.deposit=nan"], "market.deposit: nan is not a number to work with"),
        (["--paper", "--set", "market.deposit='NaN'"], "deposit must be a number above 0"),
        (["--paper", "--set", "supervisor.stuck_after_s=nan"], "supervisor.stuck_after_s: nan is not a number"),
        (["--paper", "--symbols", "BTC/USDT:USDT,BTC/USDT:USDT"], "names BTC/USDT:USDT more than once"),
        (["--paper", "--config", "/"], "--config /: cannot be read"),
        (["--paper", "--strategy", "trand"], "did you mean trend?"),
        (["--paper", "--strategy", "/nowhere/mine.py"], "no such strategy file"),
        (["--paper", "--strategy", "{foreign}"], "foreign.py:1: a strategy imports"),
        (["--paper", "--json", "/nowhere/summary.json"], "there is no folder /nowhere"),
        (["--paper", "--json", "/"], "/ is a folder, not a file"),
        (["--paper", "status"], "--paper and status are two commands"),
        (["agent"], "how the supervisor starts a process"),
        (["agent", "feed", "--session", "/nowhere"], "how the supervisor starts a process"),
        (["kill-switch", "perhaps"], "no such level"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The line names the offending thing; nothing is on stdout, nothing on disk."""
    garbage = tmp_path / "BTCUSDT-1m.parquet"
    garbage.write_text("garbage")
    foreign = tmp_path / "foreign.py"
    foreign.write_text("import os")
    faults = tmp_path / "faults.toml"
    faults.write_text("[[fault]]\nkind = 'nope'\n")
    stateless = words[0] in ("exchange", "optimise", "staus", "agent", "indicator") or "--state" in words
    state = [] if stateless else ["--state", str(tmp_path / "var")]
    code = cli.main([*(word.format(garbage=garbage, foreign=foreign, faults=faults) for word in words), *state])
    told = capsys.readouterr()
    assert code == 2
    assert line in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert sorted(tmp_path.iterdir()) == [garbage, faults, foreign]


def test_a_strategy_that_only_a_trial_refuses_has_the_only_line(tmp_path: Path):
    """What is wrong shows in the child: exit 2, no banner before it, nothing left behind."""
    mine, shared = tmp_path / "mine.py", tmp_path / "shm"
    mine.write_text('"""No settings, no state, no kernel."""\n')
    shared.mkdir()
    state = tmp_path / "var"
    done = run("--paper", "--strategy", str(mine), "--state", str(state), RINGMASTER_SHM=str(shared))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"run.py: --strategy {mine}: Settings must be a frozen dataclass")
    assert done.stderr.count("\n") == 1
    assert list(shared.iterdir()) == []
    assert not state.exists()


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path):
    """Kernels have to be kept somewhere: one line before anything is compiled."""
    done = run(
        "--paper", "--state", str(tmp_path / "var"), RINGMASTER_CACHE="/proc/nowhere", RINGMASTER_SHM=str(tmp_path)
    )
    assert done.returncode == 2
    assert "/proc/nowhere: no folder for compiled kernels" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_what_a_file_contains_does_not_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A complaint that quotes garbage is still one line of plain text."""
    garbage = tmp_path / "BTCUSDT-1m.csv"
    garbage.write_bytes(b"a,b\n\x1b[2J\x07,1,2,3\n\x1b]0;x\x07")
    assert cli.main(["--paper", "--market", str(garbage), "--state", str(tmp_path / "var")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.removesuffix("\n").isprintable()


def test_a_shell_sees_the_same():
    """Through a real process: exit 2, one line, no traceback."""
    done = run("--paper", "--speed", "fast")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_wish_of_the_environment_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """RUN_SECONDS that is no number is refused by its name."""
    monkeypatch.setenv("RUN_SECONDS", "soon")
    assert cli.main(["--paper", "--state", str(tmp_path)]) == 2
    assert "RUN_SECONDS=soon" in capsys.readouterr().err


def test_a_second_session_on_a_state_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The line says who runs there and how to end it."""
    with StateLock(tmp_path) as lock:
        lock.say(Holder(pid=os.getpid(), run_id="abc", folder="/there"))
        assert cli.main(["--paper", "--state", str(tmp_path)]) == 2
    assert f"a session runs there already (pid {os.getpid()}, /there)" in capsys.readouterr().err


def test_a_port_in_use_is_said(capsys: pytest.CaptureFixture[str]):
    """The exchange alone on a taken port names the port and exits 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["exchange", "--port", str(port)]) == 2
    assert f"port {port} on 127.0.0.1 is not free" in capsys.readouterr().err


def test_a_full_shared_memory_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """No room for the rings: one line, exit 2, no session folder."""
    monkeypatch.setattr(os, "posix_fallocate", _full)
    assert cli.main(["--paper", "--state", str(tmp_path / "var")]) == 2
    told = capsys.readouterr()
    assert "is full" in told.err
    assert told.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def _full(*_: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["stop", "--help"], ["why", "--help"]])
def test_every_command_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]):
    """--help is exit 0, on stdout."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_without_its_dependencies_it_says_what_to_type(tmp_path: Path):
    """A bare Python gets the exact command, exit 2 and no traceback."""
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(ROOT / "run.py"), "--paper"],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "make paper" in done.stderr
    assert "Traceback" not in done.stderr
