"""The kill file and the ground: read from the disk as it is now."""

import os
import shutil

import pytest

from engine.switch import Ground, KillFile, level_named
from shm.records import Kill


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", Kill.EXITS_ONLY),
        ("on", Kill.EXITS_ONLY),
        ("halt\nbecause of the news\n", Kill.HALT),
        ("no-entries", Kill.NO_ENTRIES),
        ("Flatten", Kill.FLATTEN),
        ("\x00\xff nonsense", Kill.EXITS_ONLY),
        ("off", Kill.NORMAL),
    ],
)
def test_a_file_says_its_level(tmp_path, text, level):
    """A file that lies there was meant: what names no level forbids entries all the same."""
    path = tmp_path / "kill-switch"
    path.write_text(text, encoding="latin-1")
    assert KillFile(path).level() is level


def test_a_change_is_seen_at_the_next_look(tmp_path):
    """Written, rewritten and taken away under a reader."""
    path = tmp_path / "kill-switch"
    file = KillFile(path)
    assert file.level() is Kill.NORMAL
    path.write_text("no_entries")
    assert file.level() is Kill.NO_ENTRIES
    fresh = tmp_path / "fresh"
    fresh.write_text("flatten")
    fresh.replace(path)
    assert file.level() is Kill.FLATTEN
    path.unlink()
    assert file.level() is Kill.NORMAL


def test_a_switch_that_cannot_be_read_is_on(tmp_path):
    """A folder in its place is no reason to trade."""
    (tmp_path / "kill-switch").mkdir()
    assert KillFile(tmp_path / "kill-switch").level() is Kill.EXITS_ONLY
    (tmp_path / "plain").touch()
    assert KillFile(tmp_path / "plain" / "kill-switch").level() is Kill.EXITS_ONLY


def test_words_name_levels():
    """As people type them; anything else is no level."""
    assert level_named("EXITS-ONLY") is Kill.EXITS_ONLY
    assert level_named("off") is Kill.NORMAL
    assert level_named("stop") is None


def test_ground_that_is_deleted_or_replaced_is_noticed(tmp_path):
    """The same name is not the same file."""
    state = tmp_path / "state"
    state.mkdir()
    journal = state / "journal.db"
    journal.touch()
    ground = Ground(state, journal)
    assert ground.gone() == ""
    kept = os.open(journal, os.O_RDONLY)
    journal.unlink()
    journal.touch()
    assert ground.gone() == f"{journal} was replaced"
    shutil.rmtree(state)
    assert ground.gone() == f"{state} is gone"
    os.close(kept)
