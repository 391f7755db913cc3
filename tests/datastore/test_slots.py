"""The map of a cluster: read from CLUSTER SLOTS, corrected by redirections."""

from app.datastore.slots import SLOTS, SlotMap, located, read_slots, slot_of

ASKED = ("asked", 7)


def test_keys_of_one_hash_tag_share_a_slot() -> None:
    """The tag alone counts; the figures are those of the specification."""
    assert slot_of("123456789") == 12739
    assert slot_of(b"{user1000}.following") == slot_of("{user1000}.followers") == slot_of("user1000")


def test_the_map_is_read_and_corrected() -> None:
    """Ranges, masters first in each; a slot of nobody stays nobody's; one move changes one slot."""
    reply = [[0, 99, [b"a", 1, b"id", []], [b"r", 9, b"id"]], [100, 200, ["b", 2, "id"]]]
    found = read_slots(reply, ASKED)
    assert (found.host(0), found.host(99), found.host(100), found.host(201)) == (("a", 1), ("a", 1), ("b", 2), None)
    assert found.masters == [("a", 1), ("b", 2)]
    found.move(SLOTS - 1, ("c", 3))
    assert found.host(SLOTS - 1) == ("c", 3)
    assert not SlotMap().masters_known


def test_a_node_without_a_name_is_the_one_that_was_asked() -> None:
    """A node that does not know its own address, or keeps it to itself, leaves the name empty."""
    assert [located(name, 1, ASKED) for name in (None, b"", "?", b"a")] == [*[("asked", 1)] * 3, ("a", 1)]
