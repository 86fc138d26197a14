"""Files named by the SHA-256 of what they hold: code archives and layers."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from emulator.model.errors import StorageError, StorageFull
from emulator.store.folders import PRIVATE_FOLDER, sync_file, sync_folder

_FULL = {28, 122}  # ENOSPC, EDQUOT


class Blobs:
    """A folder of content-addressed files, two levels deep.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, content: bytes) -> str:
        """Store ``content`` and return its SHA-256 in hexadecimal, once it is on the disk.

        Raises:
            StorageFull: The disk is full; nothing was stored.
            StorageError: The disk refused; nothing was stored.
        """
        return await asyncio.to_thread(self._put, content)

    async def link(self, source: Path, sha: str) -> None:
        """Store the content of a file that never changes: as a link to it, where that can be.

        Args:
            source: The file.
            sha: The SHA-256 of its content, in hexadecimal.

        Raises:
            StorageFull, StorageError: See :meth:`put`.
        """
        await asyncio.to_thread(self._link, source, sha)

    def path(self, sha: str) -> Path:
        """Return the path of the blob with this SHA-256; it may not exist."""
        return self._folder / sha[:2] / sha[2:4] / sha

    async def collect(self, referenced: Iterable[str]) -> int:
        """Remove every blob that is not ``referenced``; return how many.

        To be run when nothing is being put, e.g. at start: a blob is put before the document
        that refers to it.
        """
        return await asyncio.to_thread(self._collect, frozenset(referenced))

    def _link(self, source: Path, sha: str) -> None:
        path = self.path(sha)
        try:
            self._make_folders(path)
            os.link(source, path)
            self._sync_names(path)
        except FileExistsError:
            self._sync_names(path)
        except OSError:
            # Another file system, or one without links.
            self._put(source.read_bytes())

    def _make_folders(self, path: Path) -> None:
        for folder in (self._folder, path.parent.parent, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)

    def _put(self, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        path = self.path(sha)
        try:
            if path.exists():
                # Another put may be writing it, and may not have synced the names yet.
                self._sync_names(path)
                return sha
            self._make_folders(path)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    sync_file(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
            self._sync_names(path)
        except OSError as error:
            kind = StorageFull if error.errno in _FULL else StorageError
            # The text reaches callers of the API: it must not hold paths of this machine.
            raise kind(error.strerror or type(error).__name__) from error
        return sha

    def _sync_names(self, path: Path) -> None:
        """Sync the names too, up to the folder that existed before."""
        for folder in (path.parent, path.parent.parent, self._folder, self._folder.parent):
            sync_folder(folder)

    def _collect(self, referenced: frozenset[str]) -> int:
        removed = 0
        # This matches the temporary files of puts that a crash interrupted, too.
        for path in self._folder.glob("??/??/*"):
            if path.name not in referenced:
                path.unlink()
                removed += 1
        return removed
