"""Runs the programs that install and build: pip, uv, npm, esbuild."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

#: Seconds that a program may take.
PATIENCE_S = 600.0
#: Runs a command whose files sandboxes can read: they run as another user.
_READABLE = ("/bin/sh", "-c", 'umask 022 && exec "$0" "$@"')


class Failure(NamedTuple):
    """How a program failed."""

    #: What it wrote to its standard error; "" if it was ended.
    told: str
    #: A sentence for those whose ``told`` says nothing.
    how: str


async def run(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    *,
    patience_s: float = PATIENCE_S,
) -> Failure | None:
    """Run a program in ``folder``; return how it failed, or None.

    It is ended, with all that it has started, when it takes too long or the caller is cancelled.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        environ: Its environment variables, all of them.
        patience_s: Seconds that it may take.
    """
    process = await asyncio.create_subprocess_exec(
        *_READABLE,
        *command,
        cwd=folder,
        env=dict(environ),  # uvloop takes nothing else
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(patience_s):
            _, told = await process.communicate()
    except TimeoutError:
        return Failure("", f"it took longer than {patience_s:.0f} s")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode == 0:
        return None
    return Failure(told.decode("utf-8", "replace"), f"it ended with {process.returncode}")
