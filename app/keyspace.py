"""Every Redis key imagegate uses: its name, its type, how long it lives.

All keys of one team carry the hash tag ``{<team id>}``, so one script can touch all of them on Redis Cluster. Every
script of the ledger receives the same fixed list, ``TeamKeys.books``: nothing is looked up under a name built in Lua.

================================  ======  ==============  ============================================================
key                               type    lifetime        holds
================================  ======  ==============  ============================================================
``ig:teams``                      hash    for ever        team name → team id; admission never reads it
``ig:budgets``                    string  10 s            the budget lock: who changes a team's budget just now
``ig:admin-tokens``               hash    for ever        id → name, role and hash (JSON) of an admin token
``ig:audit``                      stream  newest 100,000  one entry per change at the operator's door
``ig:archiving``                  string  2 minutes       the archiving lock: who archives ledger entries just now
``ig:creates:<d>``                string  24 hours        what a create under an Idempotency-Key came to (JSON)
``ig:{t}:team``                   hash    for ever        ``version`` and ``document`` (JSON) of the team
``ig:{t}:keys``                   set     for ever        ids of the team's virtual keys
``ig:{t}:key:<key id>``           hash    for ever        ``version`` and ``document`` (JSON) of a virtual key
``ig:{t}:holds``                  zset    until resolved  request id → end of its lease (server ms)
``ig:{t}:reservations``           hash    until resolved  request id → what is held and how to settle it
``ig:{t}:held``                   hash    until resolved  ``<scope>:cost`` (nano-dollars) and ``<scope>:images``
``ig:{t}:spend``                  hash    for ever        ``<scope>:<period>`` → settled nano-dollars
``ig:{t}:resolved``               zset    7 days          tombstones: request id, ``credit:<id>`` → when (server ms)
``ig:{t}:expired``                hash    7 days          request id → what an expiry charged, until the truth comes
``ig:{t}:ledger``                 stream  90 days (set)   one entry per resolution; older ones are archived
``ig:{t}:forward``                hash    for ever        the balance brought forward: what archived entries sum to
``ig:{t}:usage:<hour>``           hash    400 days        ``<key id>|<model>|<measure>`` → sum over that UTC hour
``ig:{t}:buckets:<scope>``        hash    2 minutes       level and time of each token bucket of a scope
``ig:{t}:days``                   hash    for ever        ``<scope>:day`` and ``<scope>:images`` of that day
``ig:{t}:queue``                  zset    2 minutes       request id → when it came; who waits for a turn, in order
``ig:{t}:tickets``                hash    2 minutes       request id → when it last asked, and for whose slot it waits
``ig:{t}:request:<request id>``   hash    24 hours        what became of a request: state, cost, error, result
``ig:{t}:recent:<key id>``        zset    24 hours        request id → when admitted; the newest 100 of a key
``ig:{t}:idempotency:<key>:<d>``  string  24 hours        ``<request id>|<fingerprint>`` of an Idempotency-Key
``ig:{t}:retries:<key>:<f>``      hash    1 hour          request id → who attends it, and its claims; ``refused``
================================  ======  ==============  ============================================================

A *scope* is ``team`` or ``key:<key id>``; ``<key>`` is a key id, ``<d>`` the digest of an Idempotency-Key and ``<f>``
the fingerprint of a request (`app.requests`), with ``-later`` where nobody waits for it.
"""

from msgspec import Struct

TEAMS = "ig:teams"
BUDGETS = "ig:budgets"
ADMIN_TOKENS = "ig:admin-tokens"
AUDIT = "ig:audit"
ARCHIVING = "ig:archiving"
TEAM_SCOPE = "team"


def create_key(digest: str) -> str:
    """What a create at the operator's door came to; ``digest`` is of who asked and their Idempotency-Key."""
    return f"ig:creates:{digest}"


def key_scope(key_id: str) -> str:
    """The scope of a virtual key, as it stands in field names."""
    return f"key:{key_id}"


def spend_field(scope: str, period: str) -> str:
    """The field of a scope's spend in a period."""
    return f"{scope}:{period}"


def hour_of(time_ms: int) -> int:
    """The UTC hour of a Unix time, as it stands in the name of its roll-up: hours since 1970."""
    return time_ms // 3_600_000


class Naming(Struct, frozen=True):
    """What the keys of one request are named by."""

    request_id: str = ""
    retries: str = ""
    """By what its retries look for it: its fingerprint, and how it was asked for."""
    idempotency: str = ""
    """The digest of its Idempotency-Key; "" without one."""


NAMELESS = Naming()


class TeamKeys(Struct, frozen=True):
    """The names of one team's keys."""

    team_id: str

    def named(self, name: str) -> str:
        """A key of this team, under its hash tag."""
        return f"ig:{{{self.team_id}}}:{name}"

    @property
    def record(self) -> str:
        """The team's own record."""
        return self.named("team")

    @property
    def keys(self) -> str:
        """The ids of its virtual keys."""
        return self.named("keys")

    @property
    def ledger(self) -> str:
        """Its ledger."""
        return self.named("ledger")

    @property
    def forward(self) -> str:
        """What its archived entries sum to."""
        return self.named("forward")

    @property
    def spend(self) -> str:
        """Its settled spend by scope and period."""
        return self.named("spend")

    @property
    def held(self) -> str:
        """Its held money and images by scope."""
        return self.named("held")

    @property
    def holds(self) -> str:
        """Its reservations by the end of their lease."""
        return self.named("holds")

    @property
    def reservations(self) -> str:
        """What each of its reservations holds."""
        return self.named("reservations")

    def key(self, key_id: str) -> str:
        """The record of one virtual key."""
        return self.named(f"key:{key_id}")

    def usage(self, hour: int) -> str:
        """The roll-up of one UTC hour."""
        return self.named(f"usage:{hour}")

    def request(self, request_id: str) -> str:
        """What became of one request."""
        return self.named(f"request:{request_id}")

    def recent(self, key_id: str) -> str:
        """The newest requests of one virtual key."""
        return self.named(f"recent:{key_id}")

    def idempotency(self, key_id: str, digest: str) -> str:
        """The request that an Idempotency-Key of one virtual key stands for."""
        return self.named(f"idempotency:{key_id}:{digest}")

    def retries(self, key_id: str, name: str) -> str:
        """The requests of one virtual key that a retry may claim (`Naming.retries`)."""
        return self.named(f"retries:{key_id}:{name}")

    def books(self, key_id: str, now_ms: int, naming: Naming = NAMELESS) -> list[str]:
        """The fixed KEYS list of every ledger script, in the order ``books.lua`` names them.

        Both the hour of ``now_ms`` and the next are passed; the script picks by the server's clock and says so when
        neither fits. A script that is not about one request gets names without an end, which nothing is kept under.
        """
        hour = hour_of(now_ms)
        names = (
            "team",
            f"key:{key_id}",
            "holds",
            "reservations",
            "held",
            "spend",
            "resolved",
            "expired",
            "ledger",
            f"usage:{hour}",
            f"usage:{hour + 1}",
            f"buckets:{TEAM_SCOPE}",
            f"buckets:{key_scope(key_id)}",
            "days",
            "queue",
            "tickets",
            f"request:{naming.request_id}",
            f"recent:{key_id}",
            f"idempotency:{key_id}:{naming.idempotency}",
            f"retries:{key_id}:{naming.retries}",
        )
        prefix = self.named("")
        return [prefix + name for name in names]
