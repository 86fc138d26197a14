"""Every sample function gives what its ``expected.json`` says, through boto3 and the AWS CLI."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import EMULATOR, ROOT, Up, localfaas_up
from tests.acceptance.drivers import DRIVERS, KUBERNETES, in_cluster, options
from tests.acceptance.matching import Outcome, Sample, check, samples
from tests.contract.pods import pods
from tests.needs import need
from tests.patience import PATIENCE_S

__all__ = ["pods"]

SAMPLES = list(samples(ROOT / "sample_functions"))


def through_boto3(up: Up, name: str, event: object) -> Outcome:
    answer = up.client().invoke(
        FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail"
    )
    return Outcome(
        status=answer["StatusCode"],
        function_error=answer.get("FunctionError"),
        payload=json.load(answer["Payload"]),
        log=base64.b64decode(answer["LogResult"]).decode().splitlines(),
    )


def through_the_cli(up: Up, name: str, event: object, scratch: str) -> Outcome:
    done = up.aws(
        *("lambda", "invoke", "--function-name", name, "--log-type", "Tail"),
        *("--payload", json.dumps(event), "--output", "json", scratch),
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    with open(scratch) as file:
        payload = json.load(file)
    return Outcome(
        status=answer["StatusCode"],
        function_error=answer.get("FunctionError"),
        payload=payload,
        log=base64.b64decode(answer["LogResult"]).decode().splitlines(),
    )


def check_steps(sample: Sample, run: Any) -> None:
    for number, step in enumerate(sample.steps):
        assert check(step.expected, run(step.event)) == [], f"step {number}"


def take_their_time(up: Up) -> None:
    """Give samples with AWS's default of three seconds, little beside other tests, a minute."""
    client = up.client()
    for each in client.list_functions()["Functions"]:
        if each["Timeout"] == 3:
            client.update_function_configuration(FunctionName=each["FunctionName"], Timeout=60)
            client.get_waiter("function_updated_v2").wait(FunctionName=each["FunctionName"])


@pytest.fixture(scope="module", params=[*DRIVERS, KUBERNETES])
def cold_up(request: pytest.FixtureRequest) -> Iterator[Up]:
    """An emulator whose samples nothing else calls: one that keeps state must begin cold."""
    template = ROOT / "sample_functions" / "template.yaml"
    if request.param == "kubernetes":
        with (
            in_cluster(request.getfixturevalue("pods"), has_sdk=False) as (_, words),
            localfaas_up(template, "--no-watch", *words) as up,
        ):
            take_their_time(up)
            yield up
        return
    with localfaas_up(template, "--no-watch", *options(request.param)) as up:
        take_their_time(up)
        yield up


@cache
def memory_is_limited() -> bool:
    done = subprocess.run(
        [*EMULATOR, "doctor", "--json"], capture_output=True, timeout=PATIENCE_S, check=False
    )
    return any(finding["subject"] == "control groups" for finding in json.loads(done.stdout))


def skip_where_it_cannot_run(sample: Sample, driver: str = "process") -> None:
    if driver != "process":
        return
    if sample.name == "hello-node":
        need("node")
    if sample.name == "allocates-too-much" and not memory_is_limited():
        pytest.skip("no control groups here: memory limits can't be enforced")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_through_boto3(sample: Sample, cold_up: Up, request: pytest.FixtureRequest) -> None:
    skip_where_it_cannot_run(sample, request.node.callspec.params["cold_up"])
    check_steps(sample, lambda event: through_boto3(cold_up, sample.name, event))


@pytest.mark.parametrize(
    "sample",
    # Each call of the AWS CLI takes a second of Python's own start.
    [
        pytest.param(each, id=each.name, marks=[] if each.name == "hello" else pytest.mark.slow)
        for each in SAMPLES
    ],
)
def test_through_the_aws_cli(sample: Sample, samples_up: Up, tmp_path: Path) -> None:
    skip_where_it_cannot_run(sample)
    out = str(tmp_path / "out.json")
    check_steps(sample, lambda event: through_the_cli(samples_up, sample.name, event, out))


@pytest.mark.parametrize(
    "sample",
    [each for each in SAMPLES if each.name != "orders"],  # whose events are SQS's
    ids=lambda sample: sample.name,
)
def test_a_sample_shows_its_lesson_without_an_event(sample: Sample, samples_up: Up) -> None:
    skip_where_it_cannot_run(sample)
    answer = samples_up.client().invoke(FunctionName=sample.name)
    assert answer.get("FunctionError") == sample.steps[0].expected.get("function_error")
