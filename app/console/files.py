"""Serves the console: a few static files under ``/console/``, that speak to the two doors as any client does.

Everything of the console is one of these files: no other host is asked for anything, no script stands in a page, and
what a script writes into a page is text (the policy forbids all else).
"""

import hashlib
from pathlib import Path
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.errors import NotFound

_FOLDER: Final = Path(__file__).parent / "static"
_INDEX: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    # Pictures made in the playground are blobs; a hosted one comes from this host.
    "img-src 'self' blob: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # A new version is in force with the next page; what has not changed is not sent again (304).
    "cache-control": "no-cache",
}


class _File(Struct, frozen=True):
    body: bytes
    headers: dict[str, str]


class ConsoleFiles:
    """The files, read once."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path) for path in sorted(folder.rglob("*")) if path.is_file()
        }

    @property
    def names(self) -> list[str]:
        """What there is, by path below the folder."""
        return list(self._files)

    async def arrive(self, request: Request) -> Response:
        """``/``: a person with a browser is led to the console.

        Raises:
            NotFound: a program has lost its way.

        """
        if "text/html" not in request.headers.get("accept", ""):
            raise NotFound("There is nothing at / here; the public door is at /v1, and the console at /console/.")
        return RedirectResponse("console/", status_code=307)

    async def begin(self, _: Request) -> Response:
        """``/console`` without its slash, from which the page could not name its parts."""
        return RedirectResponse("console/", status_code=308)

    async def serve(self, request: Request) -> Response:
        """One file.

        Raises:
            NotFound: there is none of that name.

        """
        name = request.path_params["name"] or _INDEX
        file = self._files.get(name)
        if file is None:
            raise NotFound("The console has no such file.")
        if file.headers["etag"] in request.headers.get("if-none-match", ""):  # a proxy may have made it weak: W/"…"
            return Response(status_code=304, headers=file.headers)
        return Response(file.body, headers=file.headers)


def _read(path: Path) -> _File:
    body = path.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return _File(body, {**_HEADERS, "content-type": _TYPES[path.suffix], "etag": etag})
