"""Replay: the recorded candles of a session through the same compiled brain; every decision must come out again.

    tapes: HISTORY, MARKET ==> Stage: brain ==> decision  ==?==  tape: DECISIONS

A candle is published under the sequence that it had, with the position that the recorded
decision read; where the recording says that another epoch of the brain spoke, a new brain
is started from the decisions before it, as the supervisor did.  What a decision does not
hold of its position, the side that was stopped out, is the one that gives its inputs' hash.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from brain.kernels import load_all
from brain.routes import rows_of
from brain.stage import Stage
from brain.strategies.loader import Strategy, StrategyError
from brain.words import explain
from orchestrator import session as sessions
from orchestrator.recorder import PAST
from orchestrator.session import Session
from orchestrator.settings import BadInputError
from orchestrator.tape import TapeError, read_folder
from orchestrator.why import stamp
from shm.records import DECISION, MARKET, POSITION, MarketKind
from shm.topology import position_row

Records = np.ndarray[Any, np.dtype[np.void]]
COMPARED = (
    "reason",
    "inputs_hash",
    "position_lots",
    "stopped_side",
    "amount",
    "stop_ticks",
    "target_id",
    "values",
    "epoch",
)
HASHED = ("instrument", "strategy", "open_ns", "reason", "inputs_hash", "amount", "stop_ticks")
SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class Verdict:
    """What a replay found."""

    candles: int = 0
    decisions: int = 0
    epochs: list[int] = field(default_factory=list)
    undecided: int = 0  # candles after the last recorded decision
    differences: int = 0
    first: str = ""  # the first difference, in words

    def differ(self, words: str) -> None:
        """Count a difference."""
        self.differences += 1
        self.first = self.first or words


@dataclass(frozen=True, slots=True)
class Recording:
    """A session's tapes, in memory; ``candles`` have sequence and record."""

    candles: Records
    decisions: Records  # in the order in which they were taken
    past: Records  # HISTORY, in the order in which its candles closed

    @classmethod
    def of(cls, session: Session) -> "Recording":
        """Read the tapes of ``session``."""
        try:
            market = read_folder(session.path / "market", MARKET)
            decisions = read_folder(session.path / "decisions", DECISION)["record"]
            past = read_folder(session.path / PAST, MARKET)["record"]
        except TapeError as error:
            raise BadInputError(str(error)) from None
        decisions = decisions[decisions["kind"] == 1]
        if not len(decisions):
            raise BadInputError(f"{session.folder}: no decision was recorded, so there is nothing to prove")
        kinds = market["record"]["kind"]
        candles = market[(kinds == int(MarketKind.CANDLE)) | (kinds == 0)]
        return cls(candles, decisions, _before(past, candles["record"]))


def _before(past: Records, candles: Records) -> Records:
    # a minute that came over MARKET is remembered when it comes
    kept = np.ones(len(past), bool)
    for instrument in np.unique(past["instrument"]):
        ours = candles[(candles["instrument"] == instrument) & (candles["kind"] != 0)]
        if len(ours):
            is_here = past["instrument"] == instrument
            kept &= ~(is_here & (past["timeframe_s"] == 60) & (past["open_ns"] >= ours["open_ns"].min()))
    past = past[kept]
    closes_ns = past["open_ns"] + past["timeframe_s"].astype(np.int64) * SECOND_NS
    return past[np.argsort(closes_ns, kind="stable")]


class Replay:
    """Proves one recording."""

    def __init__(self, session: Session, strategies: Sequence[Strategy], recording: Recording) -> None:
        self._session, self._strategies, self._recording = session, strategies, recording
        self._ticks_e8 = [instrument.tick_e8 for instrument in session.instruments]
        routes = len(self._ticks_e8) * len(strategies)
        self._stage = Stage(rows_of(strategies, len(self._ticks_e8)), 1 << max(6, (2 * routes).bit_length()))
        self._newest: dict[tuple[int, int], np.void] = {}  # decision of each route
        self._position, self._candle = np.zeros(1, POSITION), np.zeros(1, MARKET)
        self._remembered = 0
        self._awaited: list[np.void] = []  # closed, and not yet fetched by the feed
        self._epoch = -1
        self.verdict = Verdict()

    def run(self) -> Verdict:
        """Play the recording to its end."""
        said = self._recording.decisions
        last_seq = int(said["market_seq"].max())
        for at, slot in enumerate(self._recording.candles):
            sequence, candle = int(slot["sequence"]), slot["record"]
            is_ours = candle["kind"] != 0 and candle["instrument"] < len(self._ticks_e8)  # behind them: spots
            if sequence > last_seq:
                self.verdict.undecided += int(is_ours)
                continue
            self.verdict.candles += int(is_ours)
            first, end = np.searchsorted(said["market_seq"], [sequence, sequence + 1])
            groups = list(_by_epoch(said[first:end]))
            for recorded in groups or [said[:0]]:
                if len(recorded) and int(recorded["epoch"][0]) != self._epoch:
                    self._begin(int(recorded["epoch"][0]), at)
                self._play(sequence, candle, recorded)
        if missing := len(said) - self.verdict.decisions:
            self.verdict.differ(f"{missing} decisions are about candles that are not on the tape")
        return self.verdict

    def _begin(self, epoch: int, at: int) -> None:
        """Start the brain of ``epoch`` before candle number ``at``, which went on where its predecessor ended."""
        known = sorted(self._newest.values(), key=lambda one: (int(one["market_seq"]), int(one["strategy"])))
        self._brain = self._stage.brain(
            self._strategies, self._ticks_e8, self._session.settings.brain.valid_candles, said=known, epoch=epoch
        )
        self._heard = self._stage.decisions()
        self._epoch = epoch
        self.verdict.epochs.append(epoch)
        before = self._recording.candles[:at]
        if known:
            before = before[np.searchsorted(before["sequence"], self._brain.market_seq) :]
        else:
            # the first one decided all contracts' minutes that there were; a spot's may stand before the first of them
            before = before[before["record"]["instrument"] >= len(self._ticks_e8)]
        for slot in before:
            self._play(int(slot["sequence"]), slot["record"], self._recording.decisions[:0])

    def _play(self, sequence: int, candle: np.void, recorded: Records) -> None:
        self._remember(candle, recorded)
        if self._epoch < 0:
            return  # nobody had listened yet
        self._candle[0] = candle
        for one in recorded:
            self._place(one)
        self._stage.market.sequence = sequence
        self._stage.market.publish(self._candle)
        self._brain.routes.context["market_seq"] = sequence
        self._brain.think(1)
        out = np.zeros(self._stage.capacity, DECISION)
        self._compare(recorded, out[: self._heard.read_into(out)])

    def _remember(self, candle: np.void, recorded: Records) -> None:
        """Keep HISTORY as the feed did: what it had by now of what had closed, and this minute."""
        past = self._recording.past
        if candle["kind"] == 0:
            return
        while self._remembered < len(past):
            one = past[self._remembered]
            if int(one["open_ns"]) + int(one["timeframe_s"]) * SECOND_NS > int(candle["open_ns"]) + 60 * SECOND_NS:
                break
            self._awaited.append(one)
            self._remembered += 1
        now_ns = int(recorded["decided_ns"].min()) if len(recorded) else int(candle["published_ns"])
        # An hour is fetched a little after its close; what a later life of the feed fetched again was there before.
        there = [int(one["published_ns"]) <= now_ns or one["epoch"] != candle["epoch"] for one in self._awaited]
        for one, is_there in zip(self._awaited, there, strict=True):
            if is_there:
                self._stage.remember(one)
        self._awaited = [one for one, is_there in zip(self._awaited, there, strict=True) if not is_there]
        if candle["timeframe_s"] == 60:
            self._stage.remember(candle)

    def _place(self, decision: np.void) -> None:
        """Let its route find the position that ``decision`` read."""
        instrument, strategy = int(decision["instrument"]), int(decision["strategy"])
        position = self._position
        position["lots"], position["entry_ticks"] = decision["position_lots"], decision["entry_ticks"]
        position["version"] = decision["position_version"]
        position["stopped_side"] = decision["stopped_side"]
        self._stage.positions.write(position_row(instrument, strategy), position)

    def _compare(self, recorded: Records, replayed: Records) -> None:
        for one in recorded:
            self.verdict.decisions += 1
            self._newest[int(one["instrument"]), int(one["strategy"])] = one.copy()
            same = (replayed["instrument"] == one["instrument"]) & (replayed["strategy"] == one["strategy"])
            again = replayed[same]
            if len(again) != 1:
                self.verdict.differ(f"{self._words(one)}; replayed: nothing")
            elif wrong := [name for name in COMPARED if again[0][name].tobytes() != one[name].tobytes()]:
                self.verdict.differ(f"{self._words(one)}; replayed: {self._words(again[0])}; {', '.join(wrong)} differ")
        if len(replayed) > len(recorded):
            self.verdict.differ(f"nothing was recorded; replayed: {self._words(replayed[-1])}")

    def _words(self, decision: np.void) -> str:
        instrument = self._session.instruments[int(decision["instrument"])]
        values = self._session.values[int(decision["strategy"])]
        return f"{stamp(int(decision['open_ns']))} {explain(decision, instrument.symbol, values, instrument.tick)}"


def _by_epoch(decisions: Records) -> Iterator[Records]:
    for epoch in np.unique(decisions["epoch"]):
        yield decisions[decisions["epoch"] == epoch]


def decision_hash(decisions: Records) -> str:
    """Return one hash of what was decided; sequences, epochs, positions' versions and clocks do not enter."""
    order = np.lexsort((decisions["strategy"], decisions["instrument"], decisions["open_ns"]))
    digest = hashlib.sha256()
    for name in HASHED:
        digest.update(np.ascontiguousarray(decisions[name][order]).tobytes())
    return digest.hexdigest()


def replay(state: Path, folder: Path | None, place: str | None) -> int:
    """Replay the session in ``folder``, the newest when None; 0 when every decision is identical, else 1."""
    session = sessions.load(folder or sessions.newest(state))
    recording = Recording.of(session)
    note = "" if session.code_hash == sessions.code_hash() else "; the code has changed since it was recorded"
    try:
        strategies = load_all(session.settings.brain, lambda *_: None)
    except StrategyError as error:
        raise BadInputError(str(error)) from None
    verdict = Replay(session, strategies, recording).run()
    if place:
        _write(session, verdict, recording, place)
    screen = sys.stderr if place == "-" else sys.stdout
    lives = f"{len(verdict.epochs)} {'epoch' if len(verdict.epochs) == 1 else 'epochs'} of the brain"
    counted = f"{verdict.candles} candles, {verdict.decisions} decisions, {lives}"
    if verdict.differences:
        print(f"{counted}: {verdict.differences} differences{note}", file=screen)
        print(f"first difference: {verdict.first}", file=screen)
        return 1
    print(f"{counted}: every decision identical{note}", file=screen)
    return 0


def _write(session: Session, verdict: Verdict, recording: Recording, place: str) -> None:
    text = json.dumps(
        {
            "session": session.folder,
            "candles": verdict.candles,
            "decisions": verdict.decisions,
            "undecided": verdict.undecided,
            "epochs": verdict.epochs,
            "differences": verdict.differences,
            "first_difference": verdict.first or None,
            "decision_hash": decision_hash(recording.decisions),
        },
        indent=2,
    )
    if place == "-":
        print(text)
    else:
        Path(place).write_text(text + "\n")
