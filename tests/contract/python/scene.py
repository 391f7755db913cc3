"""What a case is played with: clients of one SDK, the pretend upstream's controls, pictures to send."""

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
"""The order of every case that is not about the order."""

REQUEST_ID = re.compile(r"req_\w{20}")

PNG, JPEG, WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"


class Lacking(Exception):
    """An SDK has no way to do what the case is about; the message says which."""


class Upstream:
    """The pretend CometAPI, through its control routes."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def plays(self, *scenarios: dict[str, Any]) -> None:
        """Queue what the coming exchanges get, one each; after that all is well again."""
        self._control("POST", "next", list(scenarios))

    def reset(self) -> None:
        """Forget everything, and let go what is withheld."""
        self._control("POST", "reset")

    @property
    def exchanges(self) -> int:
        """Requests that arrived since this case began."""
        return int(self._control("GET", "stats")["exchanges"])

    @property
    def pictures(self) -> int:
        """Pictures drawn since this case began: what would be billed."""
        return int(self._control("GET", "stats")["pictures"])

    @property
    def last_body(self) -> str:
        """The body that arrived last; bytes that are no text are lost."""
        return str(self._control("GET", "stats")["received"][-1]["body"])

    def quiet(self) -> None:
        """Let go what is withheld, and wait until no exchange is in flight."""
        while self._control("POST", "release")["in_flight"]:
            time.sleep(0.02)

    def _control(self, method: str, name: str, value: object = None) -> dict[str, Any]:
        body = json.dumps({} if value is None else value).encode()
        request = urllib.request.Request(f"{self._origin}/_simulator/{name}", body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))


class Scene:
    """Everything a case may use."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._address: str = plan["address"]
        self._keys: dict[str, str] = plan["keys"]
        self._pictures = Path(plan["pictures"])
        self.upstream = Upstream(plan["upstream"])

    def environment(self) -> dict[str, str]:
        """What a user exports when nothing of it stands in a program."""
        return {"OPENAI_API_KEY": self._keys["open"], "OPENAI_BASE_URL": f"{self._address}/v1"}

    def client(self, key: str = "open", base: str = "/v1", **given: Any) -> openai.OpenAI:
        """A client that holds one of the keys (tests/contract/sdk_run.py names them); it retries only if told to."""
        options: dict[str, Any] = {"max_retries": 0, "timeout": 60.0, **given}
        return openai.OpenAI(api_key=self._keys[key], base_url=self._address + base, **options)

    def async_client(self, key: str = "open", **given: Any) -> openai.AsyncOpenAI:
        """The same, asynchronous."""
        options: dict[str, Any] = {"max_retries": 0, "timeout": 60.0, **given}
        return openai.AsyncOpenAI(api_key=self._keys[key], base_url=f"{self._address}/v1", **options)

    def picture(self, name: str = "first.png") -> Path:
        """A picture to send: first.png, second.jpg, third.webp, mask.png, small_mask.png; text.png is none."""
        return self._pictures / name


class Caught:
    """What was raised, once the block is over."""

    error: Any = None


@contextmanager
def fails(kind: type[Exception]) -> Iterator[Caught]:
    """A block that must end in this exception."""
    caught = Caught()
    try:
        yield caught
    except kind as error:  # whatever else is raised is the runner's to tell
        caught.error = error
        return
    raise AssertionError(f"no {kind.__name__} was raised")


@contextmanager
def refused(kind: type[openai.APIStatusError], **told: Any) -> Iterator[Caught]:
    """A block that must be refused with exactly this class and these attributes, and in words of the gateway's own."""
    with fails(openai.APIStatusError) as caught:
        yield caught
    error = caught.error
    found = {name: getattr(error, name) for name in told}
    assert (type(error), found) == (kind, told), f"{type(error).__name__} {found}: {error}"
    assert REQUEST_ID.fullmatch(error.request_id or ""), error.request_id
    for word in ("request id:", "channel", "distributor", "comet", "quota is not enough"):
        assert word not in str(error.body).lower(), error.body
