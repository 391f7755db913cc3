"""Changes of what stands, in the manner of a JSON merge patch (RFC 7396): absent is unchanged, null takes away."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from fastapi.exceptions import RequestValidationError
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from app.accounts.models import Team, VirtualKey
from app.admin.key_rules import check_expiry, model_names
from app.admin.schemas import KeySettings, TeamSettings
from app.errors import Conflict

Patch = Mapping[str, Any]
B = TypeVar("B", bound=BaseModel)
R = TypeVar("R")


def changed_team(team: Team, patch: Patch) -> Team:
    """The team after a patch of its `TeamSettings`.

    Raises:
        RequestValidationError: what comes out is nothing that could have been said when it was made.

    """
    settings = _patched(TeamSettings.of(team), patch)
    return replace(team, limits=settings.limits.limits(), key_limits=settings.key_limits.limits())


def changed_key(key: VirtualKey, patch: Patch, model_name: Callable[[str], str], now: datetime) -> VirtualKey:
    """The virtual key after a patch of its `KeySettings`; ``model_name`` gives a model's own name.

    Raises:
        RequestValidationError: what comes out is nothing that could have been said when it was made.
        Conflict: it is revoked, and that is for ever.
        InvalidRequest: it is told to have expired already.

    """
    settings = _patched(KeySettings.of(unrevoked(key)), patch)
    if "expires_at" in patch:
        check_expiry(settings.expires_at, now)
    return replace(
        key,
        limits=settings.limits.limits(),
        models=model_names(settings.models, model_name) if "models" in patch else key.models,
        expires_at=settings.expires_at,
        metadata=tuple(settings.metadata.items()),
        options=settings.options(),
    )


def unrevoked(key: VirtualKey) -> VirtualKey:
    """The key, which can be changed; Conflict where it is revoked."""
    if key.revoked_at is not None:
        raise Conflict(f"The key {key.alias!r} ({key.public_id}) is revoked; nothing changes that.", param="key")
    return key


class Watched(Generic[R]):
    """A change that remembers the record it was last made of: what stood before."""

    before: R

    def __init__(self, change: Callable[[R], R]) -> None:
        self._change = change

    def __call__(self, found: R) -> R:
        """Make the change."""
        self.before = found
        return self._change(found)


def merged(document: Patch, patch: Patch) -> dict[str, Any]:
    """A document after a merge patch (RFC 7396, section 2)."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def _patched(body: B, patch: Patch) -> B:
    try:
        return type(body).model_validate(merged(body.model_dump(mode="json"), patch))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
