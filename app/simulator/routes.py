"""Which paths the pretend CometAPI has, who may use them, and what it says on all the others."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from app.simulator.account import list_models, list_prices, tell_balance
from app.simulator.answer import HttpAnswer, ReceivedRequest
from app.simulator.exchange import ReadOrder, redirect
from app.simulator.logbook import Logbook
from app.simulator.orders import read_generation
from app.simulator.refusals import Refusal, refuse

IMAGE_ROUTES: Mapping[str, ReadOrder] = {"/v1/images/generations": read_generation}
"""POST routes that draw, and how each reads its body. Edits would be one more entry; streaming a second delivery."""

AcceptsKey = Callable[[str], bool]
FILES_PREFIX = "/files/"


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
            key = parse_qs(request.query).get("key", [""])[0]
            return tell_balance(logbook.tally) if accepts_key(key) else unauthorised
        case "GET", path if path.startswith(FILES_PREFIX):
            return _file(path.removeprefix(FILES_PREFIX), logbook)
        case _:
            return redirect()


def _file(name: str, logbook: Logbook) -> HttpAnswer:
    if name not in logbook.files:
        return HttpAnswer(404, b"404 page not found", content_type="text/plain")
    content_type, picture = logbook.files[name]
    return HttpAnswer(200, picture, content_type=content_type)
