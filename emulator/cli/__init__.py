"""The command line: ``up`` is the emulator, everything else a client of its HTTP API."""

from __future__ import annotations

import gc
import sys

#: Objects made before the collector looks at them. Python's 700 make it look some hundred times
#: at what a start imports, for nothing, and often at what requests hold but for a moment.
_COLLECT_AFTER = 20_000


def main() -> None:
    """Run the command of this process's arguments; the console script."""
    gc.set_threshold(_COLLECT_AFTER)

    from emulator.cli.application import run

    sys.exit(run(sys.argv[1:]))
