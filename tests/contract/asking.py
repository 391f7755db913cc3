"""What schemathesis does with a request before it is sent; it loads this file as its hooks."""

from itertools import count
from typing import Any

import schemathesis

_serial = count(1)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Name keys that are there, revoke only the one for it; buy something new half the time, from another address."""
    number = next(_serial)
    named = str(case.path_parameters.get("key", ""))
    # What an answer calls `key` is the whole secret, which names nothing; and a revoked key answers nobody any more.
    if named == "ana" or named.startswith("sk-ig-"):
        case.path_parameters["key"] = "lost-laptop" if case.path.endswith("/revoke") else "ana"
    if number % 2 and case.headers.get("Idempotency-Key") == "order-4711":
        case.headers["Idempotency-Key"] = f"order-{number}"  # else the same purchase again, or a clash with it
    if number % 4:  # mostly wait, to see the answer itself
        case.headers.pop("Prefer", None)
    # Thousands of wrong credentials from one address would be told 429, which hides the 401 (app/web/throttle.py). The
    # metrics are for this machine alone.
    if case.path != "/metrics":
        case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Send no list in a form where a text belongs: none and one of its members look like no field and like a text."""
    fields = case.body if case.media_type == "multipart/form-data" and isinstance(case.body, dict) else {}
    return not any(isinstance(value, list) for name, value in fields.items() if not name.startswith("image"))
