"""The doctor: what it looks at, and that a finding comes with its remedy."""

from pathlib import Path

import pytest

from orchestrator import doctor


def test_this_machine_is_examined(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Every check prints one line, and leaves nothing behind."""
    doctor.examine(tmp_path, None, None)
    text = capsys.readouterr().out
    assert all(name in text for name in ("machine", "shared memory", "disk", "open files", "settings"))
    assert list(tmp_path.iterdir()) == []


def test_bad_settings_fail_the_examination(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Exit 1, and the line that run.py would say."""
    file = tmp_path / "mine.toml"
    file.write_text("[feed]\nband = 1\n")
    assert doctor.examine(tmp_path, file, None) == 1
    assert "feed.band is not a setting" in capsys.readouterr().out


def test_a_state_that_cannot_be_is_a_finding(tmp_path: Path):
    """Below a file, or where nobody can make one: it names the place instead of failing itself."""
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, Path("/proc/nowhere")):
        found = doctor.disk(place)
        assert not found.passed
        assert found.text.startswith(str(file if place == file else "/proc"))
        assert found.remedy == "give --state a folder of yours"


def test_no_shared_memory_is_a_finding(tmp_path: Path):
    """It says what to do."""
    found = doctor.shared_memory(tmp_path / "nowhere")
    assert not found.passed
    assert found.remedy
