"""An archive in memory whose store can be made to fail, and the few words with which tests speak to it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.datastore.datastore import Datastore
from app.errors import ImageStoreUnavailable
from app.ledger.archive import Carried, LedgerArchive
from app.ledger.archived import ArchivedEntries
from app.ledger.models import Entry
from app.ledger.periods import DAY_MS
from tests.ledger.scene import Scene

TOMORROW_MS = 2 * DAY_MS
"""So far ahead of now today is over, too."""


def _nothing(_: str) -> None:
    """For a store that works."""


@dataclass(slots=True)
class MemoryStore:
    """Files by name; ``before`` and ``after`` are called with what is being done, and may raise."""

    files: dict[str, bytes] = field(default_factory=dict)
    before: Callable[[str], None] = _nothing
    after: Callable[[str], None] = _nothing
    puts: list[str] = field(default_factory=list)

    async def put(self, name: str, content: bytes) -> None:
        """Keep a file."""
        self.before("put")
        self.puts.append(name)
        self.files[name] = content
        self.after("put")

    async def get(self, name: str) -> bytes | None:
        """A file."""
        self.before("get")
        return self.files.get(name)

    async def names(self, folder: str) -> list[str]:
        """Files under a folder, in no order."""
        return [name for name in reversed(self.files) if name.startswith(f"{folder}/")]


def refuse(doing: str) -> Callable[[str], None]:
    """A store that fails at ``put`` or ``get``."""

    def refused(done: str) -> None:
        if done == doing:
            raise ImageStoreUnavailable("The store of archived entries does not answer.", detail="out of reach")

    return refused


class Killed(Exception):
    """The process ends here."""


def killed(_: str) -> None:
    """A process that ends when this is called."""
    raise Killed


def archive_on(datastore: Datastore, store: MemoryStore, entries_per_file: int = 3) -> LedgerArchive:
    """One that takes entries of this very moment, a few to a file."""
    return LedgerArchive(datastore, store, entries_per_file=entries_per_file, least_age_ms=-TOMORROW_MS)


async def carry_all(archive: LedgerArchive, team_id: str, before_ms: int | None = None) -> list[Carried]:
    """Archive everything of a team that there is, or the days that end by then."""
    wanted = await archive.now_ms() + TOMORROW_MS if before_ms is None else before_ms
    return [carried async for carried in archive.carry(team_id, wanted)]


async def archived(scene: Scene, store: MemoryStore) -> list[Entry]:
    """The archived entries, as whoever audits them reads them."""
    return [entry async for entry in ArchivedEntries(scene.datastore, store).oldest_first(scene.team.id)]


async def assert_archive_agrees(scene: Scene, store: MemoryStore) -> None:
    """The files sum to the balance brought forward, and the books add up from there."""
    await scene.assert_books_agree()
    report = await ArchivedEntries(scene.datastore, store).compare(scene.team.id)
    assert report.differences == ()
