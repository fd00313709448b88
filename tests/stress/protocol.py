"""Seeded schedules of the order protocol: ``python -m tests.stress.protocol --seed 1 --count 1000000``.

What a schedule is stands in schedule.py.  Prints how often each fault met each state of an order.

``--policy`` plants one of the three ways in which others handle a timeout; they must fail.
"""

import argparse
import gc
import multiprocessing
import sys
import time

from engine import account as accounts
from engine.order import state_of
from shm.records import OrderState
from tests.stress.policies import Policy
from tests.stress.schedule import Notebook, Schedule
from tests.stress.tally import Tally
from tests.stress.wire import Fault, states_of


def table(tally: Tally) -> str:
    """How often each fault met each state of an order."""
    met = states_of(tally.met, state_of)
    names = [state.name.replace("CANCEL", "C'").lower() for state in OrderState]
    lines = ["| fault | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    lines += [
        f"| {fault.value} | " + " | ".join(f"{met[fault, state]:,}" for state in OrderState) + " |" for fault in Fault
    ]
    return "\n".join(lines)


def rarest(tally: Tally) -> int:
    """The smallest number of that table."""
    met = states_of(tally.met, state_of)
    return min(met[fault, state] for fault in Fault for state in OrderState)


def campaign(seed: int, first: int, count: int, policy: str = Policy.OURS) -> Tally:
    """Play ``count`` schedules of ``seed``; the tally names those that failed."""
    tally = Tally()
    gc.freeze()  # what was imported is not looked through again
    gc.disable()  # every schedule is one heap of cycles: collected together they cost a fifth
    real, accounts.Journal = accounts.Journal, Notebook  # type: ignore[misc, assignment]
    try:
        for number in range(first, first + count):
            known = len(tally.failures)
            if number % 100 == 0:
                gc.collect()
            try:
                Schedule(seed, number, tally, policy).play()
            except Exception as error:
                raise AssertionError(f"seed {seed}, schedule {number}") from error
            tally.failures[known:] = [f"schedule {number}: {words}" for words in tally.failures[known:]]
    finally:
        accounts.Journal = real  # type: ignore[misc]
        gc.enable()
        gc.unfreeze()
    return tally


def share_of(work: tuple[int, int, int, str]) -> Tally:
    """One process's share of a campaign."""
    return campaign(*work)


def main() -> int:
    """Play a campaign, print the table, the rate and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--policy", default=Policy.OURS)
    typed = parser.parse_args()
    began_s, slice_ = time.monotonic(), 500
    starts = range(typed.first, typed.first + typed.count, slice_)
    work = [(typed.seed, at, min(slice_, typed.first + typed.count - at), typed.policy) for at in starts]
    tally = Tally()
    with multiprocessing.get_context("spawn").Pool(typed.processes, maxtasksperchild=20) as pool:
        for number, part in enumerate(pool.imap_unordered(share_of, work), 1):
            tally.add(part)
            if part.failures:
                print("\n".join(part.failures), file=sys.stderr, flush=True)
            if number % 20 == 0:
                words = f"{time.monotonic() - began_s:7.0f} s  {tally.words}; rarest meeting {rarest(tally):,}"
                print(words, file=sys.stderr, flush=True)
    seconds = time.monotonic() - began_s
    print(table(tally))
    print(f"seed {typed.seed} from {typed.first}: {tally.words}")
    print(f"rarest meeting {rarest(tally):,}; {seconds:.0f} s, {typed.count / seconds:,.0f} schedules/s")
    print("\n".join(tally.failures[:20]))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
