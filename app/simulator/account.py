"""What CometAPI tells about itself: its models, its public price list, and the balance of a key."""

import json
from datetime import UTC, datetime

from app.simulator.answer import HttpAnswer
from app.simulator.logbook import Tally

PRICES: dict[str, tuple[float | None, float | None, float | None]] = {
    "gpt-image-2": (4, 24, None),
    "gpt-image-2.5-flare": (4, 24, None),
    "gpt-image-2.5-sunburst": (4, 24, None),
    "gpt-image-2.6-flare": (4, 24, None),
    "gpt-image-2.6-sunburst": (4, 24, None),
    "gpt-image-1.5": (4, 25.6, None),
    "qwen-image": (None, None, 0.04),
    "qwen-image-edit": (None, None, 0.04),
    "doubao-seedream-4-5-251128": (None, None, 0.04),
}
"""Dollars per million input and output tokens, or per request. CometAPI publishes gpt-image-2's; others: invented."""

BALANCE_DOLLARS = 100.0


def list_models() -> HttpAnswer:
    """GET /v1/models in OpenAI's form."""
    models = [
        {
            "id": name,
            "object": "model",
            "created": 1626777600,
            "owned_by": "custom",
            "supported_endpoint_types": ["openai"],
        }
        for name in PRICES
    ]
    return _json({"object": "list", "data": models})


def list_prices() -> HttpAnswer:
    """GET /api/models: the public price list."""
    data = [
        {
            "id": name,
            "provider": _provider(name),
            "model_type": "image",
            "features": ["text-to-image"],
            "pricing": {
                "currency": "USD / M Tokens" if per_request is None else "USD / Request",
                "input": prompt,
                "output": output,
                "per_request": per_request,
                "per_second": None,
            },
            "api_doc_url": "https://apidoc.cometapi.com/images-generations",
        }
        for name, (prompt, output, per_request) in PRICES.items()
    ]
    return _json({"success": True, "page": 0, "page_size": 0, "total": len(data), "data": data})


def tell_balance(tally: Tally) -> HttpAnswer:
    """GET /user/quota: what is left, all pictures drawn so far taken at gpt-image-2's price."""
    used = (tally.input_tokens * 4 + tally.output_tokens * 24) / 1_000_000
    today = datetime.now(UTC).date().isoformat()
    day = [{"token_name": "simulator", "quota_used": used, "request_count": tally.exchanges}]
    return _json(
        {
            "username": "simulator",
            "total_quota": BALANCE_DOLLARS - used,
            "total_used_quota": used,
            "request_count": tally.exchanges,
            "keys": [{"name": "simulator", "remain_quota": -1, "used_quota": used}],
            "daily_quota": {today: day},
        }
    )


def _provider(model: str) -> str:
    makers = {"qwen": "Alibaba", "doubao": "ByteDance"}
    return makers.get(model.partition("-")[0], "OpenAI")


def _json(value: object) -> HttpAnswer:
    return HttpAnswer(200, json.dumps(value).encode())
