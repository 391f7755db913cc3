"""Making virtual keys: the record to keep, and the text that is shown once."""

from datetime import UTC, datetime

from app.accounts.credentials import hash_secret, new_id, new_secret, virtual_key_text
from app.accounts.models import KeyOptions, Limits, VirtualKey


def mint(
    team_id: str,
    alias: str,
    limits: Limits,
    *,
    models: tuple[str, ...] | None = None,
    expires_at: datetime | None = None,
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
        options=options or KeyOptions(),
    )
    return key, virtual_key_text(team_id, key.id, secret)
