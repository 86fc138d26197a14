"""Java and Ruby functions run as processes: what they see, log and answer, and how they fail."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from emulator.driver.languages import java_stem_cell
from emulator.driver.languages.dotnet import LANGUAGE as DOTNET
from emulator.driver.process.interpreters import find
from emulator.settings import Settings
from tests.acceptance.test_faults import Call, again, whole_log
from tests.api.conftest import Running, create, zip_of
from tests.needs import need
from tests.patience import PATIENCE_S, until

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
SEES = """
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TimeZone;
import java.util.TreeMap;

public class Sees {
    public Map<String, Object> handle(Map<String, Object> event) throws Exception {
        Map<String, Object> seen = new TreeMap<>();
        seen.put("environment", new TreeMap<>(System.getenv()));
        seen.put("properties", new TreeMap<>(System.getProperties()));
        // Before there is a child, whose number is in the name of a thread until it is reaped.
        seen.put("threads", Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName).sorted().toList());
        seen.put("child", out("/bin/sh", "-c", "pwd; echo $OWN; ls /proc/self/fd | wc -l"));
        seen.put("file", new File("Sees.class").exists() && Files.exists(Path.of("Sees.class")));
        seen.put("zone", TimeZone.getDefault().getID());
        seen.put("heap", Runtime.getRuntime().maxMemory());
        seen.put("ahead", new String(Files.readAllBytes(Path.of("/proc/self/cmdline")))
            .contains("StemCell"));
        return seen;
    }

    static String out(String... words) throws Exception {
        return new String(new ProcessBuilder(words).start().getInputStream().readAllBytes());
    }
}
"""
MAPS = """
import java.nio.file.Files;
import java.nio.file.Path;

public class Maps {
    public String handle(Object event) throws Exception {
        return new String(Files.readAllBytes(Path.of("/proc/self/maps")));
    }
}
"""
#: Properties that are another at each start, or say how the JVM was started.
OWN_TO_A_START = (
    "com.amazonaws.xray.traceHeader",
    "com.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI",
)
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
        timeout=PATIENCE_S,
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in out.rglob("*.class"):
            archive.write(path, path.relative_to(out))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    running = Running(Settings(port=0, cpu_limit="none"))
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
    create(client, "java", Handler="Hello::handle", Timeout=60, Environment=own, **fields)
    create(client, "broken", Handler="Broken::handle", Timeout=60, **fields)
    client.get_waiter("function_active_v2").wait(FunctionName="java")
    return "java"


@pytest.fixture(scope="module")
def ruby(client: Any) -> str:
    """The name of a Ruby function."""
    need("ruby")
    code = {"ZipFile": zip_of(app__rb=RUBY)}
    own = {"Variables": {"OWN": "mine"}}
    create(
        client, "ruby", Runtime="ruby3.4", Code=code, Timeout=60, MemorySize=256, Environment=own
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


def test_a_jvm_that_was_started_ahead_of_use_is_as_another(tmp_path: Path) -> None:
    def seen(stem_cells: int) -> dict[str, Any]:
        running = Running(Settings(port=0, cpu_limit="none", stem_cells=stem_cells))
        try:
            client = running.client("lambda")
            own = {"Variables": {"OWN": "ü", "TZ": "Asia/Tokyo"}}
            fields: dict[str, Any] = {"Runtime": "java17", "MemorySize": 256, "Timeout": 60}
            fields |= {"Code": {"ZipFile": code}, "Environment": own}
            create(client, "sees", Handler="Sees::handle", **fields)
            client.get_waiter("function_active_v2").wait(FunctionName="sees")
            answer: dict[str, Any] = again(client, "sees").payload
            end = time.monotonic() + PATIENCE_S
            while stem_cells and not answer["ahead"]:
                assert time.monotonic() < end, "none was started ahead of use"
                time.sleep(0.2)
                evict = f"{running.url}/_emulator/evict?function=sees"
                urllib.request.urlopen(urllib.request.Request(evict, method="POST")).close()
                answer = again(client, "sees").payload
            return answer
        finally:
            running.stop()

    if os.geteuid() != 0:
        pytest.skip("needs namespaces, which root has")
    code = classes(tmp_path, Sees=SEES)
    ahead, alone = seen(1), seen(0)
    assert (ahead.pop("ahead"), alone.pop("ahead")) == (True, False)
    assert ahead["child"].startswith("/var/task\nü\n")
    assert ahead["file"]
    assert ahead["zone"] == "Asia/Tokyo"
    for each in (ahead, alone):
        for name in OWN_TO_A_START:
            each["properties"].pop(name, None)
        # Ports, keys and the like are each start's own.
        each["environment"] = sorted(each["environment"])
    assert ahead["properties"] == alone["properties"]
    assert ahead == alone


@pytest.mark.parametrize("words", [["-version"], ["-cp", "nowhere", "Nothing"]])
def test_java_starts_when_it_is_needed_where_it_cannot_be_started_ahead_of_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(java_stem_cell, "is_there", lambda: True)
    monkeypatch.setattr(java_stem_cell, "command", lambda classpath: words)
    code = classes(tmp_path, Hello=JAVA)
    running = Running(Settings(port=0, cpu_limit="none", stem_cells=1))
    try:
        client = running.client("lambda")
        fields = {"Runtime": "java17", "MemorySize": 256, "Code": {"ZipFile": code}}
        create(client, "java", Handler="Hello::handle", Timeout=60, **fields)
        client.get_waiter("function_active_v2").wait(FunctionName="java")
        for _ in range(2):
            assert again(client, "java").payload["calls"] == 1
            assert again(client, "java", {"exit": 1}).error == "Unhandled"
    finally:
        running.stop()


def test_the_first_java_function_of_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What all Java functions share is made, and this one has it."""
    # Not below /tmp, which a sandbox has for itself.
    with TemporaryDirectory(dir=Path.home(), prefix=".localfaas-test-") as cache:
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
        running = Running(Settings(port=0, cpu_limit="none", stem_cells=0))
        try:
            client = running.client("lambda")
            code = {"ZipFile": classes(Path(cache), Maps=MAPS)}
            fields = {"Runtime": "java17", "MemorySize": 256, "Timeout": 60, "Code": code}
            create(client, "maps", Handler="Maps::handle", **fields)
            client.get_waiter("function_active_v2").wait(FunctionName="maps")
            mapped = again(client, "maps").payload
        finally:
            running.stop()
        assert re.search(r"/java-client-\w+/classes-\w+\.jsa$", mapped, re.MULTILINE)
        assert java_stem_cell.folder().is_dir()


def test_java_errors_exits_and_timeouts(client: Any, java: str) -> None:
    failed = again(client, java, {"raise": 1})
    assert failed.error == "Unhandled"
    assert failed.payload["errorType"] == "java.lang.IllegalStateException"
    assert failed.payload["errorMessage"] == "asked for"
    assert failed.payload["stackTrace"][0].startswith("Hello.handle(Hello.java:")
    assert again(client, java, {"exit": 1}).payload["errorType"] == "Runtime.ExitError"
    client.update_function_configuration(FunctionName=java, Timeout=10)
    client.get_waiter("function_updated_v2").wait(FunctionName=java)
    again(client, java)
    assert (
        "Task timed out after 10.00 seconds"
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
    create(client, "absent", Timeout=60, MemorySize=512, **fields)
    failed = again(client, "absent")
    assert failed.payload["errorType"] == "java.lang.ClassNotFoundException"
    assert failed.payload["errorMessage"] == "Class not found: Nowhere"


def test_the_options_of_java_are_the_users(client: Any, emulator: Running, java: str) -> None:
    own = {"Variables": {"JAVA_TOOL_OPTIONS": "-Xmx64m -Dgreeting=hi"}}
    code = client.get_function(FunctionName=java)["Configuration"]["CodeSha256"]
    client.update_function_configuration(FunctionName=java, Environment=own, Timeout=60)
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
    properties |= {"Handler": "Greeter::greet", "MemorySize": 512, "Timeout": 60, "Role": ROLE}
    function = {"Type": "AWS::Lambda::Function", "Properties": properties}
    (tmp_path / "template.json").write_text(json.dumps({"Resources": {"Greeter": function}}))
    first, second = (greeter.replace("WORD", f'"{word}, "') for word in ("Hello", "Bonjour"))
    jar.write_bytes(classes(tmp_path, Greeter=first))
    running = Running(Settings(port=0, cpu_limit="none", functions=(tmp_path,)))
    try:
        client = running.client("lambda")
        assert again(client, "greeter", "you").payload == "Hello, you"
        jar.write_bytes(classes(tmp_path, Greeter=second))
        until(lambda: again(client, "greeter", "you").payload == "Bonjour, you")
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
    assert 0 < first["left"] <= 60_000
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
    client.update_function_configuration(FunctionName=ruby, Timeout=10)
    client.get_waiter("function_updated_v2").wait(FunctionName=ruby)
    assert (
        "Task timed out after 10.00 seconds"
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
    create(client, name, Timeout=60, **fields)
    failed = again(client, name)
    assert failed.error == "Unhandled"
    assert failed.payload["errorType"] == kind
    assert message in failed.payload["errorMessage"]


def test_a_ruby_method_of_a_class(client: Any) -> None:
    need("ruby")
    code = {"ZipFile": zip_of(app__rb=RUBY)}
    create(client, "greeter", Runtime="ruby3.2", Handler="app.Greeter.greet", Code=code, Timeout=60)
    assert again(client, "greeter", {"name": "Ada"}).payload == "Hello, Ada"


def test_what_dotnet_needs_is_said(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(DOTNET), "candidates", lambda _: iter(()))
    find.cache_clear()
    create(client, "dotnet", Runtime="dotnet8", Handler="A::B::C", Timeout=5)
    with pytest.raises(client.exceptions.ServiceException) as failed:
        Call(client.invoke(FunctionName="dotnet", LogType="Tail"))
    find.cache_clear()
    said = "dotnet8 needs .NET 8, and no .NET was found on this machine."
    assert f"{said} Install it, or use --driver docker." in str(failed.value)
