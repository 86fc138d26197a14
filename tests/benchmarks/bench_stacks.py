"""The benchmark of stacks: ten functions and ten queues deployed by boto3; part of ``make bench``.

The emulator is a process of its own with a state folder, so everything is durable. MiniStack, which
keeps all in memory, does the same in the same run, where PyPI can be had.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.benchmarks.bench_invoke import emulator, free_port, wait_for, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_EACH = 10
_RESOURCES = 500


def template(delay: int = 0) -> str:
    """Return a template of ten functions, each with a queue's address in its variables."""
    resources: dict[str, Any] = {}
    for number in range(_EACH):
        resources[f"Queue{number}"] = {
            "Type": "AWS::SQS::Queue",
            "Properties": {"DelaySeconds": delay},
        }
        resources[f"Function{number}"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"ZipFile": "def handler(event, context):\n    return event\n"},
                "Environment": {"Variables": {"QUEUE": {"Ref": f"Queue{number}"}}},
                "Handler": "index.handler",
                "Role": "arn:aws:iam::000000000000:role/r",
                "Runtime": "python3.12",
            },
        }
    return json.dumps({"Resources": resources})


class Deployer:
    """Deploys as a client does, and says how many milliseconds that took."""

    def __init__(self, port: int) -> None:
        self.client = boto3.client(
            "cloudformation",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="x",
            config=Config(retries={"max_attempts": 0}),
        )

    def ended(self, name: str, wanted: str) -> None:
        """Wait until a stack has come to an end, and check that it is the one that is wanted."""
        while True:
            (stack,) = self.client.describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
        assert stack["StackStatus"] == wanted, stack

    def create(self, name: str, body: str) -> float:
        """Create a stack."""
        began = time.perf_counter()
        self.client.create_stack(StackName=name, TemplateBody=body)
        self.ended(name, "CREATE_COMPLETE")
        return (time.perf_counter() - began) * 1000

    def update(self, name: str, body: str) -> float:
        """Update a stack."""
        began = time.perf_counter()
        self.client.update_stack(StackName=name, TemplateBody=body)
        self.ended(name, "UPDATE_COMPLETE")
        return (time.perf_counter() - began) * 1000

    def no_change(self, name: str, body: str) -> float:
        """Deploy what is there already, by a change set."""
        began = time.perf_counter()
        names = {"StackName": name, "ChangeSetName": "none"}
        self.client.create_change_set(**names, TemplateBody=body)
        assert self.client.describe_change_set(**names)["Status"] == "FAILED"
        self.client.delete_change_set(**names)
        return (time.perf_counter() - began) * 1000

    def delete(self, name: str) -> float:
        """Delete a stack."""
        (stack,) = self.client.describe_stacks(StackName=name)["Stacks"]
        began = time.perf_counter()
        self.client.delete_stack(StackName=name)
        self.ended(stack["StackId"], "DELETE_COMPLETE")
        return (time.perf_counter() - began) * 1000


@contextmanager
def _ministack(folder: Path) -> Iterator[int | None]:
    """Yield the port of a MiniStack; None where it can't be installed."""
    python = folder / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "ministack"]
        subprocess.run(install, check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"MiniStack is not compared: {error}")
        yield None
        return
    port = free_port()
    process = subprocess.Popen(
        [
            *(str(python), "-m", "hypercorn", "ministack.app:app"),
            *("--bind", f"127.0.0.1:{port}", "--log-level", "error"),
        ],
        env=os.environ | {"GATEWAY_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, "/", process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def measure(options: argparse.Namespace) -> Figures:
    """Return the medians of all deployments, milliseconds."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "functions"
        folder.mkdir()
        write_functions(folder, {"echo": "def handler(event, context):\n    return event\n"})
        with emulator(folder, "--state", f"{temporary}/state") as (port, _, _):
            deployer = Deployer(port)
            # The first call loads the services.
            found["first_ms"] = [deployer.create("warm", template())]
            deployer.delete("warm")
            for number in range(options.rounds):
                name = f"stack-{number}"
                found.setdefault("create_ms", []).append(deployer.create(name, template()))
                found.setdefault("no_change_ms", []).append(deployer.no_change(name, template()))
                found.setdefault("update_ms", []).append(deployer.update(name, template(1)))
                found.setdefault("delete_ms", []).append(deployer.delete(name))
            queue = {"Type": "AWS::SQS::Queue"}
            many = json.dumps({"Resources": {f"Q{n}": queue for n in range(_RESOURCES)}})
            found["many_ms"] = [deployer.create("many", many)]
        with _ministack(Path(temporary) / "ministack") as rival:
            if rival is not None:
                deployer = Deployer(rival)
                deployer.create("warm", template())
                for number in range(options.rounds):
                    took = deployer.create(f"stack-{number}", template())
                    found.setdefault("rival_create_ms", []).append(took)
    return {name: round(statistics.median(each), 1) for name, each in found.items()}


def rows(figures: Figures) -> Iterator[Row]:
    """Yield the rows of the table of figures."""
    stack = "Stack of 10 functions and 10 queues"
    yield at_most(f"{stack}: create", figures["create_ms"], 500, "ms")
    if "rival_create_ms" in figures:
        yield Row(f"{stack}: create, on MiniStack in memory", f"{figures['rival_create_ms']} ms")
    yield at_most(f"{stack}: deploy without a change", figures["no_change_ms"], 50, "ms")
    yield Row(f"{stack}: update all queues", f"{figures['update_ms']} ms")
    yield Row(f"{stack}: delete", f"{figures['delete_ms']} ms")
    yield Row(f"{stack}: create, the first of an emulator", f"{figures['first_ms']} ms")
    yield Row(f"Stack of {_RESOURCES} queues: create", f"{figures['many_ms']} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    run("stacks", measure, parser)
