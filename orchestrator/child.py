"""One child process: spawned in a group of its own, held by a pidfd, so that no number is ever mistaken for it.

A standby has loaded what its role needs, says so with a byte, and waits for its cue: a byte back.  The line's end
without one, by our death too, sends it home.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from orchestrator.session import ROOT

SECRETS = ("RINGMASTER_KEY", "RINGMASTER_SECRET")


class Child:
    """A process of ours, from its start until it was reaped."""

    def __init__(
        self,
        role: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        files: Sequence[int],
        *,
        is_standby: bool = False,
    ) -> None:
        self.role = role
        self._line: socket.socket | None = None
        self._is_loaded = False
        if not is_standby:
            self._process = _spawned([role, *arguments], environment, files)
        else:
            near, far = socket.socketpair()
            with ExitStack() as undone, far:
                undone.callback(near.close)
                waiting = [role, *arguments, "--cue", str(far.fileno())]
                self._process = _spawned(waiting, environment, (*files, far.fileno()))
                undone.pop_all()
            self._line = near
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)

    def exit_code(self) -> int | None:
        """Return how it ended, or None while it lives; reaps it."""
        code = self._process.poll()
        if code is not None and self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
            self._hang_up()
        return code

    def has_loaded(self) -> bool:
        """Whether a standby has said that it waits."""
        if self._line is not None and not self._is_loaded:
            with suppress(BlockingIOError, ConnectionResetError):
                self._is_loaded = self._line.recv(1, socket.MSG_DONTWAIT) != b""
        return self._is_loaded

    def cue(self) -> None:
        """Tell a standby to begin."""
        if self._line is not None:
            with suppress(BrokenPipeError):  # it just died: whoever looks after it finds that out
                self._line.send(b"\n")

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

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _spawned(words: Sequence[str], environment: Mapping[str, str], files: Sequence[int]) -> "subprocess.Popen[bytes]":
    # A group of its own: Ctrl-C reaches the supervisor alone, which then ends the others in order.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and our own arguments
        [sys.executable, str(ROOT / "run.py"), "agent", *words],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        pass_fds=tuple(files),
        process_group=0,
    )


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
