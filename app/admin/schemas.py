"""Teams and virtual keys in JSON, as the operator's door takes and gives them."""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from msgspec.structs import asdict
from pydantic import AfterValidator, AwareDatetime, Field

from app.accounts.models import HEARTBEAT_SECONDS, KeyOptions, KeyState, Team, VirtualKey
from app.admin.creates import ShownOnce
from app.admin.documents import Document
from app.admin.limits import LimitsBody
from app.logs import without_keys


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            "a name is 1 to 63 letters, digits, dots, dashes or underscores, and begins with a letter or digit"
        )
    if without_keys(text) != text:
        raise ValueError("a name is seen by many, and this looks like a key or a token")
    return text


Note = AfterValidator(without_keys)
"""Of a text that is shown to every operator: a key that somebody pasted into it stays out."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

Name = Annotated[str, AfterValidator(_name), Field(examples=["design"])]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
Metadata = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=64), Note], Annotated[str, Field(max_length=512), Note]],
    Field(max_length=16, description="Notes of your own: 16 pairs at most, of 64 and 512 characters."),
]
_MOST_GRACE_SECONDS = 604_800


class TeamSettings(Document):
    """What can be said of a team, when it is made and later."""

    limits: LimitsBody = LimitsBody()
    key_limits: LimitsBody = Field(
        LimitsBody(), description="What a new virtual key of this team gets, limit by limit, where it is given none."
    )

    @classmethod
    def of(cls, team: Team) -> "TeamSettings":
        """The JSON form of a team's."""
        return cls(limits=LimitsBody.of(team.limits), key_limits=LimitsBody.of(team.key_limits))


class NewTeam(TeamSettings):
    """A team to be made."""

    name: Name


class TeamBody(Document):
    """A team."""

    id: str
    name: str
    created_at: datetime
    limits: LimitsBody
    key_limits: LimitsBody

    @classmethod
    def of(cls, team: Team) -> "TeamBody":
        """The JSON form of a team."""
        return cls(
            id=team.id,
            name=team.name,
            created_at=team.created_at,
            limits=LimitsBody.of(team.limits),
            key_limits=LimitsBody.of(team.key_limits),
        )


class KeySettings(Document):
    """What can be said of a virtual key, when it is made and later."""

    limits: LimitsBody = LimitsBody()
    models: Annotated[list[ModelName], Field(max_length=200)] | None = Field(
        None, description="The models it may use; missing: all."
    )
    expires_at: AwareDatetime | None = None
    metadata: Metadata = Field(default_factory=dict)
    strict: bool | None = Field(None, description="Refuse what a model does not take; missing: as the gateway does.")
    unknown_fields: Literal["refuse", "pass"] | None = Field(None, description="Likewise, of fields nobody knows.")
    fan_out: bool = Field(False, description="Several pictures of a model that makes one at a time.")
    heartbeat_seconds: float | None = Field(
        None,
        ge=HEARTBEAT_SECONDS[0],
        le=HEARTBEAT_SECONDS[1],
        description="White space after so many seconds of silence; missing: only where a request asks for it.",
    )

    def options(self) -> KeyOptions:
        """The value behind them."""
        return KeyOptions(self.strict, self.unknown_fields, self.fan_out, self.heartbeat_seconds)

    @classmethod
    def of(cls, key: VirtualKey) -> "KeySettings":
        """The JSON form of a key's."""
        return cls(
            limits=LimitsBody.of(key.limits),
            models=list(key.models) if key.models is not None else None,
            expires_at=key.expires_at,
            metadata=dict(key.metadata),
            **asdict(key.options),
        )


class NewKey(KeySettings):
    """A virtual key to be made; limits that are not given are its team's ``key_limits``."""

    alias: Name


class KeyBody(Document):
    """A virtual key, without its secret."""

    id: str
    public_id: str
    team: str
    alias: str
    state: KeyState
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    disabled_at: datetime | None
    previous_until: datetime | None = Field(description="Until when the last of its older secrets works.")
    metadata: dict[str, str]
    models: list[str] | None
    strict: bool | None
    unknown_fields: Literal["refuse", "pass"] | None
    fan_out: bool
    heartbeat_seconds: float | None
    limits: LimitsBody

    @classmethod
    def of(cls, key: VirtualKey, team: Team, now: datetime) -> "KeyBody":
        """The JSON form of a key."""
        return cls(**_key_fields(key, team, now))


class Rotation(Document):
    """How a virtual key gets its new secret."""

    grace_seconds: Annotated[
        int,
        Field(
            ge=0,
            le=_MOST_GRACE_SECONDS,
            strict=True,
            description="How long the old secret works beside the new one; 0: not at all.",
        ),
    ] = 86_400


class CreatedKey(ShownOnce, KeyBody):
    """A virtual key just made, or given a new secret: the only time that is shown."""

    SECRET: ClassVar[str] = "key"  # noqa: S105  the name of a field
    key: str | None = Field(description="The virtual key itself. Keep it now: only its hash is stored.", repr=False)

    @classmethod
    def with_secret(cls, key: VirtualKey, team: Team, now: datetime, text: str) -> "CreatedKey":
        """The JSON form of a key with its text."""
        return cls(**_key_fields(key, team, now), key=text)


def _key_fields(key: VirtualKey, team: Team, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "public_id": key.public_id,
        "team": team.name,
        "alias": key.alias,
        "state": key.state(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "disabled_at": key.disabled_at,
        "previous_until": key.previous_until,
        "metadata": dict(key.metadata),
        "models": list(key.models) if key.models is not None else None,
        "limits": LimitsBody.of(key.limits),
        **asdict(key.options),
    }
