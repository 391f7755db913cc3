"""What must hold of a virtual key whether it is made or changed: a free alias, models by name, an end to come."""

from collections.abc import Callable, Iterable
from datetime import datetime

from app.accounts.models import VirtualKey
from app.errors import Conflict, InvalidRequest


def model_names(models: list[str] | None, model_name: Callable[[str], str]) -> tuple[str, ...] | None:
    """An allow-list in the models' own names, so that an alias opens what it stands for and no more."""
    return tuple(model_name(name) for name in models) if models is not None else None


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Whether a virtual key could be used at all; InvalidRequest when not."""
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("expires_at lies in the past: the key would never work.", param="expires_at")


def check_alias(alias: str, keys: Iterable[VirtualKey], now: datetime) -> None:
    """Whether no key of the team that works, or may again, has that alias; Conflict when one has."""
    if any(key.alias == alias and key.state(now) in ("active", "disabled") for key in keys):
        raise Conflict(f"There is a key called {alias!r} in this team already; revoke it, or take another name.")
