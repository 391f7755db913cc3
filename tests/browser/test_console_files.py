"""The console's files as they come from a whole gateway: safe headers on each, and nothing told to a browser twice."""

from app.console.files import ConsoleFiles
from tests.browser.watching import SECRET
from tests.support.gateway import Gateway

SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    "trusted-types 'none'",
}  # fmt: skip


async def test_every_file_is_safe_on_its_way(gateway: Gateway) -> None:
    """No other site frames it or learns of it, no type is guessed, no cookie is set, nothing of ours is in it."""
    async with gateway.http() as client:
        for name in ["", *ConsoleFiles().names]:
            answer = await client.get(f"/console/{name}")
            assert answer.status_code == 200, name
            assert SAFE.items() <= dict(answer.headers).items(), name
            assert set(answer.headers["content-security-policy"].split("; ")) == POLICY, name
            assert answer.headers["cache-control"] == "no-cache", name
            assert "set-cookie" not in answer.headers, name
            assert not SECRET.search(answer.text), name
            again = await client.get(f"/console/{name}", headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b""), name
            assert SAFE.items() <= dict(again.headers).items(), name


async def test_what_is_not_there_is_safe_too(gateway: Gateway) -> None:
    """The redirect to the console, an unknown file and a method nobody answers have the same headers."""
    async with gateway.http() as client:
        begin = await client.get("/console")
        unknown = await client.get("/console/../../settings.py")
        sent = await client.post("/console/", content=b"{}")

    assert (begin.status_code, begin.headers["location"]) == (308, "console/")
    assert (unknown.status_code, sent.status_code) == (404, 405)
    for answer in (begin, unknown, sent):
        assert SAFE.items() <= dict(answer.headers).items()
