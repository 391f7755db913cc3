"""The command line as people use it: processes of their own, on a data folder of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

IMAGEGATE = [sys.executable, "-m", "app"]


def environment(**given: str) -> dict[str, str]:
    """The machine's environment without any setting of ours."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("IMAGEGATE_", "COMETAPI_"))}
    return clean | given


def run(*words: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*IMAGEGATE, *words], capture_output=True, text=True, timeout=60, env=environment(**given), check=False
    )


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running demo and what it printed."""
    words = [*IMAGEGATE, "demo", "--port", "0", "--data-dir", str(tmp_path / "demo")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment(COMETAPI_KEY="")) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if line.startswith("Ctrl-C"):
                break
        try:
            yield process, printed
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)


def test_the_demos_python_snippet_makes_a_picture(demo: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    """Pasted as it is printed, the snippet saves a picture of the asked size, and the usage command shows its price."""
    process, printed = demo
    snippet = printed[printed.index("import base64, openai") : printed.index("What it cost")]
    assert len(snippet.strip().splitlines()) == 5

    made = subprocess.run(
        [sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert made.returncode == 0, made.stderr
    with Image.open(tmp_path / "boat.png") as picture:
        picture.load()
        assert picture.size == (1024, 1024)
    usage_words = re.search(r"(usage --team .*)$", printed, re.MULTILINE)
    assert usage_words is not None
    report = json.loads(run(*usage_words[1].split(), "--json").stdout)
    tokens = int(re.findall(r"(\d+) tokens", made.stdout)[0])
    row = report["rows"][0]
    assert row["text_input_tokens"] + row["image_output_tokens"] == tokens
    assert row["cost"] == report["spent"] != "0.00"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def test_the_demos_curl_line_makes_a_picture(demo: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    """So does the curl line, with nothing but a shell."""
    _, printed = demo
    line = printed[printed.index("curl -sS") : printed.index("With Python")]
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=tmp_path, timeout=60, check=True)

    with Image.open(tmp_path / "boat.png") as picture:
        picture.load()
        assert picture.size == (1024, 1024)


def test_the_demo_keeps_its_key(demo: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    """A demo that is started again prints the same key."""
    process, printed = demo
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    words = [*IMAGEGATE, "demo", "--port", "0", "--data-dir", str(tmp_path / "demo")]
    key = re.search(r"sk-ig-\S+", printed)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as again:
        assert again.stdout is not None
        found = next(line for line in again.stdout if "sk-ig-" in line)
        again.send_signal(signal.SIGTERM)
        again.communicate(timeout=30)

    assert key is not None
    assert key[0] in found


def test_serve_without_a_key_says_so(tmp_path: Path) -> None:
    """`imagegate serve` without COMETAPI_KEY: one sentence, and a status that is not 0."""
    tried = run("serve", IMAGEGATE_DATA_DIR=str(tmp_path))

    assert tried.returncode != 0
    assert tried.stderr.startswith("Error: COMETAPI_KEY is not set")
    assert len(tried.stderr.strip().splitlines()) == 1


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    """Its name, what was found, what is wanted; an unknown one too."""
    wrong = run("check", IMAGEGATE_PORT="eighty", IMAGEGATE_DATA_DIR=str(tmp_path))
    unknown = run("check", IMAGEGATE_PROT="80")

    assert wrong.returncode == unknown.returncode == 2
    assert "IMAGEGATE_PORT: found 'eighty'; Input should be a valid integer" in wrong.stderr
    assert "IMAGEGATE_PROT: there is no such setting; is IMAGEGATE_PORT meant?" in unknown.stderr


def test_the_books_from_the_command_line(tmp_path: Path) -> None:
    """Without a server running: teams and keys are made, listed, revoked, and the ledger verified."""
    here = {"IMAGEGATE_DATA_DIR": str(tmp_path / "data")}
    neither = run("teams", "create", "design", **here)
    team = run("teams", "create", "design", "--budget", "250", "--json", **here)
    twice = run("teams", "create", "design", "--no-budget", **here)
    key = json.loads(run("keys", "create", "--team", "design", "--alias", "ana", "--json", **here).stdout)
    listed = run("keys", "list", "--team", "design", **here)
    again = run("keys", "create", "--team", "design", "--alias", "ana", **here)
    elsewhere = run("teams", "list", IMAGEGATE_DATA_DIR=str(tmp_path / "mistyped"))
    run("keys", "revoke", "ana", "--team", "design", "--yes", **here)
    after = json.loads(run("keys", "list", "--team", "design", "--json", **here).stdout)
    verified = run("ledger", "verify", **here)

    assert neither.returncode == 2
    assert "--budget" in neither.stderr
    assert json.loads(team.stdout)["limits"]["budget"]["limit"] == "250.00"
    assert twice.returncode == 1
    assert "exists already" in twice.stderr
    assert again.returncode == 1
    assert "a key called 'ana'" in again.stderr
    assert elsewhere.returncode == 1
    assert "There are no books in" in elsewhere.stderr
    assert not (tmp_path / "mistyped").exists()
    assert key["key"].startswith(key["public_id"] + "-")
    assert key["key"] not in listed.stdout
    assert key["public_id"] in listed.stdout
    assert after[0]["state"] == "revoked"
    assert "design: 0 entries, 0 differences" in verified.stdout
