"""Buses, rules and what belongs to them in templates."""

from __future__ import annotations

import json
import threading
from typing import Any

from emulator.testing import RuntimeClient
from tests.api.buses import entry, events, new, refused
from tests.api.conftest import Running
from tests.messages import taken

__all__ = ["events"]

_TEMPLATE = """
Resources:
  Orders: {Type: AWS::SQS::Queue}
  Bus:
    Type: AWS::Events::EventBus
    Properties: {Name: NAME}
  Policy:
    Type: AWS::Events::EventBusPolicy
    Properties:
      EventBusName: !Ref Bus
      StatementId: friends
      Statement: {Effect: Allow, Principal: "*", Action: "events:PutEvents", Resource: "*"}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [shop], detail: {id: [{numeric: [">", 3]}]}}
      Targets:
        - {Id: a, Arn: !GetAtt Orders.Arn, InputPath: $.detail}
  Archive:
    Type: AWS::Events::Archive
    Properties: {SourceArn: !GetAtt Bus.Arn, RetentionDays: 3, EventPattern: {source: [shop]}}
  Connection:
    Type: AWS::Events::Connection
    Properties:
      AuthorizationType: API_KEY
      AuthParameters: {ApiKeyAuthParameters: {ApiKeyName: k, ApiKeyValue: v}}
  Destination:
    Type: AWS::Events::ApiDestination
    Properties:
      ConnectionArn: !GetAtt Connection.Arn
      HttpMethod: POST
      InvocationEndpoint: https://example.com/hook
Outputs:
  Rule: {Value: !Ref Rule}
  Secret: {Value: !GetAtt Connection.SecretArn}
  Queue: {Value: !Ref Orders}
  Archive: {Value: !Ref Archive}
"""


def test_templates_make_everything_and_remove_it(running: Running, events: Any) -> None:
    stacks, bus, name = running.client("cloudformation"), new("bus"), new("stack")
    body = _TEMPLATE.replace("NAME", bus)
    stacks.create_stack(StackName=name, TemplateBody=body)
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs["Rule"].startswith(f"{bus}|")
    assert ":secret:events!connection/" in outputs["Secret"]
    events.put_events(Entries=[entry(bus, {"id": 3}), entry(bus, {"id": 4})])
    sqs = running.client("sqs")
    message = taken(sqs, outputs["Queue"])
    assert json.loads(message["Body"]) == {"id": 4}
    changed = body.replace("InputPath: $.detail", "InputPath: $.source")
    stacks.update_stack(StackName=name, TemplateBody=changed)
    stacks.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    rule = outputs["Rule"].partition("|")[2]
    (target,) = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    assert target["InputPath"] == "$.source"
    assert "friends" in events.describe_event_bus(Name=bus)["Policy"]
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    refused(events.describe_event_bus, "ResourceNotFoundException", "does not exist", Name=bus)
    refused(events.describe_archive, "ResourceNotFoundException", "does not exist",
            ArchiveName=outputs["Archive"])  # fmt: skip


_SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Watcher:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: "def handler(event, context): return event"
      Events:
        Ordered:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [sam-shop]}}
        Old:
          Type: CloudWatchEvent
          Properties: {Pattern: {source: [old-sam-shop]}, InputPath: $.detail}
        Nightly:
          Type: Schedule
          Properties: {Schedule: rate(5 minutes), Input: '{"night": true}'}
"""


def test_events_of_sam_functions_are_rules(running: Running, events: Any, quick_sam: None) -> None:
    stacks, name = running.client("cloudformation"), new("sam")
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    seen: list[Any] = []
    arrived = threading.Semaphore(0)

    async def script(runtime: RuntimeClient) -> None:
        while True:
            request_id, payload = await runtime.next()
            seen.append(json.loads(payload))
            arrived.release()
            await runtime.respond(request_id, b"null")

    running.scripted_driver.script = script
    stacks.create_stack(StackName=name, TemplateBody=_SAM, Capabilities=capabilities)
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    rules = [each for each in events.list_rules()["Rules"] if each["Name"].startswith(name)]
    assert len(rules) == 3
    assert [each.get("ScheduleExpression") for each in rules if "ScheduleExpression" in each] == [
        "rate(5 minutes)"
    ]
    events.put_events(
        Entries=[entry("default", Source="sam-shop"), entry("default", Source="old-sam-shop")]
    )
    for _ in range(2):
        assert arrived.acquire(timeout=60)
    assert {"id": 7} in seen
    assert {each["source"] for each in seen if "source" in each} == {"sam-shop"}
    stacks.delete_stack(StackName=name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
