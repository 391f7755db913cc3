"""Everything an installation brings along has a licence we accept, read from what is installed."""

from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any, cast

import pytest

from tests.house.licences import (
    NOT_ON_EVERY_MACHINE,
    WEAK_COPYLEFT,
    UnknownLicence,
    complaint,
    licence_in,
    licence_of,
)
from tests.house.lock import lock

LOCKED = {locked.name: locked for name in ("runtime", "traces") for locked in lock(name)}


def test_every_licence_is_allowed() -> None:
    """Each distribution of the runtime and of the extra `traces` is permissive, or accepted by name."""
    assert [told for name in LOCKED if (told := complaint(name, licence_of(name)))] == []


def test_lists_name_nothing_that_is_gone() -> None:
    """An accepted exception, or a licence written down by hand, is of a distribution that is still locked."""
    assert WEAK_COPYLEFT.keys() <= LOCKED.keys()
    assert set(NOT_ON_EVERY_MACHINE) == {name for name, locked in LOCKED.items() if locked.marker}


def test_licences_written_down_are_those_installed() -> None:
    """Where such a distribution is installed, its metadata say what we wrote down."""
    for name, written in NOT_ON_EVERY_MACHINE.items():
        try:
            assert licence_in(metadata(name)) == written
        except PackageNotFoundError:
            continue


def test_the_installed_versions_are_the_locked_ones() -> None:
    """So what was read is of what runs."""
    installed = {name: metadata(name)["Version"] for name, locked in LOCKED.items() if not locked.marker}
    assert installed == {name: LOCKED[name].version for name in installed}


@pytest.mark.parametrize(
    ("name", "licence", "told"),
    [
        ("a", "GPL-3.0-only", "a: GPL-3.0-only is not allowed"),
        ("a", "MIT AND (Apache-2.0 OR AGPL-3.0-only)", "a: AGPL-3.0-only is not allowed"),
        ("a", "MPL-2.0", "a: MPL-2.0 is not allowed"),
        ("orjson", "BUSL-1.1", "orjson: BUSL-1.1, which was MPL-2.0 AND (Apache-2.0 OR MIT) when it was accepted"),
        ("certifi", "MPL-2.0", None),
        ("a", "MIT OR Apache-2.0", None),
    ],
)
def test_inspector_sees_a_licence_that_is_not_allowed(name: str, licence: str, told: str | None) -> None:
    """A strong licence is refused wherever it stands in an expression, and a weak one without its reason."""
    assert complaint(name, licence) == told


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": "MIT OR Apache-2.0", "License": "GPL-3.0-only"}, "MIT OR Apache-2.0"),
        ({"License": "BSD-3-Clause", "Classifier": "License :: OSI Approved :: BSD License"}, "BSD-3-Clause"),
        ({"License": "MIT", "Classifier": "License :: OSI Approved :: Apache Software License"}, "Apache-2.0 AND MIT"),
        ({"License": "GPLv3"}, "GPLv3"),
    ],
)
def test_metadata_are_read_old_and_new(fields: dict[str, str], licence: str) -> None:
    """The newer field counts alone; of the older ones, everything they name."""
    assert licence_in(_metadata(fields)) == licence


@pytest.mark.parametrize("text", ["", "Copyright (c) 2022. Permission is hereby granted, free of charge …"])
def test_metadata_that_name_nothing_are_no_licence(text: str) -> None:
    """A distribution is not let in because nobody can tell."""
    with pytest.raises(UnknownLicence):
        licence_in(_metadata({"Name": "a", "License": text, "Classifier": "License :: OSI Approved :: BSD License"}))


def _metadata(fields: dict[str, str]) -> Any:
    """Metadata as an installation has them: an e-mail's head."""
    message = Message()
    for name, value in fields.items():
        message[name] = value
    return cast("Any", message)
