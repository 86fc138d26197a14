"""The recorded scenarios of streams, and of mappings of streams."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.conformance.replay import ACCOUNT, REGION, Scenario, zip_of
from tests.messages import received
from tests.patience import until

#: Sends each event to the queue its environment names, then does what its environment says.
_FUNCTION = """
import json, os, urllib.request
def handler(event, context):
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"],
        json.dumps({"QueueUrl": os.environ["TO"], "MessageBody": json.dumps(event)}).encode(),
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"},
    )
    urllib.request.urlopen(request).read()
    if os.environ["ANSWER"] == "raise":
        raise Exception("Invocation fails")
    if os.environ.get("FAILS_AT"):
        failed = [
            {"itemIdentifier": record["dynamodb"]["SequenceNumber"]}
            for record in event["Records"]
            if os.environ["FAILS_AT"] in json.dumps(record["dynamodb"]["Keys"])
        ]
        return {"batchItemFailures": failed}
    try:
        return json.loads(os.environ["ANSWER"])
    except ValueError:
        return None
"""


class Streams:
    """Streams, functions, queues and mappings of one scenario.

    Args:
        jump: Moves the emulator's clock ahead by seconds.
        waits: Says whether somebody waits there for so many seconds, or a little less; has waited,
            where the emulator was quicker than the test.
    """

    def __init__(
        self, s: Scenario, jump: Callable[[float], None], waits: Callable[..., bool]
    ) -> None:
        self.s, self.jump, self.waits = s, jump, waits
        self.kinesis, self.sqs = s.clients("kinesis"), s.clients("sqs")

    def stream(self) -> tuple[str, str]:
        """Create a stream of one shard; return its name and ARN."""
        name = self.s.name("stream")
        self.kinesis.create_stream(StreamName=name, ShardCount=1)
        self.kinesis.get_waiter("stream_exists").wait(StreamName=name)
        return name, f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"

    def function(self, answer: Any = None, fails_at: str = "") -> tuple[str, str]:
        """Create a function; return its name and the queue that its events go to."""
        to, _ = self.s.queue()
        text = answer if answer == "raise" else json.dumps(answer)
        created = self.s.function(
            Code={"ZipFile": zip_of(handler__py=_FUNCTION)},
            Environment={"Variables": {"TO": to, "ANSWER": text, "FAILS_AT": fails_at}},
            MemorySize=1769,
        )
        return created["FunctionName"], to

    def map(self, step: str, arn: str, name: str, **options: Any) -> dict[str, Any]:
        """Create a mapping, and compare the answer."""
        request = {"StartingPosition": "TRIM_HORIZON", **options}
        created = self.s.client.create_event_source_mapping(
            EventSourceArn=arn, FunctionName=name, **request
        )
        self.s.match(step, created)
        return created

    def events(self, url: str, count: int) -> list[Any]:
        """Return the first events that a function has sent, in order."""
        found: list[tuple[int, Any]] = []
        deadline = time.monotonic() + 60
        while len(found) < count:
            assert time.monotonic() < deadline, found
            answer = self.sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10, AttributeNames=["All"]
            )
            for each in answer.get("Messages", ()):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
                sent = int(each["Attributes"]["SentTimestamp"])
                found.append((sent, _plain(json.loads(each["Body"]))))
        return [event for _, event in sorted(found, key=lambda each: each[0])]

    def failure(self, step: str, url: str) -> None:
        """Receive the record of a failure, and compare it."""
        answer = received(self.sqs, url)
        for message in answer["Messages"]:
            message["Body"] = _at_known_times(json.loads(message["Body"]))
        self.s.match(step, answer)


def _at_known_times(value: Any) -> Any:
    """Return a record with every time as the recordings have it."""
    if isinstance(value, dict):
        return {key: _at_known_times(each) for key, each in value.items()}
    if isinstance(value, str):
        for form, shown in (
            ("%Y-%m-%dT%H:%M:%S.%fZ", "2022-07-13T13:48:01.000Z"),
            ("%Y-%m-%dT%H:%M:%SZ", "2022-07-13T13:48:01Z"),
        ):
            try:
                datetime.strptime(value, form).replace(tzinfo=UTC)
            except ValueError:
                continue
            return f"<timestamp:{shown}>"
    return value


def _plain(event: Any) -> Any:
    """Return an event whose moments are texts: the recordings only say that they are there."""
    for record in event.get("Records", ()):
        for part, member in (
            ("kinesis", "approximateArrivalTimestamp"),
            ("dynamodb", "ApproximateCreationDateTime"),
        ):
            if part in record:
                assert record[part][member] > 1.7e9
                record[part][member] = "<moment>"
    return event


def json_pattern(t: Streams) -> None:
    name, arn = t.stream()
    queues = []
    for number, step in (
        (1, "create_event_source_mapping_response"),
        (2, "create_event_source_mapping_2_response"),
    ):
        function, to = t.function()
        pattern = {"data": {"event_type": [f"function_{number}"]}}
        t.map(
            step, arn, function,
            BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=1,
            FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
        )  # fmt: skip
        queues.append(to)
    data = {"event_type": "function_1", "message": "foo"}
    t.kinesis.put_record(StreamName=name, Data=json.dumps(data), PartitionKey="test")
    (event,) = t.events(queues[0], 1)
    (record,) = event["Records"]
    found = json.dumps([json.loads(b64decode(record["kinesis"]["data"]))])
    t.s.match("kinesis-record-lambda-payload", found)


def multiple_functions(t: Streams) -> None:
    name, arn = t.stream()
    queues = {}
    for letter in "ab":
        function, queues[letter] = t.function()
        t.map(f"create_event_source_mapping_response-{letter}", arn, function)
    t.kinesis.put_record(StreamName=name, Data=b"hello", PartitionKey="test_1")
    for letter, url in queues.items():
        t.s.match(f"kinesis_records-{letter}", t.events(url, 1)[0])


def on_failure(t: Streams) -> None:
    name, arn = t.stream()
    function, _ = t.function("raise")
    url, queue = t.s.queue()
    t.map(
        "create_event_source_mapping_response", arn, function,
        BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    t.kinesis.put_record(StreamName=name, Data=b"hello", PartitionKey="test")
    t.failure("sqs_payload", url)


def trim_horizon(t: Streams) -> None:
    name, arn = t.stream()
    for group in (0, 1, 3):
        records = [
            {"Data": json.dumps({"record_id": n}), "PartitionKey": f"test_{group}"}
            for n in range(10)
        ]
        t.kinesis.put_records(StreamName=name, Records=records)
    function, to = t.function()
    t.map("create_event_source_mapping_response", arn, function, BatchSize=10)
    events = [{"event": event, "executionStart": "<datetime>"} for event in t.events(to, 3)]
    for event, recorded in zip(events, t.s.recorded("invocation_events"), strict=True):
        event["executionStart"] = recorded["executionStart"]
    t.s.match("invocation_events", events)


def expires_while_retrying(t: Streams) -> None:
    name, arn = t.stream()
    function, to = t.function("raise")
    url, queue = t.s.queue()
    t.kinesis.put_record(StreamName=name, Data=b"stream-data", PartitionKey="test")
    t.map(
        "create_event_source_mapping_response", arn, function,
        BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    for ahead in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0):
        t.events(to, 1)
        until(partial(t.waits, ahead))
        t.jump(ahead)
    t.events(to, 1)
    # It does not wait longer than the record may grow old; real seconds have gone, too.
    until(partial(t.waits, 60 - 31.5, less_s=28.0))
    t.jump(29)
    t.failure("record_age_exceeded_payload", url)


def discards_old_records(t: Streams) -> None:
    name, arn = t.stream()
    function, to = t.function()
    url, queue = t.s.queue()
    t.kinesis.put_record(StreamName=name, Data=b"stream-data-0", PartitionKey="test")
    t.jump(61)
    for n in range(1, 6):
        t.kinesis.put_record(StreamName=name, Data=f"stream-data-{n}", PartitionKey="test")
    t.map(
        "create_event_source_mapping_response", arn, function,
        BatchSize=10, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=0,
        MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    t.failure("record_age_exceeded_payload", url)
    (event,) = t.events(to, 1)
    t.s.match("Records", event["Records"])


def _report(t: Streams, answer: Any, count: int, *, fails: bool) -> None:
    name, arn = t.stream()
    function, to = t.function(answer)
    url, queue = t.s.queue()
    options: dict[str, Any] = {}
    if fails:
        options["DestinationConfig"] = {"OnFailure": {"Destination": queue}}
    t.map(
        "create_event_source_mapping_response", arn, function,
        BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=2,
        FunctionResponseTypes=["ReportBatchItemFailures"], **options,
    )  # fmt: skip
    t.kinesis.put_record(StreamName=name, Data=b"hello", PartitionKey="test")
    t.s.match("kinesis_events", t.events(to, count))
    if fails:
        t.failure("sqs_payload", url)


def invalid_key(t: Streams) -> None:
    _report(t, {"batchItemFailures": [{"foo": None}]}, 3, fails=True)


def unknown_identifier(t: Streams) -> None:
    _report(t, {"batchItemFailures": [{"itemIdentifier": "item"}]}, 3, fails=True)


def no_failures(t: Streams) -> None:
    _report(t, {"batchItemFailures": []}, 1, fails=False)


#: File of recordings → the scenario's name → how it is replayed.
SCENARIOS: dict[str, dict[str, Callable[[Streams], None]]] = {
    "lambda_integration_kinesis": {
        "test_kinesis_event_filtering_json_pattern": json_pattern,
        "test_create_kinesis_event_source_mapping_multiple_lambdas_single_kinesis_event_stream": (
            multiple_functions
        ),
        "test_kinesis_event_source_mapping_with_on_failure_destination_config": on_failure,
        "test_kinesis_event_source_trim_horizon": trim_horizon,
        "test_kinesis_maximum_record_age_exceeded[expire-while-retrying]": expires_while_retrying,
        "test_kinesis_maximum_record_age_exceeded_discard_records": discards_old_records,
        "test_kinesis_report_batch_item_failure_scenarios[invalid_key_foo_null_value_failure]": (
            invalid_key
        ),
        "test_kinesis_report_batch_item_failure_scenarios[item_identifier_not_present_failure]": (
            unknown_identifier
        ),
        "test_kinesis_report_batch_item_success_scenarios[empty_batch_item_failure_success]": (
            no_failures
        ),
    },
}


def _tags(t: Streams) -> None:
    name, _ = t.stream()
    t.kinesis.add_tags_to_stream(StreamName=name, Tags={"foo": "bar"})
    t.s.match("Tags", t.kinesis.list_tags_for_stream(StreamName=name)["Tags"][0])


def _without_count(t: Streams) -> None:
    name = t.s.name("stream")
    t.kinesis.create_stream(StreamName=name)
    t.kinesis.get_waiter("stream_exists").wait(StreamName=name)
    shards = t.kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]
    for shard in shards:
        shard["HashKeyRange"] = {
            "StartingHashKey": "starting_hash", "EndingHashKey": "ending_hash",
        }  # fmt: skip
    t.s.match("Shards", shards)


def _subscribe(t: Streams) -> None:
    name, arn = t.stream()
    consumer = t.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]
    first = ""
    for n in range(5):
        put = t.kinesis.put_record(StreamName=name, Data=f"Hello world_{n}", PartitionKey="1")
        first = first or put["SequenceNumber"]
    stream = t.kinesis.subscribe_to_shard(
        ConsumerARN=consumer["ConsumerARN"],
        ShardId="shardId-000000000000",
        StartingPosition={"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": first},
    )["EventStream"]
    records: list[Any] = []
    for event in stream:
        records += event["SubscribeToShardEvent"]["Records"]
        if len(records) >= 5:
            break
    stream.close()
    for record in records:
        record["ApproximateArrivalTimestamp"] = "timestamp"
    t.s.match("Records", records)


SCENARIOS["kinesis"] = {
    "test_add_tags_to_stream": _tags,
    "test_create_stream_without_shard_count": _without_count,
    "test_subscribe_to_shard_with_sequence_number_as_iterator": _subscribe,
}
