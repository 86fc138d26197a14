"""What scenarios of Step Functions are written in: machines, executions, histories."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison
from tests.conformance.replay import ACCOUNT, new_name, zip_of
from tests.messages import received
from tests.patience import until

ROLE = f"arn:aws:iam::{ACCOUNT}:role/workflows"
#: Texts that stand for values without saying so.
_STAND_INS = {
    "snf_role_arn": "<role>",
    "sfn_role_arn": "<role>",
    "activity_arn": "<activity>",
    "activity_name": "<activity-name>",
    "lambda_function_name": "<lambda_function_name>",
    "arn:<partition>:lambda:<region>:111111111111:function:lambda_function_name": (
        "arn:<partition>:lambda:<region>:111111111111:function:<lambda_function_name>"
    ),
    "bucket-name": "<bucket>",
    "bucket_name": "<bucket>",
    "file_key": "<key>",
    "file-key": "<key>",
    "sqs_queue_url": "<queue-url>",
    "creation-date": "datetime",
    **dict.fromkeys(
        ("start-date", "<start-date>", "<stop-date>", "x-amzn-RequestId", "RequestId"), "date"
    ),
    **dict.fromkeys(("X-Amzn-Trace-Id", "start-time", "entered-time", "generated-uuid"), "date"),
}
#: Members whose values depend on names and times.
_LENGTHS = ("Content-Length", "Date")
HISTORY = "get_execution_history"


def prepared(recording: dict[str, Any]) -> dict[str, Any]:
    """Return a recording whose stand-ins are placeholders."""
    return {**recording, "recorded-content": _replaced(recording["recorded-content"])}


def _replaced(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _any(each) if key in _LENGTHS else _replaced(each) for key, each in value.items()
        }
    if isinstance(value, list):
        return [_replaced(each) for each in value]
    if isinstance(value, str):
        if value in _STAND_INS:
            return _STAND_INS[value]
        value = value.replace("<<task_token>:1>", "<task_token:1>")
        return value.replace("log-group:log_group_name:*", "log-group:<log-group>:*")
    return value


def _any(value: Any) -> Any:
    return ["date"] if isinstance(value, list) else "date"


class Workflow:
    """A scenario under way.

    Attributes:
        client: Step Functions' client.
        clients: Makes clients of other services.
        definitions: Those that the scenario may have been recorded with.
        parameter: What stands in brackets behind its name.
    """

    def __init__(
        self,
        comparison: Comparison,
        clients: Callable[..., Any],
        definitions: list[dict[str, Any]],
        parameter: str,
    ) -> None:
        self.comparison, self.clients, self.definitions = comparison, clients, definitions
        self.parameter = parameter
        self.client = clients("stepfunctions")
        comparison.know("<role>", ROLE)
        comparison.know("<partition>", "aws")

    @property
    def definition(self) -> dict[str, Any]:
        """The definition whose states the recorded history has; the first without one."""
        recorded = self.comparison.recorded(HISTORY)
        names = {
            event["stateEnteredEventDetails"]["name"]
            for event in (recorded or {}).get("events", ())
            if "stateEnteredEventDetails" in event
        }
        for each in self.definitions:
            comment = str(each.get("Comment", "")).upper()
            if comment and comment == self.parameter.upper():
                return each
        fitting = [each for each in self.definitions if names & each.get("States", {}).keys()]
        return (fitting or self.definitions)[0]

    def match(self, step: str, answer: Any) -> Any:
        self.comparison.match(step, answer)
        return answer

    def call(self, step: str, operation: str, **request: Any) -> Any:
        """Make a call and compare the answer, be it an error."""
        try:
            answer = getattr(self.client, operation)(**request)
        except ClientError as error:
            answer = error.response
            if "exception_typename" in self.comparison.recorded(step):
                answer = {
                    "exception_typename": answer["Error"]["Code"],
                    "exception_value": str(error).replace(" (reached max retries: 0)", ""),
                }
        return self.match(step, answer)

    def machine(self, body: dict[str, Any] | str, **fields: Any) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        request = {"name": new_name("machine"), "definition": text, "roleArn": ROLE, **fields}
        arn: str = self.client.create_state_machine(**request)["stateMachineArn"]
        return arn

    def start(self, arn: str, given: Any, **fields: Any) -> str:
        text = given if isinstance(given, str) else json.dumps(given)
        answer = self.client.start_execution(stateMachineArn=arn, input=text, **fields)
        found: str = answer["executionArn"]
        return found

    def over(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = until(
            lambda: self.client.describe_execution(executionArn=arn),
            lambda found: found["status"] != "RUNNING",
        )
        return found

    def input_of(self, step: str = HISTORY) -> Any:
        """Return the input that was recorded of a history."""
        events = self.comparison.recorded(step)["events"]
        return events[0]["executionStartedEventDetails"]["input"]

    def history(self, arn: str, step: str = HISTORY) -> None:
        answer = self.client.get_execution_history(executionArn=arn, maxResults=1000)
        self.match(step, answer)

    def run(self, body: dict[str, Any] | str, given: Any = None, **fields: Any) -> str:
        """Run a definition to its end and compare the history."""
        arn = self.start(self.machine(body, **fields), self.input_of() if given is None else given)
        self.over(arn)
        self.history(arn)
        return arn

    def function(self, code: str, **fields: Any) -> str:
        """Make a function; return its ARN."""
        functions = self.clients("lambda")
        name = new_name("fn")
        made = functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="handler.handler",
            Role=ROLE,
            Code={"ZipFile": zip_of(handler__py=code)},
            **{"Timeout": 30, **fields},
        )
        functions.get_waiter("function_active_v2").wait(FunctionName=name)
        functions.close()
        for placeholder in ("<lambda_function_name>", "<lambda_function_1_name>"):
            self.comparison.know(placeholder, name)
        arn: str = made["FunctionArn"]
        return arn

    def queue(self) -> tuple[Any, str]:
        """Return a client of SQS and the URL of a new queue."""
        queues = self.clients("sqs")
        url = queues.create_queue(QueueName=new_name("queue"))["QueueUrl"]
        self.comparison.know("<sqs_queue_url>", url)
        self.comparison.know("<queue-url>", url)
        return queues, url

    def token(self, queues: Any, url: str) -> str:
        """Take a message with a task token from a queue."""
        (message,) = received(queues, url)["Messages"]
        found: str = json.loads(message["Body"])["TaskToken"]
        return found

    def bucket(self, **objects: bytes) -> Any:
        """Return a client of S3 after a new bucket was made; keys are given with "__" for "."."""
        s3 = self.clients("s3")
        name = new_name("bucket")
        s3.create_bucket(Bucket=name)
        for key, body in objects.items():
            s3.put_object(Bucket=name, Key=key.replace("__", "."), Body=body)
        self.comparison.know("<bucket>", name)
        return s3, name
