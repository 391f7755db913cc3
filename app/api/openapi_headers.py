"""Headers of answers in the OpenAPI document: each is described once, and referred to by the answers that have it."""

from typing import Any, Final

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}


def _header(description: str, example: str | int, schema: dict[str, Any] = _TEXT) -> dict[str, Any]:
    return {"description": description, "schema": schema, "example": example}


def _rates() -> dict[str, Any]:
    """The rate limits of key and team, as OpenAI's headers tell them."""
    told = {}
    for what, reset in (("requests", "1.5s"), ("images", "2"), ("tokens", "6m0s")):
        told[f"x-ratelimit-limit-{what}"] = _header(f"{what.capitalize()} per minute, the tightest limit", 60, _COUNT)
        told[f"x-ratelimit-remaining-{what}"] = _header(f"How many {what} are left of it", 59, _COUNT)
        told[f"x-ratelimit-reset-{what}"] = _header("When it is whole again", reset)
    return told


RATES: Final = tuple(_rates())
"""On answers of requests that were admitted or refused by a limit, where there is such a limit."""

HEADERS: Final[dict[str, Any]] = {
    "x-request-id": _header(
        "The id of this HTTP request, in the log; of a purchase in the ledger too",
        "req_0VZ9bWk1A2b3C4d5E6f7",
        _TEXT | {"pattern": "^req_[0-9A-Za-z]{20}$"},
    )
    | {"required": True},
    "retry-after": _header("Seconds after which it may be worth trying again", "2"),
    "retry-after-ms": _header("The same in milliseconds, for the SDKs of OpenAI", "2000"),
    "x-should-retry": _header("Whether those SDKs are to try again", "false", {"enum": ["true", "false"]}),
    "www-authenticate": _header("How to say who asks", "Bearer", {"const": "Bearer"}) | {"required": True},
    "location": _header(
        "Where the answer will be",
        "/v1/images/requests/req_0VZ9bWk1A2b3C4d5E6f7",
        _TEXT | {"pattern": "^/v1/images/requests/req_"},
    )
    | {"required": True},
    "preference-applied": _header("The preference that was granted", "respond-async"),
    "idempotent-replayed": _header("`true`: the answer of an earlier request, which this one did not pay", "true"),
    "x-imagegate-request": _header("The id of that earlier request", "req_0VZ9bWk1A2b3C4d5E6f7"),
    "x-imagegate-normalized": _header("What was changed or left out (a List of RFC 9651)", "style;dropped"),
    "x-imagegate-delivered": _header("Under fan-out: pictures that came, of those asked for", "3/4"),
    "x-imagegate-warning": _header("Pictures are not in the container asked for", 'response_format;kept="url"'),
    "x-imagegate-request-status": _header("How the request stands", "delivered"),
    "x-imagegate-cost": _header("What it cost, in dollars", "0.0412"),
    "deprecation": _header("The provider has announced the model's end (RFC 9745)", "@1767225600"),
    "sunset": _header("When that is, or was (RFC 8594)", "Thu, 31 Dec 2026 00:00:00 GMT"),
    "etag": _header("Names the picture", '"1800003600-0123456789abcdefghijKL.png"'),
    "content-range": _header("Which part of the picture it is", "bytes 0-1023/20480"),
    "allow": _header("The methods that are allowed", "GET") | {"required": True},
    **_rates(),
}
"""By name."""


def headers(*names: str) -> dict[str, Any]:
    """References to them."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
