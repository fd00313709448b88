"""Petitions as files: found once in a life, found again in the next, answered after they are durable."""

import os
import time

from engine.petition import Deed, Petition
from engine.spool import Answer, Spool


def petition(name="0001-a", **more):
    """Somebody wants to close something."""
    return Petition(petition_id=name, deed=Deed.CLOSE, subject="BTC", who="ann", **more)


def test_a_petition_is_taken_once_and_answered(tmp_path):
    """In order, readable by nobody else, gone when answered."""
    asking, engine = Spool(tmp_path), Spool(tmp_path)
    assert list(engine.take()) == []
    asking.hand_in(petition("0002-b"))
    asking.hand_in(petition("0001-a"))
    assert (tmp_path / "petitions" / "0001-a.json").stat().st_mode & 0o777 == 0o600
    assert [one.petition_id for one in engine.take()] == ["0001-a", "0002-b"]
    assert list(engine.take()) == []
    assert asking.answer_to("0001-a") is None
    engine.answer("0001-a", Answer(granted=True, words="closing"))
    assert asking.answer_to("0001-a") == Answer(granted=True, words="closing")
    assert asking.answer_to("0001-a") is None


def test_a_petition_in_the_tick_of_the_last_look_is_found(tmp_path):
    """A file system's clock is coarse: the folder may have changed though its time has not."""
    asking, engine = Spool(tmp_path), Spool(tmp_path)
    asking.hand_in(petition("0001-a"))
    assert len(list(engine.take())) == 1
    seen = asking.folder.stat()
    asking.hand_in(petition("0002-b"))
    os.utime(asking.folder, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert [one.petition_id for one in engine.take()] == ["0002-b"]


def test_a_killed_engine_finds_it_again(tmp_path):
    """Until it is answered the file lies there."""
    Spool(tmp_path).hand_in(petition())
    assert len(list(Spool(tmp_path).take())) == 1
    second = Spool(tmp_path)
    assert len(list(second.take())) == 1
    second.answer("0001-a", Answer(granted=True, words="done"))
    assert list(Spool(tmp_path).take()) == []


def test_what_is_no_petition_is_answered_and_removed(tmp_path):
    """Half a file, a foreign one, or one under another's name stops nobody."""
    spool = Spool(tmp_path)
    spool.hand_in(petition())
    folder = tmp_path / "petitions"
    (folder / "0002-b.json").write_bytes((folder / "0001-a.json").read_bytes())
    (folder / "0003-c.json").write_bytes(b'{"petition_id": "0003-c", "deed": "sing"}')
    (folder / "0004-d.json").write_bytes(b"\xff" * 10_000)
    assert [one.petition_id for one in spool.take()] == ["0001-a"]
    for name in ("0002-b", "0003-c", "0004-d"):
        answer = spool.answer_to(name)
        assert answer is not None
        assert not answer.granted
        assert not (folder / f"{name}.json").exists()


def test_looking_is_cheap_while_nothing_changes(tmp_path):
    """An idle look is one list of a folder; ten thousand of them take no second of the processor."""
    spool = Spool(tmp_path)
    spool.hand_in(petition())
    list(spool.take())
    begun = time.thread_time()
    for _ in range(10_000):
        assert next(spool.take(), None) is None
    assert time.thread_time() - begun < 1.0
