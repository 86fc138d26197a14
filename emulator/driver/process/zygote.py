"""The driver's side of one zygote: start it, order sandboxes from it, keep stem cells ready."""

from __future__ import annotations

import array
import asyncio
import json
import os
import shutil
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.driver.cgroups import unique_folders
from emulator.driver.conventions import runtimes_folder
from emulator.driver.languages.python import own_interpreter
from emulator.driver.process import layout
from emulator.driver.process.interpreters import Choice
from emulator.driver.process.launch import PACKAGES, program_inside
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.clock import Clock, Timer
from emulator.model.console import Console
from emulator.model.errors import DriverFault

#: Seconds without a start before stem cells are replaced: a burst needs the machine itself.
_QUIET = 0.02
_START_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteConfig:
    """The settings that all zygotes of one driver share."""

    clock: Clock
    #: Sandboxes have namespaces; with ``user``, by way of a user namespace.
    jailed: bool
    user: bool
    first_uid: int
    state: Path
    #: Functions run under AWS's own client where their language has one.
    official: bool
    console: Console
    stem_cells: int
    #: Makes a sandbox's driver side, with its slot, user id and group.
    new_sandbox: Callable[[], ProcessSandbox]
    #: Gives a standing sandbox its disk of the usual size, ahead of use.
    equip: Callable[[ProcessSandbox], Awaitable[None]]
    #: Stops a sandbox that nobody wants, in the background.
    discard: Callable[[ProcessSandbox], None]


class Zygote:
    """One zygote process and its stem cells."""

    def __init__(self, choice: Choice, config: ZygoteConfig) -> None:
        self.choice = choice
        self._config = config
        self._stems: deque[ProcessSandbox] = deque()
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._refill: Timer | None = None
        self._refilling: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()
        #: The zygote's process id on the host.
        self.pid = 0

    @property
    def alive(self) -> bool:
        """Whether it can take orders."""
        return self._socket is not None

    # Start and end ------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the zygote's process.

        Raises:
            DriverFault: It could not be started; the text has what it said.
        """
        mine, theirs = socket.socketpair()
        mine.setblocking(False)
        interpreter = self.choice.interpreter
        name = interpreter.runtime if interpreter else self.choice.language.name
        log = self._config.state / f"zygote-{name}.log"
        try:
            with theirs, open(log, "wb") as errors:  # noqa: ASYNC230 (an empty file)
                if self._config.jailed:
                    await self._start_jailed(theirs, errors.fileno())
                else:
                    await self._start_plain(theirs, errors.fileno())
            async with asyncio.timeout(_START_TIMEOUT):
                ready = await asyncio.get_running_loop().sock_recv(mine, 16)
            if not ready.startswith(b"ready"):
                raise OSError("it ended at once")
        except (OSError, TimeoutError) as error:
            mine.close()
            self._kill()
            said = log.read_text(errors="replace").strip()[-2000:] if log.exists() else ""
            raise DriverFault(f"the zygote for {name} did not start: {error}\n{said}") from error
        self._socket = mine
        asyncio.get_running_loop().add_reader(mine.fileno(), self._lost)

    def _arguments(self, control: socket.socket, root: str, runtime: str) -> list[str]:
        """The zygote's arguments after the interpreter, its files found below ``root``."""
        program = root + str(runtimes_folder() / "python" / "zygote.py")
        jailed = "1" if self._config.jailed else "0"
        return ["-I", "-S", program, str(control.fileno()), jailed, runtime]

    async def _packages(self) -> list[tuple[Path, str]]:
        interpreter, language = self.choice.interpreter, self.choice.language
        config = self._config
        find = language.packages(
            official=config.official, console=config.console, state=config.state
        )
        if interpreter is None or find is None:
            return []
        return await find(interpreter, layout.covered_packages(language, interpreter.prefix))

    async def _link_packages(self) -> None:
        """Make the folder of packages for sandboxes that see this machine's files."""
        packages = await self._packages()
        if packages:
            assert self.choice.interpreter is not None
            folder = self._config.state / PACKAGES / self.choice.interpreter.runtime
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for source, place in packages:
                (folder / Path(place).name).symlink_to(source)

    async def _start_jailed(self, control: socket.socket, errors: int) -> None:
        interpreter = self.choice.interpreter
        own = own_interpreter()
        folder = runtimes_folder() / "python"
        environ = layout.zygote_environ()
        if self.choice.language.forks:
            program, runtime = program_inside(self.choice, jailed=True), "/var/runtime"
        else:
            # It only forks wardens: Python itself need not be what the sandbox shows.
            program, runtime = f"/.host/root{own}", f"/.host/root{folder}"
            # A Python that is built as a shared library looks for it at its own place.
            libraries = f"/.host/root{own.parent.parent}/lib"
            environ["LD_LIBRARY_PATH"] = f"{libraries}:{environ['LD_LIBRARY_PATH']}"
        plan = layout.jail_plan(
            user=self._config.user,
            first_uid=self._config.first_uid,
            language=self.choice.language,
            prefix=interpreter.prefix if interpreter else None,
            packages=await self._packages(),
            environ=environ,
            argv=[program, *self._arguments(control, "/.host/root", runtime)],
        )
        jail = await asyncio.create_subprocess_exec(
            str(own),
            "-I",
            "-S",
            str(folder / "jail.py"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            pass_fds=[control.fileno()],
            env={},
            start_new_session=True,
        )
        assert jail.stdin is not None
        assert jail.stdout is not None
        jail.stdin.write(json.dumps(plan).encode())
        jail.stdin.close()
        # A line, not to the end: with uvloop the zygote still holds the other end.
        said = await jail.stdout.readline()
        await jail.wait()
        if jail.returncode != 0 or not said.strip():
            raise OSError("its sandbox root could not be built")
        self.pid = int(said)

    async def _start_plain(self, control: socket.socket, errors: int) -> None:
        interpreter = self.choice.interpreter
        if interpreter is not None and self.choice.language.forks:
            program = str(interpreter.executable)
        else:
            program = str(own_interpreter())
        folder = str(runtimes_folder() / "python")
        await self._link_packages()
        self._process = await asyncio.create_subprocess_exec(
            program,
            *self._arguments(control, "", folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            pass_fds=[control.fileno()],
            env={"LANG": "en_US.UTF-8", "LC_CTYPE": "C.UTF-8", "TZ": ":UTC"},
            start_new_session=True,
        )
        self.pid = self._process.pid

    def _lost(self) -> None:
        """It sends nothing after its start: readable means it has ended."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        while self._stems:
            self._config.discard(self._stems.popleft())

    async def close(self) -> None:
        """End the zygote; sandboxes in its PID namespace end with it."""
        if self._refill is not None:
            self._refill.cancel()
        self._lost()
        self._kill()
        if self._refilling is not None:
            # It ends by itself now, with what it has under way in its place.
            await asyncio.gather(self._refilling, return_exceptions=True)
            self._lost()
        if self._process is not None:
            await self._process.wait()
        elif self.pid:
            # The jail made it this process's own child, unknown to asyncio.
            while not await asyncio.to_thread(_reap, self.pid):
                await self._config.clock.sleep(0.002)
        self.pid = 0

    def _kill(self) -> None:
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, 9)

    # Sandboxes ----------------------------------------------------------------------------

    async def take(self, *, early: bool) -> ProcessSandbox:
        """Return a sandbox to specialise: a stem cell where one will do and is there."""
        # Where runtimes are no stem cells, their sandboxes are.
        wanted = early or not self.choice.language.has_stem_cells
        while wanted and self._stems:
            stem = self._stems.popleft()
            self._replace_later()
            if not stem.exited.done():
                return stem
            self._config.discard(stem)
        if wanted:
            self._replace_later()
        return await self._order(early=early)

    async def fill(self) -> None:
        """Have all stem cells ready."""
        while self.alive and len(self._stems) < self._config.stem_cells:
            early = self.choice.language.has_stem_cells
            stem = await self._order(early=early)
            await (stem.running if early else stem.standing)
            if stem.exited.done():
                end = stem.exited.result()
                self._config.discard(stem)
                raise DriverFault(f"a sandbox ended before its use: {end.message or end}")
            await self._config.equip(stem)
            self._stems.append(stem)

    def _replace_later(self) -> None:
        if self._refill is not None:
            self._refill.cancel()
        self._refill = self._config.clock.call_later(_QUIET, self._replace)

    def _replace(self) -> None:
        if self._refilling is None or self._refilling.done():
            self._refilling = asyncio.get_running_loop().create_task(self._fill_quietly())

    async def _fill_quietly(self) -> None:
        # What keeps a stem cell from starting fails the next start too, which reports it.
        with suppress(DriverFault):
            await self.fill()

    async def _order(self, *, early: bool) -> ProcessSandbox:
        """Have the zygote fork a new sandbox."""
        config = self._config
        sandbox = config.new_sandbox()
        fds = sandbox.open()
        command = self._stem_command() if early else []
        job: dict[str, Any] = {
            "jailed": config.jailed,
            "user": config.user,
            "inner_uid": layout.INNER_UID if sandbox.uid is None else sandbox.uid,
            "groups": unique_folders(sandbox.group) if sandbox.group else [],
            "early": early,
            "argv": command,
            "environ": layout.zygote_environ() if command else {},
        }
        try:
            async with self._sending:
                await self._send(json.dumps(job).encode() + b"\n", fds)
        except BaseException:
            config.discard(sandbox)
            raise
        finally:
            for fd in fds:
                os.close(fd)
        return sandbox

    def _stem_command(self) -> list[str]:
        jailed, language = self._config.jailed, self.choice.language
        folder = "/var/runtime" if jailed else str(runtimes_folder() / language.name)
        arguments = language.stem_command(folder)
        if not arguments or self.choice.interpreter is None:
            return []
        options = language.options(self.choice.interpreter, {})
        return [program_inside(self.choice, jailed=jailed), *options, *arguments]

    async def _send(self, order: bytes, fds: list[int]) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        while True:
            if self._socket is None:
                raise DriverFault("the zygote has ended")
            try:
                sent = self._socket.sendmsg([order], rights)
            except BlockingIOError:
                await self._config.clock.sleep(0.001)
                continue
            except OSError as error:
                raise DriverFault(f"the zygote takes no orders: {error}") from error
            if sent != len(order):
                raise DriverFault("the zygote accepted only a part of an order")
            return


def _reap(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
