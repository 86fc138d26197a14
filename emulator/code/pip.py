"""pip, run as a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from emulator.code import programs

#: What a pip says that is too new for an interpreter.
_TOO_OLD = "This version of pip does not support python"
#: What every installation begins with.
INSTALL = (
    "install",
    "--quiet",
    "--no-input",
    "--disable-pip-version-check",
    "--root-user-action=ignore",
    "--retries=1",
    "--timeout=10",
)


def _command(python: Path | None) -> list[str]:
    """Return the command that runs pip for an interpreter."""
    own = [sys.executable, "-m", "pip"]
    if find_spec("pip") is None and python is not None:
        return [str(python), "-m", "pip"]
    return own if python is None else [*own, "--python", str(python)]


async def run(python: Path | None, arguments: Sequence[str], folder: Path) -> str | None:
    """Run pip in ``folder``; return why it failed, or None.

    Args:
        python: The interpreter to install for; None: the arguments say for which.
        arguments: pip's.
        folder: Where it runs.
    """
    failure = await _run([*_command(python), *arguments], folder)
    if failure is not None and python is not None and _TOO_OLD in failure:
        # Its own pip is as old as it is.
        return await _run([str(python), "-m", "pip", *arguments], folder)
    return failure


async def _run(command: Sequence[str], folder: Path) -> str | None:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    failure = await programs.run(command, folder, environ)
    if failure is None:
        return None
    lines = failure.told.splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return "; ".join(errors[:2] or lines[-1:]) or failure.how
