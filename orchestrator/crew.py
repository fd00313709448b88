"""The processes of a session: started, watched, started again, ended; what policy decides is done here.

spawn --> STARTING --> READY --RUN--> RUNNING --DRAIN--> DRAINED --STOP--> gone
             ^                           |
             +---- Again(delay) ---- died or stuck (SIGKILL)

The engine has a standby, loaded and waiting: it takes a dead engine's place, and another is spawned once that one runs.
"""

import select
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

import numpy as np

from orchestrator import policy
from orchestrator.child import Child, Standby
from orchestrator.settings import SupervisorSettings
from shm.memory import Memory
from shm.records import COMMAND, PULSE, Life, Order
from shm.topology import role_row

POLL_MS = 25

Kind = TypeVar("Kind", bound=Child)


@dataclass(slots=True)
class Member:
    """One role: its process, if any, and how it has fared."""

    role: str
    child: Child | None = None
    spawned_ns: int = 0
    due_ns: int | None = None  # when it is started again
    deaths_ns: list[int] = field(default_factory=list)
    died_ns: int | None = None  # until it runs again
    restarts: int = 0
    is_killed: bool = False  # by us; it takes a moment to die
    standby: Standby | None = None
    standby_due_ns: int | None = None  # when one is spawned; from then on, by when it has to have loaded


@dataclass(frozen=True, slots=True)
class Happening:
    """What the crew saw: a death, or somebody back at work."""

    role: str
    text: str  # "died (SIGKILL)", "is stuck: killed", "back", "not started (...)"
    pid: int  # 0: there is none
    took_ns: int = 0  # of "back": since the death


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How children are started."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    files: Sequence[int]
    files_of: Mapping[str, Sequence[int]] = field(default_factory=dict)


class Crew:
    """Every child of the session."""

    def __init__(self, memory: Memory, launch: Launch, settings: SupervisorSettings, chance: Random) -> None:
        self._launch = launch
        self._settings = settings
        self._chance = chance
        self._pulses = memory.table_reader("PULSES")
        self._commands = memory.table_writer("COMMANDS")
        self._order = (Order.PREPARE, 0)
        self._orders: dict[str, tuple[Order, int]] = {}
        self._version = 0
        self._pulse = np.zeros(1, PULSE)
        self.members: dict[str, Member] = {}
        self.failure = ""

    def start(self, roles: Sequence[str]) -> None:
        """Spawn ``roles``, each under the order that stands."""
        for role in roles:
            self.members[role] = Member(role)
            self.command([role], self._order[0])
            self._spawn(self.members[role])

    def command(self, roles: Sequence[str], order: Order, *, flatten: bool = False) -> None:
        """Tell ``roles`` what to do from now on; a level, so a restarted one sees it too."""
        for role in roles:
            self._version += 1
            record = np.zeros(1, COMMAND)
            record["order"], record["flatten"], record["version"] = order, flatten, self._version
            record["issued_ns"] = time.monotonic_ns()
            self._commands.write(role_row(role), record)
            self._orders[role] = (order, self._version)

    def command_all(self, order: Order) -> None:
        """Tell everyone, and whoever is started later."""
        self._order = (order, 0)
        self.command(list(self.members), order)

    def pulse(self, role: str) -> np.ndarray | None:
        """Return the pulse of the living process of ``role``; None while it has not beaten yet."""
        member = self.members.get(role)
        if member is None or member.child is None or not self._pulses.read(role_row(role), self._pulse):
            return None
        return self._pulse.copy() if int(self._pulse["pid"][0]) == member.child.pid else None

    def has_obeyed(self, role: str) -> bool:
        """Whether ``role`` has seen the command that it was given last."""
        pulse = self.pulse(role)
        return pulse is not None and int(pulse["obeyed"][0]) >= self._orders[role][1]

    def life(self, role: str) -> Life:
        """Return how far ``role`` is."""
        pulse = self.pulse(role)
        return Life.ABSENT if pulse is None else Life(int(pulse["life"][0]))

    def turn(self) -> list[Happening]:
        """Wait a moment, then look after everyone; returns what happened."""
        happenings: list[Happening] = []
        poll = select.poll()
        for member in self.members.values():
            if member.child is not None:
                poll.register(member.child.pidfd, select.POLLIN)
        poll.poll(POLL_MS)
        now_ns = time.monotonic_ns()
        for member in self.members.values():
            happenings += self._look_after(member, now_ns)
        return happenings

    def end(self, roles: Sequence[str]) -> None:
        """Tell ``roles`` to stop, wait, then insist."""
        self.command([role for role in roles if role in self.members], Order.STOP)
        gone = [member for role in roles if (member := self.members.pop(role, None))]
        left = [child for member in gone for child in (member.standby, member.child) if child is not None]
        for child in left:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + self._settings.stop_within_s
        left = [child for child in left if child.wait(max(0.0, deadline - time.monotonic())) is None]
        for child in left:
            child.send(signal.SIGKILL)
            child.wait(self._settings.stop_within_s)

    def _spawn(self, member: Member) -> None:
        if member.standby is not None and member.standby.exit_code() is None:
            member.standby.cue()
            member.child, member.standby, member.standby_due_ns = member.standby, None, None
        else:  # a dead standby stays where it is, to be told
            member.child = self._child(Child, member.role)
        member.spawned_ns, member.due_ns = time.monotonic_ns(), None
        member.is_killed = False

    def _child(self, kind: type[Kind], role: str) -> Kind:
        files = [*self._launch.files, *self._launch.files_of.get(role, ())]
        return kind(role, self._launch.arguments, self._launch.environment, files)

    def _stand_by(self, member: Member, now_ns: int) -> list[Happening]:
        """Give a role that runs its standby."""
        if member.standby is not None:
            return self._look_after_standby(member, member.standby, now_ns)
        if member.standby_due_ns is None:
            delay_ns = policy.standby_delay_ns(self._settings, has_died=False)
            member.standby_due_ns = None if delay_ns is None else now_ns + delay_ns
        elif now_ns >= member.standby_due_ns:
            try:
                member.standby = self._child(Standby, member.role)
            except OSError as error:  # no room for another process: the session goes on without
                return [self._do_without(member, f"not started ({error})", 0, now_ns)]
            member.standby_due_ns = now_ns + int(self._settings.start_within_s * policy.SECOND_NS)
        return []

    def _look_after_standby(self, member: Member, standby: Standby, now_ns: int) -> list[Happening]:
        code = standby.exit_code()
        if code is not None:
            return [self._do_without(member, f"died ({_how(code)})", standby.pid, now_ns)]
        assert member.standby_due_ns is not None, "it was spawned"
        if not standby.has_loaded() and now_ns >= member.standby_due_ns:
            standby.send(signal.SIGKILL)
        return []

    def _do_without(self, member: Member, text: str, pid: int, now_ns: int) -> Happening:
        delay_ns = policy.standby_delay_ns(self._settings, has_died=True)
        member.standby, member.standby_due_ns = None, None if delay_ns is None else now_ns + delay_ns
        return Happening(f"{member.role}'s standby", text, pid)

    def _look_after(self, member: Member, now_ns: int) -> list[Happening]:
        if member.child is None:
            told = self._look_after_standby(member, member.standby, now_ns) if member.standby is not None else []
            if member.due_ns is not None and now_ns >= member.due_ns:
                self._spawn(member)
            return told
        code = member.child.exit_code()
        if code is not None:
            return [self._bury(member, code, now_ns)]
        pulse = self.pulse(member.role)
        life = Life.ABSENT if pulse is None else Life(int(pulse["life"][0]))
        beat_ns = 0 if pulse is None else int(pulse["beat_ns"][0])
        sign = policy.Sign(life=life, beat_ns=beat_ns, spawned_ns=member.spawned_ns)
        if not member.is_killed and policy.is_stuck(sign, now_ns, self._settings):
            member.is_killed = True
            member.child.send(signal.SIGKILL)
            return [Happening(member.role, "is stuck: killed", member.child.pid)]
        if member.died_ns is not None and life in (Life.RUNNING, Life.DRAINED):
            took_ns, member.died_ns = now_ns - member.died_ns, None
            return [Happening(member.role, "back", member.child.pid, took_ns)]
        return self._stand_by(member, now_ns) if life is Life.RUNNING and member.role in policy.STANDBY else []

    def _bury(self, member: Member, code: int, now_ns: int) -> Happening:
        assert member.child is not None, "only a child can die"
        pid, member.child = member.child.pid, None
        member.deaths_ns.append(now_ns)
        member.died_ns = now_ns
        verdict = policy.after_death(member.role, member.deaths_ns, self._chance.random(), self._settings)
        match verdict:
            case policy.Again(delay_ns):
                member.due_ns = now_ns + delay_ns
                member.restarts += 1
            case policy.GiveUp(line):
                self.failure = self.failure or line
        return Happening(member.role, f"died ({_how(code)})", pid)


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"
