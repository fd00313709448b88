"""Sessions whose processes are killed at random: ``python -m tests.system.kills --seed 1 --count 20``."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.system import stage

ROLES = ("feed", "brain", "engine", "reconciler")
SECONDS = 45


def live(state: Path, seed: int) -> dict[str, Any]:
    """A session in which each process is SIGKILLed twice, at moments that ``seed`` chooses; its summary."""
    running = stage.start(state, "--seed", str(seed), "--speed", "300", "--seconds", str(SECONDS))
    running.ready()
    generator = np.random.default_rng(seed)
    for role in generator.permutation(ROLES * 2):
        time.sleep(float(generator.uniform(0.5, 3.5)))
        assert running.kill(str(role)), f"{role} was not there"
    return running.finish()


def check(state: Path, summary: dict[str, Any]) -> None:
    """Fail where an order went out twice, a fill was lost or something was left behind."""
    stage.check(summary)
    assert summary["fills"] > 0
    doubled = "SELECT venue_order_id FROM orders WHERE venue_order_id != '' GROUP BY 1 HAVING count(*) > 1"
    assert stage.journal(state, doubled) == []
    assert {role: summary["restarts"][role] for role in ROLES} == dict.fromkeys(ROLES, 2)
    assert stage.traces(state) == []
    again = stage.replayed(state)
    assert again["differences"] == 0, again["first_difference"]
    # a brain that was killed before its first decision, on a machine that is busy, leaves no epoch
    assert 2 <= len(again["epochs"]) <= 3


def main() -> int:
    """Live ``count`` sessions; the first that fails ends it and keeps its folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    arguments = parser.parse_args()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        state = Path(tempfile.mkdtemp(prefix=f"ringmaster-kills-{seed}-"))
        summary = live(state, seed)
        try:
            check(state, summary)
        except AssertionError as error:
            print(f"seed {seed}: {error}\nkept: {state}")
            return 1
        print(f"seed {seed}: {summary['decisions']} decisions, {summary['fills']} fills, difference 0", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
