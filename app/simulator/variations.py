"""Read POST /v1/images/variations: a form with one square picture and no prompt, for dall-e-2 alone."""

from app.simulator.answer import ReceivedRequest
from app.simulator.family import Family
from app.simulator.fields import relayed
from app.simulator.form import read_fields, read_form
from app.simulator.inputs import decode_square
from app.simulator.orders import ImageOrder, take_order
from app.simulator.refusals import Refusal, RefusalError


def read_variation(request: ReceivedRequest) -> ImageOrder:
    """Read the form and decode its picture; takes CPU time, so call it in a thread.

    Raises:
        RefusalError: with what CometAPI or OpenAI behind it would answer.

    """
    parts = read_form(request.body, request.header("content-type") or "")
    given = [part for part in parts if part.name in ("image", "image[]")]
    if not given:
        raise RefusalError(Refusal(500, "field image is required"))
    if len(given) > 1:
        raise relayed("image", "Invalid 'image': expected one file.", "array_above_max_length")
    if given[0].filename is None:
        raise relayed("image", "Invalid type for 'image': expected a file, but got a string instead.", "invalid_type")
    fields = {name: value for name, value in read_fields(parts).items() if name != "prompt"}
    order = take_order(fields, (decode_square(given[0]),), needs_prompt=False)
    if order.family is not Family.DALL_E_2:
        raise RefusalError(Refusal(500, "not supported model for image variations", code="convert_request_failed"))
    return order
