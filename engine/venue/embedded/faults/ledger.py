"""What was injected, and what was seen of it afterwards: in memory to be asked, in a file to be kept.

{"id": 3, "kind": "gap", "market_ns": ..., "where": "btcusdt@kline_1m", "hit": "candle 1741219200000"}
{"id": 3, "became": "asked for by REST"}
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

NOTHING = "nothing was asked, nothing was sent again"
SEEN_MAX = 8  # notes kept of one fault: a client may ask for ever


@dataclass(slots=True, kw_only=True)
class Injected:
    """One fault that struck."""

    id: int
    kind: str
    market_ns: int
    wall_ns: int
    where: str
    hit: str
    became: list[str] = field(default_factory=list)


class FaultLedger:
    """Every fault that struck, oldest first."""

    def __init__(self, path: Path | None = None) -> None:
        """Append to ``path``, if there is one; what a former life wrote there comes first."""
        self._path = path
        self.rows: list[Injected] = read_back(path) if path is not None and path.exists() else []

    def write(self, kind: str, times: tuple[int, int], where: str, hit: str) -> Injected:
        """Note that a fault struck; ``times`` is market time and wall time."""
        row = Injected(
            id=len(self.rows) + 1, kind=kind, market_ns=times[0], wall_ns=times[1], where=where, hit=hit[:300]
        )
        self.rows.append(row)
        self._append({name: value for name, value in asdict(row).items() if name != "became"})
        return row

    def became(self, row: Injected, text: str) -> None:
        """Note what was seen of it; the same thing once."""
        if text not in row.became and len(row.became) < SEEN_MAX:
            row.became.append(text)
            self._append({"id": row.id, "became": text})

    def close(self) -> None:
        """Say of every fault that was never heard of again that it was not."""
        for row in self.rows:
            if not row.became:
                self.became(row, NOTHING)

    def _append(self, line: dict[str, object]) -> None:
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(orjson.dumps(line) + b"\n")


def read_back(path: Path) -> list[Injected]:
    """The ledger that ``path`` holds."""
    rows: dict[int, Injected] = {}
    for line in path.read_bytes().splitlines():
        told = orjson.loads(line)
        if "kind" in told:
            rows[told["id"]] = Injected(**told)
        else:
            rows[told["id"]].became.append(told["became"])
    return list(rows.values())
