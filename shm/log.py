"""Structured logs: one JSON object a line, appended to the session's file."""

import json
import os
import weakref
from pathlib import Path
from typing import Any

import structlog


class _Lines:
    """Appends whole lines, each in one write, so that lines of several processes do not mix."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        weakref.finalize(self, os.close, self._descriptor)

    def msg(self, line: str) -> None:
        """Append ``line``."""
        os.write(self._descriptor, line.encode() + b"\n")

    debug = info = warning = error = critical = exception = msg


def log(role: str, path: Path, **context: Any) -> structlog.stdlib.BoundLogger:
    """A logger whose lines carry ``role`` and ``context``; nothing global is configured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        _Lines(path),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=json.dumps, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=True,
    )
    return logger.bind(role=role, **context)
