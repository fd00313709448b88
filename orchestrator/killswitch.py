"""``kill-switch on|off|LEVEL``: the operator's word, by two paths that need no process of ours.

    level --1--> STATE/kill-switch     durable; the engine reads it at every order, and so does every later start
          --2--> kill word             shared memory of the running session, if there is one; it only rises

The file comes first, so that a session that is just starting finds it.
"""

import os
from pathlib import Path

from engine.switch import NAME, PLAIN, KillFile, level_named
from orchestrator import session as sessions
from orchestrator.settings import BadInputError
from shm.records import Kill

LADDER = {
    Kill.NORMAL: "trading",
    Kill.NO_ENTRIES: "nothing is added to any position; strategies may still leave, stops are kept",
    Kill.EXITS_ONLY: "only what reduces a position leaves",
    Kill.FLATTEN: "every position is closed at the market",
    Kill.HALT: "nothing is sent at all; what rests at the exchange stays",
}


def level_of(state: Path) -> Kill:
    """Return the level that lies in ``state``; NORMAL without one."""
    return KillFile(state / NAME).level()


def turn(state: Path, word: str) -> int:
    """Set the switch to ``word`` and say what that means."""
    level = level_named(word)
    if level is None:
        names = ", ".join(level.name for level in Kill)
        raise BadInputError(f"kill-switch {word}: no such level; there are on, off, {names}")
    state = state.resolve()
    lying = level_of(state)
    if word.lower() == "on":
        level = max(PLAIN, lying)  # "on" never takes back what was said before
    write(state, level)
    who = sessions.holder(state)
    if who is None:
        print(f"kill switch {_words(level)}" + ("" if level is Kill.NORMAL else f" (kept in {state / NAME})"))
        return 0
    return _tell(who, level)


def write(state: Path, level: Kill) -> None:
    """Make ``level`` durable in ``state``; NORMAL takes the file away."""
    path = state / NAME
    try:
        state.mkdir(parents=True, exist_ok=True)
        if level is Kill.NORMAL:
            path.unlink(missing_ok=True)
        else:
            fresh = path.with_suffix(f".{os.getpid()}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(f"{level.name}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        folder = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise BadInputError(f"--state {state}: not a writable folder: {error.strerror}") from None


def _tell(who: sessions.Holder, level: Kill) -> int:
    """Raise the word of the running session."""
    from shm.memory import Memory
    from shm.segment import SegmentError

    try:
        memory = Memory.attach(who.run_id, "monitor", {})
    except SegmentError:
        print(f"kill switch {_words(level)}: session {who.folder} is starting or ending, and will heed it")
        return 0
    stands = memory.words.raise_kill(level)
    memory.close()
    print(f"kill switch {_words(level)}: session {who.folder} {_plain(stands)}")
    if stands > level:
        print(f"the running session stays at {_plain(stands)}: a level falls only when a session starts anew")
    return 0


def _words(level: Kill) -> str:
    return "off" if level is Kill.NORMAL else f"on, {_plain(level)}: {LADDER[level]}"


def _plain(level: Kill) -> str:
    return level.name.lower().replace("_", " ")
