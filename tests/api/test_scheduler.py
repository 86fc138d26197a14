"""EventBridge Scheduler through boto3: schedules, groups, and the calls of their targets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.jumping_clock import JumpingClock
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.messages import taken

ROLE = "arn:aws:iam::000000000000:role/scheduler"
OFF = {"Mode": "OFF"}


class Queue:
    """A queue that schedules send to."""

    def __init__(self, running: Running, name: str = "calls", **attributes: str) -> None:
        self.sqs = running.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def receive(self) -> dict[str, Any]:
        """Return the next message; wait for it."""
        return taken(self.sqs, self.url, MessageAttributeNames=["All"], AttributeNames=["All"])

    def is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return answer["Attributes"] == {names[0]: "0"}


@pytest.fixture
def scripted(emptied: Running) -> Running:
    return emptied


@pytest.fixture
def scheduler(scripted: Running) -> Any:
    return scripted.client("scheduler")


def make(client: Any, name: str, target: dict[str, Any], /, **fields: Any) -> str:
    request = {
        "Name": name,
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"RoleArn": ROLE, **target},
    }
    return client.create_schedule(**{**request, **fields})["ScheduleArn"]


def refused(operation: Any, **request: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        operation(**request)
    error = caught.value.response
    status = error["ResponseMetadata"]["HTTPStatusCode"]
    return error["Error"]["Code"], error["Error"]["Message"], status


def test_a_schedule_is_shown_with_its_defaults(scheduler: Any) -> None:
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:nobody"}
    arn = make(scheduler, "nightly", target, ScheduleExpression="cron(0 3 * * ? *)")
    assert arn == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/nightly"
    found = scheduler.get_schedule(Name="nightly")
    created, modified = found.pop("CreationDate"), found.pop("LastModificationDate")
    assert created == modified
    del found["ResponseMetadata"]
    assert found == {
        "ActionAfterCompletion": "NONE",
        "Arn": arn,
        "FlexibleTimeWindow": OFF,
        "GroupName": "default",
        "Name": "nightly",
        "ScheduleExpression": "cron(0 3 * * ? *)",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "Target": {
            **target,
            "RoleArn": ROLE,
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
        },
    }
    listed = scheduler.list_schedules()["Schedules"]
    assert listed == [
        {
            "Arn": arn,
            "CreationDate": created,
            "GroupName": "default",
            "LastModificationDate": modified,
            "Name": "nightly",
            "State": "ENABLED",
            "Target": target,
        }
    ]


def test_an_update_brings_back_the_defaults_of_what_it_leaves_out(scheduler: Any) -> None:
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:nobody", "RoleArn": ROLE}
    make(scheduler, "one", target, Description="first", ScheduleExpression="cron(0 3 * * ? *)")
    scheduler.update_schedule(
        Name="one",
        ScheduleExpression="cron(0 4 * * ? *)",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        Target=target,
    )
    found = scheduler.get_schedule(Name="one")
    assert "Description" not in found
    assert found["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    scheduler.delete_schedule(Name="one")
    assert refused(scheduler.get_schedule, Name="one") == (
        "ResourceNotFoundException",
        "Schedule one does not exist.",
        404,
    )


def test_names_are_taken_once_and_tokens_make_requests_repeatable(scheduler: Any) -> None:
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:nobody"}
    cron = "cron(0 3 * * ? *)"
    first = make(scheduler, "one", target, ScheduleExpression=cron, ClientToken="t")
    assert make(scheduler, "one", target, ScheduleExpression=cron, ClientToken="t") == first
    request = {
        "Name": "one",
        "ScheduleExpression": cron,
        "FlexibleTimeWindow": OFF,
        "Target": {**target, "RoleArn": ROLE},
    }
    assert refused(scheduler.create_schedule, **request) == (
        "ConflictException",
        "Schedule one already exists.",
        409,
    )


def test_groups_have_schedules_and_tags(scheduler: Any) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    arn = scheduler.create_schedule_group(Name="jobs", Tags=tags)["ScheduleGroupArn"]
    assert arn == "arn:aws:scheduler:us-east-1:000000000000:schedule-group/jobs"
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == tags
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["team"])
    left = scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert left == [{"Key": "a", "Value": "b"}]
    assert scheduler.get_schedule_group(Name="jobs")["State"] == "ACTIVE"
    named = [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]]
    assert named == ["default", "jobs"]
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:nobody"}
    make(scheduler, "one", target, GroupName="jobs", ScheduleExpression="cron(0 3 * * ? *)")
    assert scheduler.get_schedule(Name="one", GroupName="jobs")["GroupName"] == "jobs"
    assert refused(scheduler.get_schedule, Name="one")[0] == "ResourceNotFoundException"
    code, message, _ = refused(scheduler.create_schedule_group, Name="jobs")
    assert (code, message) == ("ConflictException", "Schedule group jobs already exists.")
    assert refused(scheduler.delete_schedule_group, Name="default")[0] == "ValidationException"
    scheduler.delete_schedule_group(Name="jobs")
    assert scheduler.list_schedules()["Schedules"] == []
    assert refused(scheduler.list_schedules, GroupName="jobs") == (
        "ResourceNotFoundException",
        "Schedule group jobs does not exist.",
        404,
    )


def test_lists_have_pages_and_filters(scheduler: Any) -> None:
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:nobody"}
    for number in range(5):
        state = "DISABLED" if number % 2 else "ENABLED"
        cron = "cron(0 3 * * ? *)"
        make(scheduler, f"job-{number}", target, ScheduleExpression=cron, State=state)
    pages = scheduler.get_paginator("list_schedules").paginate(
        NamePrefix="job-", PaginationConfig={"PageSize": 2}
    )
    names = [[each["Name"] for each in page["Schedules"]] for page in pages]
    assert names == [["job-0", "job-1"], ["job-2", "job-3"], ["job-4"]]
    found = scheduler.list_schedules(State="DISABLED")["Schedules"]
    assert [each["Name"] for each in found] == ["job-1", "job-3"]
    assert refused(scheduler.list_schedules, NextToken="?")[0] == "ValidationException"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ScheduleExpression": "rate(10)"}, "Invalid Schedule Expression rate(10)."),
        (
            {"ScheduleExpressionTimezone": "Mars/Olympus"},
            "Invalid Schedule Expression Timezone Mars/Olympus.",
        ),
        (
            {"StartDate": datetime(2020, 1, 1)},
            "The StartDate you specify cannot be earlier than 5 minutes ago.",
        ),
        (
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
            "MaximumWindowInMinutes must be provided when the flexible time window is FLEXIBLE.",
        ),
        (
            {"Target": {"RoleArn": ROLE, "Arn": "nothing"}},
            "Provided Arn is not in correct format.",
        ),
        (
            {"Target": {"RoleArn": ROLE, "Arn": "arn:aws:scheduler:::aws-sdk:sqs:listQueues"}},
            "arn:aws:scheduler:::aws-sdk:sqs:listQueues is not a supported target:"
            " operations that only read are none.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    scheduler: Any, changes: dict[str, Any], message: str
) -> None:
    request = {
        "Name": "one",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"RoleArn": ROLE, "Arn": "arn:aws:sqs:us-east-1:000000000000:nobody"},
    }
    answer = refused(scheduler.create_schedule, **{**request, **changes})
    assert answer == ("ValidationException", message, 400)


def test_a_queue_gets_the_input_with_what_is_known_of_the_call(
    scripted: Running, scheduler: Any
) -> None:
    queue = Queue(scripted)
    text = (
        '{"arn": "<aws.scheduler.schedule-arn>", "time": "<aws.scheduler.scheduled-time>",'
        ' "id": "<aws.scheduler.execution-id>", "attempt": "<aws.scheduler.attempt-number>"}'
    )
    arn = make(scheduler, "one", {"Arn": queue.arn, "Input": text})
    body = json.loads(queue.receive()["Body"])
    assert body["arn"] == arn
    assert body["attempt"] == "1"
    assert len(body["id"]) == 16
    created = scheduler.get_schedule(Name="one")["CreationDate"]
    assert body["time"] == created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_without_an_input_a_function_gets_a_scheduled_event(
    scripted: Running, scheduler: Any
) -> None:
    queue = Queue(scripted)
    function = create(scripted.client("lambda"), "nightly")["FunctionArn"]
    scripted.client("lambda").put_function_event_invoke_config(
        FunctionName="nightly", DestinationConfig={"OnSuccess": {"Destination": queue.arn}}
    )
    arn = make(scheduler, "one", {"Arn": function})
    event = json.loads(queue.receive()["Body"])["requestPayload"]
    assert event.pop("id")
    assert event.pop("time")
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "region": "us-east-1",
        "resources": [arn],
        "detail": "{}",
    }


def test_a_universal_target_is_any_operation(scripted: Running, scheduler: Any) -> None:
    queue = Queue(scripted)
    arguments = {"QueueUrl": queue.url, "MessageBody": "from anywhere"}
    make(
        scheduler,
        "any",
        {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": json.dumps(arguments)},
    )
    assert queue.receive()["Body"] == "from anywhere"


def test_fifo_queues_get_the_group(scripted: Running, scheduler: Any) -> None:
    queue = Queue(scripted, "calls.fifo", FifoQueue="true")
    parameters = {"MessageGroupId": "g"}
    make(scheduler, "one", {"Arn": queue.arn, "Input": "x", "SqsParameters": parameters})
    assert queue.receive()["Attributes"]["MessageGroupId"] == "g"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (
            {"Arn": "arn:aws:lambda:us-east-1:000000000000:function:nobody"},
            "ResourceNotFoundException",
        ),
        (
            {
                "Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/one",
                "EcsParameters": {"TaskDefinitionArn": "arn:aws:ecs:::task-definition/a"},
            },
            "InternalServerError",
        ),
        (
            {
                "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
                "Input": '{"QueueUrl": "http://localhost/000000000000/none", "MessageBody": "x"}',
            },
            "Sqs.QueueDoesNotExistException",
        ),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"}, "NotImplementedException"),
    ],
)
def test_what_can_not_be_called_is_a_dead_letter(
    scripted: Running, scheduler: Any, target: dict[str, Any], code: str
) -> None:
    dead = Queue(scripted, "dead")
    arn = make(scheduler, "one", {"Input": "{}", **target, "DeadLetterConfig": {"Arn": dead.arn}})
    message = dead.receive()
    attributes = {
        name: value["StringValue"] for name, value in message["MessageAttributes"].items()
    }
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes.pop("EXECUTION_ID")
    assert attributes.pop("SCHEDULED_TIME")
    assert attributes == {
        "ERROR_CODE": code,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": target["Arn"],
    }
    assert message["Body"] == target.get("Input", "{}")


def test_one_time_is_once_and_deleted_where_it_is_asked_for(
    scripted: Running, scheduler: Any
) -> None:
    queue = Queue(scripted)
    zone = "Asia/Tokyo"
    now = datetime.now(UTC) + timedelta(hours=9)
    at = f"at({now.strftime('%Y-%m-%dT%H:%M:%S')})"
    fields = {"ScheduleExpression": at, "ScheduleExpressionTimezone": zone}
    make(scheduler, "kept", {"Arn": queue.arn, "Input": "kept"}, **fields)
    assert queue.receive()["Body"] == "kept"
    assert scheduler.get_schedule(Name="kept")["State"] == "ENABLED"
    fields["ActionAfterCompletion"] = "DELETE"
    make(scheduler, "once", {"Arn": queue.arn, "Input": "once"}, **fields)
    assert queue.receive()["Body"] == "once"

    async def is_gone() -> bool:
        state = await scripted.emulator.table.state("scheduler")
        for task in list(state.firing._work):
            await task
        return not [row for *_, row, _ in state.schedules.all() if row == "default/once"]

    assert scripted.call(is_gone)


def test_a_disabled_schedule_waits_until_it_is_enabled(scripted: Running, scheduler: Any) -> None:
    queue = Queue(scripted)
    target = {"Arn": queue.arn, "Input": "x", "RoleArn": ROLE}
    make(scheduler, "one", target, State="DISABLED")

    async def waits() -> int:
        state = await scripted.emulator.table.state("scheduler")
        return len(state.firing._due)

    assert scripted.call(waits) == 0
    scheduler.update_schedule(
        Name="one", ScheduleExpression="rate(1 day)", FlexibleTimeWindow=OFF, Target=target
    )
    assert scripted.call(waits) == 1
    assert queue.is_empty()


def test_templates_make_schedules(scripted: Running, scheduler: Any) -> None:
    queue = Queue(scripted)
    template = {
        "Resources": {
            "Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "jobs"}},
            "Nightly": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "GroupName": {"Ref": "Group"},
                    "ScheduleExpression": "rate(1 day)",
                    "FlexibleTimeWindow": OFF,
                    "StartDate": "2199-01-01T00:00:00.000Z",
                    "Target": {"Arn": queue.arn, "RoleArn": ROLE, "Input": "from a template"},
                },
            },
        },
        "Outputs": {
            "Name": {"Value": {"Ref": "Nightly"}},
            "Arn": {"Value": {"Fn::GetAtt": ["Nightly", "Arn"]}},
        },
    }
    cloudformation = scripted.client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s")
    (stack,) = cloudformation.describe_stacks(StackName="s")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    found = scheduler.get_schedule(Name=outputs["Name"], GroupName="jobs")
    assert found["Arn"] == outputs["Arn"]
    assert found["StartDate"].year == 2199
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s")
    assert scheduler.list_schedules()["Schedules"] == []


def test_schedules_outlive_a_restart_and_make_up_for_what_was_missed(tmp_path: Any) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    queue = Queue(first)
    start = datetime.now(UTC) + timedelta(seconds=1)
    target = {"Arn": queue.arn, "Input": "<aws.scheduler.scheduled-time>"}
    make(first.client("scheduler"), "later", target, StartDate=start)
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    try:
        queue = Queue(second)
        assert queue.receive()["Body"] == start.strftime("%Y-%m-%dT%H:%M:%SZ")
    finally:
        second.stop()


def test_streams_buses_and_workflows_are_called(scripted: Running, scheduler: Any) -> None:
    queue = Queue(scripted)
    kinesis, events = scripted.client("kinesis"), scripted.client("events")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="s")
    where = "arn:aws:{}:us-east-1:000000000000:{}"
    scripted.client("pipes").create_pipe(
        Name="p",
        RoleArn=ROLE,
        Source=where.format("kinesis", "stream/s"),
        SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        Target=queue.arn,
        TargetParameters={"InputTemplate": "<$.partitionKey>"},
    )
    stream = {
        "Arn": where.format("kinesis", "stream/s"),
        "Input": "{}",
        "KinesisParameters": {"PartitionKey": "key"},
    }
    make(scheduler, "stream", stream)
    assert queue.receive()["Body"] == "key"
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue.arn}])
    bus = {
        "Arn": where.format("events", "event-bus/default"),
        "Input": '{"a": 1}',
        "EventBridgeParameters": {"DetailType": "Opened", "Source": "shop"},
    }
    make(scheduler, "bus", bus)
    event = json.loads(queue.receive()["Body"])
    assert (event["detail-type"], event["detail"]) == ("Opened", {"a": 1})
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue.url, "MessageBody.$": "$.text"},
        "End": True,
    }
    machine = scripted.client("stepfunctions").create_state_machine(
        name="m",
        definition=json.dumps({"StartAt": "Send", "States": {"Send": send}}),
        roleArn=ROLE,
    )["stateMachineArn"]
    make(scheduler, "workflow", {"Arn": machine, "Input": '{"text": "from a workflow"}'})
    assert queue.receive()["Body"] == "from a workflow"


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def jumping(clock: JumpingClock) -> Iterator[Running]:
    running = Running(Settings(port=0), driver=ScriptedDriver(), clock=clock)
    yield running
    running.stop()


def test_each_night_once_and_of_a_week_the_last_day(jumping: Running, clock: JumpingClock) -> None:
    queue = Queue(jumping)
    make(
        jumping.client("scheduler"),
        "nightly",
        {"Arn": queue.arn, "Input": "<aws.scheduler.scheduled-time>"},
        ScheduleExpression="cron(0 3 * * ? *)",
    )

    def to_three(days: int) -> str:
        """Move on to three o'clock of a later day, and return when that is."""
        now = datetime.fromtimestamp(clock.now(), UTC)
        at = now.replace(hour=3, minute=0, second=0, microsecond=0) + timedelta(days=days)
        jumping.call(lambda: clock.jump((at - now).total_seconds() + 1))
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    for _ in range(3):
        expected = to_three(1)
        assert queue.receive()["Body"] == expected
    expected = to_three(7)
    assert queue.receive()["Body"] == expected
    assert queue.is_empty()


def test_windows_are_used_and_end(jumping: Running, clock: JumpingClock) -> None:
    queue = Queue(jumping)
    scheduler = jumping.client("scheduler")
    start = datetime.fromtimestamp(clock.now() + 3_600, UTC)
    make(
        scheduler,
        "hourly",
        {"Arn": queue.arn, "Input": "<aws.scheduler.scheduled-time>"},
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30},
        StartDate=start,
        EndDate=start + timedelta(minutes=90),
        ActionAfterCompletion="DELETE",
    )
    # Each time to the end of the window: nothing was missed.
    for hours, jump_s in enumerate((5_400.0, 3_600.0)):
        jumping.call(partial(clock.jump, jump_s))
        expected = start + timedelta(hours=hours)
        assert queue.receive()["Body"] == expected.strftime("%Y-%m-%dT%H:%M:%SZ")

    async def left() -> int:
        state = await jumping.emulator.table.state("scheduler")
        for task in list(state.firing._work):
            await task
        return len(state.schedules.all())

    assert jumping.call(left) == 0
