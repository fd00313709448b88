"""What the operator sees: plain lines, and on a terminal one live line under them.

play money, synthetic market, ...      lines scroll up
[ok] memory          3.1 MB
12:31 UTC  equity 100012.31  ...       <- the live line, redrawn in place; a pipe never sees it
"""

import shutil
import sys
from collections.abc import Iterable
from typing import TextIO

CLEAR = "\r\x1b[2K"


class Screen:
    """A stream of lines; knows whether somebody watches."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._live = ""
        self.is_broken = False

    def line(self, text: str = "") -> None:
        """Print ``text`` for good."""
        self._write(f"{CLEAR if self._live else ''}{text}\n{self._live}")

    def lines(self, texts: Iterable[str]) -> None:
        """Print each of ``texts`` for good."""
        for text in texts:
            self.line(text)

    def check(self, name: str, text: str, *, passed: bool = True) -> None:
        """Print a line of the checklist."""
        self.line(f"[{'ok' if passed else '!!'}] {name:<14}{text}")

    def live(self, text: str) -> None:
        """Redraw the live line; nothing in a pipe."""
        if self._is_terminal and text != self._live:
            self._live = text[: self._columns()]
            self._write(f"{CLEAR}{self._live}")

    def settle(self) -> None:
        """Take the live line away."""
        if self._live:
            self._write(CLEAR)
            self._live = ""

    def _columns(self) -> int:
        return shutil.get_terminal_size().columns - 1

    def _write(self, text: str) -> None:
        if self.is_broken:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            # Whoever read us is gone; the session must not die of it.
            self.is_broken = True
