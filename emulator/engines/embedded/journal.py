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
        #: Writes in the journal and their bytes, by backend.
        self._writes: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        #: Backends of which no more writes are kept.
        self._full: set[str] = set()
        self._file = self._open()

    def _open(self) -> Any:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(fd, "ab", buffering=0)

    def replay(self) -> None:
        """Bring back what was kept."""
        held: dict[str, int] = {}
        for path in sorted(self._folder.glob("*.snapshot")):
            with path.open("rb") as file:
                frame = frames.read(file)
            if frame is not None:
                self._library.load(path.stem, frame[1])
                held[path.stem] = frame[0]["number"]
                self._writes[path.stem] += 0
        self._number = max(held.values(), default=0)
        for marker in self._folder.glob("*.full"):
            self._full.add(marker.stem)
        whole = 0
        with self._path.open("rb") as file:
            while frame := frames.read(file):
                head, body = frame
                length, whole = file.tell() - whole, file.tell()
                self._number = max(self._number, head["number"])
                name = self._name(head)
                if head["number"] <= held.get(name, 0):
                    # The snapshot has it; the process ended before the journal was shortened.
                    continue
                self._library.seed(head["number"])
                self._library.request(head, body)
                self._count(name, length)
        # What was written in part was not answered.
        os.truncate(self._path, whole)

    def _count(self, name: str, length: int) -> None:
        self._writes[name] += 1
        self._bytes[name] += length

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
            self._append(frame)
            self._count(found[0], len(frame))
            if self._is_longer_than(1.0):
                self.shorten()
        return answer

    def _append(self, frame: bytes) -> None:
        # On a disk that becomes full, a part may be written without an error.
        rest = memoryview(frame)
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())

    def _is_longer_than(self, share: float) -> bool:
        """Whether what can still grow is longer than a share of what the journal may be."""
        growing = self._writes.keys() - self._full
        return (
            sum(self._writes[name] for name in growing) > share * self._most_requests
            or sum(self._bytes[name] for name in growing) > share * self._most_bytes
        )

    def shorten(self) -> None:
        """Replace what can be written down by snapshots."""
        growing = self._writes.keys() - self._full
        written = {name for name in growing if self._snapshot(name)}
        self._replace(self._frames(lambda head: self._name(head) not in written))
        if self._is_longer_than(0.75):
            for name in growing - written:
                self._full.add(name)
                (self._folder / f"{name}.full").touch()

    def _snapshot(self, name: str) -> bool:
        """Write a backend down; False: it can't be."""
        state = self._library.dump(name)
        if state is not None:
            path = self._folder / f"{name}.snapshot"
            _write(path, frames.pack({"number": self._number}, state))
        return state is not None

    def _name(self, head: dict[str, Any]) -> str:
        found = self._library.find(head)
        return "" if found is None else found[0]

    def _frames(self, keeps: Callable[[dict[str, Any]], bool]) -> list[tuple[str, bytes]]:
        """Return the journal's frames that are kept, each with its backend."""
        kept = []
        with self._path.open("rb") as file:
            while frame := frames.read(file):
                if keeps(frame[0]):
                    kept.append((self._name(frame[0]), frames.pack(*frame)))
        return kept

    def _replace(self, kept: list[tuple[str, bytes]]) -> None:
        """Make a journal of these frames."""
        self._file.close()
        _write(self._path, b"".join(frame for _, frame in kept))
        self._writes = Counter(dict.fromkeys(self._writes, 0))
        self._bytes.clear()
        for name, frame in kept:
            self._count(name, len(frame))
        self._file = self._open()

    def reset(self, account: str | None) -> None:
        """Forget everything, or what one account has made."""
        written = set()
        for name in list(self._writes):
            self._library.forget(name, account)
            if (self._folder / f"{name}.snapshot").exists() and self._snapshot(name):
                written.add(name)
        if account is not None:
            self._replace(
                self._frames(
                    lambda head: head["account"] != account and self._name(head) not in written
                )
            )
            return
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writes.clear()
        self._full.clear()
        self._replace([])

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
