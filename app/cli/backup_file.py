"""The file of a backup: a tar whose first member says what is in it, with the SHA-256 of everything."""

import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from msgspec import Struct
from msgspec.structs import asdict

FORMAT = 1
SNAPSHOT = "redis.rdb"
_MANIFEST = "manifest.json"
_MANIFEST_LIMIT_BYTES = 256 << 20
"""A million pictures make a manifest of some 120 MB; a file that claims more is not ours."""
_NAME = re.compile(r"redis\.rdb|signing\.key|(journal|archive|images)(/[\w#%+=@,.~-]+)+")
_PIECE_BYTES = 1 << 20


class BackupFileError(Exception):
    """The file is no backup, or not a whole one; the message says what is wrong with it."""


class Manifest(Struct, frozen=True):
    """What a backup says about itself; ``files`` are SHA-256 sums by name."""

    taken_at: str
    imagegate: str
    server: str
    database: int
    files: Mapping[str, str]
    format: int = FORMAT


def write_backup(target: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write a backup that only its owner can read; a file of that name appears when all of it is on the disk.

    Raises:
        FileExistsError: there is one of that name.

    """
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # 0600 by its contract
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                _add(tar, _MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
                for held, path in files.items():
                    tar.add(path, held, recursive=False, filter=_private)
            file.flush()
            os.fsync(file.fileno())
        _give_name(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _give_name(draft: Path, target: Path) -> None:
    """Unlike a rename a link never takes another backup's place; not every file system has links."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:
        draft.rename(target)


def read_manifest(source: Path) -> Manifest:
    """Read a backup from end to end and see that every byte is as it was written.

    Raises:
        BackupFileError: it is damaged, cut off, or none of ours.

    """
    with _opened(source) as tar:
        manifest = _manifest(tar)
        found = {name: _sum(_content(tar, member)) for name, member in _members(tar)}
    for name, wanted in manifest.files.items():
        if name not in found:
            raise BackupFileError(f"{source} is cut off: {name} is missing.")
        if found[name] != wanted:
            raise BackupFileError(f"{source} is damaged: {name} is not what was written.")
    if strangers := found.keys() - manifest.files.keys():
        raise BackupFileError(f"{source} holds what its manifest does not know: {min(strangers)}.")
    return manifest


def unpack(source: Path, folder: Path) -> None:
    """Write the files of a backup that `read_manifest` found whole into a folder; only our user can read them."""
    with _opened(source) as tar:
        _manifest(tar)
        for name, member in _members(tar):
            target = folder / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for piece in _pieces(_content(tar, member)):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())


def file_sum(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return _sum(file)


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise BackupFileError(f"{source} is no backup, or it is cut off ({error}).") from None


def _manifest(tar: tarfile.TarFile) -> Manifest:
    member = tar.next()
    if member is None or member.name != _MANIFEST or member.size > _MANIFEST_LIMIT_BYTES:
        raise BackupFileError(f"{tar.name!s} is no backup of imagegate.")
    try:
        told = json.loads(_content(tar, member).read())
        manifest = Manifest(**told)
        names = list(manifest.files)
    except (ValueError, TypeError, AttributeError):
        raise BackupFileError(f"{tar.name!s} is no backup of imagegate, or it is damaged.") from None
    if manifest.format != FORMAT:
        raise BackupFileError(f"{tar.name!s} has format {manifest.format}; a newer imagegate reads it.")
    if SNAPSHOT not in names or not all(may_hold(name) for name in names):
        raise BackupFileError(f"{tar.name!s} does not hold what a backup holds.")
    return manifest


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Everything behind the manifest."""
    while (member := tar.next()) is not None:
        if not member.isreg() or not may_hold(member.name):
            raise BackupFileError(f"{tar.name!s} holds what no backup holds: {member.name!r}.")
        yield member.name, member


def may_hold(name: str) -> bool:
    """Whether a backup may hold a file of this name; nothing else is written, and nothing else restored."""
    return _NAME.fullmatch(name) is not None and not {".", ".."}.intersection(name.split("/"))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise BackupFileError(f"{tar.name!s} is damaged at {member.name!r}.")
    return content


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    try:
        while piece := content.read(_PIECE_BYTES):
            yield piece
    except OSError as error:
        raise BackupFileError(f"A backup is cut off, or cannot be read: {error}.") from None


def _sum(content: IO[bytes]) -> str:
    total = hashlib.sha256()
    for piece in _pieces(content):
        total.update(piece)
    return total.hexdigest()


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whoever unpacks it with tar gets files that nobody else can read, and that are theirs."""
    member.mode, member.uid, member.gid, member.uname, member.gname = 0o600, 0, 0, "", ""
    return member


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = _private(tarfile.TarInfo(name))
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
