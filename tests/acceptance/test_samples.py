"""Every sample function gives what its ``expected.json`` says, through boto3 and the AWS CLI."""

from __future__ import annotations

import base64
import json

import pytest

from tests.acceptance.conftest import ROOT, Up, localfaas_up
from tests.acceptance.drivers import DRIVERS, options
from tests.acceptance.matching import Outcome, Sample, check, samples

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


def check_steps(sample: Sample, run) -> None:
    for number, step in enumerate(sample.steps):
        assert check(step.expected, run(step.event)) == [], f"step {number}"


@pytest.fixture(scope="module", params=DRIVERS)
def cold_up(request):
    """An emulator whose samples nothing else calls: one that keeps state must begin cold."""
    template = ROOT / "sample_functions" / "template.yaml"
    with localfaas_up(template, "--no-watch", *options(request.param)) as up:
        yield up


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_through_boto3(sample, cold_up):
    check_steps(sample, lambda event: through_boto3(cold_up, sample.name, event))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_through_the_aws_cli(sample, samples_up, tmp_path):
    out = str(tmp_path / "out.json")
    check_steps(sample, lambda event: through_the_cli(samples_up, sample.name, event, out))
