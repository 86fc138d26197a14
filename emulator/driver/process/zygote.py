"""The driver's side of one zygote: start it, order sandboxes from it, keep stem cells ready."""

from __future__ import annotations

import array
import asyncio
import json
import os
import shutil
import socket
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator.driver.cgroups import unique_folders
from emulator.driver.conventions import MEMORY_SIZE, runtimes_folder
from emulator.driver.languages.base import EMPTY, StemKind
from emulator.driver.languages.python import own_interpreter
from emulator.driver.process import layout
from emulator.driver.process.interpreters import Choice
from emulator.driver.process.launch import program_inside
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.driver.process.stem_cells import StemCells
from emulator.driver.process.zygote_config import ZygoteConfig
from emulator.model.clock import Watchdog
from emulator.model.errors import DriverFault

_START_TIMEOUT = 20.0
#: Seconds in which nothing that was ordered comes to stand, after which the zygote is ended.
_PATIENCE_S = 60.0
#: The size of a function of which nothing is known.
_LEAST_MB = 128


class Zygote:
    """One zygote process and its stem cells."""

    def __init__(self, choice: Choice, config: ZygoteConfig) -> None:
        self.choice = choice
        self._config = config
        most = choice.language.stems_of_a_kind
        self._stems = StemCells(
            self._make_stem,
            config.discard,
            kinds=config.stem_cells,
            of_a_kind=config.stem_cells if most is None else min(most, config.stem_cells),
            pause_s=choice.language.stem_pause_s,
            clock=config.clock,
        )
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._sending = asyncio.Lock()
        self._watchdog = Watchdog(_PATIENCE_S, self._kill)
        #: The zygote's process id on the host.
        self.pid = 0

    @property
    def alive(self) -> bool:
        """Whether it can take orders."""
        return self._socket is not None

    # Start and end ------------------------------------------------------------------------

    async def start(self, packages: Sequence[tuple[Path, str]]) -> None:
        """Start the zygote's process.

        Args:
            packages: What :meth:`packages` has returned.

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
                    await self._start_jailed(theirs, errors.fileno(), packages)
                else:
                    await self._start_plain(theirs, errors.fileno(), packages)
            async with asyncio.timeout(_START_TIMEOUT):
                ready = await asyncio.get_running_loop().sock_recv(mine, 16)
            if not ready.startswith(b"ready"):
                raise OSError("it ended at once")
        except OSError as error:  # a timeout is one
            mine.close()
            await self.close()
            said = log.read_text(errors="replace").strip()[-2000:] if log.exists() else ""
            raise DriverFault(f"the zygote for {name} did not start: {error}\n{said}") from error
        self._socket = mine
        asyncio.get_running_loop().add_reader(mine.fileno(), self._lost)

    def _arguments(self, control: socket.socket, root: str, runtime: str) -> list[str]:
        """The zygote's arguments after the interpreter, its files found below ``root``."""
        program = root + str(runtimes_folder() / "python" / "zygote.py")
        jailed = "1" if self._config.jailed else "0"
        return ["-I", "-S", program, str(control.fileno()), jailed, runtime]

    async def packages(self) -> list[tuple[Path, str]]:
        """Return what its runtimes bring, once that is there: where it lies, where it is shown.

        It may take minutes, and be cancelled.

        Raises:
            DriverFault: It can't be had.
        """
        interpreter, language = self.choice.interpreter, self.choice.language
        config = self._config
        find = language.packages(
            official=config.official, console=config.console, state=config.state
        )
        if interpreter is None or find is None:
            return []
        return await find(interpreter, layout.covered_packages(language, interpreter.prefix))

    def _link_packages(self, packages: Sequence[tuple[Path, str]]) -> None:
        """Make the folder of packages for sandboxes that see this machine's files."""
        if packages:
            assert self.choice.interpreter is not None
            folder = self._config.state / layout.PACKAGES / self.choice.interpreter.runtime
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for source, place in packages:
                (folder / Path(place).name).symlink_to(source)

    async def _start_jailed(
        self, control: socket.socket, errors: int, packages: Sequence[tuple[Path, str]]
    ) -> None:
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
            packages=packages,
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

    async def _start_plain(
        self, control: socket.socket, errors: int, packages: Sequence[tuple[Path, str]]
    ) -> None:
        interpreter = self.choice.interpreter
        if interpreter is not None and self.choice.language.forks:
            program = str(interpreter.executable)
        else:
            program = str(own_interpreter())
        folder = str(runtimes_folder() / "python")
        self._link_packages(packages)
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
        self._watchdog.rest()
        self._stems.drop()

    async def close(self) -> None:
        """End the zygote; sandboxes in its PID namespace end with it."""
        self._lost()
        self._kill()
        await self._stems.close()  # what is under way ends in its place
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

    async def take(self, kind: StemKind | None, *, alone: bool) -> ProcessSandbox:
        """Return a sandbox to specialise.

        Args:
            kind: A stem cell of this kind will do; None where none will.
            alone: The runtime need not be started ahead of its order: it starts sooner without.

        Raises:
            DriverFault: It can't be had.
        """
        stem = None if kind is None else self._stems.take(kind)
        return stem or await self._order(None if alone else kind)

    async def prepare(self, sizes_mb: Collection[int]) -> None:
        """Have stem cells ready for functions with these sizes of memory, the most common ones.

        Raises:
            DriverFault: One ended before its use.
        """
        interpreter, language = self.choice.interpreter, self.choice.language
        sizes = Counter(sizes_mb or (_LEAST_MB,)).most_common(self._config.stem_cells)
        for size, _ in reversed(sizes):
            environ = {MEMORY_SIZE: str(size)}
            environ |= language.at_start(environ)
            self._stems.expect(
                EMPTY if interpreter is None else language.stem(interpreter, environ)
            )
        await self._stems.fill()

    async def _make_stem(self, kind: StemKind) -> ProcessSandbox | None:
        """Return a stem cell; None where such a runtime starts only when it is needed.

        Raises:
            DriverFault: It ended before its use.
        """
        stem = await self._order(kind)
        try:
            if await self._ready(stem, kind):
                await self._config.equip(stem)
                return stem
        except BaseException:
            self._config.discard(stem)
            raise
        self._config.discard(stem)
        if kind.runtime and not self.choice.language.has_stem_cells:
            return None
        end = stem.exited.result()
        raise DriverFault(f"a sandbox ended before its use: {end.message or end}")

    async def _ready(self, stem: ProcessSandbox, kind: StemKind) -> bool:
        """Return whether a stem cell can be taken, once that is known."""
        await (stem.running if kind.runtime else stem.standing)
        if stem.exited.done() or not (kind.runtime and self.choice.language.stem_says_ready):
            return not stem.exited.done()
        said = asyncio.create_task(_hear(stem))
        try:
            await asyncio.wait(
                (said, stem.exited), timeout=_START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            return said.done() and said.result()
        finally:
            said.cancel()

    async def _order(self, kind: StemKind | None) -> ProcessSandbox:
        """Have the zygote fork a new sandbox: a stem cell of this kind, or an empty one.

        Raises:
            DriverFault: It can't.
        """
        config = self._config
        sandbox = config.new_sandbox()
        try:
            fds = sandbox.open()
        except DriverFault:
            config.discard(sandbox)
            raise
        kind = kind or EMPTY
        command = self._stem_command(kind) if kind.runtime else []
        job: dict[str, Any] = {
            "jailed": config.jailed,
            "user": config.user,
            "inner_uid": layout.INNER_UID if sandbox.uid is None else sandbox.uid,
            "groups": unique_folders(sandbox.group) if sandbox.group else [],
            "early": kind.runtime,
            "argv": command,
            "environ": {**layout.zygote_environ(), **dict(kind.variables)} if command else {},
            "cwd": "/var/task" if command and config.jailed else "/",
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
        self._watchdog.expect()
        sandbox.standing.add_done_callback(lambda _: self._watchdog.came())
        return sandbox

    def _stem_command(self, kind: StemKind) -> list[str]:
        jailed, language = self._config.jailed, self.choice.language
        folder = "/var/runtime" if jailed else str(runtimes_folder() / language.name)
        arguments = language.stem_command(folder)
        if not arguments or self.choice.interpreter is None:
            return []
        return [program_inside(self.choice, jailed=jailed), *kind.options, *arguments]

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


async def _hear(stem: ProcessSandbox) -> bool:
    """Return whether a runtime says that it is ready; it ends otherwise."""
    assert stem.channel is not None
    try:
        return bool(await asyncio.get_running_loop().sock_recv(stem.channel, 1))
    except OSError:
        return False


def _reap(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
