"""A child: spawned apart from Ctrl-C, held by a pidfd, reaped."""

import os
import signal
from pathlib import Path

import pytest

from orchestrator import child as children
from orchestrator.child import Child, environment


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Child:
    """A child whose run.py only sleeps."""
    (tmp_path / "run.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(children, "ROOT", tmp_path)
    return Child("brain", [], dict(os.environ), [])


def test_a_child_has_a_process_group_of_its_own(sleeper: Child):
    """Ctrl-C in the terminal does not reach it."""
    assert os.getpgid(sleeper.pid) == sleeper.pid != os.getpgrp()
    sleeper.send(signal.SIGKILL)
    assert sleeper.wait(5.0) == -signal.SIGKILL


def test_a_dead_child_is_reaped_and_cannot_be_signalled(sleeper: Child):
    """Its number may be another's by now: nothing is sent."""
    sleeper.send(signal.SIGTERM)
    assert sleeper.wait(5.0) == -signal.SIGTERM
    sleeper.send(signal.SIGKILL)
    assert sleeper.exit_code() == -signal.SIGTERM
    assert sleeper.pidfd == -1


def test_a_living_child_is_not_waited_for_in_vain(sleeper: Child):
    """None says that it still lives."""
    assert sleeper.wait(0.05) is None
    sleeper.send(signal.SIGKILL)
    sleeper.wait(5.0)


def test_children_may_keep_bytecode_where_the_sources_may_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Whoever forbids bytecode beside the sources gets it in the cache."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    told = environment(tmp_path, {"feed": 7, "engine": 8})
    assert told["RINGMASTER_BELLS"] == "feed=7,engine=8"
    assert told["PYTHONPYCACHEPREFIX"] == str(tmp_path / "bytecode")
    assert "PYTHONDONTWRITEBYTECODE" not in told
