"""How the console's files are served: with a strict policy, each under its type, once per version."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.console.files import ConsoleFiles
from app.errors import GatewayError
from app.web.errors import on_gateway_error

FILES = ConsoleFiles()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of nothing but the console."""
    routes = [
        Route("/", FILES.arrive, methods=["GET"]),
        Route("/console", FILES.begin, methods=["GET"]),
        Route("/console/{name:path}", FILES.serve, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={GatewayError: on_gateway_error})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as opened:
        yield opened


async def test_every_file_has_its_type_and_the_policy(client: httpx.AsyncClient) -> None:
    """Nothing runs, shows or is asked that does not come from the gateway; nobody frames it."""
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    assert len(FILES.names) > 10
    for name in FILES.names:
        answer = await client.get(f"/console/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(types[Path(name).suffix])
        policy = {part.split()[0]: part.split()[1:] for part in answer.headers["content-security-policy"].split("; ")}
        assert policy["default-src"] == ["'none'"]
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == ["'none'"]


async def test_the_page_is_at_the_slash(client: httpx.AsyncClient) -> None:
    """Without it the page could not name its parts, so it is sent there; the body of a HEAD stays away."""
    answer = await client.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (308, "console/")
    page = await client.get("/console/")
    assert "<!doctype html>" in page.text
    head = await client.head("/console/")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_person_at_the_door_is_shown_in(client: httpx.AsyncClient) -> None:
    """A browser at `/` gets the console; a program that has lost its way is told so."""
    person = await client.get("/", headers={"accept": "text/html,*/*;q=0.8"})
    assert (person.status_code, person.headers["location"]) == (307, "console/")
    program = await client.get("/", headers={"accept": "application/json"})
    assert program.status_code == 404
    assert "/v1" in program.json()["error"]["message"]


async def test_what_has_not_changed_is_not_sent_again(client: httpx.AsyncClient) -> None:
    """A browser asks each time, and is told that it has the newest already; with another version it gets the file."""
    first = await client.get("/console/main.js")
    again = await client.get("/console/main.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    weak = await client.get("/console/main.js", headers={"if-none-match": f'"older", W/{first.headers["etag"]}'})
    assert weak.status_code == 304
    other = await client.get("/console/main.js", headers={"if-none-match": '"another"'})
    assert other.content == first.content


@pytest.mark.parametrize(
    "name", ["nothing.js", "../files.py", "..%2ffiles.py", "%2e%2e/files.py", "pages", "pages/", "/etc/passwd", "a%00b"]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    """Only what was read at the start, by its exact name: no folder, no way out of it."""
    answer = await client.get(f"/console/{name}")
    assert answer.status_code == 404
