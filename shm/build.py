"""What this build is: one hash of the sources that are compiled, and of the compiler."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNEL_PACKAGES = ("shm", "brain", "engine")


@cache
def fingerprint(packages: tuple[str, ...] = KERNEL_PACKAGES) -> str:
    """Hash of every Python file of ``packages`` and of numba's version, 16 hexadecimal digits."""
    digest = hashlib.sha256(version("numba").encode())
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
