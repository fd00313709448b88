"""Structured logs: one JSON object a line, appended to the session's file."""

import json
from pathlib import Path
from typing import Any, TextIO

import structlog


class _Lines:
    """Writes whole lines; several processes append to the same file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Append ``line`` in one write, so that lines of processes do not mix."""
        self._stream.write(line + "\n")
        self._stream.flush()

    debug = info = warning = error = critical = exception = msg


def log(role: str, path: Path, **context: Any) -> structlog.stdlib.BoundLogger:
    """A logger whose lines carry ``role`` and ``context``; opens ``path`` for appending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Held open for the life of the process.
    stream = path.open("a", encoding="utf-8", buffering=1 << 16)
    return logger_to(stream).bind(role=role, **context)


def logger_to(stream: TextIO) -> structlog.stdlib.BoundLogger:
    """A logger that writes JSON lines to ``stream``; nothing global is configured."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        _Lines(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=json.dumps, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=True,
    )
    return logger
