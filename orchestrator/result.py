"""A command's result as one JSON object, where ``--json`` wants it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(found: Mapping[str, Any], place: str | None) -> bool:
    """Write ``found`` to a file, to standard output for ``-``, nowhere for None; False where people may not read."""
    text = json.dumps(found, indent=2) + "\n"
    if place == "-":
        sys.stdout.write(text)
    elif place:
        Path(place).write_text(text, encoding="utf-8")
    return place != "-"
