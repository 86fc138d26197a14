"""The benchmark of Java's cold starts: from a JVM that was started ahead of use, and without one.

Both emulators run side by side and are called in turns. The floor is a JVM alone, from its start to
its end, with the same options: what nobody who starts one for the call can do without.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulator.driver.process.interpreters import choose
from tests.benchmarks.bench_invoke import _HANDLER, call, emulator, write_functions
from tests.benchmarks.bench_snapstart import _client
from tests.benchmarks.figures import Row, at_most, run

_RUNTIME = "java21"
_ROUNDS = 9
#: One processor: with less memory a call has a part of one, as on AWS.
_MEMORY_MB = 1769
#: Seconds in which a JVM is started ahead of use, while nobody calls.
_QUIET_S = 3.0
_SOURCE = """
import java.util.Map;

public class Hello {
    public Map<String, Object> handle(Map<String, Object> event) {
        return Map.of("statusCode", 200, "saw", event.size());
    }
}
"""


def archive(java: Path, folder: Path) -> bytes:
    """Return the zip of a function, compiled by a JDK."""
    (folder / "Hello.java").write_text(_SOURCE)
    compiler = [str(java.with_name("javac")), "--release", "17"]
    subprocess.run([*compiler, "-d", str(folder), str(folder / "Hello.java")], check=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.write(folder / "Hello.class", "Hello.class")
    return buffer.getvalue()


def deploy(port: int, code: bytes) -> None:
    """Create the function, and see that it answers."""
    client = _client(port)
    client.create_function(
        FunctionName="java",
        Runtime=_RUNTIME,
        Handler="Hello::handle",
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": code},
        MemorySize=_MEMORY_MB,
        Timeout=30,
    )
    client.get_waiter("function_active_v2").wait(FunctionName="java")
    answer = client.invoke(FunctionName="java", Payload=b'{"name": "you"}')
    if b"200" not in answer["Payload"].read():
        raise SystemExit("the function does not answer")


def first_call(port: int) -> float:
    """Return how many milliseconds the first call of an environment takes."""
    call(port, "POST", "/_emulator/evict?function=java")
    time.sleep(_QUIET_S)
    began = time.perf_counter()
    call(port, "POST", "/2015-03-31/functions/java/invocations", b'{"name": "you"}')
    return (time.perf_counter() - began) * 1000


def jvm_alone(java: Path) -> float:
    """Return how many milliseconds a JVM takes from its start to its end."""
    options = [f"-Xmx{_MEMORY_MB}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    began = time.perf_counter()
    subprocess.run([java, *options, "-version"], check=True, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def measure() -> dict[str, Any]:
    """Return all figures, milliseconds."""
    interpreter = choose(_RUNTIME).interpreter
    assert interpreter is not None
    found: dict[str, list[float]] = {"ahead": [], "alone": [], "floor": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "functions").mkdir()
        write_functions(folder / "functions", {"hello": _HANDLER})
        code = archive(interpreter.executable, folder)
        with (
            emulator(folder / "functions") as (ahead, _, _),
            emulator(folder / "functions", "--stem-cells", "0") as (alone, _, _),
        ):
            for port in (ahead, alone):
                deploy(port, code)
            for _ in range(_ROUNDS):
                found["ahead"].append(first_call(ahead))
                found["alone"].append(first_call(alone))
                found["floor"].append(jvm_alone(interpreter.executable))
    medians: dict[str, Any] = {
        kind: round(statistics.median(values), 1) for kind, values in found.items()
    }
    return medians | {"release": interpreter.release}


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    title = f"Java {figures['release']}: first invoke, from a JVM that was started ahead of use"
    without = f"without {figures['alone']} ms, a JVM alone to its end {figures['floor']} ms"
    yield Row(title, f"{figures['ahead']} ms ({without})")
    part = round(figures["ahead"] / figures["alone"], 2)
    yield at_most("the same, as a part of the time without", part, 0.7, "times")


def main() -> None:
    run("java", lambda it: measure())


if __name__ == "__main__":
    main()
