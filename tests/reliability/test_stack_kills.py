"""The emulator is killed at random points of stack operations: no stack stays half-made.

The points are writes of documents, each just before or just after it is done, drawn from a seed
that is printed: ``LOCALFAAS_SEED=… pytest …`` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.patience import PATIENCE_S, until
from tests.reliability.kills import kills

EMULATOR = """
import asyncio, os, signal, sys
from pathlib import Path
from emulator.app import Emulator
from emulator.settings import Settings
from emulator.store.documents import Documents
from emulator.testing import ScriptedDriver

left, when = 0, "before"
write = Documents.write

def arm(*signal):
    global left, when
    count, when = Path(sys.argv[2]).read_text().split()
    left = int(count)

signal.signal(signal.SIGUSR1, arm)

async def counted(self, *changes):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    mine = left == 0
    await write(self, *changes)
    if mine:
        os.kill(os.getpid(), signal.SIGKILL)

Documents.write = counted

async def main():
    settings = Settings(port=0, state=Path(sys.argv[1]), transition_seconds=0)
    emulator = Emulator(settings, driver=ScriptedDriver())
    await emulator.run(on_ready=lambda: print(emulator.port, flush=True))

asyncio.run(main())
"""
SETTLED = {
    "CREATE_COMPLETE",
    "DELETE_COMPLETE",
    "ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
}
TRUST = {"Version": "2012-10-17", "Statement": [
    {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
]}  # fmt: skip
ALLOW = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
]}  # fmt: skip
MAPPING = "AWS::Lambda::EventSourceMapping"


class Emulator:
    """A process that can be made to kill itself at a write."""

    def __init__(self, folder: Path) -> None:
        self._orders = folder / "orders"
        words = [sys.executable, "-c", EMULATOR, str(folder / "state"), str(self._orders)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        with self.process.stdout:
            self.port = int(self.process.stdout.readline())

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=f"http://localhost:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}, read_timeout=PATIENCE_S),
        )

    def die_at(self, point: int, when: str) -> None:
        """Let it kill itself before or after its ``point``-th write from now on."""
        self._orders.write_text(f"{point} {when}")
        self.process.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)


def template(choice: random.Random, version: int) -> dict[str, Any]:
    """Return a template that differs from the others in what it has and how."""
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": f"def handler(event, context): return {version}"},
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": "Role.Arn"},
            "Runtime": "python3.12",
            "MemorySize": choice.choice((128, 256)),
        },
    }
    everything: dict[str, Any] = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUST,
                "Policies": [{"PolicyName": f"p{version % 3}", "PolicyDocument": ALLOW}],
            },
        },
        "F": function,
        "G": json.loads(json.dumps(function)),
        "Q": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": version % 9}},
        "P": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": f"own-{version}", "VisibilityTimeout": 30},
        },
        "Feed": {
            "Type": MAPPING,
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": "Q.Arn"},
                "FunctionName": {"Ref": "F"},
                "BatchSize": version % 9 + 1,
                "Enabled": False,
            },
        },
        "Url": {
            "Type": "AWS::Lambda::Url",
            "Properties": {"AuthType": "NONE", "TargetFunctionArn": {"Ref": "G"}},
        },
        "May": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "F"},
                "Principal": "sqs.amazonaws.com",
            },
        },
        "Log": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"RetentionInDays": choice.choice((1, 3, 5))},
        },
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}},
    }
    droppable = ("P", "Feed", "Url", "May", "Log", "Bucket")
    for name in choice.sample(droppable, choice.randint(0, 3)):
        del everything[name]
    if choice.random() < 0.3:
        # The last one fails, so that all is undone.
        everything["Bad"] = {
            "Type": "AWS::SQS::Queue",
            "Properties": {"DelaySeconds": 99999},
            "DependsOn": sorted(everything),
        }
    return {"Resources": everything}


def begin(emulator: Emulator, choice: random.Random, version: int) -> None:
    """Begin an operation; the emulator may be killed in the middle of it."""
    stacks = emulator.client("cloudformation")
    name = f"stack-{choice.randint(0, 2)}"
    body = json.dumps(template(choice, version))
    iam = {"Capabilities": ["CAPABILITY_IAM"]}
    try:
        there = {s["StackName"]: s["StackStatus"] for s in stacks.describe_stacks()["Stacks"]}
        if name not in there:
            stacks.create_stack(StackName=name, TemplateBody=body, **iam)
        elif there[name] == "ROLLBACK_COMPLETE" or choice.random() < 0.3:
            stacks.delete_stack(StackName=name)
        else:
            stacks.update_stack(StackName=name, TemplateBody=body, **iam)
        until(lambda: status(stacks, name) in SETTLED)
    except (BotoCoreError, ClientError):
        pass


def status(stacks: Any, name: str) -> str:
    return str(stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def is_over(stacks: Any, name: str) -> bool:
    return not status(stacks, name).endswith("_IN_PROGRESS")


def check(emulator: Emulator) -> int:
    """Check that all stacks are settled and nothing is there without a stack; return the stacks."""
    stacks = emulator.client("cloudformation")
    owned: set[str] = set()
    for stack in stacks.describe_stacks()["Stacks"]:
        id = stack["StackId"]
        until(partial(is_over, stacks, id))
        now = status(stacks, id)
        events = [
            (e["LogicalResourceId"], e["ResourceStatus"], e.get("ResourceStatusReason", ""))
            for e in stacks.describe_stack_events(StackName=id)["StackEvents"][:30]
        ]
        assert now in SETTLED, events
        if now == "DELETE_COMPLETE":
            continue
        found = stacks.describe_stack_resources(StackName=id)["StackResources"]
        for each in found:
            if each["ResourceStatus"] != "DELETE_COMPLETE":
                assert each["ResourceStatus"].endswith("_COMPLETE"), each
                # Addresses of queues have the port of the start that made them.
                owned.add(re.sub("^http://.*/", "", each["PhysicalResourceId"]))
        if now != "ROLLBACK_COMPLETE":
            body = stacks.get_template(StackName=id)["TemplateBody"]
            ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
            check_values(emulator, dict(body)["Resources"], ids)
    there = everything(emulator)
    assert not there - owned
    assert not {each for each in owned - there if not is_attachment(each)}
    return len(owned)


def check_values(emulator: Emulator, resources: dict[str, Any], ids: dict[str, str]) -> None:
    """Check that a stack's resources have what its template says, after an update cut off, too."""
    functions, queues = emulator.client("lambda"), emulator.client("sqs")
    for name, resource in resources.items():
        wanted = resource.get("Properties", {})
        found: Any
        if name in ("F", "G"):
            found = functions.get_function_configuration(FunctionName=ids[name])["MemorySize"]
            assert found == wanted["MemorySize"], name
        elif name == "Q":
            url = queues.get_queue_url(QueueName=ids[name].rpartition("/")[2])["QueueUrl"]
            found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
            assert found["Attributes"]["DelaySeconds"] == str(wanted["DelaySeconds"])
        elif name == "Feed":
            found = functions.get_event_source_mapping(UUID=ids[name])["BatchSize"]
            assert found == wanted["BatchSize"]
        elif name == "Log":
            groups = emulator.client("logs").describe_log_groups(logGroupNamePrefix=ids[name])
            assert groups["logGroups"][0]["retentionInDays"] == wanted["RetentionInDays"]
        elif name == "Role":
            found = emulator.client("iam").list_role_policies(RoleName=ids[name])["PolicyNames"]
            assert found == [each["PolicyName"] for each in wanted["Policies"]]


def is_attachment(physical: str) -> bool:
    """Say whether an id is that of a part of another resource: a permission, a function URL."""
    return "-May-" in physical or physical.startswith("arn:aws:lambda")


def everything(emulator: Emulator) -> set[str]:
    """Return the ids of all there is."""
    functions = emulator.client("lambda")
    queues = emulator.client("sqs").list_queues().get("QueueUrls", [])
    groups = emulator.client("logs").describe_log_groups()["logGroups"]
    return {
        *(each["FunctionName"] for each in functions.list_functions()["Functions"]),
        *(each["UUID"] for each in functions.list_event_source_mappings()["EventSourceMappings"]),
        *(url.rpartition("/")[2] for url in queues),
        *(each["RoleName"] for each in emulator.client("iam").list_roles()["Roles"]),
        *(each["logGroupName"] for each in groups),
        *(each["Name"] for each in emulator.client("s3").list_buckets()["Buckets"]),
    }


@pytest.mark.slow
@kills(few=12)
def test_stacks_are_whole_after_kills(tmp_path: Path, kills: int) -> None:
    seed = int(os.environ.get("LOCALFAAS_SEED", random.randrange(10**6)))
    print(f"LOCALFAAS_SEED={seed}")
    choice = random.Random(seed)
    most = 0
    emulator = Emulator(tmp_path)
    try:
        for version in range(kills):
            point, when = choice.randint(1, 90), choice.choice(("before", "after"))
            print(f"{version}: killed {when} write {point}")
            emulator.die_at(point, when)
            begin(emulator, choice, version)
            emulator.kill()
            emulator = Emulator(tmp_path)
            most = max(most, check(emulator))
    finally:
        emulator.kill()
    assert most > 0


def small(version: int) -> dict[str, Any]:
    """Return a template whose every version changes each of its resources in place."""
    policies = [{"PolicyName": f"p{version}", "PolicyDocument": ALLOW}]
    role = {"AssumeRolePolicyDocument": TRUST, "Policies": policies}
    return {
        "Resources": {
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": version % 900}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        }
    }


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_update_is_done_wherever_it_is_cut_off(tmp_path: Path, when: str) -> None:
    emulator = Emulator(tmp_path)
    request: dict[str, Any] = {"StackName": "small", "Capabilities": ["CAPABILITY_IAM"]}
    try:
        body = json.dumps(small(0))
        emulator.client("cloudformation").create_stack(TemplateBody=body, **request)
        check(emulator)
        for point in range(1, 100):
            stacks = emulator.client("cloudformation")
            emulator.die_at(point, when)
            with suppress(BotoCoreError):
                stacks.update_stack(TemplateBody=json.dumps(small(point)), **request)
                check(emulator)
                break
            emulator.kill()
            emulator = Emulator(tmp_path)
            check(emulator)
        assert 5 < point < 99, "it was cut off at each of its writes"
    finally:
        emulator.kill()
