"""Petitions as files: a person's word is durable before anybody has to be alive to hear it.

    person --ID.json--> ACCOUNT/petitions/ --read every duty cycle--> engine --journal, durable--> ID.answer --> person

A petition is removed after what it asked for is on the disk, so a killed engine finds it again,
and knows from its journal what it had done.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.petition import Petition

FOLDER = "petitions"
SIZE_MAX = 4096


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a petition."""

    granted: bool
    words: str


class Spool:
    """The petitions of one account."""

    def __init__(self, account: Path) -> None:
        self.folder = account / FOLDER
        self._open: dict[str, bool] = {}

    def take(self) -> Iterator[Petition]:
        """Yield what has come since the last look, oldest first; a file that is no petition is answered here."""
        # The folder's own time of change is too coarse: two changes within a tick of the kernel's clock have the same.
        try:
            names = sorted(path.stem for path in self.folder.iterdir() if path.suffix == ".json")
        except OSError:
            return
        for name in names:
            if name in self._open:
                continue
            self._open[name] = True
            petition = self._read(name)
            if petition is None:
                self.answer(name, Answer(granted=False, words="not a petition that this version understands"))
            else:
                yield petition

    def answer(self, petition_id: str, answer: Answer) -> None:
        """Say what became of it, and forget it."""
        self._open.pop(petition_id, None)
        if not (self.folder / f"{petition_id}.json").exists():
            return  # answered in an earlier life, or nobody's
        _put(self.folder / f"{petition_id}.answer", msgspec.json.encode(answer))
        (self.folder / f"{petition_id}.json").unlink(missing_ok=True)

    def hand_in(self, petition: Petition) -> None:
        """Make ``petition`` durable; for the one who asks."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _put(self.folder / f"{petition.petition_id}.json", msgspec.json.encode(petition))

    def answer_to(self, petition_id: str) -> Answer | None:
        """The answer, once; None while there is none."""
        path = self.folder / f"{petition_id}.answer"
        try:
            answer = msgspec.json.decode(path.read_bytes(), type=Answer)
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        return answer

    def _read(self, name: str) -> Petition | None:
        path = self.folder / f"{name}.json"
        try:
            with path.open("rb") as file:
                petition = msgspec.json.decode(file.read(SIZE_MAX), type=Petition)
        except (OSError, msgspec.DecodeError):
            return None
        return petition if petition.petition_id == name else None


def _put(path: Path, content: bytes) -> None:
    """Whole or not at all, and there after a power cut."""
    fresh = path.with_suffix(".fresh")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
