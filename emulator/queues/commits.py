"""Futures that end with a commit of the journal."""

from __future__ import annotations

import asyncio

from emulator.model.errors import StorageError


def begin_commit() -> asyncio.Future[None]:
    """Return what ends with a commit."""
    committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    # Nobody may be left to look at the failure of one whose caller went away.
    committed.add_done_callback(lambda f: f.cancelled() or f.exception())
    return committed


def end_commit(committed: asyncio.Future[None], error: StorageError | None) -> None:
    """End the future of a commit as the commit ended."""
    if committed.done():
        return
    if error is None:
        committed.set_result(None)
    else:
        committed.set_exception(error)
