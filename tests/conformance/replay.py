"""What scenarios are written in: calls through boto3, and steps to compare."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison

ACCOUNT = "111111111111"
REGION = "us-east-1"
ECHO = "def handler(event, context):\n    return event\n"

Replay = Callable[["Scenario"], None]
_numbers = itertools.count(1)


def new_name(kind: str) -> str:
    """Return a name nobody has: scenarios share an emulator, whose mappings read its queues."""
    return f"{kind}-{next(_numbers):06x}"


def zip_of(**files: str) -> bytes:
    """Return an archive; names are given with "__" for "."."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name.replace("__", "."))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


CODE = zip_of(index__py=ECHO, handler__py=ECHO)


class Scenario:
    """One scenario under way."""

    def __init__(self, comparison: Comparison, clients: Callable[..., Any]) -> None:
        self._comparison = comparison
        self.clients = clients
        self.client = clients("lambda")
        self.role = f"arn:aws:iam::{ACCOUNT}:role/{self.name('role')}"

    def name(self, kind: str = "fn") -> str:
        return new_name(kind)

    def match(self, step: str, answer: Any) -> Any:
        self._comparison.match(step, answer)
        return answer

    def recorded(self, step: str) -> Any:
        """Return what was recorded of a step."""
        return self._comparison.recorded(step)

    def refused(self, step: str, operation: str, **request: Any) -> dict[str, Any]:
        """Make a call that is to fail, and compare the error."""
        try:
            answer = getattr(self.client, operation)(**request)
        except ClientError as error:
            answer = error.response
        self.match(step, answer)
        return answer

    def call(self, step: str, operation: str, **request: Any) -> Any:
        """Make a call and compare the answer, be it an error."""
        return self.refused(step, operation, **request)

    def create(self, name: str | None = None, **fields: Any) -> dict[str, Any]:
        """Create a function as SDKs' users do by hand."""
        request = {
            "FunctionName": name or self.name(),
            "Handler": "index.handler",
            "Code": {"ZipFile": CODE},
            "PackageType": "Zip",
            "Role": self.role,
            "Runtime": "python3.12",
        }
        return self.client.create_function(**{**request, **fields})

    def function(self, name: str | None = None, **fields: Any) -> dict[str, Any]:
        """Create a function as a helper of tests does, and wait until it is active."""
        created = self.create(
            name,
            **{
                "Handler": "handler.handler",
                "Timeout": 30,
                "Environment": {"Variables": {}},
                **fields,
            },
        )
        self.active(created["FunctionName"])
        return created

    def queue(self, name: str | None = None, **attributes: str) -> tuple[str, str]:
        """Create a queue; returns its URL and ARN."""
        name = name or self.name("queue")
        sqs = self.clients("sqs")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def active(self, name: str) -> None:
        self.client.get_waiter("function_active_v2").wait(FunctionName=name)

    def updated(self, name: str) -> None:
        self.client.get_waiter("function_updated_v2").wait(FunctionName=name)
