"""Named shared memory: create, attach, verify, unlink, sweep what the dead left.

    a file /dev/shm/ringmaster-<run_id>-<NAME>, mode 0600
    +--------------------------------+---------------------------------+
    | header, 4096 bytes: see HEADER | body, a multiple of 4096 bytes  |
    +--------------------------------+---------------------------------+
                                     ^ Segment.address

Not multiprocessing.shared_memory: its tracker unlinks live segments when an
attacher exits.  The creator holds a lock on the file until ``complete`` is written,
so that a sweep can tell a file being made from one whose maker died.
"""

import errno
import fcntl
import hashlib
import mmap
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shm.build import fingerprint

PAGE = 4096
EDITED = "shm/ was changed since; put it back, or stop the session and start anew"
MAGIC = b"RINGMSTR"
LAYOUT = 1
COMPLETE = 0x6C6C6F77

HEADER = np.dtype(
    [
        ("magic", "S8"),
        ("layout", "<i8"),
        ("record", "<u8"),  # fingerprint of the record's names, formats and offsets
        ("build", "S16"),  # hash of the package's sources
        ("run_id", "S64"),
        ("name", "S32"),
        ("boot_id", "S40"),
        ("owner_pid", "<i8"),
        ("owner_started", "<i8"),  # clock ticks since boot, as in /proc/PID/stat
        ("bytes", "<i8"),  # of the whole file
        ("complete", "<i8"),  # COMPLETE, written last
    ]
)

assert HEADER.itemsize <= PAGE, "the header fits its page"

_MADV_POPULATE_READ, _MADV_POPULATE_WRITE = 22, 23
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


class SegmentError(Exception):
    """A segment cannot be made or must not be used; one line for people."""


@dataclass(slots=True)
class Segment:
    """Mapped shared memory: ``size`` bytes at ``address``, until closed."""

    path: Path
    address: int
    size: int
    _map: mmap.mmap

    def close(self) -> None:
        """Unmap it; nothing may touch ``address`` afterwards."""
        self.address = 0
        self._map.close()

    def unlink(self) -> None:
        """Take its name away; who has it mapped keeps it until they close."""
        self.path.unlink(missing_ok=True)


def record_fingerprint(record: np.dtype[Any], *also: int) -> int:
    """Hash of a record's names, formats, offsets and size, and of the numbers in ``also``."""
    digest = hashlib.sha256(repr((_shape(record), also)).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def _shape(record: np.dtype[Any]) -> Any:
    if record.fields is None:
        return record.str if record.subdtype is None else (_shape(record.subdtype[0]), record.subdtype[1])
    return record.itemsize, [(name, _shape(field[0]), field[1]) for name, field in record.fields.items()]


def directory(chosen: Path | None = None) -> Path:
    """Where segments live: ``chosen``, RINGMASTER_SHM, or /dev/shm."""
    return chosen or Path(os.environ.get("RINGMASTER_SHM") or "/dev/shm")  # noqa: S108


def process_started(pid: int) -> int | None:
    """When process ``pid`` started, in clock ticks since boot; None when it is dead."""
    try:
        words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # A zombie has ended: it only waits for its parent to look.
    return None if words[0] in (b"Z", b"X") else int(words[19])


def _boot_id() -> bytes:
    return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()


def _path(run_id: str, name: str, chosen: Path | None) -> Path:
    if not _RUN_ID.fullmatch(run_id) or not _NAME.fullmatch(name):
        raise SegmentError(f"shared memory: {run_id!r} and {name!r} cannot name a segment")
    return directory(chosen) / f"ringmaster-{run_id}-{name}"


def create(run_id: str, name: str, size: int, *, record_fingerprint: int, directory: Path | None = None) -> Segment:
    """Make a segment with a zeroed body of ``size`` bytes, owned by this process."""
    path = _path(run_id, name, directory)
    size = -(-size // PAGE) * PAGE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise SegmentError(f"shared memory: {path} exists already; is this session running?") from None
    except OSError as error:
        raise SegmentError(f"shared memory: cannot make {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.fchmod(descriptor, 0o600)
        os.posix_fallocate(descriptor, 0, PAGE + size)
        mapping = mmap.mmap(descriptor, PAGE + size)
        _advise(mapping, _MADV_POPULATE_WRITE)
        _describe(mapping, run_id, name, record_fingerprint)
        if os.fstat(descriptor).st_nlink == 0:
            raise SegmentError(f"shared memory: {path} was removed while it was made")
    except OSError as error:
        path.unlink(missing_ok=True)
        reason = f"full, {(PAGE + size) >> 10} KiB more are needed" if error.errno == errno.ENOSPC else error.strerror
        raise SegmentError(f"shared memory: cannot make {path}: {path.parent} is {reason}") from error
    finally:
        os.close(descriptor)
    return Segment(path, _address(mapping) + PAGE, size, mapping)


def _describe(mapping: mmap.mmap, run_id: str, name: str, record: int) -> None:
    header = np.frombuffer(mapping, HEADER, 1)
    header["magic"], header["layout"], header["record"] = MAGIC, LAYOUT, record
    header["build"], header["boot_id"] = fingerprint(("shm",)).encode(), _boot_id()
    header["run_id"], header["name"] = run_id.encode(), name.encode()
    header["owner_pid"], header["owner_started"] = os.getpid(), process_started(os.getpid())
    header["bytes"] = len(mapping)
    header["complete"] = COMPLETE


def attach(
    run_id: str, name: str, *, record_fingerprint: int, writable: bool = True, directory: Path | None = None
) -> Segment:
    """Map a segment that another process made, after checking that it is the one we mean."""
    path = _path(run_id, name, directory)
    try:
        descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise SegmentError(f"shared memory: {path} does not exist; is the session running?") from None
    except OSError as error:
        raise SegmentError(f"shared memory: cannot open {path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        objection = _file_objection(status) or _header_objection(
            os.pread(descriptor, HEADER.itemsize, 0), (run_id, name, record_fingerprint, status.st_size)
        )
        if objection:
            raise SegmentError(f"shared memory: {path} {objection}")
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        mapping = mmap.mmap(descriptor, status.st_size, access=access)
    finally:
        os.close(descriptor)
    _advise(mapping, _MADV_POPULATE_WRITE if writable else _MADV_POPULATE_READ)
    return Segment(path, _address(mapping) + PAGE, status.st_size - PAGE, mapping)


def _file_objection(status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return "is not a file"
    if status.st_uid != os.geteuid():
        return f"belongs to user {status.st_uid}, not to us"
    if stat.S_IMODE(status.st_mode) != 0o600:
        return f"has mode {stat.S_IMODE(status.st_mode):o}, not 600"
    return None


def _header_objection(raw: bytes, wanted: tuple[str, str, int, int]) -> str | None:
    run_id, name, record, size = wanted
    if len(raw) < HEADER.itemsize:
        return "is shorter than a header"
    header = np.frombuffer(raw, HEADER)[0]
    checks = (
        (header["magic"] == MAGIC, "is not one of ours: its magic differs"),
        (header["complete"] == COMPLETE, "was never completed"),
        (header["layout"] == LAYOUT, f"has layout {header['layout']}, not {LAYOUT}"),
        (header["build"] == fingerprint(("shm",)).encode(), f"was made by another build: {EDITED}"),
        (header["record"] == record, f"holds records of another shape: {EDITED}"),
        (header["run_id"] == run_id.encode() and header["name"] == name.encode(), "carries another name inside"),
        (header["bytes"] == size, f"has {size} bytes, its header says {header['bytes']}"),
    )
    return next((objection for holds, objection in checks if not holds), None)


def _advise(mapping: mmap.mmap, advice: int) -> None:
    try:
        mapping.madvise(advice)
    except OSError as error:
        # Before Linux 5.14 the first lap faults its pages in by itself.
        if error.errno != errno.EINVAL:
            raise


def _address(mapping: mmap.mmap) -> int:
    # The view is dropped at once: a living one would forbid closing the map.
    return int(np.frombuffer(mapping, np.uint8).ctypes.data)


def sweep(run_id: str | None = None, *, directory: Path | None = None) -> list[str]:
    """Unlink segments of ours whose owner is dead, and all of run ``run_id``; their names."""
    removed = []
    for path in sorted(_directory(directory).glob("ringmaster-*")):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # gone meanwhile, or not ours to read
        try:
            of_run = run_id is not None and path.name.startswith(f"ringmaster-{run_id}-")
            if _file_objection(os.fstat(descriptor)) is None and (of_run or _is_orphan(descriptor)):
                path.unlink(missing_ok=True)
                removed.append(path.name)
        finally:
            os.close(descriptor)
    return removed


def _is_orphan(descriptor: int) -> bool:
    raw = os.pread(descriptor, HEADER.itemsize, 0)
    header = np.frombuffer(raw, HEADER)[0] if len(raw) == HEADER.itemsize else None
    if header is None or header["magic"] != MAGIC or header["complete"] != COMPLETE:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # being made just now
        return True
    if header["boot_id"] != _boot_id():
        return True
    # A pid is used again; together with its start it is one process for ever.
    return process_started(int(header["owner_pid"])) != int(header["owner_started"])


_directory = directory
