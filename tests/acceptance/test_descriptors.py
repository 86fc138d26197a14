"""How many files the emulator may have open."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import localfaas_up


@pytest.mark.skipif(sys.platform != "linux", reason="asks for another process's limits")
def test_it_takes_what_its_user_may_have(tmp_path: Path) -> None:
    lowered = ("sh", "-c", 'ulimit -Sn 256; exec "$@"', "sh")
    (tmp_path / "app.py").write_text("def handler(event, context): ...")
    with localfaas_up(tmp_path, "--no-watch", before=lowered) as up:
        soft, hard = resource.prlimit(up.process.pid, resource.RLIMIT_NOFILE)
    assert soft == min(hard, 65536)
