"""Scenarios of DynamoDB and its streams, as they were recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.shards import first_records
from tests.conformance.recorded import Comparison
from tests.conformance.replay import new_name

#: What varies in each answer and stands for itself.
_ONE_ID: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
_PROVISIONED: dict[str, Any] = {
    "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
}
_ON_DEMAND: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}


class TableScenario:
    """One scenario under way; steps are compared as they are noted."""

    def __init__(self, comparison: Comparison, clients: Any) -> None:
        self._comparison, self.clients = comparison, clients
        self.client = clients("dynamodb")
        self.streams = clients("dynamodbstreams")

    def note(self, step: str, answer: Any) -> Any:
        recorded = self._comparison.recorded(step)
        if isinstance(answer, dict) and "ResponseMetadata" not in recorded:
            answer = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
        self._comparison.match(step, answer)
        return answer

    def table(self, step: str | None = None, **request: Any) -> str:
        name = new_name("table")
        created = self.client.create_table(TableName=name, **request)
        if step:
            self.note(step, created)
        return name

    def stream(self, name: str) -> tuple[str, str]:
        """Describe a table's stream; returns its ARN and the id of its shard."""
        arn = self.client.describe_table(TableName=name)["Table"]["LatestStreamArn"]
        described = self.streams.describe_stream(StreamArn=arn)
        self.note("describe-stream", described)
        return arn, described["StreamDescription"]["Shards"][0]["ShardId"]

    def records(self, arn: str, shard: str, count: int, step: str | None = None) -> None:
        """Read a shard from its beginning, and compare what is there."""
        answer = self.streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )
        if step:
            self.note(step, answer)
        found = self.streams.get_records(ShardIterator=answer["ShardIterator"])["Records"]
        assert len(found) == count, found
        self.note("get-records", {"Records": found})

    def error(self, operation: str, **request: Any) -> ClientError:
        with pytest.raises(ClientError) as caught:
            getattr(self.client, operation)(**request)
        return caught.value


def _stream(view: str = "NEW_AND_OLD_IMAGES") -> dict[str, Any]:
    return {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}}


def _batch_write_streaming(s: TableScenario) -> None:
    name = s.table("create-table", **_ONE_ID, **_PROVISIONED, **_stream())
    arn, shard = s.stream(name)
    put = s.client.put_item(TableName=name, Item={"id": {"S": "Fred"}})
    s.note("put-item-1", put)

    def batch(step: str, *requests: Any) -> None:
        s.note(step, s.client.batch_write_item(RequestItems={name: list(requests)}))

    s.client.batch_write_item(
        RequestItems={name: [{"PutRequest": {"Item": {"id": {"S": "NewKey"}}}}]}
    )
    batch("batch-write-response-delete", {"DeleteRequest": {"Key": {"id": {"S": "NewKey"}}}})
    item = {"id": {"S": "Fred"}, "name": {"S": "Fred"}}
    batch("batch-write-response-overwrite-item-1", {"PutRequest": {"Item": item}})
    # What changes nothing makes no record.
    s.client.put_item(TableName=name, Item=item)
    s.records(arn, shard, 4)


def _no_table(s: TableScenario) -> None:
    put = {"Put": {"TableName": "non-existing-table", "Item": {"id": {"S": "Fred"}}}}
    error = s.error("transact_write_items", TransactItems=[put])
    s.note("exc-not-found-transact-write-items", error.response)


def _no_match(s: TableScenario) -> None:
    name = s.table(
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "sortKey", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "sortKey", "KeyType": "RANGE"},
        ],
        **_PROVISIONED,
    )
    item = {"PutRequest": {"Item": {"id": {"S": "1"}, "other": {"S": "x"}}}}
    error = s.error("batch_write_item", RequestItems={name: [item]})
    s.note("ValidationException", str(error).replace(" (reached max retries: 0)", ""))


def _continuous_backup(s: TableScenario) -> None:
    name = s.table(**_ONE_ID, **_ON_DEMAND)
    wanted = {"PointInTimeRecoveryEnabled": True}
    updated = s.client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification=wanted
    )
    s.note("update-continuous-backup", updated)
    described = s.client.describe_continuous_backups(TableName=name)
    s.note("describe-continuous-backup", described)


def _execute_transaction(s: TableScenario) -> None:
    name = s.table(
        AttributeDefinitions=[{"AttributeName": "Username", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Username", "KeyType": "HASH"}],
        **_PROVISIONED,
    )
    statements = [
        {"Statement": f"INSERT INTO {name} VALUE {{'Username': 'user0{number}'}}"}
        for number in (1, 2)
    ]
    s.note("ExecutedTransaction", s.client.execute_transaction(TransactStatements=statements))
    scanned = s.client.scan(TableName=name)
    # A scan has no order that could be relied on.
    scanned["Items"].sort(key=lambda item: item["Username"]["S"])
    s.note("TableScan", scanned)


def _update_streaming(s: TableScenario) -> None:
    name = s.table("create-table", **_ONE_ID, **_PROVISIONED, **_stream())
    arn, shard = s.stream(name)
    item = {"id": {"S": "my-item-id"}, "attr1": {"S": "value1"}, "attr2": {"S": "value2"}}
    s.client.put_item(TableName=name, Item=item)
    for _ in range(2):
        s.client.update_item(
            TableName=name,
            Key={"id": {"S": "my-item-id"}},
            UpdateExpression="SET attr1 = :v1, attr2 = :v2",
            ExpressionAttributeValues={":v1": {"S": "value2"}, ":v2": {"S": "value3"}},
        )
    s.records(arn, shard, 2, "get-shard-iterator")


def _view_type(s: TableScenario) -> None:
    name = s.table(
        "create-table",
        AttributeDefinitions=[{"AttributeName": "Username", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Username", "KeyType": "HASH"}],
        **_PROVISIONED,
        **_stream("KEYS_ONLY"),
    )
    arn, shard = s.stream(name)
    key = {"Username": {"S": "Fred"}}
    s.client.put_item(TableName=name, Item=key)
    s.client.update_item(
        TableName=name,
        Key=key,
        UpdateExpression="set S=:r",
        ExpressionAttributeValues={":r": {"S": "Fred_Modified"}},
    )
    s.client.delete_item(TableName=name, Key=key)
    insert = "INSERT INTO {} VALUE {{'Username': 'Alice'}}"
    for text in (
        insert,
        "UPDATE {} SET Age = 20 WHERE Username='Alice'",
        "DELETE FROM {} WHERE Username='Alice'",
    ):
        s.client.execute_statement(Statement=text.format(name))
    s.records(arn, shard, 6, "get-shard-iterator")


def _binary(s: TableScenario) -> None:
    name = s.table(**_ONE_ID, **_PROVISIONED)
    for step, data in (("PutFirstItem", b""), ("PutSecondItem", b"\x00\xff")):
        item = {"id": {"S": step}, "data": {"B": data}, "text": {"S": ""}}
        s.note(step, s.client.put_item(TableName=name, Item=item))
        assert s.client.get_item(TableName=name, Key={"id": {"S": step}})["Item"] == item


def _gsi(s: TableScenario) -> None:
    name = s.table(
        "create-table-with-gsi",
        AttributeDefinitions=[
            {"AttributeName": "TID", "AttributeType": "S"},
            {"AttributeName": "TRID", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "TID", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "TransactionRecordID",
                "KeySchema": [{"AttributeName": "TRID", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        **_ON_DEMAND,
    )
    s.note("describe-table", s.client.describe_table(TableName=name))


def _warm(s: TableScenario) -> None:
    warm = {"ReadUnitsPerSecond": 1000, "WriteUnitsPerSecond": 1200}
    name = s.table("create-table", **_ONE_ID, **_PROVISIONED, WarmThroughput=warm)
    s.note("describe-table", s.client.describe_table(TableName=name))


def _transact_get(s: TableScenario) -> None:
    name = s.table(**_ONE_ID, **_PROVISIONED)
    for each in ("John", "Sarah"):
        s.client.put_item(TableName=name, Item={"id": {"S": each}})
    arn = s.client.describe_table(TableName=name)["Table"]["TableArn"]
    for step, table, key in (
        ("TransactGetItems", name, "John"),
        ("TransactGetItems-with-TableArn", arn, "Sarah"),
    ):
        get = {"Get": {"TableName": table, "Key": {"id": {"S": key}}}}
        s.note(step, s.client.transact_get_items(TransactItems=[get]))


def _two_tables(s: TableScenario) -> None:
    streamed = s.table("create-table-stream", **_ONE_ID, **_PROVISIONED, **_stream())
    plain = s.table("create-table-no-stream", **_ONE_ID, **_PROVISIONED)
    arn, shard = s.stream(streamed)
    puts = [
        {"Put": {"TableName": name, "Item": {"id": {"S": "Fred"}}}} for name in (plain, streamed)
    ]
    s.note("transact-write-two-tables", s.client.transact_write_items(TransactItems=puts))
    s.records(arn, shard, 1)


def _transact_write(s: TableScenario) -> None:
    name = s.table(**_ONE_ID, **_PROVISIONED)
    arn = s.client.describe_table(TableName=name)["Table"]["TableArn"]
    for step, table in (("Response", name), ("Response_using_table_arn", arn)):
        writes = [
            {
                "ConditionCheck": {
                    "TableName": table,
                    "ConditionExpression": "attribute_not_exists(id)",
                    "Key": {"id": {"S": f"{step}-test1"}},
                }
            },
            {"Put": {"TableName": table, "Item": {"id": {"S": f"{step}-test2"}}}},
            {
                "Update": {
                    "TableName": table,
                    "Key": {"id": {"S": f"{step}-test3"}},
                    "UpdateExpression": "SET attr1 = :v1, attr2 = :v2",
                    "ExpressionAttributeValues": {":v1": {"S": "1"}, ":v2": {"S": "2"}},
                }
            },
            {"Delete": {"TableName": table, "Key": {"id": {"S": f"{step}-test4"}}}},
        ]
        s.note(step, s.client.transact_write_items(TransactItems=writes))


def _kinesis_destination(s: TableScenario) -> None:
    kinesis = s.clients("kinesis")
    stream = new_name("stream")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(
        StreamName=stream, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    name = s.table(**_ONE_ID, **_PROVISIONED)
    s.client.enable_kinesis_streaming_destination(TableName=name, StreamArn=arn)
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    s.client.put_item(TableName=name, Item={"id": {"S": "test"}})
    records = first_records(kinesis, iterator)
    for record in records:
        record["Data"] = record["Data"].decode()
        record.pop("EncryptionType", None)
    s.note("result-records", records)


def _table_v2(s: TableScenario) -> None:
    template = """
Resources:
  GlobalTable:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: NAME
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      Replicas: [{Region: !Ref AWS::Region}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
"""
    name, stack = new_name("table"), new_name("stack")
    cloudformation = s.clients("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=template.replace("NAME", name))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    s.note("global-table-v2", s.client.describe_table(TableName=name))


TABLES: dict[str, Callable[[TableScenario], None]] = {
    "test_batch_write_items_streaming": _batch_write_streaming,
    "test_batch_write_not_existing_table": _no_table,
    "test_batch_write_not_matching_schema": _no_match,
    "test_continuous_backup_update": _continuous_backup,
    "test_dynamodb_execute_transaction": _execute_transaction,
    "test_dynamodb_stream_records_with_update_item": _update_streaming,
    "test_dynamodb_stream_stream_view_type": _view_type,
    "test_empty_and_binary_values": _binary,
    "test_gsi_with_billing_mode[PAY_PER_REQUEST]": _gsi,
    "test_table_warm_throughput": _warm,
    "test_transact_get_items": _transact_get,
    "test_transact_write_items_streaming_for_different_tables": _two_tables,
    "test_transaction_write_items": _transact_write,
}
STREAMS: dict[str, Callable[[TableScenario], None]] = {
    "test_enable_kinesis_streaming_destination": _kinesis_destination,
    "test_table_v2_stream": _table_v2,
}
