"""Keys of an exchange: where they come from, who may hold them, and what nobody ever shows.

    --keys FILE (0600)        \\                       memory file --descriptor--> engine, reconciler
    RINGMASTER_KEY, _SECRET   /--> supervisor, checked -/        (feed, brain, recorder: neither keys nor descriptor)

On paper they are random, in a file of the session's folder.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from orchestrator.child import SECRETS
from orchestrator.session import Session
from orchestrator.settings import BadInputError

KEY, SECRET = SECRETS
DESCRIPTOR = "RINGMASTER_KEYS_FD"
HOLDERS = ("engine", "reconciler")
SIZE_MAX, LETTERS_MIN = 4096, 16
EXPECTED = '{"key": "...", "secret": "..."}'


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key and its secret."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return f"Keys({self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """Enough to tell one key from another."""
        return f"{self.key[:4]}...{self.key[-4:]}"


@dataclass(frozen=True, slots=True)
class Handed:
    """Keys as children get them: by a descriptor that only the holders inherit."""

    environment: dict[str, str]
    files_of: dict[str, tuple[int, ...]]
    descriptor: int

    def close(self) -> None:
        """Give the memory file up."""
        os.close(self.descriptor)


def found(file: Path | None, environment: Mapping[str, str]) -> Keys:
    """Return the keys of ``file``, else of the environment; every complaint is one line and shows no key."""
    if file is not None:
        return _read(file)
    key, secret = (environment.get(name, "").strip() for name in (KEY, SECRET))
    if not key or not secret:
        raise BadInputError(f"no keys: give --keys FILE (mode 0600, {EXPECTED}), or {KEY} and {SECRET}")
    return _sound(Keys(key=key, secret=secret), "the environment")


def handed(keys: Keys) -> Handed:
    """Put ``keys`` into a memory file for the holders."""
    descriptor = os.memfd_create("keys", os.MFD_CLOEXEC)
    os.write(descriptor, msgspec.json.encode(keys))
    return Handed({DESCRIPTOR: str(descriptor)}, dict.fromkeys(HOLDERS, (descriptor,)), descriptor)


def of(session: Session) -> Keys:
    """Return the keys of a running session, in a process that may hold them."""
    if session.mode == "paper":
        return Keys(**json.loads((session.path / "keys.json").read_text()))
    # Read at a place of its own: every life of the process finds the same file, read by others before.
    return msgspec.json.decode(os.pread(int(os.environ[DESCRIPTOR]), SIZE_MAX, 0), type=Keys)


def _read(file: Path) -> Keys:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BadInputError(f"--keys {file}: {error.strerror}") from None
    try:
        held = os.fstat(descriptor)
        if not stat.S_ISREG(held.st_mode):
            raise BadInputError(f"--keys {file}: not a file")
        if held.st_mode & 0o077:
            mode = stat.S_IMODE(held.st_mode)
            raise BadInputError(f"--keys {file}: others may read it (mode {mode:04o}); chmod 600 {file}")
        if held.st_uid != os.getuid():
            raise BadInputError(f"--keys {file}: belongs to another user")
        try:
            keys = msgspec.json.decode(os.pread(descriptor, SIZE_MAX, 0), type=Keys)
        except msgspec.DecodeError:
            # The decoder quotes what it read: not here.
            raise BadInputError(f"--keys {file}: not {EXPECTED}") from None
    finally:
        os.close(descriptor)
    return _sound(keys, f"--keys {file}")


def _sound(keys: Keys, where: str) -> Keys:
    for name, text in (("key", keys.key), ("secret", keys.secret)):
        if len(text) < LETTERS_MIN or not text.isascii() or any(letter.isspace() for letter in text):
            raise BadInputError(f"{where}: the {name} is not one: at least {LETTERS_MIN} letters without a space")
    return keys
