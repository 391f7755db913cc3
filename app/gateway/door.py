"""What the story asks of the door a request came through: its words in, bytes out. The web room implements it."""

from collections.abc import Sequence
from typing import Protocol

from app.catalog.order import Order

Header = tuple[bytes, bytes]


class Door(Protocol):
    """One HTTP request, as the story sees it."""

    @property
    def request_id(self) -> str:
        """The id of the request; the reservation's too."""

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header."""

    @property
    def is_left(self) -> bool:
        """Whether the client has hung up."""

    @property
    def is_open(self) -> bool:
        """Whether the head of the answer is on its way, so that its status cannot change any more."""

    async def order(self) -> Order:
        """What is asked for, read under caps and a deadline; the same order when asked again."""

    async def start(self, headers: Sequence[Header]) -> None:
        """Promise a 200."""

    async def send(self, piece: bytes) -> None:
        """Pass a piece of the answer on; at the client's pace, and without complaint when it is gone."""

    async def finish(self, piece: bytes) -> None:
        """Pass the last piece on and end the answer."""
