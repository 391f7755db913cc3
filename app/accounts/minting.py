"""Making virtual keys and giving them new secrets: the record to keep, and the text that is shown once."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from app.accounts.credentials import hash_secret, new_id, new_secret, virtual_key_text
from app.accounts.models import MOST_PREVIOUS, KeyOptions, Limits, PreviousSecret, VirtualKey


def mint(
    team_id: str,
    alias: str,
    limits: Limits,
    *,
    models: tuple[str, ...] | None = None,
    expires_at: datetime | None = None,
    metadata: tuple[tuple[str, str], ...] = (),
    options: KeyOptions | None = None,
) -> tuple[VirtualKey, str]:
    """A new virtual key of a team, not kept yet, and its text: the only time its secret is at hand."""
    secret = new_secret()
    key = VirtualKey(
        id=new_id(),
        team_id=team_id,
        alias=alias,
        secret_sha256=hash_secret(secret),
        created_at=datetime.now(UTC),
        limits=limits,
        models=models,
        expires_at=expires_at,
        metadata=metadata,
        options=options or KeyOptions(),
    )
    return key, virtual_key_text(team_id, key.id, secret)


def rotated(key: VirtualKey, secret: str, now: datetime, grace_seconds: float) -> VirtualKey:
    """The key with a new secret; the one it had is good for ``grace_seconds`` more.

    Those before keep their own grace, so that a rotation that is sent twice takes nothing away; with none at all they
    end, too.
    """
    ends = now + timedelta(seconds=grace_seconds)
    before = key.previous
    if not grace_seconds:
        before = tuple(replace(old, until=min(old.until, now)) for old in before)
    replaced = PreviousSecret(key.secret_sha256, ends)
    return replace(key, secret_sha256=hash_secret(secret), previous=(replaced, *before)[:MOST_PREVIOUS])
