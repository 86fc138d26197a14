"""Runs in the process of the embedded library: answers one request after the other.

What of the library is touched stands in ``library.py``; its state lasts by ``journal.py``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from emulator.engines import frames
from emulator.engines.embedded.journal import Journal
from emulator.engines.embedded.library import Library

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve the one connection of the emulator until it closes."""
    path, folder = sys.argv[1:3]
    _end_with_parent()
    os.umask(0o077)
    listener = socket.socket(socket.AF_UNIX)
    library = Library()
    journal = Journal(Path(folder), library)
    journal.replay()
    listener.bind(path)
    listener.listen(1)
    connection, _ = listener.accept()
    with connection.makefile("rb") as requests, connection.makefile("wb") as answers:
        while frame := frames.read(requests):
            answers.write(_answer(journal, *frame))
            answers.flush()


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(os.environ["LOCALFAAS_PARENT"]):
            sys.exit(1)


def _answer(journal: Journal, head: dict[str, Any], body: bytes) -> bytes:
    if head["do"] == "reset":
        journal.reset(head["account"])
        return frames.pack({})
    if head["do"] == "describe":
        return frames.pack({"services": journal.describe()})
    answer = journal.request(head, body)
    if answer is None:
        return frames.pack({"unknown": True})
    status, headers, content = answer
    return frames.pack({"status": status, "headers": headers}, content)


if __name__ == "__main__":
    main()
