"""Step Functions' API, as the commands ``workflow …`` use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.cli.terminal import CommandError
from emulator.client.endpoint import Client, scope_header

_ACCOUNT, _REGION = "000000000000", "us-east-1"


class WorkflowClient:
    """Step Functions' API of one emulator, for one account and region."""

    def __init__(self, endpoint: str, region: str | None, account: str | None) -> None:
        self.client = Client(endpoint)
        self._account, self._region = account or _ACCOUNT, region or _REGION
        self._headers = {
            "Content-Type": "application/x-amz-json-1.0",
            **scope_header("states", region, account),
        }

    def call(self, operation: str, *, timeout_s: float = 60.0, **request: Any) -> Any:
        """Return an operation's answer; parameters that are None are left out."""
        given = {name: value for name, value in request.items() if value is not None}
        headers = {**self._headers, "X-Amz-Target": f"AWSStepFunctions.{operation}"}
        body = json.dumps(given).encode()
        answer = self.client.call_aws("/", body, headers, timeout_s=timeout_s)
        return json.loads(answer.body or b"{}")

    def every(self, operation: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
        """Return all items that an operation lists, page by page."""
        token = None
        while True:
            page = self.call(operation, nextToken=token, maxResults=1000, **request)
            yield from page[member]
            token = page.get("nextToken")
            if token is None:
                return

    def machine(self, name: str) -> str:
        """Return the ARN of a machine given by name or ARN."""
        if name.startswith("arn:"):
            return name
        return f"arn:aws:states:{self._region}:{self._account}:stateMachine:{name}"

    def execution(self, name: str) -> str:
        """Return the ARN of an execution: given as ARN, or as ``MACHINE:NAME``.

        A machine's name alone stands for its latest execution.

        Raises:
            CommandError: The machine has none.
        """
        if name.startswith("arn:"):
            return name
        machine, _, execution = name.partition(":")
        arn = self.machine(machine)
        if execution:
            return f"{arn.replace(':stateMachine:', ':execution:')}:{execution}"
        found = self.call("ListExecutions", stateMachineArn=arn, maxResults=1)["executions"]
        if not found:
            raise CommandError(f"{machine} has had no execution yet")
        return str(found[0]["executionArn"])

    def events(self, arn: str) -> list[dict[str, Any]]:
        """Return an execution's history."""
        return list(self.every("GetExecutionHistory", "events", executionArn=arn))


def details_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says beside its type and time."""
    for name, value in event.items():
        if name.endswith("EventDetails"):
            return dict(value)
    return {}


def said(event: Mapping[str, Any]) -> str:
    """Return what an event says, on one line."""
    details = details_of(event)
    parts = [str(details[key]) for key in ("name", "resource", "index") if key in details]
    for key in ("input", "parameters", "output", "error", "cause"):
        if details.get(key) is not None:
            parts.append(f"{key} {details[key]}")
    return " ".join(" ".join(parts).split())
