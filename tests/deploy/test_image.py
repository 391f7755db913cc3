"""The image: really built from the Dockerfile on a bare Debian, and really run without any right."""

import asyncio
import errno
import os
import re
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image as Picture

from tests.deploy.container import Container
from tests.deploy.image_build import Buildah, Image, debian_with_python, in_memory, size_bytes
from tests.house.tree import ROOT
from tests.support.ports import free_port
from tests.support.waiting import until

LIMIT_BYTES = 200_000_000
"""What the image may add to its base."""

USER = 10001

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the base, the images and the containers are."""
    with in_memory(tmp_path_factory.mktemp("image")) as folder:
        yield folder


@pytest.fixture(scope="module")
def debian(folder: Path) -> Path:
    """The files of the base: a Debian that has nothing but Python."""
    debian_with_python(folder / "debian")
    return folder / "debian"


@pytest.fixture(scope="module")
def image(folder: Path, debian: Path) -> Image:
    """The image, built on that."""
    buildah = Buildah(folder / "buildah")
    buildah.import_folder(debian, "localhost/debian")
    buildah.build(ROOT, "localhost/imagegate", "localhost/debian")
    return buildah.open("localhost/imagegate")


@pytest.fixture(scope="module")
def demo(image: Image, folder: Path) -> Iterator[Container]:
    """A container that runs `imagegate demo`, from its start until the last test."""
    with Container(image, folder / "demo", {"IMAGEGATE_PORT": str(free_port())}, ["demo"]) as container:
        yield container


def ready(container: Container) -> str:
    """The address of a demo, once it has told how to use it."""

    async def told() -> list[str]:
        assert not container.has_ended, container.told
        return re.findall(r"base URL +(\S+)/v1\n(?s:.*)Ctrl-C", container.told)

    (address,) = asyncio.run(until(told, 60))
    return address


def healthcheck(image: Image) -> list[str]:
    """The words of its HEALTHCHECK."""
    words: list[str] = image.config["Healthcheck"]["Test"]
    assert words[0] == "CMD"
    return words[1:]


def test_it_adds_little_to_its_base(image: Image, debian: Path) -> None:
    """Less than 200 MB, the embedded server and the bytecode included."""
    added = size_bytes(image.files) - size_bytes(debian)
    print(f"the base holds {size_bytes(debian) / 1e6:.0f} MB, the image adds {added / 1e6:.0f} MB")
    assert 0 < added < LIMIT_BYTES


def test_nothing_is_left_of_the_building(image: Image, debian: Path) -> None:
    """The program, two folders and a user are all that is added: no compiler, no pip, no cache, nothing handed in."""
    program = image.files / "opt" / "imagegate"
    added = {path.relative_to(image.files) for path in image.files.rglob("*")}
    added -= {path.relative_to(debian) for path in debian.rglob("*")}
    beside = {str(path) for path in added if not path.is_relative_to("opt/imagegate")}

    assert {path for path in beside if not path.startswith("etc/")} == {"data", "shared"}
    assert beside.isdisjoint({"etc/pip.conf"})
    assert {path.name for path in program.rglob("*")}.isdisjoint({"pip", "setuptools", "flit_core"})
    assert {path.name for path in image.files.glob("usr/*bin/*")}.isdisjoint({"gcc", "cc", "make", "pip", "pip3"})


def test_everything_is_compiled(image: Image) -> None:
    """Each module has its bytecode, which could not be written at run time; nothing is compiled at a start."""
    modules = [path for path in (image.files / "opt/imagegate/lib").rglob("*.py") if "lib2to3" not in path.parts]
    bare = [path for path in modules if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))]
    assert len(modules) > 1000
    assert bare == []


def test_what_it_tells_an_engine(image: Image) -> None:
    """User, volume, port, signal, command and labels are those of the manual, and its version is the project's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    labels = image.config["Labels"]
    told = [image.config[name] for name in ("User", "Volumes", "ExposedPorts", "StopSignal", "Entrypoint", "Cmd")]

    assert told == [f"{USER}:{USER}", {"/data": {}}, {"8080/tcp": {}}, "SIGTERM", ["imagegate"], ["serve"]]
    assert labels["org.opencontainers.image.version"] == project["version"]
    assert labels["org.opencontainers.image.licenses"] == project["license"]
    for shared in ("data", "shared"):
        assert (image.files / shared).stat().st_uid == USER


def test_what_the_demo_prints_makes_a_picture(demo: Container, tmp_path: Path) -> None:
    """The lines it prints for a shell leave a picture of the size asked for; a command inside tells what it cost."""
    ready(demo)
    (lines,) = re.findall(r"^curl .*?^grep .*?$", demo.told, re.MULTILINE | re.DOTALL)
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(["sh", "-c", lines], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    with Picture.open(tmp_path / "boat.png") as picture:
        picture.load()
        assert picture.size == (1024, 1024)
    usage = demo.execute("imagegate", "usage", "--team", "demo", "--data-dir", "/data/demo", "--json")
    assert usage.returncode == 0, usage.stderr
    assert "gpt-image-2" in usage.stdout


def test_its_processes_have_no_rights(demo: Container) -> None:
    """The gateway and the server it embeds run as user 10001, without a capability and without a way to one."""
    ready(demo)
    states = [Path(f"/proc/{number}/status").read_text() for number in demo.process_ids()]
    names = {re.findall(r"^Name:\s+(\S+)", state)[0] for state in states}

    assert names == {"imagegate", "valkey-server"}
    for state in states:
        fields = dict(re.findall(r"^(\w+):\s+(.*)$", state, re.MULTILINE))
        assert fields["Uid"].split() == fields["Gid"].split() == [str(USER)] * 4
        assert {int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")} == {0}
        assert fields["NoNewPrivs"] == "1"


def test_only_data_and_tmp_can_be_written(demo: Container) -> None:
    """The root is read-only, and the gateway needs no more: the data folder and /tmp are enough."""
    ready(demo)
    for place, writes in {"/data": True, "/tmp": True, "/": False, "/opt/imagegate": False, "/etc": False}.items():
        done = demo.execute("sh", "-c", f"touch {place}/written && rm {place}/written")
        assert (done.returncode == 0) is writes, place
        assert writes or os.strerror(errno.EROFS) in done.stderr


def test_healthcheck_tells_up_from_down(image: Image, demo: Container) -> None:
    """Its command ends with 0 while the gateway answers, whatever proxy is set; not where nobody listens or answers."""
    ready(demo)
    words = healthcheck(image)
    proxy = "http://127.0.0.1:1"

    assert demo.execute(*words, HTTP_PROXY=proxy, http_proxy=proxy).returncode == 0
    assert demo.execute(*words, IMAGEGATE_PORT=str(free_port())).returncode != 0
    demo.send(signal.SIGSTOP)
    try:
        assert demo.execute(*words).returncode != 0
    finally:
        demo.send(signal.SIGCONT)


def test_a_new_container_goes_on_with_the_volume(demo: Container) -> None:
    """Told to stop, it ends in good order; the next one on the same volume knows the key and the books."""
    address = ready(demo)
    (key,) = re.findall(r"virtual key +(\S+)", demo.told)
    assert demo.stop() == 0
    demo.start()
    ready(demo)

    assert key in demo.told
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.get(f"{address}/v1/models").status_code == 200


def test_serve_says_what_it_needs(image: Image, folder: Path) -> None:
    """Started with nothing said, it serves; without a key it says so, and ends."""
    with Container(image, folder / "serve", {}) as container:
        assert container.wait() == 2
        assert "COMETAPI_KEY is not set" in container.told
