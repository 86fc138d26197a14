"""How much CPU functions get, from the option to the function's log."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.acceptance.drivers import DRIVERS, options
from tests.acceptance.test_samples import memory_is_limited

#: Uses up half a second of CPU time.
BUSY = """
import time
def handler(event, context):
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    return "done"
"""
TEMPLATE = f"""
Resources:
  Busy:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: busy
      CodeUri: busy
      Handler: app.handler
      Runtime: python3.{sys.version_info.minor}
      MemorySize: 128
      Timeout: 2
"""


@pytest.fixture(autouse=True)
def as_users_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the limit that is there by default."""
    monkeypatch.delenv("LOCALFAAS_CPU_LIMIT")


def write(folder: Path) -> None:
    (folder / "busy").mkdir()
    (folder / "busy" / "app.py").write_text(BUSY)


def invoke(client: Any) -> tuple[Any, str]:
    answer = client.invoke(FunctionName="busy", LogType="Tail")
    return json.load(answer["Payload"]), base64.b64decode(answer["LogResult"]).decode()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_function_that_its_cpu_share_holds_back_says_so(driver: str, tmp_path: Path) -> None:
    if not memory_is_limited():
        pytest.skip("no control groups here")
    write(tmp_path)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    with localfaas_up(tmp_path, *options(driver)) as up:
        payload, log = invoke(up.client())
    assert payload["errorType"] == "Sandbox.Timedout"
    (line,) = [each for each in log.splitlines() if "throttled" in each]
    assert "of 2.0 s: 128 MB is 7 % of a vCPU" in line


@pytest.mark.parametrize("driver", DRIVERS)
def test_none_lifts_the_limit(driver: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("Timeout: 2", "Timeout: 30"))
    with localfaas_up(tmp_path, "--cpu-limit", "none", *options(driver)) as up:
        payload, log = invoke(up.client())
    assert payload == "done"
    (report,) = [each for each in log.splitlines() if each.startswith("REPORT")]
    # At 7 % of a vCPU it would take seven seconds.
    assert float(report.partition("Duration: ")[2].partition(" ms")[0]) < 5000


def test_a_folder_that_declares_no_memory_gets_a_whole_vcpu(tmp_path: Path) -> None:
    write(tmp_path)
    with localfaas_up(tmp_path) as up:
        configuration = up.client().get_function_configuration(FunctionName="busy")
    assert configuration["MemorySize"] == 1769
