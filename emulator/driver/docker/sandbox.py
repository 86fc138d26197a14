"""A container that runs, and how its end is learnt."""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from emulator.driver import processes
from emulator.driver.base import Settle
from emulator.driver.cgroups import Group
from emulator.driver.conventions import INVALID_ENTRYPOINT
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.images import Plan
from emulator.driver.docker.output import OutputPump
from emulator.driver.docker.responses import EngineFault
from emulator.driver.docker.workspace import Workspace
from emulator.model.errors import DriverFault
from emulator.model.sandbox import Exit

#: Seconds the engine has to notice an end that the kernel has told already.
_NOTICE = 10.0
#: Seconds between looks at the memory through the engine.
_SAMPLE = 1.0
#: Seconds by which what the engine passes on comes later than what a runtime sends itself.
_LAG_HERE, _LAG_AWAY = 0.003, 0.01
_ABSENT = "no such file or directory"
#: The message of Docker's init and of Podman's for a program of another architecture; both exit
#: with 1 then.
_FOREIGN = re.compile(rb"(\[FATAL tini|\(catatonit:).*Exec format error")
#: Statuses above it are signals, as the shell and every init count them.
_SIGNALS = range(129, 193)


@dataclass(slots=True, kw_only=True)
class Container:
    """A container of ours, through all its runs."""

    #: Empty where there was nothing to start, and so no container.
    id: str
    name: str
    plan: Plan
    #: Its folder on this machine; None where the engine can't see this machine's files.
    workspace: Workspace | None
    #: Speaks over the workspace's socket, and gets its code on use.
    stem: bool
    #: Its first process is the engine's init.
    init: bool = True
    #: The program that the user gave; empty for our own bootstrap.
    executable: str = ""
    #: The PATH it is looked up on.
    path: str = ""
    #: A note, if its platform is emulated; empty if it is the machine's own.
    emulation: str = ""
    #: The name it calls its listener by, where its address does not identify it.
    secret_host: str = ""
    #: The token its bootstrap gives when it calls over TCP.
    token: str = ""
    #: The names of the extensions that run in it, and what they see of its variables.
    extensions: Sequence[str] = ()
    extension_environ: Mapping[str, str] = field(default_factory=dict)
    #: The port of its debugger, which this machine's leads to; 0: none.
    port: int = 0
    #: Its code is there, in volumes of its own.
    filled: bool = False
    #: Its removal is under way.
    removed: bool = False


class DockerSandbox:
    """One run of a container's runtime.

    Args:
        container: What runs.
        engine: Where it runs.
    """

    def __init__(self, container: Container, engine: Engine) -> None:
        self.container = container
        self.pid: int | None = None
        self.channel: socket.socket | None = None
        self.output: int | None = None
        self.output_lag = 0.0
        self.settle_output: Settle | None = None
        self.secret_host = container.secret_host
        #: By name, the end of each extension.
        self.extensions: dict[str, asyncio.Future[Exit]] = {}
        self.extension_output: int | None = None
        self.ends_with_runtime = True
        self.host = ""
        self.extension_pumps: dict[str, OutputPump] = {}
        self.extension_tasks: set[asyncio.Task[None]] = set()
        #: Where the bootstrap is told what it is for, which may never come to pass.
        self.order_channel: socket.socket | None = None
        #: Tells the bootstrap what it is for, once extensions have registered.
        self.start_runtime: Callable[[], None] | None = None
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        #: Addresses its connections come from.
        self.addresses: frozenset[str] = frozenset()
        self.group: Group | None = None
        self.frozen = False
        #: When it was thawed last, in seconds of the driver's clock.
        self.thawed_s = -math.inf
        #: Bytes; 0 until it is known what for.
        self.memory_limit = 0
        #: The driver ended it: the engine need not be asked why.
        self.killed = False
        #: The channel is the caller's by now.
        self.handed_out = False
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._process: int | None = None
        self._pump: OutputPump | None = None
        self._peak = 0
        self._settling: asyncio.Task[None] | None = None
        self._sampling: asyncio.Task[None] | None = None

    # The protocol of a sandbox

    def memory_peak(self) -> int:
        if self.group is not None:
            # The group goes with its last process.
            self._peak = self.group.memory_peak() or self._peak
        elif self.uncounted:
            self._peak = max(self._peak, processes.peak(self.processes()))
        else:
            self.sample()
        return self._peak

    def throttled_s(self) -> float:
        # An engine elsewhere is too far away to be asked in passing.
        return self.group.throttled_s() if self.group is not None else 0.0

    def admits(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        return peer[0] in self.addresses

    # What the driver does with it

    @property
    def uncounted(self) -> bool:
        """Its processes are this machine's, and no control group knows what they take."""
        return self.pid is not None and not self._engine.info.limits

    def processes(self) -> list[int]:
        """Return the processes of a container on this machine."""
        return [self.pid, *processes.below(self.pid)] if self.pid is not None else []

    def sample(self) -> None:
        """Ask the engine for the peak of the memory, off the critical path; seldom enough."""
        if self._sampling is None and not self.exited.done():
            self._sampling = asyncio.ensure_future(self._sample())

    async def update_peak(self) -> None:
        """Ask the engine for the peak of the memory, if it counts memory at all."""
        if self._engine.info.limits:
            with suppress(DriverFault):
                await self.statistics()

    async def _sample(self) -> None:
        await self.update_peak()
        await asyncio.sleep(_SAMPLE)
        self._sampling = None

    async def statistics(self) -> dict[str, Any]:
        """Return the engine's statistics.

        Raises:
            DriverFault: It has none.
        """
        sample = await self._engine.stats(self.container.id)
        memory = sample.get("memory_stats") or {}
        # Version 2 of control groups has no peak here: the largest that was seen stands for it.
        self._peak = max(self._peak, int(memory.get("max_usage") or memory.get("usage") or 0))
        return sample

    def watch(self, pid: int) -> None:
        """Learn of the end of process ``pid`` from this machine's kernel."""
        self.pid = pid
        try:
            self._process = os.pidfd_open(pid)
        except ProcessLookupError:
            self.gone()
            return
        self._loop.add_reader(self._process, self.gone)

    def pump(self, pump: OutputPump) -> None:
        """Take the output from the engine's stream; its end is the container's end."""
        self._pump = pump
        self.output = pump.output
        # A rootless engine passes it on through more hands.
        here = self._engine.address.scheme == "unix" and not self._engine.info.rootless
        self.output_lag = _LAG_HERE if here else _LAG_AWAY

    def gone(self) -> None:
        """The container has ended: find out how."""
        self._unwatch()
        self.memory_peak()
        if self.exited.done() or self._settling is not None:
            return
        if self.killed:
            self.exited.set_result(Exit(signal=signal.SIGKILL))
            return
        # Asked of the kernel as well, while the group is there: Podman does not always know.
        out_of_memory = self.group is not None and self.group.out_of_memory_kills() > 0
        self._settling = asyncio.ensure_future(self._settle(out_of_memory))

    async def _settle(self, out_of_memory: bool) -> None:
        try:
            status = await self._engine.wait(self.container.id, _NOTICE)
            state = await self._engine.inspect(self.container.id)
            end = _exit(status, out_of_memory=out_of_memory or state.out_of_memory)
            if end.out_of_memory:
                self._peak = self.memory_limit
            if await self._is_foreign(end):
                end = self._refused(end, f"exec format error{self.remark}")
            elif status in self._engine.info.refusals:
                end = await self._explain(end)
        except DriverFault:
            # The exit status is lost with the engine; take it for killed.
            end = Exit(signal=signal.SIGKILL)
        if not self.exited.done():
            self.exited.set_result(end)

    async def _is_foreign(self, end: Exit) -> bool:
        """Say whether the start command is a program for another machine: the init does."""
        if self._pump is None or not self.container.executable or not end.status:
            return False
        with suppress(TimeoutError):  # its last words may come after its end
            await asyncio.wait_for(self._pump.over.wait(), _NOTICE)
        return _FOREIGN.search(self._pump.last) is not None

    @property
    def remark(self) -> str:
        """Return a hint for a program that could not be executed."""
        return f" ({self.container.emulation})" if self.container.emulation else ""

    async def _explain(self, end: Exit) -> Exit:
        """Tell a start command that can't be executed from one that ended with the same status."""
        executable, path = self.container.executable, self.container.path
        if not executable:
            return end
        folders = [""] if "/" in executable else [f"{folder}/" for folder in path.split(":")]
        try:
            reason = await self._refusal([folder + executable for folder in folders], end)
        except EngineFault:
            return end
        return self._refused(end, reason) if reason else end

    def _refused(self, end: Exit, reason: str) -> Exit:
        message = f"fork/exec {self.container.executable}: {reason}"
        return Exit(status=end.status, error_type=INVALID_ENTRYPOINT, message=message)

    async def _refusal(self, places: list[str], end: Exit) -> str:
        for place in places:
            head = await self._engine.head(self.container.id, place)
            if head is None:
                continue
            mode, text = head
            if end.status == 126 or not mode & 0o111:
                return "permission denied"
            interpreter = text[2:].split(b"\n")[0].split()[:1] if text[:2] == b"#!" else []
            if not interpreter:
                return ""
            found = await self._engine.head(self.container.id, os.fsdecode(interpreter[0]))
            return "" if found is not None else _ABSENT
        return _ABSENT

    async def kill(self) -> None:
        """SIGKILL every process of the container, and wait until they are gone.

        Raises:
            DriverFault: The engine, which had to be asked, did not do it.
        """
        self.killed = True
        if self.exited.done():
            return
        try:
            if self._process is None:
                raise PermissionError
            # Process 1 takes its whole PID namespace with it.
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
            self.unfreeze()
        except ProcessLookupError:
            pass
        except OSError:
            await self._engine.kill(self.container.id)
        if self._process is None and self._pump is None:
            self.gone()
        try:
            await asyncio.wait_for(asyncio.shield(self.exited), 1.0)
        except TimeoutError:
            # Paused behind our back, say: the engine knows how to end that.
            await self._engine.kill(self.container.id)
            try:
                await asyncio.wait_for(asyncio.shield(self.exited), _NOTICE)
            except TimeoutError:
                raise DriverFault(f"the container {self.container.name} can't be killed") from None

    def unfreeze(self) -> None:
        """Let a frozen container die: in version 1 what is frozen does not."""
        if self.frozen and self.group is not None:
            self.frozen = False
            with suppress(OSError):  # it is gone already
                self.group.thaw()

    def close(self) -> None:
        """Let go of descriptors. The channel is the caller's. Idempotent."""
        self._unwatch()
        if self._pump is not None:
            self._pump.close()
        for pump in self.extension_pumps.values():
            pump.close()
        for descriptor in (self.output, self.extension_output):
            if descriptor is not None:
                os.close(descriptor)
        self.output = self.extension_output = None
        if self.order_channel is not None:
            self.order_channel.close()
        if self.group is not None:
            self.group.close()
        for task in (self._settling, self._sampling, *self.extension_tasks):
            if task is not None:
                task.cancel()
        for end in (self.exited, *self.extensions.values()):
            if not end.done():
                end.set_result(Exit(signal=signal.SIGKILL))

    def _unwatch(self) -> None:
        if self._process is not None:
            self._loop.remove_reader(self._process)
            os.close(self._process)
            self._process = None


def _exit(status: int, *, out_of_memory: bool) -> Exit:
    if status in _SIGNALS:
        number = status - 128
        return Exit(signal=number, out_of_memory=out_of_memory and number == signal.SIGKILL)
    return Exit(status=status)
