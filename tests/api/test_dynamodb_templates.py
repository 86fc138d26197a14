"""DynamoDB's resource types in templates: made, changed in place, replaced, removed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import Running

BEFORE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
        - {AttributeName: kind, AttributeType: S}
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 5}
      GlobalSecondaryIndexes:
        - IndexName: by-kind
          KeySchema: [{AttributeName: kind, KeyType: HASH}]
          Projection: {ProjectionType: ALL}
          ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
      SSESpecification: {SSEEnabled: true}
      Tags: [{Key: team, Value: a}]
Outputs:
  Name: {Value: !Ref Table}
  Arn: {Value: !GetAtt Table.Arn}
"""
AFTER = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
        - {AttributeName: place, AttributeType: S}
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      GlobalSecondaryIndexes:
        - IndexName: by-place
          KeySchema: [{AttributeName: place, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      Tags: [{Key: team, Value: b}]
  Everywhere:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas: [{Region: us-east-1}, {Region: eu-west-1}]
Outputs:
  Name: {Value: !Ref Table}
  Stream: {Value: !GetAtt Table.StreamArn}
  Everywhere: {Value: !Ref Everywhere}
"""


def _outputs(stacks: Any, status: str) -> dict[str, str]:
    stacks.get_waiter(status).wait(StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_the_life_of_a_table_in_a_stack(running: Running) -> None:
    stacks, tables = running.client("cloudformation"), running.client("dynamodb")
    stacks.create_stack(StackName="s", TemplateBody=BEFORE)
    name = _outputs(stacks, "stack_create_complete")["Name"]
    shown = tables.describe_table(TableName=name)["Table"]
    assert [each["IndexName"] for each in shown["GlobalSecondaryIndexes"]] == ["by-kind"]
    assert shown["SSEDescription"]["Status"] == "ENABLED"
    expiry = tables.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry["AttributeName"] == "expires"
    tables.put_item(TableName=name, Item={"id": {"S": "1"}, "place": {"S": "x"}})

    stacks.update_stack(StackName="s", TemplateBody=AFTER)
    outputs = _outputs(stacks, "stack_update_complete")
    assert outputs["Name"] == name
    shown = tables.describe_table(TableName=name)["Table"]
    assert shown["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert shown["LatestStreamArn"] == outputs["Stream"]
    assert "SSEDescription" not in shown
    (index,) = shown["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["ItemCount"]) == ("by-place", 1)
    assert shown["AttributeDefinitions"][1]["AttributeName"] == "place"
    status = tables.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert status == {"TimeToLiveStatus": "DISABLED"}
    tags = tables.list_tags_of_resource(ResourceArn=shown["TableArn"])["Tags"]
    assert {"Key": "team", "Value": "b"} in tags
    far = running.client("dynamodb", region="eu-west-1")
    assert far.list_tables()["TableNames"] == [outputs["Everywhere"]]

    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(
        StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    with pytest.raises(ClientError, match="not found"):
        tables.describe_table(TableName=name)
    assert far.list_tables()["TableNames"] == []
    for client in (stacks, tables, far):
        client.close()
