"""EventBridge through boto3: buses, rules, targets, events and what becomes of them."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from emulator.services.events import replaying
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.buses import (
    ACCOUNT,
    ARN,
    Endpoint,
    Queue,
    bus_with,
    connection,
    destination,
    endpoint,
    entry,
    events,
    new,
    refused,
)
from tests.api.conftest import Running, create
from tests.api.shards import first_records
from tests.patience import PATIENCE_S, until

__all__ = ["endpoint", "events"]


def test_an_event_reaches_the_targets_of_matching_rules(running: Running, events: Any) -> None:
    first, second, other = Queue(running), Queue(running), Queue(running)
    bus = bus_with(events, {"Arn": first.arn}, {"Arn": second.arn})
    bus_with(events, {"Arn": other.arn}, pattern={"source": ["bank"]}, bus=bus)
    answer = events.put_events(
        Entries=[entry(bus, Time=1_700_000_000, Resources=["a"]), entry("nobody")]
    )
    assert answer["FailedEntryCount"] == 0
    (body,) = first.bodies()
    assert list(body) == [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources",
        "detail",
    ]  # fmt: skip
    assert body == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "ordered",
        "source": "shop",
        "account": ACCOUNT,
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
        "resources": ["a"],
        "detail": {"id": 7},
    }
    assert second.bodies() == [body]
    assert other.received(1, wait_s=0) == []


def test_wrong_entries_fail_alone(events: Any) -> None:
    wrong = [
        entry("default", Source=""),
        {"Source": "shop", "Detail": "{}"},
        {"Source": "shop", "DetailType": "a"},
        entry("default", Detail="[1]"),
        entry("default", Detail="no"),
        entry("default", Source="aws.ec2"),
        entry("default"),
    ]
    answer = events.put_events(Entries=wrong)
    assert answer["FailedEntryCount"] == 6
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [
        *["InvalidArgument"] * 3,
        *["MalformedDetail"] * 2,
        "NotAuthorizedForSourceException",
        None,
    ]
    text = "Parameter Source is not valid. Reason: Source is a required argument."
    assert answer["Entries"][0]["ErrorMessage"] == text
    refused(events.put_events, "ValidationException", "less than or equal to 10",
            Entries=[entry("default")] * 11)  # fmt: skip
    big = entry("default", {"a": "x" * (1 << 20)})
    refused(events.put_events, "ValidationException", "over the limit", Entries=[big])


def test_functions_and_topics_are_targets(running: Running, events: Any) -> None:
    seen: list[Any] = []
    arrived = threading.Event()

    async def script(runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            seen.append(json.loads(payload))
            arrived.set()
            await runtime.respond(request_id, payload)

    running.scripted_driver.script = script
    create(running.client("lambda"), "watcher")
    topic = running.client("sns").create_topic(Name="rung")["TopicArn"]
    queue = Queue(running)
    running.client("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue.arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    bus = bus_with(events, {"Arn": ARN.format("lambda", "function:watcher")}, {"Arn": topic})
    events.put_events(Entries=[entry(bus)])
    assert arrived.wait(60)
    assert [seen[0]] == queue.bodies()


def test_what_no_target_takes_ends_in_its_dead_letter_queue(running: Running, events: Any) -> None:
    dead = Queue(running)
    gone = ARN.format("sqs", "gone")
    bus = bus_with(
        events, {"Arn": gone, "DeadLetterConfig": {"Arn": dead.arn}, "InputPath": "$.detail"}
    )
    events.put_events(Entries=[entry(bus)])
    (message,) = dead.received()
    assert json.loads(message["Body"])["detail"] == {"id": 7}
    said = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert said.pop("ERROR_MESSAGE")
    assert said.pop("RULE_ARN").startswith(ARN.format("events", f"rule/{bus}/"))
    assert said == {"ERROR_CODE": "NO_RESOURCE", "TARGET_ARN": gone}


def test_an_event_goes_on_to_another_bus_and_not_in_circles(running: Running, events: Any) -> None:
    queue, dead = Queue(running), Queue(running)
    first, second = new("bus"), new("bus")
    for name in (first, second):
        events.create_event_bus(Name=name)
    to = {name: {"Arn": ARN.format("events", f"event-bus/{name}")} for name in (first, second)}
    bus_with(events, to[second], bus=first)
    bus_with(events, {**to[first], "DeadLetterConfig": {"Arn": dead.arn}}, {"Arn": queue.arn},
             bus=second)  # fmt: skip
    answer = events.put_events(Entries=[entry(first)])
    (message,) = dead.received()
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "LOOP_DETECTED"
    bodies = queue.bodies(5)
    assert {each["detail"]["id"] for each in bodies} == {7}
    assert answer["Entries"][0]["EventId"] not in {each["id"] for each in bodies}


def test_inputs(running: Running, events: Any) -> None:
    queues = [Queue(running) for _ in range(4)]
    transformer = {
        "InputPathsMap": {"id": "$.detail.id", "all": "$.detail", "none": "$.detail.no"},
        "InputTemplate": '{"a": <id>, "b": "n<id>", "c": <all>, "d": <none>, '
        '"e": <aws.events.rule-name>}',
    }
    bus = bus_with(
        events,
        {"Arn": queues[0].arn, "Input": '{"constant": 1}'},
        {"Arn": queues[1].arn, "InputPath": "$.detail.id"},
        {"Arn": queues[2].arn, "InputTransformer": transformer},
        {
            "Arn": queues[3].arn,
            "InputTransformer": {
                "InputPathsMap": {"all": "$.detail"},
                "InputTemplate": '"Got <all>"',
            },
        },
    )
    events.put_events(Entries=[entry(bus, {"id": "x"})])
    assert queues[0].bodies() == [{"constant": 1}]
    assert queues[1].bodies() == ["x"]
    (made,) = queues[2].bodies()
    assert made.pop("e").startswith("rule-")
    assert made == {"a": "x", "b": "nx", "c": {"id": "x"}, "d": ""}
    assert [each["Body"] for each in queues[3].received()] == ['"Got {id:x}"']


def test_services_announce_to_the_default_bus(running: Running, events: Any) -> None:
    def announce() -> None:
        running.call(
            lambda: running.emulator.parts.announce(
                "aws.shop", "opened", {"n": 1}, ["r"], account=ACCOUNT, region="us-east-1"
            )
        )

    announce()
    queue = Queue(running)
    bus_with(events, {"Arn": queue.arn}, pattern={"source": ["aws.shop"]}, bus="default")
    announce()
    (body,) = queue.bodies()
    assert (body["detail-type"], body["detail"], body["resources"]) == ("opened", {"n": 1}, ["r"])
    # An archive wants them, too, where no rule does.
    for rule in events.list_rules()["Rules"]:
        events.remove_targets(Rule=rule["Name"], Ids=["0", "1"])
        events.delete_rule(Name=rule["Name"])
    name = new("archive")
    pattern = json.dumps({"source": ["aws.shop"]})
    bus = ARN.format("events", "event-bus/default")
    events.create_archive(ArchiveName=name, EventSourceArn=bus, EventPattern=pattern)
    announce()
    until(lambda: events.describe_archive(ArchiveName=name), lambda seen: seen["EventCount"] == 1)
    events.delete_archive(ArchiveName=name)


def test_buses(events: Any) -> None:
    name = new("bus")
    arn = ARN.format("events", f"event-bus/{name}")
    assert events.create_event_bus(Name=name, Description="d")["EventBusArn"] == arn
    refused(events.create_event_bus, "ResourceAlreadyExistsException",
            f"Event bus {name} already exists.", Name=name)  # fmt: skip
    refused(events.create_event_bus, "ValidationException", "must not contain '/'", Name="a/b")
    assert events.describe_event_bus(Name=arn)["Description"] == "d"
    events.update_event_bus(Name=name, Description="e")
    assert events.describe_event_bus(Name=name)["Description"] == "e"
    assert events.describe_event_bus()["Name"] == "default"
    listed = events.list_event_buses(NamePrefix=name)["EventBuses"]
    assert [each["Name"] for each in listed] == [name]
    refused(events.delete_event_bus, "ValidationException", "Cannot delete event bus default.",
            Name="default")  # fmt: skip
    events.put_rule(Name=new("rule"), EventBusName=name, EventPattern='{"source": ["a"]}')
    refused(events.delete_event_bus, "ValidationException", "has rules", Name=name)
    (rule,) = events.list_rules(EventBusName=name)["Rules"]
    events.delete_rule(Name=rule["Name"], EventBusName=name)
    events.delete_event_bus(Name=name)
    events.delete_event_bus(Name=name)
    refused(events.describe_event_bus, "ResourceNotFoundException",
            f"Event bus {name} does not exist.", Name=name)  # fmt: skip


def test_permissions(events: Any) -> None:
    name = new("bus")
    events.create_event_bus(Name=name)
    refused(events.remove_permission, "ResourceNotFoundException", "does not have a policy",
            EventBusName=name, StatementId="a")  # fmt: skip
    given = {"EventBusName": name, "Action": "events:PutEvents"}
    events.put_permission(**given, Principal="111111111111", StatementId="a")
    events.put_permission(**given, Principal="*", StatementId="b")
    (one, other) = json.loads(events.describe_event_bus(Name=name)["Policy"])["Statement"]
    assert one["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    assert other["Principal"] == "*"
    refused(events.remove_permission, "ResourceNotFoundException", "Statement with the provided",
            EventBusName=name, StatementId="c")  # fmt: skip
    events.remove_permission(EventBusName=name, StatementId="a")
    events.remove_permission(EventBusName=name, RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus(Name=name)


def test_rules_and_targets(running: Running, events: Any) -> None:
    queue, name = Queue(running), new("rule")
    refused(events.put_rule, "ValidationException", "must be specified", Name=name)
    refused(events.put_rule, "InvalidEventPatternException", "Event pattern is not valid.",
            Name=name, EventPattern="[]")  # fmt: skip
    missing = f"Rule {name} does not exist on EventBus default."
    refused(events.describe_rule, "ResourceNotFoundException", missing, Name=name)
    pattern = json.dumps({"source": ["pings"]})
    arn = events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]
    assert arn == ARN.format("events", f"rule/{name}")
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue.arn}])
    assert events.list_targets_by_rule(Rule=name)["Targets"] == [{"Id": "1", "Arn": queue.arn}]
    assert events.list_rule_names_by_target(TargetArn=queue.arn)["RuleNames"] == [name]
    events.disable_rule(Name=name)
    events.put_events(Entries=[entry("default", Source="pings")])
    assert queue.received(1, wait_s=0) == []
    events.enable_rule(Name=name)
    events.put_events(Entries=[entry("default", Source="pings")])
    assert len(queue.received()) == 1
    refused(events.put_targets, "LimitExceededException", "maximum number", Rule=name,
            Targets=[{"Id": str(each), "Arn": queue.arn} for each in range(6)])  # fmt: skip
    refused(events.put_targets, "ValidationException", "Provided Arn is not in correct format",
            Rule=name, Targets=[{"Id": "2", "Arn": "queue"}])  # fmt: skip
    refused(events.put_targets, "ValidationException", "SqsParameters must be specified",
            Rule=name, Targets=[{"Id": "2", "Arn": f"{queue.arn}.fifo"}])  # fmt: skip
    refused(events.delete_rule, "ValidationException", "has targets", Name=name)
    answer = events.remove_targets(Rule=name, Ids=["1", "9"])
    assert [each["TargetId"] for each in answer["FailedEntries"]] == ["9"]
    events.delete_rule(Name=name)
    events.delete_rule(Name=name)


def test_tags(events: Any) -> None:
    name = new("rule")
    pattern = json.dumps({"source": ["a"]})
    tags = [{"Key": "a", "Value": "1"}]
    arn = events.put_rule(Name=name, EventPattern=pattern, Tags=tags)["RuleArn"]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["a", "c"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    refused(events.list_tags_for_resource, "ResourceNotFoundException", "does not exist",
            ResourceARN=f"{arn}x")  # fmt: skip


def test_patterns_are_tested(events: Any) -> None:
    event = json.dumps({"source": "a"})
    test = events.test_event_pattern
    assert test(EventPattern='{"source": ["a"]}', Event=event)["Result"] is True
    assert test(EventPattern='{"source": ["b"]}', Event=event)["Result"] is False
    refused(test, "ValidationException", "Parameter Event is not valid.",
            EventPattern='{"source": ["b"]}', Event="a")  # fmt: skip


def test_archived_events_are_replayed(
    running: Running, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Queue(running), Queue(running)
    bus = bus_with(events, {"Arn": first.arn})
    bus_with(events, {"Arn": second.arn}, bus=bus)
    bus_arn, name = ARN.format("events", f"event-bus/{bus}"), new("archive")
    made = events.create_archive(
        ArchiveName=name,
        EventSourceArn=bus_arn,
        EventPattern=json.dumps({"detail": {"id": [{"numeric": ["<", 3]}]}}),
        RetentionDays=1,
    )
    refused(events.create_archive, "ResourceAlreadyExistsException", "already exists",
            ArchiveName=name, EventSourceArn=bus_arn)  # fmt: skip
    events.put_events(Entries=[entry(bus, {"id": id}) for id in range(5)])
    assert len(first.bodies(5)) == 5
    shown = until(
        lambda: events.describe_archive(ArchiveName=name), lambda seen: seen["EventCount"] == 3
    )
    assert shown["SizeBytes"] > 0
    listed = events.list_archives(EventSourceArn=bus_arn)["Archives"]
    assert [each["ArchiveName"] for each in listed] == [name]
    events.update_archive(ArchiveName=name, Description="d")
    (rule, *_) = events.list_rules(EventBusName=bus)["Rules"]
    replay = new("replay")
    now = shown["CreationTime"].timestamp()
    given = {
        "ReplayName": replay,
        "EventSourceArn": made["ArchiveArn"],
        "EventStartTime": now - 60,
        "EventEndTime": now + 600,
        "Destination": {"Arn": bus_arn, "FilterArns": [rule["Arn"]]},
    }
    assert events.start_replay(**given)["State"] == "STARTING"
    refused(events.start_replay, "ResourceAlreadyExistsException", "already exists", **given)
    again = first.bodies(3)
    assert {each["replay-name"] for each in again} == {replay}
    assert sorted(each["detail"]["id"] for each in again) == [0, 1, 2]
    ended = until(
        lambda: events.describe_replay(ReplayName=replay), lambda seen: seen["State"] == "COMPLETED"
    )
    assert ended["EventLastReplayedTime"]
    assert len(second.bodies(5)) == 5
    assert events.describe_archive(ArchiveName=name)["EventCount"] == 3
    refused(events.cancel_replay, "IllegalStatusException", "not in a valid state",
            ReplayName=replay)  # fmt: skip
    send_all, cancelled = replaying.Replay._send_all, threading.Event()

    async def once_cancelled(replay: replaying.Replay) -> str:
        await asyncio.to_thread(cancelled.wait, PATIENCE_S)
        return await send_all(replay)

    monkeypatch.setattr(replaying.Replay, "_send_all", once_cancelled)
    events.start_replay(**{**given, "ReplayName": f"{replay}-2"})
    assert events.cancel_replay(ReplayName=f"{replay}-2")["State"] == "CANCELLING"
    cancelled.set()
    until(
        lambda: events.list_replays(NamePrefix=f"{replay}-2")["Replays"],
        lambda seen: seen[0]["State"] == "CANCELLED",
    )
    events.delete_archive(ArchiveName=name)
    refused(events.describe_archive, "ResourceNotFoundException", "does not exist",
            ArchiveName=name)  # fmt: skip


def test_results_of_asynchronous_invokes_come_to_a_bus(running: Running, events: Any) -> None:
    queue, name = Queue(running), new("result")

    async def script(runtime: RuntimeClient) -> None:
        while True:
            request_id, _ = await runtime.next()
            await runtime.respond(request_id, b'{"done": true}')

    running.scripted_driver.script = script
    functions = running.client("lambda")
    create(functions, name)
    bus = bus_with(events, {"Arn": queue.arn}, pattern={"source": ["lambda"]})
    bus_arn = ARN.format("events", f"event-bus/{bus}")
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": bus_arn}}
    )
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"a": 1}')
    (body,) = queue.bodies()
    assert body["detail-type"] == "Lambda Function Invocation Result - Success"
    function = ARN.format("lambda", f"function:{name}:$LATEST")
    assert body["resources"] == [bus_arn, function]
    assert body["detail"]["requestPayload"] == {"a": 1}
    assert body["detail"]["responsePayload"] == {"done": True}
    functions.close()


def test_everything_outlives_a_restart_and_ends_with_a_reset(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    settings = Settings(port=0, state=tmp_path, transition_seconds=0)
    running = Running(settings, driver=ScriptedDriver())
    events, queue = running.client("events"), Queue(running)
    key = connection(
        events, "API_KEY", ApiKeyAuthParameters={"ApiKeyName": "X-Key", "ApiKeyValue": "k"}
    )
    waiting = destination(events, key, f"{endpoint.url}/later")
    bus = bus_with(events, {"Arn": waiting}, {"Arn": queue.arn})
    archive, bus_arn = new("archive"), ARN.format("events", f"event-bus/{bus}")
    events.create_archive(ArchiveName=archive, EventSourceArn=bus_arn)
    endpoint.status = 503
    events.put_events(Entries=[entry(bus)])
    endpoint.wait("/later")
    until(lambda: events.describe_archive(ArchiveName=archive), lambda seen: seen["EventCount"])
    running.stop()
    endpoint.status = 200
    running = Running(settings, driver=ScriptedDriver())
    try:
        endpoint.wait("/later", 2)
        events = running.client("events")
        assert events.describe_archive(ArchiveName=archive)["EventCount"] == 1
        events.put_events(Entries=[entry(bus, {"id": 8})])
        again = Queue(running, queue.arn.rpartition(":")[2])
        assert [body["detail"]["id"] for body in again.bodies(2)] == [7, 8]
        endpoint.wait("/later", 3)
        request = urllib.request.Request(f"{running.url}/_emulator/reset", method="POST")
        urllib.request.urlopen(request, timeout=60).close()
        refused(events.describe_event_bus, "ResourceNotFoundException", "does not exist", Name=bus)
        events.create_event_bus(Name=bus)
        events.create_archive(ArchiveName=archive, EventSourceArn=bus_arn)
        assert events.describe_archive(ArchiveName=archive)["EventCount"] == 0
        assert events.list_rules(EventBusName=bus)["Rules"] == []
    finally:
        running.stop()


def test_streams_and_state_machines_are_targets(running: Running, events: Any) -> None:
    kinesis, states = running.client("kinesis"), running.client("stepfunctions")
    stream, role = new("stream"), "arn:aws:iam::000000000000:role/r"
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    machine = states.create_state_machine(
        name=new("machine"), definition=json.dumps(definition), roleArn=role
    )["stateMachineArn"]
    arn = ARN.format("kinesis", f"stream/{stream}")
    key = {"PartitionKeyPath": "$.detail.customer"}
    refused(events.put_targets, "ResourceNotFoundException", "does not exist", Rule=new("none"),
            Targets=[{"Id": "1", "Arn": arn, "RoleArn": role}])  # fmt: skip
    bus = bus_with(
        events,
        {"Arn": arn, "RoleArn": role, "KinesisParameters": key},
        {"Arn": machine, "RoleArn": role, "InputPath": "$.detail"},
    )
    until(
        lambda: kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamStatus"],
        lambda seen: seen == "ACTIVE",
    )
    events.put_events(Entries=[entry(bus, {"customer": "ann"})])
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = first_records(kinesis, iterator)
    assert records[0]["PartitionKey"] == "ann"
    assert json.loads(records[0]["Data"])["detail"] == {"customer": "ann"}
    (execution,) = until(
        lambda: states.list_executions(stateMachineArn=machine)["executions"],
        lambda seen: bool(seen),
    )
    shown = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(shown["input"]) == {"customer": "ann"}
    for client in (kinesis, states):
        client.close()


def test_archives_fill_after_a_restart_before_anybody_asks_for_eventbridge(tmp_path: Path) -> None:
    first = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    client = first.client("events")
    bus = client.describe_event_bus(Name="default")["Arn"]
    client.create_archive(ArchiveName="kept", EventSourceArn=bus)
    first.stop()
    second = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    assert second.emulator.table.find("events").is_open
    second.stop()
