"""Compose the answer of one image exchange: refuse it, draw for it, or stand something else in its place."""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from app.simulator.account import bill_of
from app.simulator.answer import HttpAnswer, ReceivedRequest
from app.simulator.events import answer_stream, fulfil_stream
from app.simulator.images import fulfil, write_answer
from app.simulator.jsontext import write_json
from app.simulator.logbook import Logbook
from app.simulator.orders import ImageOrder
from app.simulator.refusals import HTML_STATUS, Refusal, html_page, is_html, played_refusal, refuse
from app.simulator.scenario import Container, Content, Scenario
from app.simulator.usage import Tokens

ReadOrder = Callable[[ReceivedRequest], ImageOrder]
"""A route's own reading of its requests; raises RefusalError."""

ELSEWHERE = "https://www.cometapi.com/"


async def compose_answer(
    request: ReceivedRequest, scenario: Scenario, read_order: ReadOrder, logbook: Logbook, scheme: str = "http"
) -> HttpAnswer:
    """The answer a scenario gives to a request; pictures it draws are billed to the logbook at once.

    Links to pictures begin with the scheme and with the host that the request was sent to.

    Raises:
        RefusalError: the request is one that CometAPI refuses.

    """
    if scenario.refuses and not is_html(scenario):
        return refuse(played_refusal(scenario), scenario.retry_after_seconds)
    order = _overrule(await asyncio.to_thread(read_order, request), scenario)
    stand_in = _stand_in(order, scenario)
    if stand_in is not None:
        return stand_in

    if order.streams:
        fulfilment = await asyncio.to_thread(fulfil_stream, order, scenario, logbook.serials)
    else:
        origin = f"{scheme}://{request.header('host') or 'localhost'}"
        fulfilment = await asyncio.to_thread(fulfil, order, scenario, logbook.serials, origin)
    tokens = fulfilment.tokens
    logbook.bill(
        fulfilment.pictures,
        tokens.input,
        tokens.output,
        svg_tokens=tokens.svg,
        references=order.references,
        dollars=bill_of(order.model, tokens.input, tokens.output, fulfilment.pictures),
    )
    for path, picture in fulfilment.files.items():
        logbook.keep_file(path, picture)
    if is_html(scenario):
        return html_page(scenario.status if scenario.refuses else HTML_STATUS)
    return fulfilment.answer


def _overrule(order: ImageOrder, scenario: Scenario) -> ImageOrder:
    """The order as the scenario lets it be."""
    if scenario.ignores_stream:
        order = replace(order, streams=False, partial_images=0)
    if scenario.max_pictures is not None:
        order = replace(order, n=min(order.n, scenario.max_pictures))
    container = scenario.container or order.container
    if scenario.other_container:
        container = Container.B64_JSON if container is Container.URL else Container.URL
    return replace(order, container=container)


def redirect() -> HttpAnswer:
    """A redirect to the web site, CometAPI's answer to a wrong path."""
    page = b"<html><head><title>301 Moved Permanently</title></head></html>\n"
    return HttpAnswer(301, page, content_type="text/html", headers=(("Location", ELSEWHERE),))


def _stand_in(order: ImageOrder, scenario: Scenario) -> HttpAnswer | None:
    """What comes in place of pictures, where none are drawn."""
    match scenario.content:
        case Content.EMPTY_DATA if order.streams:
            return answer_stream([])
        case Content.EMPTY_DATA | Content.EMPTY_BODY:
            is_written = scenario.content is Content.EMPTY_DATA
            empty = write_json(write_answer(order, scenario, [], Tokens()), scenario) if is_written else b""
            return HttpAnswer(200, empty)
        case Content.ERROR_EVENT if not order.streams:
            return refuse(replace(played_refusal(scenario), status=200))
        case Content.ERROR_INSIDE_200:
            return refuse(Refusal(200, scenario.message or "upstream returned no image", code="bad_response"))
        case Content.REDIRECT:
            return redirect()
        case _:
            return None
