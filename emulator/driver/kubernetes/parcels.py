"""Folders as one stream of bytes, which a pod's supervisor makes files of.

A line of JSON for each entry (``name``, ``kind``: "folder", "link" or "file", ``mode``, and
``size`` or ``to``), and after a file's its bytes. No compression: a cluster's network is faster.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.driver.archives import Signature, Source, entries, signature
from emulator.model.errors import DriverFault

#: Parcels of up to this size are kept in memory, as many as fit into the next.
_SMALL = 1 << 20
_KEPT = 16 << 20
#: Only its owner may write to a function's code.
_WRITABLE_BY_OTHERS = 0o022


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A packed folder."""

    size: int
    #: All of it; None where it lies in ``file``.
    content: bytes | None = None
    file: Path | None = None


class Parcels:
    """Packs folders once, as long as they do not change.

    Args:
        folder: For what is packed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._packed: dict[tuple[Source, ...], tuple[Signature, Parcel]] = {}
        self._packing: defaultdict[tuple[Source, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._count = 0

    async def of(self, sources: Sequence[Source]) -> Parcel:
        """Return ``sources`` packed, later ones laid over earlier ones.

        Raises:
            DriverFault: They can't be read.
        """
        key = tuple(sources)
        try:
            # What is asked for by many at once is packed once.
            async with self._packing[key]:
                known = self._packed.get(key)
                self._count += 1
                file = self._folder / f"{self._count:06}.parcel"
                found = await asyncio.to_thread(_packed, key, file, known)
                if found is not known:
                    self._drop(key)
                    known = self._packed[key] = found
                    self._bound()
        except OSError as error:
            raise DriverFault(f"the code can't be packed for its pod: {error}") from error
        return known[1]

    def _bound(self) -> None:
        """Drop the oldest parcels in memory once they take too much of it."""
        total = 0
        for key, (_, parcel) in reversed(list(self._packed.items())):
            total += len(parcel.content or b"")
            if total > _KEPT and parcel.content is not None:
                del self._packed[key]

    def _drop(self, key: tuple[Source, ...]) -> None:
        known = self._packed.pop(key, None)
        if known is not None and known[1].file is not None:
            known[1].file.unlink(missing_ok=True)


def pack(sources: Sequence[Source], file: Path) -> Parcel:
    """Pack ``sources``, into ``file`` unless they are small.

    Raises:
        OSError: A file can't be read, or ``file`` not be written.
    """
    pieces = _pieces(sources)
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > _SMALL:
            break
    else:
        return Parcel(size=len(content), content=bytes(content))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        target.write(content)
        for piece in pieces:
            target.write(piece)
        return Parcel(size=target.tell(), file=file)


def _packed(
    sources: tuple[Source, ...], file: Path, known: tuple[Signature, Parcel] | None
) -> tuple[Signature, Parcel]:
    """Return ``known`` if nothing has changed since, else ``sources`` packed anew."""
    found = signature(sources)
    return known if known is not None and known[0] == found else (found, pack(sources, file))


def _pieces(sources: Sequence[Source]) -> Iterator[bytes]:
    for name, path in entries(sources):
        status = path.lstat()
        # Its user in the pod is the owner of all; what its owner may read, others may.
        mode = stat.S_IMODE(status.st_mode) & ~_WRITABLE_BY_OTHERS | 0o400
        entry: dict[str, object] = {"name": name, "mode": mode & 0o777}
        if stat.S_ISLNK(status.st_mode):
            yield _line(entry | {"kind": "link", "to": os.readlink(path)})
        elif stat.S_ISDIR(status.st_mode):
            yield _line(entry | {"kind": "folder"})
        elif stat.S_ISREG(status.st_mode):
            with path.open("rb") as opened:
                size = os.fstat(opened.fileno()).st_size
                yield _line(entry | {"kind": "file", "size": size})
                left = size
                while left:
                    piece = opened.read(min(left, 1 << 20))
                    if not piece:
                        raise OSError(f"{path} became shorter while it was read")
                    left -= len(piece)
                    yield piece


def _line(entry: dict[str, object]) -> bytes:
    # Names that are no UTF-8 come back as they were: JSON keeps the surrogates.
    return json.dumps(entry).encode() + b"\n"
