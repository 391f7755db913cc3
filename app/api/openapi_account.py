"""A key's usage in the OpenAPI document."""

from typing import Any, Final

from app.api.openapi_schemas import COUNT, DOLLARS, LIMIT_LEFT, TEXT, Schema, record

_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
_FIGURES: Final[dict[str, Schema]] = {"requests": COUNT, "delivered": COUNT, "images": COUNT, "cost": DOLLARS}
_SPAN: Final = record(
    {
        "since": _MOMENT,
        "until": _MOMENT,
        **_FIGURES,
        "models": {"type": "array", "items": record({"model": TEXT, **_FIGURES})},
    }
)
_FEW: Final = {"requests": 4, "delivered": 3, "images": 3, "cost": "0.12"}
_MANY: Final = {"requests": 90, "delivered": 88, "images": 91, "cost": "3.61"}
_OWN_USAGE: Final = record(
    {
        "object": {"const": "usage"},
        "key": record({"id": TEXT, "alias": TEXT}),
        "team": TEXT,
        "timezone": TEXT,
        "today": _SPAN,
        "month": _SPAN,
        "limits": {"type": "array", "items": LIMIT_LEFT},
    },
    examples=[
        {
            "object": "usage",
            "key": {"id": "sk-ig-dX4kP0aa-mN7rT2bb", "alias": "ana"},
            "team": "design",
            "timezone": "Europe/Berlin",
            "today": {
                "since": "2026-11-21T23:00:00Z",
                "until": "2026-11-22T23:00:00Z",
                **_FEW,
                "models": [{"model": "gpt-image-2", **_FEW}],
            },
            "month": {
                "since": "2026-10-31T23:00:00Z",
                "until": "2026-11-30T23:00:00Z",
                **_MANY,
                "models": [{"model": "gpt-image-2", **_MANY}],
            },
            "limits": [
                {
                    "what": "budget",
                    "scope": "key",
                    "limit": "20",
                    "left": "16.39",
                    "resets_at": "2026-11-30T23:00:00Z",
                }
            ],
        }
    ],
)

SCHEMAS: Final[dict[str, Any]] = {"OwnUsage": _OWN_USAGE}
"""By name."""
