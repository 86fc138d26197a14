"""What objects hold: small ones in their row, others each in a file of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from emulator.model.errors import StorageError, StorageFull
from emulator.services.s3.checksums import Digest
from emulator.store.folders import PRIVATE_FOLDER, sync_folder

#: Bytes up to which an object stands in its row: one commit keeps it.
INLINE = 16 * 1024
#: Bytes that are hashed and written at once, and read at once.
_PIECE = 1 << 20
_FULL = {28, 122}  # ENOSPC, EDQUOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Something that was received."""

    size: int
    #: The bytes of a small one; None for one in a file.
    inline: bytes | None
    #: The name of the file; "" for a small one.
    file: str


class ObjectFiles:
    """A folder of files with names of their own.

    Args:
        folder: Made when the first file is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self._folder / name[:2] / name

    async def receive(
        self, body: AsyncIterable[bytes] | bytes, digest: Digest, *, inline: int = INLINE
    ) -> Content:
        """Keep a body; it is on the disk when this returns (a small one: in what is returned).

        Args:
            body: The whole of it, or its pieces.
            digest: Fed with the body.
            inline: Bytes up to which it is returned instead of written.

        Raises:
            StorageFull, StorageError: It was not kept, and nothing is left of it.
        """
        pieces = _as_iterator(body)
        held = bytearray()
        async for piece in pieces:
            held += piece
            if len(held) > inline:
                return await self._receive_file(bytes(held), pieces, digest)
        if inline < 0:
            return await self._receive_file(b"", pieces, digest)
        digest.update(bytes(held))
        return Content(size=len(held), inline=bytes(held), file="")

    async def _receive_file(
        self, first: bytes, rest: AsyncIterator[bytes], digest: Digest
    ) -> Content:
        name = secrets.token_hex(16)
        path = self.path(name)
        file: BinaryIO | None = None
        try:
            file = await asyncio.to_thread(_create, self._folder, path)
            held = bytearray(first)
            async for piece in rest:
                if len(held) >= _PIECE:
                    await asyncio.to_thread(_append, file, bytes(held), digest)
                    held.clear()
                held += piece
            await asyncio.to_thread(_finish, file, bytes(held), digest, path)
        except BaseException as error:
            if file is not None:
                file.close()
                path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _as_storage_error(error) from error
            raise
        return Content(size=digest.size, inline=None, file=name)

    async def join(self, names: Iterable[str]) -> str:
        """Return the name of a new file with the content of others, in their order.

        Raises:
            StorageFull, StorageError: It was not kept, and nothing is left of it.
        """
        name = secrets.token_hex(16)
        try:
            await asyncio.to_thread(self._join, name, list(names))
        except OSError as error:
            self.path(name).unlink(missing_ok=True)
            raise _as_storage_error(error) from error
        return name

    def _join(self, name: str, names: list[str]) -> None:
        path = self.path(name)
        with _create(self._folder, path) as target:
            for each in names:
                with self.path(each).open("rb") as source:
                    left = os.fstat(source.fileno()).st_size
                    while left:
                        # Where the file system can share blocks, nothing is copied.
                        moved = os.copy_file_range(source.fileno(), target.fileno(), left)
                        if moved == 0:
                            raise OSError("a part is shorter than it was")
                        left -= moved
            os.fsync(target.fileno())
        sync_folder(path.parent)

    def read(self, content: Content, start: int, length: int) -> FileBody:
        """Return ``length`` bytes from ``start`` on."""
        is_whole = bool(content.file) and start == 0 and length == content.size
        path = self.path(content.file) if is_whole else None
        return FileBody(self._read(content, start, length), path)

    async def _read(self, content: Content, start: int, length: int) -> AsyncGenerator[bytes, None]:
        if content.inline is not None:
            yield content.inline[start : start + length]
            return
        file = await asyncio.to_thread(self.path(content.file).open, "rb")
        try:
            file.seek(start)
            while length > 0:
                piece = await asyncio.to_thread(file.read, min(_PIECE, length))
                if not piece:
                    return
                length -= len(piece)
                yield piece
        finally:
            file.close()

    async def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are gone are removed."""
        wanted = [name for name in names if name]
        if wanted:
            await asyncio.to_thread(self._remove, wanted)

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self.path(name).unlink(missing_ok=True)

    async def collect(self, kept: frozenset[str]) -> None:
        """Remove what no row names: what a crash has left."""
        await asyncio.to_thread(self._collect, kept)

    def _collect(self, kept: frozenset[str]) -> None:
        for path in self._folder.glob("??/*"):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _create(folder: Path, path: Path) -> BinaryIO:
    for each in (folder, path.parent):
        if not each.is_dir():
            each.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            sync_folder(each.parent)
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _append(file: BinaryIO, data: bytes, digest: Digest) -> None:
    digest.update(data)
    file.write(data)


def _finish(file: BinaryIO, data: bytes, digest: Digest, path: Path) -> None:
    _append(file, data, digest)
    file.flush()
    os.fsync(file.fileno())
    file.close()
    sync_folder(path.parent)


def _as_storage_error(error: OSError) -> StorageError:
    kind = StorageFull if error.errno in _FULL else StorageError
    return kind(error.strerror or type(error).__name__)


class FileBody:
    """The bytes of an object as they come.

    Attributes:
        path: The file that holds them and nothing else, which stays as it is: who wants the whole
            may link it. None where there is none.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], path: Path | None) -> None:
        self._pieces, self.path = pieces, path

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        """Let go of the file."""
        await self._pieces.aclose()


async def _as_iterator(body: AsyncIterable[bytes] | bytes) -> AsyncIterator[bytes]:
    if isinstance(body, (bytes, bytearray)):
        if body:
            yield bytes(body)
        return
    async for piece in body:
        yield piece
