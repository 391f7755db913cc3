"""The operator's route that asks whether the books of a team add up, and whether its archive does."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.accounts.store import AccountStore
from app.admin.documents import Document
from app.admin.large_reads import LargeReads
from app.ledger.archived import ArchivedEntries, ArchiveReport
from app.ledger.brought_forward import BroughtForward
from app.ledger.usage import Difference, UsageReader

_WITH_ARCHIVE = "Whether to read the archive as well, and hold it against the balance brought forward."


class DifferenceBody(Document):
    """Two figures that should be equal."""

    what: str
    expected: int
    found: int

    @classmethod
    def of(cls, difference: Difference) -> "DifferenceBody":
        """The JSON form of a difference."""
        return cls(what=difference.what, expected=difference.expected, found=difference.found)


class BroughtForwardBody(Document):
    """What is archived, and counts by its sums."""

    entries: int
    until: str = Field(description="The id of the newest archived entry.")

    @classmethod
    def of(cls, forward: BroughtForward) -> "BroughtForwardBody | None":
        """The JSON form of a balance; None where there is none."""
        return cls(entries=forward.entries, until=forward.until) if forward.until else None


class ArchiveBody(Document):
    """What was read of the archive."""

    files: int
    entries: int


class Verification(Document):
    """Whether the books of a team add up."""

    team: str
    entries: int = Field(description="Read from Redis.")
    brought_forward: BroughtForwardBody | None = Field(description="null where nothing is archived.")
    archive: ArchiveBody | None = Field(description="null where it was not asked for.")
    differences: list[DifferenceBody]


def add_verification(
    router: APIRouter,
    accounts: AccountStore,
    usage: UsageReader,
    archived: ArchivedEntries,
    large_reads: LargeReads,
) -> None:
    """Put it on the operator's router."""

    @router.get("/ledger/verify")
    async def verify_ledger(
        team: str, *, archive: Annotated[bool, Query(description=_WITH_ARCHIVE)] = False
    ) -> Verification:
        """Recompute the books of a team from its balance brought forward and its ledger entries."""
        found = await accounts.find_team(team)
        async with large_reads.turn():
            done = await usage.recompute(found.id)
            report = await archived.compare(found.id) if archive else None
        differences = [*done.differences, *(report.differences if report else ())]
        return Verification(
            team=found.name,
            entries=done.entries,
            brought_forward=BroughtForwardBody.of(done.brought_forward),
            archive=_body(report),
            differences=[DifferenceBody.of(difference) for difference in differences],
        )


def _body(report: ArchiveReport | None) -> ArchiveBody | None:
    return ArchiveBody(files=report.files, entries=report.entries) if report else None
