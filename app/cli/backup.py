"""``imagegate backup | restore``: everything that must outlive a machine, in one file, while the gateway serves."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from app.assets.links import KEY_FILE
from app.cli.backup_file import (
    SNAPSHOT,
    BackupFileError,
    Manifest,
    file_sum,
    may_hold,
    read_manifest,
    unpack,
    write_backup,
)
from app.cli.local import borrowed_redis
from app.cli.options import json_option
from app.cli.tables import counted, echo_json, moment_text
from app.datastore.address import parse_address
from app.datastore.snapshot import SnapshotError, receive_snapshot
from app.embedded.errors import EmbeddedError
from app.embedded.lock import DataFolderLock
from app.embedded.restoring import load_snapshot
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.wiring.version import VERSION

_CONNECT_SECONDS = 10.0
_JOURNAL, _ARCHIVE, _IMAGES = "journal", "archive", "images"
_STAGING = "restoring"
_UNWRITTEN = "#"
"""In the name of a picture that is just being written."""
_folder_option = click.option("--data-dir", type=click.Path(path_type=Path), help="[default: IMAGEGATE_DATA_DIR]")


@click.command()
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="The file, or a folder for it.")
@click.option("--images", "with_images", is_flag=True, help="With the hosted pictures in the data folder.")
@_folder_option
@json_option
def backup(target: Path, data_dir: Path | None, *, with_images: bool, as_json: bool) -> None:
    """Write everything that must not be lost into one file.

    Teams, keys and the ledger as they are at one instant, its archive in the data folder, the journal and the signing
    key. A gateway may go on serving meanwhile. The file opens links to pictures, so keep it like a password.
    """
    settings = load_settings(data_dir=data_dir)
    now = datetime.now(UTC)
    path = target / f"imagegate-{now:%Y%m%dT%H%M%SZ}.tar" if target.is_dir() else target
    if path.suffix != ".tar":
        raise click.UsageError(f"{path} is no folder that is there, and no name that ends in .tar.")
    if path.exists():
        raise click.UsageError(f"{path} exists, and no backup is overwritten.")
    try:
        asyncio.run(_back_up(settings, path, with_images=with_images, now=now))
    except (SnapshotError, EmbeddedError) as error:
        raise click.ClickException(f"No backup was made. {error}") from None
    except OSError as error:
        raise click.ClickException(f"No backup was made: {error}.") from None
    size = path.stat().st_size
    if as_json:
        echo_json({"file": str(path), "bytes": size, "taken_at": now.isoformat()})
    else:
        click.echo(f"{path}, {size / 1e3:,.0f} KB")


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_folder_option
@json_option
def restore(source: Path, data_dir: Path | None, *, as_json: bool) -> None:
    """Fill an empty data folder from a backup.

    For the embedded server. How books get back into a Redis of your own is in docs/operations/backups.md.
    """
    settings = load_settings(data_dir=data_dir)
    if settings.redis_url is not None:
        raise click.ClickException(
            "IMAGEGATE_REDIS_URL is set, and what is in your own Redis is not touched here: see "
            "docs/operations/backups.md."
        )
    try:
        manifest = read_manifest(source)
        asyncio.run(_restore(source, manifest, settings.data_dir))
    except (BackupFileError, EmbeddedError) as error:
        raise click.ClickException(f"Nothing was restored. {error}") from None
    except OSError as error:
        raise click.ClickException(f"Nothing was restored: {error}.") from None
    if as_json:
        echo_json({"data_dir": str(settings.data_dir), "taken_at": manifest.taken_at, "files": len(manifest.files)})
        return
    click.echo(f"{settings.data_dir} is as it was at {moment_text(manifest.taken_at)}.")
    click.echo(f"{counted(len(manifest.files), 'file')}, by imagegate {manifest.imagegate} on {manifest.server}.")
    click.echo("Now: imagegate ledger verify")


async def _back_up(settings: Settings, path: Path, *, with_images: bool, now: datetime) -> None:
    # Beside the target, because a snapshot may be larger than what /tmp holds.
    with tempfile.TemporaryDirectory(prefix=".imagegate-backup-", dir=path.parent) as own:
        staging = Path(own)
        # The journal first. What is replayed into Redis before the snapshot is in both, and counts once; what is
        # written later and is in neither still has its hold in the snapshot, which is charged at its quote.
        files = dict(_copied(settings.data_dir / _JOURNAL, _JOURNAL, staging))
        async with borrowed_redis(settings, "backup") as url:
            with (staging / SNAPSHOT).open("wb") as file:
                server = await receive_snapshot(
                    url, file, connect_seconds=_CONNECT_SECONDS, ca_bundle=settings.ca_bundle
                )
            database = parse_address(url).database
        files[SNAPSHOT] = staging / SNAPSHOT
        # The archive afterwards. What leaves Redis in between is in both, and each entry is read once.
        files |= _copied(settings.data_dir / _ARCHIVE, _ARCHIVE, staging)
        if (key := settings.data_dir / KEY_FILE).exists():
            files[KEY_FILE] = key
        if with_images:
            files |= _copied(settings.data_dir / _IMAGES, _IMAGES, staging)
        sums = {name: await asyncio.to_thread(file_sum, file) for name, file in files.items()}
        manifest = Manifest(now.isoformat(), VERSION, server, database, sums)
        await asyncio.to_thread(write_backup, path, manifest, files)


def _copied(folder: Path, name: str, staging: Path) -> Iterator[tuple[str, Path]]:
    """Copies of a folder's files: a journal is emptied when it was replayed, and pictures end while we read."""
    for path in sorted(folder.rglob("*")):
        held = f"{name}/{path.relative_to(folder).as_posix()}"
        if _UNWRITTEN in path.name or not may_hold(held) or not path.is_file():
            continue
        copy = staging / held
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, copy)
        except FileNotFoundError:
            continue
        yield held, copy


def _expect_empty(data_dir: Path) -> None:
    if found := sorted(path.name for path in data_dir.iterdir() if path.name not in ("lock", "lost+found")):
        raise EmbeddedError(f"{data_dir} is not empty ({', '.join(found[:5])}): move what is there out of the way.")


async def _load(staging: Path, manifest: Manifest) -> None:
    try:
        await load_snapshot(staging, staging / SNAPSHOT)
    except EmbeddedError as error:
        raise EmbeddedError(
            f"{error}\nThe backup is of {manifest.server}; a server of that version can load it."
        ) from None


async def _restore(source: Path, manifest: Manifest, data_dir: Path) -> None:
    if manifest.database != 0:
        raise EmbeddedError(
            f"The backup is of database {manifest.database} of a Redis of your own, and the embedded server has its "
            "books in database 0."
        )
    async with DataFolderLock(data_dir, "restore"):
        _expect_empty(data_dir)
        staging = data_dir / _STAGING
        try:
            staging.mkdir(mode=0o700)
            await asyncio.to_thread(unpack, source, staging)
            await _load(staging, manifest)
            (staging / SNAPSHOT).unlink()
            # Redis last: a folder without books is one that was not restored.
            for path in sorted(staging.iterdir(), key=lambda path: path.name == "redis"):
                path.rename(data_dir / path.name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
