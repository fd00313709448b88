"""Named shared memory: made whole or not at all, attached only when it is the one we mean."""

import ctypes
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shm import segment
from shm.segment import HEADER, SegmentError

RECORD = 42


@pytest.fixture
def home(tmp_path):
    """A folder for segments."""
    return tmp_path


def make(home, name="MARKET", size=8192):
    """A segment of run ``r1``."""
    return segment.create("r1", name, size, record_fingerprint=RECORD, directory=home)


def attach(home, name="MARKET", record=RECORD):
    """Attach to it."""
    return segment.attach("r1", name, record_fingerprint=record, directory=home)


def body(mapped) -> np.ndarray:
    """The body as bytes, where it is mapped."""
    return np.frombuffer((ctypes.c_char * mapped.size).from_address(mapped.address), np.uint8)


def test_what_one_maps_the_other_sees(home):
    """Two maps of a segment share a zeroed body; the file is ours alone."""
    made = make(home)
    other = attach(home)
    assert not body(other).any()
    body(made)[5] = 7
    assert body(other)[5] == 7
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.size == 8192
    for mapped in (other, made):
        mapped.close()
    made.unlink()
    assert list(home.iterdir()) == []


def test_a_second_creator_is_refused(home):
    """Exclusive creation: one clear line, and the first stays."""
    made = make(home)
    with pytest.raises(SegmentError, match="exists already; is this session running"):
        make(home)
    assert made.path.exists()


def test_a_session_that_is_not_there_is_named(home):
    """Attaching to nothing says what is missing."""
    with pytest.raises(SegmentError, match="does not exist; is the session running"):
        attach(home)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("magic", b"RINGMASX", "not one of ours"),
        ("complete", 0, "never completed"),
        ("layout", 9, "has layout 9"),
        ("build", b"0123456789abcdef", "another build: shm/ was changed since"),
        ("record", 41, "records of another shape"),
        ("run_id", b"r2", "another name inside"),
        ("name", b"TICKS", "another name inside"),
        ("bytes", 5, "its header says 5"),
    ],
)
def test_every_field_of_the_header_is_checked(home, field, value, said):
    """Whatever differs, it is refused and named."""
    made = make(home)
    header = np.memmap(made.path, HEADER, "r+", shape=(1,))
    header[field] = value
    header.flush()
    with pytest.raises(SegmentError, match=said):
        attach(home)


def test_garbage_is_refused(home):
    """Random files of every length never attach."""
    generator = np.random.default_rng(5)
    path = home / "ringmaster-r1-MARKET"
    for size in (0, 1, HEADER.itemsize - 1, HEADER.itemsize, 4096, 8192):
        path.write_bytes(generator.bytes(size))
        path.chmod(0o600)
        with pytest.raises(SegmentError):
            attach(home)


def test_a_truncated_segment_is_refused(home):
    """Its header tells how long it was."""
    made = make(home)
    os.truncate(made.path, 8192)
    with pytest.raises(SegmentError, match="has 8192 bytes"):
        attach(home)


def test_a_file_that_others_may_read_is_refused(home):
    """Mode 0644 is not ours; nor is a link, wherever it points."""
    made = make(home)
    made.path.chmod(0o644)
    with pytest.raises(SegmentError, match="mode 644"):
        attach(home)
    made.path.rename(home / "elsewhere")
    made.path.symlink_to(home / "elsewhere")
    with pytest.raises(SegmentError, match="cannot open"):
        attach(home)


@pytest.mark.parametrize(("run_id", "name"), [("../x", "A"), ("", "A"), ("r", "a/b"), ("r", "A-B"), ("r" * 65, "A")])
def test_names_cannot_leave_the_folder(home, run_id, name):
    """A run id or a name with anything but letters, digits, dot, dash is refused."""
    with pytest.raises(SegmentError, match="cannot name a segment"):
        segment.create(run_id, name, 1, record_fingerprint=0, directory=home)


def test_a_full_file_system_is_one_clear_line(home, monkeypatch):
    """No space: refused before any byte is touched, and no file is left."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(SegmentError, match="is full, 12 KiB more are needed"):
        make(home)
    assert list(home.iterdir()) == []


def test_a_full_tmpfs_is_refused_for_real(home):
    """A tmpfs of 64 KiB in a mount namespace takes one small segment and refuses a large one."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom shm import segment\nhome = Path(sys.argv[1])\n"
        "segment.create('r1', 'SMALL', 4096, record_fingerprint=1, directory=home)\n"
        "try:\n    segment.create('r1', 'LARGE', 1 << 20, record_fingerprint=1, directory=home)\n"
        "except segment.SegmentError as error:\n    print(error, len(list(home.iterdir())))\n"
    )
    script = f'mount -t tmpfs -o size=64k none {home} && exec {sys.executable} -c "$0" {home}'
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, code]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount namespaces here: {done.stderr.strip()}")
    assert "is full, 1028 KiB more are needed 1" in done.stdout, done.stderr


def orphan(home, name: str, started: int = 0) -> Path:
    """A segment whose owner has pid 1's number and started at another time."""
    made = make(home, name)
    header = np.memmap(made.path, HEADER, "r+", shape=(1,))
    header["owner_pid"], header["owner_started"] = os.getpid(), started
    header.flush()
    return made.path


def test_a_sweep_takes_what_the_dead_left(home):
    """Owner alive: it stays; same pid, other start: the owner is dead and it goes."""
    alive, dead = make(home, "ALIVE").path, orphan(home, "DEAD")
    assert segment.sweep(directory=home) == [dead.name]
    assert [path.name for path in home.iterdir()] == [alive.name]


def test_a_sweep_of_a_run_takes_all_of_it(home):
    """Also what is alive; and nothing of a run whose name only begins the same."""
    make(home)
    segment.create("r10", "MARKET", 1, record_fingerprint=1, directory=home)
    assert segment.sweep("r1", directory=home) == ["ringmaster-r1-MARKET"]


def test_a_sweep_takes_a_file_whose_maker_died(home):
    """Without a complete header and without its maker's lock, it is nobody's."""
    (home / "ringmaster-r1-HALF").write_bytes(b"")
    (home / "ringmaster-r1-HALF").chmod(0o600)
    assert segment.sweep(directory=home) == ["ringmaster-r1-HALF"]


def test_a_sweep_leaves_a_file_that_is_being_made(home):
    """Its maker holds the lock."""
    path = home / "ringmaster-r1-HALF"
    with path.open("wb") as file:
        path.chmod(0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert segment.sweep(directory=home) == []


def test_a_sweep_leaves_what_is_not_ours(home):
    """Other names and other modes are not touched."""
    for name in ("ringmaster-r1-OPEN", "other"):
        (home / name).write_bytes(b"")
        (home / name).chmod(0o644)
    assert segment.sweep(directory=home) == []


def test_a_killed_owner_is_dead_even_before_its_parent_looks(home):
    """A zombie does not own anything."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom shm import segment\n"
        "segment.create('r1', 'MARKET', 1, record_fingerprint=1, directory=Path(sys.argv[1]))\n"
        "print('made', flush=True)\nsys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(home)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        assert segment.sweep(directory=home) == []
        owner.kill()
        os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)
        assert segment.sweep(directory=home) == ["ringmaster-r1-MARKET"]


def test_the_fingerprint_sees_names_formats_and_offsets():
    """Records that differ in anything but their Python object have different fingerprints."""
    shapes = [
        np.dtype([("a", "<i8"), ("b", "<i8")]),
        np.dtype([("a", "<i8"), ("c", "<i8")]),
        np.dtype([("a", "<i8"), ("b", "<f8")]),
        np.dtype({"names": ["a", "b"], "formats": ["<i8", "<i8"], "offsets": [8, 0]}),
        np.dtype({"names": ["a", "b"], "formats": ["<i8", "<i8"], "offsets": [0, 8], "itemsize": 24}),
    ]
    assert len({segment.record_fingerprint(shape) for shape in shapes}) == len(shapes)
    assert segment.record_fingerprint(shapes[0]) == segment.record_fingerprint(np.dtype(shapes[0].descr))
    assert segment.record_fingerprint(shapes[0]) != segment.record_fingerprint(shapes[0], 1)
