"""Matches patterns with texts, as JSON on the standard input: a line for each on the output."""

from __future__ import annotations

import json
import re
import sys

#: Seconds of CPU, and bytes of memory, for all of them.
_CPU_S, _MEMORY = 1, 512 * 1024 * 1024


def main() -> None:
    """Match, within the bounds; the kernel ends what goes beyond them."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    except (ImportError, OSError, ValueError):
        pass  # who started it has a bound on time as well
    for pattern, text in json.load(sys.stdin):
        try:
            found = "1" if re.fullmatch(pattern, text) else "0"
        except (re.error, OverflowError, RecursionError, MemoryError):
            found = "n"
        print(found, flush=True)


if __name__ == "__main__":
    main()
