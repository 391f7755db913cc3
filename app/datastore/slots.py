"""The map of a Redis Cluster: which node answers for each of the 16,384 slots, as CLUSTER SLOTS tells it. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from redis.crc import key_slot

from app.datastore.address import Host

SLOTS = 16_384


def slot_of(key: str | bytes) -> int:
    """The slot of a key: of its hash tag, where it has one."""
    return int(key_slot(key.encode() if isinstance(key, str) else key))


class SlotMap:
    """Who answers for which slot; a redirection corrects one slot until the whole map is read again."""

    def __init__(self, ranges: Iterable[tuple[int, int, Host]] = ()) -> None:
        self._hosts: list[Host | None] = [None] * SLOTS
        self._known = False
        for first, last, host in ranges:
            self._known = True
            self._hosts[first : last + 1] = [host] * (last + 1 - first)

    @property
    def masters_known(self) -> bool:
        """Whether anybody answers for anything."""
        return self._known

    def host(self, slot: int) -> Host | None:
        """Whom to ask; None: nobody answers for that slot."""
        return self._hosts[slot]

    def move(self, slot: int, host: Host) -> None:
        """Another node answers for a slot now."""
        self._hosts[slot] = host

    @property
    def masters(self) -> list[Host]:
        """Everyone who answers for something."""
        return sorted({host for host in self._hosts if host is not None})


def read_slots(reply: Sequence[Any], asked: Host) -> SlotMap:
    """The map in a reply to CLUSTER SLOTS. A node that does not know its own address is the one we ``asked``."""
    return SlotMap((first, last, located(master[0], int(master[1]), asked)) for first, last, master, *_ in reply)


def located(name: bytes | str | None, port: int, asked: Host) -> Host:
    """An address as a node tells it: no name (or ``?``, or none known) means its own."""
    text = name.decode() if isinstance(name, bytes) else name
    return (asked[0] if text in {None, "", "?"} else str(text), port)
