"""What admissions and settlements take of Redis: its CPU, by the kernel's count, whoever else is at work."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.accounts.models import Principal
from app.catalog.pricing import TokenUsage
from app.datastore.datastore import Datastore
from app.ledger.books import Books
from app.ledger.models import Admission, Ending, Hold, Identity
from app.web.middleware import new_request_id
from tests.ledger.scene import delivered, quote
from tests.load.books_memory import ABOUT, NOTE

COST: Final = 41_200_000
"""Nano-dollars of a picture of gpt-image-2 in medium quality."""
_USAGE: Final = TokenUsage(text_input=32, image_input=0, text_output=0, image_output=1372)


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one request, in Redis."""

    admission_seconds: float
    settlement_seconds: float


def used_seconds(pid: int) -> float:
    """What the first thread of a process, in which Redis does everything, has used of a core; to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="utf-8").split()[0]) / 1e9


async def admit(books: Books, who: Principal) -> Admission:
    """Ask the books for a picture that nobody has asked for before."""
    request_id = new_request_id()
    identity = Identity(operation="generations", fingerprint=request_id)
    return await books.admit(who, request_id, "gpt-image-2", quote(2 * COST, 1, 4000), dict(NOTE), identity=identity)


async def hold(books: Books, who: Principal) -> Hold:
    """Ask them, and be admitted."""
    admission = await admit(books, who)
    assert admission.hold is not None, admission
    return admission.hold


async def settle(books: Books, held: Hold) -> None:
    """Have the picture delivered."""
    settled = await books.settle(held, delivered(COST, usage=_USAGE), Ending(attended=True, about=ABOUT))
    assert settled.came == "settled", settled


async def admit_and_settle(open_at: Datastore, pid: int, callers: Sequence[Principal], number: int) -> Costs:
    """What each takes of the server with that pid, over so many by these callers in turn."""
    books = Books(open_at)
    await settle(books, await hold(books, callers[0]))  # from now on the server knows the scripts
    began = used_seconds(pid)
    holds = await asyncio.gather(*[hold(books, callers[at % len(callers)]) for at in range(number)])
    admitted = used_seconds(pid)
    await asyncio.gather(*[settle(books, held) for held in holds])
    return Costs((admitted - began) / number, (used_seconds(pid) - admitted) / number)
