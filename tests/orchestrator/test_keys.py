"""Keys: from a file that only we may read or from the environment, to engine and reconciler and to nobody else."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import keys
from orchestrator.child import environment
from orchestrator.keys import Keys
from orchestrator.settings import BadInputError
from tests.orchestrator.sessions import session_in

KEY, SECRET = "k" * 20, "canary-secret-0123456789"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    """A file of keys."""
    path = folder / "keys.json"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_that_only_we_may_read(tmp_path: Path):
    """Key and secret, and nothing that shows them."""
    found = keys.found(written(tmp_path, f'{{"key": "{KEY}", "secret": "{SECRET}"}}'), {})
    assert found == Keys(key=KEY, secret=SECRET)
    assert SECRET not in repr(found)
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("text", "mode", "line"),
    [
        (f'{{"key": "{KEY}", "secret": "{SECRET}"}}', 0o640, "others may read it .mode 0640.; chmod 600"),
        (f'{{"key": "{KEY}"}}', 0o600, 'not {"key": "...", "secret": "..."}'),
        (f'{{"key": "{KEY}", "secret": "{SECRET}", "more": 1}}', 0o600, "not {"),
        (SECRET, 0o600, "not {"),
        (f'{{"key": "{KEY}", "secret": "short"}}', 0o600, "the secret is not one"),
        (f'{{"key": "k k{KEY}", "secret": "{SECRET}"}}', 0o600, "the key is not one"),
    ],
)
def test_a_file_that_will_not_do_is_refused_without_showing_it(tmp_path: Path, text: str, mode: int, line: str):
    """One line that names the file and what would be right."""
    with pytest.raises(BadInputError, match=line) as refused:
        keys.found(written(tmp_path, text, mode), {})
    assert SECRET not in str(refused.value)


def test_no_keys_and_no_file(tmp_path: Path):
    """Both ways are named."""
    with pytest.raises(BadInputError, match="RINGMASTER_KEY and RINGMASTER_SECRET"):
        keys.found(None, {keys.KEY: KEY})
    with pytest.raises(BadInputError, match="No such file"):
        keys.found(tmp_path / "none", {})
    with pytest.raises(BadInputError, match="not a file"):
        keys.found(tmp_path, {})


def test_only_holders_get_them_and_the_environment_loses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A descriptor for engine and reconciler, readable again in every life; no child's environment has a secret."""
    handed = keys.handed(Keys(key=KEY, secret=SECRET))
    try:
        assert set(handed.files_of) == {"engine", "reconciler"}
        assert SECRET not in str(handed)
        monkeypatch.setenv(keys.DESCRIPTOR, handed.environment[keys.DESCRIPTOR])
        session = replace(session_in(tmp_path), mode="live")
        assert keys.of(session) == keys.of(session) == Keys(key=KEY, secret=SECRET)
        monkeypatch.setenv(keys.SECRET, SECRET)
        assert SECRET not in str(environment(tmp_path, {}))
    finally:
        handed.close()
    assert SECRET in os.environ[keys.SECRET]
