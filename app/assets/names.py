"""The names of what is kept, pictures and answers: when each one ends, and a part nobody can guess."""

import re
import secrets
from typing import Final

from app.accounts.credentials import BASE62

RANDOM_CHARS: Final = 22
"""131 bits. A signature or the books guard what it names; this keeps two names from ever being the same."""

_NAME: Final = re.compile(r"([0-9]{10})-[0-9A-Za-z]{22}\.([a-z0-9]{1,5})")
"""Ten digits last until the year 2286, and make the order of the names the order in which they end.

No separator, no dot but one, nothing beyond ASCII: such a name is one plain file in every kind of store, and is safe
in a header. Whatever does not match it never reaches the store.
"""


def new_name(expires_at: int, extension: str) -> str:
    """A fresh name for what is kept until then (Unix seconds)."""
    random = "".join(secrets.choice(BASE62) for _ in range(RANDOM_CHARS))
    return f"{expires_at:010d}-{random}.{extension}"


def is_name(text: str) -> bool:
    """Whether this is a name of ours, and not somebody's file or path."""
    return _NAME.fullmatch(text) is not None


def expiry_of(name: str) -> int:
    """When it ends, in Unix seconds; ``name`` is one of ours."""
    return int(name[:10])


def extension_of(name: str) -> str:
    """How the name ends, without the dot; ``name`` is one of ours."""
    return name.rpartition(".")[2]
