"""The command line: ``up`` runs the emulator, all other commands are clients of its HTTP API."""

from __future__ import annotations

import gc
import sys

#: The number of new objects after which the garbage collector runs. With Python's own 700 it runs
#: some hundred times while a start imports modules, and finds nothing.
_COLLECT_AFTER = 20_000


def main() -> None:
    """Run the command that this process's arguments name; the console script calls it."""
    gc.set_threshold(_COLLECT_AFTER)

    from emulator.cli.application import run

    sys.exit(run(sys.argv[1:]))
