"""What ``localfaas doctor`` says of CRIU."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.driver.process.snapshot_check import criu


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("test $1 = check", "criu check passes here, but CRIU is not used"),
        ("exit 1", "criu check fails here, but CRIU is not used"),
        (None, "CRIU is not installed, and not needed"),
    ],
)
def test_it_says_whether_criu_check_passes_and_that_it_is_not_used(
    script: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script is not None:
        (tmp_path / "criu").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "criu").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert criu() == said


def test_a_criu_that_can_not_be_run_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "criu").write_bytes(b"\x7fnothing")
    (tmp_path / "criu").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert criu().startswith("criu check can't be run: ")
