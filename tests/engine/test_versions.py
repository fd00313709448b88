"""Journals of every version that was ever written are opened by this one."""

# ruff: noqa: E501 - the statements and events stand as version 1 wrote them

import sqlite3
import time

import msgspec
import pytest

from engine.events import decode, encode
from engine.journal import GENESIS, NAME, Journal, link
from engine.order import Event, OrderType
from shm.records import Leg, OrderState, Purpose

# The events of version 1, byte for byte as it wrote them: never to be edited.
VERSION_1 = (
    b'{"type":"Started","run":"r1","account":"main","venue":"v","wall_ns":1}',
    b'{"type":"Listed","instrument":"BTC/USDT:USDT","venue":"v","tick_e8":10000000,"lot_e8":100000,"unit":10000}',
    b'{"type":"Deposited","account":"main","venue":"v","amount":1000000000000,"reference":"opening","wall_ns":2}',
    (
        b'{"type":"Sized","run":"r1","instrument":"BTC/USDT:USDT","strategy":"a","target_id":4,"lots":2,'
        b'"stop_ticks":90,"valid_until_ns":9,"reference_ticks":100,"open_ns":3}'
    ),
    (
        b'{"type":"Intended","intent":{"intent_id":1,"client_id":"rmr1-1-8b1f75","account":"main","venue":"v",'
        b'"instrument":"BTC/USDT:USDT","leg":0,"allocation":[["a",2]],"purpose":1,"type":1,"side":1,"lots":2,'
        b'"price_ticks":0,"stop_ticks":0,"reduce_only":false,"target_id":4,"reference_ticks":100,'
        b'"created_market_ns":3,"created_wall_ns":4,"received_ns":5,"decided_ns":6}}'
    ),
    (
        b'{"type":"Observed","intent_id":1,"event":2,"venue_order_id":"77","lots_filled":0,"refusal":"","text":"",'
        b'"market_ns":5,"wall_ns":6}'
    ),
    (
        b'{"type":"Filled","account":"main","venue":"v","instrument":"BTC/USDT:USDT","leg":0,"trade_id":9,"intent_id":1,'
        b'"venue_order_id":"77","side":1,"lots":2,"price_ticks":100,"fee":1000,"is_maker":false,"market_ns":7,"wall_ns":8}'
    ),
    (
        b'{"type":"Crossed","cross_id":1,"account":"main","venue":"v","instrument":"BTC/USDT:USDT","leg":0,"buyer":"b",'
        b'"seller":"a","lots":1,"price_ticks":101,"market_ns":8}'
    ),
    (
        b'{"type":"Funded","account":"main","venue":"v","instrument":"BTC/USDT:USDT","leg":0,"amount":-7,'
        b'"reference":"BTC/USDT:USDT@8","market_ns":8}'
    ),
    b'{"type":"Spent","instrument":"BTC/USDT:USDT","strategy":"a","target_id":4,"market_ns":9}',
    (
        b'{"type":"Found","finding":1,"instrument":"BTC/USDT:USDT","intent_id":0,"expected":0,"found":0,"text":"",'
        b'"wall_ns":9}'
    ),
)
TABLES_1 = (
    (
        "CREATE TABLE events (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload BLOB NOT NULL, hash BLOB NOT NULL)"
        " STRICT"
    ),
    "CREATE TABLE head (sequence INTEGER NOT NULL, hash BLOB NOT NULL) STRICT",
    (
        "CREATE TABLE intents (intent_id INTEGER PRIMARY KEY, client_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL,"
        " venue TEXT NOT NULL, instrument TEXT NOT NULL, leg INTEGER NOT NULL, purpose TEXT NOT NULL, type TEXT NOT NULL,"
        " side INTEGER NOT NULL, lots INTEGER NOT NULL, price_ticks INTEGER NOT NULL, stop_ticks INTEGER NOT NULL,"
        " reduce_only INTEGER NOT NULL, target_id INTEGER NOT NULL, created_market_ns INTEGER NOT NULL) STRICT"
    ),
    (
        "CREATE TABLE allocations (intent_id INTEGER NOT NULL, strategy TEXT NOT NULL, lots INTEGER NOT NULL,"
        " PRIMARY KEY (intent_id, strategy)) STRICT"
    ),
    (
        "CREATE TABLE orders (intent_id INTEGER PRIMARY KEY, state TEXT NOT NULL, venue_order_id TEXT NOT NULL,"
        " lots_filled INTEGER NOT NULL, lots_reported INTEGER NOT NULL, refusal TEXT NOT NULL) STRICT"
    ),
    (
        "CREATE TABLE fills (venue TEXT NOT NULL, instrument TEXT NOT NULL, trade_id INTEGER NOT NULL, account TEXT NOT"
        " NULL, leg INTEGER NOT NULL, intent_id INTEGER NOT NULL, venue_order_id TEXT NOT NULL, side INTEGER NOT NULL,"
        " lots INTEGER NOT NULL, price_ticks INTEGER NOT NULL, fee INTEGER NOT NULL, is_maker INTEGER NOT NULL,"
        " market_ns INTEGER NOT NULL, PRIMARY KEY (venue, instrument, trade_id)) STRICT"
    ),
    (
        "CREATE TABLE postings (sequence INTEGER NOT NULL, account TEXT NOT NULL, venue TEXT NOT NULL, instrument TEXT NOT"
        " NULL, leg INTEGER NOT NULL, strategy TEXT NOT NULL, title TEXT NOT NULL, amount INTEGER NOT NULL) STRICT"
    ),
    (
        "CREATE TABLE positions (account TEXT NOT NULL, venue TEXT NOT NULL, instrument TEXT NOT NULL, leg INTEGER NOT"
        " NULL, strategy TEXT NOT NULL, lots INTEGER NOT NULL, cost INTEGER NOT NULL, realised INTEGER NOT NULL,"
        " fees INTEGER NOT NULL, funding INTEGER NOT NULL,"
        " PRIMARY KEY (account, venue, instrument, leg, strategy)) STRICT"
    ),
    "PRAGMA user_version = 1",
)


def test_a_journal_of_version_1_opens_with_all_that_it_says(tmp_path):
    """Every kind of event, written by hand as version 1 did; it is read, believed and written on."""
    connection = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    for statement in TABLES_1:
        connection.execute(statement)
    chain = GENESIS
    for sequence, payload in enumerate(VERSION_1, 1):
        chain = link(chain, sequence, payload)
        kind = payload.split(b'"')[3].decode()
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (sequence, kind, payload, chain))
    connection.execute("INSERT INTO head VALUES (?, ?)", (len(VERSION_1), chain))
    connection.close()
    journal = Journal(tmp_path, time.monotonic_ns)
    books = journal.books
    assert books.position("BTC/USDT:USDT").lots == 2
    assert (books.position("BTC/USDT:USDT", "a").lots, books.position("BTC/USDT:USDT", "b").lots) == (1, 1)
    assert books.orders[1].state is OrderState.FILLED
    assert books.ledger.wallet("main", "v") == 10**12 - 1000 - 7
    journal.write([decode(VERSION_1[8].replace(b"@8", b"@9"))]).result()
    journal.close()
    again = Journal(tmp_path, time.monotonic_ns)
    assert again.books.ledger.wallet("main", "v") == 10**12 - 1000 - 14
    again.close()


def test_every_event_of_version_1_keeps_its_meaning():
    """What is decoded and encoded again says at least what it said; new fields have defaults."""
    for payload in VERSION_1:
        words = encode(decode(payload))
        assert decode(words) == decode(payload)
        assert payload[:-1].replace(b"}", b"") in words.replace(b"}", b"") or len(words) > len(payload)


def test_the_numbers_that_a_journal_stores_never_change():
    """An old number with a new meaning would turn a stop into an entry: new ones are only ever added."""
    version_1 = {
        OrderType: "MARKET=1 LIMIT=2 POST_ONLY=3 STOP_MARKET=4 TAKE_PROFIT_MARKET=5",
        Purpose: "ENTRY=1 EXIT=2 STOP=3",
        Leg: "BOTH=0 LONG=1 SHORT=2",
        Event: "ACK=2 REJECT=3 DOUBT=4 FILL_SOME=5 FILL_ALL=6 CANCEL=7 CANCEL_CONFIRMED=8 EXPIRE=9 ABSENT=10",
    }
    for kind, numbers in version_1.items():
        now = " ".join(f"{one.name}={int(one)}" for one in kind)
        assert now.startswith(numbers), kind


def test_a_number_that_no_version_wrote_is_refused():
    """Event 1 and state 2 were reserved and never written: a journal that has one is not ours."""
    with pytest.raises(msgspec.ValidationError, match="event"):
        decode(VERSION_1[5].replace(b'"event":2', b'"event":1'))
    assert 1 not in [int(event) for event in Event]
    numbers = " ".join(f"{state.name}={int(state)}" for state in OrderState)
    assert numbers.startswith(
        "NEW=1 OPEN=3 PARTIAL=4 FILLED=5 CANCELLING=6 CANCELLED=7 REJECTED=8 IN_DOUBT=9 NOT_SENT=10"
    )
