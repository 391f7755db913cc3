"""Reading what is shipped for systemd, as systemd reads it: a name may be given several times."""

import re
import shlex
from collections import defaultdict
from pathlib import Path

from tests.house.tree import ROOT

SHIPPED = ROOT / "deploy" / "systemd"
UNIT = SHIPPED / "imagegate@.service"
REPLICAS = SHIPPED / "replicas.conf"
EXAMPLE = SHIPPED / "imagegate.env.example"

Values = dict[str, list[str]]


def directives(*paths: Path) -> Values:
    """Every directive of these files with its values, in order."""
    found: Values = defaultdict(list)
    for path in paths:
        for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[name].append(value)
    return found


def environment(values: Values) -> dict[str, str]:
    """The variables that are set in the unit itself."""
    return dict(word.split("=", 1) for line in values["Environment"] for word in shlex.split(line))


def credentials(values: Values) -> dict[str, str]:
    """The secrets handed over: name → the file each comes from."""
    return dict(line.split(":", 1) for line in values["LoadCredential"])


def example() -> dict[str, str]:
    """The settings of the example, those that are commented out too."""
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))
