"""The pretend CometAPI's log of what it drew for whom, so that the ledger can be held against it order by order."""

from contextvars import ContextVar

from msgspec import field
from typing_extensions import override

from app.simulator.answer import ReceivedRequest
from app.simulator.logbook import Logbook
from tests.soak.errands import number_in
from tests.soak.facts import Drawn

_ORDER: ContextVar[int | None] = ContextVar("the order that this exchange of the simulator is for", default=None)


class Witness(Logbook):
    """A logbook that also counts by order. An exchange is begun and billed in one task, which remembers whose it is."""

    drawn: dict[int, Drawn] = field(default_factory=dict)

    @override
    def begin(self, request: ReceivedRequest) -> None:
        _ORDER.set(number_in(request.body))
        super().begin(request)

    @override
    def bill(
        self,
        pictures: int,
        input_tokens: int,
        output_tokens: int,
        *,
        svg_tokens: int = 0,
        references: int = 0,
        dollars: float = 0.0,
    ) -> None:
        super().bill(
            pictures, input_tokens, output_tokens, svg_tokens=svg_tokens, references=references, dollars=dollars
        )
        order = _ORDER.get()
        if order is not None and pictures:
            drawn = self.drawn.setdefault(order, Drawn())
            drawn.exchanges += 1
            drawn.pictures += pictures
            drawn.nanos += round(dollars * 1e9)
