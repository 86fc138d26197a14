"""EventBridge Pipes through boto3: sources, filters, enrichment, templates, targets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create
from tests.messages import taken
from tests.patience import until

ROLE = "arn:aws:iam::000000000000:role/pipe"


class Queue:
    """One end of a pipe."""

    def __init__(self, running: Running, name: str, **attributes: str) -> None:
        self.sqs = running.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self) -> dict[str, Any]:
        """Return the next message; wait for it."""
        return taken(self.sqs, self.url, AttributeNames=["All"])


@pytest.fixture
def scripted(emptied: Running) -> Running:
    return emptied


@pytest.fixture
def pipes(scripted: Running) -> Any:
    return scripted.client("pipes")


@pytest.fixture
def source(scripted: Running) -> Queue:
    return Queue(scripted, "source")


@pytest.fixture
def target(scripted: Running) -> Queue:
    return Queue(scripted, "target")


class Endpoint:
    """An HTTP endpoint that remembers what it was sent, and answers with ``answer``."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.answer = b""
        self._arrived = threading.Condition()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with endpoint._arrived:
                    endpoint.seen.append((self.path, headers, body))
                    endpoint._arrived.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", str(len(endpoint.answer)))
                self.end_headers()
                self.wfile.write(endpoint.answer)

            def log_message(self, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def wait(self, count: int) -> list[tuple[str, dict[str, str], bytes]]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, 60), self.seen
        return self.seen

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def make(client: Any, source: str, target: str, **fields: Any) -> dict[str, Any]:
    request = {"Name": "pipe", "RoleArn": ROLE, "Source": source, "Target": target}
    return client.create_pipe(**{**request, **fields})


def test_a_pipe_is_shown_with_its_defaults(pipes: Any, source: Queue, target: Queue) -> None:
    made = make(pipes, source.arn, target.arn, Tags={"team": "blue"})
    assert made["CurrentState"] == "CREATING"
    found = pipes.describe_pipe(Name="pipe")
    for name in ("CreationTime", "LastModifiedTime", "ResponseMetadata"):
        del found[name]
    assert found == {
        "Arn": "arn:aws:pipes:us-east-1:000000000000:pipe/pipe",
        "Name": "pipe",
        "CurrentState": "RUNNING",
        "DesiredState": "RUNNING",
        "RoleArn": ROLE,
        "Source": source.arn,
        "SourceParameters": {"SqsQueueParameters": {"BatchSize": 10}},
        "StateReason": "USER_INITIATED",
        "Tags": {"team": "blue"},
        "Target": target.arn,
    }
    (listed,) = pipes.list_pipes(NamePrefix="p", CurrentState="RUNNING")["Pipes"]
    assert listed["Source"] == source.arn
    assert pipes.list_pipes(NamePrefix="q")["Pipes"] == []
    arn = found["Arn"]
    pipes.tag_resource(resourceArn=arn, tags={"a": "b"})
    pipes.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert pipes.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
    with pytest.raises(pipes.exceptions.ConflictException) as caught:
        make(pipes, source.arn, target.arn)
    assert caught.value.response["resourceId"] == "pipe"
    assert pipes.delete_pipe(Name="pipe")["CurrentState"] == "DELETING"
    with pytest.raises(pipes.exceptions.NotFoundException):
        pipes.describe_pipe(Name="pipe")


def test_messages_go_through_filters_and_templates(
    pipes: Any, source: Queue, target: Queue
) -> None:
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["order"]}})}]}
    template = (
        '{"id": <$.body.id>, "text": "order <$.body.id> of <aws.pipes.pipe-name>",'
        ' "all": <$.body>, "none": <$.body.none>}'
    )
    make(
        pipes,
        source.arn,
        target.arn,
        SourceParameters={"FilterCriteria": filters},
        TargetParameters={"InputTemplate": template},
    )
    source.send(json.dumps({"kind": "note", "id": 1}))
    source.send(json.dumps({"kind": "order", "id": "o-2"}))
    assert json.loads(target.receive()["Body"]) == {
        "id": "o-2",
        "text": "order o-2 of pipe",
        "all": {"kind": "order", "id": "o-2"},
        "none": "",
    }


def test_functions_enrich(scripted: Running, pipes: Any, source: Queue, target: Queue) -> None:
    async def enrich(runtime: RuntimeClient) -> None:
        while True:
            request_id, event = await runtime.next()
            records = json.loads(event)
            await runtime.respond(
                request_id, json.dumps([{"seen": each["body"]} for each in records]).encode()
            )

    scripted.scripted_driver.script = enrich
    function = create(scripted.client("lambda"), "enrich")["FunctionArn"]
    make(pipes, source.arn, target.arn, Enrichment=function)
    source.send("hello")
    assert json.loads(target.receive()["Body"]) == {"seen": "hello"}


def test_what_an_enrichment_drops_reaches_no_target(
    scripted: Running, pipes: Any, source: Queue, target: Queue
) -> None:
    async def drop(runtime: RuntimeClient) -> None:
        while True:
            request_id, event = await runtime.next()
            kept = [each["body"] for each in json.loads(event) if each["body"] != "drop"]
            await runtime.respond(request_id, json.dumps(kept).encode())

    scripted.scripted_driver.script = drop
    function = create(scripted.client("lambda"), "drop")["FunctionArn"]
    parameters = {"SqsQueueParameters": {"BatchSize": 1}}
    make(pipes, source.arn, target.arn, Enrichment=function, SourceParameters=parameters)
    source.send("drop")
    source.send("keep")
    assert target.receive()["Body"] == "keep"


def test_fifo_targets_get_groups_by_path(scripted: Running, pipes: Any, source: Queue) -> None:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    target = Queue(scripted, "target.fifo", **attributes)
    parameters = {"SqsQueueParameters": {"MessageGroupId": "$.body.customer"}}
    make(pipes, source.arn, target.arn, TargetParameters=parameters)
    source.send('{"customer": "c-7"}')
    assert target.receive()["Attributes"]["MessageGroupId"] == "c-7"


def test_buses_get_events_and_topics_messages(
    scripted: Running, pipes: Any, source: Queue, target: Queue
) -> None:
    events = scripted.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": target.arn}])
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
    parameters = {
        "InputTemplate": '{"order": <$.body.id>}',
        "EventBridgeEventBusParameters": {"DetailType": "Order", "Source": "shop"},
    }
    make(pipes, source.arn, bus, TargetParameters=parameters)
    source.send('{"id": 7}')
    event = json.loads(target.receive()["Body"])
    assert (event["detail-type"], event["detail"]) == ("Order", {"order": 7})


def test_streams_are_sources_and_their_records_are_flat(
    scripted: Running, pipes: Any, target: Queue
) -> None:
    kinesis = scripted.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="clicks")
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
    parameters = {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}
    make(
        pipes,
        arn,
        target.arn,
        SourceParameters=parameters,
        TargetParameters={"InputTemplate": '{"page": <$.data.page>, "key": <$.partitionKey>}'},
    )
    kinesis.put_record(StreamName="clicks", PartitionKey="k", Data=b'{"page": "/"}')
    assert json.loads(target.receive()["Body"]) == {"page": "/", "key": "k"}


def test_tables_streams_are_sources(scripted: Running, pipes: Any, target: Queue) -> None:
    dynamodb = scripted.client("dynamodb")
    table = dynamodb.create_table(
        TableName="table",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    parameters = {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}
    make(
        pipes,
        table["LatestStreamArn"],
        target.arn,
        SourceParameters=parameters,
        TargetParameters={"InputTemplate": '"<$.eventName> <$.dynamodb.NewImage.id.S>"'},
    )
    dynamodb.put_item(TableName="table", Item={"id": {"S": "one"}})
    assert target.receive()["Body"] == "INSERT one"


def test_a_stopped_pipe_takes_nothing(pipes: Any, source: Queue, target: Queue) -> None:
    make(pipes, source.arn, target.arn, DesiredState="STOPPED")
    source.send("one")
    assert pipes.describe_pipe(Name="pipe")["CurrentState"] == "STOPPED"
    with pytest.raises(pipes.exceptions.ConflictException):
        pipes.stop_pipe(Name="pipe")
    assert pipes.start_pipe(Name="pipe")["CurrentState"] == "STARTING"
    assert target.receive()["Body"].startswith('{"')
    assert pipes.stop_pipe(Name="pipe")["CurrentState"] == "STOPPING"
    pipes.update_pipe(Name="pipe", RoleArn=ROLE, Description="other")
    assert pipes.describe_pipe(Name="pipe")["Description"] == "other"


def test_a_target_that_fails_leaves_messages_to_the_queues_own_dead_letters(
    scripted: Running, pipes: Any, target: Queue
) -> None:
    redrive = json.dumps({"deadLetterTargetArn": target.arn, "maxReceiveCount": 1})
    source = Queue(scripted, "failing", RedrivePolicy=redrive, VisibilityTimeout="1")
    make(pipes, source.arn, "arn:aws:sqs:us-east-1:000000000000:nobody")
    source.send("lost?")
    assert target.receive()["Body"] == "lost?"
    until(lambda: any("pipe" in text for text in scripted.console.warnings))


def test_a_timestamp_that_is_none_fails_the_batch(
    scripted: Running, pipes: Any, target: Queue
) -> None:
    redrive = json.dumps({"deadLetterTargetArn": target.arn, "maxReceiveCount": 1})
    source = Queue(scripted, "timed", RedrivePolicy=redrive, VisibilityTimeout="1")
    scripted.client("logs").create_log_group(logGroupName="g")
    group = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    own = {"LogStreamName": "s", "Timestamp": "$.body"}
    make(pipes, source.arn, group, TargetParameters={"CloudWatchLogsParameters": own})
    source.send("soon")
    assert target.receive()["Body"] == "soon"
    until(lambda: any("Timestamp" in text for text in scripted.console.warnings))


def test_api_destinations_enrich_and_are_targets(
    scripted: Running, pipes: Any, source: Queue, target: Queue, endpoint: Endpoint
) -> None:
    events = scripted.client("events")
    connection = events.create_connection(
        Name="c",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "k"}},
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name="d",
        ConnectionArn=connection,
        InvocationEndpoint=f"{endpoint.url}/*",
        HttpMethod="POST",
    )["ApiDestinationArn"]
    endpoint.answer = b'{"price": 5}'
    http = {"PathParameterValues": ["$.body.id"], "HeaderParameters": {"x-kind": "order"}}
    make(
        pipes,
        source.arn,
        target.arn,
        Enrichment=destination,
        EnrichmentParameters={"InputTemplate": '{"id": <$.body.id>}', "HttpParameters": http},
    )
    source.send('{"id": "o-1"}')
    assert json.loads(target.receive()["Body"]) == {"price": 5}
    ((path, headers, body),) = endpoint.wait(1)
    assert (path, headers["x-key"], headers["x-kind"]) == ("/hook/o-1", "k", "order")
    assert json.loads(body) == {"id": "o-1"}
    pipes.delete_pipe(Name="pipe")
    parameters = {"InputTemplate": '{"sent": <$.body.id>}', "HttpParameters": http}
    make(pipes, source.arn, destination, TargetParameters=parameters)
    source.send('{"id": "o-2"}')
    _, (path, _, body) = endpoint.wait(2)
    assert (path, json.loads(body)) == ("/hook/o-2", {"sent": "o-2"})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"Source": "arn:aws:mq:us-east-1:000000000000:broker:b:1"}, "localfaas has no pipes from"),
        ({"Target": "arn:aws:ecs:us-east-1:000000000000:cluster/c"}, "localfaas has no pipes to"),
        ({"Target": "arn:aws:logs:us-east-1:000000000000:g"}, "localfaas has no pipes to"),
        (
            {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "no"}]}}},
            "Invalid filter pattern",
        ),
        ({"TargetParameters": {"InputTemplate": "<$.a[>"}}, "Invalid InputTemplate"),
        (
            {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 20}}},
            "Maximum batch window in seconds must be greater than 0",
        ),
    ],
)
def test_what_is_not_served_says_so(
    pipes: Any, source: Queue, target: Queue, fields: dict[str, Any], text: str
) -> None:
    request = {"Name": "pipe", "RoleArn": ROLE, "Source": source.arn, "Target": target.arn}
    with pytest.raises(ClientError) as caught:
        pipes.create_pipe(**{**request, **fields})
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith(text)


def test_templates_make_pipes(scripted: Running, source: Queue, target: Queue) -> None:
    template = {
        "Resources": {
            "Pipe": {
                "Type": "AWS::Pipes::Pipe",
                "Properties": {"RoleArn": ROLE, "Source": source.arn, "Target": target.arn},
            }
        }
    }
    cloudformation = scripted.client("cloudformation")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s")
    source.send("through")
    assert json.loads(target.receive()["Body"])["body"] == "through"
    cloudformation.delete_stack(StackName="s")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="s")
    assert scripted.client("pipes").list_pipes()["Pipes"] == []


def test_pipes_go_on_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    make(first.client("pipes"), Queue(first, "source").arn, Queue(first, "target").arn)
    first.stop()
    second = Running(settings, driver=ScriptedDriver())
    try:
        Queue(second, "source").send("again")
        assert json.loads(Queue(second, "target").receive()["Body"])["body"] == "again"
    finally:
        second.stop()


def test_messages_that_a_pipe_has_handed_over_are_gone(
    pipes: Any, source: Queue, target: Queue
) -> None:
    make(pipes, source.arn, target.arn)
    source.send("a")
    assert target.receive()
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    until(
        lambda: source.sqs.get_queue_attributes(QueueUrl=source.url, AttributeNames=["All"]),
        lambda told: [told["Attributes"][name] for name in names] == ["0", "0"],
    )
