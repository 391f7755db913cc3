"""How full a disk is, and how much of it may still be taken: the last tenth is for others, uploads leave more."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

FREE_PARTS: Final = 10
"""One part in ten stays free: the journal and the embedded Redis write to the same disk, and they come first."""

UPLOADS_LEAVE_BYTES: Final = 4 * 1024**3
"""Uploads leave a second tenth, or this where a tenth is more: answers are kept above the first, and whoever fills the
disk with what costs nothing must not end that. Not a fifth of every disk: a large one is often filled further."""


class DiskSpace(Struct, frozen=True):
    """One look at a disk."""

    total_bytes: int
    free_bytes: int
    """For us: what only root may take is not in it."""

    @property
    def spare_bytes(self) -> int:
        """How much may be taken until only a tenth is free; below zero where less is."""
        return self.free_bytes - self.total_bytes // FREE_PARTS

    @property
    def spare_for_uploads_bytes(self) -> int:
        """The same for what clients send, which is not paid for: until a fifth is free, or a tenth and 4 GiB."""
        return self.spare_bytes - min(self.total_bytes // FREE_PARTS, UPLOADS_LEAVE_BYTES)


DiskReader = Callable[[Path], DiskSpace]
"""Looks at the disk a folder lies on; raises OSError where there is no such folder."""


def read_disk(folder: Path) -> DiskSpace:
    """Ask the operating system."""
    found = shutil.disk_usage(folder)
    return DiskSpace(found.total, found.free)
