"""Alarms, dashboards and metric filters of templates, through ``localfaas up``."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import localfaas_up
from tests.patience import until

pytestmark = pytest.mark.slow

_TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Description: A failed order is logged, measured, and told to those on duty.
Resources:
  Log:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: /shop/orders
  Failures:
    Type: AWS::Logs::MetricFilter
    Properties:
      LogGroupName: !Ref Log
      FilterPattern: '{ $.level = "ERROR" }'
      MetricTransformations:
        - MetricName: failures
          MetricNamespace: Shop
          MetricValue: "1"
          Dimensions:
            - Key: stage
              Value: $.stage
  OnDuty:
    Type: AWS::SNS::Topic
    Properties:
      Subscription:
        - Protocol: sqs
          Endpoint: !GetAtt Pager.Arn
  Pager:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: pager
  TooMany:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: too many orders fail
      Namespace: Shop
      MetricName: failures
      Dimensions:
        - Name: stage
          Value: prod
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanOrEqualToThreshold
      TreatMissingData: ignore
      AlarmActions: [!Ref OnDuty]
  Fast:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: fast
      Namespace: Shop
      MetricName: load
      Statistic: Maximum
      Period: 10
      EvaluationPeriods: 1
      Threshold: 5
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: ignore
  Any:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties:
      AlarmName: any
      AlarmRule: !Sub 'ALARM("${TooMany}") OR ALARM("${Fast}")'
      AlarmActions: [!Ref OnDuty]
  Board:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardName: shop
      DashboardBody: '{"widgets": []}'
Outputs:
  AlarmArn:
    Value: !GetAtt TooMany.Arn
  AlarmName:
    Value: !Ref TooMany
"""


def test_an_alarm_of_a_template_tells_a_queue_by_its_topic(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(_TEMPLATE)
    with localfaas_up(tmp_path, "--no-watch") as up:
        stacks, cloudwatch, logs, sqs = (
            up.client(name) for name in ("cloudformation", "cloudwatch", "logs", "sqs")
        )

        def outputs() -> dict[str, str]:
            return {
                each["OutputKey"]: each["OutputValue"]
                for stack in stacks.describe_stacks()["Stacks"]
                if stack["StackStatus"] == "CREATE_COMPLETE"
                for each in stack["Outputs"]
            }

        known = until(outputs)
        name = known["AlarmName"]
        assert known["AlarmArn"].endswith(f":alarm:{name}")
        assert cloudwatch.get_dashboard(DashboardName="shop")["DashboardBody"] == '{"widgets": []}'
        # By the log, the filter and the clock.
        logs.create_log_stream(logGroupName="/shop/orders", logStreamName="s")
        line = json.dumps({"level": "ERROR", "stage": "prod"})
        event = {"timestamp": int(time.time() * 1000), "message": line}
        logs.put_log_events(logGroupName="/shop/orders", logStreamName="s", logEvents=[event])
        # By PutMetricData and the clock, every ten seconds.
        datum = {"MetricName": "load", "Value": 9, "StorageResolution": 1}
        cloudwatch.put_metric_data(Namespace="Shop", MetricData=[datum])
        url = sqs.get_queue_url(QueueName="pager")["QueueUrl"]
        told: list[str] = []

        def look() -> bool:
            answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
            for each in answer.get("Messages", []):
                message = json.loads(json.loads(each["Body"])["Message"])
                if message["NewStateValue"] == "ALARM":
                    told.append(message["AlarmName"])
            return {name, "any"} <= set(told)

        until(look)
        states = cloudwatch.describe_alarms(AlarmNames=[name, "fast"])["MetricAlarms"]
        assert {each["StateValue"] for each in states} == {"ALARM"}
        for client in (stacks, cloudwatch, logs, sqs):
            client.close()
