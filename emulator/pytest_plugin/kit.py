"""A test's tools for its emulator: clients, deployments, calls and assertions."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.client.endpoint import Client
from emulator.client.variables import FOREIGN, variables
from emulator.pytest_plugin.deployment import Deployment

if TYPE_CHECKING:
    import pytest

#: The most log lines that a failed test shows.
_LINES = 40
#: The most invocations that a failed test shows.
_INVOCATIONS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one call.

    Attributes:
        payload: The function's response or error, parsed from JSON; None for an asynchronous
            event, which is only accepted.
        error: The kind of its error ("Unhandled"), or "".
        log: The end of the call's log (4 KB).
        request_id: The id of the call.
    """

    payload: Any
    error: str
    log: str
    request_id: str


class Localfaas:
    """One account of an emulator, for one test.

    Args:
        url: The emulator's address.
        region: The AWS region of clients.
        account: The account's 12 digits; None for a new random account.
    """

    def __init__(self, url: str, region: str, account: str | None = None) -> None:
        self.url = url
        self.region = region
        self.account = account or f"{secrets.randbelow(9 * 10**11) + 10**11}"
        self._admin = Client(url)
        self._clients: dict[str, Any] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which AWS SDKs find this account."""
        host = self._admin.host
        return variables(
            self.url, host, region=self.region, account=self.account, environ=os.environ
        )

    def set_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let AWS SDKs in this process find this account, until the test ends.

        Addresses of functions and APIs are found, too: their names end in ``.localhost``, which are
        this machine's (https://www.rfc-editor.org/rfc/rfc6761#section-6.3), but not every resolver
        knows it.
        """
        for name in FOREIGN:
            monkeypatch.delenv(name, raising=False)
        nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        for name, value in {**self.environment, **nothing}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LOCALFAAS_ENDPOINT", self.url)
        monkeypatch.setattr(socket, "getaddrinfo", _on_this_machine(socket.getaddrinfo))
        if "boto3" in sys.modules:  # its default session keeps the credentials of another test
            monkeypatch.setattr("boto3.DEFAULT_SESSION", None)

    # --- what a test does ----------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        if service not in self._clients:
            self._clients[service] = _client(service, self.url, self.region, self.account)
        return self._clients[service]

    def deploy(self, path: str | Path, *, stack_name: str = "", **parameters: str) -> Deployment:
        """Deploy a template or a folder of functions, or update an earlier deployment of it.

        Args:
            path: A SAM or CloudFormation template, a folder with one, or a folder with a function
                (``app.py`` with ``handler`` …) or with several.
            stack_name: The stack's name, for a test that deploys several.
            **parameters: The template's parameters.

        Raises:
            ClientError: The deployment failed; the text has the reason for each failed resource.
        """
        request = {
            "path": str(Path(path).absolute()),
            "account": self.account,
            "region": self.region,
            "stack_name": stack_name,
            "parameters": parameters,
        }
        return Deployment.of(self._admin.post("deploy", request, timeout_s=None))

    def invoke(self, name: str, event: Any = None, **given: Any) -> Answer:
        """Call a function and return its answer; an error of the function is an answer, too.

        Args:
            name: The function's name or ARN.
            event: Any value that JSON can express.
            **given: Further members of Invoke's request: ``Qualifier="1"``.
        """
        request = {"LogType": "Tail", "FunctionName": name, "Payload": json.dumps(event), **given}
        answer = self.client("lambda").invoke(**request)
        text = answer["Payload"].read()
        return Answer(
            payload=json.loads(text) if text else None,
            error=answer.get("FunctionError", ""),
            log=_decoded(answer.get("LogResult", "")),
            request_id=answer["ResponseMetadata"]["RequestId"],
        )

    def logs(self, name: str) -> list[str]:
        """Return the lines that a function has logged, oldest first."""
        group = name if name.startswith("/") else f"/aws/lambda/{name}"
        logs = self.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        try:
            return [event["message"].rstrip("\n") for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def evict(self, name: str) -> None:
        """Evict a function's environments, so that its next call is cold."""
        self._admin.post("evict", function=name, account=self.account)

    @property
    def timeline(self) -> dict[str, Any]:
        """Environments and invocations of this account, as docs/timeline.md describes them."""
        found: dict[str, Any] = self._admin.get("timeline", account=self.account, limit=10_000)
        return found

    @property
    def invocations(self) -> list[dict[str, Any]]:
        """The invocations that have ended, in the order of their ends."""
        found: list[dict[str, Any]] = self.timeline["invocations"]
        return found

    # --- assertions ----------------------------------------------------------------------------

    def assert_cold(self, count: int, name: str | None = None) -> None:
        """Assert that ``count`` calls were cold starts, of one function or of all."""
        found = [each for each in self._of(name) if each["cold"]]
        whys = "".join(f"\n  {each['function']}: {each['why']['sentence']}" for each in found)
        assert len(found) == count, f"{len(found)} cold starts, not {count}{whys}"

    def assert_billed_under(self, limit_ms: float, name: str | None = None) -> None:
        """Assert that no call is billed this many milliseconds or more."""
        over = [each for each in self._of(name) if (each["billed_ms"] or 0) >= limit_ms]
        texts = "".join(f"\n  {each['function']}: {each['billed_ms']} ms" for each in over)
        assert not over, f"{len(over)} calls are billed {limit_ms:g} ms or more{texts}"

    def assert_nothing_left(self) -> None:
        """Assert that no call runs, no event waits or has failed, and every queue is empty."""
        left = list(self._left())
        assert not left, "left over:\n  " + "\n  ".join(left)

    def _of(self, name: str | None) -> list[dict[str, Any]]:
        return [each for each in self.invocations if name in (None, each["function"])]

    def _left(self) -> Iterator[str]:
        for each in self.timeline["running"]:
            yield f"{each['function']}: the call {each['request_id']} runs"
        for each in self._admin.get("events", limit=1000)["events"]:
            if each["function_arn"].split(":")[4] == self.account:
                yield f"{each['function']}: the event {each['request_id']} is {each['state']}"
        sqs = self.client("sqs")
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts.append("ApproximateNumberOfMessagesDelayed")
        for url in sqs.list_queues().get("QueueUrls", []):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
            messages = sum(int(found[name]) for name in counts)
            if messages:
                yield f"{url.rpartition('/')[2]}: {messages} messages"

    # --- the end -------------------------------------------------------------------------------

    def sections(self) -> list[tuple[str, str]]:
        """Return what a failed test shows: its invocations, and the last lines of their logs."""
        from emulator.model.errors import LocalfaasError

        try:
            invocations = self.invocations[-_INVOCATIONS:]
            lines = [
                f"{each['function']} | {line}"
                for each in {each["function"]: each for each in invocations}.values()
                for line in self.logs(each["function"])[-_LINES:]
            ]
        except LocalfaasError as failure:
            return [("localfaas", str(failure))]
        table = [
            f"{each['function']}: {each['status']}, {each['duration_ms'] or 0:.1f} ms, "
            + (f"cold: {each['why']['sentence']}" if each["cold"] else "warm")
            + (f", {each['error_type']} {each['reason']}".rstrip() if each["error_type"] else "")
            for each in invocations
        ]
        return [
            ("localfaas invocations", "\n".join(table) or "none"),
            ("localfaas logs", "\n".join(lines) or "none"),
        ]

    def close(self) -> None:
        """Remove everything in this account."""
        self._admin.post("reset", account=self.account)
        for client in self._clients.values():
            client.close()


def _decoded(text: str) -> str:
    import base64

    return base64.b64decode(text).decode("utf-8", "replace")


@cache
def _loader() -> Any:
    """Return the loader of botocore's models, one for all tests."""
    from botocore.loaders import create_loader

    return create_loader()


def _on_this_machine(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def getaddrinfo(host: Any, *given: Any, **more: Any) -> Any:
        named = isinstance(host, str) and host.rstrip(".").endswith(".localhost")
        return resolve("localhost" if named else host, *given, **more)

    return getaddrinfo


def _client(service: str, url: str, region: str, account: str) -> Any:
    import boto3
    import botocore.session
    from botocore.config import Config

    session = botocore.session.Session(
        session_vars={
            "config_file": (None, None, os.devnull, None),
            "profile": (None, None, None, None),
        }
    )
    session.register_component("data_loader", _loader())
    return boto3.Session(botocore_session=session).client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="localfaas",
        config=Config(
            retries={"max_attempts": 0}, read_timeout=910, s3={"addressing_style": "path"}
        ),
    )
