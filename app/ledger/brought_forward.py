"""The balance brought forward: what a team's archived entries sum to, so that nobody has to read them again.

It is written by ``bring_forward.lua`` alone, in the step that takes the entries off the stream.
"""

import re
from datetime import date, timedelta
from typing import Final

from msgspec import Struct, field

from app.datastore.datastore import Datastore
from app.keyspace import TEAM_SCOPE, TeamKeys
from app.ledger.models import id_parts
from app.ledger.periods import DAY_MS

_SETTLED_MS: Final = 10 * DAY_MS
"""How long after its end nothing of a period is booked as usual any more, whatever the time zone: an answer is replayed
for 6 days, a tombstone lives for 7, and a day of some zone ends 14 hours before or 12 behind that of UTC."""
_LONGEST: Final = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}
_PERIOD: Final = re.compile(r"(?:team|key:[^:]+):(day|week|month):([0-9]{4}-[0-9]{2})(-[0-9]{2})?")
_OVER: Final = "over:"


class BroughtForward(Struct, frozen=True):
    """A team's balance brought forward; of one whose entries are all in Redis it is empty."""

    until: str = ""
    """The id of the newest archived entry; "" where there is none."""
    entries: int = 0
    spend: dict[str, int] = field(default_factory=dict)
    """Nano-dollars by field of the spend (`app.keyspace.spend_field`)."""
    over: dict[str, int] = field(default_factory=dict)
    """Nano-dollars by scope, of periods so long over that neither this nor the spend has them any more."""

    @property
    def until_ms(self) -> int:
        """When the newest archived entry was written (Unix ms); -1 where there is none."""
        return id_parts(self.until)[0] if self.until else -1

    @property
    def over_fields(self) -> list[str]:
        """Those of the spend's fields whose periods are over for good."""
        return sorted(name for name in self.spend if is_over(name, self.until_ms))


async def read_brought_forward(datastore: Datastore, team_id: str) -> BroughtForward:
    """What a team's archived entries sum to by now.

    Raises:
        StoreUnavailable: Redis does not answer.

    """
    found = await datastore.command("HGETALL", TeamKeys(team_id).forward)
    texts = {name.decode(): value.decode() for name, value in found.items()}
    until, entries = texts.pop("until", ""), int(texts.pop("entries", "0"))
    sums = {name: int(text) for name, text in texts.items()}
    over = {name.removeprefix(_OVER): cost for name, cost in sums.items() if name.startswith(_OVER)}
    return BroughtForward(
        until, entries, {name: cost for name, cost in sums.items() if not name.startswith(_OVER)}, over
    )


def is_over(spend_field: str, archived_ms: int) -> bool:
    """Whether everything of a field's period is surely archived when all entries up to that time (Unix ms) are.

    Never of ``total``, and of nothing that is not named as `app.ledger.periods` does it.
    """
    found = _PERIOD.fullmatch(spend_field)
    if found is None:
        return False
    kind, month, day = found.groups()
    try:
        end = date.fromisoformat(f"{month}{day or '-01'}") + _LONGEST[kind]
    except (ValueError, OverflowError):
        return False
    return (end - date(1970, 1, 1)).days * DAY_MS + _SETTLED_MS <= archived_ms


def scope_of(spend_field: str) -> str:
    """Whose spend a field is: ``team`` or ``key:<key id>``."""
    return TEAM_SCOPE if spend_field.startswith(f"{TEAM_SCOPE}:") else ":".join(spend_field.split(":")[:2])
