"""The options that JVMs are started with, and AWS's client for them."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from pathlib import Path

import pytest

from emulator.driver.languages import java_client
from emulator.driver.languages.base import Interpreter
from emulator.driver.languages.java import LANGUAGE as JAVA
from emulator.model.console import SilentConsole
from emulator.model.debugging import DEBUG
from emulator.model.errors import DriverFault

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
