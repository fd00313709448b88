"""Is this machine fit, and are these settings sound? Each check says what it found and what to do."""

import os
import platform
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator import result
from orchestrator import settings as settings_of
from orchestrator.settings import BadInputError

SHARED_BYTES = 64 << 20  # a session of ten instruments takes about a half
DISK_BYTES = 1 << 30
FSYNC_MS_MAX = 50.0
FILES_MIN = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    passed: bool
    text: str
    remedy: str = ""


def examine(state: Path, config: Path | None, place: str | None) -> int:
    """Run every check and print it; 1 when one failed."""
    checks: tuple[Callable[[], Finding], ...] = (
        machine,
        shared_memory,
        lambda: disk(state),
        open_files,
        lambda: settings(config),
    )
    findings = [check() for check in checks]
    passed = all(finding.passed for finding in findings)
    if result.write({"passed": passed, "findings": [asdict(finding) for finding in findings]}, place):
        for finding in findings:
            print(f"[{'ok' if finding.passed else '!!'}] {finding.check:<15}{finding.text}")
            if not finding.passed:
                print(f"     {finding.remedy}")
    return 0 if passed else 1


def machine() -> Finding:
    """Processor, kernel, cores."""
    cores = len(os.sched_getaffinity(0))
    good = platform.system() == "Linux" and platform.machine() in ("x86_64", "aarch64")
    text = f"{platform.system()} {platform.release()} {platform.machine()}, {cores} cores"
    return Finding("machine", good, text, "a 64-bit Linux is needed: pidfd, futex, membarrier")


def shared_memory(where: Path = Path("/dev/shm")) -> Finding:  # noqa: S108 - a filesystem, not a temporary file
    """Room for the rings."""
    try:
        free = shutil.disk_usage(where).free
    except OSError as error:
        return Finding("shared memory", False, f"{where}: {error.strerror}", "mount a tmpfs there")
    remedy = f"free {where}, or in a container give it --shm-size=256m"
    return Finding("shared memory", free >= SHARED_BYTES, f"{where}: {free >> 20} MiB free", remedy)


def disk(state: Path) -> Finding:
    """Room and speed where the journal lives."""
    place = next(path for path in (state.resolve(), *state.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Finding("disk", False, f"{place} is not writable", "give --state a folder of yours")
    probe = place / f".ringmaster-doctor-{os.getpid()}"
    begun = time.monotonic()
    try:
        file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        return Finding("disk", False, f"{place}: {error.strerror}", "give --state a folder of yours")
    try:
        os.write(file, b"x" * 4096)
        os.fsync(file)
    finally:
        os.close(file)
        probe.unlink()
    took_ms = (time.monotonic() - begun) * 1000
    good = free >= DISK_BYTES and took_ms <= FSYNC_MS_MAX
    text = f"{place}: {free >> 30} GiB free, a durable write takes {took_ms:.1f} ms"
    return Finding("disk", good, text, "free a GiB, or choose a faster disk: every order waits for one durable write")


def open_files() -> Finding:
    """How many files a process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Finding("open files", soft >= FILES_MIN, f"{soft} allowed", f"ulimit -n {FILES_MIN}")


def settings(config: Path | None) -> Finding:
    """Whether the settings are sound."""
    try:
        settings_of.assemble("paper", config, [], {})
    except BadInputError as error:
        return Finding("settings", False, str(error), "correct the file")
    return Finding("settings", True, str(config or "paper profile"))
