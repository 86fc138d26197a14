"""Templates and bare folders: what is read, and what is refused with which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import ConfigurationError
from emulator.stack import template as templates
from emulator.stack.declarations import FunctionDeclaration

HEAD = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n"
#: The least that makes a function, as YAML and in one line.
MINIMAL = "{Handler: app.handler, Runtime: python3.12, CodeUri: code}"


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    return folder


def template(tmp_path: Path, text: str, name: str = "template.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def read(path: Path, **options: Any) -> tuple[FunctionDeclaration, ...]:
    return templates.read(path, **options).functions


def function(tmp_path: Path, properties: str, rest: str = "") -> FunctionDeclaration:
    """Return the one function whose properties beside the least are given."""
    body = f"{rest}\n{HEAD}      Handler: app.handler\n      Runtime: python3.12\n"
    if "CodeUri" not in properties:
        body += "      CodeUri: code\n"
    lines = "".join(f"      {line}\n" for line in properties.splitlines())
    (found,) = read(template(tmp_path, body + lines))
    return found


def test_the_least(tmp_path: Path, code: Path) -> None:
    assert function(tmp_path, "") == FunctionDeclaration(
        name="F", folder=code, handler="app.handler", runtime="python3.12"
    )


def test_everything(tmp_path: Path, code: Path) -> None:
    properties = """FunctionName: orders
MemorySize: 512
Timeout: 30
ReservedConcurrentExecutions: 0
Description: Takes orders
Architectures: [arm64]
PackageType: Zip
Events: {Api: {Type: HttpApi}}
Tracing: !Ref Nowhere
Environment:
  Variables: {NUMBER: 1, FLAG: yes, RATIO: 0.5, DATE: 2024-05-06, EMPTY: ''}"""
    found = function(tmp_path, properties)
    assert found == FunctionDeclaration(
        name="orders",
        folder=code,
        handler="app.handler",
        runtime="python3.12",
        memory_mb=512,
        timeout_s=30,
        reserved_concurrency=0,
        description="Takes orders",
        architecture="arm64",
        environment={
            "NUMBER": "1",
            "FLAG": "true",
            "RATIO": "0.5",
            "DATE": "2024-05-06",
            "EMPTY": "",
        },
        ignored=("Tracing", "Events.Api (HttpApi)"),
    )


def test_globals_are_merged_as_sam_does(tmp_path: Path) -> None:
    text = f"""
Globals:
  Function:
    Runtime: python3.11
    Handler: shared.handler
    Timeout: 9
    Tracing: Active
    Environment: {{Variables: {{AA: global, BB: global}}}}
Resources:
  One: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: code}}}}
  Two:
    Type: AWS::Serverless::Function
    DependsOn: One
    Condition: Never
    Properties:
      CodeUri: code
      Handler: own.handler
      Environment: {{Variables: {{BB: own, CC: own}}}}
  Plain: {{Type: AWS::Lambda::Function, Properties: {MINIMAL.replace("CodeUri", "Code")}}}
  Table: {{Type: AWS::DynamoDB::Table}}
"""
    one, two, plain = read(template(tmp_path, text))
    assert (one.runtime, one.handler, one.timeout_s) == ("python3.11", "shared.handler", 9)
    assert one.environment == {"AA": "global", "BB": "global"}
    assert one.ignored == ("Tracing",)
    assert (two.handler, two.timeout_s) == ("own.handler", 9)
    assert two.environment == {"AA": "global", "BB": "own", "CC": "own"}
    assert two.ignored == ("Condition", "Tracing")
    assert (plain.runtime, plain.timeout_s, plain.environment) == ("python3.12", 3, {})


PARAMETERS = """
Parameters:
  Stage: {Type: String, Default: dev}
  Memory: {Type: Number, Default: 256}
  Bare: {Type: String}
  Kept: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /name}
"""


def test_references_are_resolved(tmp_path: Path) -> None:
    properties = """FunctionName: !Sub '${Stage}-f'
MemorySize: !Ref Memory
Description: {'Fn::Sub': '${AWS::Partition} ${!Literal} ${AWS::AccountId}'}
Timeout: !Ref AWS::NoValue
Environment:
  Variables:
    REGION: !Ref AWS::Region
    ARN: !Sub ['${P}:${Stage}:${AWS::Region}', {P: !Ref Stage}]
    GONE: !Ref AWS::NoValue"""
    found = function(tmp_path, properties, PARAMETERS)
    assert (found.name, found.memory_mb, found.timeout_s) == ("dev-f", 256, 3)
    assert found.description == "aws ${Literal} 000000000000"
    assert found.environment == {"REGION": "us-east-1", "ARN": "dev:dev:us-east-1"}


LAYERS = """
Resources:
  Named:
    Type: AWS::Serverless::LayerVersion
    Properties: {LayerName: shared, ContentUri: ./layers/one}
  Plain: {Type: AWS::Lambda::LayerVersion, Properties: {Content: layers/two}}
  Unbuilt: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: nowhere}}
  Remote: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b, S3Key: k}}}
"""


def test_layers_whose_content_is_here(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "layers" / name).mkdir(parents=True)
    managed = "arn:aws:lambda:us-east-1:580247275435:layer:Insights:21"
    text = f"""{LAYERS}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: code
      Layers: [!Ref Named, '{managed}', !Ref Plain, !Ref Unbuilt, !Ref Remote]
"""
    (found,) = read(template(tmp_path, text))
    assert [(layer.arn.split(":", 5)[5], layer.folder) for layer in found.layers] == [
        ("layer:shared:1", tmp_path / "layers" / "one"),
        ("layer:Plain:1", tmp_path / "layers" / "two"),
    ]
    assert found.ignored == (
        f"Layers ({managed})",
        "Layers (refers to 'Unbuilt')",
        "Layers (refers to 'Remote')",
    )


def test_logging_storage_and_tags(tmp_path: Path) -> None:
    text = f"""
Resources:
  Lines: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: /my/lines}}}}
  One:
    Type: AWS::Serverless::Function
    Properties:
      {{{MINIMAL[1:-1]}, EphemeralStorage: {{Size: 1024}}, Tags: {{team: blue, number: 1}},
      LoggingConfig: {{LogFormat: JSON, ApplicationLogLevel: WARN, LogGroup: !Ref Lines}}}}
  Two:
    Type: AWS::Lambda::Function
    Properties: {{{MINIMAL[1:-1].replace("CodeUri", "Code")}, Tags: [{{Key: a, Value: b}}]}}
"""
    one, two = read(template(tmp_path, text))
    assert one.ephemeral_storage_mb == 1024
    assert one.logging == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "WARN",
        "LogGroup": "/my/lines",
    }
    assert one.tags == {"team": "blue", "number": "1"}
    assert (two.ephemeral_storage_mb, two.logging, two.tags) == (512, {}, {"a": "b"})
    assert one.ignored == two.ignored == ()


def test_no_more_layers_than_on_aws(tmp_path: Path) -> None:
    (tmp_path / "layers" / "one").mkdir(parents=True)
    text = f"""{LAYERS}
  F:
    Type: AWS::Serverless::Function
    Properties: {{{MINIMAL[1:-1]}, Layers: [{", ".join(["!Ref Named"] * 6)}]}}
"""
    with pytest.raises(ConfigurationError, match="more than the 5"):
        read(template(tmp_path, text))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("!Ref Table", "refers to 'Table'"),
        ("!GetAtt T.Arn", "refers to 'T'"),
        ("!Sub '${T.Arn}'", "refers to 'T'"),
        ("!Ref Bare", "needs the parameter Bare"),
        ("!If [A, B, C]", "uses Fn::If"),
    ],
)
def test_variables_that_mean_nothing_here_are_left_out(
    tmp_path: Path, value: str, says: str
) -> None:
    found = function(tmp_path, f"Environment: {{Variables: {{AB: {value}, CD: 1}}}}", PARAMETERS)
    assert found.environment == {"CD": "1"}
    assert found.ignored == (f"Environment.AB ({says})",)


def test_parameters_can_be_given(tmp_path: Path) -> None:
    text = PARAMETERS + HEAD + "      {Handler: !Ref Bare, Runtime: !Ref Stage, CodeUri: code}\n"
    (found,) = read(template(tmp_path, text), parameters={"Bare": "a.b", "Stage": "nodejs22.x"})
    assert (found.handler, found.runtime) == ("a.b", "nodejs22.x")


@pytest.mark.parametrize("name", ["template.yaml", "template.yml", "template.json"])
def test_template_is_found_in_a_folder(tmp_path: Path, name: str) -> None:
    properties = {"Handler": "a.b", "Runtime": "python3.12", "CodeUri": "./code/"}
    document = {"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": properties}}}
    template(tmp_path, json.dumps(document, indent="\t" if name.endswith("json") else 1), name)
    assert [found.name for found in read(tmp_path)] == ["F"]


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    text = f"""
Base: &base {MINIMAL}
Resources:
  One: {{Type: AWS::Serverless::Function, Properties: *base}}
  Two: {{Type: AWS::Serverless::Function, Properties: {{<<: *base, Handler: b.c}}}}
"""
    one, two = read(template(tmp_path, text))
    assert (one.handler, two.handler, two.runtime) == ("app.handler", "b.c", "python3.12")


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ("PackageType: Image", "F.ImageUri is missing: images are not built from Metadata"),
        ("InlineCode: x", "F.InlineCode is not read"),
        ("CodeUri: s3://bucket/key", "F.CodeUri must be a local folder"),
        ("CodeUri: {Bucket: b, Key: k}", "F.CodeUri must be a local folder"),
        ("CodeUri: missing", "F.CodeUri is 'missing', which is no folder"),
        ("CodeUri: 'a\\0b'", "F.CodeUri is "),
        ('CodeUri: "a\\0b"', "F.CodeUri is "),
        ("CodeUri: " + "x" * 5000, "F.CodeUri is "),
        ("CodeUri: !Ref AWS::NoValue", "F.CodeUri is missing"),
        ("MemorySize: 64", "F.MemorySize is '64'; it must be a number from 128 to 10240"),
        ("MemorySize: lots", "F.MemorySize is 'lots'"),
        ("MemorySize: true", "F.MemorySize is 'true'"),
        ("MemorySize: 128.5", "F.MemorySize is '128.5'"),
        ("MemorySize: [128]", "F.MemorySize must be text, not a list"),
        ("Timeout: 901", "F.Timeout is '901'"),
        ("Timeout: " + "9" * 400, "F.Timeout is '999"),
        ("FunctionName: 'a b'", "F.FunctionName is 'a b'"),
        ("FunctionName: ../../x", "F.FunctionName is '../../x'"),
        ("FunctionName: {}", "F.FunctionName must be text, not a mapping"),
        ("Architectures: [mips]", "F.Architectures must be"),
        ("Architectures: arm64", "F.Architectures must be"),
        ("EphemeralStorage: {Size: 100}", "EphemeralStorage.Size is 100; it must be from 512"),
        ("EphemeralStorage: {Size: much}", "EphemeralStorage.Size is 'much'; it must be a number"),
        ("LoggingConfig: {LogFormat: XML}", "LoggingConfig.LogFormat is 'XML', which does not"),
        ("LoggingConfig: {SystemLogLevel: INFO}", "has a level, which needs the LogFormat JSON"),
        ("LoggingConfig: {Foo: x}", "LoggingConfig.Foo is not known"),
        ("Tags: text", "F.Tags must be a mapping"),
        ("Environment: [A]", "F.Environment must be a mapping"),
        ("Environment: {Variables: text}", "F.Environment.Variables must be a mapping"),
        ("Environment: {Variables: {1: a}}", "F.Environment.Variables must be a mapping"),
        ("Environment: {Variables: {AB: [1]}}", "F.Environment.Variables.AB must be text"),
        ("Environment: {Variables: {AB: null}}", "F.Environment.Variables.AB must be text"),
        ("Environment: {Variables: {A-B: 1}}", "a name that AWS does not take: 'A-B'"),
        ("Environment: !If [A, B, C]", "F.Environment uses Fn::If"),
        ("Description: !Join ['', [a, b]]", "F.Description uses Fn::Join"),
        ("Description: !Sub [a]", "F.Description has a Fn::Sub without a text"),
        ("Description: !Sub ['${L}', {L: [1]}]", "has a Fn::Sub of L, which is no text"),
        ("Description: !Ref [a]", "F.Description refers to ['a']"),
        ("Description: !Ref Bare", "F.Description needs the parameter Bare, which has no default"),
        ("Description: !Ref Kept", "F.Description needs the parameter Kept, whose value"),
    ],
)
def test_properties_that_are_refused(tmp_path: Path, properties: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        function(tmp_path, properties, PARAMETERS)
    assert str(caught.value).startswith(f"{tmp_path / 'template.yaml'}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("missing", ["Handler", "Runtime", "CodeUri"])
def test_missing_properties(tmp_path: Path, missing: str) -> None:
    properties = {"Handler": "a.b", "Runtime": "python3.12", "CodeUri": "code"}
    del properties[missing]
    text = HEAD + "".join(f"      {key}: {value}\n" for key, value in properties.items())
    with pytest.raises(ConfigurationError, match=f"F.{missing} is missing"):
        read(template(tmp_path, text))


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
GARBAGE = {
    "nothing": "",
    "a list": "[1, 2]",
    "a text": "hello",
    "no YAML": "a: [b",
    "a tab": "\ta: b",
    "control characters": "a: \x01",
    "python object": "a: !!python/object/apply:os.system ['touch /tmp/owned']",
    "python name": "a: !!python/name:os.system ''",
    "unknown tag": "a: !Foo b",
    "unknown tag with a map": "a: !python/object {b: c}",
    "billion laughs": BOMB + HEAD + f"      {MINIMAL}\n",
    "billion laughs of maps": "a0: &a0 {x: y}\n" + "".join(
        f"a{n}: &a{n} {{{', '.join(f'k{m}: *a{n - 1}' for m in range(10))}}}\n"
        for n in range(1, 12)
    ),
    "a loop": "a: &a [*a]",
    "a loop of maps": "a: &a {b: *a}",
    "an unknown alias": "a: *b",
    "deep lists": "[" * 5000,
    "deep maps": "{a: " * 5000,
    "two documents": "a: 1\n---\nb: 2",
    "two names": "Resources: {A: 1, A: 2}",
    "a key that is a list": "? [a]\n: b",
    "a date that is none": "a: 2024-99-99",
    "no flag": "a: !!bool x",
    "no date": "a: !!timestamp x",
    "no number": "a: !!int ''",
    "too large": "a: " + "x" * 1_000_001,
    "a number too long": "a: " + "9" * 5000,
    "no resources": "a: b",
    "resources that are a list": "Resources: [a]",
    "a resource that is a text": "Resources: {F: x}",
    "a resource without a type": "Resources: {F: {}}",
    "a type that is a list": "Resources: {F: {Type: [x]}}",
    "properties that are a list": "Resources: {F: {Type: AWS::Lambda::Function, Properties: [x]}}",
    "globals that are a text": "Globals: x\nResources: {}",
    "globals of a text": "Globals: {Function: x}\nResources: {}",
    "globals with odd keys": "Globals: {Function: {Environment: {1: 2}}}\n" + HEAD
    + "      Environment: {Variables: {}}",
    "parameters that are a list": "Parameters: [x]\nResources: {}",
    "a parameter that is a text": "Parameters: {A: x}\nResources: {}",
    "no functions": "Resources: {Q: {Type: AWS::SQS::Queue}}",
    "two of one name": "Resources:\n" + "".join(
        f"  {name}: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: same, "
        f"{MINIMAL[1:]}}}\n" for name in "AB"
    ),
}  # fmt: skip


@pytest.mark.parametrize("levels", [200, 600, 5000, 50_000])
def test_a_deep_template_in_json_is_refused(tmp_path: Path, levels: int) -> None:
    path = tmp_path / "template.json"
    variables = f'{{"ABC": {"[" * levels}{"]" * levels}}}'
    properties = f'{{"Environment": {{"Variables": {variables}}}}}'
    path.write_text(
        f'{{"Resources": {{"F": {{"Type": "AWS::Lambda::Function", "Properties": {properties}}}}}}}'
    )
    with pytest.raises(ConfigurationError, match=r"template\.json: .*is nested too deeply"):
        read(path)


def test_where_it_is_no_yaml_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(template(tmp_path, "Resources:\n  A: {}\n  : [b"))
    said = str(caught.value).partition("YAML not well-formed. ")[2]
    assert said == "(line 3, column 3: expected <block end>, but found ':')"


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    path = template(tmp_path, GARBAGE[name])
    with pytest.raises(ConfigurationError, match=r"template\.yaml") as caught:
        read(path)
    assert len(str(caught.value)) < 1000
    assert not Path("/tmp/owned").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1, "a": 2}', "[" * 100_000, "9" * 5000, '{"a": \x01}']
)
def test_json_garbage_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"template\.json"):
        read(template(tmp_path, text, "template.json"))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        read(tmp_path)


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        read(tmp_path / "missing")


@pytest.mark.parametrize(
    ("file", "text", "handler", "runtime"),
    [
        ("app.py", "def handler(event, context): pass", "app.handler", "python3.12"),
        ("lambda_function.py", "def lambda_handler(e, c): pass", "lambda_function.lambda_handler",
         "python3.12"),
        ("handler.py", "import x\nhandler = x.make()", "handler.handler", "python3.12"),
        ("main.py", "async def handler(e, c): pass", "main.handler", "python3.12"),
        ("main.py", "handler: Callable = x", "main.handler", "python3.12"),
        ("index.js", "exports.handler = async () => 1", "index.handler", "nodejs20.x"),
        ("index.js", "module.exports = {\n  handler,\n}", "index.handler", "nodejs20.x"),
        ("index.js", "module.exports.lambda_handler = 1", "index.lambda_handler", "nodejs20.x"),
        ("index.mjs", "export const handler = 1", "index.handler", "nodejs20.x"),
        ("index.mjs", "export async function handler() {}", "index.handler", "nodejs20.x"),
        ("index.mjs", "export {\n  x as y,\n  handler };", "index.handler", "nodejs20.x"),
    ],
)  # fmt: skip
def test_conventional_files(
    tmp_path: Path, file: str, text: str, handler: str, runtime: str
) -> None:
    folder = tmp_path / "my-function"
    folder.mkdir()
    (folder / file).write_text(text)
    expected = FunctionDeclaration(
        name="my-function", folder=folder, handler=handler, runtime=runtime, memory_mb=1769
    )
    assert read(tmp_path) == (expected,)
    assert read(folder) == read(tmp_path), "the folder itself counts, too"


def test_what_is_no_function_by_convention(tmp_path: Path) -> None:
    for name, text in {
        "node_modules/index.js": "exports.handler = 1",
        ".hidden/app.py": "def handler(e, c): pass",
        "helpers/app.py": "def handle(e, c): pass\n# def handler(e, c)\n    def handler(x): pass",
        "deep/er/app.py": "def handler(e, c): pass",
        "other/tool.py": "def handler(e, c): pass",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"holds no function.*app\.py.*lambda_handler"):
        read(tmp_path)


def test_second_conventional_file_counts_where_the_first_has_no_handler(tmp_path: Path) -> None:
    (tmp_path / "code/app.py").write_text("x = 1")
    (tmp_path / "code/main.py").write_text("def lambda_handler(e, c): pass")
    assert read(tmp_path)[0].handler == "main.lambda_handler"


def test_a_link_is_followed_to_the_code(tmp_path: Path) -> None:
    (tmp_path / "elsewhere/code").mkdir(parents=True)
    (tmp_path / "elsewhere/code/app.py").write_text("def handler(e, c): pass")
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions/linked").symlink_to(tmp_path / "elsewhere/code")
    (found,) = read(tmp_path / "functions")
    assert (found.name, found.folder) == ("linked", tmp_path / "elsewhere/code")


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        if path.parent.name == "code":
            raise PermissionError(13, "Permission denied")
        return False

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(ConfigurationError, match="code can't be read: Permission denied"):
        read(tmp_path)


def test_a_file_that_windows_marked_as_unicode_is_read(tmp_path: Path) -> None:
    (tmp_path / "code/app.py").write_text("\ufeffdef handler(e, c):\r\n  pass\r\n", newline="")
    assert read(tmp_path)[0].handler == "app.handler"


def test_folder_whose_name_can_be_no_function(tmp_path: Path) -> None:
    (tmp_path / "my function").mkdir()
    (tmp_path / "my function/app.py").write_text("def handler(e, c): pass")
    (tmp_path / ("n" * 65)).mkdir()
    (tmp_path / ("n" * 65) / "app.py").write_text("def handler(e, c): pass")
    with pytest.raises(ConfigurationError, match=r"my function can't name .*; .*nnn can't name"):
        read(tmp_path)
    (tmp_path / "code/app.py").write_text("def handler(e, c): pass")
    found = templates.read(tmp_path)
    assert [function.name for function in found.functions] == ["code"]
    assert [why.partition(" can't name")[0] for why in found.left_out] == [
        str(tmp_path / "my function"),
        str(tmp_path / ("n" * 65)),
    ]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("AWS::Serverless::Function", "ImageUri: my/image:1"),
        ("AWS::Lambda::Function", "Code: {ImageUri: 'my/image:1'}"),
    ],
)
def test_an_image(tmp_path: Path, kind: str, code: str) -> None:
    text = f"""
Resources:
  F:
    Type: {kind}
    Properties:
      PackageType: Image
      {code}
      ImageConfig: {{Command: [a.b], EntryPoint: [x, y], WorkingDirectory: /w}}
"""
    (found,) = read(template(tmp_path, text))
    assert (found.image, found.folder, found.runtime, found.ignored) == ("my/image:1", None, "", ())
    assert found.image_config is not None
    assert found.image_config.command == ("a.b",)
    assert found.image_config.entrypoint == ("x", "y")
    assert found.image_config.working_directory == "/w"


def test_resources_that_are_not_made_are_named(tmp_path: Path) -> None:
    text = f"""{HEAD}      {MINIMAL}
  Table: {{Type: AWS::DynamoDB::Table}}
  Api: {{Type: AWS::Serverless::Api, Properties: {{StageName: prod}}}}
  Role: {{Type: AWS::IAM::Role}}
  Allowed: {{Type: AWS::Lambda::Permission}}
  Logs: {{Type: AWS::Logs::LogGroup}}
  Queue: {{Type: AWS::SQS::Queue}}
"""
    found = templates.read(template(tmp_path, text))
    assert found.not_made == ("Table (AWS::DynamoDB::Table)", "Api (AWS::Serverless::Api)")


def test_code_is_not_taken_for_a_template(tmp_path: Path) -> None:
    path = template(tmp_path, "def handler(event, context): pass", "app.py")
    with pytest.raises(ConfigurationError, match="give the folder that holds it"):
        read(path)
