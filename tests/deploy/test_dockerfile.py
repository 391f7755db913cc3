"""The Dockerfile keeps the rules of its linter, and sends a builder nothing but what it copies."""

import re
import subprocess

from tests.house.tree import ROOT
from tests.support.programs import tool

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_linter_finds_nothing() -> None:
    """Neither in the instructions nor in their shell commands, down to matters of style; and nothing is ignored."""
    words = [tool("hadolint"), "--no-fail", "--disable-ignore-pragma", "Dockerfile"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_both_stages_are_on_one_base() -> None:
    """The environment is copied to where it was made, so the interpreter it points at has to be there, too."""
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BASE_IMAGE}", "${BASE_IMAGE}"]
    assert "latest" not in DOCKERFILE
    (folder,) = set(re.findall(r"^COPY --from=build (\S+) \1$", DOCKERFILE, re.MULTILINE))
    assert f"python3 -m venv --without-pip {folder}" in DOCKERFILE


def test_a_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    """No secret, journal or environment that lies in this folder, now or one day, can come into a layer or a cache."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = {
        word for words in re.findall(r"^COPY ((?!--).+) \S+$", DOCKERFILE, re.MULTILINE) for word in words.split()
    }

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied


def test_no_host_is_named() -> None:
    """Where packages come from, the builder says."""
    assert "://" not in DOCKERFILE
