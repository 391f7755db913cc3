"""The command line as people use it: processes of their own, on a data folder of their own."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.process import clean_environment

IMAGEGATE = [sys.executable, "-m", "app"]


def environment(**given: str) -> dict[str, str]:
    """The machine's environment without any setting of ours."""
    return clean_environment() | given


def run(*words: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*IMAGEGATE, *words], capture_output=True, text=True, timeout=60, env=environment(**given), check=False
    )


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running demo and what it printed; started by somebody whose files are open to everybody."""
    words = [*IMAGEGATE, "demo", "--port", "0", "--data-dir", str(tmp_path / "demo")]
    given = environment(COMETAPI_KEY="")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=given, umask=0) as process:
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


def test_what_a_gateway_writes_is_its_users_alone(demo: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    """Books, answers and links cannot be read by others on the machine, whatever the umask it was started with."""
    _, printed = demo
    snippet = printed[printed.index("import base64, openai") : printed.index("What it cost")]
    subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, timeout=60, check=True)

    files = [path for path in (tmp_path / "demo").rglob("*") if not path.is_socket()]
    assert {path.parent.name for path in files} >= {"results", "appendonlydir", "journal"}
    assert [path for path in (tmp_path / "demo", *files) if path.stat().st_mode & 0o077] == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Something else lies where the gateway puts its files: one line says where, and what to do."""
    (tmp_path / "spool").touch()
    done = run("serve", COMETAPI_KEY="sk-none", IMAGEGATE_DATA_DIR=str(tmp_path), IMAGEGATE_PORT="0")

    assert done.returncode == 1
    assert f"Error: {tmp_path / 'spool'} cannot be used: File exists." in done.stderr
    assert "IMAGEGATE_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_simulator_on_a_port_in_use_is_told() -> None:
    """In one line, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("simulate", "--port", str(port))

    assert done.returncode == 1
    assert done.stderr == (
        f"Error: Cannot listen on 127.0.0.1:{port}: Address already in use. Give another --port or --host.\n"
    )


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
    assert row["cost"] == report["cost"] != "0.00"
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


def test_a_second_demo_says_why_it_cannot_be(demo: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    """The folder is what is in the way, and nothing is said of ports; an option names another one."""
    _, printed = demo
    taken = re.search(r"base URL +http://127.0.0.1:(\d+)/v1", printed)
    assert taken is not None
    again = run("demo", "--data-dir", str(tmp_path / "demo"), COMETAPI_KEY="")

    assert again.returncode == 1
    assert "is in use by `imagegate demo` (pid " in again.stderr
    assert again.stderr.endswith("--data-dir names one.\n")
    assert again.stdout == ""


def test_a_gateway_says_where_it_is(tmp_path: Path) -> None:
    """Its address, the console's at the operator's door, who signs in there, and its data folder."""
    given = {"COMETAPI_KEY": "sk-x", "IMAGEGATE_ADMIN_TOKEN": "a-secret-of-your-own", "IMAGEGATE_LOG_FORMAT": "text"}
    given |= {"IMAGEGATE_PORT": "0", "IMAGEGATE_ADMIN_PORT": "0", "IMAGEGATE_DATA_DIR": str(tmp_path / "data")}
    words = [*IMAGEGATE, "serve"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment(**given)) as process:
        assert process.stderr is not None
        told = "".join(iter(process.stderr.readline, f"data folder  {tmp_path / 'data'}\n"))
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()  # not communicate(), which forgets what was read ahead of the last line
        process.wait(timeout=30)

    public = re.search(r"serves (http://127.0.0.1:\d+)/v1\n", told)
    console = re.search(r"console +(http://127.0.0.1:\d+)/console/, where operators sign in", told)
    assert public is not None
    assert console is not None
    assert public[1] != console[1]
    assert f"The operator's door is at {console[1]}/admin/v1" in rest


def with_few_files(*words: str) -> list[str]:
    """A command in a process that may open no more than 5,000 files."""
    return ["bash", "-c", 'ulimit -n 5000; exec "$@"', "bash", *IMAGEGATE, *words]


def test_a_demo_needs_few_files(tmp_path: Path) -> None:
    """Nothing is said about their number, nor about anything else."""
    words = with_few_files("demo", "--port", "0", "--data-dir", str(tmp_path / "demo"))
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=environment()) as process:
        assert process.stdout is not None
        printed = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=30)[1]

    assert printed.startswith("\nimagegate demo - ")
    assert told == ""


def test_too_few_files_are_told_with_the_command(tmp_path: Path) -> None:
    """A gateway that could not carry all it may take says what its shell is to be told."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = {"COMETAPI_KEY": "sk-x", "IMAGEGATE_DATA_DIR": str(tmp_path), "IMAGEGATE_LOG_FORMAT": "text"}
        own = environment(IMAGEGATE_PORT=str(taken.getsockname()[1]), **given)
        tried = subprocess.run(
            with_few_files("serve"), capture_output=True, text=True, timeout=60, env=own, check=False
        )

    assert "few file descriptors" in tried.stderr
    assert "ulimit -n 26500" in tried.stderr
    assert "Cannot listen on" in tried.stderr


def test_serve_without_a_key_says_so(tmp_path: Path) -> None:
    """`imagegate serve` without COMETAPI_KEY: one sentence, and the status of a wrong setting."""
    tried = run("serve", IMAGEGATE_DATA_DIR=str(tmp_path))

    assert tried.returncode == 2
    assert tried.stderr.startswith("Error: COMETAPI_KEY is not set")
    assert len(tried.stderr.strip().splitlines()) == 1


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    """Its name, what was found, what is wanted; an unknown one too."""
    wrong = run("check", IMAGEGATE_PORT="eighty", IMAGEGATE_DATA_DIR=str(tmp_path))
    unknown = run("check", IMAGEGATE_PROT="80")
    short = run("check", IMAGEGATE_ADMIN_TOKEN="abcde")
    amount = run("teams", "update", "design", "--budget", "abc", IMAGEGATE_DATA_DIR=str(tmp_path))

    assert wrong.returncode == unknown.returncode == short.returncode == amount.returncode == 2
    assert "IMAGEGATE_ADMIN_TOKEN: found a secret of the wrong form; at least 16 characters, not 5" in short.stderr
    assert "Invalid value for '--budget'" in amount.stderr
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
