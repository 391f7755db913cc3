"""Beyond the bound, the connection that has said nothing for longest makes room."""

from app.web.connections import Connections


class Line:
    """A connection that knows whether it was hung up on."""

    def __init__(self) -> None:
        self.is_up = True

    def hang_up(self) -> None:
        self.is_up = False


def test_who_says_nothing_makes_room() -> None:
    """The one that waits for longest is closed, not one that asks for something, nor one that asked since."""
    connections, asks, waits, asked = Connections(3), Line(), Line(), Line()
    for line in (asks, asked, waits):
        assert connections.opened(line)
    connections.spoke(asks)
    connections.spoke(asked)
    connections.fell_silent(asked)
    assert connections.opened(Line())
    assert (asks.is_up, asked.is_up, waits.is_up) == (True, True, False)
    assert connections.opened(Line())
    assert (asks.is_up, asked.is_up) == (True, False)


def test_there_is_no_room_where_all_ask() -> None:
    """Nobody with a request under way is hung up on; one that is closed makes room."""
    connections, asks = Connections(1), Line()
    assert connections.opened(asks)
    connections.spoke(asks)
    assert not connections.opened(Line())
    assert asks.is_up
    connections.closed(asks)
    connections.fell_silent(asks)  # uvicorn may say so behind its end
    assert connections.opened(Line())
    assert connections.opened(Line())
