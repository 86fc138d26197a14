"""The recipes of CONTRIBUTING.md, followed to the letter."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Serves the copied service from the copied package, and calls it.
_CALL = """
import asyncio
from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver

async def main():
    emulator = Emulator(Settings(port=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    call = emulator.table.call
    made = await call("hello-world", "PutGreeting", {"Name": "world", "Text": "Hello"})
    print(made["Arn"])
    emulator.stop()
    await running

asyncio.run(main())
"""


def commands(heading: str) -> list[str]:
    """Return the commands of a recipe's first example."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = re.split(r"^### ", text, flags=re.M)
    recipe = next(each for each in section if each.startswith(heading))
    block = recipe.partition("```console\n")[2].partition("```")[0]
    return [line.removeprefix("$ ") for line in block.splitlines()]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the recipes change."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "emulator", tmp_path / "emulator", ignore=ignore)
    shutil.copytree(ROOT / "runtimes", tmp_path / "runtimes", ignore=ignore)
    for folder in ("tests/hello_world", "tests/architecture"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    shutil.copy(ROOT / "tests" / "codecs.py", tmp_path / "tests")
    return tmp_path


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_add_a_service(copy: Path) -> None:
    lines = commands("Add an AWS service")
    assert len(lines) == 3
    for line in lines:
        run(copy, "sh", "-ec", line)
    table = copy / "emulator" / "services" / "table.py"
    text = table.read_text()
    table.write_text(text.replace("SERVICES = (\n", 'SERVICES = (\n    "greetings",\n'))
    changed = [line for line in table.read_text().splitlines() if line not in text.splitlines()]
    assert changed == ['    "greetings",']
    # The example is gone: nothing of the copy leans on it.
    shutil.rmtree(copy / "tests" / "hello_world")
    assert run(copy, sys.executable, "-c", _CALL) == (
        "arn:aws:hello-world:us-east-1:000000000000:world\n"
    )
