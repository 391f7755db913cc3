"""A real S3-compatible server of the tests' own: moto's, in a process of its own, on a free port of loopback."""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.support.programs import watchman

START_SECONDS = 30.0
POLL_SECONDS = 0.01
BUCKET = "pictures"


def client_environment(url: str) -> dict[str, str]:
    """What a client finds in its environment when its S3 is the server at this address."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
    }


@contextmanager
def closed_address() -> Iterator[str]:
    """An address that refuses connections: its port is taken, so that nobody else gets it, and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


class S3Server:
    """One process with one empty bucket."""

    def __init__(self) -> None:
        self._log = Path(tempfile.mkdtemp(prefix="ig-s3-")) / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._watchman: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a client to this server."""
        return client_environment(self.url)

    def unfinished_uploads(self) -> str:
        """What the server lists of multipart uploads neither completed nor aborted: their XML elements."""
        listing = httpx.get(f"{self.url}/{BUCKET}?uploads").raise_for_status().text
        return "".join(re.findall(r"<Upload>.*?</Upload>", listing, re.DOTALL))

    def __enter__(self) -> Self:
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._watchman = watchman('kill -9 "$1"', self._process.pid)
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(r"Running on (http://127\.0\.0\.1:[0-9]+)", self._said())):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise AssertionError(f"the S3 server did not start:\n{self._said()}")
            time.sleep(POLL_SECONDS)
        self.url = found[1]
        httpx.put(f"{self.url}/{BUCKET}").raise_for_status()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        shutil.rmtree(self._log.parent)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    def _end(self) -> None:
        for process in (self._watchman, self._process):  # the watchman first, so that it kills nobody by a reused pid
            if process is not None:
                process.kill()
                process.communicate()
