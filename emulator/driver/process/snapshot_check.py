"""The check of ``localfaas doctor`` on how environments are restored from snapshots here."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from emulator.driver.declaration import Finding
from emulator.driver.process.copier import INITIALIZATION_TYPE, SNAP_START
from emulator.driver.process.driver import ProcessDriver
from emulator.model.errors import LocalfaasError
from emulator.model.sandbox import EnvironmentSpec

#: Seconds that a function may take to its snapshot.
_PATIENCE_S = 20.0
_REMEDY = (
    "let unprivileged processes make user namespaces "
    "(sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
)


def write_function(folder: Path) -> None:
    """Write a function into the folder "code" of ``folder``, for the users of sandboxes to see."""
    folder.chmod(0o755)
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text("def handler(event, context): ...\n")


async def check(driver: ProcessDriver, folder: Path) -> Finding:
    """Take a snapshot of a small function and copy it, as SnapStart would.

    Args:
        driver: An open driver.
        folder: The function, see :func:`write_function`.
    """
    others = f"Other runtimes go on from a spare ({await asyncio.to_thread(criu)})."
    try:
        if not driver.copies:
            raise LocalfaasError("there are no namespaces")
        await _copy(driver, folder)
    except (LocalfaasError, OSError, TimeoutError) as error:
        return Finding(
            subject="SnapStart",
            verdict="note",
            detail=f"Python can't be copied from its snapshot, and goes on from a spare: {error}. "
            f"{others}",
            remedy=_REMEDY,
        )
    return Finding(
        subject="SnapStart", verdict="ok", detail=f"Python is copied from its snapshot. {others}"
    )


async def _copy(driver: ProcessDriver, folder: Path) -> None:
    spec = EnvironmentSpec(
        environment_id=uuid.uuid4().hex,
        function_name="doctor",
        function_version="1",
        runtime=f"python3.{sys.version_info.minor}",
        handler="app.handler",
        code=folder,
        environ={"_HANDLER": "app.handler", INITIALIZATION_TYPE: SNAP_START},
    )
    sandbox = await driver.start(spec)
    assert sandbox.channel is not None
    async with asyncio.timeout(_PATIENCE_S):
        said = await asyncio.get_running_loop().sock_recv(sandbox.channel, 65536)
        if b"restore/next" not in said:
            raise LocalfaasError("a function did not come to its snapshot")
        copy = await driver.copy(sandbox, dataclasses.replace(spec, runtime_api="127.0.0.1:9"))
    assert copy.channel is not None
    copy.channel.close()
    await driver.stop(copy)
    sandbox.channel.close()
    await driver.stop(sandbox)


def criu() -> str:
    """Say what CRIU could do here, as the end of a sentence. Blocks."""
    program = shutil.which("criu")
    if program is None:
        return "CRIU is not installed, and not needed"
    try:
        done = subprocess.run([program, "check"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"criu check can't be run: {error}"
    works = "passes" if done.returncode == 0 else "fails"
    return f"criu check {works} here, but CRIU is not used"
