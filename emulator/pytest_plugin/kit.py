"""A test's tools for its emulator: clients, deployments, calls and assertions."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from emulator.client.endpoint import Client, ClientError
from emulator.client.variables import foreign, variables
from emulator.model.sdk_session import own_session
from emulator.pytest_plugin.deployment import Deployment

if TYPE_CHECKING:
    from emulator.client.server import Server
    from emulator.pytest_plugin.servers import Running

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
    """One account of an emulator, for one test or for what its fixture's scope has.

    Args:
        server: The emulator.
    """

    def __init__(self, server: Server | Running) -> None:
        self.url = server.url
        self.region = server.region
        self.account = f"{secrets.randbelow(9 * 10**11) + 10**11}"
        self._server = server
        self._admin = Client(server.url)
        self._clients: dict[str, Any] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which AWS SDKs find this account."""
        host = self._admin.host
        return variables(
            self.url, host, region=self.region, account=self.account, environ=os.environ
        )

    @classmethod
    @contextmanager
    def opened(cls, server: Server | Running) -> Iterator[Self]:
        """Yield a new account, which AWS SDKs in this process find meanwhile; remove it at last."""
        kit = cls(server)
        # Not the test's own: what a test undoes must not lead SDKs to AWS.
        with pytest.MonkeyPatch.context() as monkeypatch, _no_session_of_boto3():
            kit._set_environment(monkeypatch)
            try:
                yield kit
            finally:
                kit.close()

    def _set_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let AWS SDKs in this process find this account.

        Addresses of functions and APIs are found, too: their names end in ``.localhost``, which are
        this machine's (https://www.rfc-editor.org/rfc/rfc6761#section-6.3), but not every resolver
        knows it.
        """
        for name in foreign(os.environ):
            monkeypatch.delenv(name)
        nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        for name, value in {**self.environment, **nothing}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LOCALFAAS_ENDPOINT", self.url)
        monkeypatch.setattr(socket, "getaddrinfo", _on_this_machine(socket.getaddrinfo))

    # --- what a test does ----------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        if service not in self._clients:
            self._clients[service] = _client(service, self.url, self.region, self.account)
        return self._clients[service]

    def deploy(self, path: str | Path, *, stack_name: str = "", **parameters: Any) -> Deployment:
        """Deploy a template or a folder of functions, or update an earlier deployment of it.

        Args:
            path: A SAM or CloudFormation template, a folder with one, or a folder with a function
                (``app.py`` with ``handler`` …) or with several.
            stack_name: The stack's name, for a test that deploys several.
            **parameters: The template's parameters: texts, numbers, truths, or lists of them.

        Raises:
            ClientError: The deployment failed; the text has the reason for each failed resource.
        """
        __tracebackhide__ = True
        request = {
            "path": str(Path(path).absolute()),
            "account": self.account,
            "region": self.region,
            "stack_name": stack_name,
            "parameters": parameters,
        }
        try:
            return Deployment.of(self._ask("deploy", request, timeout_s=None))
        except ClientError as failure:
            text = str(failure)
        if text.endswith(" does not exist") and Path(path).exists():
            folder = Path(path).absolute().parent
            text += (
                " where the emulator runs, though it does here: let the emulator see it at the same"
                f' path (`docker run -v "{folder}:{folder}" …`)'
            )
        raise ClientError(text)

    def invoke(self, name: str, event: Any = None, **given: Any) -> Answer:
        """Call a function and return its answer; an error of the function is an answer, too.

        Args:
            name: The function's name or ARN.
            event: Any value that JSON can express.
            **given: Further members of Invoke's request: ``Qualifier="1"``.
        """
        __tracebackhide__ = True
        request = {"LogType": "Tail", "FunctionName": name, "Payload": json.dumps(event), **given}
        functions = self.client("lambda")
        try:
            answer = functions.invoke(**request)
        except functions.exceptions.ClientError as failure:
            raise failure.with_traceback(None) from None  # where it is called, not inside boto3
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
        __tracebackhide__ = True
        self._ask("evict", function=name, account=self.account)

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

    def _ask(self, path: str, request: dict[str, Any] | None = None, **more: Any) -> Any:
        """Send a change to the admin API; an error's traceback ends where the test has called."""
        __tracebackhide__ = True
        try:
            return self._admin.post(path, request, **more)
        except ClientError as failure:
            text = self._server.ending() or str(failure)
        raise ClientError(text)

    # --- assertions ----------------------------------------------------------------------------

    def assert_cold(self, count: int, name: str | None = None) -> None:
        """Assert that ``count`` calls were cold starts, of one function or of all."""
        __tracebackhide__ = True
        found = [each for each in self._of(name) if each["cold"]]
        whys = "".join(f"\n  {each['function']}: {each['why']['sentence']}" for each in found)
        assert len(found) == count, f"{_count(len(found), 'cold start')}, not {count}{whys}"

    def assert_billed_under(self, limit_ms: float, name: str | None = None) -> None:
        """Assert that no call is billed this many milliseconds or more."""
        __tracebackhide__ = True
        over = [each for each in self._of(name) if (each["billed_ms"] or 0) >= limit_ms]
        texts = "".join(f"\n  {each['function']}: {each['billed_ms']} ms" for each in over)
        calls = "1 call is" if len(over) == 1 else f"{len(over)} calls are"
        assert not over, f"{calls} billed {limit_ms:g} ms or more{texts}"

    def assert_nothing_left(self) -> None:
        """Assert that no call runs, no event waits or has failed, and every queue is empty."""
        __tracebackhide__ = True
        left = list(self._left())
        assert not left, "left over:\n  " + "\n  ".join(left)

    def _of(self, name: str | None) -> list[dict[str, Any]]:
        """Return the invocations of one function, or of all."""
        __tracebackhide__ = True
        called = self.invocations
        if name is None:
            return called
        found = [each for each in called if each["function"] == name]
        if not found:  # a claim about a function that is not there would hold for ever
            pages = self.client("lambda").get_paginator("list_functions").paginate()
            names = {each["FunctionName"] for page in pages for each in page["Functions"]}
            assert name in names, f"there is no function {name}; there is {_listed(names)}"
        return found

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
                yield f"{url.rpartition('/')[2]}: {_count(messages, 'message')}"

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
            return [("localfaas", self._server.ending() or str(failure))]
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
        __tracebackhide__ = True
        self._ask("reset", account=self.account)
        for client in self._clients.values():
            client.close()


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


@contextmanager
def _no_session_of_boto3() -> Iterator[None]:
    """Keep boto3's default session, which has somebody's credentials, from others before and after.

    boto3 may be imported in between.
    """

    def put(session: Any) -> Any:
        boto3 = sys.modules.get("boto3")
        if boto3 is None:
            return None
        before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, session  # type: ignore[attr-defined]
        return before

    before = put(None)
    try:
        yield
    finally:
        put(before)


def _decoded(text: str) -> str:
    import base64

    return base64.b64decode(text).decode("utf-8", "replace")


def _on_this_machine(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def getaddrinfo(host: Any, *given: Any, **more: Any) -> Any:
        named = isinstance(host, str) and host.rstrip(".").endswith(".localhost")
        return resolve("localhost" if named else host, *given, **more)

    return getaddrinfo


def _client(service: str, url: str, region: str, account: str) -> Any:
    from botocore.config import Config

    return own_session().client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="localfaas",
        config=Config(
            retries={"max_attempts": 0}, read_timeout=910, s3={"addressing_style": "path"}
        ),
    )
