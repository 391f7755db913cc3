"""Virtual keys as text: minting them and reading them."""

import re
import secrets
from hashlib import sha256

from msgspec import Struct
from typing_extensions import override

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_CHARS = 8  # 62^8 = 2·10^14 ids: no two alike by accident, short enough to read aloud
SECRET_CHARS = 32  # 190 bits

_PREFIX = "sk-ig-"
ADMIN_WORD = "admin"
"""Where a virtual key names its team, an admin token has this; the ids of teams are longer."""

_FORM = re.compile(rf"{_PREFIX}([{BASE62}]+)-([{BASE62}]+)-([{BASE62}]+)")
_MOST_CHARS = 200


class Credential(Struct, frozen=True):
    """A virtual key taken apart; whether it is a real one only the store knows. Never printed, never logged."""

    team_id: str
    key_id: str
    secret_sha256: str

    @override
    def __repr__(self) -> str:
        return f"<Credential sk-ig-{self.team_id}-{self.key_id}>"


def new_id() -> str:
    """A fresh id for a team or a key."""
    return "".join(secrets.choice(BASE62) for _ in range(ID_CHARS))


def new_secret() -> str:
    """A fresh secret; shown once, kept only as a hash."""
    return "".join(secrets.choice(BASE62) for _ in range(SECRET_CHARS))


def hash_secret(secret: str) -> str:
    """What is kept of a secret. It has 190 random bits, so a plain SHA-256 is enough: there is nothing to guess."""
    return sha256(secret.encode()).hexdigest()


def virtual_key_text(team_id: str, key_id: str, secret: str) -> str:
    """The virtual key as a teammate holds it."""
    return f"{_PREFIX}{team_id}-{key_id}-{secret}"


def admin_token_text(token_id: str, secret: str) -> str:
    """An admin token as an operator holds it."""
    return virtual_key_text(ADMIN_WORD, token_id, secret)


def without_secret(text: str) -> str:
    """What may be sent and repeated of a name that somebody typed: of a whole key or token its public id."""
    return text.rpartition("-")[0] if read_credential(text) else text


def read_credential(token: str) -> Credential | None:
    """Take a virtual key apart; None when it does not have the form of one."""
    if len(token) > _MOST_CHARS or (found := _FORM.fullmatch(token)) is None:
        return None
    team_id, key_id, secret = found.groups()
    return Credential(team_id, key_id, hash_secret(secret))
