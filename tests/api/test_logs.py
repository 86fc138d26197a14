"""CloudWatch Logs through boto3 and the AWS CLI."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.logs import forwarding, metric_filters, pattern, subscriptions
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.needs import unavailable
from tests.patience import until

GROUP = "/aws/lambda/hello"
DAY = 86_400_000


@pytest.fixture
def logs(scripted: Running) -> Any:
    return scripted.client("logs")


class Put:
    """Puts messages into a stream of the group "g"; offsets from ``now`` in milliseconds."""

    def __init__(self, logs: Any) -> None:
        self.logs = logs
        self.now = int(time.time() * 1000)

    def __call__(self, stream: str, *events: tuple[int, str]) -> dict[str, Any]:
        found = self.logs.describe_log_streams(logGroupName="g", logStreamNamePrefix=stream)
        if not found["logStreams"]:
            self.logs.create_log_stream(logGroupName="g", logStreamName=stream)
        batch = [{"timestamp": self.now + offset, "message": text} for offset, text in events]
        return self.logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=batch)


@pytest.fixture
def put(logs: Any) -> Put:
    logs.create_log_group(logGroupName="g")
    return Put(logs)


def error(call: Any, **fields: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**fields)
    found = raised.value.response
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 400
    return found["Error"]["Code"], found["Error"]["Message"]


def test_the_logs_of_a_function(scripted: Running, logs: Any) -> None:
    create(scripted.client("lambda"))
    scripted.client("lambda").invoke(FunctionName="hello")
    group = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]
    assert group["arn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:*"
    assert group["logGroupArn"] == f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}"
    assert group["storedBytes"] > 0
    stream = logs.describe_log_streams(logGroupName=GROUP)["logStreams"][0]
    assert "[$LATEST]" in stream["logStreamName"]
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"])[
        "events"
    ]
    assert [event["message"].split()[0] for event in events] == [
        "INIT_START",
        "START",
        "END",
        "REPORT",
    ]
    assert all(event["message"].endswith("\n") for event in events)
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern='"START RequestId"')
    assert [event["message"].split()[0] for event in found["events"]] == ["START"]
    # A function whose group was deleted begins it anew.
    logs.delete_log_group(logGroupName=GROUP)
    scripted.client("lambda").invoke(FunctionName="hello")
    assert len(logs.filter_log_events(logGroupName=GROUP)["events"]) == 3


def test_errors_in_awss_words(logs: Any) -> None:
    missing = ("ResourceNotFoundException", "The specified log group does not exist.")
    assert error(logs.delete_log_group, logGroupName="g") == missing
    assert error(logs.filter_log_events, logGroupName="g") == missing
    logs.create_log_group(logGroupName="g")
    exists = ("ResourceAlreadyExistsException", "The specified log group already exists")
    assert error(logs.create_log_group, logGroupName="g") == exists
    no_stream = ("ResourceNotFoundException", "The specified log stream does not exist.")
    assert error(logs.get_log_events, logGroupName="g", logStreamName="s") == no_stream
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    exists = ("ResourceAlreadyExistsException", "The specified log stream already exists")
    assert error(logs.create_log_stream, logGroupName="g", logStreamName="s") == exists
    assert (
        "enum value set" in error(logs.put_retention_policy, logGroupName="g", retentionInDays=2)[1]
    )
    code, _ = error(logs.create_log_group, logGroupName="a b")
    assert code == "InvalidParameterException"
    code, text = error(
        logs.describe_log_streams,
        logGroupName="g",
        orderBy="LastEventTime",
        logStreamNamePrefix="s",
    )
    assert text == "Cannot order by LastEventTime with a logStreamNamePrefix."
    for token in ("nonsense", "///", "Zi94"):
        assert error(logs.filter_log_events, logGroupName="g", nextToken=token)[0] == (
            "InvalidParameterException"
        )
    with pytest.raises(ClientError, match="does not serve DescribeExportTasks"):
        logs.describe_export_tasks()


def test_groups_in_pages(logs: Any) -> None:
    for number in range(5):
        logs.create_log_group(logGroupName=f"g{number}")
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2})
    names = [[group["logGroupName"] for group in page["logGroups"]] for page in pages]
    assert names == [["g0", "g1"], ["g2", "g3"], ["g4"]]
    assert len(logs.describe_log_groups(logGroupNamePattern="3")["logGroups"]) == 1


def test_streams_in_order_of_time(logs: Any, put: Put) -> None:
    put("b", (0, "x"))
    put("a", (-5, "x"))
    found = logs.describe_log_streams(logGroupName="g", orderBy="LastEventTime", descending=True)
    assert [stream["logStreamName"] for stream in found["logStreams"]] == ["b", "a"]
    assert found["logStreams"][0]["lastEventTimestamp"] == put.now
    logs.delete_log_stream(logGroupName="g", logStreamName="b")
    assert len(logs.describe_log_streams(logGroupName="g")["logStreams"]) == 1


def test_get_events_forward_and_backward(logs: Any, put: Put) -> None:
    put("s", *((number, str(number)) for number in range(5)))

    def get(**fields: Any) -> tuple[list[str], dict[str, Any]]:
        found = logs.get_log_events(logGroupName="g", logStreamName="s", **fields)
        return [event["message"] for event in found["events"]], found

    assert get(limit=2)[0] == ["3", "4"]
    texts, first = get(limit=2, startFromHead=True)
    assert texts == ["0", "1"]
    texts, second = get(limit=3, nextToken=first["nextForwardToken"])
    assert texts == ["2", "3", "4"]
    texts, end = get(nextToken=second["nextForwardToken"])
    assert texts == []
    assert end["nextForwardToken"] == second["nextForwardToken"]
    assert get(limit=1, nextToken=second["nextBackwardToken"])[0] == ["1"]
    assert get(startTime=put.now + 1, endTime=put.now + 3)[0] == ["1", "2"]
    put("s", (9, "9"))
    assert get(nextToken=end["nextForwardToken"])[0] == ["9"]


def test_filter_interleaves_streams_in_pages(logs: Any, put: Put) -> None:
    put("a", (0, "a0"), (2, "a2"), (4, "a4"))
    put("b", (1, "b1"), (3, "b3"))
    pages = list(
        logs.get_paginator("filter_log_events").paginate(
            logGroupName="g", PaginationConfig={"PageSize": 2}
        )
    )
    texts = [event["message"] for page in pages for event in page["events"]]
    assert texts == ["a0", "b1", "a2", "b3", "a4"]
    assert len(pages) == 3
    ids = {event["eventId"] for page in pages for event in page["events"]}
    assert len(ids) == 5
    found = logs.filter_log_events(logGroupName="g", startTime=put.now + 1, endTime=put.now + 3)
    assert [event["message"] for event in found["events"]] == ["b1", "a2", "b3"]
    found = logs.filter_log_events(logGroupName="g", logStreamNames=["b"])
    assert [event["message"] for event in found["events"]] == ["b1", "b3"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", "0123456"),
        ("ERROR", "01"),
        ("ERROR disk", "0"),
        ("ERROR -disk", "1"),
        ("?disk ?WARN", "02"),
        ('"no way"', "1"),
        ('{ $.level = "error" }', "3"),
        ('{ $.level = "e*" && $.code > 400 }', "3"),
        ("{ $.level != error }", "4"),
        ("{ ($.code = 200 || $.code >= 500) && $.user.id NOT EXISTS }", "34"),
        ("{ $.user.ids[1] = 7 }", "5"),
        ("{ $.user IS NULL }", "6"),
    ],
)
def test_patterns(logs: Any, put: Put, pattern: str, expected: str) -> None:
    messages = [
        "ERROR disk full",
        "ERROR no way",
        "WARN something",
        '{"level":"error","code":500}',
        '{"level":"info","code":200}',
        '{"user":{"ids":[1,7]}}',
        '{"user":null}',
    ]
    put("s", *enumerate(messages))
    found = logs.filter_log_events(logGroupName="g", filterPattern=pattern)["events"]
    assert "".join(str(messages.index(event["message"])) for event in found) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ip, user, time, request, status, bytes]", "012"),
        ("[..., status = 4*, bytes]", "1"),
        ("[ip = 10.0.*, ..., status, bytes >= 100]", "01"),
        ('[ip, user, time, request = "GET *", status = 200 || status = 500, bytes]', "0"),
        ("[ip, user != bob, ...]", "023"),
        ("[..., status = %^[45]%, bytes < 150 && bytes > 1]", "1"),
        ("%GET .*HTTP%", "0"),
        ("%^10% -POST", "0"),
        ("?%POST% ?%nothing%", "123"),
    ],
)
def test_patterns_of_fields_and_regular_expressions(
    logs: Any, put: Put, pattern: str, expected: str
) -> None:
    messages = [
        '10.0.0.1 ann [1/Jan/2026:10:00] "GET /a HTTP/1.1" 200 1534',
        '10.0.0.2 bob [1/Jan/2026:10:01] "POST /b HTTP/1.1" 404 120',
        '192.168.1.9 eve [1/Jan/2026:10:02] "POST /c HTTP/1.1" 500 1',
        "nothing here",
    ]
    put("s", *enumerate(messages))
    found = logs.filter_log_events(logGroupName="g", filterPattern=pattern)["events"]
    assert "".join(str(messages.index(event["message"])) for event in found) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "a-b",
        '"open',
        "{ $.a }",
        "{ a = 1 }",
        "{ $.a = 1",
        "{ ($.a = 1 }",
        "%(a+)+%",
        "%[%",
        "[a, b",
        "[a, ..., b, ...]",
        "[a = ]",
        "[a > b]",
        "[a = 1 & a = 2]",
    ],
)
def test_patterns_that_are_none(logs: Any, put: Put, pattern: str) -> None:
    code, text = error(logs.filter_log_events, logGroupName="g", filterPattern=pattern)
    assert code == "InvalidParameterException"
    assert text


def test_put_refuses_what_is_out_of_time_and_order(logs: Any, put: Put) -> None:
    answer = put("s", (-15 * DAY, "old"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    answer = put("s", (0, "now"), (3 * 3_600_000, "future"))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert len(logs.filter_log_events(logGroupName="g")["events"]) == 1
    with pytest.raises(ClientError, match="chronological order"):
        put("s", (5, "b"), (0, "a"))


def test_retention_bounds_what_is_kept(logs: Any, put: Put) -> None:
    put("s", (-3 * DAY, "old"))
    put("s", (0, "new"))
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    assert [e["message"] for e in logs.filter_log_events(logGroupName="g")["events"]] == ["new"]
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 1
    assert put("s", (-2 * DAY, "x"))["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    logs.delete_retention_policy(logGroupName="g")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]


def test_tags(logs: Any) -> None:
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    arn = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    logs.tag_log_group(logGroupName="g", tags={"c": "3"})
    logs.untag_log_group(logGroupName="g", tags=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"c": "3"}


def test_accounts_and_regions_never_meet(scripted: Running, logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    assert scripted.client("logs", account="111122223333").describe_log_groups()["logGroups"] == []
    assert scripted.client("logs", region="eu-west-1").describe_log_groups()["logGroups"] == []


def _cli() -> str | None:
    """Return an AWS CLI that has ``logs tail``: its second version."""
    for path in filter(None, (shutil.which("aws"), "/usr/bin/aws", "/usr/local/bin/aws")):
        if os.path.exists(path):
            told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            if told.stdout.startswith("aws-cli/2"):
                return path
    return None


@pytest.mark.thorough
def test_the_cli_follows_a_functions_log(scripted: Running) -> None:
    cli = _cli() or unavailable("needs version 2 of the AWS CLI")
    client = scripted.client("lambda")
    create(client)
    client.invoke(FunctionName="hello")
    environ = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONUNBUFFERED": "1",
    }
    command = [cli, "logs", "tail", GROUP, "--follow", "--endpoint-url", scripted.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as tail:
        assert tail.stdout is not None
        try:
            lines = (line for line in tail.stdout if line.strip())
            first = [next(lines) for _ in range(4)]
            assert "INIT_START" in first[0]
            client.invoke(FunctionName="hello")
            assert "START RequestId" in next(lines)
        finally:
            tail.terminate()


def test_logs_outlive_the_emulator(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state")
    first = Running(settings, driver=ScriptedDriver())
    try:
        create(first.client("lambda"))
        first.client("lambda").invoke(FunctionName="hello")
        logs = first.client("logs")
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=3)
        before = logs.filter_log_events(logGroupName=GROUP)["events"]
        assert [event["message"].split()[0] for event in before] == [
            "INIT_START",
            "START",
            "END",
            "REPORT",
        ]
    finally:
        first.stop()
    second = Running(settings, driver=ScriptedDriver())
    try:
        logs = second.client("logs")
        assert logs.filter_log_events(logGroupName=GROUP)["events"] == before
        assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 3
        second.client("lambda").invoke(FunctionName="hello")
        after = logs.filter_log_events(logGroupName=GROUP)["events"]
        assert after[:4] == before
        assert len(logs.describe_log_streams(logGroupName=GROUP)["logStreams"]) == 2
        assert len(after) == 8
    finally:
        second.stop()


def test_filters_that_are_refused_today_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(port=0, state=tmp_path / "state")
    first = Running(settings, driver=ScriptedDriver())
    logs = first.client("logs")
    target = create(first.client("lambda"))["FunctionArn"]
    logs.create_log_group(logGroupName="g")
    given = {"logGroupName": "g", "destinationArn": target}
    made = [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]
    with monkeypatch.context() as before:
        # Borders of words were taken once.
        for module in (pattern, subscriptions, metric_filters, forwarding):
            before.setattr(module, "compile_pattern", lambda text: lambda message: False)
        logs.put_subscription_filter(**given, filterName="old", filterPattern=r"%\bfoo%")
        logs.put_metric_filter(
            logGroupName="g",
            filterName="old",
            filterPattern=r"%\bfoo%",
            metricTransformations=made,
        )
    logs.put_subscription_filter(**given, filterName="other", filterPattern="foo")
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    logs = second.client("logs")
    shown = logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"]
    assert [each["filterPattern"] for each in shown] == [r"%\bfoo%", "foo"]
    code, _ = error(logs.put_subscription_filter, **given, filterName="old", filterPattern=r"%\bx%")
    assert code == "InvalidParameterException"
    logs.delete_subscription_filter(logGroupName="g", filterName="old")
    logs.delete_metric_filter(logGroupName="g", filterName="old")
    second.stop()


def test_a_subscription_filter_passes_events_on_to_a_function(
    scripted: Running, logs: Any, put: Put
) -> None:
    seen: list[Any] = []
    arrived = threading.Event()

    async def script(runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            data = base64.b64decode(json.loads(payload)["awslogs"]["data"])
            seen.append(json.loads(gzip.decompress(data)))
            arrived.set()
            await runtime.respond(request_id, b"null")

    scripted.scripted_driver.script = script
    given = {"logGroupName": "g", "filterName": "errors", "filterPattern": "ERROR"}
    arn = "arn:aws:lambda:us-east-1:000000000000:function:watcher"
    code, text = error(logs.put_subscription_filter, **given, destinationArn=arn)
    assert (code, "Could not execute the lambda function" in text) == (
        "InvalidParameterException",
        True,
    )
    create(scripted.client("lambda"), "watcher")
    logs.put_subscription_filter(**given, destinationArn=arn)
    (shown,) = logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"]
    assert (shown["filterName"], shown["destinationArn"]) == ("errors", arn)
    put("s", (0, "ERROR one"), (1, "INFO two"), (2, "ERROR three"))
    assert arrived.wait(60)
    (batch,) = seen
    events = batch.pop("logEvents")
    assert batch == {
        "messageType": "DATA_MESSAGE",
        "owner": "000000000000",
        "logGroup": "g",
        "logStream": "s",
        "subscriptionFilters": ["errors"],
    }
    assert [each["message"] for each in events] == ["ERROR one", "ERROR three"]
    assert set(events[0]) == {"id", "timestamp", "message"}
    for name in ("b", "c"):
        other = {**given, "filterName": name, "destinationArn": arn}
        if name == "c":
            code, _ = error(logs.put_subscription_filter, **other)
            assert code == "LimitExceededException"
        else:
            logs.put_subscription_filter(**other)
    logs.delete_subscription_filter(logGroupName="g", filterName="errors")
    code, _ = error(logs.delete_subscription_filter, logGroupName="g", filterName="errors")
    assert code == "ResourceNotFoundException"
    code, _ = error(logs.put_subscription_filter, **given, destinationArn=arn.rsplit(":", 1)[0])
    assert code == "InvalidParameterException"
    logs.delete_log_group(logGroupName="g")
    logs.create_log_group(logGroupName="g")
    assert logs.describe_subscription_filters(logGroupName="g")["subscriptionFilters"] == []


def test_what_a_function_writes_is_not_passed_on_to_itself(scripted: Running, logs: Any) -> None:
    create(scripted.client("lambda"), "hello")
    logs.create_log_group(logGroupName=GROUP)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:hello"
    code, text = error(
        logs.put_subscription_filter,
        logGroupName=GROUP,
        filterName="loop",
        filterPattern="",
        destinationArn=arn,
    )
    assert (code, "for ever" in text) == ("InvalidParameterException", True)


def test_a_stream_that_is_not_there_gets_no_events(logs: Any) -> None:
    logs.create_log_group(logGroupName="unheard")
    code, text = error(
        logs.put_subscription_filter,
        logGroupName="unheard",
        filterName="f",
        filterPattern="",
        destinationArn="arn:aws:kinesis:us-east-1:000000000000:stream/nowhere",
        roleArn="arn:aws:iam::000000000000:role/r",
    )
    assert (code, "Could not deliver test message" in text) == ("InvalidParameterException", True)


def test_a_log_group_is_a_target_of_events(scripted: Running, logs: Any) -> None:
    events = scripted.client("events")
    logs.create_log_group(logGroupName="/aws/events/shop")
    events.put_rule(Name="shop", EventPattern='{"source": ["shop"]}')
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/shop"
    events.put_targets(Rule="shop", Targets=[{"Id": "1", "Arn": arn}])
    sent = {"Source": "shop", "DetailType": "a", "Detail": '{"n": 1}'}
    events.put_events(Entries=[sent])
    (event,) = until(lambda: logs.filter_log_events(logGroupName="/aws/events/shop")["events"])
    assert json.loads(event["message"])["detail"] == {"n": 1}
