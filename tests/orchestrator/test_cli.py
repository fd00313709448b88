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
        (["--live"], "not in this version"),
        (["backtest"], "not in this version"),
        (["staus"], "did you mean status?"),
        (["status"], "no session runs"),
        (["stop"], "no session runs"),
        (["why", "BTC/USDT:USDT", "noon"], "no session yet"),
        (["exchange", "--port", "70000"], "between 0 and 65535"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The line names the offending thing; nothing is on stdout, nothing on disk."""
    garbage = tmp_path / "BTCUSDT-1m.parquet"
    garbage.write_text("garbage")
    state = [] if words[0] in ("exchange", "backtest", "staus") else ["--state", str(tmp_path / "var")]
    code = cli.main([*(word.format(garbage=garbage) for word in words), *state])
    told = capsys.readouterr()
    assert code == 2
    assert line in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert list(tmp_path.iterdir()) == [garbage]


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
