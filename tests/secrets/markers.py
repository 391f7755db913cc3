"""The secrets and prompts of one run: each unlike anything else, so that any trace of it is a trace of this one."""

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.secrets.needles import Needle


def _letters(length: int = 32) -> str:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _upstream_keys() -> list[str]:
    """One as CometAPI makes them, and one of another form, which no pattern knows as a key."""
    return [f"sk-{_letters(48)}", f"comet.{_letters(40)}"]


@dataclass(slots=True)
class Markers:
    """What a gateway is started with, what its callers hold and what they write."""

    upstream_keys: list[str] = field(default_factory=_upstream_keys)
    admin_token: str = field(default_factory=lambda: f'{_letters()}/+%"\\=')
    metrics_token: str = field(default_factory=_letters)
    signing_key: str = field(default_factory=lambda: _letters(40))
    balance_key: str = field(default_factory=lambda: f"sk-{_letters(48)}")
    redis_password: str = field(default_factory=_letters)
    store_key: str = field(default_factory=_letters)
    proxy_password: str = field(default_factory=_letters)
    collector_token: str = field(default_factory=_letters)
    made: dict[str, str] = field(default_factory=dict)
    """Virtual keys and admin tokens that the gateway made, and such as look like them: name → whole text."""
    links: list[str] = field(default_factory=list)
    """Signed links to pictures, which open them for whoever has one."""
    written: dict[str, str] = field(default_factory=dict)
    """Prompts: name → text."""

    def prompt(self, name: str) -> str:
        """A new prompt, in letters that programs write in different ways."""
        return self.written.setdefault(name, f"{_letters(20)} „für {name}“")

    def wrong_key(self, name: str, right: str) -> str:
        """A key that is one letter off a real one: as good as the real one to whoever reads it."""
        last = "1" if right.endswith("0") else "0"
        return self.made.setdefault(name, right[:-1] + last)

    @property
    def needles(self) -> list[Needle]:
        """Every secret, by the part of it that is secret."""
        own = {
            **{f"upstream key {at}": key.split("-")[-1].split(".")[-1] for at, key in enumerate(self.upstream_keys, 1)},
            "admin token": self.admin_token,
            "metrics token": self.metrics_token,
            "signing key": self.signing_key,
            "balance key": self.balance_key.removeprefix("sk-"),
            "password of Redis": self.redis_password,
            "key of the store": self.store_key,
            "password of the proxy": self.proxy_password,
            "token of the collector": self.collector_token,
        }
        own |= {name: text.rpartition("-")[2] for name, text in self.made.items()}
        return [Needle(name, text) for name, text in own.items()]

    @property
    def signatures(self) -> list[Needle]:
        """What makes a link to a picture a secret."""
        return [Needle(f"signature {at}", urlsplit(link).path.split("/")[2]) for at, link in enumerate(self.links, 1)]

    @property
    def prompts(self) -> list[Needle]:
        """Every prompt."""
        return [Needle(f"prompt for {name}", text) for name, text in self.written.items()]
