"""SQS's API, as the commands ``queue …`` use it."""

from __future__ import annotations

import json
from typing import Any

from emulator.client.endpoint import Client, scope_header


class SqsClient:
    """SQS's API of one emulator, for one account and region."""

    def __init__(self, endpoint: str, region: str | None, account: str | None) -> None:
        self.client = Client(endpoint)
        self._headers = {
            "Content-Type": "application/x-amz-json-1.0",
            **scope_header("sqs", region, account),
        }

    def call(self, operation: str, *, timeout_s: float = 30.0, **request: Any) -> Any:
        """Return an operation's answer; parameters that are None are left out."""
        given = {name: value for name, value in request.items() if value is not None}
        headers = {**self._headers, "X-Amz-Target": f"AmazonSQS.{operation}"}
        body = json.dumps(given).encode()
        answer = self.client.call_aws("/", body, headers, timeout_s=timeout_s)
        return json.loads(answer.body or b"{}")

    def url(self, name: str) -> str:
        """Return the URL of a queue given by name, URL or ARN."""
        if "://" in name:
            return name
        parts = name.split(":")
        owner = parts[4] if len(parts) == 6 else None
        found = self.call("GetQueueUrl", QueueName=parts[-1], QueueOwnerAWSAccountId=owner)
        return str(found["QueueUrl"])

    def attributes(self, url: str) -> dict[str, str]:
        """Return the attributes of a queue."""
        found = self.call("GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])
        return dict(found["Attributes"])

    def arn(self, name: str) -> str:
        """Return the ARN of a queue given by its name or ARN."""
        return name if name.startswith("arn:") else self.attributes(self.url(name))["QueueArn"]
