"""Which paths the pretend CometAPI has, who may use them, and what it says on all the others."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from app.simulator.account import list_models, list_prices, tell_balance
from app.simulator.answer import HttpAnswer, ReceivedRequest
from app.simulator.edits import read_edit
from app.simulator.exchange import ReadOrder, redirect
from app.simulator.fields import read_json
from app.simulator.form import is_form, read_form
from app.simulator.logbook import Logbook
from app.simulator.orders import read_generation
from app.simulator.refusals import Refusal, RefusalError, refuse
from app.simulator.variations import read_variation

IMAGE_ROUTES: Mapping[str, ReadOrder] = {
    "/v1/images/generations": read_generation,
    "/v1/images/edits": read_edit,
    "/v1/images/variations": read_variation,
}
"""POST routes that draw, and how each reads its request."""

AcceptsKey = Callable[[str], bool]


def is_authentic(request: ReceivedRequest, accepts_key: AcceptsKey) -> bool:
    """Whether a request bears a key that is accepted."""
    scheme, _, key = (request.header("authorization") or "").partition(" ")
    return scheme.lower() == "bearer" and accepts_key(key.strip())


def look_up(request: ReceivedRequest, logbook: Logbook, accepts_key: AcceptsKey) -> HttpAnswer:
    """Answer what draws nothing: the routes that only tell something, bad keys, wrong paths."""
    unauthorised = refuse(Refusal(401, "invalid token", code=""))
    if request.path.startswith("/v1/") and not is_authentic(request, accepts_key):
        return unauthorised
    match request.method, request.path:
        case "GET", "/v1/models":
            return list_models()
        case "GET", "/api/models":
            return list_prices()
        case "GET", "/user/quota":
            asked = {name: values[0] for name, values in parse_qs(request.query).items()}
            return tell_balance(logbook.tally, asked) if accepts_key(asked.get("key", "")) else unauthorised
        case _:
            return redirect()


def loose_prompt(request: ReceivedRequest) -> str:
    """The prompt of a request that may be no good, for the scenario tag in it."""
    content_type = request.header("content-type") or ""
    try:
        if is_form(content_type):
            parts = read_form(request.body, content_type)
            return next((part.data.decode("utf-8", "replace") for part in parts if part.name == "prompt"), "")
        prompt = read_json(request.body).get("prompt")
    except RefusalError:
        return ""
    return prompt if isinstance(prompt, str) else ""
