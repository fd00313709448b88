"""A session's memory gives each role what the topology says, and nothing else."""

import numpy as np
import pytest

from shm import records, topology
from shm.counters import Counter
from shm.memory import Memory, MemoryRefusedError
from shm.records import Kill
from shm.segment import SegmentError


@pytest.fixture
def home(tmp_path):
    """A session for two instruments; its folder."""
    memory = Memory.create("r1", 2, directory=tmp_path)
    yield tmp_path
    memory.unlink()
    memory.close()
    assert list(tmp_path.iterdir()) == []


def attached(home, role: str) -> Memory:
    """The memory as ``role`` sees it."""
    return Memory.attach("r1", role, directory=home)


@pytest.mark.parametrize("role", topology.ROLES)
def test_only_the_topology_decides(home, role):
    """Every ring and table, asked for by every role, is given or refused as the topology says."""
    memory = attached(home, role)
    for ring in topology.RINGS:
        given(lambda name=ring.name: memory.ring_writer(name), ring.writer == role)
        given(lambda name=ring.name: memory.ring_reader(name), role in (*ring.readers, ring.writer))
    for table in topology.TABLES:
        given(lambda name=table.name: memory.table_writer(name), role in table.writers)
        given(lambda name=table.name: memory.table_reader(name), role in (*table.readers, *table.writers))
    memory.close()


def given(ask, allowed: bool) -> None:
    """Ask, and be refused unless ``allowed``."""
    if allowed:
        ask()
    else:
        with pytest.raises(MemoryRefusedError):
            ask()


def test_a_record_crosses_from_feed_to_brain(home):
    """Two attachments, one ring; the feed's successor reads back what was published."""
    feed, brain = attached(home, "feed"), attached(home, "brain")
    record = np.zeros(1, records.MARKET)
    record["open_ns"] = 5
    feed.ring_writer("MARKET").publish(record)
    for reader in (brain.ring_reader("MARKET"), feed.ring_reader("MARKET")):
        batch = np.zeros(2, records.MARKET)
        assert reader.read_into(batch) == 1
        assert batch["open_ns"][0] == 5
    assert (brain.ring_reader("MARKET").doorbell, feed.ring_reader("MARKET").doorbell) == (0, -1)


def test_a_ring_has_one_writer_in_a_process(home):
    """The second is refused."""
    feed = attached(home, "feed")
    feed.ring_writer("MARKET")
    with pytest.raises(MemoryRefusedError, match="its one writer"):
        feed.ring_writer("MARKET")


def test_a_role_writes_its_own_pulse_only(home):
    """PULSES has a row for each role."""
    writer = attached(home, "brain").table_writer("PULSES")
    pulse = np.zeros(1, records.PULSE)
    writer.write(topology.role_row("brain"), pulse)
    with pytest.raises(IndexError):
        writer.write(topology.role_row("feed"), pulse)


def test_words_and_counters_are_everybodys(home):
    """The kill word is one for all; counters have an area each."""
    engine, monitor = attached(home, "engine"), attached(home, "monitor")
    engine.words.raise_kill(Kill.NO_ENTRIES)
    assert monitor.words.kill_level() == Kill.NO_ENTRIES
    engine.counters.add(Counter.FILLS, 3)
    view = monitor.counters_view()
    assert view.read("engine")["counters"] == {"FILLS": 3}
    assert view.read("monitor")["counters"] == {}


def test_a_second_session_of_that_name_is_refused_and_leaves_nothing(home):
    """Creation is all or nothing; the running session keeps its files."""
    before = sorted(path.name for path in home.iterdir())
    with pytest.raises(SegmentError, match="exists already"):
        Memory.create("r1", 2, directory=home)
    assert sorted(path.name for path in home.iterdir()) == before


def test_unknown_names_are_named():
    """A typo in a role, ring or table says what there is."""
    with pytest.raises(MemoryRefusedError, match="brian is not a role: supervisor"):
        Memory("r1", "brian")
    memory = Memory("r1", "brain")
    with pytest.raises(MemoryRefusedError, match="is not a ring: MARKET"):
        memory.ring_reader("MARKTE")
    with pytest.raises(MemoryRefusedError, match="is not a table: HISTORY"):
        memory.table_reader("PULSE")


def test_only_the_creator_unlinks(home):
    """A child that ends leaves the session's names alone."""
    with pytest.raises(AssertionError):
        attached(home, "brain").unlink()
