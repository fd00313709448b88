"""A dictionary that knows which of its names belong together."""

from copy import deepcopy

from engine.shelf import Shelf


def test_a_group_has_its_names_in_the_order_in_which_they_came():
    """A new value under an old name is no new name."""
    shelf = Shelf(lambda name: name[0])
    for name in (("BTC", "b"), ("ETH", "a"), ("BTC", "a"), ("BTC", "b")):
        shelf[name] = len(shelf)
    assert shelf.group("BTC") == (("BTC", "b"), ("BTC", "a"))
    assert shelf.group("SOL") == ()
    assert shelf == {("BTC", "b"): 3, ("ETH", "a"): 1, ("BTC", "a"): 2}


def test_a_copy_has_groups_of_its_own():
    """What is added to it is not added to the first."""
    shelf = Shelf(lambda name: name[0])
    shelf["BTC", "a"] = 1
    other = deepcopy(shelf)
    other["BTC", "b"] = 2
    assert (shelf.group("BTC"), other.group("BTC")) == ((("BTC", "a"),), (("BTC", "a"), ("BTC", "b")))
