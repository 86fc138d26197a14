"""Every command of the lesson on cold starts is run as it stands there, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, Up, localfaas_up
from tests.acceptance.test_readme_commands import Shell, commands
from tests.needs import need
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

#: What some of them print, of which the lesson speaks; in its order.
_PRINTS = (
    ("invoke slow-init --tail", "Init Duration"),
    ("invocations slow-init", "it is the first call"),
    ("invocations slow-init", "the last environment was evicted"),
    ("coldstart heavy-imports -n 3 -e", "boto3"),
    ("function=heavy-imports,lazy-imports", "lazy-imports"),
    ("function=heavy-imports-node", "heavy-imports-node"),
    ("memory=128,1769", "memory=1769"),
    ("provisioned=off,on", "provisioned=on"),
    ("snapstart=off,on", "Restore"),
    ("profile list", "aws-bad-day"),
    ("profile show aws", "python3.13"),
    ("what-if --set idle=60,3600", "as recorded"),
    ("what-if synthetic --set idle", "synthetic"),
    ("policy=none,fixed,histogram", "policy=histogram"),
    ("localfaas cost", "BREAK-EVEN"),
)


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with localfaas_up(ROOT / "sample_functions", "--no-watch") as up:
        yield up


def test_the_commands_of_the_lesson_work(up: Up, tmp_path: Path) -> None:
    for program in ("bash", "node"):
        need(program)
    # Plots are written where one stands.
    (tmp_path / "sample_functions").symlink_to(ROOT / "sample_functions")
    shell = Shell(up, tmp_path, cwd=tmp_path)
    awaited = list(_PRINTS)
    for command in commands(ROOT / "docs" / "cold-starts.md"):
        if command.startswith("source "):
            continue
        with shell.start(command) as (process, file):
            status = process.wait(300)
        printed = file.read_text()
        assert status == 0, f"{command}\n{printed}"
        assert "Traceback (most recent call last)" not in printed
        while awaited and awaited[0][0] in command and awaited[0][1] in printed:
            awaited.pop(0)
    assert not awaited, "what the lesson speaks of was not printed"
    plots = {path.name for path in tmp_path.glob("*.svg")}
    assert {"coldstart-heavy-imports.svg", "coldstart-slow-init.svg", "what-if.svg"} <= plots


def test_the_recorded_lesson_is_predicted_exactly(up: Up, tmp_path: Path) -> None:
    """Real processes on a real clock, after all the commands above."""
    for _ in range(3):
        up.client().invoke(FunctionName="hello", Payload=b"{}")["Payload"].read()
    shell = Shell(up, tmp_path, cwd=tmp_path)
    with shell.start("localfaas timeline export -o timeline.json") as (process, _):
        assert process.wait(PATIENCE_S) == 0
    from emulator.simulation import cost, reading
    from emulator.simulation.what_if import Scenario, compare

    trace = reading.read(tmp_path / "timeline.json")
    [replayed] = compare(trace, [Scenario(name="now")], profile=None, prices=cost.load())
    assert trace.observed_cold > 0
    assert replayed.cold == trace.observed_cold
