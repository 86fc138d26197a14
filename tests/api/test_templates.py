"""A template is a stack: what it declares is there when the emulator is up, and follows it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.cli.greeting import greet
from emulator.model.errors import ConfigurationError
from emulator.services.cloudformation.deploying import CAPABILITIES, deploy
from emulator.services.cloudformation.stack import Goal
from emulator.settings import Settings
from emulator.stack.transform import SamTransform
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, zip_of
from tests.needs import need
from tests.patience import until

pytestmark = pytest.mark.usefixtures("quick_sam")

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: .
      Events:
        Placed:
          Type: SQS
          Properties: {Queue: !GetAtt Orders.Arn, BatchSize: 5, Enabled: false}
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue}
"""
ROLE = "arn:aws:iam::000000000000:role/r"
#: A function without SAM.
PLAIN = """
Resources:
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      {Handler: app.handler, Runtime: python3.12, Role: ROLE, Code: .}
""".replace("ROLE", ROLE)


class Starts:
    """Starts emulators for one folder, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: Running | None = None
        (folder / "app.py").write_text("def handler(event, context): pass\n")

    def __call__(self, text: str = TEMPLATE, **fields: Any) -> Running:
        self.stop()
        self.write(text)
        settings = Settings(
            **{
                "port": 0,
                "functions": (self.folder,),
                "state": self.folder / "state",
                "watch": False,
                "transition_seconds": 0,
                **fields,
            }
        )
        self.running = Running(settings, driver=ScriptedDriver())
        return self.running

    def refused(self, text: str, **fields: Any) -> str:
        """Return why a start fails."""
        self.write(text)
        settings = Settings(**{"port": 0, "functions": (self.folder,), "watch": False, **fields})
        with pytest.raises(ConfigurationError) as caught:
            asyncio.run(Emulator(settings, driver=ScriptedDriver()).run())
        return str(caught.value)

    def write(self, text: str) -> None:
        """Write it at once: who follows it must not find half of it."""
        aside = self.folder / "template.yaml.tmp"
        aside.write_text(text)
        aside.rename(self.folder / "template.yaml")

    def deploy(self, text: str) -> list[str]:
        """Deploy another template without a restart; returns the notes."""
        self.write(text)
        assert self.running is not None
        project = self.running.emulator.project
        assert project is not None
        notes: list[str] = self.running.call(project.stacks[0].deploy)
        return notes

    def stop(self) -> None:
        if self.running is not None:
            self.running.stop()
        self.running = None


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starts]:
    starts = Starts(tmp_path)
    yield starts
    starts.stop()


def _mappings(running: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.client("lambda").list_event_source_mappings()[
        "EventSourceMappings"
    ]
    return found


def _variables(running: Running, name: str) -> dict[str, str]:
    configuration = running.client("lambda").get_function_configuration(FunctionName=name)
    found: dict[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return found


def test_functions_queues_and_mappings_are_made(start: Starts) -> None:
    running = start()
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName="Orders")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "60"
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(":Dead")
    (mapping,) = _mappings(running)
    assert (mapping["State"], mapping["BatchSize"]) == ("Disabled", 5)
    assert mapping["FunctionArn"].endswith(":function:Worker")
    (stack,) = running.client("cloudformation").describe_stacks(StackName="localfaas")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_another_start_finds_what_is_there(start: Starts) -> None:
    running = start()
    before = _mappings(running)
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName="Orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    running = start(TEMPLATE.replace("BatchSize: 5", "BatchSize: 6").replace("60", "61"))
    (after,) = _mappings(running)
    assert (after["UUID"], after["BatchSize"]) == (before[0]["UUID"], 6)
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName="Orders")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "kept"
    # Declared no more, the mapping goes; a mapping that came through the API stays.
    running.client("lambda").create_event_source_mapping(
        FunctionName="Worker",
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:Dead",
        Enabled=False,
    )
    without = re.sub(r"      Events:\n.*?\n  Orders:", "  Orders:", TEMPLATE, flags=re.DOTALL)
    running = start(without)
    (left,) = _mappings(running)
    assert left["EventSourceArn"].endswith(":Dead")


def test_only_a_changed_declaration_is_applied(start: Starts) -> None:
    running = start()
    (before,) = until(
        lambda: _mappings(running), lambda found: [each["State"] for each in found] == ["Disabled"]
    )
    running.client("lambda").update_event_source_mapping(UUID=before["UUID"], BatchSize=7)
    assert start.deploy(TEMPLATE) == []
    assert _mappings(running)[0]["BatchSize"] == 7
    new = TEMPLATE.replace("BatchSize: 5", "BatchSize: 8") + "  New: {Type: AWS::SQS::Queue}\n"
    assert start.deploy(new) == []
    assert _mappings(running)[0]["BatchSize"] == 8
    running.client("sqs").get_queue_url(QueueName="New")


def test_a_changed_template_takes_effect_by_itself(start: Starts) -> None:
    running = start(watch=True)
    two = PLAIN.replace("Fn:", "Second:").replace("Resources:\n", "")
    start.write(TEMPLATE.replace("BatchSize: 5", "BatchSize: 8") + two.lstrip("\n"))
    until(lambda: _mappings(running)[0]["BatchSize"] == 8)
    until(lambda: "added Second (template.yaml changed)" in running.console.infos)
    start.write(TEMPLATE)
    until(lambda: "removed Second (template.yaml changed)" in running.console.infos)
    start.write("Resources: [")
    until(lambda: running.console.warnings)
    assert running.console.warnings[-1].endswith("The functions stay as they were.")


def test_functions_are_served_live(start: Starts) -> None:
    running = start(PLAIN)
    client = running.client("lambda")
    before = client.get_function_configuration(FunctionName="Fn")
    function = running.emulator.registry.all()[0]
    assert function.latest.code.source == start.folder
    start.stop()
    (start.folder / "app.py").write_text("changed while nothing ran")
    running = start(PLAIN)
    after = running.client("lambda").get_function_configuration(FunctionName="Fn")
    assert after["CodeSha256"] != before["CodeSha256"]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("VisibilityTimeout: 60", "VisibilityTimeout: 50000", "Orders: Invalid value"),
        ("maxReceiveCount: 3", "maxReceiveCount: 0", "Orders: Value"),
        ("BatchSize: 5", "BatchSize: 0", "WorkerPlaced: 1 validation error"),
        ("Handler: app.handler", "Handler: ''", "Runtime and Handler needs to be present"),
        ("CodeUri: .", "CodeUri: gone", "/gone does not exist"),
    ],
)
def test_what_aws_would_refuse_costs_itself_alone(
    start: Starts, before: str, after: str, says: str
) -> None:
    text = TEMPLATE.replace(before, after) + "  More: {Type: AWS::SQS::Queue}\n"
    running = start(text)
    notes = [note for note in running.emulator.notes if says in note]
    assert len(notes) == 1, running.emulator.notes
    assert re.match(r".*/template\.yaml:\d+:\d+: \w+: ", notes[0])
    running.client("sqs").get_queue_url(QueueName="More")
    (stack,) = running.client("cloudformation").describe_stacks()["Stacks"]
    # What SAM itself refuses is not in the stack.
    by_sam = "Handler" in before
    assert stack["StackStatus"] == ("CREATE_COMPLETE" if by_sam else "UPDATE_FAILED")
    start.stop()
    assert says in start.refused(text, strict=True)
    running = start(TEMPLATE)  # mended
    (stack,) = running.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] in ("UPDATE_COMPLETE", "CREATE_COMPLETE")
    assert not [note for note in running.emulator.notes if says in note]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("VisibilityTimeout: 60", "VisibilityTimeout: 50000", "Orders: Invalid value"),
        ("BatchSize: 5", "BatchSize: 0", "WorkerPlaced: 1 validation error"),
        ("CodeUri: .", "CodeUri: gone", "/gone does not exist"),
    ],
)
def test_a_change_that_can_not_be_had_is_told_until_it_is_mended(
    start: Starts, before: str, after: str, says: str
) -> None:
    running = start()
    (note,) = start.deploy(TEMPLATE.replace(before, after))
    assert says in note
    (stack,) = running.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "UPDATE_FAILED"
    assert start.deploy(TEMPLATE) == []
    (stack,) = running.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"


def test_what_sam_refuses_costs_itself_and_what_needs_it(start: Starts) -> None:
    bad = """
  Bad:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, Runtime: python3.12, Events: {E: {Type: Nothing}}}
  Needs:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Bad}
"""
    running = start(TEMPLATE + bad.lstrip("\n"))
    (first, second) = running.emulator.notes
    assert re.search(r"template\.yaml:\d+:\d+: Bad: .*Nothing", first)
    assert second.endswith("Needs: it needs Bad, which can't be had")
    running.client("lambda").get_function(FunctionName="Worker")


def test_a_function_url_follows_its_declaration(start: Starts, capsys: Any) -> None:
    def declare(config: str) -> str:
        return TEMPLATE.replace("      CodeUri: .\n", "      CodeUri: .\n" + config)

    config = "      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: ['*'], MaxAge: 5}}\n"
    running = start(declare(config))
    client = running.client("lambda")
    found = client.get_function_url_config(FunctionName="Worker")
    assert (found["AuthType"], found["InvokeMode"]) == ("NONE", "BUFFERED")
    assert found["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 5}
    greet(running.emulator)
    assert found["FunctionUrl"] in capsys.readouterr().out
    start.deploy(declare(config.replace("NONE", "AWS_IAM")))
    changed = client.get_function_url_config(FunctionName="Worker")
    assert (changed["AuthType"], changed["FunctionUrl"]) == ("AWS_IAM", found["FunctionUrl"])
    start.deploy(TEMPLATE)
    assert not client.list_function_url_configs(FunctionName="Worker")["FunctionUrlConfigs"]


def test_what_the_api_removed_comes_back_with_a_changed_declaration(start: Starts) -> None:
    running = start(PLAIN)
    client = running.client("lambda")
    client.delete_function(FunctionName="Fn")
    start.deploy(PLAIN.replace("Code: .", "Code: ., Timeout: 9"))
    assert client.get_function_configuration(FunctionName="Fn")["Timeout"] == 9


def test_zip_archives_are_code_and_followed(start: Starts) -> None:
    archive = start.folder / "fn.zip"
    archive.write_bytes(zip_of(app__py="one"))
    running = start(PLAIN.replace("Code: .", "Code: fn.zip"), watch=True)
    client = running.client("lambda")
    before = client.get_function_configuration(FunctionName="Fn")["CodeSha256"]
    archive.write_bytes(zip_of(app__py="two"))
    until(lambda: "reloaded Fn (fn.zip changed)" in running.console.infos)
    after = client.get_function_configuration(FunctionName="Fn")["CodeSha256"]
    assert after != before


def test_several_templates_are_several_stacks(start: Starts, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "template.yaml").write_text(PLAIN.replace("Code: .", "Code: ..", 1) + TWO)
    bare = tmp_path / "bare" / "hello"
    bare.mkdir(parents=True)
    (bare / "app.py").write_text("def handler(event, context): pass\n")
    running = start(PLAIN, functions=(tmp_path, other, bare.parent), state=None)
    stacks = running.client("cloudformation").describe_stacks()["Stacks"]
    names = {stack["StackName"] for stack in stacks}
    assert "other" in names
    assert len(names) == 2
    functions = [
        each["FunctionName"] for each in running.client("lambda").list_functions()["Functions"]
    ]
    assert {"Fn", "Two", "hello"} < set(functions)
    assert any(name.startswith("other-Fn-") for name in functions), "the name Fn was taken"


TWO = """
  Two:
    Type: AWS::Lambda::Function
    Properties: {Handler: app.handler, Runtime: python3.12, Role: ROLE, Code: ..}
""".replace("ROLE", ROLE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Resources: {F: x}", "Any Resources member must be an object"),
        ("Resources: {F: {}}", "must contain a Type member"),
        ("a: b", "Invalid template property"),
        ("Resources: [a]", "Resources section must be an object"),
        ("Parameters: [x]\nResources: {}", "Parameters section must be an object"),
        ("Parameters: {A: {Type: String}}\n" + PLAIN, "give them with --parameter NAME=VALUE"),
        (PLAIN + "  T: {Type: AWS::No::Such}\n", "Unrecognized resource types: [AWS::No::Such]"),
        (PLAIN.replace("Timeout: 3", "").replace("app.handler", "!Ref No"), "[No]"),
    ],
)
def test_a_template_that_aws_would_refuse_does_not_start(
    start: Starts, text: str, says: str
) -> None:
    refused = start.refused(text)
    assert says in refused
    assert "template.yaml" in refused


def test_the_values_of_a_template_reach_its_functions(start: Starts) -> None:
    running = start(
        """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  List: {Type: CommaDelimitedList, Default: 'a,b'}
Mappings: {M: {dev: {Level: DEBUG, Secs: 9}}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Globals:
  Function:
    {Runtime: python3.12, Handler: app.handler, CodeUri: .,
     Timeout: !FindInMap [M, !Ref Stage, Secs]}
Resources:
  Table: {Type: AWS::Serverless::SimpleTable}
  Named: {Type: AWS::DynamoDB::Table, Properties: {TableName: things}}
  Topic: {Type: AWS::SNS::Topic}
  ProdOnly: {Type: AWS::Serverless::Function, Condition: IsProd, Properties: {}}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Join ['-', [my, !Ref Stage]]
      MemorySize: !If [IsProd, 1024, 256]
      Environment:
        Variables:
          TABLE: !Ref Table
          NAMED: !Ref Named
          ARN: !GetAtt Named.Arn
          TOPIC: !Ref Topic
          LEVEL: !FindInMap [M, !Ref Stage, Level]
          IF: !If [IsProd, p, d]
          JOIN: !Join ['-', [a, !Ref Stage]]
          SELECT: !Select [1, [x, y]]
          SPLIT: !Select [0, !Split ['-', x-y]]
          BASE64: !Base64 hello
          LIST: !Join [',', !Ref List]
          ALIAS: !Ref Fn2.Alias
          VERSION: !Ref Fn2.Version
          FLOAT: 1.50
          OCTAL: 010
          SECRET: '{{resolve:ssm:/a/b}}'
  Fn2: {Type: AWS::Serverless::Function, Properties: {AutoPublishAlias: live}}
  Secret: {Type: AWS::SSM::Parameter, Properties: {Name: /a/b, Type: String, Value: kept}}
"""
    )
    functions = running.client("lambda").list_functions()["Functions"]
    assert sorted(each["FunctionName"] for each in functions) == ["Fn2", "my-dev"], (
        running.emulator.notes
    )
    fn = running.client("lambda").get_function_configuration(FunctionName="my-dev")
    assert (fn["Timeout"], fn["MemorySize"]) == (9, 256)
    found = _variables(running, "my-dev")
    assert re.fullmatch(r"localfaas-Table-\w+", found.pop("TABLE"))
    assert re.fullmatch(r"arn:aws:sns:us-east-1:000000000000:\S+", found.pop("TOPIC"))
    assert found == {
        "NAMED": "things",
        "ARN": "arn:aws:dynamodb:us-east-1:000000000000:table/things",
        "LEVEL": "DEBUG",
        "IF": "d",
        "JOIN": "a-dev",
        "SELECT": "y",
        "SPLIT": "x",
        "BASE64": "aGVsbG8=",
        "LIST": "a,b",
        "ALIAS": "arn:aws:lambda:us-east-1:000000000000:function:Fn2:live",
        "VERSION": "arn:aws:lambda:us-east-1:000000000000:function:Fn2:1",
        "FLOAT": "1.5",
        "OCTAL": "8",
        "SECRET": "kept",
    }
    alias = running.client("lambda").get_alias(FunctionName="Fn2", Name="live")
    assert alias["FunctionVersion"] == "1"
    answer = running.client("lambda").invoke(FunctionName="Fn2", Qualifier="live", Payload=b"1")
    assert answer["Payload"].read() == b"1"


@pytest.mark.parametrize("given", ["option", "file", "samconfig"])
def test_parameters_and_variables_are_given(start: Starts, given: str) -> None:
    text = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Needed: {Type: String}}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      {InlineCode: 'def handler(e, c): pass', Handler: index.handler, Runtime: python3.12,
       Environment: {Variables: {NEEDED: !Ref Needed, OWN: template}}}
"""
    fields: dict[str, Any] = {}
    if given == "option":
        fields["parameters"] = ("Needed=value",)
    elif given == "file":
        (start.folder / "p.json").write_text('{"Needed": "value"}')
        fields["parameter_files"] = (start.folder / "p.json",)
    else:
        (start.folder / "samconfig.toml").write_text(
            '[default.deploy.parameters]\nstack_name = "orders"\n'
            'parameter_overrides = "Needed=value"\n'
        )
    (start.folder / "env.json").write_text('{"Fn": {"OWN": "file"}}')
    running = start(text, env_files=(start.folder / "env.json",), **fields)
    assert _variables(running, "Fn") == {"NEEDED": "value", "OWN": "file"}
    name = "orders" if given == "samconfig" else "localfaas"
    running.client("cloudformation").describe_stacks(StackName=name)
    start.stop()
    assert "did you mean Needed?" in start.refused(text, parameters=("Neded=x",))


def test_loops_make_functions(start: Starts) -> None:
    running = start(
        """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::Loop:
    - Name
    - [A, B]
    - Fn${Name}:
        Type: AWS::Serverless::Function
        Properties: {CodeUri: ., Handler: app.handler, Runtime: python3.12, Description: !Ref Name}
"""
    )
    functions = running.client("lambda").list_functions()["Functions"]
    assert {(f["FunctionName"], f["Description"]) for f in functions} == {
        ("FnA", "A"),
        ("FnB", "B"),
    }


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_nested_template_is_a_stack_of_its_own(region: str, start: Starts) -> None:
    (start.folder / "below.yaml").write_text(PLAIN + "Outputs: {Name: {Value: !Ref Fn}}\n")
    running = start(
        """
Resources:
  Below: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: below.yaml}}
  Kept: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Below.Outputs.Name}}
""",
        region=region,
    )
    assert running.emulator.notes == []
    (function,) = running.client("lambda", region=region).list_functions()["Functions"]
    assert function["FunctionName"].startswith("localfaas-Below-")
    assert running.emulator.registry.all()[0].latest.code.source == start.folder


def test_a_nested_template_that_fails_is_made_once_it_is_mended(start: Starts) -> None:
    below = start.folder / "below.yaml"
    bad = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: -1}}}\n"
    below.write_text(bad)
    running = start("""
Resources:
  Below: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: below.yaml}}
""")
    (note,) = running.emulator.notes
    assert "was not successfully created: The following resource(s) failed to create: [Q]" in note
    below.write_text(bad.replace("-1", "1"))
    stacks = running.emulator.project
    assert stacks is not None
    assert running.call(stacks.stacks[0].deploy) == []
    assert running.client("sqs").list_queues()["QueueUrls"]


def test_a_cloud_assembly_is_deployed(start: Starts, tmp_path: Path) -> None:
    out = tmp_path / "app" / "cdk.out"
    (out / "asset.abc").mkdir(parents=True)
    (out / "asset.abc" / "app.py").write_text("def handler(event, context): pass\n")
    template = {
        "Parameters": {
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            }
        },
        "Rules": {"CheckBootstrapVersion": {"Assertions": []}},
        "Resources": {
            "Fn9270CBC0": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Code": {
                        "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}"},
                        "S3Key": "abc.zip",
                    },
                    "Handler": "app.handler",
                    "Role": ROLE,
                    "Runtime": "python3.12",
                },
            },
            "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "x"}},
        },
    }
    (out / "Stack.template.json").write_text(json.dumps(template))
    assets = {
        "files": {
            "abc": {
                "source": {"path": "asset.abc", "packaging": "zip"},
                "destinations": {"current": {"bucketName": "b", "objectKey": "abc.zip"}},
            }
        }
    }
    (out / "Stack.assets.json").write_text(json.dumps(assets))
    manifest = {
        "artifacts": {
            "Stack.assets": {
                "type": "cdk:asset-manifest",
                "properties": {"file": "Stack.assets.json"},
            },
            "Stack": {
                "type": "aws:cloudformation:stack",
                "dependencies": ["Stack.assets"],
                "properties": {"templateFile": "Stack.template.json", "stackName": "cdk-app"},
            },
        }
    }
    (out / "manifest.json").write_text(json.dumps(manifest))
    running = start(functions=(out.parent,), state=None)
    assert running.emulator.notes == []
    running.client("cloudformation").describe_stacks(StackName="cdk-app")
    (function,) = running.emulator.registry.all()
    assert function.latest.code.source == out / "asset.abc"


def test_a_stack_that_needs_functions_to_run_is_made_at_the_start(start: Starts) -> None:
    running = start(PLAIN + "  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}\n")
    assert running.emulator.notes == []
    (stack,) = running.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_the_greeting_shows_a_stacks_resources_and_outputs(
    start: Starts, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(
        TEMPLATE + "Outputs: {Where: {Value: !Ref Orders}, Gone: {Value: !GetAtt Orders.No}}\n"
    )
    url = running.client("sqs").get_queue_url(QueueName="Orders")["QueueUrl"]
    greet(running.emulator)
    said = capsys.readouterr().out
    assert f"\nOUTPUT  VALUE\nWhere   {url}\n" in said
    assert "stack localfaas" not in said
    monkeypatch.setattr("emulator.cli.greeting.is_terminal", lambda: True)
    greet(running.emulator)
    said = capsys.readouterr().out
    assert "\nstack localfaas\n├─ Lambda::EventSourceMapping: WorkerPlaced\n" in said
    assert "└─ SQS::Queue: Dead, Orders\n" in said


def test_the_greeting_asks_for_no_functions_while_a_stack_is_being_made(
    start: Starts, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.project.project._PATIENCE_S", 0.0)
    greet(
        start("""
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Signal:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: 600}
""").emulator
    )
    assert "No functions yet: they come with what is still being made." in capsys.readouterr().out


def test_a_start_counts_no_time_until_a_template_is_translated(
    start: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    translate = SamTransform.translate

    async def slow(self: SamTransform, *args: Any) -> Any:
        translated = await translate(self, *args)
        told.append("translated")
        return translated

    running = start(PLAIN)
    emulator = running.emulator
    monkeypatch.setattr(SamTransform, "translate", slow)
    body = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Table": {"Type": "AWS::Serverless::SimpleTable"}},
    }
    running.call(
        lambda: deploy(
            emulator.parts,
            "app",
            Goal(template=json.dumps(body), given={}, capabilities=CAPABILITIES),
            tolerant=True,
            account="000000000000",
            region="us-east-1",
            on_event=lambda event: told.append("event"),
            on_planned=lambda: told.append("planned"),
        )
    )
    assert told[:3] == ["translated", "planned", "event"]


def test_the_greeting_shows_the_routes_of_apis_at_every_start(start: Starts, capsys: Any) -> None:
    text = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: .
      Events:
        Http: {Type: HttpApi, Properties: {Path: /over-http, Method: get}}
        Rest: {Type: Api, Properties: {Path: /over-rest, Method: get}}
"""
    for _ in range(2):
        greet(start(text).emulator)
        said = capsys.readouterr().out
        assert "/over-http" in said
        assert "/over-rest" in said


def test_templates_as_they_are_written_in_the_wild(start: Starts) -> None:
    (start.folder / "src").mkdir()
    (start.folder / "src" / "app.py").write_text("def handler(event, context): pass\n")
    running = start(
        """
Transform: AWS::Serverless-2016-10-31
Parameters: {A: {Type: String, Default: x86_64}}
Shared: &shared {Runtime: python3.12, Handler: src/app.handler, CodeUri: .}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties: {<<: *shared, Architectures: [!Ref A], FunctionUrlConfig: {AuthType: NONE}}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      FifoQueue: true
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: AWS::SQS::Queue, Properties: {FifoQueue: 'true'}}
""".replace("Shared: &shared", "Metadata: &shared")
    )
    assert running.emulator.notes == []
    fn = running.client("lambda").get_function_configuration(FunctionName="Fn")
    assert (fn["Handler"], fn["Architectures"]) == ("src/app.handler", ["x86_64"])
    sqs = running.client("sqs")
    url = sqs.get_queue_url(QueueName="Jobs.fifo")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(":Dead.fifo")


def test_a_function_that_aws_would_refuse_is_refused_as_by_aws(start: Starts) -> None:
    """Old runtimes, reserved variables: in AWS's words, at the function's place."""
    old = PLAIN.replace("python3.12", "python3.7")
    running = start(old + TWO.replace("Code: ..", "Code: ."))
    (note,) = running.emulator.notes
    assert "template.yaml:3:3: Fn: The runtime parameter of python3.7 is no longer" in note
    running.client("lambda").get_function(FunctionName="Two")
    reserved = PLAIN.replace("Code: .", "Code: ., Environment: {Variables: {AWS_REGION: x}}")
    (note,) = start.deploy(reserved)
    assert "reserved keys" in note


BUILT = PLAIN.replace("    Prop", "    Metadata: {BuildMethod: makefile}\n    Prop").replace(
    "Code: .", "Code: src"
)
MAKEFILE = """build-Fn:
\ttest ! -e broken
\tcp app.py "$(ARTIFACTS_DIR)"
"""


@pytest.fixture
def no_sam_cli(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Leave of all programs those that makefiles need."""
    tools = tmp_path_factory.mktemp("tools")
    for name in ("make", "sh", "cp", "test", "date"):
        (tools / name).symlink_to(need(name))
    monkeypatch.setenv("PATH", str(tools))


@pytest.mark.usefixtures("no_sam_cli")
def test_what_is_built_is_built_again_when_its_sources_change(
    start: Starts, tmp_path: Path
) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "Makefile").write_text(MAKEFILE)
    (source / "app.py").write_text("first\n")
    running = start(BUILT, watch=True)
    built = tmp_path / ".aws-sam" / "build" / "Fn" / "app.py"

    def said() -> str:
        return built.read_text() if built.exists() else ""

    until(lambda: said() == "first\n")

    def generation() -> int:
        function = running.emulator.registry.find("000000000000", "us-east-1", "Fn")
        return -1 if function is None else function.latest.generation

    until(lambda: generation() >= 0)

    before = generation()
    (source / "app.py").write_text("second\n")
    until(lambda: generation() > before)
    until(lambda: said() == "second\n")
    # What can't be built leaves the function as it was; what can be afterwards is.
    (source / "broken").touch()
    until(lambda: any("make failed" in text for text in running.console.warnings))
    assert said() == "second\n"
    (source / "app.py").write_text("third\n")
    (source / "broken").unlink()
    until(lambda: said() == "third\n")


ALSO_BUILT = """
  Two:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: makefile}
    Properties: {Handler: app.handler, Runtime: python3.12}
"""
SHARED = "Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {CodeUri: .}}"


@pytest.mark.usefixtures("no_sam_cli")
def test_builds_that_write_where_their_sources_are_come_to_rest(
    start: Starts, tmp_path: Path
) -> None:
    """The state's folder is there, too."""
    build = '\n\tdate +%s%N >>made\n\tcp app.py "$(ARTIFACTS_DIR)"\n'
    (tmp_path / "Makefile").write_text(f"build-Fn:{build}build-Two:{build}")
    text = SHARED + BUILT.replace("Code: src", "Code: .") + ALSO_BUILT
    running = start(text)
    project = running.emulator.project
    assert project is not None
    (stack,) = project.stacks

    def builds() -> list[str]:
        """Read the template once more; return what that has built."""
        running.console.infos.clear()
        running.call(stack.deploy)
        return [said.split()[1] for said in running.console.infos if said.startswith("building")]

    assert [] in [builds() for _ in range(6)]
    assert stack.structure(0) == stack.as_read, "nobody reads it again"
    running.client("sqs").create_queue(QueueName="kept")
    (tmp_path / "state" / "more").touch()
    assert builds() == []
    (tmp_path / "app.py").write_text("another = 1\n")
    assert stack.structure(1) != stack.as_read
    assert builds() == ["Fn", "Two"]
    assert builds() == []
