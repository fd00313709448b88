"""What numba says about a kernel that does not compile, in one line: where, and why.

Its message names the deepest place first and then every caller up to the strategy.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')
# its first line only names the pass; the cause is the first that says something
_DULL = ("Failed in nopython", "During:", "File ", "Overload", "There are", "- ", "* ", ">>>")


class KernelError(Exception):
    """A kernel that does not compile; one line says which, where and why."""


def cause(text: str) -> str:
    """Return the first line of numba's message that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith(_DULL)), lines[0])


def deepest(text: str) -> str:
    """Return ``file:line`` of the deepest place that the message names, or nothing."""
    found = _PLACE.search(text)
    if found is None:
        return ""
    path = Path(found[1])
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()
    return f"{name}:{found[2]}"


def line_in(text: str, file_name: str) -> int | None:
    """Return the line of ``file_name`` that led there: the last that is named."""
    lines = [int(line) for path, line in _PLACE.findall(text) if Path(path).name == file_name]
    return lines[-1] if lines else None
