"""What is shipped for systemd: it names settings that exist, waits as long as a stop may last, and allows little."""

import re
import subprocess
from pathlib import Path

import pytest

from app.embedded.launch import STOP_SECONDS
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import variable_name
from app.settings.sources import is_secret
from tests.deploy.systemd_units import EXAMPLE, REPLICAS, UNIT, credentials, directives, environment, example
from tests.support.programs import program

LAST_WORDS_SECONDS = 15
"""What a stopping process takes after the drain to settle what it cut off (`app.cli.serve`)."""
DESCRIPTORS_EACH = 22
"""Sockets and files of a request in flight (`app.cli.serve`)."""
FIELDS = Settings.model_fields


def test_every_variable_is_a_setting() -> None:
    """The unit, its drop-in and the example set what exists, and only secrets come as files."""
    plain = {variable_name(field) for field in FIELDS}
    secret = {f"{variable_name(name)}_FILE" for name, field in FIELDS.items() if is_secret(field)}

    assert environment(directives(UNIT, REPLICAS)).keys() - {"TMPDIR"} <= plain | secret
    assert example().keys() <= plain - {name.removesuffix("_FILE") for name in secret}


def test_every_secret_is_handed_over() -> None:
    """Each file a setting is read from is a credential, which comes from a file of root's of the same name."""
    values = directives(UNIT, REPLICAS)
    read = {path.removeprefix("%d/") for name, path in environment(values).items() if name.endswith("_FILE")}

    assert credentials(values) == {name: f"/etc/imagegate/secrets/{name}" for name in read}
    assert {"cometapi_key", "redis_url", "signing_key"} <= read


def test_the_example_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values, those that are commented out included, make settings."""
    for name, value in example().items():
        monkeypatch.setenv(name, value)
    settings = load_settings(cometapi_key="sk-of-the-tests")

    assert settings.replicas == 2
    assert "/var/lib/imagegate/shared" in str(settings.image_store)
    assert EXAMPLE.read_text().count("\n#IMAGEGATE_") == 4


def test_a_stop_is_waited_for() -> None:
    """Longer than the drain and all that follows it; the embedded Redis is not told to stop before its owner is."""
    values = directives(UNIT)
    longest = FIELDS["drain_seconds"].default + LAST_WORDS_SECONDS + 2 * STOP_SECONDS

    assert int(values["TimeoutStopSec"][0]) >= longest
    assert (values["KillMode"], values["OOMPolicy"]) == (["mixed"], ["continue"])


def test_there_are_descriptors_for_all() -> None:
    """As many as the requests that are let in can need."""
    assert int(directives(UNIT)["LimitNOFILE"][0]) >= DESCRIPTORS_EACH * FIELDS["max_in_flight"].default + 100


def test_no_core_is_written() -> None:
    """Not even before the process itself forbids it."""
    assert directives(UNIT)["LimitCORE"] == ["0"]


def test_instances_do_not_meet() -> None:
    """Each has a port, a data folder and a folder for its socket of its own, in folders that systemd makes for it."""
    values = directives(UNIT)
    own = environment(values)

    assert [int(own["IMAGEGATE_PORT"].replace("%i", instance)) for instance in "129"] == [8081, 8082, 8089]
    assert own["IMAGEGATE_DATA_DIR"] == "%S/imagegate/%i"
    assert "imagegate/%i" in values["StateDirectory"][0].split()
    assert own["TMPDIR"] == f"%t/{values['RuntimeDirectory'][0]}" == "%t/imagegate/%i"


@pytest.mark.slow
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to remark, and `security` counts it among the well protected."""
    analyze = program("systemd-analyze", "systemd")
    unit = tmp_path / UNIT.name
    # The program is not installed at its place here, which is all that verify would say.
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE))
    answers = [
        subprocess.run([analyze, *words, str(unit)], capture_output=True, text=True, check=False, timeout=60)
        for words in (("verify", "--man=no"), ("security", "--offline=true", "--threshold=20", "--no-pager"))
    ]

    assert [answer.returncode for answer in answers] == [0, 0], [answer.stderr for answer in answers]
    assert answers[0].stderr == ""
