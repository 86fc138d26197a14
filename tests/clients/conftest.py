"""An emulator, a copy of the order-processing sample, and how a deploy client is run on them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import ROOT, Up, localfaas_up

SAMPLE = ROOT / "samples" / "order-processing"
#: Of the client's own: no telemetry, no look for newer versions, no pager, no colours.
QUIET = {
    "AWS_PAGER": "",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CI": "true",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "NO_COLOR": "1",
    "NODE_NO_WARNINGS": "1",
    "SAM_CLI_TELEMETRY": "0",
    "SLS_INTERACTIVE_SETUP_ENABLE": "0",
    "SLS_NOTIFICATIONS_MODE": "off",
    "SLS_TELEMETRY_DISABLED": "1",
}


class Client:
    """One deploy client in a folder of its own.

    Attributes:
        folder: A copy of the sample.
        up: The emulator.
    """

    def __init__(self, up: Up, folder: Path, home: Path) -> None:
        self.up, self.folder = up, folder
        self.environ: dict[str, str] = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{up.port}",
            "LOCALFAAS_PORT": str(up.port),
            **QUIET,
        }

    def has(self, programs: Path) -> None:
        """Put a folder of programs in front of all others."""
        self.environ["PATH"] = f"{programs}:{self.environ['PATH']}"

    def run(
        self,
        *words: str,
        cwd: str = ".",
        status: int = 0,
        typed: str = "",
        timeout_s: float = 600,
    ) -> str:
        """Run a command and return what it prints; its exit status must be ``status``.

        Args:
            words: The command.
            cwd: Where, in the copy of the sample.
            status: What it is to exit with.
            typed: What it reads.
            timeout_s: The seconds that it may take.
        """
        done = subprocess.run(
            words,
            cwd=self.folder / cwd,
            env=self.environ,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == status, f"{' '.join(words)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def outputs(self, stack: str) -> dict[str, str]:
        """Return the outputs of a stack."""
        found = self.up.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}

    def status(self, stack: str) -> str:
        """Return the status of a stack."""
        found = self.up.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return str(found["StackStatus"])

    def is_gone(self, stack: str) -> bool:
        """Say whether a stack is deleted."""
        client = self.up.client("cloudformation")
        try:
            client.describe_stacks(StackName=stack)
        except client.exceptions.ClientError:
            return True
        return False

    def order(self, function: str) -> dict[str, Any]:
        """Send an order to the function that accepts them; returns the accepted order."""
        event = {"items": [{"sku": "book", "price": 12, "quantity": 2}]}
        answer = self.up.client().invoke(FunctionName=function, Payload=json.dumps(event))
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        accepted: dict[str, Any] = json.loads(body["body"]) if "body" in body else body
        assert accepted["total"] == 24, body
        return accepted

    def change_code(self, file: str = "src/create/app.py") -> None:
        """Change the accepting function: its orders then say who made them."""
        path = self.folder / file
        text = path.read_text()
        assert '"total":' in text
        path.write_text(text.replace('"total":', '"version": 2, "total":'))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The emulator, with one function that nobody deploys."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "hello").mkdir()
    (folder / "hello" / "app.py").write_text("def handler(event, context):\n    return event\n")
    with localfaas_up(folder, "--no-watch") as up:
        yield up


@pytest.fixture
def client(emulator: Up, tmp_path: Path) -> Client:
    """A deploy client with a copy of the sample."""
    folder, home = tmp_path / "sample", tmp_path / "home"
    shutil.copytree(SAMPLE, folder)
    home.mkdir()
    return Client(emulator, folder, home)
