"""SnapStart where a process can't be copied: a spare goes on, and the next one is initialised."""

from __future__ import annotations

import io
import json
import subprocess
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.driver.languages.java_client import CENTRAL
from tests.acceptance.drivers import settings
from tests.acceptance.test_snap_start import lines, settled
from tests.api.conftest import Running, create
from tests.api.test_admin import ask
from tests.needs import need
from tests.patience import PATIENCE_S, until

_ON = {"ApplyOn": "PublishedVersions"}
#: The library of hooks as AWS documents it for Java.
_CRAC = "org/crac/crac/1.4.0/crac-1.4.0.jar"

_NODE = """
const id = require("crypto").randomUUID();
const until = Date.now() + 200;
while (Date.now() < until);
exports.handler = async () => [id, process.env.AWS_LAMBDA_INITIALIZATION_TYPE];
"""

_CUSTOM = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
ran="init"
if [ "$AWS_LAMBDA_INITIALIZATION_TYPE" = snap-start ]; then
  ran="$ran before"
  curl -sS -o /dev/null "$api/restore/next"
  if [ -n "$BROKEN" ]; then
    curl -sS -o /dev/null -H "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError" \\
      -d '{"errorType": "Runtime.AfterRestoreError", "errorMessage": "no key"}' \\
      "$api/restore/error"
    exit 65
  fi
  ran="$ran after"
fi
while true; do
  headers=$(mktemp)
  curl -sS -o /dev/null -D "$headers" "$api/invocation/next"
  id=$(grep -i lambda-runtime-aws-request-id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -o /dev/null -d "\\"$ran\\"" "$api/invocation/$id/response"
done
"""

_JAVA = """
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class Hooked implements Resource {
  static final UUID ID = UUID.randomUUID();
  final List<String> ran = new ArrayList<>();

  public Hooked() { Core.getGlobalContext().register(this); }

  @Override public void beforeCheckpoint(Context<? extends Resource> context) {
    ran.add("before");
  }

  @Override public void afterRestore(Context<? extends Resource> context) {
    if (System.getenv("BROKEN") != null) throw new IllegalStateException("no key");
    ran.add("after");
  }

  public Map<String, Object> handle(Map<String, Object> event) {
    return Map.of("id", ID.toString(), "ran", ran,
        "kind", System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"));
  }
}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    running = Running(settings("process", snapstart_any=True))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(running: Running) -> Any:
    return running.client("lambda")


def archive(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o755 << 16
        opened.writestr(info, text)
    return buffer.getvalue()


def publish(client: Any, runtime: str, code: bytes, handler: str, **fields: Any) -> str:
    name = f"spare-{uuid.uuid4().hex[:8]}"
    create(
        client,
        name,
        Runtime=runtime,
        Handler=handler,
        Code={"ZipFile": code},
        SnapStart=_ON,
        **{"Timeout": 60, "MemorySize": 1769, **fields},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.publish_version(FunctionName=name)
    assert settled(client, name)["State"] == "Active"
    return name


def call(client: Any, name: str) -> Any:
    result = client.invoke(FunctionName=name, Qualifier="1")
    payload = json.loads(result["Payload"].read())
    assert "FunctionError" not in result, payload
    return payload


def called_anew(client: Any, running: Running, name: str) -> list[Any]:
    """Return the answers of two environments, each of them restored."""
    answers = []
    for _ in range(2):
        answers.append(call(client, name))
        # Those that still write their answer end when they have.
        assert ask(running, f"/_emulator/evict?function={name}&version=1", "POST")[0] == 200
    return answers


def assert_restored(running: Running, name: str, times: int) -> None:
    """Check the lines of a version that was initialised ahead of use and restored."""
    text = lines(running, name)
    assert any(each.startswith("INIT_REPORT Init Duration: ") for each in text)
    assert sum(each.startswith("RESTORE_START Runtime Version: ") for each in text) == times
    assert sum(each.startswith("RESTORE_REPORT Restore Duration: ") for each in text) == times
    reports = [each for each in text if each.startswith("REPORT ")]
    assert len(reports) == times
    for each in reports:
        assert "Init Duration" not in each
        assert "Billed Restore Duration: " in each
    said = f"{name}:1 is restored from a spare that is initialised ahead of use: "
    assert sum(each.startswith(said) for each in running.console.infos) == 1


def wait_for_spare(running: Running, name: str) -> None:
    """Wait until the next spare is there: what it takes is nobody's wait."""
    until(
        lambda: any(
            each.version.name == name and each.state.name == "SNAPSHOT"
            for each in list(running.emulator.pools.environments.values())
        ),
    )


def test_node_js_goes_on_from_a_spare(client: Any, running: Running) -> None:
    need("node")
    name = publish(client, "nodejs20.x", archive("index.js", _NODE), "index.handler")
    wait_for_spare(running, name)
    first, second = called_anew(client, running, name)
    # Each spare had an INIT of its own: what it drew is no other's.
    assert first[0] != second[0]
    assert first[1] == second[1] == "snap-start"
    assert_restored(running, name, 2)
    # Another one is initialised behind those that went.
    wait_for_spare(running, name)


def test_a_custom_runtime_is_restored_by_its_hooks(client: Any, running: Running) -> None:
    need("curl")
    name = publish(client, "provided.al2023", archive("bootstrap", _CUSTOM), "x")
    for answer in called_anew(client, running, name):
        assert answer == "init before after"
    assert_restored(running, name, 2)


def test_a_custom_runtime_whose_restore_fails_is_awss_400(client: Any, running: Running) -> None:
    need("curl")
    broken = {"Variables": {"BROKEN": "1"}}
    code = archive("bootstrap", _CUSTOM)
    name = publish(client, "provided.al2023", code, "x", Environment=broken)
    with pytest.raises(client.exceptions.SnapStartException) as caught:
        client.invoke(FunctionName=name, Qualifier="1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    text = "\n".join(lines(running, name))
    assert "Status: error\tError Type: Runtime.AfterRestoreError" in text


def test_latest_of_them_starts_as_ever(client: Any, running: Running) -> None:
    need("node")
    name = publish(client, "nodejs20.x", archive("index.js", _NODE), "index.handler")
    answer = client.invoke(FunctionName=name)
    assert json.loads(answer["Payload"].read())[1] == "on-demand"


def _compiled(folder: Path) -> bytes:
    """Return an archive of the Java function, with the library of hooks from Maven Central."""
    jar = folder / Path(_CRAC).name
    with urllib.request.urlopen(f"{CENTRAL}/{_CRAC}", timeout=PATIENCE_S) as answer:
        jar.write_bytes(answer.read())
    (folder / "Hooked.java").write_text(_JAVA)
    command: list[Any] = [need("javac"), "--release", "17", "-cp", jar, "-d", folder / "out"]
    subprocess.run([*command, folder / "Hooked.java"], check=True, timeout=PATIENCE_S)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for path in (folder / "out").rglob("*.class"):
            opened.write(path, path.relative_to(folder / "out"))
        opened.write(jar, f"lib/{jar.name}")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return _compiled(tmp_path_factory.mktemp("java"))


@pytest.mark.slow
def test_java_runs_its_hooks_by_awss_own_client(client: Any, running: Running, java: bytes) -> None:
    name = publish(client, "java17", java, "Hooked::handle", MemorySize=512)
    first, second = called_anew(client, running, name)
    for answer in (first, second):
        assert (answer["ran"], answer["kind"]) == (["before", "after"], "snap-start")
    assert first["id"] != second["id"]
    assert_restored(running, name, 2)


@pytest.mark.slow
def test_a_hook_of_java_that_fails_is_awss_400(client: Any, running: Running, java: bytes) -> None:
    broken = {"Variables": {"BROKEN": "1"}}
    name = publish(client, "java17", java, "Hooked::handle", MemorySize=512, Environment=broken)
    with pytest.raises(client.exceptions.SnapStartException) as caught:
        client.invoke(FunctionName=name, Qualifier="1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "Status: error" in "\n".join(lines(running, name))
