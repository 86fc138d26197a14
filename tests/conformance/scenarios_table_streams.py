"""The recorded scenarios of mappings of tables' streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.conformance.scenarios_kinesis import Streams
from tests.patience import until


def _table(t: Streams, step: str, key: str, view: str = "", **fields: Any) -> tuple[str, str]:
    """Create a table and its stream; return its name and the stream's ARN."""
    client = t.s.clients("dynamodb")
    name = t.s.name("table")
    created = client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **fields,
    )
    if step:
        t.s.match(step, created)
    client.get_waiter("table_exists").wait(TableName=name)
    if view:
        enabled = {"StreamEnabled": True, "StreamViewType": view}
        updated = client.update_table(TableName=name, StreamSpecification=enabled)
        if t.s.recorded("update_table_response"):
            t.s.match("update_table_response", updated)
        client.get_waiter("table_exists").wait(TableName=name)
    described = client.describe_table(TableName=name)["Table"]
    return name, described.get("LatestStreamArn", "")


def deletion(t: Streams) -> None:
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    name, arn = _table(t, "create_dynamodb_table_response", "id", StreamSpecification=specification)
    function, _ = t.function()
    t.map("create_event_source_mapping_result", arn, function)
    _until_settled(t, arn)
    t.s.clients("dynamodb").delete_table(TableName=name)
    listed = t.s.client.list_event_source_mappings(EventSourceArn=arn)
    t.s.match("list_event_source_mapping_result", listed)


def _until_settled(t: Streams, arn: str) -> None:
    until(
        lambda: t.s.client.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"],
        lambda listed: all(each["State"] == "Enabled" for each in listed),
    )


def duplicate(t: Streams) -> None:
    _, arn = _table(t, "create-table-result", "my_partition_key", "NEW_IMAGE")
    function, _ = t.function()
    options: dict[str, Any] = {"MaximumBatchingWindowInSeconds": 1, "MaximumRetryAttempts": 1}
    t.map("create", arn, function, **options)
    t.s.refused(
        "error",
        "create_event_source_mapping",
        EventSourceArn=arn,
        FunctionName=function,
        StartingPosition="LATEST",
    )


def _filter(t: Streams, pattern: Any, first: Any, second: Any) -> None:
    name, arn = _table(t, "table_creation_response", "id", "NEW_AND_OLD_IMAGES")
    function, to = t.function()
    t.map(
        "create_event_source_mapping_response", arn, function,
        BatchSize=1, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=1,
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
    )  # fmt: skip
    client = t.s.clients("dynamodb")
    client.put_item(TableName=name, Item={"id": {"S": "id_value_1"}, **first})
    events = t.events(to, 1)
    t.s.match("lambda-log-events", events)
    client.put_item(TableName=name, Item={"id": {"S": "id_value_2"}, **second})
    t.s.match("lambda-multiple-log-events", events + t.events(to, 0))


def numeric_filter(t: Streams) -> None:
    rules = [{"numeric": [">", 100]}, {"anything-but": "101"}]
    pattern = {"dynamodb": {"NewImage": {"numericFilter": {"N": rules}}}}
    one, other = ({"numericFilter": {"N": number}} for number in ("42", "101"))
    _filter(t, pattern, one, other)


def prefix_filter(t: Streams) -> None:
    pattern = {"dynamodb": {"NewImage": {"prefix": {"S": [{"prefix": "us-1"}]}}}}
    one, other = ({"prefix": {"S": text}} for text in ("us-1-other-suffix", "other-suffix"))
    _filter(t, pattern, one, other)


def invalid_filter(t: Streams) -> None:
    _, arn = _table(t, "", "id", "NEW_IMAGE")
    function, _ = t.function()
    t.s.refused(
        "exception_event_source_creation",
        "create_event_source_mapping",
        EventSourceArn=arn,
        FunctionName=function,
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": "single-string"}]},
    )


def failures(t: Streams) -> None:
    name, arn = _table(t, "create_table_response", "my_partition_key", "NEW_IMAGE")
    function, _ = t.function(fails_at="testId0")
    url, queue = t.s.queue()
    t.map(
        "create_event_source_mapping_response", arn, function,
        BatchSize=3, MaximumBatchingWindowInSeconds=1, MaximumRetryAttempts=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )  # fmt: skip
    item = {"my_partition_key": {"S": "testId0"}}
    t.s.clients("dynamodb").put_item(TableName=name, Item=item)
    t.failure("destination_queue_messages", url)


def no_failures(t: Streams) -> None:
    name, arn = _table(t, "create-table-result", "my_partition_key", "NEW_IMAGE")
    function, to = t.function([])
    t.s.client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=function,
        BatchSize=1,
        StartingPosition="TRIM_HORIZON",
        MaximumBatchingWindowInSeconds=1,
        MaximumRetryAttempts=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    item = {"my_partition_key": {"S": "hello world"}, "binary_key": {"B": b"foobar"}}
    t.s.clients("dynamodb").put_item(TableName=name, Item=item)
    t.s.match("dynamodb_events", t.events(to, 1))


def no_stream(t: Streams) -> None:
    function, _ = t.function()
    arn = "arn:aws:dynamodb:us-east-1:111111111111:table/test-table-4a53f4e8/stream/"
    t.s.refused(
        "error",
        "create_event_source_mapping",
        EventSourceArn=f"{arn}2025-02-22T03:03:25.490",
        FunctionName=function,
        StartingPosition="LATEST",
    )


REPLAYS: dict[str, Callable[[Streams], None]] = {
    "test_deletion_event_source_mapping_with_dynamodb": deletion,
    "test_duplicate_event_source_mappings": duplicate,
    "test_dynamodb_event_filter[numeric_filter]": numeric_filter,
    "test_dynamodb_event_filter[prefix_filter]": prefix_filter,
    "test_dynamodb_invalid_event_filter[single-string]": invalid_filter,
    "test_dynamodb_report_batch_item_failures_with_on_failure_destination_config": failures,
    "test_dynamodb_report_batch_item_success_scenarios[empty_list_success]": no_failures,
    "test_esm_with_not_existing_dynamodb_stream": no_stream,
}
