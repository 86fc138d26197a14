"""What is ready in a zygote is shared by its sandboxes; what is made in a fork is its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_RUNTIME = Path(__file__).parents[3] / "runtimes" / "python"


@pytest.mark.skipif(sys.platform != "linux", reason="the calls are Linux's")
def test_what_sandboxes_call_is_looked_up_before_a_fork() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import kernel; print(*vars(kernel._libc))"],
        cwd=_RUNTIME,
        capture_output=True,
        text=True,
        check=True,
    )
    calls = {"capset", "mount", "prctl", "setns", "umount2", "unshare"}
    assert calls <= set(done.stdout.split())
