"""The operator's route that asks whether the books of a team add up."""

from fastapi import APIRouter

from app.accounts.store import AccountStore
from app.admin.documents import Document
from app.admin.large_reads import LargeReads
from app.ledger.usage import Difference, UsageReader


class DifferenceBody(Document):
    """Two figures that should be equal."""

    what: str
    expected: int
    found: int

    @classmethod
    def of(cls, difference: Difference) -> "DifferenceBody":
        """The JSON form of a difference."""
        return cls(what=difference.what, expected=difference.expected, found=difference.found)


class Verification(Document):
    """Whether the books of a team add up."""

    team: str
    entries: int
    differences: list[DifferenceBody]


def add_verification(router: APIRouter, accounts: AccountStore, usage: UsageReader, large_reads: LargeReads) -> None:
    """Put it on the operator's router."""

    @router.get("/ledger/verify")
    async def verify_ledger(team: str) -> Verification:
        """Recompute the books of a team from its ledger entries."""
        found = await accounts.find_team(team)
        async with large_reads.turn():
            entries, differences = await usage.verify(found.id)
        return Verification(
            team=found.name, entries=entries, differences=[DifferenceBody.of(difference) for difference in differences]
        )
