"""Has wrk ask a server for pictures for some seconds, and reads what it found."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.load.answers import PATH
from tests.load.servers import Server

_SCRIPT: Final = """\
wrk.method = "POST"
wrk.body = BODY
HEADERS
local keys, at = {KEYS}, 0
if #keys > 1 then
    request = function()
        at = at % #keys + 1
        wrk.headers["Authorization"] = keys[at]
        return wrk.format()
    end
end
function done(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
    io.write(string.format('\\n[%d, %d, %d, %.6f, %.6f, %.6f]\\n', summary.requests - errors.status, failed,
        summary.bytes, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a burst came to."""

    answered: int
    failed: int
    bytes: int
    seconds: float
    p50_seconds: float
    p99_seconds: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


class Asking:
    """A wrk at work: asks on some connections, each of which asks again as soon as it has its answer."""

    def __init__(
        self, server: Server, body: bytes, *, connections: int, seconds: int, core: int, keys: Sequence[str] = ()
    ) -> None:
        """Begin; ``keys`` are used in turn, where the server's own is not to be."""
        headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in server.all_headers().items())
        listed = ", ".join(f'"Bearer {key}"' for key in keys)
        text = _SCRIPT.replace("BODY", _quoted(body)).replace("HEADERS", headers).replace("KEYS", listed)
        self._script = tempfile.NamedTemporaryFile("w", suffix=".lua")  # noqa: SIM115 - wrk reads it; closed by its end
        self._script.write(text)
        self._script.flush()
        words = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
        words += ["-s", self._script.name, f"http://127.0.0.1:{server.port}{PATH}"]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def end(self) -> Load:
        """Wait for the end, and read what was found.

        Raises:
            RuntimeError: wrk did not work, or the server answered nothing.

        """
        said, _ = self._process.communicate()
        self._script.close()
        if self._process.returncode:
            raise RuntimeError(f"wrk failed:\n{said}")
        load = Load(*json.loads(said.rstrip().rpartition("\n")[2]))
        if not load.answered:
            raise RuntimeError(f"nothing was answered with a 200:\n{said}")
        return load


def _quoted(body: bytes) -> str:
    """A JSON text as a string of Lua."""
    return f"[==[{body.decode()}]==]"
