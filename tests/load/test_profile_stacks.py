"""Samples of call stacks are counted under whoever was at work."""

from tests.load.profile_stacks import Counts, count, read_stacks

SERVE = "serve (app/cli/running.py:62);Runner.run (asyncio/runners.py:118)"
DOOR = f"{SERVE};run_asgi (uvicorn/protocols/http/httptools_impl.py:422);Door.send (app/web/door.py:110)"


def counted(*lines: str) -> Counts:
    """What is counted in such a file."""
    return count(read_stacks(lines))


def test_a_library_works_for_the_room_that_called_it() -> None:
    """Under its package, and within the innermost room of ours on the stack."""
    counts = counted(f"{DOOR};send (uvicorn/protocols/http/httptools_impl.py:551) 3\n", f"{DOOR} 1\n")
    assert counts.total == 4
    assert counts.packages == {"uvicorn": 3, "app": 1}
    assert counts.rooms == {"app.web": 4}
    assert counts.within == {"app.web": {"uvicorn": 3, "app": 1}}
    assert counts.inclusive == {"Door.send  app/web/door.py": 4}


def test_the_loop_itself_is_nobody_elses() -> None:
    """What has only the runner under it is uvloop's own; what the server does before it calls us is the server's."""
    counts = counted(f"{SERVE} 2", f"{SERVE};parse (uvicorn/protocols/http/httptools_impl.py:180) 1")
    assert counts.rooms == {"(uvloop)": 2, "(uvicorn)": 1}
    assert counts.packages == {"uvloop": 2, "uvicorn": 1}


def test_c_code_is_its_callers() -> None:
    """And is counted apart, too, under its own name; what has none is one."""
    counts = counted(f"{DOOR};dumps (json/encoder.py:1);write (libc.so.6) 5", f"{DOOR};0x7f17a3b8bb75 (libc.so.6) 2")
    assert counts.packages == {"stdlib": 5, "app": 2}
    assert counts.own == {"dumps  json/encoder.py": 5, "Door.send  app/web/door.py": 2}
    assert counts.native == {"write  libc.so.6": 5, "(no name)  libc.so.6": 2}


def test_the_collector_is_charged_to_nobody() -> None:
    """It comes upon whoever makes the next object, and cleans up after all."""
    counts = counted(f"{DOOR};gc_collect_main (libpython3.11.so.1.0);visit (libpython3.11.so.1.0) 4")
    assert counts.rooms == {"(garbage collector)": 4}
    assert counts.inclusive == {}


def test_who_waits_is_left_out() -> None:
    """The loop without anything to do, a worker without work, a thread that is not Python's."""
    worker = "run (threading.py:982);_worker (concurrent/futures/thread.py:81)"
    lock = "PyThread_acquire_lock_timed (libpython3.11.so.1.0)"
    waiting = (f"{SERVE};uv__io_poll (linux.c:1452);epoll_pwait (libc.so.6) 7", f"{worker} 3", f"{worker};{lock} 4")
    assert counted(*waiting, "clone (libc.so.6);worker (libuv.so) 9", f"{DOOR} 1").total == 1
