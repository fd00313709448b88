"""Thirty-one bugs that others had, one line each, planted where we could have had them."""

# ruff: noqa: E501 - a line of source is quoted as it stands

from pathlib import Path
from typing import NamedTuple


class Bug(NamedTuple):
    """``old`` becomes ``new``; ``tests`` notice."""

    name: str
    path: str
    old: str
    new: str
    tests: str


BUGS = (
    Bug("INC-07 silence is a refusal", "engine/order.py", "(OrderState.IN_DOUBT, Fact.DOUBTED)", "(OrderState.REJECTED, Fact.DOUBTED)", "test_order test_incidents"),
    Bug("INC-06 a failed order takes no fill", "engine/order.py", "grown = msgspec.structs.replace(self, lots_filled=self.lots_filled + lots)", "grown = self if self.is_terminal else msgspec.structs.replace(self, lots_filled=self.lots_filled + lots)", "test_order test_incidents"),
    Bug("INC-15 an acceptance reopens a filled order", "engine/order.py", "facts = self.facts | FACT_OF[event]", "facts = FACT_OF[event] if event is Event.ACK else self.facts | FACT_OF[event]", "test_order test_incidents"),
    Bug("INC-12 the count is taken for a trade", "engine/order.py", "return self.is_terminal and self.lots_filled >= self.lots_reported", "return self.is_terminal", "test_order test_incidents"),
    Bug("INC-24 any id with our prefix is ours", "engine/order.py", 'if parts is None or _check(client_id.rpartition("-")[0]) != parts.group(3):', "if parts is None:", "test_order test_incidents"),
    Bug("ids are not checked for length", "engine/order.py", "[-RUN_LENGTH_MAX:]", "", "test_order"),
    Bug("a cancelled order may still fill", "engine/order.py", "return 0 if self.is_terminal else", "return", "test_order test_incidents"),
    Bug("a clipped exit waits for lots that never come", "engine/order.py", "if facts & Fact.FILLED_ALL and not (self.intent.reduce_only and reported):", "if facts & Fact.FILLED_ALL:", "test_order"),
    Bug("INC-20 acknowledged before it is committed", "engine/journal.py", "self._commit([event for batch in batches for event in batch.events])", "self._thread.name", "test_journal test_crash_images"),
    Bug("the writer goes on after a failed write", "engine/journal.py", 'self._failure = f"{self.path}: {error}; nothing is written any more"', "error.args", "test_journal test_crash_images"),
    Bug("the chain of hashes is not compared", "engine/journal.py", "or link(before, sequence, payload) != chain:", "or len(link(before, sequence, payload)) != len(chain):", "test_journal test_crash_images"),
    Bug("a cut end is not noticed", "engine/journal.py", "!= [(last, chain)]:", "== []:", "test_journal test_crash_images"),
    Bug("two writers share a journal", "engine/journal.py", "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", "fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)", "test_journal"),
    Bug("a migration is skipped", "engine/journal.py", "for number in range(version, VERSION):", "for number in range(version, VERSION - 1):", "test_crash_images"),
    Bug("the newest version is opened as ours", "engine/journal.py", "if version > VERSION:", "if version > VERSION + 99:", "test_journal"),
    Bug("INC-16 trades are not told apart", "engine/ledger.py", "name = (fill.venue, fill.instrument, fill.trade_id)\n        if name in self.trades:", "name = (fill.venue, fill.instrument, fill.trade_id)\n        if fill is None:", "test_ledger test_incidents"),
    Bug("INC-13 legs are netted", "engine/ledger.py", "return Key(fill.account, fill.venue, fill.instrument, fill.leg, NET)", "return Key(fill.account, fill.venue, fill.instrument, Leg.BOTH, NET)", "test_ledger test_incidents"),
    Bug("INC-42 a price of nothing is booked", "engine/ledger.py", 'assert ticks > 0, "a trade has a price"', "assert ticks is not None", "test_ledger test_incidents"),
    Bug("the fee is a profit", "engine/ledger.py", "self._pay(key, -fee)", "self._pay(key, fee)", "test_ledger"),
    Bug("funding is paid twice when told twice", "engine/ledger.py", 'if not self._is_new(f"funding {funded.venue} {funded.reference}"):', "if not funded.reference:", "test_ledger"),
    Bug("a late trade is booked as if it were the newest", "engine/ledger.py", "if self._settled.get(net, 0) < fill.trade_id < self._newest.get(net, 0):", "if fill.trade_id < 0:", "test_ledger"),
    Bug("a closing share is rounded against us", "engine/ledger.py", "share = position.cost * closing // held if closing else 0", "share = position.cost // held * closing if closing else 0", "test_ledger"),
    Bug("INC-18 a doubt forbids no entry", "engine/risk.py", "if _is_exit(intent) or not book.in_doubt:", "if _is_exit(intent) or book.in_doubt:", "test_risk"),
    Bug("INC-26 a stranger's position forbids no entry", "engine/risk.py", "if _is_exit(intent) or not book.foreign_lots:", "if _is_exit(intent) or book.foreign_lots > 0:", "test_risk test_incidents"),
    Bug("INC-39 the switch stops exits too", "engine/risk.py", 'return Refusal.HALTED, "the kill switch stands at HALT: nothing is sent"\n    if _is_exit(intent):\n        return None', 'return Refusal.HALTED, "the kill switch stands at HALT: nothing is sent"\n    if not intent:\n        return None', "test_risk"),
    Bug("the worst case forgets what is open", "engine/risk.py", "return max(abs(after), abs(after + book.open_lots))", "return abs(after)", "test_risk"),
    Bug("INC-22 an exit need not reduce", "engine/risk.py", "assert intent.reduce_only or intent.purpose == Purpose.ENTRY", "assert intent is not None", "test_risk test_incidents"),
    Bug("INC-04 an old answer is a proof", "engine/core.py", "self._questions.miss(order.intent, outcome.asked_ns or now.monotonic_ns)", "self._questions.miss(order.intent, now.monotonic_ns)", "test_incidents"),
    Bug("INC-23 a stop on its way is placed again", "engine/exits.py", "if any(stop.state in UNANSWERED for stop in stops) or", "if", "test_exits test_incidents"),
    Bug("INC-21 stops pile up", "engine/exits.py", "return [CancelStop(stop) for stop in resting if stop is not fitting[-1]]", "return []", "test_exits test_incidents"),
    Bug("a stop of the other side gives the price", "engine/exits.py", "ours = [stop.intent for stop in resting if stop.intent.side == -held.side]", "ours = [stop.intent for stop in resting]", "test_exits"),
)  # fmt: skip


def sources(root: Path) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Name, file, changed source and tests of each; a line that is gone, or stands twice, is an error."""
    planted = []
    for bug in BUGS:
        source = (root / bug.path).read_text(encoding="utf-8")
        assert source.count(bug.old) == 1, f"{bug.name}: {bug.path} has {bug.old!r} {source.count(bug.old)} times"
        planted.append((bug.name, bug.path, source.replace(bug.old, bug.new), tuple(bug.tests.split())))
    return planted
