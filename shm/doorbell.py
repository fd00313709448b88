"""The doorbells of a ring: who sleeps, and how the writer wakes them.

    control page of a ring, 4096 bytes
    +0      armed: bit k is set while reader k may be asleep
    +8      reachable: 1 when a membarrier reaches the writer
    +128    bell of reader 0: AWAKE, FUTEX or EVENTFD
    +256    bell of reader 1 ...

The sleeper pays: it arms, runs a membarrier and looks again.  So an armed doorbell
costs the writer one relaxed load after its release store, and no fence.  Where a
membarrier is not to be had, sleeps are bounded by ``NAP_NS`` instead.
"""

from shm.atomics import (
    eventfd_signal,
    exchange,
    fence_compiler,
    fetch_and,
    fetch_or,
    futex_wake,
    load_relaxed,
    membarrier,
    membarrier_register,
    seldom,
    store_relaxed,
    store_release,
)
from shm.jit import inlined, kernel

BELLS = 16
AWAKE, FUTEX, EVENTFD = 0, 1, 2
NAP_NS = 1_000_000
REACHABLE = 8
LINE = 128

assert LINE * (1 + BELLS) <= 4096, "the bells fit the control page"


@inlined
def bell_at(ring: int, doorbell: int) -> int:
    """Address of the bell of reader ``doorbell``."""
    return ring + LINE * (1 + doorbell)


@kernel
def make_reachable(ring: int) -> bool:
    """Called by a ring's writer when it starts: may sleepers rely on membarrier?"""
    reachable = membarrier_register()
    store_release(ring + REACHABLE, 1 if reachable else 0)
    return reachable


@kernel
def arm(ring: int, doorbell: int, kind: int) -> bool:
    """Say that reader ``doorbell`` is about to sleep; look for news once more afterwards.

    False when the writer may miss it: then sleep no longer than ``NAP_NS``.
    """
    store_relaxed(bell_at(ring, doorbell), kind)
    fetch_or(ring, 1 << doorbell)
    fenced = membarrier()
    return fenced and bool(load_relaxed(ring + REACHABLE) == 1)


@kernel
def disarm(ring: int, doorbell: int) -> None:
    """Say that reader ``doorbell`` is awake."""
    store_relaxed(bell_at(ring, doorbell), AWAKE)
    fetch_and(ring, ~(1 << doorbell))


@kernel
def wake(ring: int, descriptors: int) -> int:
    """Wake every armed reader; ``descriptors`` is the address of BELLS eventfd numbers, or -1."""
    armed: int = exchange(ring, 0)
    for doorbell in range(BELLS):
        if armed & (1 << doorbell):
            bell = bell_at(ring, doorbell)
            kind = load_relaxed(bell)
            # The word changes before the call, so a sleeper that comes late does not fall asleep.
            store_release(bell, AWAKE)
            if kind == FUTEX:
                futex_wake(bell, 1)
            elif kind == EVENTFD:
                descriptor = load_relaxed(descriptors + 8 * doorbell)
                if descriptor >= 0:
                    eventfd_signal(descriptor)
    return armed


@inlined
def announce(ring: int, descriptors: int) -> None:
    """After a publish: one relaxed load, and a wake when somebody sleeps."""
    fence_compiler()
    if seldom(load_relaxed(ring) != 0):
        wake(ring, descriptors)
