"""The driver protocol: where execution environments come from.

A driver starts, resets, freezes and stops sandboxes. It knows nothing of invocations, the
Runtime API, pools or AWS errors. Every driver passes the same contract suite
(``tests/contract/test_driver.py``).
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from emulator.model.sandbox import EnvironmentSpec, Exit, Usage

#: Calls what it is given, later.
Settle = Callable[[Callable[[], None]], None]


class Sandbox(Protocol):
    """One started sandbox: a runtime process (and its children) behind a wall."""

    #: The host's process id of the runtime, for people; None where there is none to show.
    pid: int | None
    #: A connected, non-blocking stream socket on which the runtime already speaks (or will
    #: speak) the Runtime API over HTTP; None when it connects to ``spec.runtime_api`` instead.
    #: The caller owns it from now on.
    channel: socket.socket | None
    #: A non-blocking readable end of the runtime's stdout and stderr, merged in order. The
    #: driver owns it: it stays open until ``stop``. None when there is no output to read.
    output: int | None
    #: Seconds by which output may come later than an answer that was given after it; 0 where both
    #: take the same way.
    output_lag: float
    #: Calls what it is given once all that was printed before this call can be read, and never
    #: blocks; None where ``output_lag`` has to be waited for.
    settle_output: Settle | None
    #: The unguessable name by which requests must call this sandbox's listener, where addresses
    #: can't tell sandboxes apart (its AWS_LAMBDA_RUNTIME_API says it); empty where they can.
    secret_host: str
    #: Done once the runtime process is gone, with the reason.
    exited: asyncio.Future[Exit]
    #: By the name of each extension that runs beside the runtime, the end of its process. While
    #: there are any, the runtime waits for :meth:`Driver.start_runtime`, where that is possible.
    extensions: dict[str, asyncio.Future[Exit]]
    #: All its processes end with the runtime.
    ends_with_runtime: bool
    #: Where this machine reaches what listens on the sandbox's ports; empty where it can't.
    host: str
    #: As ``output``, of the extensions; None without.
    extension_output: int | None

    def memory_peak(self) -> int:
        """Return the most memory in bytes the sandbox has had since its (re)start.

        Comes from the kernel, takes microseconds, never blocks. 0 when it can't be known.
        """
        ...

    def throttled_s(self) -> float:
        """Return the seconds for which its processes waited for CPU time because of their share.

        The sum over all CPUs, since the sandbox was made. Never blocks. 0 when it can't be known.
        """
        ...

    def admits(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        """Say whether a TCP connection to this sandbox's listener comes from inside it.

        ``peer`` and ``local`` are the connection's remote and local (host, port).
        """
        ...


class Driver(Protocol):
    """Starts and stops sandboxes. Methods may be called concurrently."""

    #: "process", "docker", …
    name: str
    #: The address Runtime API listeners must bind so that sandboxes can reach them. Known once
    #: the driver is open, as is the next.
    listen_host: str
    #: What sandboxes call this machine: there they find listeners on ``listen_host``.
    reach_host: str
    #: Only sandboxes know that name: who calls ``listen_host`` by another is none of them.
    reach_host_is_secret: bool
    #: True if the driver emulates foreign architectures; False if it runs them on the native one.
    emulates: bool

    @property
    def copies(self) -> bool:
        """Whether sandboxes whose runtime allows it can be copied."""
        ...

    def debugs(self, runtime: str) -> bool:
        """Say whether a debugger on this machine reaches a port of sandboxes of a runtime."""
        ...

    async def open(self) -> None:
        """Make ready, and remove what an earlier, crashed instance left behind.

        Raises:
            ConfigurationError: The driver can't work here; the text names the remedy.
        """
        ...

    def notes(self) -> list[str]:
        """Return what this machine can't do as AWS does, one sentence each, to be shown once."""
        ...

    def check_runtime(self, runtime: str) -> str | None:
        """Return None if ``runtime`` is served as asked, else a note on what serves it instead.

        Raises:
            ConfigurationError: Nothing here can serve it; the text names the remedy.
        """
        ...

    def interpreter(self, runtime: str) -> Path | None:
        """Return the program of this machine that runs ``runtime``; None if sandboxes bring it."""
        ...

    def check_architecture(self, architecture: str) -> str | None:
        """Return None if ``architecture`` is the machine's own, else a note on what that means."""
        ...

    async def is_here(self, runtime: str, image: str, architecture: str) -> bool:
        """Say whether ``prepare`` (or, for an image, ``prepare_image``) has nothing to pull.

        Raises:
            ConfigurationError, DriverFault: As they do.
        """
        ...

    async def prepare(
        self, runtime: str, architecture: str, sizes_mb: Collection[int] = ()
    ) -> None:
        """Get sandboxes for ``runtime`` ready ahead of use (zygotes, stem cells, images).

        Args:
            runtime: The identifier.
            architecture: Of the functions.
            sizes_mb: The memory sizes of those that there are, where it is known: some sandboxes
                have their size from the start.

        Raises:
            ConfigurationError: As for ``check_runtime``.
            DriverFault: They can't be had.
        """
        ...

    async def prepare_image(self, image: str, architecture: str) -> str:
        """Get the image of a PackageType=Image function; returns what it resolves to by content.

        Raises:
            ConfigurationError: This driver runs no images; the text names the remedy.
            DriverFault: It can't be had.
        """
        ...

    async def fetch(self, spec: EnvironmentSpec) -> None:
        """Get what the sandbox of ``spec`` is made from (an image), which is no part of its INIT.

        Raises:
            DriverFault: It can't be had, or not soon enough for a caller.
        """
        ...

    async def start(self, spec: EnvironmentSpec) -> Sandbox:
        """Start a sandbox for ``spec``; returns when its runtime process runs.

        A failure of what the user gave (no such entrypoint, say) is no exception: it comes
        through ``Sandbox.exited``.

        Raises:
            DriverFault: The machine or engine could not start it.
            ConfigurationError: As for ``check_runtime``: templates may name any runtime.
        """
        ...

    async def expect_copies(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None:
        """Make ready for copies of ``sandbox``, whose runtime waits at its snapshot now.

        Raises:
            DriverFault: It can't be copied.
        """
        ...

    async def copy(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        """Start a sandbox that goes on as ``sandbox`` does, which waits to be copied.

        Its memory is a copy, its /tmp too; ``sandbox`` waits on, and can be copied again.

        Raises:
            DriverFault: It can't be copied.
        """
        ...

    def start_runtime(self, sandbox: Sandbox) -> None:
        """Let the runtime start that waits for its extensions. Never blocks."""
        ...

    async def signal(self, sandbox: Sandbox, number: signal.Signals) -> None:
        """Send the runtime process a signal, unless it has ended.

        Its main thread takes it, also right after ``thaw``, unless another one is still busy two
        seconds later.

        Raises:
            DriverFault: The machine or engine could not do it.
        """
        ...

    def initialised(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None:
        """Hold ``sandbox`` to the share of CPU its memory stands for, from now on.

        Its INIT is over, which AWS lets have all the CPU there is. Takes microseconds, never
        blocks.
        """
        ...

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> Sandbox:
        """Kill all processes of ``sandbox`` and start its runtime anew; /tmp is kept.

        Raises:
            DriverFault: As for ``start``; the old sandbox is gone then.
        """
        ...

    async def stop(self, sandbox: Sandbox) -> None:
        """Kill every process of ``sandbox`` (SIGKILL) and remove all it had. Idempotent."""
        ...

    async def kill(self, sandbox: Sandbox) -> None:
        """Kill every process of ``sandbox``; keep /tmp, so that ``reset`` can follow."""
        ...

    async def freeze(self, sandbox: Sandbox) -> None:
        """Let no process of ``sandbox`` make progress until ``thaw``."""
        ...

    async def thaw(self, sandbox: Sandbox) -> None: ...

    async def usage(self, sandbox: Sandbox) -> Usage:
        """Return what ``sandbox`` takes from the machine right now."""
        ...

    def is_sandbox(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        """Say whether a connection to a socket of this process may come from a sandbox.

        Asked for the admin API, which sandboxes must not reach. True where that can't be ruled
        out; False where sandboxes have an address of their own to call, or this machine tells of
        no connection whose it is (the driver's notes say so).

        Args:
            peer: The connection's remote (host, port).
            local: Its local (host, port).
        """
        ...

    def wind_down(self) -> None:
        """Give up what sandboxes not yet started wait for and takes long (an image's pull).

        Whoever waits for it gets a DriverFault; sandboxes that run go on.
        """
        ...

    async def close(self) -> None:
        """Stop every sandbox and release everything. Nothing is left on the machine."""
        ...
