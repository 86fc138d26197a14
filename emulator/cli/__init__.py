"""The command line: ``up`` is the emulator, everything else a client of its HTTP API."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of this process's arguments; the console script."""
    from emulator.cli.commands import run

    sys.exit(run(sys.argv[1:]))
