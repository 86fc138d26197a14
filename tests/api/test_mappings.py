"""Event source mappings: the resource. What polls is tested with its sources."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Running, create
from tests.patience import until

QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/stream"


@pytest.fixture
def client(scripted: Running) -> Any:
    client = scripted.client("lambda")
    create(client, Publish=True)
    scripted.client("sqs").create_queue(QueueName="queue")
    scripted.client("kinesis").create_stream(StreamName="stream", ShardCount=1)
    return client


def _create(client: Any, arn: str = QUEUE, **fields: Any) -> dict[str, Any]:
    return client.create_event_source_mapping(
        **{"FunctionName": "hello", "EventSourceArn": arn, **fields}
    )


def _settled(client: Any, key: dict[str, str]) -> str:
    """Wait for the end of a mapping's transition; returns its state, "" where it is gone."""

    def state() -> str:
        try:
            return str(client.get_event_source_mapping(**key)["State"])
        except client.exceptions.ResourceNotFoundException:
            return ""

    return str(until(state, lambda state: state in ("Enabled", "Disabled", "")))


def test_the_life_of_a_mapping(client: Any) -> None:
    created = _create(client)
    assert (created["State"], created["BatchSize"]) == ("Creating", 10)
    key = {"UUID": created["UUID"]}
    assert _settled(client, key) == "Enabled"
    updated = client.update_event_source_mapping(**key, Enabled=False, BatchSize=5)
    assert (updated["State"], updated["BatchSize"]) == ("Disabling", 5)
    assert _settled(client, key) == "Disabled"
    assert client.update_event_source_mapping(**key, BatchSize=6)["State"] == "Updating"
    assert _settled(client, key) == "Disabled"
    assert client.update_event_source_mapping(**key, Enabled=True)["State"] == "Enabling"
    assert _settled(client, key) == "Enabled"
    assert client.delete_event_source_mapping(**key)["State"] == "Deleting"
    assert _settled(client, key) == ""


def test_lists(client: Any) -> None:
    _create(client)
    _create(client, STREAM, StartingPosition="LATEST")
    _create(client, FunctionName="hello:1")
    listed = client.list_event_source_mappings
    assert len(listed()["EventSourceMappings"]) == 3
    assert len(listed(EventSourceArn=QUEUE)["EventSourceMappings"]) == 2
    assert len(listed(FunctionName="hello")["EventSourceMappings"]) == 2
    assert len(listed(FunctionName="hello:1")["EventSourceMappings"]) == 1
    assert listed(FunctionName="none")["EventSourceMappings"] == []


def test_a_stream_shows_its_defaults(client: Any) -> None:
    shown = _create(client, STREAM, StartingPosition="TRIM_HORIZON")
    del shown["ResponseMetadata"]
    for name in ("UUID", "EventSourceMappingArn", "LastModified"):
        del shown[name]
    assert shown == {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": STREAM,
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:hello",
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }


def test_the_same_twice(client: Any) -> None:
    uuid = _create(client)["UUID"]
    with pytest.raises(client.exceptions.ResourceConflictException) as raised:
        _create(client)
    assert raised.value.response["message"] == (
        f'An event source mapping with SQS arn (" {QUEUE} ") and function (" hello ") already '
        f"exists. Please update or delete the existing mapping with UUID {uuid}"
    )
    uuid = _create(client, STREAM, StartingPosition="LATEST")["UUID"]
    with pytest.raises(client.exceptions.ResourceConflictException, match=uuid):
        _create(client, STREAM, StartingPosition="LATEST")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"EventSourceArn": None}, "Unrecognized event source."),
        ({"EventSourceArn": "arn:aws:s3:::bucket"}, "Unrecognized event source."),
        ({"FunctionName": "none"}, "Function does not exist"),
        ({"FunctionName": "hello:7"}, "Function does not exist"),
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0"),
        ({"BatchSize": 11, "EventSourceArn": f"{QUEUE}.fifo"}, "less than or equal to 10"),
        ({"EventSourceArn": STREAM}, "Value null at 'startingPosition'"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "null"}]}}, "Invalid filter pattern"),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"a": "b"}'}]}}, "Invalid filter pattern"),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"a": []}'}]}}, "Invalid filter pattern"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}}, "Unsupported Destination"),
        ({"ParallelizationFactor": 2}, "Unsupported parallelizationFactor"),
        ({"ScalingConfig": {"MaximumConcurrency": 1}}, "greater than or equal to 2"),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 1}}, "at least 2 provisioned pollers"),
        (
            {
                "ProvisionedPollerConfig": {"MinimumPollers": 2},
                "ScalingConfig": {"MaximumConcurrency": 2},
            },
            "exclude each other",
        ),
    ],
)
def test_mappings_that_are_refused(client: Any, fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError) as raised:
        _create(client, **fields)
    assert text in raised.value.response["Error"]["Message"]
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


def test_an_update_is_checked_like_a_new_one(client: Any) -> None:
    key = {"UUID": _create(client)["UUID"]}
    assert _settled(client, key) == "Enabled"
    with pytest.raises(ClientError, match="Maximum batch window"):
        client.update_event_source_mapping(**key, BatchSize=100)
    client.update_event_source_mapping(
        **key, BatchSize=100, MaximumBatchingWindowInSeconds=5, FunctionName="hello:1"
    )
    shown = client.get_event_source_mapping(**key)
    assert shown["FunctionArn"].endswith(":hello:1")
    for call in (client.update_event_source_mapping, client.delete_event_source_mapping):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            call(UUID="12345678-1234-1234-1234-123456789012")
