"""The GitHub Action's script, on a machine without localfaas."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, free_port

SCRIPT = ROOT / ".github" / "action" / "start.sh"


def test_the_action_gives_the_script_what_it_reads() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = action["runs"]["steps"]
    assert step["run"] == f'"$GITHUB_ACTION_PATH/{SCRIPT.relative_to(ROOT)}"'
    read = set(re.findall(r"LOCALFAAS_ACTION_\w+", SCRIPT.read_text()))
    assert set(step["env"]) == read
    inputs = {f"LOCALFAAS_ACTION_{name.upper()}" for name in action["inputs"]}
    assert inputs == read
    assert all(f"inputs.{name} }}}}" in str(step["env"]) for name in action["inputs"])
    assert os.access(SCRIPT, os.X_OK)


@pytest.mark.slow
def test_the_script_installs_and_starts_it(tmp_path: Path) -> None:
    (tmp_path / "greets").mkdir()
    (tmp_path / "greets" / "app.py").write_text("def handler(event, context):\n    return 'hi'\n")
    files = {name: str(tmp_path / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH")}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME") or "proxy" in name.lower() or name.startswith(("PIP_", "SSL_"))
    }
    environ = {
        **kept,
        **files,
        "RUNNER_TEMP": str(tmp_path),
        "LOCALFAAS_ACTION_PATH": str(tmp_path / "greets"),
        "LOCALFAAS_ACTION_OPTIONS": f"--region 'eu-west-1'  --no-watch $(touch {tmp_path}/never)",
    }
    port = free_port()
    # What looks like a command is a word like others, and no option.
    failed = _run([str(SCRIPT)], environ)
    assert failed.returncode != 0
    assert not (tmp_path / "never").exists()
    environ["LOCALFAAS_ACTION_OPTIONS"] = "--region 'eu-west-1"
    unread = _run([str(SCRIPT)], environ)
    assert (unread.returncode, unread.stderr) == (
        1,
        '::error::the options "--region \'eu-west-1" can not be read: No closing quotation\n',
    )
    environ["LOCALFAAS_ACTION_OPTIONS"] = f"--region 'eu-west-1'  --no-watch --port {port}"
    started = _run([str(SCRIPT)], environ)
    assert started.returncode == 0, started.stderr
    later = dict(line.split("=", 1) for line in Path(files["GITHUB_ENV"]).read_text().splitlines())
    assert later["AWS_ENDPOINT_URL"] == f"http://localhost:{port}"
    assert later["AWS_REGION"] == "eu-west-1"
    assert Path(files["GITHUB_OUTPUT"]).read_text() == f"endpoint={later['AWS_ENDPOINT_URL']}\n"
    bin = Path(files["GITHUB_PATH"]).read_text().strip()
    try:
        assert (
            _run([f"{bin}/localfaas", "invoke", "greets"], {**environ, **later}).stdout == '"hi"\n'
        )
    finally:
        assert _run([f"{bin}/localfaas", "down"], {**environ, **later}).returncode == 0


def _run(words: list[str], environ: dict[str, str]) -> Any:
    return subprocess.run(
        words, env=environ, capture_output=True, text=True, timeout=250, check=False
    )
