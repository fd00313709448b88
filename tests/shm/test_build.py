"""The build's fingerprint follows the sources."""

from shm import build


def test_the_same_sources_have_the_same_fingerprint():
    """Two looks agree, and fewer packages give another answer."""
    assert build.fingerprint() == build.fingerprint()
    assert build.fingerprint(("shm",)) != build.fingerprint()


def test_an_edit_changes_the_fingerprint(tmp_path, monkeypatch):
    """One byte in a kernel's file is another build; so is a renamed file."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    source = tmp_path / "shm" / "low.py"
    source.parent.mkdir()
    seen = set()
    for path, text in ((source, "x = 1"), (source, "x = 2"), (source.with_name("high.py"), "x = 2")):
        source.unlink(missing_ok=True)
        path.write_text(text)
        build.fingerprint.cache_clear()
        seen.add(build.fingerprint(("shm",)))
    build.fingerprint.cache_clear()
    assert len(seen) == 3
