"""The memory, CPU time and processes of a sandbox, at this moment."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from emulator.driver import processes
from emulator.driver.cgroups import Group
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.sandbox import Usage


async def usage(sandbox: ProcessSandbox) -> Usage:
    """Return what ``sandbox`` uses; zeros for what is gone meanwhile.

    A thread reads the files. The sandbox may be stopped meanwhile, so the thread gets what it needs
    and does not touch the sandbox.
    """
    peak, group = sandbox.memory_peak(), sandbox.group
    if group is not None:
        return await asyncio.to_thread(_of_group, group, peak)
    return await asyncio.to_thread(processes.usage, sandbox.processes(), peak)


def _of_group(group: Group, peak: int) -> Usage:
    with suppress(OSError):
        return group.usage(peak)
    return processes.usage(group.pids(), peak)
