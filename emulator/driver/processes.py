"""What /proc says of processes: their memory, CPU time and threads. Linux."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emulator.model.clock import Clock
from emulator.model.sandbox import Usage

#: Seconds in which all threads of what was thawed have gone on, on a busy machine as well.
_GOES_ON_S = 2.0
#: Seconds between two looks at them.
_LOOK_S = 0.005
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


async def gone_on(pids: Sequence[int], thawed_s: float, clock: Clock) -> None:
    """Wait until all threads of processes that were thawed have gone on: each sleeps again.

    A signal is taken by any thread that has not, and wakes no other. Where handlers are run by the
    main thread alone, as in Python, it would sleep over the signal. What computes, as far as can
    be seen, has not gone on: two seconds after it was thawed it is taken to have.

    Args:
        pids: The processes.
        thawed_s: When they were thawed, by ``clock``'s seconds that never go back.
        clock: For pauses between looks.
    """
    while clock.monotonic() < thawed_s + _GOES_ON_S and any(map(_is_on_its_way, pids)):
        await clock.sleep(_LOOK_S)


def _is_on_its_way(pid: int) -> bool:
    """Say whether a thread of ``pid`` runs, waits for a CPU or is stopped."""
    with suppress(OSError, IndexError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                if Path(f"/proc/{pid}/task/{task}/stat").read_text().rpartition(")")[2][1] in "RTt":
                    return True
    return False


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
