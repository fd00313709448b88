"""One child process: spawned in a group of its own, held by a pidfd, so that no number is ever mistaken for it.

supervisor                     standby: a child that takes another's place
  spawn ... --cue N ---------->  load what the role needs
  has_loaded()   <---- byte ---  wait
  cue()          ---- byte --->  attach, run           the line's end without a byte, by our death too: exit 0
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.session import ROOT

SECRETS = ("RINGMASTER_KEY", "RINGMASTER_SECRET")


class Child:
    """A process of ours, from its start until it was reaped."""

    def __init__(
        self, role: str, arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[int]
    ) -> None:
        """Spawn it; OSError where there is no room for another process."""
        self.role = role
        # A group of its own: Ctrl-C reaches the supervisor alone, which then ends the others in order.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own arguments
            [sys.executable, str(ROOT / "run.py"), "agent", role, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            pass_fds=tuple(files),
            process_group=0,
        )
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it lives; reaps it."""
        code = self._process.poll()
        if code is not None and self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        return code

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it still lives."""
        if self.pidfd >= 0 and self._process.poll() is None:
            signal.pidfd_send_signal(self.pidfd, number)

    def wait(self, timeout_s: float) -> int | None:
        """Return how it ended, or None when it still lives after ``timeout_s``."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return self.exit_code()


class Standby(Child):
    """A child that loads, and waits for its cue."""

    def __init__(
        self, role: str, arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[int]
    ) -> None:
        """Spawn it with one end of a line; OSError where there is no room for another process."""
        self._line, far = socket.socketpair()
        self._is_loaded = False
        try:
            with far:
                super().__init__(role, [*arguments, "--cue", str(far.fileno())], environment, [*files, far.fileno()])
        except OSError:
            self._line.close()
            raise

    def has_loaded(self) -> bool:
        """Whether it has said that it waits."""
        if not self._is_loaded:
            with suppress(BlockingIOError, ConnectionResetError):
                self._is_loaded = self._line.recv(1, socket.MSG_DONTWAIT) != b""
        return self._is_loaded

    def cue(self) -> None:
        """Tell it to begin; it may still be loading."""
        with suppress(BrokenPipeError):  # it just died: whoever looks after it finds that out
            self._line.send(b"\n")

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it lives; reaps it."""
        code = super().exit_code()
        if code is not None:
            self._line.close()
        return code


def environment(cache: Path, bells: Mapping[str, int]) -> dict[str, str]:
    """Return what a child's environment adds to ours."""
    told = dict(os.environ)
    told["RINGMASTER_BELLS"] = ",".join(f"{role}={number}" for role, number in bells.items())
    told["PYTHONUNBUFFERED"] = "1"
    for name in SECRETS:
        told.pop(name, None)  # who may hold keys gets them another way
    if told.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Whoever keeps bytecode out of the sources still wants ccxt in half a second instead of four.
        told["PYTHONPYCACHEPREFIX"] = str(cache / "bytecode")
    return told
