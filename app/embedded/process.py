"""The server as a process of the operating system: started apart from us, known by the lock it holds."""

import fcntl
import os
import subprocess

from app.embedded.errors import EmbeddedError
from app.embedded.find import ServerBinary
from app.embedded.folder import ServerFolder

INHERITED = ("PATH", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All the server gets of our environment, which holds the upstream key."""


def spawn(binary: ServerBinary, folder: ServerFolder) -> subprocess.Popen[bytes]:
    """Start the server on its folder's configuration, or raise BlockingIOError while another still holds the claim.

    The child inherits the claim's lock, so the kernel itself says whether any server lives on these files: no pid is
    guessed at, across containers too. It gets a session of its own: Ctrl-C reaches us and not it, and it outlives us.
    """
    claim = os.open(folder.claim, os.O_RDWR | os.O_CREAT, 0o600)
    log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return subprocess.Popen(  # noqa: S603 - the program is the operator's own server, no shell
            [binary.path, folder.config],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(claim,),
            cwd=folder.path,
            env={name: os.environ[name] for name in INHERITED if name in os.environ},
            start_new_session=True,
            umask=0o077,
        )
    finally:
        os.close(log)
        os.close(claim)


def is_claimed(folder: ServerFolder) -> bool:
    """Whether some server process lives on this folder's files; only the owner of the data folder may ask.

    The question takes the lock for an instant, which would disturb another process's spawn. A server's own background
    rewriter holds the claim too and may outlive a killed server by a moment.
    """
    try:
        claim = os.open(folder.claim, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(claim)


def send_signal(pid: int, number: int) -> None:
    """Signal a server of ours; one that has just gone is no error, one of another user is."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise EmbeddedError(
            f"The embedded server (pid {pid}) belongs to another user and cannot be stopped."
        ) from error
