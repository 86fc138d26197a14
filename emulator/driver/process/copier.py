"""Copies of sandboxes: the driver's side of ``localfaas_runtime/copying.py``.

A runtime that waits at its snapshot is told over its channel to clone itself into namespaces of its
own. These lie within those of the original, which therefore lives as long as the last of its
copies. As with stem cells, some copies are made ahead of use; they wait for a line that sets them
going.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Callable

from emulator.driver.cgroups import Group, unique_folders
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.driver.process.temporary import Temporary, Tmp
from emulator.model.clock import Clock, Timer
from emulator.model.errors import DriverFault
from emulator.model.sandbox import EnvironmentSpec

#: The variable that says why a runtime is initialised, and its value for snapshots.
INITIALIZATION_TYPE, SNAP_START = "AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start"
_MB = 1024 * 1024
#: Processes and threads of one sandbox.
_PIDS = 1024
#: Seconds that a copy may take to stand.
_PATIENCE_S = 5.0
#: Copies kept ready of each original, at most.
_AHEAD = 3
#: Seconds without a copy before those that were used are replaced: a burst needs the machine.
_QUIET_S = 0.02


class Original:
    """A sandbox that copies are made of.

    Attributes:
        spec: What it was started for, and its copies are.
        ready: Copies made ahead of use.
        refill: What makes more of them.
    """

    def __init__(self, sandbox: ProcessSandbox, spec: EnvironmentSpec) -> None:
        self.sandbox, self.spec = sandbox, spec
        self.ready: deque[ProcessSandbox] = deque()
        self.refill: Timer | None = None
        self.filling: asyncio.Task[None] | None = None


class Copier:
    """Has sandboxes copied.

    Args:
        temporary: Returns what gives sandboxes their /tmp.
        new_sandbox: Makes a sandbox's driver side.
        discard: Stops a sandbox that nobody wants, in the background.
        clock: For waiting.
        ahead: How many copies of an original to keep ready, at most.
    """

    def __init__(
        self,
        temporary: Callable[[], Temporary],
        new_sandbox: Callable[[], ProcessSandbox],
        discard: Callable[[ProcessSandbox], None],
        clock: Clock,
        ahead: int,
    ) -> None:
        self._temporary = temporary
        self._new_sandbox = new_sandbox
        self._discard = discard
        self._clock = clock
        self._ahead = min(ahead, _AHEAD)
        self._originals: dict[ProcessSandbox, Original] = {}

    async def expect(self, sandbox: ProcessSandbox, spec: EnvironmentSpec) -> None:
        """Make copies of ``sandbox`` ahead of use: its runtime waits at its snapshot.

        Returns when the first one is ready.

        Raises:
            DriverFault: It can't be copied.
        """
        if sandbox.released or sandbox in self._originals:
            return
        original = self._originals[sandbox] = Original(sandbox, spec)
        if self._ahead:
            copy = await self._make(original)
            if sandbox not in self._originals:
                self._discard(copy)
                return
            original.ready.append(copy)
        self._fill(original)

    async def copy(self, sandbox: ProcessSandbox, spec: EnvironmentSpec) -> ProcessSandbox:
        """Return a sandbox that goes on as ``sandbox`` does, which waits at its snapshot.

        Raises:
            DriverFault: It can't be copied.
        """
        original = self._originals.get(sandbox) or Original(sandbox, spec)
        copy = self._take(original) or await self._make(original)
        self._fill_later(original)
        line = json.dumps({"environ": {"AWS_LAMBDA_RUNTIME_API": spec.runtime_api}}) + "\n"
        assert copy.channel is not None
        try:
            copy.channel.send(line.encode())
        except OSError as error:
            self._discard(copy)
            raise DriverFault(f"the copy of a snapshot is gone: {error}") from error
        copy.handed_over = True
        return copy

    # --- ahead of use --------------------------------------------------------------------------

    def _take(self, original: Original) -> ProcessSandbox | None:
        while original.ready:
            copy = original.ready.popleft()
            if not copy.exited.done():
                return copy
            self._discard(copy)
        return None

    def _fill_later(self, original: Original) -> None:
        if original.refill is not None:
            original.refill.cancel()
        original.refill = self._clock.call_later(_QUIET_S, self._fill, original)

    def _fill(self, original: Original) -> None:
        original.refill = None
        if original.sandbox not in self._originals:
            return
        if original.filling is None or original.filling.done():
            original.filling = asyncio.get_running_loop().create_task(self._fill_quietly(original))

    async def _fill_quietly(self, original: Original) -> None:
        while original.sandbox in self._originals and len(original.ready) < self._ahead:
            try:
                copy = await self._make(original)
            except DriverFault:
                return  # what keeps it from being made fails the next call, which reports it
            if original.sandbox in self._originals:
                original.ready.append(copy)
            else:
                self._discard(copy)

    # --- one copy ------------------------------------------------------------------------------

    async def _make(self, original: Original) -> ProcessSandbox:
        sandbox = original.sandbox
        if sandbox.doomed or sandbox.released:
            raise DriverFault("the snapshot is gone")
        copy = self._new_sandbox()
        copy.original, copy.uid = sandbox, sandbox.uid
        sandbox.copies += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._have_made(original, copy)
        except BaseException as error:
            self._discard(copy)
            if isinstance(error, OSError):  # a timeout is one
                raise DriverFault(f"the snapshot could not be copied: {error}") from error
            raise
        return copy

    async def _have_made(self, original: Original, copy: ProcessSandbox) -> None:
        control, channel, extra, output = copy.open()
        os.close(extra)
        fds = [control, channel, output]
        try:
            if copy.group is not None:
                await asyncio.to_thread(_make_group, copy.group, original.spec.memory_mb)
                for folder in unique_folders(copy.group):
                    fds.append(_entrance(folder))
            original.sandbox.order_copy({}, fds)
        finally:
            for fd in fds:
                os.close(fd)
        await copy.standing
        _check(copy)
        tmp = await self._give_temporary(original, copy)
        _check(copy)
        copy.tell({"tmp": tmp})
        await copy.running
        _check(copy)

    async def _give_temporary(self, original: Original, copy: ProcessSandbox) -> str:
        """Give a copy its own /tmp; returns the name of a folder in the original's, or ""."""
        temporary = self._temporary()
        if not temporary.sized:
            assert original.sandbox.tmp is not None
            return temporary.make_below(original.sandbox.tmp, copy)
        await temporary.show(copy, Tmp(), original.spec.ephemeral_storage_mb)
        return ""

    # --- ends ----------------------------------------------------------------------------------

    def abandon(self, sandbox: ProcessSandbox) -> None:
        """Discard the copies of ``sandbox`` that nobody has taken: it is to be stopped."""
        original = self._originals.pop(sandbox, None)
        if original is None:
            return
        if original.refill is not None:
            original.refill.cancel()
        while original.ready:
            self._discard(original.ready.popleft())

    async def close(self) -> None:
        """Make no more copies."""
        filling = [each.filling for each in self._originals.values() if each.filling is not None]
        for sandbox in list(self._originals):
            self.abandon(sandbox)
        await asyncio.gather(*filling, return_exceptions=True)

    def forget(self, sandbox: ProcessSandbox) -> None:
        """Take note that ``sandbox`` is gone; an original may have lived for it alone."""
        original, sandbox.original = sandbox.original, None
        if original is not None:
            original.copies -= 1
            if original.doomed and not original.copies:
                self._discard(original)


def _check(copy: ProcessSandbox) -> None:
    """Raise DriverFault if the copy has ended."""
    if copy.exited.done():
        end = copy.exited.result()
        raise DriverFault(end.message or f"the copy of a snapshot ended: {end}")


def _make_group(group: Group, memory_mb: int) -> None:
    """Make a control group with the limits of a function. Blocks.

    Raises:
        OSError: The kernel refused.
    """
    for folder in unique_folders(group):
        os.makedirs(folder, exist_ok=True)
    group.limit(memory=memory_mb * _MB, pids=_PIDS)


def _entrance(folder: str) -> int:
    """Return the open file through which a thread enters a control group.

    Raises:
        OSError: The kernel refused.
    """
    tasks = f"{folder}/tasks"
    path = tasks if os.path.exists(tasks) else f"{folder}/cgroup.procs"
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
