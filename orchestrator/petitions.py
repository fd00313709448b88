"""What a person asks of a running session by hand: handed in durably, answered by the engine.

    close SYMBOL ... --ID.json--> ACCOUNT/petitions --> engine: journal, then act --> the answer, in one line

A session whose engine is just being restarted does it when it is back; nothing is lost, nothing is done twice.
"""

import argparse
import getpass
import os
import secrets
import sys
import time
from pathlib import Path

import msgspec

from engine.petition import Deed, Petition
from engine.spool import Spool
from orchestrator import session as sessions
from orchestrator.settings import BadInputError
from orchestrator.status import running
from shm.clock import SystemClock

ANSWER_WITHIN_S = 10.0
LOOK_S = 0.02


def ask(typed: argparse.Namespace) -> int:
    """Hand in what was typed and print the answer; 1 when none came in time."""
    deed = Deed(typed.command)
    subject = str(typed.subject).strip()
    if not subject:
        raise BadInputError(f"{deed}: an empty name is nobody's")
    price, strategy = getattr(typed, "price", None) or "", getattr(typed, "strategy_name", None) or ""
    asked = Petition(petition_id="", deed=deed, subject=subject, price=price, strategy=strategy, why=typed.why)
    spool, petition = hand_in(typed.state, asked)
    deadline = time.monotonic() + ANSWER_WITHIN_S
    while time.monotonic() < deadline:
        answer = spool.answer_to(petition.petition_id)
        if answer is not None and not answer.granted:
            raise BadInputError(answer.words)
        if answer is not None:
            print(answer.words)
            return 0
        time.sleep(LOOK_S)
    print(f"run.py: no answer within {ANSWER_WITHIN_S:.0f} s; it is done once the engine is back", file=sys.stderr)
    return 1


def hand_in(state: Path, asked: Petition) -> tuple[Spool, Petition]:
    """Write ``asked``, with a name, a time and a hand, for the session on ``state``."""
    session = sessions.load(Path(running(state).folder))
    now_ns = SystemClock().wall_ns()
    petition = msgspec.structs.replace(
        asked, petition_id=f"{now_ns:020d}-{secrets.token_hex(4)}", who=who(), wall_ns=now_ns
    )
    spool = Spool(session.account_path)
    try:
        spool.hand_in(petition)
    except OSError as error:
        raise BadInputError(f"{spool.folder}: {error.strerror}") from None
    return spool, petition


def who() -> str:
    """Return whose hand it is: the login, or the user's number where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
