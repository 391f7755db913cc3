"""Only so many requests begin in one turn of the event loop, in the order in which they came; nobody is held."""

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st

from app.web.entrance import AT_ONCE, Entrance


class Crowd:
    """Callers, and in which order they begin; those that have gone begin nothing."""

    def __init__(self) -> None:
        self.entrance = Entrance()
        self.began: list[int] = []
        self.gone: set[int] = set()
        self._came = 0

    def come(self, number: int) -> None:
        """So many come in the same turn."""
        for name in range(self._came, self._came + number):
            caller = Caller(self, name)
            if self.entrance.admits(caller):
                caller.enter()
        self._came += number

    @property
    def stayed(self) -> list[int]:
        """Those that did not go, in the order of their coming."""
        return [name for name in range(self._came) if name not in self.gone]


class Caller:
    """One of a crowd."""

    def __init__(self, crowd: Crowd, name: int) -> None:
        self._crowd = crowd
        self._name = name

    def enter(self) -> None:
        """Begin, if it is still there."""
        if self._name not in self._crowd.gone:
            self._crowd.began.append(self._name)


class Faulty:
    """One whose beginning is a fault of ours."""

    def enter(self) -> None:
        raise ZeroDivisionError


async def test_a_few_begin_in_each_turn() -> None:
    """A hundred come at once: all begin, in order, and in no turn more than may."""
    crowd = Crowd()
    sizes = [0]
    crowd.come(100)
    while sizes[-1] < 100:
        sizes.append(len(crowd.began))
        await asyncio.sleep(0)

    assert crowd.began == list(range(100))
    assert {after - before for before, after in itertools.pairwise(sizes)} == {AT_ONCE, 100 % AT_ONCE}


async def test_the_next_ones_find_it_open() -> None:
    """What began in an earlier turn counts no more, whether or not it is over."""
    crowd = Crowd()
    for turn in range(1, 4):
        crowd.come(AT_ONCE)
        assert len(crowd.began) == turn * AT_ONCE
        await asyncio.sleep(0)


async def test_a_fault_holds_nobody() -> None:
    """One that fails as it is called in is told of by the loop; those behind it begin."""
    crowd, told = Crowd(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    crowd.come(AT_ONCE)
    assert not crowd.entrance.admits(Faulty())
    crowd.come(3 * AT_ONCE)
    for _ in range(10):
        await asyncio.sleep(0)

    assert crowd.began == list(range(4 * AT_ONCE))
    assert [type(error) for error in told] == [ZeroDivisionError]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3), st.sets(st.integers(0, 200))), max_size=6))
async def test_whoever_stays_begins_in_order(waves: list[tuple[int, int, set[int]]]) -> None:
    """Whoever comes when, and whoever goes meanwhile: all others begin, once, in the order of coming."""
    crowd = Crowd()
    for number, turns, gone in waves:
        crowd.come(number)
        for _ in range(turns):
            await asyncio.sleep(0)
        crowd.gone |= gone - set(crowd.began)
    for _ in range(100):
        await asyncio.sleep(0)

    assert crowd.began == crowd.stayed
