"""The process driver: execution environments as processes of this machine."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import platform
import secrets
import shutil
import signal
import sys
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.driver import cgroups, conventions, link_local, processes
from emulator.driver.base import Sandbox
from emulator.driver.disks import Disks
from emulator.driver.languages.python import own_interpreter
from emulator.driver.languages.table import language_of, languages
from emulator.driver.process import layout, ledger, peers
from emulator.driver.process import usage as measured
from emulator.driver.process.copier import INITIALIZATION_TYPE, SNAP_START, Copier
from emulator.driver.process.interpreters import Choice, choose
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.driver.process.temporary import Temporary
from emulator.driver.process.zygote_config import ZygoteConfig
from emulator.model.clock import Clock, SystemClock
from emulator.model.console import Console, SilentConsole
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.lazy import LazyModule
from emulator.model.sandbox import EnvironmentSpec, Exit, Usage

if TYPE_CHECKING:
    from emulator.driver.process import launch as launching
    from emulator.driver.process import zygote as zygotes
    from emulator.driver.process.launch import ProcessLaunch
    from emulator.driver.process.server_ports import ServerPorts
    from emulator.driver.process.zygote import Zygote
else:
    launching = LazyModule("emulator.driver.process.launch")
    zygotes = LazyModule("emulator.driver.process.zygote")

#: Other names of AWS's architectures, as ``platform.machine`` gives them.
_ARCHITECTURES = {"AMD64": "x86_64", "aarch64": "arm64"}
_NO_IMAGES = "{image} is a container image, which needs --driver docker"
_SHARED_PORTS = (
    "Extensions of several environments run, and share this machine's ports: where they listen on"
    " a fixed one, use --driver docker, or a port for each function and one environment at a time."
)
_MB = 1024 * 1024
#: Processes and threads of one sandbox; Lambda's own limit is RLIMIT_NPROC 742.
_PIDS = 1024
#: How often user ids are chosen that no other emulator has.
_ATTEMPTS = 16


class ProcessDriver:
    """Starts sandboxes by forking them from a zygote per interpreter.

    Args:
        state: A folder to keep things in while running: each sandbox's /tmp, logs.
        strict: Refuse a runtime identifier whose exact interpreter is not here.
        bootstrap: "localfaas", or "awslambdaric" for the official Python client.
        stem_cells: How many sandboxes of each interpreter to keep started ahead of use.
        isolation: "root" (namespaces and a user id for each), "user" (a user namespace) or
            "none"; None takes the first that this machine allows.
        use_cgroups: Use control groups where they can be had.
        clock: For waiting.
        console: Told what is installed for a runtime.
        allow_link_local: Let functions reach link-local addresses.
    """

    name = "process"
    emulates = False
    listen_host = "127.0.0.1"
    #: An address, not a name: SDKs put a bucket's name before a name, and ``bucket.localhost`` does
    #: not resolve everywhere.
    reach_host = "127.0.0.1"
    reach_host_is_secret = False

    def __init__(
        self,
        *,
        state: Path,
        strict: bool = False,
        bootstrap: str = "localfaas",
        stem_cells: int = 3,
        isolation: str | None = None,
        use_cgroups: bool = True,
        clock: Clock | None = None,
        console: Console | None = None,
        allow_link_local: bool = False,
    ) -> None:
        self._console = console or SilentConsole()
        self._state = state / "process"
        self._strict = strict
        self._bootstrap = bootstrap
        self._stem_cells = stem_cells
        self._isolation = isolation
        self._use_cgroups = use_cgroups
        self._clock = clock or SystemClock()
        self._notes: list[str] = []
        #: The user knows that extensions of several environments may want the same port.
        self._told_of_ports = False
        #: Made with the first extension.
        self._server_ports: ServerPorts | None = None
        self._groups: cgroups.Cgroups | None = None
        self._config: ZygoteConfig | None = None
        self._zygotes: dict[Path | None, asyncio.Task[Zygote]] = {}
        #: Fetch or build what runtimes bring.
        self._finding: set[asyncio.Future[list[tuple[Path, str]]]] = set()
        self._slots: deque[int] = deque()
        self._sandboxes: set[ProcessSandbox] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._allow_link_local = allow_link_local
        self._link_local: link_local.Closed | None = None
        self._ledger: ledger.Ledger | None = None
        self._temporary = Temporary(self._state)
        self._copier = Copier(
            lambda: self._temporary, self._new_sandbox, self._discard, self._clock, stem_cells
        )
        self._instance = secrets.token_hex(4)

    # Opening and closing ------------------------------------------------------------------

    async def open(self) -> None:
        """Make ready, and remove what an earlier, crashed instance left behind.

        Raises:
            ConfigurationError: Another emulator uses the same state folder.
        """
        self._ledger = await asyncio.to_thread(ledger.Ledger.open, self._state)
        if self._use_cgroups and sys.platform == "linux":
            self._groups = await asyncio.to_thread(cgroups.Cgroups.detect, self._instance)
        self._slots = deque(range(layout.UIDS_PER_INSTANCE))
        isolation = self._isolation or await self._probe()
        if isolation == "root" and os.geteuid() != 0:
            raise ConfigurationError("isolation by user ids needs root")
        disks = Disks(self._state / "disks") if isolation == "root" and Disks.available() else None
        self._temporary = Temporary(self._state, disks)
        self._config = ZygoteConfig(
            clock=self._clock,
            jailed=isolation != "none",
            user=isolation == "user",
            first_uid=self._choose_ids(closing=isolation == "root"),
            state=self._state,
            official=self._bootstrap == "awslambdaric",
            console=self._console,
            stem_cells=self._stem_cells,
            new_sandbox=self._new_sandbox,
            equip=self._temporary.equip,
            discard=self._discard,
        )
        if not self._config.jailed:
            self._link_runtime_folder()
        self._take_notes()

    def _choose_ids(self, *, closing: bool) -> int:
        """Return the first of the sandboxes' user ids, closing link-local addresses to them.

        Args:
            closing: Where each sandbox has an id of its own, unless the user decided otherwise.
        """
        for _ in range(_ATTEMPTS):
            first = layout.first_uid(secrets.randbelow(layout.INSTANCES))
            if not closing or self._allow_link_local:
                break
            ids = link_local.UserIds(first, first + layout.UIDS_PER_INSTANCE - 1)
            space = link_local.UserIds(layout.FIRST_UID, layout.first_uid(layout.INSTANCES) - 1)
            try:
                self._link_local = link_local.Closed(ids, space)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                self._notes.append(f"{link_local.NOTE} Here it failed: {error.strerror}.")
            break
        else:
            # Nobody has that many emulators; but whoever likes may hold the names of their ids.
            self._notes.append(f"{link_local.NOTE} Here it failed: all user ids are taken.")
        return first

    @property
    def closes_link_local(self) -> bool:
        """Whether functions are kept from link-local addresses."""
        return self._link_local is not None

    async def _probe(self) -> str:
        """Return the strongest isolation this machine allows."""
        if sys.platform != "linux":
            return "none"
        wanted = "root" if os.geteuid() == 0 else "user"
        plan = layout.jail_plan(
            user=wanted == "user", first_uid=0, language=None, prefix=None, argv=[]
        )
        probe = await asyncio.create_subprocess_exec(
            str(own_interpreter()),
            "-I",
            "-S",
            str(conventions.runtimes_folder() / "python" / "jail.py"),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        await probe.communicate(json.dumps(plan).encode())
        return wanted if probe.returncode == 0 else "none"

    @property
    def _runtime_folder(self) -> Path:
        return self._state / layout.RUNTIME

    def _link_runtime_folder(self) -> None:
        """Make the folder that stands for /var/runtime where there are no namespaces."""
        shutil.rmtree(self._runtime_folder, ignore_errors=True)
        self._runtime_folder.mkdir(parents=True)
        for language in languages():
            for source, name in layout.runtime_folder_entries(language):
                link = self._runtime_folder / name
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(source)

    def _take_notes(self) -> None:
        assert self._config is not None
        notes = self._notes
        if not self._config.jailed:
            notes.append(
                "No namespaces here: functions see this machine's files, and find code, layers and"
                " temporary files through LAMBDA_TASK_ROOT, the search paths and TMPDIR instead of"
                " /var/task, /opt and /tmp."
            )
        if self._groups is None:
            notes.append(
                "No control groups here: memory limits and CPU shares of functions are not"
                " enforced."
            )
        if not self._temporary.sized:
            notes.append("The size of /tmp is enforced for each file, not for their sum.")
        if sys.platform != "linux":
            notes.append(
                "Only Python and Node.js functions run here: Java, Ruby, custom runtimes and"
                " awslambdaric need --driver docker."
            )
            notes.append(
                "Functions reach the emulator's admin API here: this system does not tell whose a"
                " connection is."
            )

    def notes(self) -> list[str]:
        return list(self._notes)

    def is_sandbox(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        # Sandboxes share this machine's network: what comes from elsewhere is none.
        if sys.platform != "linux" or not peers.is_this_machine(peer[0]):
            return False
        owner = peers.owner(peer, local)
        if owner is None or not owner.inode:
            return True  # closed by now, so that nobody has it: whose it was can't be told
        if layout.is_sandbox_uid(owner.uid):
            return True
        return any(
            peers.holds(sandbox.processes(), owner.inode)
            for sandbox in list(self._sandboxes)
            if sandbox.uid is None
        )

    def wind_down(self) -> None:
        for finding in self._finding:
            finding.cancel()

    async def close(self) -> None:
        """Stop every sandbox and zygote and remove all they had."""
        self.wind_down()
        await self._copier.close()
        started = await asyncio.gather(*self._zygotes.values(), return_exceptions=True)
        self._zygotes.clear()
        await asyncio.gather(*(self.stop(sandbox) for sandbox in list(self._sandboxes)))
        for zygote in started:
            if not isinstance(zygote, BaseException):
                await zygote.close()
        await asyncio.gather(*(self.stop(sandbox) for sandbox in list(self._sandboxes)))
        # The starts that wait for these tasks get their errors.
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._groups is not None:
            await asyncio.to_thread(self._groups.remove)
            self._groups = None
        for name in (layout.RUNTIME, layout.PACKAGES):
            shutil.rmtree(self._state / name, ignore_errors=True)
        await self._temporary.close()
        if self._link_local is not None:
            self._link_local.open_again()
            self._link_local = None
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    # Runtimes -----------------------------------------------------------------------------

    def check_runtime(self, runtime: str) -> str | None:
        return choose(runtime, strict=self._strict).note

    def debugs(self, runtime: str) -> bool:
        known = language_of(runtime)
        return known is not None and known.debugs

    def interpreter(self, runtime: str) -> Path | None:
        try:
            found = choose(runtime).interpreter
        except ConfigurationError:
            return None  # the start of a function reports it
        return None if found is None else found.executable

    def check_architecture(self, architecture: str) -> str | None:
        here = _ARCHITECTURES.get(platform.machine(), platform.machine())
        if architecture == here:
            return None
        return f"processes run on this machine's {here}: what is compiled for {architecture} can't"

    async def is_here(self, runtime: str, image: str, architecture: str) -> bool:
        return True

    async def prepare_image(self, image: str, architecture: str) -> str:
        raise ConfigurationError(_NO_IMAGES.format(image=image))

    async def prepare(
        self, runtime: str, architecture: str, sizes_mb: Collection[int] = ()
    ) -> None:
        zygote = await self._zygote(choose(runtime, strict=self._strict))
        await zygote.prepare(sizes_mb)

    async def _zygote(self, choice: Choice) -> Zygote:
        key = choice.interpreter.executable if choice.interpreter else None
        task = self._zygotes.get(key)
        if task is None or (task.done() and (task.exception() or not task.result().alive)):
            task = asyncio.get_running_loop().create_task(self._start_zygote(choice))
            self._zygotes[key] = task
        # Several starts wait for the same one; none of them may cancel it for the others.
        return await asyncio.shield(task)

    async def _start_zygote(self, choice: Choice) -> Zygote:
        if self._config is None or self._ledger is None:
            raise DriverFault("the driver is not open")
        zygote = zygotes.Zygote(choice, self._config)
        finding = asyncio.ensure_future(zygote.packages())
        self._finding.add(finding)
        try:
            packages = await finding
        except asyncio.CancelledError:
            raise DriverFault("the emulator ends") from None
        finally:
            self._finding.discard(finding)
        await zygote.start(packages)
        self._ledger.add_process(zygote.pid)
        return zygote

    # Sandboxes ----------------------------------------------------------------------------

    def _new_sandbox(self) -> ProcessSandbox:
        assert self._config is not None
        if not self._slots:
            raise DriverFault(f"the limit of {layout.UIDS_PER_INSTANCE} sandboxes is reached")
        slot = self._slots.popleft()
        own_ids = self._config.jailed and not self._config.user
        sandbox = ProcessSandbox(
            slot=slot,
            uid=self._config.first_uid + slot if own_ids else None,
            # A name of its own for each: what the kernel counts starts at nothing.
            group=self._groups.group(secrets.token_hex(6)) if self._groups else None,
            jailed=self._config.jailed,
        )
        self._sandboxes.add(sandbox)
        return sandbox

    async def fetch(self, spec: EnvironmentSpec) -> None: ...

    async def start(self, spec: EnvironmentSpec) -> ProcessSandbox:
        return await self._start(spec, None)

    async def _start(self, spec: EnvironmentSpec, before: ProcessSandbox | None) -> ProcessSandbox:
        """Start ``spec``, with the /tmp of ``before`` or a fresh one."""
        try:
            return await self._make(spec, before)
        except OSError as error:
            raise DriverFault(f"{spec.function_name} could not be started: {error}") from error

    async def _make(self, spec: EnvironmentSpec, before: ProcessSandbox | None) -> ProcessSandbox:
        if spec.image:
            raise DriverFault(_NO_IMAGES.format(image=spec.image))
        if spec.code is None or not os.access(spec.code, os.R_OK | os.X_OK):
            raise DriverFault(f"{spec.function_name}: {_why_unusable(spec.code)}")
        choice = choose(spec.runtime, strict=self._strict)
        zygote = await self._zygote(choice)
        assert self._config is not None
        tmp = self._temporary.take(before)
        try:
            launch = launching.plan(
                spec,
                choice,
                bootstrap=self._bootstrap,
                jailed=self._config.jailed,
                tmp=tmp.folder,
                state=self._state,
            )
            sandbox = await zygote.take(launch.stem, alone=not launch.early)
        except BaseException:
            await self._temporary.drop(tmp)
            raise
        try:
            await self._temporary.show(sandbox, tmp, spec.ephemeral_storage_mb)
            launch = await self._with_port(sandbox, spec, launch)
            await self._specialise(sandbox, spec, launch)
        except BaseException:
            self._discard(sandbox)
            raise
        if (
            launch.early
            and not launch.extensions
            and spec.environ.get(INITIALIZATION_TYPE) == SNAP_START
            and self.copies
        ):
            sandbox.make_copyable()
        sandbox.handed_over = True
        return sandbox

    async def _with_port(
        self, sandbox: ProcessSandbox, spec: EnvironmentSpec, launch: ProcessLaunch
    ) -> ProcessLaunch:
        """Return a launch whose web server has its port, or one that says why it can't have it."""
        if not launch.extensions or launch.error is not None:
            return launch
        from emulator.driver.process import server_ports

        port = server_ports.wanted(launch.extensions, spec.environ)
        if not port:
            return launch
        if self._server_ports is None:
            self._server_ports = server_ports.ServerPorts(self._clock)
        refusal = await self._server_ports.claim(port, sandbox, spec.function_name)
        if not refusal:
            return launch
        self._console.warn(f"{spec.function_name}: {refusal}")
        return replace(launch, error=("Extension.LaunchError", refusal))

    async def _specialise(
        self, sandbox: ProcessSandbox, spec: EnvironmentSpec, launch: ProcessLaunch
    ) -> None:
        await sandbox.standing
        if launch.error is not None:
            sandbox.end()
            if not sandbox.exited.done():
                kind, message = launch.error
                sandbox.exited.set_result(Exit(status=1, error_type=kind, message=message))
        elif not sandbox.exited.done():
            if sandbox.group is not None:
                try:
                    sandbox.group.limit(memory=spec.memory_mb * _MB, pids=_PIDS)
                except OSError as error:
                    raise DriverFault(
                        f"limits for {spec.function_name} could not be set: {error}"
                    ) from error
            # A disk has a size of its own; a folder can only be held to it file by file.
            limits = {} if sandbox.disk else {"RLIMIT_FSIZE": spec.ephemeral_storage_mb * _MB}
            order = launch.order(limits)
            if launch.extensions:
                await self._begin_extensions(sandbox, launch, order)
            else:
                sandbox.tell(order)
                await sandbox.running
        if not launch.channel and sandbox.channel is not None:
            sandbox.channel.close()
            sandbox.channel = None

    async def _begin_extensions(
        self, sandbox: ProcessSandbox, launch: ProcessLaunch, order: dict[str, Any]
    ) -> None:
        """Start extensions; the runtime waits for ``start_runtime``."""
        if not self._told_of_ports and any(each.extensions for each in self._sandboxes):
            self._told_of_ports = True
            self._console.warn(_SHARED_PORTS)
        output = sandbox.begin_extensions(launch.extensions)
        try:
            sandbox.tell(order, [output])
        finally:
            os.close(output)

    def start_runtime(self, sandbox: Sandbox) -> None:
        # Whose warden is gone has ended, which is heard another way.
        with suppress(DriverFault):
            _own(sandbox).tell({"start": True})

    async def signal(self, sandbox: Sandbox, number: signal.Signals) -> None:
        own = _own(sandbox)
        if own.pid is not None and number is not signal.SIGKILL:
            await processes.gone_on([own.pid], own.thawed_s, self._clock)
        if own.pid is not None and not own.exited.done():
            with suppress(ProcessLookupError):
                os.kill(own.pid, number)

    @property
    def copies(self) -> bool:
        """Whether sandboxes can be copied: into namespaces of their own, if there are any."""
        return self._config is not None and self._config.jailed

    async def copy(self, sandbox: Sandbox, spec: EnvironmentSpec) -> ProcessSandbox:
        return await self._copier.copy(_own(sandbox), spec)

    async def expect_copies(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None:
        await self._copier.expect(_own(sandbox), spec)

    def initialised(self, sandbox: Sandbox, spec: EnvironmentSpec) -> None:
        group, quota = _own(sandbox).group, cgroups.cpu_quota(spec)
        if group is not None and quota is not None:
            # A group that is just being removed needs no share any more.
            with suppress(FileNotFoundError):
                group.limit_cpu(quota)

    async def reset(self, sandbox: Sandbox, spec: EnvironmentSpec) -> ProcessSandbox:
        old = _own(sandbox)
        await self.kill(old)
        try:
            return await self._start(spec, old)
        finally:
            await self.stop(old)

    async def kill(self, sandbox: Sandbox) -> None:
        own = _own(sandbox)
        own.end()
        await asyncio.shield(own.gone)
        if own.group is not None and not own.jailed:
            # No PID namespace has taken the others along: a fork may have slipped away.
            await asyncio.to_thread(own.group.kill)

    async def stop(self, sandbox: Sandbox) -> None:
        own = _own(sandbox)
        self._copier.abandon(own)
        if own.copies and not own.doomed:
            own.doomed = True  # its copies live within its namespaces
            return
        if own.released:
            await asyncio.shield(own.gone)
            return
        own.released = True
        if not own.standing.done() and own in self._sandboxes:
            # Its warden may still be on the way: it is told by the end of its socket.
            await asyncio.wait([own.standing], timeout=5)
        own.end()
        await asyncio.wait([own.gone], timeout=5)
        group, own.group = own.group, None
        if group is not None:
            await asyncio.to_thread(group.remove, kill=True)
        own.close()
        await self._temporary.remove(own)
        self._copier.forget(own)
        self._sandboxes.discard(own)
        self._slots.append(own.slot)

    def _discard(self, sandbox: ProcessSandbox) -> None:
        task = asyncio.get_running_loop().create_task(self.stop(sandbox))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def freeze(self, sandbox: Sandbox) -> None:
        _own(sandbox).freeze()

    async def thaw(self, sandbox: Sandbox) -> None:
        own = _own(sandbox)
        if own.frozen:
            own.thaw()
            own.thawed_s = self._clock.monotonic()

    async def usage(self, sandbox: Sandbox) -> Usage:
        return await measured.usage(_own(sandbox))


def _why_unusable(code: Path | None) -> str:
    """Return why a function's folder can't be used."""
    if code is None or not os.path.exists(code):
        return f"its code is not there: {code}"
    return f"its code can't be read by this user, who runs the emulator: {code} (see its mode)"


def _own(sandbox: Sandbox) -> ProcessSandbox:
    if not isinstance(sandbox, ProcessSandbox):
        raise TypeError(f"{sandbox!r} is not a sandbox of the process driver")
    return sandbox
