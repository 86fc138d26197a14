"""What SQS's scenarios are written in: calls in either protocol, and steps to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison
from tests.conformance.replay import new_name


class SqsScenario:
    """One scenario under way; steps are compared as they are noted.

    Args:
        jump: Moves the emulator's clock ahead by seconds.
    """

    def __init__(
        self, comparison: Comparison, client: Any, name: str, jump: Callable[[float], None]
    ) -> None:
        self._comparison = comparison
        self.client = client
        self.name = name
        self.jump = jump

    def note(self, step: str, answer: Any) -> Any:
        self._comparison.match(step, answer)
        return answer

    def call(self, operation: str, step: str | None = None, **request: Any) -> Any:
        answer = getattr(self.client, operation)(**request)
        return self.note(step, answer) if step else answer

    def error(self, operation: str, step: str, **request: Any) -> Any:
        """Make a call that is to fail, and compare the error."""
        with pytest.raises(ClientError) as caught:
            getattr(self.client, operation)(**request)
        return self.note(step, caught.value.response)

    def queue(self, suffix: str = "", **attributes: str) -> str:
        name = new_name("queue") + suffix
        return self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def fifo(self, **attributes: str) -> str:
        return self.queue(".fifo", FifoQueue="true", **attributes)

    def send(self, url: str, body: str, step: str | None = None, **options: Any) -> Any:
        return self.call("send_message", step, QueueUrl=url, MessageBody=body, **options)

    def receive(self, url: str, step: str | None = None, **options: Any) -> Any:
        return self.call("receive_message", step, QueueUrl=url, **options)

    def arn(self, url: str) -> str:
        names = {"QueueUrl": url, "AttributeNames": ["QueueArn"]}
        return self.client.get_queue_attributes(**names)["Attributes"]["QueueArn"]

    def all(self, url: str, step: str) -> Any:
        return self.call("get_queue_attributes", step, QueueUrl=url, AttributeNames=["All"])


Replay = Callable[[SqsScenario], None]


class Scenarios(dict[str, Replay]):
    """Replays by the name of what they replay."""

    def of(self, *names: str) -> Callable[[Replay], Replay]:
        def register(function: Replay) -> Replay:
            self.update(dict.fromkeys(names, function))
            return function

        return register

    def both(self, name: str) -> Callable[[Replay], Replay]:
        """Register a replay for both protocols."""
        return self.of(f"{name}[sqs]", f"{name}[sqs_query]")
