"""The options that JVMs are started with, and AWS's client for them."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.driver.languages import java, java_client, java_stem_cell
from emulator.driver.languages.base import EMPTY, Interpreter
from emulator.driver.languages.java import LANGUAGE as JAVA
from emulator.driver.process.driver import ProcessDriver
from emulator.model.console import SilentConsole
from emulator.model.debugging import DEBUG
from emulator.model.errors import DriverFault
from tests.needs import need

JDK = Interpreter(JAVA, 17, Path("/jdk/bin/java"))
MEMORY = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}


def test_the_heap_is_the_share_of_memory_that_it_is_on_aws() -> None:
    assert "-XX:MaxHeapSize=445644k" in JAVA.options(JDK, MEMORY)
    assert "-XX:TieredStopAtLevel=1" in JAVA.options(JDK, MEMORY)
    assert "-XX:+UseSerialGC" in JAVA.options(JDK, MEMORY)


@pytest.mark.parametrize(
    ("stated", "left_out"),
    [
        ("-Xmx100m", "-XX:MaxHeapSize"),
        ("-XX:MaxRAMPercentage=50", "-XX:MaxHeapSize"),
        ("-XX:+UseG1GC", "-XX:+UseSerialGC"),
        ("-XX:-TieredCompilation", "-XX:TieredStopAtLevel"),
    ],
)
def test_what_the_user_states_is_left_to_them(stated: str, left_out: str) -> None:
    options = JAVA.options(JDK, {**MEMORY, "JAVA_TOOL_OPTIONS": stated})
    assert not [option for option in options if option.startswith(left_out)]


def test_options_that_cannot_be_taken_apart_are_java_s_to_refuse() -> None:
    assert JAVA.options(JDK, {**MEMORY, "JAVA_TOOL_OPTIONS": "-Da='"})


def test_temporary_files_are_the_sandbox_s_own_where_it_has_no_namespaces() -> None:
    own = {"LAMBDA_TASK_ROOT": "/code", "TMPDIR": "/sandbox/tmp"}
    assert "-Djava.io.tmpdir=/sandbox/tmp" in JAVA.options(JDK, own)
    shown = {"LAMBDA_TASK_ROOT": "/var/task", "TMPDIR": "/mine"}
    assert not [each for each in JAVA.options(JDK, shown) if "tmpdir" in each]


def test_a_debugger_has_its_port_unless_another_environment_has_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert not [each for each in JAVA.options(JDK, {DEBUG: str(port)}) if "jdwp" in each]
    (option,) = [each for each in JAVA.options(JDK, {DEBUG: f"{port},wait"}) if "jdwp" in each]
    assert option.endswith(f"server=y,suspend=y,address=127.0.0.1:{port}")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for Maven Central; nothing is kept on this machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(java_client, "CENTRAL", (tmp_path / "central").as_uri())
    jar = java_client.Jar("some.group", "it", "1", hashlib.sha256(b"jar").hexdigest())
    monkeypatch.setattr(java_client, "JARS", (jar,))
    place = tmp_path / "central" / jar.path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"jar")
    return place


def install() -> None:
    asyncio.run(java_client.install(JDK, SilentConsole()))


def test_the_client_is_fetched_once(elsewhere: Path) -> None:
    install()
    elsewhere.unlink()
    install()
    assert (java_client.folder() / "it-1.jar").read_bytes() == b"jar"


def test_a_client_that_is_another_is_refused(elsewhere: Path) -> None:
    elsewhere.write_bytes(b"other")
    with pytest.raises(DriverFault, match="SHA-256 differs"):
        install()
    assert not java_client.folder().exists()


def test_where_it_cannot_be_had_the_way_out_is_said(elsewhere: Path) -> None:
    elsewhere.unlink()
    with pytest.raises(DriverFault, match=r"mvn dependency:get -Dartifact=some\.group:it:1"):
        install()


def test_what_maven_has_here_is_not_fetched(elsewhere: Path, tmp_path: Path) -> None:
    jar = java_client.JARS[0]
    kept = tmp_path / "home/.m2/repository" / jar.path
    kept.parent.mkdir(parents=True)
    elsewhere.rename(kept)
    install()
    assert (java_client.folder() / jar.file).read_bytes() == b"jar"


async def test_a_download_that_breaks_off_is_told_of(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\njar")
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr(java_client, "CENTRAL", f"http://127.0.0.1:{port}")
        with pytest.raises(DriverFault, match=r"IncompleteRead.*mvn dependency:get"):
            await java_client.install(JDK, SilentConsole())


async def test_who_waits_for_a_thread_gets_its_error_whatever_it_is() -> None:
    def fail(jar: java_client.Jar) -> bytes:
        raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError, match="unforeseen"):
        await java_client._unhindered(fail, java_client.CLIENT)


@pytest.fixture
async def hole(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Set when the client is fetched from a server that never answers."""
    asked, over = asyncio.Event(), asyncio.Event()

    async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await over.wait()
        writer.close()

    async with await asyncio.start_server(be_silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr(java_client, "CENTRAL", f"http://127.0.0.1:{port}")
        yield asked
        over.set()


async def test_nobody_waits_for_what_is_fetched_for_a_start_that_was_given_up(
    hole: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java_client, "_FETCH_S", None)
    installing = asyncio.create_task(java_client.install(JDK, SilentConsole()))
    await hole.wait()
    installing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await installing
    assert list(java_client.folder().parent.iterdir()) == []
    await asyncio.get_running_loop().shutdown_default_executor()


async def test_who_waits_for_it_is_told_when_the_emulator_ends(
    hole: asyncio.Event, tmp_path: Path
) -> None:
    need("java")
    driver = ProcessDriver(state=tmp_path / "state", isolation="none")
    await driver.open()
    preparing = asyncio.create_task(driver.prepare("java17", "x86_64"))
    await hole.wait()
    driver.wind_down()
    with pytest.raises(DriverFault, match="the emulator ends"):
        await preparing
    await driver.close()


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """JVMs can be started ahead of use, on a machine that has AWS's locale."""
    monkeypatch.setattr(java_stem_cell, "is_there", lambda: True)
    monkeypatch.setattr(java, "_lacks_locale", lambda: False)


@pytest.mark.usefixtures("cell")
def test_jvms_of_one_memory_size_are_of_one_kind() -> None:
    kind = JAVA.stem(JDK, MEMORY)
    assert kind.runtime
    assert "-XX:MaxHeapSize=445644k" in kind.options
    assert JAVA.stem(JDK, {**MEMORY, "LANG": "en_US.UTF-8", "OWN": "1"}) == kind
    assert JAVA.stem(JDK, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}) != kind
    assert JAVA.stem(JDK, {**MEMORY, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}) != kind


@pytest.mark.usefixtures("cell")
def test_a_jvm_ahead_of_use_starts_with_the_user_s_options() -> None:
    own = "-XX:+TieredCompilation -Dlevel=3 -Xss512k -XX:MaxMetaspaceSize=64m -ea"
    own += " --add-opens=java.base/java.util=ALL-UNNAMED -Djava.net.preferIPv4Stack=true"
    kind = JAVA.stem(JDK, {**MEMORY, "JAVA_TOOL_OPTIONS": own})
    assert kind.variables == (("JAVA_TOOL_OPTIONS", own),)
    assert "-XX:TieredStopAtLevel=1" not in kind.options


@pytest.mark.usefixtures("cell")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JAVA_TOOL_OPTIONS", "-javaagent:/opt/agent.jar"),
        ("JAVA_TOOL_OPTIONS", "-agentlib:mine"),
        ("JAVA_TOOL_OPTIONS", "@options"),
        ("JAVA_TOOL_OPTIONS", "-XX:SharedArchiveFile=mine.jsa"),
        ("JAVA_TOOL_OPTIONS", "-XX:AOTCache=mine.aot"),
        ("JAVA_TOOL_OPTIONS", "-XX:Flags=mine"),
        ("JAVA_TOOL_OPTIONS", "--patch-module=java.base=mine.jar"),
        ("JAVA_TOOL_OPTIONS", "-Djava.security.properties=mine"),
        ("JAVA_TOOL_OPTIONS", "-Dcom.sun.management.jmxremote.port=9010"),
        ("JAVA_TOOL_OPTIONS", "-Xrunjdwp:transport=dt_socket,server=y,suspend=y,address=5005"),
        ("JAVA_TOOL_OPTIONS", "-XX:StartFlightRecording=duration=60s"),
        ("JAVA_TOOL_OPTIONS", "-verbose:class"),
        ("JAVA_TOOL_OPTIONS", "-Da='b -XX:+c'"),
        ("LANG", "de_DE.UTF-8"),
        ("LC_TIME", "fr_FR"),
        ("LAMBDA_TASK_ROOT", "/code"),
        (DEBUG, "5005"),
    ],
)
def test_no_jvm_ahead_of_use_serves_what_it_cannot_know(name: str, value: str) -> None:
    assert JAVA.stem(JDK, {**MEMORY, name: value}) == EMPTY


def test_without_a_compiler_jvms_start_when_they_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asyncio.run(java_stem_cell.install(JDK, SilentConsole()))
    assert not java_stem_cell.is_there()
    assert JAVA.stem(JDK, MEMORY) == EMPTY


def test_a_machine_without_aws_s_locale_has_another_unless_the_function_states_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(java, "_lacks_locale", lambda: True)
    other = {"LC_ALL": "C.UTF-8"}
    assert JAVA.at_start({"LANG": "en_US.UTF-8"}) == other
    assert JAVA.at_start({"LANG": "de_DE.UTF-8"}) == {}
    assert JAVA.at_start({"LC_ALL": "POSIX"}) == {}
    assert "-Duser.country=US" in JAVA.options(JDK, other)
    assert "-Duser.country=US" not in JAVA.options(JDK, {})
