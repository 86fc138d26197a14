"""Templates with local files: where code, definitions and nested templates end up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import ConfigurationError
from emulator.project.given import Given
from emulator.stack import document
from emulator.stack.errors import TemplateError
from emulator.stack.packaging import LIVE, Local, Packaged, package

SERVERLESS, LAMBDA = "AWS::Serverless::Function", "AWS::Lambda::Function"


def packaged(
    folder: Path, text: str, resolve: Any = None, built: Any = None, **local: Any
) -> Packaged:
    body = document.parse(text).body
    built = built or (lambda logical, resource, source: None)
    return package(body, folder, resolve or _refuse, Local(**local), built=built)


def _refuse(value: Any) -> Any:
    raise TemplateError("needs a resource")


def properties(found: Packaged, logical: str) -> dict[str, Any]:
    result: dict[str, Any] = found.body["Resources"][logical]["Properties"]
    return result


def resource(kind: str, **given: Any) -> str:
    return json.dumps({"Resources": {"R": {"Type": kind, "Properties": given}}})


@pytest.mark.parametrize(
    ("kind", "given", "name", "path"),
    [
        (SERVERLESS, {"CodeUri": "src/"}, "CodeUri", "src"),
        (SERVERLESS, {"CodeUri": "./fn.zip"}, "CodeUri", "fn.zip"),
        (SERVERLESS, {}, "CodeUri", ""),
        (LAMBDA, {"Code": "../beside/fn.jar"}, "Code", "../beside/fn.jar"),
        ("AWS::Serverless::LayerVersion", {"ContentUri": "layer"}, "ContentUri", "layer"),
        ("AWS::Lambda::LayerVersion", {"Content": "layer"}, "Content", "layer"),
    ],
)
def test_code_is_served_where_it_is(
    tmp_path: Path, kind: str, given: dict[str, Any], name: str, path: str
) -> None:
    found = packaged(tmp_path, resource(kind, **given))
    where = (tmp_path / path).resolve()
    bucket, key = ("Bucket", "Key") if "Serverless" in kind else ("S3Bucket", "S3Key")
    assert properties(found, "R")[name] == {bucket: LIVE, key: str(where)}
    assert found.code == {where}


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (SERVERLESS, {"CodeUri": "s3://bucket/key.zip"}),
        (SERVERLESS, {"CodeUri": {"Bucket": "b", "Key": "k"}}),
        (SERVERLESS, {"InlineCode": "x"}),
        (SERVERLESS, {"PackageType": "Image", "ImageUri": "image:1"}),
        (LAMBDA, {"Code": {"ZipFile": "x"}}),
        (LAMBDA, {"Code": {"S3Bucket": "b", "S3Key": "k"}}),
        (LAMBDA, {"Code": {"ImageUri": "image:1"}, "PackageType": "Image"}),
        ("AWS::Serverless::Api", {"DefinitionUri": "s3://bucket/api.yaml"}),
        ("AWS::CloudFormation::Stack", {"TemplateURL": "https://example.com/template"}),
        ("AWS::S3::Bucket", {"BucketName": "b"}),
    ],
)
def test_what_is_no_local_file_stays(tmp_path: Path, kind: str, given: dict[str, Any]) -> None:
    found = packaged(tmp_path, resource(kind, **given))
    left = {k: v for k, v in properties(found, "R").items() if k != "FunctionName"}
    assert left == given
    assert found.code == set()


def test_globals_count(tmp_path: Path) -> None:
    text = """
Globals: {Function: {CodeUri: shared/, Layers: ['arn:aws:lambda:us-east-1:123456789012:layer:L:1']}}
Resources:
  A: {Type: AWS::Serverless::Function}
  B: {Type: AWS::Serverless::Function, Properties: {CodeUri: own/}}
"""
    found = packaged(tmp_path, text)
    assert found.code == {tmp_path / "shared", tmp_path / "own"}
    assert found.body["Globals"]["Function"]["Layers"] == []
    (note,) = found.notes
    assert note.startswith("A: the layer L is another account's and not here")


def test_a_single_file_is_code_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name in ("app.py", "code.zip"):
        (tmp_path / "src" / name).write_text("x")
    for given, served in (("src/app.py", "src"), ("src/code.zip", "src/code.zip")):
        found = packaged(tmp_path, resource(SERVERLESS, CodeUri=given))
        assert found.code == {tmp_path / served}


def test_layers_of_known_packages_stay(tmp_path: Path) -> None:
    arns = [
        f"arn:aws:lambda:us-east-1:017000801446:layer:{name}:7"
        for name in ("AWSLambdaPowertoolsPythonV3-python312-x86_64", "Unknown")
    ]
    found = packaged(tmp_path, resource(LAMBDA, Code=".", Layers=arns))
    assert properties(found, "R")["Layers"] == arns[:1]
    assert len(found.notes) == 1


def test_paths_are_worked_out_from_parameters(tmp_path: Path) -> None:
    text = resource(SERVERLESS, CodeUri={"Ref": "Folder"})
    found = packaged(tmp_path, text, lambda value: "chosen")
    assert found.code == {tmp_path / "chosen"}


def test_names_are_those_of_the_template_where_they_are_free(tmp_path: Path) -> None:
    text = """
Resources:
  Fn: {Type: AWS::Lambda::Function, Properties: {Code: .}}
  Named: {Type: AWS::Lambda::Function, Properties: {Code: ., FunctionName: other}}
  Queue: {Type: AWS::SQS::Queue}
  Fifo: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Layer: {Type: AWS::Lambda::LayerVersion, Properties: {Content: .}}
"""
    local = Local()
    body = document.parse(text).body
    first = package(body, tmp_path, _refuse, local)
    assert properties(first, "Fn")["FunctionName"] == "Fn"
    assert properties(first, "Named")["FunctionName"] == "other"
    assert properties(first, "Queue")["QueueName"] == "Queue"
    assert properties(first, "Fifo")["QueueName"] == "Fifo.fifo"
    assert properties(first, "Layer")["LayerName"] == "Layer"
    assert first.names == {"Fn": "Fn", "Named": "other"}
    second = package(body, tmp_path, _refuse, local)
    assert "FunctionName" not in properties(second, "Fn"), "another template has it"
    assert body == document.parse(text).body, "the template itself is not changed"


def test_variables_are_added(tmp_path: Path) -> None:
    text = resource(LAMBDA, Code=".", Environment={"Variables": {"A": "1", "B": "2"}})
    variables = {"": {"B": "all", "C": "all"}, "R": {"C": "own"}, "Other": {"D": "x"}}
    found = packaged(tmp_path, text, variables=variables)
    expected = {"A": "1", "B": "all", "C": "own"}
    assert properties(found, "R")["Environment"]["Variables"] == expected
    assert Given().variables == {}


def test_built_code_takes_the_place_of_its_source(tmp_path: Path) -> None:
    built = tmp_path / ".aws-sam" / "build" / "R"
    found = packaged(
        tmp_path, resource(SERVERLESS, CodeUri="src"), built=lambda logical, body, source: built
    )
    assert found.code == {built}


def test_definitions_are_read_and_inlined(tmp_path: Path) -> None:
    (tmp_path / "machine.asl.json").write_text('{"StartAt": "${First}"}')
    (tmp_path / "api.yaml").write_text("openapi: 3.0.1\ninfo: {title: !Ref Title}\n")
    text = """
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: machine.asl.json, DefinitionSubstitutions: {First: A}}
  Api: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: api.yaml}}
"""
    found = packaged(tmp_path, text)
    assert properties(found, "Machine") == {
        "Definition": {"StartAt": "${First}"},
        "DefinitionSubstitutions": {"First": "A"},
    }
    assert properties(found, "Api")["DefinitionBody"]["info"] == {"title": {"Ref": "Title"}}
    assert found.inputs == {tmp_path / "machine.asl.json", tmp_path / "api.yaml"}
    for kind, name in (
        ("AWS::Serverless::Api", "DefinitionUri"),
        ("AWS::CloudFormation::Stack", "TemplateURL"),
    ):
        refused = packaged(tmp_path, resource(kind, **{name: "gone"})).refused["R"]
        assert refused == f"{name}: {tmp_path / 'gone'} can't be read: No such file or directory"


def test_local_files_are_included(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("Timeout: 9\nMemorySize: 256\n")
    text = """
Resources:
  R:
    Type: AWS::Lambda::Function
    Properties:
      Timeout: 3
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: ./more.yaml}}
      Code: .
  Elsewhere:
    Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://bucket/x}}
"""
    found = packaged(tmp_path, text)
    assert (properties(found, "R")["Timeout"], properties(found, "R")["MemorySize"]) == (3, 256)
    assert "Fn::Transform" in found.body["Resources"]["Elsewhere"]


def test_nested_templates_are_packaged_and_uploaded(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "t.yaml").write_text(resource(LAMBDA, Code="src"))
    text = """
Resources:
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: below/t.yaml}}
  B: {Type: AWS::Serverless::Application, Properties: {Location: below/t.yaml}}
"""
    found = packaged(tmp_path, text)
    assert found.code == {tmp_path / "below" / "src"}
    ((key, content),) = found.nested.items()
    assert properties(found, "A")["TemplateURL"].endswith(f"/{key}")
    assert properties(found, "B")["Location"] == properties(found, "A")["TemplateURL"]
    assert json.loads(content)["Resources"]["R"]["Properties"]["Code"]["S3Bucket"] == LIVE
    (tmp_path / "loop.yaml").write_text(
        resource("AWS::CloudFormation::Stack", TemplateURL="loop.yaml")
    )
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        packaged(tmp_path, (tmp_path / "loop.yaml").read_text())


@pytest.mark.parametrize(
    "text", ["Resources: x", "Resources: {R: x}", "Globals: x\nResources: {}", "Resources: {R: {}}"]
)
def test_malformed_templates_are_left_to_cloudformation(tmp_path: Path, text: str) -> None:
    assert packaged(tmp_path, text).body == document.parse(text).body


@pytest.mark.parametrize(
    ("given", "shared", "source"),
    [
        ({"CodeUri": "../beside"}, {}, "../beside"),
        ({"CodeUri": {"Ref": "Folder"}}, {}, "src"),
        ({}, {"CodeUri": "src"}, "src"),
        ({}, {}, "."),
        ({"CodeUri": "src/app.py"}, {}, "src"),
        ({"CodeUri": "src/app.jar"}, {}, None),
        ({"CodeUri": "s3://bucket/key.zip"}, {}, None),
        ({"CodeUri": {"Bucket": "b", "Key": "k"}}, {}, None),
        ({"InlineCode": "x"}, {}, None),
    ],
)
def test_code_is_built_from_the_folder_it_is_in(
    tmp_path: Path, given: dict[str, Any], shared: dict[str, Any], source: str | None
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").touch()
    asked: list[Path] = []
    packaged(
        tmp_path,
        json.dumps(
            {
                "Globals": {"Function": shared},
                "Resources": {"R": {"Type": SERVERLESS, "Properties": given}},
            }
        ),
        resolve=lambda value: "src" if value == {"Ref": "Folder"} else value,
        built=lambda logical, body, source: asked.append(source),
    )
    assert asked == ([] if source is None else [(tmp_path / source).resolve()])
