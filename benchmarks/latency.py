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
    ("frame_to_ring", "frame in -> candle on the ring"),
    ("ring_to_decision", "candle on the ring -> decided"),
    ("decision_to_intent", "decided -> intent seen by the engine"),
    ("intent_to_durable", "intent -> durable in the journal"),
    ("durable_to_sent", "durable -> order bytes out"),
    ("frame_to_sent", "frame in -> order bytes out"),
    ("sent_to_ack", "order bytes out -> acknowledged"),
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
        if not row or not row["count"]:
            sys.exit(f"latency: nothing went through {words}")
        numbers = "".join(f"{in_us(row[name]):>12}" for name in ("p50", "p99", "p999", "max"))
        print(f"{words:<40}{row['count']:>8}{numbers}")


def compiled_hop() -> tuple[int, dict[str, Any]]:
    """The ring's own hop against a C ring of the same layout, in the same run: exit code and figures."""
    with tempfile.TemporaryDirectory(prefix="ringmaster-latency-") as folder:
        out = Path(folder) / "ring.json"
        command = [sys.executable, str(ROOT / "benchmarks" / "ring.py"), "--quick", "--json", str(out)]
        print("\nthe compiled hop alone, and the same ring in C:\n", flush=True)
        code = subprocess.run(command, check=False).returncode
        return code, dict(json.loads(out.read_text())) if out.exists() else {}


def main() -> int:
    """Check, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="length of the session (default 60)")
    parser.add_argument("--speed", default="300", help="market seconds a machine second (default 300)")
    parser.add_argument("--seed", type=int, default=7, help="of the synthetic market (default 7)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there")
    arguments = parser.parse_args()
    summary = session(arguments.speed, arguments.seconds, arguments.seed)
    check(summary)
    show(summary)
    code, ring = compiled_hop()
    if arguments.json:
        arguments.json.write_text(json.dumps({"latency": summary["latency"], "ring": ring}, indent=1))
    return code


if __name__ == "__main__":
    sys.exit(main())
