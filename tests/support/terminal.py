"""An operator's terminal: the command line against a running gateway."""

import asyncio
import json
import os
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner, Result

from app.cli.main import main
from tests.support.gateway import ADMIN_TOKEN, Gateway


@dataclass(frozen=True, slots=True)
class Terminal:
    """An operator's terminal, at a gateway."""

    gateway: Gateway

    async def run(self, *words: str, **given: str) -> Result:
        """Run a command; the settings are those given and no others."""
        ours = [name for name in os.environ if name.startswith(("IMAGEGATE_", "COMETAPI_"))]
        own = {"IMAGEGATE_URL": self.gateway.address, "IMAGEGATE_TOKEN": ADMIN_TOKEN, "NO_PROXY": "*", "no_proxy": "*"}
        environment = dict.fromkeys(ours) | own | given
        return await asyncio.to_thread(CliRunner().invoke, main, words, env=environment)

    async def told(self, *words: str, **given: str) -> Any:
        """What a command that succeeds prints as JSON."""
        done = await self.run(*words, "--json", **given)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    async def refused(self, *words: str, **given: str) -> str:
        """What a command that fails says."""
        done = await self.run(*words, **given)
        assert done.exit_code != 0, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.stderr
