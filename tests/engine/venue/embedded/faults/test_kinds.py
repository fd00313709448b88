"""Every kind of fault says where it strikes."""

from engine.venue.embedded.faults.kinds import KINDS, LIFE, MARKET_DATA, ORDER_KINDS, PEOPLE, Place


def test_every_kind_has_a_place_and_a_sentence():
    """44 kinds in four families that do not overlap; requests name their endpoints."""
    assert len(KINDS) == len({*MARKET_DATA, *ORDER_KINDS, *PEOPLE, *LIFE}) == 44
    for name, kind in KINDS.items():
        assert kind.text, name
        assert (kind.place is Place.REQUEST) == bool(kind.endpoints), name
