"""Signed links to hosted pictures: whoever holds one may see that picture until it ends, and nothing else."""

import base64
import contextlib
import hmac
import os
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

from app.assets.errors import SigningKeyError
from app.assets.names import is_name

KEY_FILE: Final = "signing.key"
_LEAST_KEY_CHARS: Final = 32
"""As for the setting; a generated key has 43 (256 bits)."""


class LinkSigner:
    """Makes links and tells its own from others. The name carries the end of the link, so the signature covers it."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._public_url = public_url.rstrip("/")

    def link(self, name: str) -> str:
        """The address under which clients find the picture."""
        return f"{self._public_url}/images/{self._signature(name)}/{name}"

    def verify(self, signature: str, name: str) -> bool:
        """Whether this gateway, or a replica with the same key, made a link of these two; takes any text at all.

        The signatures are compared as text: decoded, two spellings of the last character would mean the same.
        """
        if not is_name(name):
            return False
        return hmac.compare_digest(signature.encode(errors="replace"), self._signature(name).encode())

    def _signature(self, name: str) -> str:
        digest = hmac.digest(self._key, name.encode(), sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def load_signing_key(data_dir: Path) -> bytes:
    """The key kept in the data folder, made on first use; processes that start at once all get the same.

    The file is text, so that it can be given to other replicas as the setting.

    Raises:
        SigningKeyError: it cannot be made or read, or is too short to be one.

    """
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SigningKeyError(f"The key that signs links cannot be kept in {path}: {error}") from None
    if len(text) < _LEAST_KEY_CHARS:
        raise SigningKeyError(
            f"{path} is too short to be the key that signs links; remove it, and a new one is made "
            "(links handed out so far then end)."
        )
    return text.encode()


def _make_key(path: Path) -> None:
    """Write a whole key beside its place, then give it the name: the first process wins, no one sees half a key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # 0600 by its contract
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, never replaces the key another process has made meanwhile
    finally:
        Path(draft).unlink()
