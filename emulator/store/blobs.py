"""Files named by the SHA-256 of what they hold: code archives and layers."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from emulator.model.errors import StorageError, StorageFull
from emulator.store.folders import PRIVATE_FOLDER, sync_folder

_FULL = {28, 122}  # ENOSPC, EDQUOT


class Blobs:
    """A folder of content-addressed files, two levels deep.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, content: bytes) -> str:
        """Keep ``content`` and return its SHA-256 in hexadecimal; it is on the disk by then.

        Raises:
            StorageFull, StorageError: It was not kept, and nothing half-written is seen.
        """
        return await asyncio.to_thread(self._put, content)

    def path(self, sha: str) -> Path:
        """Return where the blob with this SHA-256 is, whether it is there or not."""
        return self._folder / sha[:2] / sha[2:4] / sha

    async def collect(self, referenced: Iterable[str]) -> int:
        """Remove every blob that is not ``referenced``; return how many.

        To be run when nothing is being put, e.g. at start: a blob is put before the document
        that refers to it.
        """
        return await asyncio.to_thread(self._collect, frozenset(referenced))

    def _put(self, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        path = self.path(sha)
        try:
            if path.exists():
                # Perhaps by another put, which has not come to the end yet.
                self._sync_names(path)
                return sha
            for folder in (self._folder, path.parent.parent, path.parent):
                folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
            self._sync_names(path)
        except OSError as error:
            kind = StorageFull if error.errno in _FULL else StorageError
            # Callers are told: of the disk's trouble, not of its paths.
            raise kind(error.strerror or type(error).__name__) from error
        return sha

    def _sync_names(self, path: Path) -> None:
        """Bring the names to the disk as well, up to the folder that was there before."""
        for folder in (path.parent, path.parent.parent, self._folder, self._folder.parent):
            sync_folder(folder)

    def _collect(self, referenced: frozenset[str]) -> int:
        removed = 0
        # Also the temporary files of a put that a crash interrupted.
        for path in self._folder.glob("??/??/*"):
            if path.name not in referenced:
                path.unlink()
                removed += 1
        return removed
