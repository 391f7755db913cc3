"""A container without a container engine: crun runs an image's files as `docker run` would, without any right."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.deploy.image_build import Image
from tests.support.programs import watchman

STOP_SECONDS = 30.0

# crun refuses to run where both versions of cgroups are mounted, as some machines have it. It needs neither here: it is
# shown version 2 alone, in a mount namespace of its own.
_CRUN = ("unshare", "--mount", "sh", "-c", 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh", "crun")


class Container:
    """What `docker run --read-only --tmpfs /tmp --cap-drop ALL --network host -v DATA:/data` would start.

    User, folder, environment and command are the image's; ``given`` adds to the environment, ``words`` replace its CMD.
    Its data outlive it: started again, it finds them.
    """

    def __init__(self, image: Image, folder: Path, given: Mapping[str, str], words: Sequence[str] = ()) -> None:
        folder.mkdir()
        self.data = folder / "data"
        self._image = image
        self._folder = folder
        self._log = folder / "log"
        self._environment = dict(line.partition("=")[::2] for line in image.config["Env"]) | dict(given)
        self._words = [*image.config["Entrypoint"], *(words or image.config["Cmd"])]
        self._crun = (*_CRUN, "--cgroup-manager=disabled", "--root", str(folder / "state"))
        self._process: subprocess.Popen[bytes] | None = None
        self._watchman: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        if not self.data.exists():
            # A new volume of Docker's begins as what the image has there, its owner and mode included.
            found = (self._image.files / "data").stat()
            self.data.mkdir(mode=found.st_mode & 0o777)
            os.chown(self.data, found.st_uid, found.st_gid)
        (self._folder / "config.json").write_text(json.dumps(self._bundle()))
        with self._log.open("wb") as log:
            words = [*self._crun, "run", "--bundle", str(self._folder), "it"]
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._watchman = watchman('"$@"', *self._crun, "delete", "--force", "it")

    def close(self) -> None:
        """End it, however it is."""
        if self._watchman is not None and self._process is not None:
            self._watchman.communicate()  # which closes our end
            self._process.wait(STOP_SECONDS)
            self._watchman = None

    def stop(self) -> int:
        """Stop it as an engine would, with the image's signal; gives its exit code."""
        self.send(signal.Signals[self._image.config["StopSignal"]])
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended by itself; gives its exit code."""
        assert self._process is not None, "it was never started"
        self._process.wait(STOP_SECONDS)
        self.close()
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its first process."""
        subprocess.run([*self._crun, "kill", "it", str(number.value)], check=True, capture_output=True)

    @property
    def has_ended(self) -> bool:
        """Whether its first process is no more."""
        return self._process is None or self._process.poll() is not None

    @property
    def told(self) -> str:
        """What it has written to its standard output and error since its last start."""
        return self._log.read_text(errors="replace")

    def execute(self, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
        """Run a program inside, with the rights and the environment of the container; ``given`` adds to the latter."""
        process = self._folder / "process.json"
        process.write_text(json.dumps(self._described(words, given)))
        command = [*self._crun, "exec", "--process", str(process), "it"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def process_ids(self) -> list[int]:
        """Its processes, as this machine counts them: those in the namespace of its first."""
        told = subprocess.run([*self._crun, "state", "it"], check=True, capture_output=True).stdout
        own = Path(f"/proc/{json.loads(told)['pid']}/ns/pid").readlink()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if (process / "ns" / "pid").readlink() == own:
                    found.append(int(process.name))
        return found

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bundle(self) -> dict[str, Any]:
        """The container in the words of the OCI runtime specification."""
        private = ["nosuid", "nodev"]
        return {
            "ociVersion": "1.0.2",
            "root": {"path": str(self._image.files), "readonly": True},
            "process": self._described(self._words, {}),
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc", "options": [*private, "noexec"]},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": [*private, "mode=1777"]},
                {"destination": "/data", "type": "bind", "source": str(self.data), "options": [*private, "bind", "rw"]},
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
        }

    def _described(self, words: Sequence[str], given: Mapping[str, str]) -> dict[str, Any]:
        uid, gid = (int(number) for number in self._image.config["User"].split(":"))
        return {
            "user": {"uid": uid, "gid": gid},
            "cwd": self._image.config["WorkingDir"],
            "args": list(words),
            "env": [f"{name}={value}" for name, value in (self._environment | dict(given)).items()],
            "capabilities": {},
            "noNewPrivileges": True,
        }
