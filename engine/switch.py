"""The kill switch as a file, and the ground the engine stands on: both read from the disk, no other process needed.

    kill-switch on|LEVEL --raises--> word in shared memory ----+
                         --writes--> STATE/kill-switch --read--+--> the higher of both, at every order and duty cycle
    STATE, journal.db gone or replaced ---------------------------> no entries

The file survives a restart and outlives every process; the word works while the disk does not.
"""

from pathlib import Path

from shm.records import Kill

NAME = "kill-switch"
PLAIN = Kill.EXITS_ONLY  # what a file means that names no level, e.g. one that was only touched
_TEXT_MAX = 64


def level_named(text: str) -> Kill | None:
    """The level that people write as ``text``: its name in any case, ``on`` or ``off``; None for anything else."""
    word = text.strip().upper().replace("-", "_").replace(" ", "_")
    if word in ("ON", "OFF"):
        return PLAIN if word == "ON" else Kill.NORMAL
    return Kill[word] if word in Kill.__members__ else None


class KillFile:
    """The level that lies in a file; read again only when the file is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._level = Kill.NORMAL

    def level(self) -> Kill:
        """What the file says now; NORMAL without one, EXITS_ONLY when it cannot be understood."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._seen = None
            return Kill.NORMAL
        except OSError:
            return PLAIN
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        if mark != self._seen:
            self._level, self._seen = self._read(), mark
        return self._level

    def _read(self) -> Kill:
        try:
            with self._path.open("rb") as file:
                text = file.read(_TEXT_MAX).decode("ascii", "replace")
        except OSError:
            return PLAIN
        # A switch that lies there was meant: what cannot be read is not "off".
        level = level_named(text.partition("\n")[0])
        return PLAIN if level is None else level


class Ground:
    """Files and folders that must stay the ones they were: what is written into others is lost at the end."""

    def __init__(self, *places: Path) -> None:
        """Remember who they are now."""
        self._known = {place: _identity(place) for place in places}

    def gone(self) -> str:
        """Which of them is gone or replaced, in words; empty while all stand."""
        for place, known in self._known.items():
            found = _identity(place)
            if found != known:
                return f"{place} is gone" if found is None else f"{place} was replaced"
        return ""


def _identity(place: Path) -> tuple[int, int] | None:
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
