"""A session on disk, and the lock that keeps a second one off the same state.

STATE/
  lock                          flock; while held it says who runs: {"pid", "run_id", "folder"}
  kill-switch                   while it exists, sessions start with trading off
  accounts/VENUE-ACCOUNT/journal.db
  sessions/NAME/session.json    what it was told, by which code, and how it ended
           NAME/market/ decisions/ orders/ log.jsonl summary.json
"""

import fcntl
import hashlib
import os
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType

import msgspec
import orjson

from orchestrator.settings import BadInputError, Settings
from orchestrator.spots import Spot
from shm.instruments import Instrument
from shm.topology import TIMEFRAMES_S

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("shm", "feed", "brain", "engine", "orchestrator")
LIBRARIES = ("ringmaster", "numpy", "numba", "ccxt", "msgspec", "pyarrow")
RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every process of a session is built from; session.json holds exactly this."""

    name: str
    mode: str  # paper, live
    exchange: str = "binanceusdm"  # as ccxt names it
    observes: bool = False  # live, and sends nothing
    is_demo: bool = False  # live, on the hosts where the exchange lets people practise
    loopback: str = ""  # for tests: the certificate of what plays the exchange on ``port`` of this machine
    opening: int = 0  # live: cash at the start, minor units
    folder: str
    state: str
    run_id: str  # names the segments in /dev/shm
    seed: int
    venue: str
    account: str
    port: int  # of the embedded exchange
    market_start_ns: int  # wall time at the start; a made-up market begins there
    instruments: tuple[Instrument, ...]
    spots: dict[str, Spot] = field(default_factory=dict)  # by the contract's symbol, where somebody compares them
    watches_spots: bool = False  # strategies look at their candles: each has a row of minutes behind the contracts'
    strategies: tuple[str, ...]  # by row, as in records
    values: tuple[tuple[str, ...], ...] = ()  # by strategy: the names of what its decisions show
    timeframes_s: tuple[int, ...] = TIMEFRAMES_S  # whose history somebody decides on
    settings: Settings
    versions: dict[str, str]
    code_hash: str
    started: str  # UTC, ISO
    ended: str = RUNNING  # or how

    @property
    def path(self) -> Path:
        """The session's folder."""
        return Path(self.folder)

    @property
    def log_path(self) -> Path:
        """Where every process appends its lines."""
        return self.path / "log.jsonl"

    @property
    def account_path(self) -> Path:
        """The account's folder: its journal, and on paper the exchange's certificate and ledger."""
        return Path(self.state) / "accounts" / f"{self.venue}-{self.account}"


def save(session: Session) -> None:
    """Write session.json; whoever reads it sees the old one or the new one."""
    target = session.path / "session.json"
    fresh = target.with_suffix(".fresh")
    fresh.write_bytes(orjson.dumps(msgspec.to_builtins(session), option=orjson.OPT_INDENT_2) + b"\n")
    fresh.replace(target)


def load(folder: Path) -> Session:
    """Return the session that lives in ``folder``."""
    try:
        return msgspec.json.decode((folder / "session.json").read_bytes(), type=Session)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInputError(f"{folder}: no session.json in it; sessions are folders under STATE/sessions") from None
    except msgspec.DecodeError as error:
        raise BadInputError(f"{folder}/session.json: {error}") from None


def new_folder(state: Path, now: datetime) -> Path:
    """Make and return a session folder named after ``now``."""
    stem = now.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        folder = state / "sessions" / f"{stem}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise BadInputError(f"--state {state}: no session folder can be made there: {error.strerror}") from None
        return folder
    raise BadInputError(f"{state}/sessions: a hundred sessions began in one second")


def discard(folder: Path) -> None:
    """Remove a session that never began, and the empty folders around it."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in (folder.parent, folder.parent.parent):
        try:
            parent.rmdir()
        except OSError:
            return


def newest(state: Path) -> Path:
    """Return the folder of the youngest session."""
    names = listing(state)
    if not names:
        raise BadInputError(f"{state}: no session yet; start one with: python run.py --paper")
    return names[-1]


def listing(state: Path) -> list[Path]:
    """Return the session folders, oldest first."""
    return sorted(path.parent for path in (state / "sessions").glob("*/session.json"))


def code_hash() -> str:
    """Return one hash over every source file of ours."""
    digest = hashlib.sha256()
    for path in [ROOT / "run.py", *sorted(path for package in SOURCES for path in (ROOT / package).rglob("*.py"))]:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Return the versions that a session's result may depend on."""
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "from source"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who runs on a state."""

    pid: int
    run_id: str
    folder: str


class StateLock:
    """One session at a time on one state directory; the kernel lets go when the holder dies."""

    def __init__(self, state: Path) -> None:
        self._path = state / "lock"
        self._made = not state.exists()
        try:
            state.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BadInputError(f"--state {state}: not a writable folder: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            who = holder(state)
            where = f"pid {who.pid}, {who.folder}" if who else "just starting"
            raise BadInputError(
                f"--state {state}: a session runs there already ({where}); "
                "end it with: python run.py stop, or give another --state"
            ) from None

    def say(self, who: Holder) -> None:
        """Write into the lock who holds it."""
        text = msgspec.json.encode(who)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)

    def __enter__(self) -> "StateLock":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)
        if not self._made or not self._path.parent.is_dir():  # or somebody deleted it
            return
        if {entry.name for entry in self._path.parent.iterdir()} == {"lock"}:
            self._path.unlink()
            self._path.parent.rmdir()


def holder(state: Path) -> Holder | None:
    """Return who runs on ``state``, or None: a lock that nobody holds says nothing."""
    try:
        lock = os.open(state / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            return msgspec.json.decode(os.pread(lock, 4096, 0), type=Holder)
        except msgspec.DecodeError:
            return None
    finally:
        os.close(lock)
    return None
