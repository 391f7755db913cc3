"""What CometAPI tells about itself: its models, its public price list, and the balance of a key."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from app.simulator.answer import HttpAnswer
from app.simulator.logbook import Tally


class ListedModel(Struct, frozen=True):
    """One row of the price list; what a model is not sold by is None."""

    id: str
    provider: str = "OpenAI"
    model_type: str = "image"
    input: float | None = None
    """Dollars per million tokens, as is ``output``."""
    output: float | None = None
    per_request: float | None = None
    per_second: float | None = None

    def price(self) -> dict[str, Any]:
        """The member ``pricing``."""
        sold_by = "M Tokens" if self.input is not None else "Second" if self.per_second is not None else "Request"
        return {
            "currency": f"USD / {sold_by}",
            "input": self.input,
            "output": self.output,
            "per_request": self.per_request,
            "per_second": self.per_second,
        }


MODELS = (
    ListedModel("gpt-image-2", input=4, output=24),
    ListedModel("gpt-image-2.5-flare", input=4, output=24),
    ListedModel("gpt-image-2.5-sunburst", input=4, output=24),
    ListedModel("gpt-image-2.6-flare", input=4, output=24),
    ListedModel("gpt-image-2.6-sunburst", input=4, output=24),
    ListedModel("gpt-image-1.5", input=4, output=25.6),
    ListedModel("dall-e-3", per_request=0.032),
    ListedModel("qwen-image", "Alibaba", per_request=0.04),
    ListedModel("qwen-image-edit", "Alibaba", per_request=0.04),
    ListedModel("doubao-seedream-4-0-250828", "ByteDance", per_request=0.024),
    ListedModel("doubao-seedream-4-5-251128", "ByteDance", per_request=0.04),
    ListedModel("doubao-seedream-5-0-260128", "ByteDance", per_request=0.028),
    ListedModel("flux-pro", "Black Forest Labs", per_request=0.04),
    ListedModel("gpt-image-2-all"),  # listed without any price
    ListedModel("gpt-5.5", model_type="text", input=1, output=8),
    ListedModel("sora-2", model_type="video", per_second=0.08),
)
"""CometAPI publishes gpt-image-2's prices; all the others are invented."""

BALANCE_DOLLARS = 100.0


def list_models() -> HttpAnswer:
    """GET /v1/models in OpenAI's form."""
    models = [
        {
            "id": model.id,
            "object": "model",
            "created": 1626777600,
            "owned_by": "custom",
            "supported_endpoint_types": ["openai"],
        }
        for model in MODELS
    ]
    return _json({"object": "list", "data": models})


def list_prices() -> HttpAnswer:
    """GET /api/models: the public price list."""
    data = [
        {
            "id": model.id,
            "provider": model.provider,
            "model_type": model.model_type,
            "features": [f"text-to-{model.model_type}"],
            "pricing": model.price(),
            "api_doc_url": "https://apidoc.cometapi.com/images-generations",
        }
        for model in MODELS
    ]
    return _json({"success": True, "page": 0, "page_size": 0, "total": len(data), "data": data})


def bill_of(model: str, input_tokens: int, output_tokens: int, pictures: int) -> float:
    """Dollars for one answer: the model's price in the list, gpt-image-2's where there is none; svg costs nothing."""
    listed = next((found for found in MODELS if found.id == model), MODELS[0])
    if listed.per_request is not None:
        return pictures * listed.per_request
    priced = listed if listed.input is not None else MODELS[0]
    return (input_tokens * (priced.input or 0) + output_tokens * (priced.output or 0)) / 1_000_000


def tell_balance(tally: Tally, asked: Mapping[str, str]) -> HttpAnswer:
    """GET /user/quota: what is left, and what was billed on each day from ``start_date`` to ``end_date``."""
    used = sum(day.dollars for day in tally.days.values())
    since, until = asked.get("start_date", ""), asked.get("end_date", "9999-12-31")
    days = {
        date: [{"token_name": "simulator", "quota_used": day.dollars, "request_count": day.requests}]
        for date, day in tally.days.items()
        if since <= date <= until
    }
    return _json(
        {
            "username": "simulator",
            "total_quota": BALANCE_DOLLARS - used,
            "total_used_quota": used,
            "request_count": tally.exchanges,
            "keys": [{"name": "simulator", "remain_quota": -1, "used_quota": used}],
            "daily_quota": days,
        }
    )


def _json(value: object) -> HttpAnswer:
    return HttpAnswer(200, json.dumps(value).encode())
