"""From a websocket frame to the order's bytes, hop by hop, in a whole paper session; checked before it is timed.

    frame in -> candle on the ring -> decided -> intent -> durable -> bytes out
    feed .........................    brain      engine ..................

The session is the product itself: every process, the loopback exchange with TLS, the
journal with its fsync.  The hops are the histograms that every session keeps in shared
memory, so what is printed here is what a session's summary says.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("numba", "numpy", "ccxt", "aiohttp", "uvloop")
HOPS = (
    ("FRAME_TO_RING", "frame in -> candle on the ring"),
    ("RING_TO_DECISION", "candle on the ring -> decided"),
    ("DECISION_TO_INTENT", "decided -> intent seen by the engine"),
    ("INTENT_TO_DURABLE", "intent -> durable in the journal"),
    ("DURABLE_TO_SENT", "durable -> order bytes out"),
    ("FRAME_TO_SENT", "frame in -> order bytes out"),
    ("SENT_TO_ACK", "order bytes out -> acknowledged"),
)


def session(speed: str, seconds: int, seed: int) -> dict[str, Any]:
    """Trade on paper for ``seconds``; the summary.  Exits with the session's own words when it fails."""
    with tempfile.TemporaryDirectory(prefix="ringmaster-latency-") as state:
        command = [sys.executable, str(ROOT / "run.py"), "--paper", "--speed", speed, "--seconds", str(seconds)]
        command += ["--seed", str(seed), "--state", state, "--json", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"latency: the session ended with {done.returncode}:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def check(summary: dict[str, Any]) -> None:
    """Refuse to time a session that got something wrong."""
    wrong = [name for name in ("mismatches", "records_lost", "unknown_orders") if summary[name]]
    wrong += [name for name in ("fills", "decisions", "intents") if not summary[name]]
    if wrong:
        sys.exit("latency: the session is not right: " + ", ".join(f"{name}={summary[name]}" for name in wrong))


def in_us(nanoseconds: float) -> str:
    """Nanoseconds as microseconds."""
    return f"{nanoseconds / 1000:,.1f}"


def show(summary: dict[str, Any]) -> None:
    """Print the table."""
    print(f"{platform.platform()}, {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(", ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES))
    print(
        f"checked: {summary['candles']} candles, {summary['decisions']} decisions, {summary['fills']} fills, "
        f"{summary['mismatches']} mismatches, {summary['records_lost']} lost"
    )
    print(f"\n{'hop':<40}{'count':>8}{'p50 us':>12}{'p99 us':>12}{'p999 us':>12}{'max us':>12}")
    for hop, words in HOPS:
        row = summary["latency"].get(hop)
        if row and row["count"]:
            numbers = "".join(f"{in_us(row[name]):>12}" for name in ("p50", "p99", "p999", "max"))
            print(f"{words:<40}{row['count']:>8}{numbers}")


def compiled_hop() -> dict[str, Any]:
    """The ring's own hop against a C ring of the same layout, in the same run."""
    with tempfile.TemporaryDirectory(prefix="ringmaster-latency-") as folder:
        out = Path(folder) / "ring.json"
        command = [sys.executable, str(ROOT / "benchmarks" / "ring.py"), "--quick", "--json", str(out)]
        print("\nthe compiled hop alone, and the same ring in C:\n", flush=True)
        subprocess.run(command, check=True)
        return dict(json.loads(out.read_text()))


def main() -> int:
    """Check, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=40, help="length of the session (default 40)")
    parser.add_argument("--speed", default="120", help="market seconds a machine second (default 120)")
    parser.add_argument("--seed", type=int, default=7, help="of the synthetic market (default 7)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    arguments = parser.parse_args()
    summary = session(arguments.speed, arguments.seconds, arguments.seed)
    check(summary)
    show(summary)
    ring = compiled_hop()
    if arguments.json:
        arguments.json.write_text(json.dumps({"latency": summary["latency"], "ring": ring}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
