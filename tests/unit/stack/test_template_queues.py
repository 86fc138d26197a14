"""Queues, and the functions they feed, as templates declare them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.model.errors import ConfigurationError
from emulator.stack import template
from emulator.stack.declarations import Declarations, MappingDeclaration, QueueDeclaration

TEMPLATE = """
Parameters:
  Size: {Type: Number, Default: 5}
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: .
      Environment:
        Variables:
          QUEUE_URL: !Ref Orders
          QUEUE_ARN: !GetAtt Orders.Arn
          NAME: !Sub "${Orders.QueueName}-of-${Worker}"
      Events:
        Orders:
          Type: SQS
          Properties:
            Queue: !GetAtt Orders.Arn
            BatchSize: !Ref Size
            Enabled: false
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"body": {"a": [1]}}'}]}
            ScalingConfig: {MaximumConcurrency: 2}
            MaximumBatchingWindowInSeconds: 1
        Api: {Type: HttpApi}
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: orders
      VisibilityTimeout: 60
      SqsManagedSseEnabled: true
      RedrivePolicy: {deadLetterTargetArn: !GetAtt [Dead, Arn], maxReceiveCount: 3}
      Tags: [{Key: team, Value: shop}]
  Dead: {Type: AWS::SQS::Queue}
  Ordered: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Loose: {Type: AWS::SQS::Queue, Properties: {FifoQueue: false}}
  Further:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Worker, EventSourceArn: !GetAtt Ordered.Arn, BatchSize: 3}
"""
ARN = "arn:aws:sqs:eu-west-1:111111111111"


def read(folder: Path, text: str) -> Declarations:
    path = folder / "template.yaml"
    path.write_text(text)
    return template.read(
        path, region="eu-west-1", account="111111111111", endpoint="http://localhost:1"
    )


def test_queues_and_mappings(tmp_path: Path) -> None:
    found = read(tmp_path, TEMPLATE)
    assert found.queues == (
        QueueDeclaration(
            logical="Orders",
            name="orders",
            attributes={
                "VisibilityTimeout": "60",
                "SqsManagedSseEnabled": "true",
                "RedrivePolicy": json.dumps(
                    {"deadLetterTargetArn": f"{ARN}:Dead", "maxReceiveCount": 3}
                ),
            },
            tags={"team": "shop"},
        ),
        QueueDeclaration(logical="Dead", name="Dead"),
        QueueDeclaration(logical="Ordered", name="Ordered.fifo", attributes={"FifoQueue": "true"}),
        QueueDeclaration(logical="Loose", name="Loose"),
    )
    assert found.mappings == (
        MappingDeclaration(
            logical="Worker.Events.Orders",
            request={
                "FunctionName": "Worker",
                "EventSourceArn": f"{ARN}:orders",
                "BatchSize": 5,
                "Enabled": False,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]},
                "ScalingConfig": {"MaximumConcurrency": 2},
                "MaximumBatchingWindowInSeconds": 1,
            },
        ),
        MappingDeclaration(
            logical="Further",
            request={
                "FunctionName": "Worker",
                "EventSourceArn": f"{ARN}:Ordered.fifo",
                "BatchSize": 3,
            },
        ),
    )
    (worker,) = found.functions
    assert worker.ignored == ("Events.Api (HttpApi)",)
    assert worker.environment == {
        "QUEUE_URL": "http://localhost:1/111111111111/orders",
        "QUEUE_ARN": f"{ARN}:orders",
        "NAME": "orders-of-Worker",
    }


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("VisibilityTimeout: 60", "Visibility: 60", "Orders.Visibility is no property of a queue"),
        ("BatchSize: !Ref", "Batch: !Ref", "Worker.Events.Orders.Batch is no property of an SQS"),
        ("Queue: !GetAtt Orders.Arn", "Queue: !Ref None", "refers to 'None'"),
        ("Queue: !GetAtt Orders.Arn", "Enabled: true", "Queue must be the ARN of a queue"),
        ("!GetAtt Ordered.Arn", "!GetAtt Ordered.Size", "refers to Ordered.Size"),
        ("FunctionName: !Ref Worker, ", "", "Further.FunctionName is missing"),
        ("EventSourceArn: !GetAtt Ordered.Arn", "Topics: []", "Further.EventSourceArn must be"),
        ("[{Key: team, Value: shop}]", "{team: shop}", "Orders.Tags must be a list"),
        ("Type: SQS", "Kind: SQS", "Worker.Events.Orders has no Type"),
        ("Queue: !GetAtt Orders.Arn\n", "Queue: !GetAtt Orders\n", "without a resource and an"),
        ("QueueName: orders", "QueueName: [orders]", "Orders.QueueName must be text"),
    ],
)
def test_what_is_refused(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in TEMPLATE
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, TEMPLATE.replace(before, after))
    assert says in str(raised.value)
