"""Lets what the embedded library keeps outlive its process: its writes are done again.

Before each write the library's random numbers get a number, so that ids are the same when it is
done again. A long journal is replaced by snapshots of the backends that can be written down; of one
that can't, the first writes are kept and no more, which is said.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.engines import frames
from emulator.engines.embedded.library import Answer, Library, is_read

#: Requests and bytes of the journal.
MOST_REQUESTS, MOST_BYTES = 10_000, 64 * 1024 * 1024


class Journal:
    """The library with a memory.

    Args:
        folder: Where it is kept.
        library: What answers.
        most_requests, most_bytes: How long the journal may become.
    """

    def __init__(
        self,
        folder: Path,
        library: Library,
        *,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._folder, self._library = folder, library
        self._most_requests, self._most_bytes = most_requests, most_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / "journal"
        self._number = 0
        self._size = 0
        #: Writes in the journal, by backend.
        self._writes: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        #: Backends of which no more writes are kept.
        self._full: set[str] = set()
        self._file = self._open()

    def _open(self) -> Any:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(fd, "ab", buffering=0)

    def replay(self) -> None:
        """Bring back what was kept."""
        for snapshot in sorted(self._folder.glob("*.snapshot")):
            name = snapshot.stem
            self._library.load(name, snapshot.read_bytes())
            self._writes[name] += 0
        for marker in self._folder.glob("*.full"):
            self._full.add(marker.stem)
        whole = 0
        with self._path.open("rb") as file:
            while frame := frames.read(file):
                head, body = frame
                whole = file.tell()
                self._number = max(self._number, head["number"])
                self._library.seed(head["number"])
                self._library.request(head, body)
                self._count(head)
        # What was written in part was not answered.
        os.truncate(self._path, whole)
        self._size = whole

    def _count(self, head: dict[str, Any]) -> None:
        found = self._library.find(head)
        if found is not None:
            self._writes[found[0]] += 1

    def request(self, head: dict[str, Any], body: bytes) -> Answer | None:
        """Answer a request; what changes something is on the disk before it is answered."""
        found = self._library.find(head)
        if found is None:
            return None
        self._asked[found[0]] += 1
        if is_read(head, body):
            return self._library.request(head, body)
        self._number += 1
        self._library.seed(self._number)
        answer = self._library.request(head, body)
        if answer is not None and answer[0] < 400 and found[0] not in self._full:
            frame = frames.pack({**head, "number": self._number}, body)
            self._file.write(frame)
            os.fsync(self._file.fileno())
            self._size += len(frame)
            self._writes[found[0]] += 1
            if self._writes.total() > self._most_requests or self._size > self._most_bytes:
                self.shorten()
        return answer

    def shorten(self) -> None:
        """Replace what can be written down by snapshots."""
        written = set()
        for name in self._writes:
            state = self._library.dump(name)
            if state is not None:
                _write(self._folder / f"{name}.snapshot", state)
                written.add(name)
        kept = self._frames(lambda head: self._name(head) not in written)
        for name in self._writes:
            if name in written:
                self._writes[name] = 0
        if 4 * self._writes.total() > 3 * self._most_requests or (
            4 * sum(map(len, kept)) > 3 * self._most_bytes
        ):
            for name in self._writes.keys() - written:
                self._full.add(name)
                (self._folder / f"{name}.full").touch()
        self._replace(kept)

    def _name(self, head: dict[str, Any]) -> str:
        found = self._library.find(head)
        return "" if found is None else found[0]

    def _frames(self, keeps: Callable[[dict[str, Any]], bool]) -> list[bytes]:
        kept = []
        with self._path.open("rb") as file:
            while frame := frames.read(file):
                if keeps(frame[0]):
                    kept.append(frames.pack(*frame))
        return kept

    def _replace(self, kept: list[bytes]) -> None:
        """Make a journal of these frames."""
        self._file.close()
        _write(self._path, b"".join(kept))
        self._size = sum(map(len, kept))
        self._file = self._open()

    def reset(self, account: str | None) -> None:
        """Forget everything, or what one account has made."""
        kept = [] if account is None else self._frames(lambda head: head["account"] != account)
        for name in list(self._writes):
            self._library.forget(name, account)
            snapshot = self._folder / f"{name}.snapshot"
            if snapshot.exists() and (state := self._library.dump(name)) is not None:
                _write(snapshot, state)
        if account is None:
            self._file.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writes.clear()
            self._full.clear()
        self._replace(kept)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def describe(self) -> dict[str, Any]:
        """Return how each backend that was asked is kept."""
        return {
            name: {
                "requests": self._asked[name],
                "lasts": "its first writes" if name in self._full else "yes",
            }
            for name in sorted({*self._asked, *self._writes})
        }


def _write(path: Path, content: bytes) -> None:
    """Write a file as a whole."""
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
