"""Extensions in containers: processes that the engine starts beside the runtime."""

from __future__ import annotations

import asyncio
import os
from functools import partial

from emulator.driver.conventions import EXTENSIONS
from emulator.driver.docker import paths
from emulator.driver.docker.engine import Engine
from emulator.driver.docker.output import OutputPump
from emulator.driver.docker.responses import EngineFault
from emulator.driver.docker.sandbox import DockerSandbox
from emulator.model.errors import DriverFault
from emulator.model.sandbox import Exit

FOLDER = f"{paths.LAYERS}/{EXTENSIONS}"
#: What engines answer for a program that could not be executed, by the shells' convention.
_NOT_STARTED = {126: "permission denied", 127: "no such file or directory"}
#: How a process ends with its container, and seconds until that shows.
_KILLED, _NOTICE = 137, 1.0


async def begin(engine: Engine, sandbox: DockerSandbox) -> None:
    """Start the extensions of a container that runs.

    Raises:
        DriverFault: The engine does not answer.
    """
    container = sandbox.container
    loop = asyncio.get_running_loop()
    sandbox.extensions = {name: loop.create_future() for name in container.extensions}
    sandbox.extension_output, pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        for name in container.extensions:
            try:
                run, attached = await engine.execute(
                    container.id, [f"{FOLDER}/{name}"], container.extension_environ
                )
            except EngineFault as fault:
                _end(sandbox, name, _not_started(name, str(fault)))
                continue
            ended = partial(_ended, engine, sandbox, name, run)
            sandbox.extension_pumps[name] = OutputPump(attached, ended, into=os.dup(pipe))
    finally:
        os.close(pipe)


def _ended(engine: Engine, sandbox: DockerSandbox, name: str, run: str) -> None:
    """Find out how an extension has ended whose output has."""
    sandbox.extension_tasks.add(asyncio.ensure_future(_settle(engine, sandbox, name, run)))


async def _settle(engine: Engine, sandbox: DockerSandbox, name: str, run: str) -> None:
    try:
        status = await engine.execution_status(run)
    except DriverFault:
        status = _KILLED
    if status == _KILLED:  # of its container's end the runtime's is the reason
        await asyncio.wait([sandbox.exited], timeout=_NOTICE)
    last = sandbox.extension_pumps[name].last
    failed = b"exec failed" in last or last.startswith(f"exec {FOLDER}/{name}: ".encode())
    if status in _NOT_STARTED or (status and failed):
        named = [each for each in _NOT_STARTED.values() if each.encode() in last]
        reason = named[0] if named else _NOT_STARTED.get(status, "exec format error")
        _end(sandbox, name, _not_started(name, reason))
    elif status > 128:
        _end(sandbox, name, Exit(signal=status - 128))
    else:
        _end(sandbox, name, Exit(status=status))


def _not_started(name: str, reason: str) -> Exit:
    message = f"fork/exec {FOLDER}/{name}: {reason}"
    return Exit(status=1, error_type="Extension.LaunchError", message=message)


def _end(sandbox: DockerSandbox, name: str, end: Exit) -> None:
    if not sandbox.extensions[name].done():
        sandbox.extensions[name].set_result(end)
