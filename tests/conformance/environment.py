"""An environment of its own for each foreign client: made once from a pinned requirements file, kept by its hash.

requirements/NAME.txt --sha256--> <cache>/NAME-<hash>/bin/python     a change of the file makes another one
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
INSTALL_SECONDS = 240


def cache() -> Path:
    """Return where environments are kept."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("RINGMASTER_CONFORMANCE_CACHE", home / "ringmaster" / "conformance"))


def python_of(name: str) -> str:
    """Return the interpreter with client ``name``; the tests' own where the project depends on the client."""
    requirements = HERE / "requirements" / f"{name}.txt"
    if not requirements.exists():
        return sys.executable
    pinned = requirements.read_bytes() + sys.version.encode()
    folder = cache() / f"{name}-{hashlib.sha256(pinned).hexdigest()[:16]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "-r", str(requirements)], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            unavailable(f"pip could not install {requirements.name}: {done.stderr.strip().splitlines()[-1:]}")
        (folder / "complete").touch()
    return str(python)


def unavailable(reason: str) -> None:
    """Skip, or fail where the run is required to be whole."""
    if os.environ.get("RINGMASTER_CONFORMANCE") == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
