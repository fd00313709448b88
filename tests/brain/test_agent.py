"""The brain's process, driven by hand over a session's real shared memory."""

from types import SimpleNamespace

import numpy as np
import pytest

from brain.agent import BrainAgent
from brain.kernels import load_all
from brain.settings import BrainSettings
from brain.strategies.loader import StrategyError
from shm.agent import Pulse
from shm.counters import Counter
from shm.memory import Memory
from shm.records import COMMAND, DECISION, INSTRUMENT, PULSE, TARGET, Life, Order
from shm.topology import TIMEFRAMES_S, history_row, role_row
from tests.brain.market import TICK_E8, walk


@pytest.fixture
def session(tmp_path):
    """A session's memory as its supervisor, its feed and its recorder see it; one instrument."""
    supervisor = Memory.create("brain-test", 1, directory=tmp_path)
    instrument = np.zeros(1, INSTRUMENT)
    instrument["symbol"], instrument["tick_e8"] = b"BTC/USDT:USDT", TICK_E8
    supervisor.table_writer("INSTRUMENTS").write(0, instrument)
    feed = Memory.attach("brain-test", "feed", directory=tmp_path)
    recorder = Memory.attach("brain-test", "recorder", directory=tmp_path)
    market, history = feed.ring_writer("MARKET"), feed.table_writer("HISTORY")

    def publish(candles, on_market=True):
        for one in candles:
            frame = TIMEFRAMES_S.index(int(one["timeframe_s"]))
            history.write(history_row(0, frame, int(one["open_ns"])), one)
            if on_market:
                market.publish(one)

    yield SimpleNamespace(
        publish=publish,
        command=lambda order: _command(supervisor, order),
        brain=lambda **chosen: _brain(tmp_path, **chosen),
        decisions=lambda: _all(recorder.ring_reader("DECISIONS"), DECISION),
        targets=lambda: _all(recorder.ring_reader("TARGETS"), TARGET),
    )
    recorder.close()
    feed.close()
    supervisor.unlink()


def _command(supervisor, order):
    record = np.zeros(1, COMMAND)
    record["order"], record["version"] = int(order), int(order) + 1
    writer = supervisor.table_writer("COMMANDS")
    writer.write(role_row("brain"), record)


def _brain(tmp_path, **chosen):
    memory = Memory.attach("brain-test", "brain", directory=tmp_path)
    told = []
    body = SimpleNamespace(
        memory=memory,
        pulse=Pulse(memory),
        log=None,
        stopping=SimpleNamespace(tell=lambda: told.append(1)),
        told=told,
        folder=tmp_path,
    )
    agent = BrainAgent(body, BrainSettings(**chosen))
    agent.start()
    return agent, body


def _all(reader, record):
    out = np.zeros(4096, record)
    return out[: reader.read_into(out)].copy()


def said(body):
    """What the pulse tells people."""
    row, monitor = np.zeros(1, PULSE), Memory.attach("brain-test", "monitor", directory=body.folder)
    monitor.table_reader("PULSES").read(role_row("brain"), row)
    monitor.close()
    return bytes(row["detail"][0]).rstrip(b"\0").decode()


def test_it_waits_for_run_and_then_decides_every_candle(session):
    """READY after the start, nothing decided before RUN, and the pulse says how far it is afterwards."""
    candles = walk(900)
    session.publish(candles[:800], on_market=False)
    agent, body = session.brain()
    assert (body.pulse.life, said(body)) == (Life.READY, "1 routes, all new")
    session.publish(candles[800:])
    assert agent.work() == 0
    session.command(Order.RUN)
    assert agent.work() == 100
    assert body.pulse.life is Life.RUNNING
    assert agent.thinking.market_seq == 100
    assert body.memory.counters.value(Counter.DECISIONS) == 100
    assert body.memory.counters.value(Counter.DECISIONS_COLD) == 0
    assert len(session.decisions()) == 100
    session.command(Order.STOP)
    agent.work()
    assert body.told == [1]
    agent.close()


def test_a_restarted_process_goes_on_where_the_dead_one_was(session):
    """Nobody closed the first brain; the second decides the rest, once each, as epoch 2."""
    candles = walk(900)
    session.publish(candles[:800], on_market=False)
    session.command(Order.RUN)
    agent, _ = session.brain()
    session.publish(candles[800:850])
    agent.work()
    session.publish(candles[850:])
    again, body = session.brain()
    assert said(body) == "1 routes, 1 of them as they stood"
    again.work()
    decisions = session.decisions()
    assert (decisions["open_ns"] == candles["open_ns"][800:]).all()
    assert decisions["epoch"].tolist() == [1] * 50 + [2] * 50
    targets = session.targets()
    assert (np.diff(targets["target_id"]) >= 0).all()
    assert body.pulse.epoch == 2
    again.wait(0)


def test_how_long_a_target_is_good_is_a_setting(session):
    """``brain.valid_candles`` of five: valid for five minutes from the close of its candle."""
    candles = walk(801)
    session.publish(candles[:800], on_market=False)
    session.command(Order.RUN)
    agent, _ = session.brain(valid_candles=5)
    session.publish(candles[800:])
    agent.work()
    (target,) = session.targets()
    assert target["valid_until_ns"] == target["open_ns"] + 6 * 60_000_000_000


def test_settings_of_a_strategy_that_does_not_run_are_refused():
    """A typo in a strategy's name would otherwise change nothing, silently."""
    with pytest.raises(StrategyError, match=r"brain.strategy.trnd: that strategy is not in brain.strategies"):
        load_all(BrainSettings(strategy={"trnd": {"fast_period": 3}}), lambda *_: None)
