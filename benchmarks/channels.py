"""Ways to pass 120 bytes from Python to Python, a record at a time: our ring, and queues of others."""

import mmap
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from shm.records import MARKET
from shm.ring import RingReader, RingWriter, ring_size
from shm.wait import sleep_until_news

PROCESSORS = sorted(os.sched_getaffinity(0))  # before anybody is pinned


def pin(side: int) -> None:
    """Give each side a processor of its own, where there are two."""
    if len(PROCESSORS) > 1:
        os.sched_setaffinity(0, {PROCESSORS[side]})


@contextmanager
def child(work: Callable[[], Any]) -> Iterator[None]:
    """Run ``work`` in a forked process beside the block."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    yield
    assert os.waitpid(pid, 0)[1] == 0, "the other side failed"


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to pass 120 bytes from Python to Python: how each side sends and receives."""

    name: str
    forth: tuple[Callable[[bytes], Any], Callable[[], bytes]]  # send here, receive there
    answer: tuple[Callable[[bytes], Any], Callable[[], bytes]]  # send there, receive here


def time_channel(channel: Channel, messages: int, trips_max: int) -> dict[str, float]:
    """Throughput and round trips of ``channel``, each record checked."""
    payloads = [number.to_bytes(8, "little") + bytes(112) for number in range(messages)]

    def other_side() -> None:
        pin(1)
        receive, send_back = channel.forth[1], channel.answer[0]
        for payload in payloads:
            assert receive() == payload, f"{channel.name}: a record is wrong"
        send_back(payloads[0])
        for _ in range(trips_max):
            send_back(receive())
        receive()  # a farewell: by then what was sent has left this process

    pin(0)
    send_there, receive = channel.forth[0], channel.answer[1]
    trips = []
    with child(other_side):
        begun = time.perf_counter_ns()
        for payload in payloads:
            send_there(payload)
        receive()
        elapsed_ns = time.perf_counter_ns() - begun
        for payload in payloads[:trips_max]:
            sent = time.perf_counter_ns()
            send_there(payload)
            assert receive() == payload, f"{channel.name}: an answer is wrong"
            trips.append((time.perf_counter_ns() - sent) / 2.0)
        send_there(payloads[0])
    return {
        "message_ns": elapsed_ns / len(payloads),
        "one_way_p50_ns": float(np.median(trips)),
        "one_way_p99_ns": float(np.percentile(trips, 99)),
        "one_way_p999_ns": float(np.percentile(trips, 99.9)),
    }


def ring_channel() -> Channel:
    """Our ring from Python, a record at a time; the reader spins 50 us and then sleeps on its doorbell."""
    capacity = 1 << 16
    rings = [mmap.mmap(-1, ring_size(capacity)) for _ in range(2)]
    bases = [int(np.frombuffer(ring, np.uint8).ctypes.data) for ring in rings]
    ends = []
    for base, memory in zip(bases, rings, strict=True):
        writer, reader = RingWriter(base, capacity, MARKET, retain=memory), RingReader(base, capacity, MARKET, 0)
        record, out = np.zeros(1, MARKET), np.zeros(1, MARKET)
        ends.append((_sender(writer, record), _receiver(reader, out)))
        # Kernels are loaded before time is taken.
        ends[-1][0](bytes(120))
        ends[-1][1]()
        sleep_until_news(reader, 0, 0)
    return Channel("ring, from Python", ends[0], ends[1])


def _sender(writer: RingWriter, record: np.ndarray) -> Callable[[bytes], Any]:
    room = record.view(np.uint8)

    def send_one(payload: bytes) -> None:
        room[:] = np.frombuffer(payload, np.uint8)
        writer.publish(record)

    return send_one


def _receiver(reader: RingReader, out: np.ndarray) -> Callable[[], bytes]:
    def receive_one() -> bytes:
        while not reader.read_into(out):
            sleep_until_news(reader, 50_000, 100_000_000)
        return out.tobytes()

    return receive_one


def other_channels() -> Iterator[Channel]:
    """What Python offers, and ZeroMQ where it is installed."""
    fork = multiprocessing.get_context("fork")
    there, back = fork.Queue(), fork.Queue()
    yield Channel("multiprocessing.Queue", (there.put, there.get), (back.put, back.get))
    here, other = fork.Pipe()
    yield Channel("multiprocessing.Pipe", (here.send_bytes, other.recv_bytes), (other.send_bytes, here.recv_bytes))
    if find_spec("zmq") is None:
        print("pyzmq is not installed: skipped")
    else:
        yield zmq_channel(import_module("zmq"))


def zmq_channel(zmq: Any) -> Channel:
    """A PAIR of sockets over ipc, each made by the process that uses it first."""
    address = f"ipc://{tempfile.gettempdir()}/ring-benchmark-{os.getpid()}"
    sockets: dict[int, Any] = {}
    parent = os.getpid()

    def mine() -> Any:
        if os.getpid() not in sockets:
            socket = zmq.Context().socket(zmq.PAIR)
            socket.setsockopt(zmq.LINGER, 1000)
            (socket.bind if os.getpid() == parent else socket.connect)(address)
            sockets[os.getpid()] = socket
        return sockets[os.getpid()]

    def send_one(payload: bytes) -> None:
        mine().send(payload)

    def receive_one() -> bytes:
        return bytes(mine().recv())

    return Channel("pyzmq PAIR over ipc", (send_one, receive_one), (send_one, receive_one))
