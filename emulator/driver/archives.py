"""Packs folders for sandboxes that can't see this machine's files."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

#: A file or a folder, and its name in the archive: "" puts a folder's contents at the top.
Source = tuple[Path, str]
#: Equal as long as nothing has changed; computed without reading the files.
Signature = tuple[tuple[str, int, int, int], ...]
#: Only root may write to a container's code, whatever its modes are here.
_WRITABLE_BY_OTHERS = 0o022


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A packed folder."""

    #: The digest of names, modes and contents; it does not depend on the time of packing.
    digest: str
    #: A compressed tar archive.
    file: Path
    size: int


def signature(sources: Sequence[Source]) -> Signature:
    """Return a value that changes when something in ``sources`` changes."""
    found = []
    for name, path in entries(sources):
        status = path.lstat()
        found.append((name, status.st_mtime_ns, status.st_size, status.st_mode))
    return tuple(found)


def pack(sources: Sequence[Source], folder: Path) -> Archive:
    """Pack ``sources``, later ones laid over earlier ones, into a file of ``folder``.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256()
    new = folder / f"{os.urandom(8).hex()}.new"
    try:
        with new.open("wb") as file:
            # Level 1: the connection to the engine is seldom slower than a higher level.
            packed = gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0)
            with packed, tarfile.open(fileobj=packed, mode="w") as tar:
                for name, path in entries(sources):
                    _add(tar, name, path, digest)
        target = folder / f"{digest.hexdigest()[:32]}.tar.gz"
        new.rename(target)
    finally:
        new.unlink(missing_ok=True)
    return Archive(digest=digest.hexdigest()[:32], file=target, size=target.stat().st_size)


def entries(sources: Sequence[Source]) -> Iterator[tuple[str, Path]]:
    """Yield names and paths in an order that depends on the content only."""
    found: dict[str, Path] = {}
    for source, top in sources:
        if top:
            found[top] = source
        for parent, folders, files in os.walk(source):
            for name in (*folders, *files):
                path = Path(parent) / name
                found[os.path.join(top, path.relative_to(source))] = path
    yield from sorted(found.items())


def _add(tar: tarfile.TarFile, name: str, path: Path, digest: _Digest) -> None:
    member = tar.gettarinfo(str(path), name)
    if member is None:  # a socket
        return
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = int(member.mtime)
    member.mode &= ~_WRITABLE_BY_OTHERS
    # The function's user is not the owner, but has the owner's rights.
    member.mode |= (member.mode & 0o500) >> 3 | (member.mode & 0o500) >> 6
    facts = (name, member.type, member.mode, member.linkname, member.size)
    digest.update(repr(facts).encode("utf-8", "surrogateescape"))
    if not member.isreg():
        tar.addfile(member)
        return
    with path.open("rb") as file:
        tar.addfile(member, cast(IO[bytes], _Hashing(file, digest)))


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes], digest: _Digest) -> None:
        self._file, self._digest = file, digest

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data
