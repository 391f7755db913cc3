"""The names of Redis keys."""

from app.keyspace import Naming, TeamKeys

TEAM = TeamKeys("T")


def test_the_books_are_given_the_keys_that_others_read() -> None:
    """What the ledger's scripts write is found under the names that everybody else asks for, in the scripts' order."""
    told = TEAM.books("K", 7 * 3_600_000 + 1, Naming("R", "F", "D"))
    assert len(told) == len(set(told)) == 20
    assert told[:6] == [TEAM.record, TEAM.key("K"), TEAM.holds, TEAM.reservations, TEAM.held, TEAM.spend]
    assert told[8:11] == [TEAM.ledger, TEAM.usage(7), TEAM.usage(8)]
    assert told[16:] == [TEAM.request("R"), TEAM.recent("K"), TEAM.idempotency("K", "D"), TEAM.retries("K", "F")]


def test_the_books_of_one_team_share_its_hash_tag() -> None:
    """So that one script can touch all of them on Redis Cluster."""
    assert all(name.startswith("ig:{T}:") for name in TEAM.books("K", 0))
