"""The memory and CPU time of processes, from /proc, where no control group counts them. Linux."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emulator.model.sandbox import Usage

_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")


def below(pid: int) -> list[int]:
    """Return the processes that descend from ``pid``; without those whose parent has ended."""
    found: list[int] = []
    pending = [pid]
    while pending:
        parent = pending.pop()
        with suppress(OSError, ValueError):
            for task in os.listdir(f"/proc/{parent}/task"):
                children = Path(f"/proc/{parent}/task/{task}/children").read_text().split()
                pending += map(int, children)
                found += map(int, children)
    return found


def peak_in(status: bytes) -> int:
    """Return the most bytes a process has held, from the text of its ``status``; 0 if unsaid."""
    found = _PEAK.search(status)
    return int(found[1]) * 1024 if found else 0


def peak(pids: Sequence[int]) -> int:
    """Return the sum of the most bytes each of ``pids`` has held."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            total += peak_in(Path(f"/proc/{pid}/status").read_bytes())
    return total


def usage(pids: Sequence[int], memory_peak: int) -> Usage:
    """Return what ``pids`` take now, with the given peak. Reads files: blocks."""
    memory, ticks = 0, 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            memory += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return Usage(
        memory=memory * os.sysconf("SC_PAGE_SIZE"),
        memory_peak=memory_peak,
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
        processes=len(pids),
    )
