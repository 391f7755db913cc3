"""How this program is called here, for lines that are made to be pasted."""

import shlex
import shutil
import sys
from pathlib import Path


def own_command() -> str:
    """``imagegate`` where that is on the PATH, else what started this process: `make` puts nothing into the PATH."""
    if shutil.which("imagegate"):
        return "imagegate"
    started = Path(sys.argv[0])
    if started.name == "imagegate":
        return shlex.quote(str(started.absolute()))
    return f"{shlex.quote(sys.executable)} -m app"
