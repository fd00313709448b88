"""Two processes hammer ring and table, and writers are killed at every step of a publish.

RINGMASTER_STRESS_READS and RINGMASTER_STRESS_KILLS make it longer: ten million reads and
two hundred kills are the long form.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shm.jit import address_of
from shm.records import MARKET
from shm.ring import RingReader, RingWriter, newest_sequence
from shm.table import TableReader, TableWriter
from tests.stress import hammer

READS = int(os.environ.get("RINGMASTER_STRESS_READS", "1000000"))
KILLS = int(os.environ.get("RINGMASTER_STRESS_KILLS", "12"))
SEED = int(os.environ.get("RINGMASTER_STRESS_SEED", "1"))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path_factory):
    """A folder in memory, where segments live in earnest."""
    home = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path_factory.mktemp("shm")
    made = home / f"ringmaster-stress-{os.getpid()}"
    made.mkdir()
    yield made
    for path in made.iterdir():
        path.unlink()
    made.rmdir()


def start(what: str, folder: Path, count: int) -> subprocess.Popen[str]:
    """A process that hammers."""
    command = [sys.executable, "-m", "tests.stress.hammer", what, str(folder), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed_after(stores: int, slot: int, sequence: int, record: np.ndarray) -> int:
    """Fork a writer that is killed after ``stores`` stores; the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            hammer.die_after(stores, slot, sequence, record)
        finally:
            os._exit(1)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def number_record(number: int) -> np.ndarray:
    """The record of ``number``."""
    record = np.zeros(1, MARKET)
    hammer.fill(address_of(record), number)
    return record


def test_a_hammered_ring_delivers_no_torn_record(folder):
    """A writer that never waits against a reader that always reads: 0 torn accepted, seen + lost == sent."""
    mapped = hammer.open_ring(folder)
    out = np.zeros(1, MARKET)
    hammer.check_ring(mapped.address, 0, address_of(out), 1)
    seen = sent = laps = 0
    while seen < READS:
        sent += max(4 * READS, 1_000_000)
        with start("ring", folder, sent) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            found, lost, torn, stopped, lapped = hammer.check_ring(mapped.address, sent, address_of(out), 10**10)
        assert torn == 0
        assert found + lost == stopped == sent
        seen, laps = seen + found, laps + lapped
    print(f"ring: {seen} read, lapped {laps} times, {sent} sent, 0 torn")
    mapped.close()


def test_the_hammer_catches_a_reader_that_does_not_look_again(folder):
    """The control: where the reader's last look is missing, the same writer and the same check find torn records."""
    mapped, out = hammer.open_ring(folder), np.zeros(1, MARKET)
    hammer.count_torn_without_looking_again(mapped.address, 0, address_of(out), 1)
    with start("ring", folder, 2**40) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        torn = hammer.count_torn_without_looking_again(mapped.address, 2**40, address_of(out), 10**9)
        writer.kill()
    assert torn > 0
    mapped.close()


def test_a_hammered_table_delivers_no_torn_row(folder):
    """Rows rewritten all the time are read whole, and never older than what was read before."""
    mapped = hammer.open_table(folder)
    out = np.zeros(1, MARKET)
    hammer.check_table(mapped.address, address_of(out), 1)
    with start("table", folder, 10**12) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        whole, torn, repeated, backwards = hammer.check_table(mapped.address, address_of(out), READS)
        writer.kill()
    assert (torn, backwards) == (0, 0)
    assert whole == READS
    print(f"table: {whole} read, {repeated} repeated, 0 torn")
    mapped.close()


@pytest.mark.parametrize("stores", range(18))
def test_a_ring_survives_a_kill_after_every_store(folder, stores):
    """Killed after store n of seventeen: the old record or the new one; the successor makes a GAP of the rest."""
    mapped = hammer.open_ring(folder)
    writer = RingWriter(mapped.address, hammer.CAPACITY, MARKET, retain=mapped)
    lap = hammer.CAPACITY + 5  # the slot of the dead holds an older record
    for number in range(lap):
        writer.publish(number_record(number))
    slot = mapped.address + 4096 + 128 * (lap % hammer.CAPACITY)
    assert killed_after(stores, slot, lap, number_record(lap)) == 9

    reader = RingReader(mapped.address, hammer.CAPACITY, MARKET, retain=mapped)
    reader.seek(lap)
    out = np.zeros(1, MARKET)
    assert reader.read_into(out) == (1 if stores >= 17 else 0)
    if stores >= 17:
        assert not hammer.is_torn(address_of(out), lap)

    successor = RingWriter(mapped.address, hammer.CAPACITY, MARKET, retain=mapped)
    assert successor.gaps == (1 if 1 <= stores < 17 else 0)
    assert successor.sequence == (lap if stores == 0 else lap + 1)
    if successor.gaps:
        assert reader.read_into(out) == 1
        assert out.tobytes() == bytes(120)
    mapped.close()


@pytest.mark.parametrize("stores", range(18))
@pytest.mark.parametrize("versions", [0, 1, 2, 5])
def test_a_table_survives_a_kill_after_every_store(folder, stores, versions):
    """Killed after store n of seventeen: the row has its old value or its new one, and can be written again."""
    mapped = hammer.open_table(folder)
    writer = TableWriter(mapped.address, MARKET, (0, 4), retain=mapped)
    for number in range(1, versions + 1):
        writer.write(1, number_record(number))
    slot = mapped.address + 256 + 128 * (versions % 2)
    assert killed_after(stores, slot, versions, number_record(99)) == 9

    reader, out = TableReader(mapped.address, MARKET, 4, retain=mapped), np.zeros(1, MARKET)
    expected = 99 if stores >= 17 else versions
    assert reader.read(1, out) == (expected > 0)
    assert expected == 0 or not hammer.is_torn(address_of(out), expected)
    TableWriter(mapped.address, MARKET, (0, 4), retain=mapped).write(1, number_record(100))
    assert reader.read(1, out)
    assert not hammer.is_torn(address_of(out), 100)
    mapped.close()


def test_a_compiled_publisher_may_be_killed_at_any_time(folder):
    """Killed at random moments, its successors go on: nothing torn is delivered, seen + lost == sent."""
    mapped, generator = hammer.open_ring(folder), random.Random(SEED)
    out = np.zeros(1, MARKET)
    hammer.check_ring(mapped.address, 0, address_of(out), 1)
    end, gaps, torn_total = 2**40, 0, 0
    for _ in range(KILLS):
        with start("ring", folder, end) as writer:
            assert writer.stdout is not None
            gaps += int(writer.stdout.readline().split()[1])
            time.sleep(generator.uniform(0.0, 0.01))
            writer.kill()
        newest = int(newest_sequence(mapped.address, hammer.MASK))
        seen, lost, torn, stopped, _ = hammer.check_ring(mapped.address, end, address_of(out), 1000)
        torn_total += torn
        assert seen + lost == stopped == newest + 1
    assert torn_total == 0
    print(f"kills: {KILLS} (seed {SEED}), {gaps} half-written slots became gaps, 0 torn")
    mapped.close()
