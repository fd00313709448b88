"""A session's shared memory, in a folder of the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shm.memory import Memory


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """The supervisor's memory of two instruments; others attach to run ``test``."""
    place = tmp_path / "shm"
    place.mkdir()
    monkeypatch.setenv("RINGMASTER_SHM", str(place))
    made = Memory.create("test", 2)
    yield made
    made.unlink()
    made.close()
