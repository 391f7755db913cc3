"""What members of documents usually hold, for examples in the OpenAPI document; every secret in it is plainly none."""

from typing import Any, Final

_BUDGET: Final = {"limit": "250", "period": "month", "timezone": "Europe/Berlin", "reset_day": 1, "alerts": [50, 80]}
_LIMITS: Final = {"images_per_minute": 20, "concurrent_images": 5, "budget": _BUDGET}

TEXTS: Final[dict[str, str]] = {
    **dict.fromkeys(("id", "key"), "mN7rT2bb"),
    "public_id": "sk-ig-dX4kP0aa-mN7rT2bb",
    "team": "design",
    "alias": "ana",
    "model": "gpt-image-2",
    "operation": "generations",
    **dict.fromkeys(("request", "request_id"), "req_0VZ9bWk1A2b3C4d5E6f7"),
    **dict.fromkeys(("cost", "spent", "today", "amount"), "0.12"),
    "month": "3.61",
    "held": "0.05",
    "left": "246.27",
    "quote": "0.15",
    "limit": "250",
    "reason": "blurred",
    "kind": "settle",
    "outcome": "delivered",
    **dict.fromkeys(("team_period", "key_period"), "2026-11"),
    **dict.fromkeys(("version", "catalog"), "2026-11-22"),
    "action": "key.create",
    "default_model": "gpt-image-2",
    "owned_by": "openai",
    "source": "https://example.com/prices",
    **dict.fromkeys(("text_input", "image_input", "text_output", "image_output"), "30"),
    "per_image": "0",
    "what": "cost",
    "note": "",
}
"""Texts by the name of the member that holds them."""

BODIES: Final[dict[str, Any]] = {
    "createTeam": {"name": "research", "limits": _LIMITS, "key_limits": {"images_per_minute": 5}},
    "changeTeam": {"limits": {"budget": {"limit": "300"}, "images_per_day": None}},
    "createKey": {"alias": "ben", "models": ["gpt-image-2"], "expires_at": "2036-01-01T00:00:00Z"},
    "changeKey": {"metadata": {"desk": "4.11"}, "strict": True},
    "rotateKey": {"grace_seconds": 3600},
    "createToken": {"name": "reports", "role": "viewer"},
    "credit": {"team": "design", "amount": "0.001", "reason": "blurred"},
}
"""Bodies of the operator's routes, by operation."""
PARAMETERS: Final[dict[str, str]] = {
    "team": "design",
    "key": "ana",
    "revokeKey key": "lost-laptop",
    "token": "reports-of-2025",
    "request": "req_0VZ9bWk1A2b3C4d5E6f7",
    "request_id": "req_0VZ9bWk1A2b3C4d5E6f7",
}
"""Parameters of the operator's routes, by name, or by operation and name."""
