"""What an older version took and this one would refuse: it loads, is shown, and can be removed.

Each case makes something, changes in the state folder what today's rules judge, and starts anew.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.stepfunctions import definitions
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from emulator.workflows import kept
from emulator.workflows.errors import InvalidDefinition
from emulator.workflows.program import compile_definition, compile_kept
from emulator.workflows.validation import check
from tests.patience import until

from .conftest import Running, create

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
OTHER = f"arn:aws:sqs:us-east-1:{ACCOUNT}:other"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"


@dataclass(frozen=True)
class Case:
    """Something that is kept.

    Args:
        service: Its service.
        make: Makes it; returns what the other two need.
        old: What stands in its document, as JSON inside a text or not.
        new: What an older version would have taken there.
        show: Shows it, and uses it; returns what was shown.
        drop: Removes it.
    """

    service: str
    make: Callable[[Any], Any]
    old: str
    new: str
    show: Callable[[Any, Any], Any]
    drop: Callable[[Any, Any], Any]


def _pipe(client: Any) -> str:
    client.create_pipe(
        Name="p",
        RoleArn=ROLE,
        Source=QUEUE,
        Target=OTHER,
        SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": '{"body":["zzz"]}'}]}},
        TargetParameters={"InputTemplate": '{"a": <$.body>}'},
    )
    return "p"


def _rule(client: Any) -> str:
    client.put_rule(Name="r", EventPattern='{"source":["zzz"]}')
    client.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": QUEUE}])
    return "r"


def _timed_rule(client: Any) -> str:
    client.put_rule(Name="timed", ScheduleExpression="rate(77 days)")
    return "timed"


def _send_event(client: Any) -> Any:
    entry = {"Source": "zzz", "DetailType": "d", "Detail": "{}"}
    sent = client.put_events(Entries=[entry])
    assert sent["FailedEntryCount"] == 0
    return sent


def _archive(client: Any) -> str:
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    client.create_archive(ArchiveName="a", EventSourceArn=bus, EventPattern='{"source":["zzz"]}')
    return "a"


def _schedule(client: Any) -> str:
    client.create_schedule(
        Name="s",
        ScheduleExpression="rate(77 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": QUEUE, "RoleArn": ROLE},
    )
    return "s"


def _subscription(client: Any) -> str:
    client.create_topic(Name="t")
    made = client.subscribe(
        TopicArn=TOPIC,
        Protocol="sqs",
        Endpoint=QUEUE,
        Attributes={"FilterPolicy": '{"colour":["zzz"]}'},
        ReturnSubscriptionArn=True,
    )
    return str(made["SubscriptionArn"])


def _publish(client: Any, arn: str) -> Any:
    attributes = {"colour": {"DataType": "String", "StringValue": "zzz"}}
    client.publish(TopicArn=TOPIC, Message="m", MessageAttributes=attributes)
    return client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


def _composite(client: Any) -> str:
    client.put_metric_alarm(
        AlarmName="below",
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    client.put_composite_alarm(AlarmName="above", AlarmRule="ALARM(below)")
    return "above"


def _alarms(client: Any, name: str) -> Any:
    client.set_alarm_state(AlarmName="below", StateValue="ALARM", StateReason="r")
    client.describe_alarms(ChildrenOfAlarmName=name)
    client.describe_alarms(ParentsOfAlarmName="below")
    return client.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])


def _metric_alarm(client: Any) -> str:
    queries = [
        {"Id": "e", "Expression": "m1 * 77", "ReturnData": True},
        {
            "Id": "m1",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "n", "MetricName": "m"},
                "Period": 60,
                "Stat": "Sum",
            },
        },
    ]
    client.put_metric_alarm(
        AlarmName="maths",
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    return "maths"


def _mapping(client: Any) -> str:
    create(client, "f")
    made = client.create_event_source_mapping(
        EventSourceArn=QUEUE,
        FunctionName="f",
        FilterCriteria={"Filters": [{"Pattern": '{"body":["zzz"]}'}]},
    )
    return str(made["UUID"])


def _machine(client: Any) -> str:
    definition = {
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Pass",
                "Parameters": {"a.$": "$.zzz"},
                "End": True,
            },
        },
    }
    made = client.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)
    return str(made["stateMachineArn"])


def _run(client: Any, arn: str) -> Any:
    made = client.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    run = until(
        lambda: client.describe_execution(executionArn=made),
        lambda run: run["status"] != "RUNNING",
    )
    assert run["error"] == "States.Runtime"
    assert "The state can't be read by this release" in run["cause"]
    return client.describe_state_machine(stateMachineArn=arn)


def _rest_api(client: Any) -> str:
    api = client.create_rest_api(name="a")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_method_response(restApiId=api, resourceId=root, httpMethod="GET", statusCode="200")
    client.put_integration(
        restApiId=api,
        resourceId=root,
        httpMethod="GET",
        type="MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}##zzz'},
    )
    client.put_integration_response(
        restApiId=api, resourceId=root, httpMethod="GET", statusCode="200", selectionPattern="zzz"
    )
    client.create_deployment(restApiId=api, stageName="s")
    return str(api)


def _rest_shown(client: Any, api: str) -> Any:
    root = client.get_resources(restApiId=api, embed=["methods"])["items"][0]
    client.test_invoke_method(restApiId=api, resourceId=root["id"], httpMethod="GET")
    return root


def _policy_of_role(client: Any) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        ],
    }
    client.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:zzz*", "Resource": "*"}],
    }
    client.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(document))
    return "r"


def _drop_role(client: Any, name: str) -> None:
    client.delete_role_policy(RoleName=name, PolicyName="p")
    client.delete_role(RoleName=name)


def _role_shown(client: Any, name: str) -> Any:
    client.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        ActionNames=["s3:GetObject"],
    )
    return client.get_role_policy(RoleName=name, PolicyName="p")


def _policy(action: str, resource: str) -> str:
    who = {"AWS": ACCOUNT}
    statement = {"Effect": "Allow", "Principal": who, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _bucket(client: Any) -> str:
    client.create_bucket(Bucket="bucket")
    client.put_bucket_policy(Bucket="bucket", Policy=_policy("s3:zzz*", "arn:aws:s3:::bucket/*"))
    return "bucket"


def _used_bucket(client: Any, name: str) -> Any:
    client.put_object(Bucket=name, Key="k", Body=b"1")
    client.delete_object(Bucket=name, Key="k")
    return client.get_bucket_policy(Bucket=name)


def _queue(client: Any) -> str:
    attributes = {"Policy": _policy("sqs:SendMessage", QUEUE + "zzz")}
    return str(client.create_queue(QueueName="own", Attributes=attributes)["QueueUrl"])


def _used_queue(client: Any, url: str) -> Any:
    client.send_message(QueueUrl=url, MessageBody="m")
    return client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])


def _secret(client: Any) -> str:
    client.create_secret(Name="s", SecretString="s")
    create(client.owner.client("lambda"), "f")
    client.rotate_secret(
        SecretId="s",
        RotationLambdaARN=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
        RotationRules={"ScheduleExpression": "rate(77 days)"},
        RotateImmediately=False,
    )
    return "s"


def _stack(client: Any) -> str:
    body = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Metadata": {"zzz": {"Ref": "Q"}}}}}
    client.create_stack(StackName="s", TemplateBody=json.dumps(body))
    client.get_waiter("stack_create_complete").wait(StackName="s")
    return "s"


def _shown_stack(client: Any, name: str) -> Any:
    client.get_template_summary(StackName=name)
    client.detect_stack_drift(StackName=name)
    return json.dumps(client.get_template(StackName=name)["TemplateBody"])


def _drop_stack(client: Any, name: str) -> None:
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name)


def _socket_api(client: Any) -> str:
    api = client.create_api(
        Name="a", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.zzz"
    )["ApiId"]
    client.create_route(ApiId=api, RouteKey="$default")
    return str(api)


def _shown_api(client: Any, api: str) -> Any:
    client.get_routes(ApiId=api)
    return client.get_api(ApiId=api)


CASES = {
    "a bucket's policy": Case(
        "s3", _bucket, '"s3:zzz*"', '{"zzz": 1}', _used_bucket,
        lambda client, name: client.delete_bucket(Bucket=name),
    ),
    "a queue's policy": Case(
        "sqs", _queue, '"sqs:SendMessage"', '{"zzz": 1}', _used_queue,
        lambda client, url: client.delete_queue(QueueUrl=url),
    ),
    "a secret's rotation": Case(
        "secretsmanager", _secret, "rate(77 days)", "zzz(77 days)",
        lambda client, name: client.describe_secret(SecretId=name),
        lambda client, name: client.delete_secret(SecretId=name),
    ),
    "a stack's template": Case(
        "cloudformation", _stack, '{"Ref": "Q"}', '{"Fn::Zzz": 1}', _shown_stack, _drop_stack,
    ),
    "how an API selects routes": Case(
        "apigatewayv2", _socket_api, "$request.body.zzz", "$request.bady[zzz", _shown_api,
        lambda client, api: client.delete_api(ApiId=api),
    ),
    "a pipe's filter": Case(
        "pipes", _pipe, '["zzz"]', '[{"zzz":1}]',
        lambda client, name: client.describe_pipe(Name=name),
        lambda client, name: client.delete_pipe(Name=name),
    ),
    "a pipe's template": Case(
        "pipes", _pipe, "<$.body>", "<$.body[[>",
        lambda client, name: client.describe_pipe(Name=name),
        lambda client, name: client.delete_pipe(Name=name),
    ),
    "a rule's pattern": Case(
        "events", _rule, '["zzz"]', '[{"zzz":1}]',
        lambda client, name: (_send_event(client), client.describe_rule(Name=name)),
        lambda client, name: (
            client.remove_targets(Rule=name, Ids=["1"]), client.delete_rule(Name=name),
        ),
    ),
    "a rule's schedule": Case(
        "events", _timed_rule, "rate(77 days)", "zzz(77 days)",
        lambda client, name: (_send_event(client), client.describe_rule(Name=name)),
        lambda client, name: client.delete_rule(Name=name),
    ),
    "an archive's pattern": Case(
        "events", _archive, '["zzz"]', '[{"zzz":1}]',
        lambda client, name: (_send_event(client), client.describe_archive(ArchiveName=name)),
        lambda client, name: client.delete_archive(ArchiveName=name),
    ),
    "a schedule": Case(
        "scheduler", _schedule, "rate(77 days)", "zzz(77 days)",
        lambda client, name: client.get_schedule(Name=name),
        lambda client, name: client.delete_schedule(Name=name),
    ),
    "a subscription's filter": Case(
        "sns", _subscription, '["zzz"]', '[{"zzz":1}]', _publish,
        lambda client, arn: client.unsubscribe(SubscriptionArn=arn),
    ),
    "a rule of alarms": Case(
        "cloudwatch", _composite, "ALARM(below)", "ZZZ(below)", _alarms,
        lambda client, name: client.delete_alarms(AlarmNames=[name]),
    ),
    "an alarm's expression": Case(
        "cloudwatch", _metric_alarm, "m1 * 77", "m1 ** 77(",
        lambda client, name: client.describe_alarms(AlarmNames=[name]),
        lambda client, name: client.delete_alarms(AlarmNames=[name]),
    ),
    "a mapping's filter": Case(
        "lambda", _mapping, '["zzz"]', '[{"zzz":1}]',
        lambda client, uuid: client.get_event_source_mapping(UUID=uuid),
        lambda client, uuid: client.delete_event_source_mapping(UUID=uuid),
    ),
    "a workflow's path": Case(
        "stepfunctions", _machine, "$.zzz", "$.[[zzz", _run,
        lambda client, arn: client.delete_state_machine(stateMachineArn=arn),
    ),
    "an integration's template": Case(
        "apigateway", _rest_api, "##zzz", "#if(zzz", _rest_shown,
        lambda client, api: client.delete_rest_api(restApiId=api),
    ),
    "an answer's pattern": Case(
        "apigateway", _rest_api, '"zzz"', '"(zzz"', _rest_shown,
        lambda client, api: client.delete_rest_api(restApiId=api),
    ),
    "a role's policy": Case(
        "iam", _policy_of_role, '"s3:zzz*"', '{"zzz": 1}', _role_shown, _drop_role,
    ),
}  # fmt: skip


def _change(state: Path, old: str, new: str) -> int:
    """Change what stands in kept documents, also where it is JSON within JSON; return how often."""
    found = 0
    for path in state.glob("*.db"):
        with closing(sqlite3.connect(path)) as connection, connection:
            tables = [
                (table, column)
                for (table,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                ).fetchall()
                for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})")
                if kind in ("TEXT", "BLOB")
            ]
            for depth in range(3):
                for table, column in tables:
                    before, after = old, new
                    for _ in range(depth):
                        before, after = json.dumps(before)[1:-1], json.dumps(after)[1:-1]
                    if depth and before == old:
                        continue
                    found += connection.execute(
                        f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
                        f" WHERE instr({column}, ?) AND typeof({column}) = 'text'",
                        (before, after, before),
                    ).rowcount
    return found


@pytest.mark.parametrize("name", CASES)
def test_it_loads_is_shown_and_goes(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    settings = Settings(port=0, state=tmp_path / "state", transition_seconds=0)
    first = Running(settings, driver=ScriptedDriver())
    for queue in ("q", "other"):
        first.client("sqs").create_queue(QueueName=queue)
    client = first.client(case.service)
    client.owner = first
    made = case.make(client)
    first.stop()
    assert _change(tmp_path / "state", case.old, case.new)
    definitions._programs.clear()
    second = Running(settings, driver=ScriptedDriver())
    try:
        client = second.client(case.service)
        try:
            shown = json.dumps(case.show(client, made), default=str)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise AssertionError(f"{status}: {error}") from error
        assert case.new in shown.replace("\\", ""), shown
        case.drop(client, made)
    finally:
        second.stop()


def test_a_replay_rests_with_its_subscription(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path / "state")
    first = Running(settings, driver=ScriptedDriver())
    arn = _subscription(first.client("sns"))

    async def cut() -> None:
        state = await first.emulator.table.state("sns")
        replay = {"state": "In progress", "id": "r", "at": 0.0, "number": 0, "ends": 1e12}
        await state.put_subscription({**state.subscription(arn).body, "replay": replay})

    first.call(cut)
    first.stop()
    assert _change(tmp_path / "state", '["zzz"]', '[{"zzz":1}]')
    second = Running(settings, driver=ScriptedDriver())
    try:
        second.client("sns").get_subscription_attributes(SubscriptionArn=arn)
        state = second.call(lambda: second.emulator.table.state("sns"))
        assert not state.replaying
    finally:
        second.stop()


def test_the_language_of_a_container_was_that_of_the_states_inside() -> None:
    choice = {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $states.input > 1 %}", "Next": "Many"}],
                "Default": "Few",
            },
            "Many": {"Type": "Pass", "Output": "{% $states.input * 2 %}", "End": True},
            "Few": {"Type": "Succeed"},
        },
    }
    each = {"Type": "Map", "ItemProcessor": choice, "End": True}
    nested = {"StartAt": "Each", "States": {"Each": each}}
    old = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "QueryLanguage": "JSONata",
                "Branches": [nested],
                "End": True,
            },
        },
    }
    program = compile_kept(json.dumps(old))
    assert program.language == "JSONPath"
    assert {state.name: state.language for state in program.walk()} == dict.fromkeys(
        ("Both", "Each", "Ask", "Many", "Few"), "JSONata"
    )
    with pytest.raises(InvalidDefinition):
        compile_definition(json.dumps(old))


def test_what_is_right_today_keeps_its_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[Any] = []

    def counted(definition: Any, kind: str) -> Any:
        checks.append(definition)
        return check(definition, kind)

    inner = {"StartAt": "In", "States": {"In": {"Type": "Pass", "Result": 1, "End": True}}}
    branches = {
        "Type": "Parallel", "QueryLanguage": "JSONata", "Branches": [inner], "End": True,
    }  # fmt: skip
    text = json.dumps({"StartAt": "All", "States": {"All": branches}})
    monkeypatch.setattr(kept, "check", counted)
    assert compile_kept(text) == compile_definition(text)
    assert len(checks) == 1
    assert compile_kept(text).states["All"].branches[0].states["In"].language == "JSONPath"
