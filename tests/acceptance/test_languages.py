"""Java and Ruby functions run as processes: what they see, log and answer, and how they fail."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import Settings
from tests.acceptance.test_faults import Call, again, whole_log
from tests.api.conftest import Running, create, zip_of
from tests.needs import need

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs a Runtime API that tells who calls"),
]

JAVA = """
import java.util.LinkedHashMap;
import java.util.Map;

public class Hello {
    static int calls = 0;

    public Map<String, Object> handle(Map<String, Object> event) throws Exception {
        if (event.containsKey("raise")) throw new IllegalStateException("asked for");
        if (event.containsKey("exit")) System.exit(3);
        if (event.containsKey("sleep")) Thread.sleep(60_000);
        System.out.println("two\\nlines");
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("calls", ++calls);
        seen.put("event", event);
        seen.put("folder", System.getProperty("user.dir"));
        seen.put("runtime", System.getenv("AWS_EXECUTION_ENV"));
        seen.put("heapMb", Runtime.getRuntime().maxMemory() >> 20);
        seen.put("own", System.getenv("OWN"));
        return seen;
    }
}
"""
ROLE = "arn:aws:iam::000000000000:role/r"
BROKEN_JAVA = """
public class Broken {
    static { if (true) throw new IllegalStateException("no start"); }
    public String handle(String event) { return event; }
}
"""
RUBY = """
require 'logger'
LOG = Logger.new($stdout)
$calls = 0
def handler(event:, context:)
  raise ArgumentError, 'asked for' if event['raise']
  exit 3 if event['exit']
  exit!(3) if event['leave']
  sleep 60 if event['sleep']
  LOG.info("two\\nlines")
  {calls: $calls += 1, event: event, folder: Dir.pwd, runtime: ENV['AWS_EXECUTION_ENV'],
   id: context.aws_request_id, memory: context.memory_limit_in_mb,
   left: context.get_remaining_time_in_millis, own: ENV['OWN']}
end
class Greeter
  def self.greet(event:, context:) = "Hello, #{event['name']}"
end
"""


def classes(folder: Path, **sources: str) -> bytes:
    """Return an archive with compiled classes, as a jar has them."""
    for name, text in sources.items():
        (folder / f"{name}.java").write_text(text)
    out = folder / "out"
    subprocess.run(
        [need("javac"), "--release", "17", "-d", out, *folder.glob("*.java")],
        check=True,
        timeout=120,
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in out.rglob("*.class"):
            archive.write(path, path.relative_to(out))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    running = Running(Settings(port=0))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(emulator: Running) -> Any:
    return emulator.client("lambda")


@pytest.fixture(scope="module")
def java(client: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a Java function; "broken" is one, too."""
    code = classes(tmp_path_factory.mktemp("java"), Hello=JAVA, Broken=BROKEN_JAVA)
    fields = {"Runtime": "java17", "MemorySize": 512, "Code": {"ZipFile": code}}
    own = {"Variables": {"OWN": "mine"}}
    create(client, "java", Handler="Hello::handle", Timeout=10, Environment=own, **fields)
    create(client, "broken", Handler="Broken::handle", Timeout=10, **fields)
    client.get_waiter("function_active_v2").wait(FunctionName="java")
    return "java"


@pytest.fixture(scope="module")
def ruby(client: Any) -> str:
    """The name of a Ruby function."""
    need("ruby")
    code = {"ZipFile": zip_of(app__rb=RUBY)}
    own = {"Variables": {"OWN": "mine"}}
    create(
        client, "ruby", Runtime="ruby3.4", Code=code, Timeout=10, MemorySize=256, Environment=own
    )
    client.get_waiter("function_active_v2").wait(FunctionName="ruby")
    return "ruby"


def test_java_sees_what_it_sees_on_aws(client: Any, emulator: Running, java: str) -> None:
    first = again(client, java, {"a": "ü"}).payload
    assert first == {
        "calls": first["calls"],
        "event": {"a": "ü"},
        "folder": "/var/task" if os.geteuid() == 0 else first["folder"],
        "runtime": "AWS_Lambda_java17",
        "heapMb": first["heapMb"],
        "own": "mine",
    }
    assert 400 < first["heapMb"] < 440, "85 % of the function's memory"
    assert again(client, java).payload["calls"] == first["calls"] + 1, "it stays warm"
    logged = whole_log(emulator, java)
    assert logged.index("lines") == logged.index("two") + 1, "what is printed is logged by lines"


def test_java_errors_exits_and_timeouts(client: Any, java: str) -> None:
    failed = again(client, java, {"raise": 1})
    assert failed.error == "Unhandled"
    assert failed.payload["errorType"] == "java.lang.IllegalStateException"
    assert failed.payload["errorMessage"] == "asked for"
    assert failed.payload["stackTrace"][0].startswith("Hello.handle(Hello.java:")
    assert again(client, java, {"exit": 1}).payload["errorType"] == "Runtime.ExitError"
    client.update_function_configuration(FunctionName=java, Timeout=2)
    client.get_waiter("function_updated_v2").wait(FunctionName=java)
    again(client, java)
    assert (
        "Task timed out after 2.00 seconds"
        in again(client, java, {"sleep": 1}).payload["errorMessage"]
    )
    assert again(client, java).error is None


def test_a_java_class_that_cannot_be_initialised(client: Any, java: str) -> None:
    failed = again(client, "broken")
    assert failed.error == "Unhandled"
    assert failed.payload["errorType"] in (
        "java.lang.ExceptionInInitializerError", "java.lang.IllegalStateException",
    )  # fmt: skip
    code = {"ZipFile": zip_of(a__txt="")}
    fields = {"Runtime": "java17", "Handler": "Nowhere::handle", "Code": code}
    create(client, "absent", Timeout=10, MemorySize=512, **fields)
    failed = again(client, "absent")
    assert failed.payload["errorType"] == "java.lang.ClassNotFoundException"
    assert failed.payload["errorMessage"] == "Class not found: Nowhere"


def test_the_options_of_java_are_the_users(client: Any, emulator: Running, java: str) -> None:
    own = {"Variables": {"JAVA_TOOL_OPTIONS": "-Xmx64m -Dgreeting=hi"}}
    code = client.get_function(FunctionName=java)["Configuration"]["CodeSha256"]
    client.update_function_configuration(FunctionName=java, Environment=own, Timeout=10)
    client.get_waiter("function_updated_v2").wait(FunctionName=java)
    assert again(client, java).payload["heapMb"] <= 64
    assert any(
        line.startswith("Picked up JAVA_TOOL_OPTIONS: -Xmx64m")
        for line in whole_log(emulator, java)
    )
    assert client.get_function(FunctionName=java)["Configuration"]["CodeSha256"] == code


def test_a_jar_file_is_a_function_s_code_and_is_followed(tmp_path: Path) -> None:
    greeter = "public class Greeter { public String greet(String name) { return WORD + name; } }"
    (tmp_path / "target").mkdir()
    jar = tmp_path / "target/app.jar"
    properties: dict[str, Any] = {
        "FunctionName": "greeter",
        "Code": "target/app.jar",
        "Runtime": "java17",
    }
    properties |= {"Handler": "Greeter::greet", "MemorySize": 512, "Timeout": 10, "Role": ROLE}
    function = {"Type": "AWS::Lambda::Function", "Properties": properties}
    (tmp_path / "template.json").write_text(json.dumps({"Resources": {"Greeter": function}}))
    first, second = (greeter.replace("WORD", f'"{word}, "') for word in ("Hello", "Bonjour"))
    jar.write_bytes(classes(tmp_path, Greeter=first))
    running = Running(Settings(port=0, functions=(tmp_path,)))
    try:
        client = running.client("lambda")
        assert again(client, "greeter", "you").payload == "Hello, you"
        jar.write_bytes(classes(tmp_path, Greeter=second))
        end = time.monotonic() + 20
        while again(client, "greeter", "you").payload != "Bonjour, you":
            assert time.monotonic() < end, "the new code was not taken"
            time.sleep(0.05)
    finally:
        running.stop()


def test_ruby_sees_what_it_sees_on_aws(client: Any, emulator: Running, ruby: str) -> None:
    first = again(client, ruby, {"a": "ü"}).payload
    assert first == {
        "calls": first["calls"],
        "event": {"a": "ü"},
        "folder": "/var/task" if os.geteuid() == 0 else first["folder"],
        "runtime": "AWS_Lambda_ruby3.4",
        "id": first["id"],
        "memory": "256",
        "left": first["left"],
        "own": "mine",
    }
    assert 0 < first["left"] <= 10_000
    assert again(client, ruby).payload["calls"] == first["calls"] + 1, "it stays warm"
    logged = [line for line in whole_log(emulator, ruby) if "two" in line]
    assert f" INFO {first['id']} -- : two\nlines" in logged[0], "one message, with AWS's format"


def test_ruby_errors_exits_and_timeouts(client: Any, ruby: str) -> None:
    failed = again(client, ruby, {"raise": 1})
    assert failed.payload == {
        "errorMessage": "asked for",
        "errorType": "Function<ArgumentError>",
        "stackTrace": failed.payload["stackTrace"],
    }
    assert failed.payload["stackTrace"][0].endswith(
        ("app.rb:6:in `handler'", "app.rb:6:in 'Object#handler'")
    )
    assert again(client, ruby, {"exit": 1}).payload["errorType"] == "Function<SystemExit>"
    assert again(client, ruby, {"leave": 1}).payload["errorType"] == "Runtime.ExitError"
    client.update_function_configuration(FunctionName=ruby, Timeout=1)
    client.get_waiter("function_updated_v2").wait(FunctionName=ruby)
    assert (
        "Task timed out after 1.00 seconds"
        in again(client, ruby, {"sleep": 1}).payload["errorMessage"]
    )
    assert again(client, ruby).error is None


@pytest.mark.parametrize(
    ("name", "handler", "code", "kind", "message"),
    [
        ("rb-syntax", "app.handler", "def x(", "Init<SyntaxError>", "syntax error"),
        ("rb-absent", "nowhere.handler", "", "Init<LoadError>", "cannot load such file -- nowhere"),
        ("rb-form", "app", "", "Init<ArgumentError>", "must be of form FILENAME.METHOD"),
        ("rb-method", "app.other", "", "Function<NoMethodError>", "other"),
    ],
)  # fmt: skip
def test_a_ruby_function_that_cannot_be_found(
    client: Any, name: str, handler: str, code: str, kind: str, message: str
) -> None:
    need("ruby")
    fields = {"Runtime": "ruby3.3", "Handler": handler, "Code": {"ZipFile": zip_of(app__rb=code)}}
    create(client, name, Timeout=10, **fields)
    failed = again(client, name)
    assert failed.error == "Unhandled"
    assert failed.payload["errorType"] == kind
    assert message in failed.payload["errorMessage"]


def test_a_ruby_method_of_a_class(client: Any) -> None:
    need("ruby")
    code = {"ZipFile": zip_of(app__rb=RUBY)}
    create(client, "greeter", Runtime="ruby3.2", Handler="app.Greeter.greet", Code=code, Timeout=10)
    assert again(client, "greeter", {"name": "Ada"}).payload == "Hello, Ada"


def test_what_dotnet_needs_is_said(client: Any) -> None:
    create(client, "dotnet", Runtime="dotnet8", Handler="A::B::C", Timeout=5)
    with pytest.raises(client.exceptions.ServiceException) as failed:
        Call(client.invoke(FunctionName="dotnet", LogType="Tail"))
    said = str(failed.value)
    assert "Amazon.Lambda.RuntimeSupport" in said
    assert "--driver docker" in said
