"""What a sandbox takes from the machine right now."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from emulator.driver.cgroups import Group
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.sandbox import Usage


async def usage(sandbox: ProcessSandbox) -> Usage:
    """Return what ``sandbox`` takes; zeros for what is gone meanwhile.

    The files are read in a thread. The sandbox may be stopped under it, so that the thread is given
    what it needs and does not look at the sandbox.
    """
    peak, group = sandbox.memory_peak(), sandbox.group
    if group is not None:
        return await asyncio.to_thread(_of_group, group, peak)
    return await asyncio.to_thread(_of_processes, sandbox.processes(), peak)


def _of_group(group: Group, peak: int) -> Usage:
    with suppress(OSError):
        return group.usage(peak)
    return _of_processes(group.pids(), peak)


def _of_processes(pids: list[int], peak: int) -> Usage:
    memory, ticks = 0, 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            memory += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return Usage(
        memory=memory * os.sysconf("SC_PAGE_SIZE"),
        memory_peak=peak,
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
        processes=len(pids),
    )
