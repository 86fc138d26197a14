"""Node.js in the versions of AWS's runtimes, from npm's package of that name, kept in a cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.needs import need

VERSIONS = (20, 22, 24)


@cache
def node(major: int) -> Path:
    """Return the program of a version; skips the test (fails in CI) where it can't be had."""
    found = shutil.which("node")
    if found is not None and _major(found) == major:
        return Path(found)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "localfaas-tests" / f"node-{major}"
    program = folder / "node_modules" / "node" / "bin" / "node"
    if not program.exists():
        need("npm")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, f"node@{major}"],
            check=True,
            capture_output=True,
            timeout=600,
        )
    return program


def _major(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    match = re.match(r"v(\d+)", told.stdout)
    return int(match[1]) if match else 0
