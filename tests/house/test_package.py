"""The wheel is whole: every file of app/ is in it, and the command starts from it alone."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT

READ_DATA_FILES = """
import pathlib, app, app.ledger.scripts
from app.catalog.catalog import load_catalog
assert pathlib.Path(app.__path__[0]).is_relative_to(pathlib.Path.cwd()), app.__path__
print(*(profile.name for profile in load_catalog().profiles()))
"""

BARE_PYTHON = getattr(sys, "_base_executable", sys.executable)
"""The interpreter behind this environment, which knows nothing of what is installed in it."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the flit_core of this environment, so that nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_has_every_file_of_the_house_and_nothing_else(wheel: Path) -> None:
    """Lua scripts and model profiles are packed too, which a manifest would forget; tests and tools are not."""
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "app").rglob("*") if path.is_file()}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert packed == {path for path in wanted if "__pycache__" not in path}
    assert {".py", ".lua", ".toml"} <= {Path(name).suffix for name in packed}


def test_command_starts_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, it reads its data files from there and `imagegate --version` answers."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    # Dependencies are borrowed from this environment. A folder on PYTHONPATH is not searched for .pth files, so the
    # editable install in it stays out.
    borrowed = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), sysconfig.get_path("purelib")])}

    def run(*words: str) -> str:
        command = [BARE_PYTHON, "-P", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path, env=borrowed).stdout

    assert "gpt-image-2" in run("-c", READ_DATA_FILES)
    assert run("-m", "app", "--version").startswith("imagegate, version ")
    (entry_points,) = tmp_path.glob("imagegate-*.dist-info/entry_points.txt")
    assert "imagegate=app.cli.main:main" in entry_points.read_text().replace(" ", "")


def pip(*words: str) -> None:
    """Run the pip of this environment."""
    quietly = ["--disable-pip-version-check", "--no-input", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", *quietly, *words], check=True)
